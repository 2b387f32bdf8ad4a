"""Advances: lent up to an average month, taken back in instalments, and eaten up by nothing."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from medsettle import errors, limits
from medsettle.clearing.hospitals.advances import (
    Advance,
    advance,
    average_month_fen,
    equal_instalments,
    instalments_of,
    outstanding_fen,
)
from medsettle.clearing.hospitals.batches import pay
from medsettle.clearing.hospitals.deductions import (
    ClaimDeduction,
    Code,
    Taken,
    deduct_from_institution,
    deductions,
)
from medsettle.clearing.hospitals.remittances import remittance
from medsettle.clearing.hospitals.reports import report
from medsettle.clearing.hospitals.status import verify
from medsettle.clearing.hospitals.store import HospitalStore
from medsettle.core.dates import day_number

from tests.clearing.hospital_claims import (
    BY,
    CLEARING,
    PAYER,
    POOL,
    because,
    cleared,
    opened,
    record,
    terms,
)

_ON = date(2026, 5, 4)
_BACK = (date(2026, 6, 1), date(2026, 7, 1))


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[HospitalStore]:
    with opened(tmp_path) as store:
        yield store
        assert [] == verify(store)


def _lend(store: HospitalStore, fen: int, **changes: object) -> int:
    words = {
        "institution": "H1",
        "fund": POOL,
        "fen": fen,
        "day": _ON,
        "purpose": "drugs",
        "instalments": equal_instalments(fen, _BACK),
    }
    return advance(store, Advance(**(words | changes)), terms().on(_ON), BY)  # type: ignore[arg-type]


def test_an_advance_is_paid_and_taken_back(store: HospitalStore) -> None:
    """50.01 are lent; of 95.00 in June 25.01 are kept, and of 95.00 in July 25.00."""
    report(store, [record(1)], BY)
    _lend(store, 5_001)
    paid = [pay(store, _ON, PAYER)]
    owed = [outstanding_fen(store, "H1", POOL)]
    for number, day in enumerate(_BACK, 2):
        cleared(store, record(number), declaration=f"D{number}")
        paid.append(pay(store, day, PAYER))
        owed.append(outstanding_fen(store, "H1", POOL))

    # The first review covers the first claim too: 200.00 less 10.00.
    assert [5_001, 19_000 - 2_501, 9_500 - 2_500] == [each.sum_fen for each in paid if each]
    assert [5_001, 2_500, 0] == owed
    assert [Code.OFFSET] * 2 == [each.code for each in deductions(store)]
    last = paid[-1]
    assert last is not None
    assert [(Code.RESERVE, -500), (Code.OFFSET, -2_500)] == [
        (each.code, each.fen) for each in remittance(store, last.payments[0].payment).adjustments
    ]


def test_an_advance_settles_nothing(store: HospitalStore) -> None:
    """A deduction that is due the same day waits: the money is for drugs."""
    report(store, [record(1)], BY)
    what = ClaimDeduction(Code.INSPECTION, 3_000, day_number(_ON))
    deduct_from_institution(store, "H1", POOL, what, because("no records kept"))
    _lend(store, 5_000)
    batch = pay(store, _ON, PAYER)

    assert batch is not None
    assert 5_000 == batch.sum_fen
    assert Taken.NONE is deductions(store, "d.code = 20")[0].state


def test_an_average_month_is_one_with_records(store: HospitalStore) -> None:
    """Of the twelve months before: 100.00 and 201.01 are 150.50 on average, cut to whole fen."""
    days = (date(2025, 4, 30), date(2025, 5, 1), date(2026, 4, 30), date(2026, 5, 1))
    amounts = (99_999, 10_000, 20_101, 99_999)
    rows = [
        record(number, fen, record_date=day)
        for number, (day, fen) in enumerate(zip(days, amounts, strict=True))
    ]
    report(store, rows, BY)

    assert 15_050 == average_month_fen(store, "H1", POOL, _ON)
    assert 0 == average_month_fen(store, "H2", POOL, _ON)


@pytest.mark.parametrize("above", [0, 1])
def test_no_more_is_lent_than_a_month(store: HospitalStore, above: int) -> None:
    """Of a month of 100.00 with 40.00 outstanding, 60.00 are lent and 60.01 are not."""
    report(store, [record(1)], BY)
    _lend(store, 4_000)
    if not above:
        _lend(store, 6_000)
        assert 10_000 == outstanding_fen(store, "H1", POOL)
        return
    with pytest.raises(
        errors.Precondition,
        match=r"60\.01 with 40\.00 outstanding is above 1 month\(s\) of 100\.00",
    ):
        _lend(store, 6_001)


def test_an_area_without_the_terms_lends_nothing(store: HospitalStore) -> None:
    """Neither before its first version nor where it says nothing of advances."""
    report(store, [record(1)], BY)
    what = Advance("H1", POOL, 100, _ON, "drugs", equal_instalments(100, _BACK))
    with pytest.raises(errors.Precondition, match="advance nothing to hospitals"):
        advance(store, what, None, BY)


def test_every_fault_of_an_advance_is_told(store: HospitalStore) -> None:
    """Another purpose, instalments that do not add up or begin too early: all at once."""
    report(store, [record(1)], BY)
    with pytest.raises(errors.InvalidRequest) as refused:
        _lend(store, 100, purpose="building", instalments=((_ON, 101),))

    assert [
        "purpose: 'building' is none of drugs, consumables",
        "instalments: come to 101 fen, not to the 100 of the advance",
        "instalments: their days rise, from after 2026-05-04 on",
    ] == [str(fault) for fault in refused.value.faults]


@pytest.mark.parametrize("above", [0, 1])
def test_instalments_have_a_bound(store: HospitalStore, above: int) -> None:
    """As many as the bound, and not one more."""
    report(store, [record(1)], BY)
    count = limits.ADVANCE_INSTALMENTS_MAX + above
    days = [date.fromordinal(_ON.toordinal() + each) for each in range(1, count + 1)]
    if not above:
        _lend(store, 1_000, instalments=equal_instalments(1_000, days))
        assert count == len(deductions(store))
        return
    with pytest.raises(errors.InvalidRequest, match=f"are {count}, expected 1 to {count - 1}"):
        _lend(store, 1_000, instalments=equal_instalments(1_000, days))


def test_a_deduction_of_an_institution_needs_its_fund(store: HospitalStore) -> None:
    """A fund that never pays the institution could never take it: it is refused."""
    cleared(store, record(1))
    what = ClaimDeduction(Code.OTHER, 1, day_number(CLEARING))
    with pytest.raises(errors.NotFound, match="check all four"):
        deduct_from_institution(store, "H2", POOL, what, because("so"))
    for code in (Code.OFFSET, Code.RESERVE):
        with pytest.raises(errors.InvalidRequest, match="follows from an advance or the month"):
            offset = ClaimDeduction(code, 1, day_number(CLEARING))
            deduct_from_institution(store, "H1", POOL, offset, because("so"))


def test_instalments_are_written_in_months_or_days() -> None:
    """The first days of the months that follow, or days with whole fen as JSON."""
    most = limits.ADVANCE_INSTALMENTS_MAX
    months = instalments_of(str(most), 6_000, date(2026, 1, 31))
    assert (date(2026, 2, 1), 100) == months[0]
    assert (date(2031, 1, 1), most) == (months[-1][0], len(months))
    days = ((date(2026, 7, 1), 30), (date(2026, 7, 15), 70))
    assert days == instalments_of('[["2026-07-01", 30], ["2026-07-15", 70]]', 100, _ON)


@pytest.mark.parametrize(
    "text",
    [
        *("0", str(limits.ADVANCE_INSTALMENTS_MAX + 1), "soon", "{}", "3.5"),
        *('[["2026-07-32", 30]]', '[["2026-07-01", 30.5]]', '[["2026-07-01", "30"]]'),
    ],
)
def test_instalments_in_another_form_are_refused(text: str) -> None:
    """None, one month more than the bound, no day, and an amount that is no whole fen."""
    with pytest.raises(errors.InvalidRequest, match="is no number of months from 1 to 60"):
        instalments_of(text, 100, _ON)
