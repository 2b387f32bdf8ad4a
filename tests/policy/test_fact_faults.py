"""What the checker says of quantities, dimensions by facts, and counters that are split."""

import pytest

from tests.policy.documents import changed, faults, good

_COUNTERS = "counters:\n"
_PAID = "paid: {period: benefit_year, sums: [pool.paid]}"


def _quantity(body: str) -> str:
    return f"quantities:\n  days: {body}\ncounters:\n"


def _dimension(body: str) -> str:
    return f"  fact: {body}\ncounters:\n"


_FAULTS = {
    "code-that-no-claim-can-state": (
        _COUNTERS,
        _dimension("{column: institution_kind, codes: {other: [none], special: [专科]}}"),
        "dimensions.fact.codes.special: no claim can state '专科': codes are printable ASCII "
        "characters without spaces; write the code that institutions send",
    ),
    "group-that-no-claim-can-state": (
        _COUNTERS,
        _dimension("{group: 困难}"),
        "dimensions.fact.group: no claim can state '困难': codes are printable ASCII characters "
        "without spaces; write the code that institutions send",
    ),
    "quantity-of-nothing": (
        _COUNTERS,
        _quantity("{less: 1天}"),
        "quantities.days: a quantity has one of number, years_since, months_since, days_since, "
        "month_of, count; found none",
    ),
    "quantity-of-two-things": (
        _COUNTERS,
        _quantity("{number: stay_days, count: benefit_groups}"),
        "quantities.days: a quantity has one of number, years_since, months_since, days_since, "
        "month_of, count; found number and count",
    ),
    "quantity-of-a-date": (
        _COUNTERS,
        _quantity("{number: birth_date}"),
        "quantities.days.number: no number of a claim is called 'birth_date'; known here: "
        "children, claim_free_years, enrolment_years, gestation_weeks, sessions, stay_days",
    ),
    "quantity-without-a-unit": (
        _COUNTERS,
        _quantity("{number: stay_days, at_most: 5}"),
        "quantities.days.at_most: '5' has no unit; a quantity is written like 90天 or 1人",
    ),
    "quantity-of-every-nothing": (
        _COUNTERS,
        _quantity("{number: stay_days, every: 0天}"),
        "quantities.days.every: nothing makes one of nothing; write `every` from 1 on",
    ),
    "quantity-nobody-asks": (
        _COUNTERS,
        _quantity("{number: stay_days}"),
        "quantities.days: nothing is by quantity 'days' or times it; use it or delete it",
    ),
    "dates-that-begin-with-a-date": (
        _COUNTERS,
        _dimension("{date: retirement_date, dates: {early: 1990-01-01, late: 2001-01-01}}"),
        "dimensions.fact.dates.early: '1990-01-01' is no choice here; known here: none",
    ),
    "dates-out-of-order": (
        _COUNTERS,
        _dimension("{date: retirement_date, dates: {no: none, b: 2001-01-01, a: 1990-01-01}}"),
        "dimensions.fact.dates.a: class 'a' begins no later than the one before; write the "
        "classes in order of time",
    ),
    "a-date-of-codes": (
        _COUNTERS,
        _dimension("{date: institution_level, dates: {no: none}}"),
        "dimensions.fact.date: no date of a claim is called 'institution_level'; known here: "
        "admission_date, approval_date, benefit_start_date, birth_date, filing_date, "
        "retirement_date, service_date",
    ),
    "split-by-a-count": (
        _PAID,
        "paid: {period: benefit_year, sums: [pool.paid], split_by: [admission]}",
        "counters.paid.split_by: 'admission' is counted itself, and a counter cannot wait for "
        "another; split it by a class of the claim",
    ),
    "split-by-a-person": (
        _PAID,
        "paid: {period: benefit_year, sums: [pool.paid], split_by: [persons]}",
        "counters.paid.split_by[0]: no dimension or identifier is called 'persons'; did you mean "
        "'person'?",
    ),
    "treatment-year-without-a-day": (
        _PAID,
        "paid: {period: treatment_year, sums: [pool.paid]}",
        "counters.paid: 'since' (the date on which a treatment year begins) is missing; it has no "
        "default, so write it",
    ),
    "calendar-year-since-a-day": (
        _PAID,
        "paid: {period: benefit_year, since: approval_date, sums: [pool.paid]}",
        "counters.paid.since: `since` goes with `period: treatment_year`; delete it",
    ),
    "treatment-year-of-a-century": (
        _PAID,
        "paid: {period: treatment_year, since: approval_date, lasts: 51年, sums: [pool.paid]}",
        "counters.paid.lasts: it lasts 1 to 50 years; correct it",
    ),
    "counted-when-no-class": (
        _PAID,
        "paid: {period: benefit_year, sums: [pool.paid], when: {hospital: [secondary]}}",
        "counters.paid.when.hospital[0]: no class of hospital is called 'secondary'; known here: "
        "above, primary",
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), _FAULTS.values(), ids=_FAULTS)
def test_a_fact_that_contradicts_itself_is_refused(old: str, new: str, expected: str) -> None:
    """One slip is one message, with the remedy."""
    assert expected in faults(changed(old, new))


def test_a_period_may_last_as_long_as_the_bound() -> None:
    """Fifty years are accepted, one more is not (above)."""
    new = "paid: {period: treatment_year, since: approval_date, lasts: 50年, sums: [pool.paid]}"

    assert 50 == good(changed(_PAID, new)).counters["paid"].lasts
