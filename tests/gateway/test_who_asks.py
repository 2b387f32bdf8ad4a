"""Who may ask: institutions of the directory, each for what is its own, under its own sign-in."""

from typing import Any

import orjson
import pytest
from medsettle.core.settlement import Opening
from medsettle.gateway.registry import transactions
from medsettle.gateway.signatures import Client

from tests.gateway.bills import admitted, credential
from tests.gateway.till import AREA, COMMUNITY, EMPLOYEE, HOSPITAL, RETIRED, Nodes, Till

_STRANGER = "H99999999999"
_DISEASE = {
    "psn_no": EMPLOYEE,
    "insutype": "310",
    "opsp_dise_code": "M03900",
    "opsp_dise_name": "示例病种",
    "begndate": "2024-01-01",
}


def _signed_out(till: Till, number: str | None, msgid: str | None = None) -> Nodes:
    return till.ask("9002", {"signOut": {"sign_no": number, "opter_no": "T001"}}, msgid)


# --- signing out --------------------------------------------------------------------------------


def test_nobody_signs_another_out(till: Till) -> None:
    """The number of another institution is not found, and its sign-in goes on."""
    other = till.at(COMMUNITY)
    refused = _signed_out(other, till.sign_no)

    assert refused["infcode"] == -2
    assert refused["err_msg"].startswith("[NOT_FOUND]")
    till.done("1101", {"data": credential(EMPLOYEE)})


def test_a_sign_out_is_answered_again(till: Till) -> None:
    """Under its msgid it is told as it was; under another there is nothing left to end."""
    msgid = till.msgid()
    first, again = (_signed_out(till, till.sign_no, msgid) for _ in range(2))

    assert (first["infcode"], again["infcode"]) == (0, 0), again["err_msg"]
    assert first["output"] == again["output"]
    assert _signed_out(till, till.sign_no)["err_msg"].startswith("[NOT_FOUND]")
    assert "[NOT_SIGNED_IN]" in till.refused("1101", {"data": credential(EMPLOYEE)})


# --- who is nobody ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "infno", [number for each in transactions() for number in (each.infno, *each.variants)]
)
def test_who_is_in_no_directory_is_refused(reading: Till, infno: str) -> None:
    """Whatever is asked, sign-in among it."""
    stranger = Till(reading.dispatch, reading.loop, _STRANGER)
    assert stranger.refused(infno, {}).startswith("[INSTITUTION_UNKNOWN]")


def test_a_token_is_for_its_institutions(reading: Till) -> None:
    """A client that signs for one institution is refused for another, before anything is read."""

    def asked(client: Client) -> Any:  # noqa: ANN401 - an envelope
        body = orjson.dumps(reading.envelope("1101", {"data": credential(EMPLOYEE)}))
        reply = reading.loop.run_until_complete(reading.dispatch.reply(body, client=client))
        return orjson.loads(reply.body)

    right, wrong = (Client("till", "s", frozenset({each})) for each in (HOSPITAL, COMMUNITY))
    assert asked(right)["infcode"] == 0
    refused = asked(wrong)
    assert refused["infcode"] == -2
    assert refused["err_msg"].startswith("[INSTITUTION_NOT_YOURS]")


# --- what belongs to others ---------------------------------------------------------------------


def test_a_filing_is_taken_back_by_who_made_it(till: Till) -> None:
    """Another institution is refused, and the filing counts on."""
    number = till.done("2503", {"data": _DISEASE})["result"]["trt_dcla_detl_sn"]
    cancel = {"data": {"psn_no": EMPLOYEE, "trt_dcla_detl_sn": number, "memo": "示例"}}
    other = till.at(COMMUNITY)

    assert other.refused("2504", cancel).startswith("[FILING_REFUSED]")
    (standing,) = till.done("5301", {"data": {"psn_no": EMPLOYEE}})["feedetail"]
    assert number == standing["trt_dcla_detl_sn"]
    till.done("2504", cancel)
    assert [] == till.done("5301", {"data": {"psn_no": EMPLOYEE}})["feedetail"]


def test_stays_of_others_are_not_told(till: Till) -> None:
    """5303 is of the institution that asks."""
    stay = admitted(till)
    span = {"data": {"psn_no": RETIRED, "begntime": "2024-05-01", "endtime": "2024-05-31"}}

    assert [stay] == [row["mdtrt_id"] for row in till.done("5303", span)["data"]]
    assert [] == till.at(COMMUNITY).done("5303", span)["data"]


def test_movements_of_others_are_told_without_where(till: Till) -> None:
    """The money went, but neither where nor by which settlement."""
    opening = Opening(COMMUNITY, "OPEN-1", AREA, EMPLOYEE, 10_000, ())
    till.dispatch._office.desk.engine.open_person(opening)
    (own,) = till.at(COMMUNITY).done("5368", {"data": {"psn_no": EMPLOYEE}})["acctdetl"]
    (foreign,) = till.done("5368", {"data": {"psn_no": EMPLOYEE}})["acctdetl"]

    assert COMMUNITY == own["fixmedins_code"]
    assert own["setl_id"]
    assert {**own, "fixmedins_code": None, "setl_id": None} == foreign
