"""A stay from admission to its final settlement, as a hospital's client sends it."""

from decimal import Decimal
from typing import Any

import pytest

from tests.gateway.bills import (
    CAPPED,
    PLAIN,
    STAY_DIAGNOSES,
    admitted,
    check_identities,
    check_split,
    credential,
    line,
    settled,
    to_settle,
)
from tests.gateway.till import EMPLOYEE, RETIRED, Nodes, Till


def _line(stay: str, number: str, yuan: str, day: str = "2024-05-21", **more: Any) -> Nodes:  # noqa: ANN401
    item = more.pop("item", PLAIN)
    said = {"psn_no": RETIRED, "fee_ocur_time": f"{day} 10:00:00", **more}
    return line(stay, number, item, yuan, **said)


def _discharge(stay: str, day: str = "2024-05-30") -> Nodes:
    said = {"mdtrt_id": stay, "psn_no": RETIRED, "endtime": f"{day} 10:00:00"}
    return {"dscginfo": said, "diseinfo": STAY_DIAGNOSES}


def _whose(stay: str) -> Nodes:
    return {"data": {"mdtrt_id": stay, "psn_no": RETIRED}}


def test_a_stay_is_settled_in_its_middle_and_at_its_end(till: Till) -> None:
    """Each line of a stay is settled once, in its middle or at its end."""
    stay = admitted(till)
    till.done("2301", {"feedetail": [_line(stay, "1", "8000.00")]})
    said = to_settle(stay, RETIRED)
    estimate = till.done("2303", {"data": said})
    refused = till.refused("2304", {"data": {**said, "medfee_sumamt": "8000.00"}})
    assert "is not discharged" in refused
    middle = {**said, "mid_setl_flag": "1", "dscgTime": "2024-05-25 08:00:00"}
    first = settled(till, "2303", "2304", middle)
    check_identities(first)
    told = first["setlinfo"]
    # 1,300 deductible; of 6,700 the retired bear 60 % of 15 %: 603; the supplement takes half.
    assert told["act_pay_dedc"] == 1300
    assert told["hifp_pay"] == 6097
    assert told["oth_pay"] == Decimal("301.50")
    assert told["psn_cash_pay"] == Decimal("1601.50")
    assert told["clr_type"] == "21"
    assert estimate["setlinfo"]["fund_pay_sumamt"] == told["fund_pay_sumamt"]

    rows = [_line(stay, "2", "1000.00", "2024-05-26"), _line(stay, "3", "500.00", "2024-05-27")]
    till.done("2301", {"feedetail": rows})
    assert "settled" in till.refused("2302", {"data": [_withdrawn(stay, "1")]})
    till.done("2302", {"data": [_withdrawn(stay, "3")]})
    till.done("2402", _discharge(stay))
    assert "is discharged" in till.refused("2301", {"feedetail": [_line(stay, "4", "1.00")]})
    last = settled(till, "2303", "2304", said)
    check_identities(last)
    assert last["setlinfo"]["medfee_sumamt"] == 1000
    assert "no lines to settle" in till.refused("2303", {"data": said})
    assert "is settled" in till.refused("2405", _whose(stay))


def _withdrawn(stay: str, number: str) -> Nodes:
    return {"feedetl_sn": number, "mdtrt_id": stay, "psn_no": RETIRED}


def test_a_stay_is_undone_in_the_order_of_the_interface(till: Till) -> None:
    """2305, 2405, 2302, 2404: none before the one it follows."""
    stay = admitted(till)
    till.done("2301", {"feedetail": [_line(stay, "1", "8000.00")]})
    till.done("2402", _discharge(stay))
    done = settled(till, "2303", "2304", to_settle(stay, RETIRED))["setlinfo"]
    undo = {"data": {"setl_id": done["setl_id"], "mdtrt_id": stay, "psn_no": RETIRED}}
    back = till.done("2305", undo)
    check_identities(back)
    assert back["setlinfo"]["fund_pay_sumamt"] == -done["fund_pay_sumamt"]
    assert "is discharged" in till.refused("2404", _whose(stay))
    till.done("2405", _whose(stay))
    assert "is not discharged" in till.refused("2405", _whose(stay))
    assert "has 1 lines" in till.refused("2404", _whose(stay))
    till.done("2302", {"data": [_withdrawn(stay, "0000")]})
    till.done("2404", _whose(stay))
    assert "was cancelled by 2404" in till.refused("2402", _discharge(stay))


def test_a_refund_line_takes_back_a_part_of_another(till: Till) -> None:
    """A negative line has the split of its original, negative."""
    stay = admitted(till)
    till.done(
        "2301", {"feedetail": [_line(stay, "1", "3400.00", item=CAPPED, cnt="10", pric="340")]}
    )
    refund = _line(stay, "2", "-680.00", item=CAPPED, cnt="-2", pric="340", init_feedetl_sn="1")
    (row,) = till.done("2301", {"feedetail": [refund]})["result"]
    check_split(row)
    # 30 % of 680 first, with the opposite sign.
    assert (row["preselfpay_amt"], row["inscp_scp_amt"]) == (-204, -476)
    assert "takes back 1" in till.refused("2302", {"data": [_withdrawn(stay, "1")]})
    estimate = till.done("2303", {"data": to_settle(stay, RETIRED)})["setlinfo"]
    assert (estimate["medfee_sumamt"], estimate["preselfpay_amt"]) == (2720, 816)
    till.done("2302", {"data": [_withdrawn(stay, "2"), _withdrawn(stay, "1")]})


def test_an_admission_tells_whom_and_when(till: Till) -> None:
    """What was told last counts; days run forward."""
    msgid = till.msgid()
    stay = admitted(till, msgid)
    assert admitted(till, msgid) == stay
    assert "psn_no" in till.refused("2402", {**_discharge(stay), "dscginfo": {"mdtrt_id": stay}})
    wrong = _discharge(stay, "2024-05-19")
    assert "before 2024-05-20, the day of admission" in till.refused("2402", wrong)
    changed = {"mdtrt_id": stay, "psn_no": RETIRED, "med_type": "24"}
    till.done("2403", {"adminfo": changed, "diseinfo": STAY_DIAGNOSES})
    till.done("2301", {"feedetail": [_line(stay, "1", "100.00", "2024-05-21")]})
    # What is told of the stay later cannot leave its lines outside.
    early = till.refused("2402", _discharge(stay, "2024-05-20"))
    assert "before 2024-05-21, the day of a line" in early
    late = {**changed, "begntime": "2024-05-22 08:00:00"}
    moved = till.refused("2403", {"adminfo": late, "diseinfo": STAY_DIAGNOSES})
    assert "after 2024-05-21, the day of a line" in moved
    assert "is after today" in till.refused("2402", _discharge(stay, "2024-06-04"))
    told = till.done("2303", {"data": to_settle(stay, RETIRED)})["setlinfo"]
    assert told["med_type"] == "24"
    till.done("2402", _discharge(stay))
    assert "is discharged" in till.refused("2403", {"adminfo": changed, "diseinfo": STAY_DIAGNOSES})
    assert "is discharged" in till.refused("2402", _discharge(stay))


@pytest.mark.parametrize("infno", ["2204", "2205", "2206", "2202"])
def test_a_stay_is_no_outpatient_visit(till: Till, infno: str) -> None:
    """Transactions of visits refuse stays."""
    stay = admitted(till)
    said: dict[str, Nodes] = {
        "2204": {"feedetail": [_line(stay, "1", "1.00", chrg_bchno="B1")]},
        "2205": {"data": {"mdtrt_id": stay, "psn_no": RETIRED, "chrg_bchno": "0000"}},
        "2206": {"data": to_settle(stay, RETIRED, chrg_bchno="B1")},
        "2202": {"data": {"mdtrt_id": stay, "psn_no": RETIRED}},
    }
    assert "ENCOUNTER_REFUSED" in till.refused(infno, said[infno])


def test_nobody_is_admitted_who_is_not_insured(till: Till) -> None:
    """An admission needs an enrolment on its day."""
    said = {"insutype": "390", "begntime": "2024-05-20", "med_type": "21", **credential(EMPLOYEE)}
    admission = {"mdtrtinfo": {"psn_no": EMPLOYEE, **said}, "diseinfo": STAY_DIAGNOSES}
    assert "NOT_ENROLLED" in till.refused("2401", admission)
