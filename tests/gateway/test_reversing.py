"""2601: what is done when no answer arrived."""

import pytest

from tests.gateway.bills import PLAIN, credential, line, registered, settled, to_settle
from tests.gateway.till import COMMUNITY, EMPLOYEE, RETIRED, Nodes, Till


def _reversal(msgid: str, infno: str, person: str = EMPLOYEE) -> Nodes:
    return {"data": {"psn_no": person, "omsgid": msgid, "oinfno": infno}}


def _to_settle(till: Till) -> Nodes:
    visit = registered(till)
    till.done("2204", {"feedetail": [line(visit, "1", PLAIN, "3000.00", chrg_bchno="B1")]})
    return to_settle(visit, med_type="11", chrg_bchno="B1", medfee_sumamt="3000.00")


def test_a_settlement_whose_answer_was_lost_is_taken_back(till: Till) -> None:
    """The lines are open afterwards, and the msgid never settles again."""
    said, msgid = _to_settle(till), till.msgid()
    till.done("2207", {"data": said}, msgid)
    back = till.msgid()
    assert till.done("2601", _reversal(msgid, "2207"), back) == {}
    assert till.done("2601", _reversal(msgid, "2207"), back) == {}
    assert till.done("2601", _reversal(msgid, "2207A")) == {}
    # No till that sends it again may take it for settled.
    again = till.refused("2207", {"data": said}, msgid)
    assert again.startswith("[REQUEST_REVERSED]")
    assert settled(till, "2206", "2207", said)["setlinfo"]["act_pay_dedc"] == 1800


def test_a_late_original_is_refused(till: Till) -> None:
    """A reversal that overtakes its original keeps it from settling."""
    said, msgid = _to_settle(till), till.msgid()
    till.done("2601", _reversal(msgid, "2207"))
    assert "REQUEST_REVERSED" in till.refused("2207", {"data": said}, msgid)
    assert till.done("2207", {"data": said})["setlinfo"]["setl_id"]


def test_what_is_no_message_id_is_told_by_its_name(till: Till) -> None:
    """A malformed omsgid is a fault of that field."""
    assert "data.omsgid: expected" in till.refused("2601", _reversal("有 空格", "2207"))


def test_an_institution_reverses_its_own_only(till: Till) -> None:
    """The msgid of another institution is unknown to everybody else."""
    said, msgid = _to_settle(till), till.msgid()
    setl_id = till.done("2207", {"data": said}, msgid)["setlinfo"]["setl_id"]
    till.at(COMMUNITY).done("2601", _reversal(msgid, "2207"))
    undo = {"setl_id": setl_id, "mdtrt_id": said["mdtrt_id"], "psn_no": EMPLOYEE}
    assert till.done("2208", {"data": undo})


def test_an_admission_is_given_up(till: Till) -> None:
    """Before lines are sent; afterwards the stay is undone step by step."""
    said = {
        "psn_no": RETIRED,
        "insutype": "310",
        "begntime": "2024-05-20 09:00:00",
        "med_type": "21",
        **credential(RETIRED),
    }
    disease = {"diag_type": "1", "diag_srt_no": "1", "diag_code": "I25.103", "diag_name": "示例"}
    admission = {"mdtrtinfo": said, "diseinfo": [disease]}
    msgid = till.msgid()
    stay = till.done("2401", admission, msgid)["result"]["mdtrt_id"]
    till.done("2601", _reversal(msgid, "2401", RETIRED))
    again = till.refused("2401", admission, msgid)
    assert again.startswith("[REQUEST_REVERSED]")
    row = line(stay, "1", PLAIN, "10.00", psn_no=RETIRED, fee_ocur_time="2024-05-21 08:00:00")
    assert "was cancelled by 2601" in till.refused("2301", {"feedetail": [row]})

    msgid = till.msgid()
    stay = till.done("2401", admission, msgid)["result"]["mdtrt_id"]
    till.done("2301", {"feedetail": [{**row, "mdtrt_id": stay}]})
    assert "has lines" in till.refused("2601", _reversal(msgid, "2401", RETIRED))

    never = till.msgid()
    till.done("2601", _reversal(never, "2401", RETIRED))
    assert "REQUEST_REVERSED" in till.refused("2401", admission, never)


def test_a_reversal_means_what_its_original_was(till: Till) -> None:
    """Another person, or another number, is a mistake and takes nothing back."""
    said, msgid = _to_settle(till), till.msgid()
    setl_id = till.done("2207", {"data": said}, msgid)["setlinfo"]["setl_id"]
    assert "data.psn_no" in till.refused("2601", _reversal(msgid, "2207", RETIRED))
    assert "was the message of a 2207" in till.refused("2601", _reversal(msgid, "2304"))
    undo = {"setl_id": setl_id, "mdtrt_id": said["mdtrt_id"], "psn_no": EMPLOYEE}
    cancel = till.msgid()
    taken = till.done("2208", {"data": undo}, cancel)["setlinfo"]["setl_id"]
    # A cancel that arrived stands, and the answer says by which id.
    kept = till.refused("2601", _reversal(cancel, "2208"))
    assert kept.startswith("[NOT_REVERSIBLE]")
    assert taken in kept
    assert till.done("2208", {"data": undo}, cancel)["setlinfo"]["setl_id"] == taken
    assert till.refused("2207", {"data": said}, msgid).startswith("[ALREADY_CANCELLED]")


@pytest.mark.parametrize("infno", ["2204", "2301", "2402", "2201"])
def test_other_messages_have_cancels_of_their_own(till: Till, infno: str) -> None:
    """Uploads and registrations are not reversed."""
    assert "NOT_REVERSIBLE" in till.refused("2601", _reversal(till.msgid(), infno))
