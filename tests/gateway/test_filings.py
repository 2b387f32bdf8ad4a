"""Filings: recorded once, cancelled once, told when asked, and what they do to later claims."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from medsettle import limits
from medsettle.gateway.directory import FilingEffect, Institution
from medsettle.gateway.filings import Filing, Visited, filed_facts

from fixtures import make_directory as invented
from tests.gateway.till import Till, open_till

_DAY = date(2024, 6, 3)


def _disease(person: str = invented.EMPLOYEE, code: str = "M00101", **more: str) -> dict[str, Any]:
    said = {
        "psn_no": person,
        "insutype": "310",
        "opsp_dise_code": code,
        "opsp_dise_name": "示例病种",
        "insu_optins": "110000",
        "hosp_ide_date": "2024-05-20",
        "begndate": "2024-06-01",
        "enddate": "2025-05-31",
    }
    return {"data": said | more}


def _choice(person: str = invented.EMPLOYEE, **more: str) -> dict[str, Any]:
    said = {
        "psn_no": person,
        "biz_appy_type": "03",
        "begndate": "2024-06-01",
        "enddate": "",
        "fix_srt_no": "1",
        "fixmedins_code": invented.HOSPITAL_PRIMARY,
        "fixmedins_name": "示例社区卫生服务中心",
    }
    return {"data": said | more}


def _referral(person: str = invented.EMPLOYEE, **more: str) -> dict[str, Any]:
    said = {
        "psn_no": person,
        "insutype": "310",
        "insu_optins": "110000",
        "reflin_medins_no": invented.HOSPITAL_NORTH,
        "reflin_medins_name": "示例北方医院",
        "mdtrtarea_admdvs": "220100",
        "refl_date": "2024-06-02",
        "refl_rea": "示例",
        "refl_opnn": "同意",
        "begndate": "2024-06-02",
        "enddate": "2024-07-01",
    }
    return {"refmedin": said | more}


def _number(answer: dict[str, Any]) -> str:
    number: str = answer["result"]["trt_dcla_detl_sn"]
    return number


def _cancel(number: str, person: str = invented.EMPLOYEE) -> dict[str, Any]:
    return {"data": {"trt_dcla_detl_sn": number, "psn_no": person}}


@pytest.mark.parametrize(
    ("files", "said", "cancels", "asks", "node", "told"),
    [
        ("2501", _referral(), "2502", "5304", "refmedin", {"reflin_medins_no": "H22010000001"}),
        ("2501A", _referral(), "2502", "5304", "refmedin", {"refl_date": "2024-06-02"}),
        ("2503", _disease(), "2504", "5301", "feedetail", {"opsp_dise_code": "M00101"}),
        ("2505", _choice(), "2506", "5302", "psnfixmedin", {"fixmedins_code": "H11000000003"}),
    ],
)
def test_filed_told_and_cancelled(
    till: Till,
    files: str,
    said: dict[str, Any],
    cancels: str,
    asks: str,
    node: str,
    told: dict[str, str],
) -> None:
    """What is filed is told with its days and number, until it is cancelled; then no more."""
    query = {"psn_no": invented.EMPLOYEE, "begntime": "2024-06-01", "endtime": "2024-06-30"}
    number = _number(till.done(files, said))
    (row,) = till.done(asks, {"data": query})[node]

    assert len(number) == 26
    assert (number, said[next(iter(said))]["begndate"]) == (
        row["trt_dcla_detl_sn"],
        row["begndate"],
    )
    assert told.items() <= row.items()
    till.done(cancels, _cancel(number))
    assert [] == till.done(asks, {"data": query})[node]
    assert "[FILING_REFUSED]" in till.refused(cancels, _cancel(number))
    # What was taken back may be filed anew.
    assert number != _number(till.done(files, said))


def test_the_same_message_again_is_answered_from_the_record(till: Till) -> None:
    """One msgid files once and has one number; with other content it is refused."""
    msgid = till.msgid()
    first = till.done("2503", _disease(), msgid)

    assert first == till.done("2503", _disease(), msgid)
    assert "[REQUEST_ID_REUSED]" in till.refused("2503", _disease(code="M00102"), msgid)
    rows = till.done("5301", {"data": {"psn_no": invented.EMPLOYEE}})["feedetail"]
    assert 1 == len(rows)


@pytest.mark.parametrize(
    ("infno", "said", "reason"),
    [
        ("2503", _disease(invented.PAUSED), "[ENROLMENT_PAUSED]"),
        ("2503", _disease(invented.CHILD), "[NOT_ENROLLED]"),
        ("2503", _disease("99"), "[NOT_ENROLLED]"),
        ("2503", _disease(enddate="2024-05-31"), "enddate: 2024-05-31 is before begndate"),
        ("2503", _disease(opsp_dise_code=""), "opsp_dise_code: missing"),
        ("2501", _referral(enddate="2024-06-01"), "refmedin.enddate: 2024-06-01 is before"),
        ("2501", _referral(mdtrtarea_admdvs=""), "refmedin.mdtrtarea_admvs: missing"),
        ("2505", _choice(fixmedins_code="H9"), "[INSTITUTION_UNKNOWN]"),
        ("2505", _choice(invented.PAUSED), "[NOT_ENROLLED]"),
        ("2505", _choice("99"), "[PERSON_UNKNOWN]"),
        ("2505", _choice(fix_srt_no="1234"), "fix_srt_no: 4 characters; at most 3"),
        ("2504", _cancel("no-such-number"), "[NOT_FOUND]"),
        ("2504", _cancel("X"), "[NOT_FOUND]"),
        ("2504", _cancel("110000" + "0" * 20, "99"), "[PERSON_UNKNOWN]"),
    ],
)
def test_what_cannot_be_filed(reading: Till, infno: str, said: dict[str, Any], reason: str) -> None:
    """Nobody insured then, days in the wrong order, missing or unknown values, no such filing."""
    assert reason in reading.refused(infno, said)


def test_a_filing_is_cancelled_by_its_own_pair_and_person(till: Till) -> None:
    """Neither another transaction nor another person takes it back."""
    number = _number(till.done("2503", _disease()))

    assert "[NOT_FOUND]" in till.refused("2502", _cancel(number))
    assert "[NOT_FOUND]" in till.refused("2504", _cancel(number, invented.RETIRED))
    till.done("2504", _cancel(number))


@pytest.mark.parametrize(
    ("second", "crosses"),
    [
        ({}, True),
        ({"begndate": "2025-05-31", "enddate": ""}, True),
        ({"begndate": "2025-06-01", "enddate": ""}, False),
        ({"begndate": "2023-01-01", "enddate": "2024-06-01"}, True),
        ({"begndate": "2023-01-01", "enddate": "2024-05-31"}, False),
        ({"opsp_dise_code": "M00102"}, False),
    ],
)
def test_the_same_disease_is_approved_once_a_day(
    till: Till, second: dict[str, str], crosses: bool
) -> None:
    """Spans of one disease meet on no day; the day after is free, and so is another disease."""
    till.done("2503", _disease())
    if crosses:
        assert "[FILING_REFUSED]" in till.refused("2503", _disease(**second))
    else:
        till.done("2503", _disease(**second))


def test_as_many_diseases_as_a_claim_may_name(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than the bound is refused on days when all of them count."""
    monkeypatch.setattr(limits, "APPROVED_DISEASES_MAX", 2)
    for code in ("M1", "M2"):
        till.done("2503", _disease(code=code))

    assert "[FILING_REFUSED]" in till.refused("2503", _disease(code="M3"))
    till.done("2503", _disease(code="M3", begndate="2025-06-01", enddate=""))


def test_as_many_filings_as_are_kept(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelled ones count too, for they are folded each time."""
    monkeypatch.setattr(limits, "FILINGS_PER_PERSON_MAX", 2)
    till.done("2504", _cancel(_number(till.done("2503", _disease()))))
    till.done("2503", _disease())

    assert "[FILING_REFUSED]" in till.refused("2503", _disease(code="M2"))
    # Somebody else has filings of their own.
    till.done("2503", _disease(invented.RETIRED))


def test_a_choice_of_another_kind_or_place_stands_beside(till: Till) -> None:
    """One place in the order and one institution a kind; both others are refused."""
    till.done("2505", _choice())

    assert "[FILING_REFUSED]" in till.refused("2505", _choice(fix_srt_no="2"))
    assert "[FILING_REFUSED]" in till.refused(
        "2505", _choice(fixmedins_code=invented.HOSPITAL_TERTIARY)
    )
    till.done("2505", _choice(biz_appy_type="01"))
    till.done("2505", _choice(fix_srt_no="2", fixmedins_code=invented.HOSPITAL_TERTIARY))
    rows = till.done("5302", {"data": {"psn_no": invented.EMPLOYEE, "biz_appy_type": "03"}})

    assert ["1", "2"] == [row["fix_srt_no"] for row in rows["psnfixmedin"]]


# --- what they state in claims -----------------------------------------------------------------

_EFFECTS = (
    FilingEffect("990000", "2501", None, None, "referral", "referred"),
    FilingEffect("990000", "2505", "08", "elsewhere", "filing", "other"),
    FilingEffect("990000", "2505", "08", "province", "filing", "province"),
    FilingEffect("990000", "2505", "03", None, "benefit_groups", "chosen_institution"),
    FilingEffect("990000", "2503", None, None, "benefit_groups", "special_chronic"),
    FilingEffect("990000", None, None, "elsewhere", "filing", "unfiled"),
)


def _filing(kind: str, **said: str) -> Filing:
    dated = {"begndate": "2024-06-01", "enddate": "2024-06-30", "insutype": "310"}
    return Filing(f"F{kind}", kind, "P1", "990000", dated | said, seq=1)


def _visited(area: str = "980000", **changes: Any) -> Visited:  # noqa: ANN401 - fields of it
    """Return a visit in an area of somebody insured in 990100."""
    institution = Institution("H1", "示例", "1", area, "01")
    return replace(Visited(institution, "990100", "310", _DAY), **changes)


@pytest.mark.parametrize(
    ("filing", "visited", "facts"),
    [
        (_filing("2501", reflin_medins_no="H1"), _visited(), {"referral": "referred"}),
        (_filing("2501", reflin_medins_no="H2"), _visited(), {"filing": "unfiled"}),
        (_filing("2501", mdtrtarea_admvs="980000"), _visited(), {"referral": "referred"}),
        (_filing("2501", mdtrtarea_admvs="970000"), _visited(), {"filing": "unfiled"}),
        (
            _filing("2505", fixmedins_code="H1", biz_appy_type="08"),
            _visited(),
            {"filing": "other", "filing_date": date(2024, 6, 1)},
        ),
        (
            _filing("2505", fixmedins_code="H1", biz_appy_type="08"),
            _visited("990200"),
            {"filing": "province", "filing_date": date(2024, 6, 1)},
        ),
        (_filing("2505", fixmedins_code="H1", biz_appy_type="08"), _visited("990100"), {}),
        (_filing("2505", fixmedins_code="H1", biz_appy_type="08"), _visited("990106"), {}),
        (
            _filing("2505", fixmedins_code="H1", biz_appy_type="03"),
            _visited(),
            {"benefit_groups": ["chosen_institution"]},
        ),
        (_filing("2503", opsp_dise_code="M1"), _visited("990100"), {"approved_diseases": ["M1"]}),
        (
            _filing("2503", opsp_dise_code="M1"),
            _visited("990100", disease="M1"),
            {
                "approved_diseases": ["M1"],
                "approval_date": date(2024, 6, 1),
                "benefit_groups": ["special_chronic"],
            },
        ),
        (
            _filing("2503", opsp_dise_code="M1"),
            _visited("990100", disease="M2"),
            {"approved_diseases": ["M1"]},
        ),
        (_filing("2503", opsp_dise_code="M1"), _visited("990100", insurance_type="390"), {}),
        (_filing("2503", opsp_dise_code="M1"), _visited("990100", day=date(2024, 5, 31)), {}),
        (_filing("2503", opsp_dise_code="M1"), _visited("990100", day=date(2024, 7, 1)), {}),
    ],
)
def test_what_a_filing_states(filing: Filing, visited: Visited, facts: dict[str, Any]) -> None:
    """Its columns on its days, for its institution or area, disease and insurance; else nothing."""
    assert facts == filed_facts([filing], _EFFECTS, visited)


def test_what_a_cancelled_filing_states() -> None:
    """Nothing: the visit is as if it had never been made."""
    cancelled = Filing(
        "F1", "2503", "P1", "990000", {"begndate": "2024-06-01", "opsp_dise_code": "M1"}, 1, "2504"
    )

    assert {} == filed_facts([cancelled], _EFFECTS, _visited("990100", disease="M1"))


def _fund_pays(till: Till, person: str) -> str:
    """Return what the fund pays of a stay of two days with one line of 50,000 yuan."""
    admitted = till.done(
        "2401",
        {
            "mdtrtinfo": {
                "psn_no": person,
                "insutype": "310",
                "begntime": "2025-03-01 08:00:00",
                "mdtrt_cert_type": "02",
                "med_type": "25",
                "ipt_no": "I1",
                "atddr_no": "D1",
                "chfpdr_name": "示例",
                "adm_diag_dscr": "示例",
                "adm_dept_codg": "01",
                "adm_dept_name": "内科",
                "adm_bed": "1",
                "dscg_maindiag_code": "J18.900",
                "dscg_maindiag_name": "示例",
            },
            "diseinfo": [
                {
                    "diag_type": "1",
                    "maindiag_flag": "1",
                    "diag_srt_no": 1,
                    "diag_code": "J18.900",
                    "diag_name": "示例",
                    "diag_time": "2025-03-01 08:00:00",
                }
            ],
        },
    )
    visit = admitted["result"]["mdtrt_id"]
    line = {
        "feedetl_sn": "1",
        "mdtrt_id": visit,
        "psn_no": person,
        "med_type": "25",
        "fee_ocur_time": "2025-03-02 09:00:00",
        "med_list_codg": "009902000001000990200000100",
        "medins_list_codg": "X",
        "det_item_fee_sumamt": "50000.00",
        "cnt": "1",
        "pric": "50000",
    }
    till.done("2301", {"feedetail": [line]})
    settle = {
        "psn_no": person,
        "mdtrt_cert_type": "02",
        "medfee_sumamt": "50000.00",
        "mdtrt_id": visit,
        "acct_used_flag": "0",
        "insutype": "310",
        "mid_setl_flag": "1",
        "dscgTime": "2025-03-03 10:00:00",
    }
    return f"{till.done('2303', {'data': settle})['setlinfo']['hifp_pay']:.2f}"


def test_what_the_fund_pays_follows_the_filings(tmp_path: Path) -> None:
    """An area takes 20 % first of whoever comes by themselves, 10 % of who was referred.

    Of 50,000: 40,000 less 800 at 85 %; 45,000 less 800; and of who lives there, 50,000 less 800.
    """
    person = invented.TRAVELLER
    now = datetime(2025, 3, 12, 2, 0, tzinfo=UTC)
    with open_till(tmp_path / "ledger.db", clock=lambda: now) as till:
        till.insured_area = "360100"
        assert "33320.00" == _fund_pays(till, person)
        referral = _referral(
            person,
            insu_optins="360100",
            reflin_medins_no=invented.HOSPITAL_TERTIARY,
            mdtrtarea_admdvs="110000",
            begndate="2025-03-01",
            enddate="2025-03-31",
        )
        number = _number(till.done("2501", referral))
        assert "37570.00" == _fund_pays(till, person)
        till.done("2502", _cancel(number, person))
        assert "33320.00" == _fund_pays(till, person)
        choice = _choice(
            person,
            biz_appy_type="08",
            begndate="2025-03-03",
            fixmedins_code=invented.HOSPITAL_TERTIARY,
        )
        till.done("2505", choice)
        assert "41820.00" == _fund_pays(till, person)
