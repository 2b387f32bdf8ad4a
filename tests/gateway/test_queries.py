"""What an institution reads back of its visits and settlements, and what it does not see."""

from decimal import Decimal
from typing import Any

import pytest

from tests.gateway.bills import (
    CAPPED,
    PLAIN,
    STAY_DIAGNOSES,
    admitted,
    check_split,
    credential,
    line,
    registered,
    sale,
    settled,
    to_settle,
)
from tests.gateway.till import COMMUNITY, EMPLOYEE, PHARMACY, RETIRED, Nodes, Till

_DRUG = "XY01AAA001A001010100001"
_SPLIT = ("fulamt_ownpay_amt", "overlmt_amt", "preselfpay_amt", "inscp_scp_amt")


def _visit(till: Till) -> tuple[str, Nodes]:
    """Return an outpatient visit with a settled batch and an open one, and the settlement."""
    visit = registered(till)
    batch = [
        line(visit, "1", PLAIN, "2000.00", chrg_bchno="B1"),
        line(visit, "2", CAPPED, "400.00", chrg_bchno="B1", rxno="R7"),
    ]
    till.done("2204", {"feedetail": batch})
    said = to_settle(visit, chrg_bchno="B1", medfee_sumamt="2400.00")
    output = settled(till, "2206", "2207", said)
    till.done("2204", {"feedetail": [line(visit, "3", PLAIN, "5.00", chrg_bchno="B2")]})
    return visit, output


def _lines(till: Till, asked: Nodes) -> list[Nodes]:
    """Return the lines of a visit; the output itself is their list."""
    rows: Any = till.done("5204", asked)
    assert isinstance(rows, list)
    return rows


def _of(person: str, **more: object) -> Nodes:
    return {"data": {"psn_no": person, **more}}


# --- 5201, 5202 ---------------------------------------------------------------------------------


def test_a_visit_is_told_with_whose_it_is(till: Till) -> None:
    """The registration, the kind of the visit and the person are told together."""
    visit = registered(till)
    (row,) = till.done("5201", _of(EMPLOYEE, mdtrt_id=visit))["mdtrtinfo"]

    assert (visit, EMPLOYEE, "310", "11", "O1", "02") == tuple(
        row[name]
        for name in ("mdtrt_id", "psn_no", "insutype", "med_type", "ipt_otp_no", "mdtrt_cert_type")
    )
    assert row["begntime"] == "2024-06-03 09:00:00"
    assert (row["endtime"], row["ipt_days"]) == (None, None)
    # As the invented directory has the person.
    assert (row["certno"], row["brdy"], row["insu_optins"]) == (
        credential(EMPLOYEE)["mdtrt_cert_no"],
        "1985-03-12",
        "110000",
    )


def test_a_stay_is_told_with_its_discharge(till: Till) -> None:
    """Ten days from 20 to 30 May; diagnoses are those told last."""
    stay = admitted(till)
    said = {"mdtrt_id": stay, "psn_no": RETIRED, "endtime": "2024-05-30 10:00:00"}
    told = STAY_DIAGNOSES[:1]
    till.done("2402", {"dscginfo": {**said, "dscg_way": "1"}, "diseinfo": told})
    (row,) = till.done("5201", _of(RETIRED))["mdtrtinfo"]

    assert (stay, "21", "2024-05-30 10:00:00", 10, "1", "I1") == tuple(
        row[name]
        for name in ("mdtrt_id", "med_type", "endtime", "ipt_days", "dscg_way", "ipt_otp_no")
    )
    (diagnosis,) = till.done("5202", _of(RETIRED, mdtrt_id=stay))["diseinfo"]
    assert (stay, RETIRED, "J06.900", 1, "0") == tuple(
        diagnosis[name]
        for name in ("mdtrt_id", "psn_no", "diag_code", "diag_srt_no", "maindiag_flag")
    )


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        pytest.param({}, 2, id="all"),
        pytest.param({"med_type": "11"}, 1, id="kind"),
        pytest.param({"med_type": "14"}, 0, id="another-kind"),
        pytest.param({"begntime": "2024-06-03 09:00:01"}, 0, id="a-second-late"),
        pytest.param({"endtime": "2024-06-03 08:59:59"}, 0, id="a-second-early"),
        pytest.param({"begntime": "2024-06-03", "endtime": "2024-06-03"}, 2, id="the-day"),
    ],
)
def test_visits_are_chosen_by_kind_and_time(till: Till, asked: Nodes, count: int) -> None:
    """A day that ends without a time of day is asked for as a whole; others do not count."""
    registered(till)
    told = {"mdtrt_id": registered(till), "psn_no": EMPLOYEE, "med_type": "1102"}
    told["begntime"] = "2024-06-03 09:00:00"
    # The province's 12 of a registration fee is another kind than 11.
    till.done("2203", {"mdtrtinfo": {**told, "med_type": "12"}, "diseinfo": STAY_DIAGNOSES})
    gone = registered(till)
    till.done("2202", {"data": {"psn_no": EMPLOYEE, "mdtrt_id": gone, "ipt_otp_no": "O1"}})

    assert count == len(till.done("5201", _of(EMPLOYEE, **asked))["mdtrtinfo"])


def test_a_sale_is_a_visit(till: Till) -> None:
    """What a pharmacy's message made is told like any other visit, with its line."""
    shop = till.at(PHARMACY)
    told = shop.done("2102", sale())["setlinfo"]
    (row,) = shop.done("5201", _of(EMPLOYEE, med_type="41"))["mdtrtinfo"]
    (sold,) = _lines(shop, _of(EMPLOYEE, mdtrt_id=told["mdtrt_id"]))

    assert (told["mdtrt_id"], "2024-06-03 00:00:00") == (row["mdtrt_id"], row["begntime"])
    assert (told["setl_id"], PLAIN, 1, 2000, 2000) == tuple(
        sold[name] for name in ("setl_id", "med_list_codg", "cnt", "pric", "inscp_scp_amt")
    )
    assert [] == till.done("5201", _of(EMPLOYEE))["mdtrtinfo"]


# --- 5203, 5204 ---------------------------------------------------------------------------------


def test_a_settlement_is_told_as_it_was_answered(till: Till) -> None:
    """A till that lost the answer gets it again, and is told when it was cancelled since."""
    visit, output = _visit(till)
    number = output["setlinfo"]["setl_id"]
    asked = _of(EMPLOYEE, mdtrt_id=visit, setl_id=number)

    assert output == till.done("5203", asked)
    negative = till.done("2208", asked)
    again = till.ask("5203", asked)
    assert {**output["setlinfo"], "refd_setl_id": negative["setlinfo"]["setl_id"]} == again[
        "output"
    ]["setlinfo"]
    assert output["setldetail"] == again["output"]["setldetail"]
    assert "cancelled since" in again["warn_msg"]
    other = {**asked["data"], "setl_id": negative["setlinfo"]["setl_id"]}
    assert negative == till.done("5203", {"data": other})


def test_lines_are_told_with_what_settled_them(till: Till) -> None:
    """Lines of the settled batch name the settlement; the open line has none."""
    visit, output = _visit(till)
    first, second, third = _lines(till, _of(EMPLOYEE, mdtrt_id=visit))

    number = output["setlinfo"]["setl_id"]
    assert [number, number, None] == [row["setl_id"] for row in (first, second, third)]
    for row in (first, second, third):
        check_split(row)
    # 60 above the ceiling of 340; 30 % of 340 is 102.
    assert [0, 60, 102, 238] == [second[name] for name in _SPLIT]
    assert (340, Decimal("0.3"), "02", "R7", CAPPED) == tuple(
        second[name]
        for name in (
            *("pric_uplmt_amt", "selfpay_prop", "chrgitm_lv", "rx_drord_no"),
            *("hilist_code",),
        )
    )
    assert second["fee_ocur_time"] == "2024-06-03 09:10:00"
    assert second["hilist_name"]
    of_settlement = _lines(till, _of(EMPLOYEE, mdtrt_id=visit, setl_id=number))
    assert [first, second] == of_settlement


def test_lines_of_a_cancel_are_the_opposite(till: Till) -> None:
    """Also when the lines have been withdrawn since: the settlement still knows them."""
    visit, output = _visit(till)
    asked = {"psn_no": EMPLOYEE, "mdtrt_id": visit, "setl_id": output["setlinfo"]["setl_id"]}
    before = _lines(till, {"data": asked})
    cancel = till.done("2208", {"data": asked})["setlinfo"]["setl_id"]
    till.done("2205", {"data": {"chrg_bchno": "0000", "mdtrt_id": visit, "psn_no": EMPLOYEE}})
    after = _lines(till, {"data": {**asked, "setl_id": cancel}})

    names = (*_SPLIT, "cnt", "det_item_fee_sumamt")
    assert [[-row[name] for name in names] for row in before] == [
        [row[name] for name in names] for row in after
    ]
    assert [row["med_list_codg"] for row in before] == [row["med_list_codg"] for row in after]
    assert [] == _lines(till, _of(EMPLOYEE, mdtrt_id=visit))


def test_lines_of_a_stay_name_the_settlement_of_each(till: Till) -> None:
    """The middle settled the first line, the second is open."""
    stay = admitted(till)
    common = {"psn_no": RETIRED, "fee_ocur_time": "2024-05-21 10:00:00"}
    till.done("2301", {"feedetail": [line(stay, "1", PLAIN, "8000.00", **common)]})
    said = to_settle(stay, RETIRED, mid_setl_flag="1", dscgTime="2024-05-25 08:00:00")
    number = settled(till, "2303", "2304", said)["setlinfo"]["setl_id"]
    till.done("2301", {"feedetail": [line(stay, "2", PLAIN, "1.00", **common)]})

    rows = _lines(till, _of(RETIRED, mdtrt_id=stay))
    assert [("1", number), ("2", None)] == [(row["feedetl_sn"], row["setl_id"]) for row in rows]


# --- 5205 ---------------------------------------------------------------------------------------


def test_only_settled_drugs_of_chronic_visits_are_told(till: Till) -> None:
    """The service of a chronic visit is no drug, and an ordinary visit is not chronic."""
    _visit(till)
    visit = registered(till)
    told = {"mdtrt_id": visit, "psn_no": EMPLOYEE, "med_type": "140104"}
    told["begntime"] = "2024-06-03 09:00:00"
    till.done("2203", {"mdtrtinfo": told, "diseinfo": STAY_DIAGNOSES})
    rows = [
        line(visit, "1", _DRUG, "30.00", chrg_bchno="B1"),
        line(visit, "2", PLAIN, "2.00", chrg_bchno="B1"),
    ]
    till.done("2204", {"feedetail": rows})
    asked = _of(EMPLOYEE, begntime="2024-06-03", endtime="2024-06-03")
    assert [] == till.done("5205", asked)["feedetail"]

    said = to_settle(visit, chrg_bchno="B1", medfee_sumamt="32.00")
    settled(till, "2206", "2207", said)
    (row,) = till.done("5205", asked)["feedetail"]
    assert (_DRUG, "140104", till.institution, EMPLOYEE, "09") == tuple(
        row[name]
        for name in ("med_list_codg", "med_type", "fixmedins_code", "psn_no", "med_chrgitm_type")
    )
    early = _of(EMPLOYEE, begntime="2024-06-03", endtime="2024-06-03 09:09:59")
    assert [] == till.done("5205", early)["feedetail"]


# --- whose they are -----------------------------------------------------------------------------


def test_another_institution_sees_nothing(till: Till) -> None:
    """Ids of others are not found, and lists leave them out; so are ids of another person."""
    visit, output = _visit(till)
    number = output["setlinfo"]["setl_id"]
    other = till.at(COMMUNITY)

    assert [] == other.done("5201", _of(EMPLOYEE))["mdtrtinfo"]
    assert [] == other.done("5205", _of(EMPLOYEE, begntime="2020-01-01"))["feedetail"]
    for infno in ("5201", "5202", "5203", "5204"):
        asked = {"mdtrt_id": visit, "setl_id": number}
        assert "[NOT_FOUND]" in other.refused(infno, _of(EMPLOYEE, **asked)), infno
        assert "[NOT_FOUND]" in till.refused(infno, _of(RETIRED, **asked)), infno
    shop = till.at(PHARMACY)
    sold = shop.done("2102", sale())["setlinfo"]
    assert "[NOT_FOUND]" in till.refused("5201", _of(EMPLOYEE, mdtrt_id=sold["mdtrt_id"]))
    assert "[NOT_FOUND]" in shop.refused("5204", _of(RETIRED, mdtrt_id=sold["mdtrt_id"]))


def test_what_is_missing_is_said(till: Till) -> None:
    """Every field that a query needs is named at once."""
    message = till.refused("5202", {"data": {"psn_name": "示例"}})

    for name in ("psn_no", "mdtrt_id"):
        assert f"data.{name}" in message
