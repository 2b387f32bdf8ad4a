"""A day at a till, reconciled from nothing but the answers that its client kept."""

import base64
import io
import zipfile
from decimal import Decimal
from typing import Any

from tests.gateway.bills import PLAIN, line, registered, sale, settled, to_settle
from tests.gateway.reconciled import zipped
from tests.gateway.till import EMPLOYEE, PHARMACY, Nodes, Till

_DAY = "2024-06-03"
_CELLS = ("setl_id", "mdtrt_id", "psn_no", "medfee_sumamt", "fund_pay_sumamt", "acct_pay")


def _visit(till: Till, batch: str, yuan: str) -> Nodes:
    visit = registered(till)
    till.done("2204", {"feedetail": [line(visit, "1", PLAIN, yuan, chrg_bchno=batch)]})
    said = to_settle(visit, med_type="11", chrg_bchno=batch)
    found: Nodes = settled(till, "2206", "2207", said)["setlinfo"]
    return found


def _head(kept: list[Nodes]) -> dict[str, Any]:
    """Return what a client states of settlements whose answers it kept."""
    first = kept[0]
    refunds = sum(told["medfee_sumamt"] < 0 for told in kept)
    names = ("medfee_sumamt", "fund_pay_sumamt", "acct_pay")
    sums = {name: str(sum((told[name] for told in kept), Decimal(0))) for name in names}
    return {
        "insutype": first["insutype"],
        "clr_type": first["clr_type"],
        "setl_optins": first["clr_optins"],
        "stmt_begndate": _DAY,
        "stmt_enddate": _DAY,
        "fixmedins_setl_cnt": str(len(kept) - 2 * refunds),
        **sums,
    }


def _result(till: Till, kept: list[Nodes], data: bytes) -> list[list[str]]:
    """Return the lines of result.txt for a file of settlements."""
    up = {"in": base64.b64encode(data).decode(), "filename": "d.zip"}
    up["fixmedins_code"] = till.institution
    number = till.done("9101", {"fsUploadIn": up})["file_qury_no"]
    head = _head(kept) | {"file_qury_no": number}
    info = till.done("3202", {"data": head})["fileinfo"]
    packed = till.downloaded(info["file_qury_no"], info["filename"])
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return [row.split("\t") for row in archive.read("result.txt").decode().splitlines()]


def test_a_day_of_a_hospital_is_flat_and_a_tampered_row_is_found(till: Till) -> None:
    """Visits, a cancel and a settlement whose answer was lost, which its message id takes back."""
    kept = [_visit(till, "B1", "3000.00"), _visit(till, "B2", "2500.01")]
    undo = {name: kept[1][name] for name in ("setl_id", "mdtrt_id", "psn_no")}
    kept.append(till.done("2208", {"data": undo})["setlinfo"])
    assert "000000" == till.done("3201", {"data": _head(kept)})["stmtinfo"]["stmt_rslt"]

    lost = _visit(till, "B3", "1800.00")
    assert "000101" == till.done("3201", {"data": _head(kept)})["stmtinfo"]["stmt_rslt"]
    rows = [[str(told[name]) for name in _CELLS] + [told["refd_setl_flag"]] for told in kept]
    rows[0][3] = "3000.01"
    differing, missing = _result(till, kept, zipped(*map("\t".join, rows)))
    assert (kept[0]["setl_id"], "000103") == (differing[2], differing[4])
    assert (lost["setl_id"], "000101") == (missing[2], missing[4])
    assert "3000.01" in differing[6]

    till.done("2601", {"data": {"psn_no": EMPLOYEE, "omsgid": missing[3], "oinfno": "2207"}})
    # What was reversed never was, as the client has it.
    assert "000000" == till.done("3201", {"data": _head(kept)})["stmtinfo"]["stmt_rslt"]
    rows[0][3] = str(kept[0]["medfee_sumamt"])
    assert [] == _result(till, kept, zipped(*map("\t".join, rows)))


def test_a_day_of_a_pharmacy_is_its_own(till: Till) -> None:
    """Sales are of another kind of clearing, and of another institution than the visits."""
    _visit(till, "B1", "3000.00")
    pharmacy = till.at(PHARMACY)
    kept = [pharmacy.done("2102", sale())["setlinfo"]]
    head = _head(kept)
    assert "41" == head["clr_type"]
    assert "000000" == pharmacy.done("3201", {"data": head})["stmtinfo"]["stmt_rslt"]
    assert "000102" == till.done("3201", {"data": head})["stmtinfo"]["stmt_rslt"]
