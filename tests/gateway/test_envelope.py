"""Envelopes: whatever is posted, the answer is one, and says what is wrong."""

import json
import re
from typing import Any

import orjson
import pytest
from medsettle import limits

from tests.gateway.till import EMPLOYEE, HOSPITAL, Till

_SIGN_IN = {"signIn": {"opter_no": "T001", "mac": "00-00-00-00-00-01", "ip": "127.0.0.1"}}


def test_an_answer_has_the_fields_of_the_interface(till: Till) -> None:
    """Numbers of answers differ; times are seventeen digits."""
    first, second = (till.ask("9001", _SIGN_IN) for _ in range(2))
    assert list(first) == [
        "infcode",
        "inf_refmsgid",
        "refmsg_time",
        "respond_time",
        "err_msg",
        "err_detail",
        "warn_msg",
        "cainfo",
        "signtype",
        "enctype",
        "output",
    ]
    assert re.fullmatch(r"110000\d{24}", first["inf_refmsgid"])
    assert first["inf_refmsgid"] != second["inf_refmsgid"]
    assert first["refmsg_time"] == "20240603100000000"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "is no JSON"),
        (b"{", "is no JSON"),
        (b"\xff\xfe{}", "is no JSON"),
        (b"[]", "list is no JSON object"),
        (b"null", "NoneType is no JSON object"),
        (b'{"a": NaN}', "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b'{"input": 1e999999999999999999999}', "has a number that no field holds"),
        (b"{}", "envelope.infno: missing"),
    ],
)
def test_what_is_no_envelope_is_refused(till: Till, body: bytes, said: str) -> None:
    """The answer is an envelope all the same."""
    answer = till.post(body)
    assert answer["infcode"] == -2
    assert answer["err_msg"].startswith("[INVALID_REQUEST]")
    assert said in answer["err_msg"]


def test_all_faults_are_told_together(till: Till) -> None:
    """Of the envelope, and of an input."""
    answer = till.post(b'{"infno": "9001", "msgid": "x", "fixmedins_code": "H1"}')
    assert "mdtrtarea_admvs" in answer["err_msg"]
    assert "msgid" in answer["err_msg"]
    refused = till.refused("2201", {"data": {"psn_no": EMPLOYEE, "begntime": "yesterday"}})
    assert "data.insutype: missing" in refused
    assert "'yesterday' is no date" in refused


def _with(till: Till, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return till.post(orjson.dumps({**till.envelope("9001", _SIGN_IN), **more}))


@pytest.mark.parametrize(
    ("msgid", "code"),
    [
        (f"{HOSPITAL}202406031000000001", 0),
        (f"{HOSPITAL}2024060310000000011", -2),
        (f"{HOSPITAL}2", 0),
        (HOSPITAL, -2),
        (f"X{HOSPITAL[1:]}202406031000000001", -2),
        (f"{HOSPITAL}2024-06-03-0001", -2),
    ],
)
def test_a_msgid_begins_with_its_institution(till: Till, msgid: str, code: int) -> None:
    """Thirty characters at most; shorter ones of clients in use are let pass with a warning."""
    answer = _with(till, msgid=msgid)
    assert answer["infcode"] == code
    formed = len(msgid) == limits.MSGID_CHARS
    assert ("[MSGID_FORM]" in answer["warn_msg"]) == (code == 0 and not formed)


def test_an_input_may_be_text(till: Till) -> None:
    """Clients send the input as JSON inside a text; a long one is let pass with a warning."""
    assert _with(till, input=json.dumps(_SIGN_IN))["infcode"] == 0
    blanks = " " * (limits.GATEWAY_INPUT_CHARS_MAX - len(json.dumps(_SIGN_IN)))
    at_bound = _with(till, msgid=till.msgid(), input=json.dumps(_SIGN_IN) + blanks)
    assert at_bound["warn_msg"] == ""
    beyond = _with(till, msgid=till.msgid(), input=json.dumps(_SIGN_IN) + blanks + " ")
    assert "[INPUT_LONG]" in beyond["warn_msg"]
    assert "is no JSON" in _with(till, input="{")["err_msg"]
    assert "list is no object" in _with(till, input=[])["err_msg"]


def test_what_is_no_transaction_is_named(till: Till) -> None:
    """An unknown number, and a path that names another one than the body."""
    assert till.refused("1999", {}).startswith("[TRANSACTION_UNKNOWN]")
    body = orjson.dumps(till.envelope("9001", _SIGN_IN))
    assert "sent to the path of 2207" in till.post(body, "2207")["err_msg"]


def test_names_that_drift_are_read(till: Till) -> None:
    """Spellings of other provinces mean the same."""
    said = till.envelope("9001", _SIGN_IN)
    said["mdtrtarea_admdvs"] = said.pop("mdtrtarea_admvs")
    assert till.post(orjson.dumps(said))["infcode"] == 0


def test_an_operator_signs_in_and_out(till: Till) -> None:
    """Nothing is done without a sign-in of the institution and the day."""
    number = till.sign_no
    till.sign_no = None
    assert till.refused("2601", {}).startswith("[NOT_SIGNED_IN]")
    till.sign_no = "no-such-number"
    assert till.refused("2601", {}).startswith("[NOT_SIGNED_IN]")
    till.sign_no = number
    assert till.refused("2601", {}).startswith("[INVALID_REQUEST]")
    till.done("9002", {"signOut": {"sign_no": number, "opter_no": "T001"}})
    assert till.refused("2601", {}).startswith("[NOT_SIGNED_IN]")
    other = Till(till.dispatch, till.loop, "H11000000002", sign_no=number)
    assert other.refused("2601", {}).startswith("[NOT_SIGNED_IN]")
