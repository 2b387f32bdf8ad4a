"""Terms by which hospitals are paid: read strictly, all faults at once, and shares that add up."""

from datetime import date
from fractions import Fraction
from math import ceil, floor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle import errors, limits
from medsettle.clearing.hospitals.approvals import supply
from medsettle.clearing.hospitals.read_terms import read_hospital_terms
from medsettle.clearing.hospitals.reports import report
from medsettle.clearing.hospitals.shares import part_of, parts_of
from medsettle.clearing.hospitals.slices import instant
from medsettle.clearing.hospitals.terms import Claimed, rule_of
from medsettle.core.money import Rounding

from tests.clearing.hospital_claims import BY, FOLDER, SUPPLIER, TERMS, opened, record, terms

_EXACT = {
    Rounding.HALF_UP: lambda exact: floor(exact + Fraction(1, 2)),
    Rounding.DOWN: floor,
    Rounding.UP: ceil,
}


@given(
    amounts=st.lists(st.integers(0, limits.AMOUNT_FEN_MAX), max_size=40),
    rate_bps=st.integers(0, 10_000),
    rounding=st.sampled_from(list(Rounding)),
)
def test_parts_are_the_rate_of_the_sum(
    amounts: list[int], rate_bps: int, rounding: Rounding
) -> None:
    """In all three roundings: exact in sum, each within a fen of its rate, none above itself."""
    parts = parts_of(amounts, rate_bps, rounding)
    rate = Fraction(rate_bps, 10_000)

    assert _EXACT[rounding](rate * sum(amounts)) == sum(parts)
    assert part_of(sum(amounts), rate_bps, rounding) == sum(parts)
    for fen, part in zip(amounts, parts, strict=True):
        assert floor(rate * fen) <= part <= min(fen, ceil(rate * fen))


def test_the_published_rate_of_a_province(tmp_path: Path) -> None:
    """60 % of each inpatient bill the next day: of 100.01 and 200.02 are 60.01 and 120.01.

    Source: Xinhua, 11 March 2025. The rate of the sum, 180.018, is 180.02.
    """
    book = read_hospital_terms(FOLDER / "340000.yaml")
    facts = {"pooling_area": book.area, "record_date": date(2025, 4, 1)}
    with opened(tmp_path) as store:
        supply(store, book, SUPPLIER)
        report(store, [record(1, 10_001, **facts), record(2, 20_002, **facts)], BY)
        assert [] == instant(store, book, date(2025, 4, 1), BY)
        (found,) = instant(store, book, date(2025, 4, 2), BY)
        slices = [store.part(claim, "pooled_fund").approved_fen for claim in ("S1", "S2")]

    assert (30_003, 18_002, [6_001, 12_001]) == (found.base_fen, found.slices_fen, slices)
    assert 0 == book.versions[0].reserve_bps


def test_a_province_is_not_paid_for_days_before_its_rule(tmp_path: Path) -> None:
    """A settlement of the day before the first version gets nothing at once, one of it does."""
    book = read_hospital_terms(FOLDER / "340000.yaml")
    days = (date(2025, 3, 10), date(2025, 3, 11))
    with opened(tmp_path) as store:
        supply(store, book, SUPPLIER)
        rows = [record(day.day, pooling_area=book.area, record_date=day) for day in days]
        report(store, rows, BY)
        (found,) = instant(store, book, date(2025, 3, 20), BY)

    assert (1, 6_000) == (found.claims, found.slices_fen)


@pytest.mark.parametrize(
    ("changes", "rate"),
    [
        pytest.param({}, 6_000, id="inpatient"),
        pytest.param({"elsewhere": True}, 6_000, id="insured-elsewhere"),
        pytest.param({"payer": "large_amount"}, 6_000, id="another-fund"),
        pytest.param({"payer": "assistance"}, None, id="fund-not-named"),
        pytest.param({"insurance_type": "510"}, None, id="insurance-not-named"),
        pytest.param({"clearing_class": "11", "grade": "A"}, 8_000, id="outpatient-A"),
        pytest.param({"clearing_class": "11", "grade": ""}, None, id="outpatient-no-grade"),
        pytest.param(
            {"clearing_class": "11", "grade": "A", "elsewhere": True}, None, id="local-only"
        ),
    ],
)
def test_one_rule_pays_a_claim_or_none(changes: dict[str, object], rate: int | None) -> None:
    """By insurance type, class, fund, grade and whether the person is insured here."""
    facts = {
        "insurance_type": "310",
        "clearing_class": "21",
        "payer": "pooled_fund",
        "elsewhere": False,
        "day": date(2026, 3, 10),
        "grade": "",
    }
    found = rule_of(terms().versions[0], Claimed(**(facts | changes)))  # type: ignore[arg-type]

    assert rate == (None if found is None else found.rate_bps)


def _faults(tmp_path: Path, *changes: tuple[str, str]) -> list[str]:
    """Return what is wrong with the terms of the invented area after replacing some texts."""
    text = TERMS.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    path = tmp_path / "terms.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(errors.PolicyRejected) as refused:
        read_hospital_terms(path)
    return [each.message for each in refused.value.violations]


def test_every_fault_of_a_document_is_told_at_once(tmp_path: Path) -> None:
    """A rate without unit, a class that is none, an unknown source, a day too many, a slip."""
    found = _faults(
        tmp_path,
        ("rate: 60%", "rate: 60"),
        ('clearing_classes: ["21"]', "clearing_classes: [stay]"),
        ("days_after: 3", f"days_after: {limits.INSTANT_DAYS_MAX + 1}"),
        ("source: grades", "source: grade"),
        ("released:", "releases:"),
    )

    assert len(found) == 5
    assert any("'60' has no unit" in message for message in found)
    assert any("'stay' is no code" in message for message in found)
    assert any("'32' is no number of days; write one from 0 to 31" in each for each in found)
    assert any("no source is called 'grade'" in message for message in found)
    assert any("unknown word 'releases'" in message for message in found)


def test_the_last_day_after_is_taken(tmp_path: Path) -> None:
    """As many days as the bound are read; one more is a fault, as above."""
    path = tmp_path / "terms.yaml"
    text = TERMS.read_text(encoding="utf-8")
    most = limits.INSTANT_DAYS_MAX
    path.write_text(text.replace("days_after: 3", f"days_after: {most}"), encoding="utf-8")

    assert most in {rule.days_after for rule in read_hospital_terms(path).versions[0].instant}


def test_two_rules_for_the_same_claim_are_refused(tmp_path: Path) -> None:
    """Also where one names no grade and so covers all; which one would pay is not said."""
    (found,) = _faults(tmp_path, ("        grades: [B]\n", ""))[:1]
    assert "claims of rule 2 fall under this one too; tell them apart" in found


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("rate: 62.5%", "rate: 62.505%", "finer than a ten-thousandth", id="too-fine"),
        pytest.param("rate: 80%", "rate: 100.01%", "expected 0.01% to 100%", id="above-all"),
        pytest.param("rate: 5%", "rate: 0%", "expected 0.01% to 100%", id="nothing"),
        pytest.param("area: 999901", "area: 9999", "'9999' is no area", id="area"),
        pytest.param("rounding: half_up", "rounding: even", "is no choice here", id="rounding"),
        pytest.param('months: "1"', 'months: "13"', "is no number of months", id="months"),
        pytest.param("payers: [pooled_fund]", "payers: [account]", "no fund is", id="account"),
    ],
)
def test_a_value_out_of_bounds_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    """Each with what it is and what may stand there."""
    assert any(message in found for found in _faults(tmp_path, (old, new)))


def test_versions_come_in_order(tmp_path: Path) -> None:
    """Terms of a day are those of the last version that begins no later."""
    path = tmp_path / "terms.yaml"
    text = TERMS.read_text(encoding="utf-8")
    path.write_text(f"{text}  - from: 2026-07-01\n    rounding: down\n", encoding="utf-8")
    book = read_hospital_terms(path)

    assert [None, Rounding.HALF_UP, Rounding.HALF_UP, Rounding.DOWN] == [
        found and found.rounding
        for found in map(
            book.on,
            (date(2025, 12, 31), date(2026, 1, 1), date(2026, 6, 30), date(2026, 7, 1)),
        )
    ]
    path.write_text(f"{text}  - from: 2026-01-01\n    rounding: down\n", encoding="utf-8")
    with pytest.raises(errors.PolicyRejected, match="does not come after"):
        read_hospital_terms(path)
