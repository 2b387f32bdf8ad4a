"""What filings do to later claims of a person: by their days, the place, and the area's words."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from medsettle.gateway.directory import FilingEffect, Institution
from medsettle.gateway.filing import Filing
from medsettle.gateway.filings import Visited, filed_facts

from fixtures import make_directory as invented
from fixtures.make_catalogue import CLASS_A_SERVICE
from tests.gateway.bills import DIAGNOSES, line
from tests.gateway.filed import cancel_of, choice_filed, number_of, referral_filed
from tests.gateway.till import Nodes, Till, open_till

_DAY = date(2024, 6, 3)
_LATER = datetime(2025, 3, 12, 2, 0, tzinfo=UTC)

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


def _paid_of_stay(till: Till, person: str) -> Decimal:
    """Return what the pool pays of a stay of two days with one line of 50,000 yuan."""
    admission = {
        "psn_no": person,
        "insutype": "310",
        "begntime": "2025-03-01 08:00:00",
        "mdtrt_cert_type": "02",
        "med_type": "25",
        "ipt_no": "I1",
    }
    told = till.done("2401", {"mdtrtinfo": admission, "diseinfo": DIAGNOSES})
    visit = told["result"]["mdtrt_id"]
    _charged(till, "2301", visit, person, "50000.00", fee_ocur_time="2025-03-02 09:00:00")
    settle = _to_settle(visit, person, mid_setl_flag="1", dscgTime="2025-03-03 10:00:00")
    paid: Decimal = till.done("2303", settle)["setlinfo"]["hifp_pay"]
    return paid


def _paid_of_visit(till: Till, person: str) -> Decimal:
    """Return what the funds pay of an outpatient visit with one line of 100 yuan."""
    begun = {"psn_no": person, "begntime": "2025-03-12 08:00:00"}
    shown = {"insutype": "310", "mdtrt_cert_type": "02", "ipt_otp_no": "O1"}
    visit = till.done("2201", {"data": begun | shown})["data"]["mdtrt_id"]
    told = begun | {"mdtrt_id": visit, "med_type": "11"}
    till.done("2203", {"mdtrtinfo": told, "diseinfo": DIAGNOSES})
    _charged(
        till, "2204", visit, person, "100.00", fee_ocur_time="2025-03-12 08:30:00", chrg_bchno="B1"
    )
    paid: Decimal = till.done("2206", _to_settle(visit, person, chrg_bchno="B1"))["setlinfo"][
        "fund_pay_sumamt"
    ]
    return paid


def _charged(till: Till, infno: str, visit: str, person: str, yuan: str, **more: str) -> None:
    row = line(visit, "1", CLASS_A_SERVICE, yuan, psn_no=person, **more)
    till.done(infno, {"feedetail": [row]})


def _to_settle(visit: str, person: str, **more: str) -> Nodes:
    said = {
        "psn_no": person,
        "mdtrt_cert_type": "02",
        "mdtrt_id": visit,
        "acct_used_flag": "0",
        "insutype": "310",
        "medfee_sumamt": "0",
    }
    return {"data": said | more}


def test_what_the_fund_pays_follows_the_filings(tmp_path: Path) -> None:
    """An area takes 20 % first of whoever comes by themselves, 10 % of who was referred.

    Of 50,000: 40,000 less 800 at 85 %; 45,000 less 800; and of who lives there, 50,000 less 800.
    """
    person = invented.TRAVELLER
    with open_till(tmp_path / "ledger.db", clock=lambda: _LATER) as till:
        till.insured_area = "360100"
        assert Decimal(33320) == _paid_of_stay(till, person)
        referral = referral_filed(
            person,
            insu_optins="360100",
            reflin_medins_no=invented.HOSPITAL_TERTIARY,
            mdtrtarea_admdvs="110000",
            begndate="2025-03-01",
            enddate="2025-03-31",
        )
        number = number_of(till.done("2501", referral))
        assert Decimal(37570) == _paid_of_stay(till, person)
        till.done("2502", cancel_of(number, person))
        assert Decimal(33320) == _paid_of_stay(till, person)
        choice = choice_filed(
            person,
            biz_appy_type="08",
            begndate="2025-03-03",
            fixmedins_code=invented.HOSPITAL_TERTIARY,
        )
        till.done("2505", choice)
        assert Decimal(41820) == _paid_of_stay(till, person)


def test_an_outpatient_is_paid_for_by_choice_or_referral(tmp_path: Path) -> None:
    """An area pays 80 % where a person has chosen, 65 % where referred, and elsewhere nothing.

    The choice is one that the bureau filed before.
    """
    with open_till(tmp_path / "ledger.db", clock=lambda: _LATER) as till:
        till.insured_area = "440100"
        assert Decimal(80) == _paid_of_visit(till.at(invented.HOSPITAL_CHOSEN), invented.CHOOSER)
        assert Decimal(0) == _paid_of_visit(till, invented.CHOOSER)
        referral = referral_filed(
            invented.CHOOSER,
            insu_optins="440100",
            reflin_medins_no="",
            mdtrtarea_admdvs="110000",
            begndate="2025-03-01",
            enddate="",
        )
        till.done("2501", referral)
        assert Decimal(65) == _paid_of_visit(till, invented.CHOOSER)
