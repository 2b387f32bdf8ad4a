"""A pharmacy's sale and its cancel, as its client sends them."""

import pytest

from tests.gateway.bills import check_identities, check_split, credential, sale
from tests.gateway.till import EMPLOYEE, HOSPITAL, PHARMACY, RETIRED, Till


@pytest.fixture
def shop(till: Till) -> Till:
    """Return the till of a pharmacy."""
    return till.at(PHARMACY)


def test_a_sale_is_settled_with_its_lines_and_cancelled(shop: Till) -> None:
    """One message makes visit, lines and settlement; another takes them back."""
    trial = shop.done("2101", sale())
    output = shop.done("2102", sale())
    check_identities(output)
    told = output["setlinfo"]
    # 1,800 deductible of the year; the pharmacy has no level, so 70 % of 200 like a hospital.
    assert (told["act_pay_dedc"], told["fund_pay_sumamt"]) == (1800, 140)
    assert told["clr_type"] == "41"
    assert trial["setlinfo"]["fund_pay_sumamt"] == told["fund_pay_sumamt"]
    (row,) = output["detlcutinfo"]
    check_split(row)
    assert trial["detlcutinfo"] == output["detlcutinfo"]
    undo = {"setl_id": told["setl_id"], "mdtrt_id": told["mdtrt_id"], "psn_no": EMPLOYEE}
    back = shop.done("2103", {"data": undo})
    check_identities(back)
    assert back["setlinfo"]["fund_pay_sumamt"] == -140


def test_a_sale_counts_once(shop: Till) -> None:
    """A repeated sale is answered from the record; a new msgid is another sale."""
    msgid = shop.msgid()
    first = shop.ask("2102", sale(), msgid)
    again = shop.ask("2102", sale(), msgid)
    assert again["output"]["setlinfo"] == first["output"]["setlinfo"]
    assert "[DUPLICATE]" in again["warn_msg"]
    assert "REQUEST_ID_REUSED" in shop.refused("2102", sale(acct_used_flag="0"), msgid)
    other = shop.done("2102", sale())["setlinfo"]
    assert other["setl_id"] != first["output"]["setlinfo"]["setl_id"]
    assert other["mdtrt_id"] != first["output"]["setlinfo"]["mdtrt_id"]


def test_a_sale_is_refused_whole(shop: Till) -> None:
    """Sums, credentials and insurances that do not fit leave nothing behind."""
    assert "SUMS_DIFFER" in shop.refused("2102", sale(medfee_sumamt="2000.01"))
    assert "PERSON_DIFFERS" in shop.refused("2102", sale(**credential(RETIRED)))
    token = {"mdtrt_cert_type": "01", "mdtrt_cert_no": ""}
    assert "mdtrt_cert_no: missing" in shop.refused("2102", sale(**token))
    hospital = shop.at(HOSPITAL)
    assert "is no pharmacy" in hospital.refused("2102", sale())
    assert "is after today" in shop.refused("2102", sale(begntime="2024-06-04 00:00:00"))
    assert "NOT_ENROLLED" in shop.refused("2102", sale(insutype="390"))
    wrong = sale()
    wrong["drugdetail"][0]["cnt"] = "2"
    assert "drugdetail[0].det_item_fee_sumamt" in shop.refused("2102", wrong)
    assert shop.done("2101", sale())["setlinfo"]["act_pay_dedc"] == 1800
