"""Asking for a settlement whose answer got lost: by its id, its msgid, or its visit (5203)."""

import pytest

from tests.gateway.bills import DIAGNOSES, PLAIN, line, registered, sale, to_settle
from tests.gateway.till import COMMUNITY, EMPLOYEE, PHARMACY, RETIRED, Nodes, Till


def _charged(till: Till, visit: str, batch: str, yuan: str = "2000.00") -> Nodes:
    """Return a request to settle a batch of one line, which has been told."""
    number = f"{batch}-1"
    told = line(visit, number, PLAIN, yuan, chrg_bchno=batch)
    till.done("2204", {"feedetail": [told]})
    return {"data": to_settle(visit, chrg_bchno=batch, medfee_sumamt=yuan)}


def _settled(till: Till, visit: str, batch: str, msgid: str | None = None) -> Nodes:
    told: Nodes = till.done("2207", _charged(till, visit, batch), msgid)["setlinfo"]
    return told


def _asked(**named: object) -> Nodes:
    return {"data": {"psn_no": EMPLOYEE, **named}}


@pytest.mark.parametrize("name", ["medins_setl_id", "omsgid"])
def test_a_settlement_is_found_by_its_message(till: Till, name: str) -> None:
    """With or without its visit; the message of a cancel finds the cancel."""
    visit, msgid, undo = registered(till), till.msgid(), till.msgid()
    told = _settled(till, visit, "B1", msgid)
    negative = till.done("2208", _asked(setl_id=told["setl_id"], mdtrt_id=visit), undo)["setlinfo"]

    found = till.done("5203", _asked(**{name: msgid}))["setlinfo"]
    assert {**told, "refd_setl_id": negative["setl_id"]} == found
    assert found == till.done("5203", _asked(**{name: msgid}, mdtrt_id=visit))["setlinfo"]
    assert negative == till.done("5203", _asked(**{name: undo}))["setlinfo"]


def test_what_became_of_a_message_is_told(till: Till) -> None:
    """Not arrived, refused, reversed, or no settlement: each says what to do."""
    unknown, reversed_, refused = till.msgid(), till.msgid(), till.msgid()
    till.done("2601", _asked(omsgid=reversed_, oinfno="2207"))
    till.refused("2504", _asked(trt_dcla_detl_sn="1100000", memo="示例"), refused)
    told = {
        words: till.refused("5203", _asked(medins_setl_id=msgid))
        for words, msgid in {
            "has not arrived": unknown,
            "was reversed before": reversed_,
            "was refused: [": refused,
            "settles nothing": visit_message(till),
        }.items()
    }

    for words, message in told.items():
        assert message.startswith("[NOT_FOUND]")
        assert words in message
    assert "data.medins_setl_id" in till.refused("5203", _asked(medins_setl_id="有 误"))


def visit_message(till: Till) -> str:
    """Return the msgid of a registration."""
    msgid = till.msgid()
    said = {"begntime": "2024-06-03 09:00:00", "mdtrt_cert_type": "02", "ipt_otp_no": "O1"}
    till.done("2201", _asked(insutype="310", **said), msgid)
    return msgid


def test_a_visit_alone_names_its_one_settlement(till: Till) -> None:
    """That which stands; of two it is asked which, and they are named."""
    visit = registered(till)
    assert "[NOT_FOUND]" in till.refused("5203", _asked(mdtrt_id=visit))
    first = _settled(till, visit, "B1")
    assert first == till.done("5203", _asked(mdtrt_id=visit))["setlinfo"]
    second = _settled(till, visit, "B2")
    message = till.refused("5203", _asked(mdtrt_id=visit))
    assert "data.setl_id" in message
    assert first["setl_id"] in message
    till.done("2208", _asked(setl_id=first["setl_id"], mdtrt_id=visit))
    assert second == till.done("5203", _asked(mdtrt_id=visit))["setlinfo"]


def test_who_names_nothing_is_told_how(till: Till) -> None:
    """A person alone may have many."""
    message = till.refused("5203", _asked())
    assert "data.setl_id" in message
    assert "medins_setl_id" in message


def test_others_find_nothing_and_learn_nothing(till: Till) -> None:
    """What is of others and what is of nobody are refused in the same words."""
    msgid = till.msgid()
    number = _settled(till, registered(till), "B1", msgid)["setl_id"]
    other = till.at(COMMUNITY)
    nobody = number[:-1] + ("0" if number[-1] != "0" else "1")

    def words(till: Till, said: Nodes, infno: str = "5203") -> str:
        message = till.refused(infno, said)
        for each in (number, nobody, COMMUNITY, till.institution):
            message = message.replace(each, "·")
        return message

    assert words(other, _asked(setl_id=number)) == words(other, _asked(setl_id=nobody))
    for infno in ("2208", "2103", "2305"):
        foreign, none = (
            {"data": {"psn_no": EMPLOYEE, "setl_id": each}} for each in (number, nobody)
        )
        assert words(other, foreign, infno) == words(other, none, infno)
    wrong_person = {"data": {"psn_no": RETIRED, "setl_id": number}}
    assert words(till, wrong_person) == words(other, _asked(setl_id=nobody))
    assert "has not arrived" in other.refused("5203", _asked(medins_setl_id=msgid))
    assert "[NOT_FOUND]" in till.refused("5203", _asked(setl_id=number, omsgid=till.msgid()))


def test_visits_are_told_with_their_settlements(till: Till) -> None:
    """5201 names settlements and cancels of every visit, sales among them, by id and by msgid."""
    visit, msgid = registered(till), till.msgid()
    registered(till)
    told = _settled(till, visit, "B1", msgid)
    cancel = till.done("2208", _asked(setl_id=told["setl_id"], mdtrt_id=visit))["setlinfo"]
    rows = till.done("5201", _asked())["setllist"]

    names = ("mdtrt_id", "setl_id", "medins_setl_id", "refd_setl_flag", "refd_setl_id")
    assert [
        (visit, told["setl_id"], msgid, "0", cancel["setl_id"]),
        (visit, cancel["setl_id"], cancel["medins_setl_id"], "1", None),
    ] == [tuple(row[name] for name in names) for row in rows]
    assert [2000, -2000] == [row["medfee_sumamt"] for row in rows]
    assert [None, told["setl_id"]] == [row["init_setl_id"] for row in rows]

    shop = till.at(PHARMACY)
    sold = shop.done("2102", sale())["setlinfo"]
    (row,) = shop.done("5201", _asked())["setllist"]
    assert (sold["mdtrt_id"], sold["setl_id"]) == (row["mdtrt_id"], row["setl_id"])


def test_kind_and_credential_are_told_as_they_were_sent(till: Till) -> None:
    """A province's kind and a card that nobody keeps here; what is told since changes neither."""
    shown = {"mdtrt_cert_type": "03", "mdtrt_cert_no": "99A000001"}
    said = {"begntime": "2024-06-03 09:00:00", "ipt_otp_no": "O1", "insutype": "310", **shown}
    visit = till.done("2201", _asked(**said))["data"]["mdtrt_id"]
    told = {"mdtrt_id": visit, "psn_no": EMPLOYEE, "begntime": "2024-06-03 09:00:00"}
    till.done("2203", {"mdtrtinfo": {**told, "med_type": "1101"}, "diseinfo": DIAGNOSES})
    request = {"data": {**_charged(till, visit, "B1")["data"], **shown}}
    trial = till.done("2206", request)["setlinfo"]
    output = till.done("2207", request)["setlinfo"]
    till.done("2203", {"mdtrtinfo": {**told, "med_type": "1102"}, "diseinfo": DIAGNOSES})
    asked = _asked(setl_id=output["setl_id"], mdtrt_id=visit)
    again = till.done("5203", asked)["setlinfo"]
    negative = till.done("2208", asked)["setlinfo"]

    for each in (trial, output, again, negative):
        assert ("1101", "03") == (each["med_type"], each["mdtrt_cert_type"])
        assert "11" == each["clr_type"]
