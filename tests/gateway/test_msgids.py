"""Which refusals stay with their msgid, as the page for integrators says."""

from tests.gateway.bills import PLAIN, line, registered, to_settle
from tests.gateway.till import EMPLOYEE, Till

_DISEASE = {"psn_no": EMPLOYEE, "insutype": "310", "opsp_dise_code": "M03900"}


def test_a_msgid_is_free_after_what_was_not_recorded(till: Till) -> None:
    """Not signed in, malformed, without lines, with wrong sums: then taken under the same msgid."""
    visit, msgid, number = registered(till), till.msgid(), till.sign_no
    said = to_settle(visit, chrg_bchno="B1", medfee_sumamt="2000.00")
    till.sign_no = None
    assert "[NOT_SIGNED_IN]" in till.refused("2207", {"data": said}, msgid)
    till.sign_no = number
    malformed = {**said, "medfee_sumamt": "much"}
    assert "[INVALID_REQUEST]" in till.refused("2207", {"data": malformed}, msgid)
    assert "[ENCOUNTER_REFUSED]" in till.refused("2207", {"data": said}, msgid)
    told = line(visit, "1", PLAIN, "2000.00", chrg_bchno="B1")
    till.done("2204", {"feedetail": [told]})
    wrong = {**said, "inscp_scp_amt": "1.00"}
    assert "[SUMS_DIFFER]" in till.refused("2207", {"data": wrong}, msgid)

    assert msgid == till.done("2207", {"data": said}, msgid)["setlinfo"]["medins_setl_id"]


def test_a_recorded_refusal_stays_with_its_msgid(till: Till) -> None:
    """A filing that crossed another is refused again when that is gone; a new msgid is taken."""
    said = {"data": {**_DISEASE, "opsp_dise_name": "示例", "begndate": "2024-01-01"}}
    number = till.done("2503", said)["result"]["trt_dcla_detl_sn"]
    msgid = till.msgid()
    assert "[FILING_REFUSED]" in till.refused("2503", said, msgid)
    till.done("2504", {"data": {"psn_no": EMPLOYEE, "trt_dcla_detl_sn": number, "memo": "示例"}})

    assert "[FILING_REFUSED]" in till.refused("2503", said, msgid)
    till.done("2503", said)
