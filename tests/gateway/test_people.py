"""Who somebody is (1101), which institutions there are (1201), benefits (2001), codes (1901)."""

from decimal import Decimal
from typing import Any

import pytest
from medsettle.core.settlement import Opening

from fixtures import make_directory as invented
from tests.gateway.till import Till

_NUMBER = "990000198503120019"


def _shown(kind: str, number: str, **more: str) -> dict[str, Any]:
    return {"data": {"mdtrt_cert_type": kind, "mdtrt_cert_no": number, **more}}


def test_a_person_with_insurance_and_balance(till: Till) -> None:
    """Base, insurance with the balance of the account, and no identities."""
    till.dispatch._office.desk.engine.open_person(
        Opening("H1", "OPEN-1", "110000", invented.EMPLOYEE, 123_456)
    )
    told = till.done("1101", _shown("02", _NUMBER))

    assert {
        "psn_no": invented.EMPLOYEE,
        "psn_cert_type": "01",
        "certno": _NUMBER,
        "psn_name": "示例1",
        "gend": "1",
        "naty": "01",
        "brdy": "1985-03-12",
        "age": 39,
    } == told["baseinfo"]
    assert [
        {
            "balc": Decimal("1234.56"),
            "insutype": "310",
            "psn_type": "1101",
            "psn_insu_stas": "1",
            "psn_insu_date": "2012-07-01",
            "paus_insu_date": None,
            "cvlserv_flag": "0",
            "insuplc_admdvs": "110000",
            "emp_name": "示例有限公司",
        }
    ] == told["insuinfo"]
    assert [] == told["idetinfo"]


@pytest.mark.parametrize(
    "said",
    [
        _shown("03", "99A000001", card_sn="990000D156000005990000000000001A"),
        _shown("01", "INVENTED-TOKEN-LASTING"),
        {"data": {"mdtrt_cert_type": "02", "psn_cert_type": "01", "certno": _NUMBER}},
        _shown("02", _NUMBER, psn_name="示例1"),
        # A client that has no value for a text sends it empty.
        _shown("2", _NUMBER, card_sn="", certno="", psn_name="", begntime=""),
    ],
)
def test_every_credential_leads_to_the_person(reading: Till, said: dict[str, Any]) -> None:
    """Card, token, certificate and a drifting code of the type tell of the same person."""
    assert invented.EMPLOYEE == reading.done("1101", said)["baseinfo"]["psn_no"]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (_shown("02", "990000198503120010"), "[PERSON_UNKNOWN]"),
        (_shown("03", "99A000001", card_sn="OTHER"), "[PERSON_DIFFERS]"),
        (_shown("02", _NUMBER, psn_name="示例2"), "[PERSON_DIFFERS]"),
        (_shown("01", "INVENTED-TOKEN-EXPIRED"), "[CREDENTIAL_EXPIRED]"),
        ({"data": {"mdtrt_cert_type": "02"}}, "data.mdtrt_cert_no: missing"),
        ({"data": {"mdtrt_cert_no": _NUMBER}}, "data.mdtrt_cert_type: missing"),
        ({"data": {"mdtrt_cert_type": "02", "certno": _NUMBER}}, "data.mdtrt_cert_no: missing"),
        (_shown("02", "9" * 51), "data.mdtrt_cert_no: 51 characters; at most 50"),
        ({}, "data: missing"),
    ],
)
def test_who_is_not_told(reading: Till, said: dict[str, Any], reason: str) -> None:
    """Each refusal has its code, and none of them tells a name or a number back."""
    refused = reading.refused("1101", said)

    assert reason in refused
    assert "示例" not in refused
    assert _NUMBER not in refused


def test_several_insurances_and_one_account(till: Till) -> None:
    """Each insurance is a row; the account is told where a policy of it pays from one."""
    till.dispatch._office.desk.engine.open_person(
        Opening("H1", "OPEN-1", "440300", invented.INJURED, 5_000)
    )
    (number,) = [
        row["certno"] for row in invented.tables()["persons"] if row["psn_no"] == invented.INJURED
    ]
    told = till.done("1101", _shown("02", str(number)))

    assert [
        ("310", Decimal("50.00")),
        ("410", Decimal("0.00")),
        ("510", Decimal("0.00")),
    ] == [(row["insutype"], row["balc"]) for row in told["insuinfo"]]


def test_identities_are_those_of_the_day(reading: Till) -> None:
    """An entitlement of last year is told to whoever asks about last year."""
    (number,) = [
        str(row["certno"])
        for row in invented.tables()["persons"]
        if row["psn_no"] == invented.RESIDENT
    ]
    during = reading.done("1101", _shown("02", number, begntime="2024-12-31 23:59:59"))
    after = reading.done("1101", _shown("02", number, begntime="2025-01-01 00:00:00"))

    assert ["hardship"] == [row["psn_idet_type"] for row in during["idetinfo"]]
    assert [] == after["idetinfo"]


def test_institutions_by_code_and_by_name(reading: Till) -> None:
    """A code finds one; a part of a name finds those of the type that have it."""
    one = reading.done(
        "1201", {"medinsinfo": {"fixmedins_type": "1", "fixmedins_code": "H11000000001"}}
    )
    some = reading.done("1201", {"medinsinfo": {"fixmedins_type": "2", "fixmedins_name": "药店"}})

    assert [
        {
            "fixmedins_code": "H11000000001",
            "fixmedins_name": "示例三级医院",
            "uscc": None,
            "fixmedins_type": "1",
            "hosp_lv": "01",
        }
    ] == one["medinsinfo"]
    assert ["P11000000001", "P44030000001"] == [row["fixmedins_code"] for row in some["medinsinfo"]]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"fixmedins_type": "1", "fixmedins_code": "H9"}, "[INSTITUTION_UNKNOWN]"),
        ({"fixmedins_type": "2", "fixmedins_code": "H11000000001"}, "[INSTITUTION_UNKNOWN]"),
        ({"fixmedins_type": "1", "fixmedins_name": "无此院"}, "[INSTITUTION_UNKNOWN]"),
        ({"fixmedins_type": "1"}, "medinsinfo.fixmedins_code: missing"),
        ({"fixmedins_type": "3", "fixmedins_name": "院"}, "medinsinfo.fixmedins_type: '3' is"),
    ],
)
def test_institutions_that_are_not_found(reading: Till, said: dict[str, str], reason: str) -> None:
    """None of that code, type or name; and too little said."""
    assert reason in reading.refused("1201", {"medinsinfo": said})


def _checked(person: str, **changes: str) -> dict[str, Any]:
    said = {
        "psn_no": person,
        "insutype": "310",
        "fixmedins_code": "H11000000001",
        "med_type": "21",
        "begntime": "2024-06-03 08:00:00",
    }
    return {"data": said | changes}


def test_benefits_are_the_funds_of_the_policy_in_force(reading: Till) -> None:
    """Each fund that pays is a row with the policy's first day and what is left of its caps."""
    told = reading.done("2001", _checked(invented.EMPLOYEE))["trtinfo"]

    assert ["310100", "330100", "999900"] == [row["fund_pay_type"] for row in told]
    assert {"1"} == {row["trt_enjymnt_flag"] for row in told}
    assert {"2018-01-01"} == {row["begndate"] for row in told}
    assert (
        "北京市职工基本医疗保险住院待遇；统筹基金支付限额100,000.00元，剩余100,000.00元"
        == told[0]["trt_chk_rslt"]
    )


def test_what_is_left_goes_down_with_what_was_used(till: Till) -> None:
    """A counter brought along lowers what is told of the cap; refined types are known."""
    counters = (("310.pooled_paid", 2024, 4_000_000),)
    till.dispatch._office.desk.engine.open_person(
        Opening("H1", "OPEN-1", "110000", invented.EMPLOYEE, 0, counters)
    )
    told = till.done("2001", _checked(invented.EMPLOYEE, med_type="2101"))["trtinfo"]

    assert "剩余60,000.00元" in told[0]["trt_chk_rslt"]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (_checked(invented.PAUSED), "[ENROLMENT_PAUSED]"),
        (_checked(invented.PAUSED), "暂停日期 2024-03-01"),
        (_checked(invented.CHILD), "[NOT_ENROLLED]"),
        (_checked(invented.EMPLOYEE, med_type="71"), "[POLICY_NOT_FOUND]"),
        (_checked(invented.EMPLOYEE, begntime="2013-01-01"), "[POLICY_NOT_IN_FORCE]"),
        (_checked("99"), "[NOT_ENROLLED]"),
        (_checked(invented.EMPLOYEE, fixmedins_code="H9"), "[INSTITUTION_UNKNOWN]"),
        (_checked(invented.EMPLOYEE, begntime="2024-02-30"), "data.begntime: '2024-02-30'"),
    ],
)
def test_who_has_no_benefits(reading: Till, said: dict[str, Any], reason: str) -> None:
    """Not insured then, no policy for such a visit, none in force: each has its code."""
    assert reason in reading.refused("2001", said)


def test_a_code_table(reading: Till) -> None:
    """The table of a field, by its name in capitals or not; children name their parent."""
    rows = reading.done("1901", {"data": {"type": "PSN_TYPE", "parentValue": "12"}})["list"]
    all_of = reading.done("1901", {"data": {"type": "psn_type"}})["list"]

    assert [] == rows
    assert {
        "type": "psn_type",
        "label": "职工",
        "value": "1101",
        "parentValue": "11",
        "sort": 2,
        "valiFlag": "1",
    } == all_of[1]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"type": "insutype", "valiFlag": "1"}, 14),
        ({"type": "insutype", "valiFlag": "0"}, 0),
        ({"type": "psn_type", "parentValue": "14"}, 4),
    ],
)
def test_rows_of_a_code_table(reading: Till, said: dict[str, str], found: int) -> None:
    """What is valid is told, and what belongs under a code."""
    assert found == len(reading.done("1901", {"data": said})["list"])


def test_an_unknown_code_table(reading: Till) -> None:
    """The refusal names the tables that there are."""
    assert "data.type: 'nope' is no table here; insutype, med_type" in reading.refused(
        "1901", {"data": {"type": "nope"}}
    )
