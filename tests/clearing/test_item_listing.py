"""Lists of items: what they are narrowed to, their parts, their ages, and sums by fund."""

from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from medsettle.clearing.items.by_fund import sums_by_fund, sums_of_totals
from medsettle.clearing.items.deadlines import overdue
from medsettle.clearing.items.listing import (
    Aged,
    Counts,
    Narrowed,
    Standing,
    aged,
    counted,
    part_of_items,
    part_of_runs,
    reconciliations,
)
from medsettle.clearing.items.store import ItemStore
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.classes import Action, DifferenceClass

from tests.clearing.differences import (
    DAY,
    MOMENT,
    SAID,
    approved,
    book_row,
    difference,
    later,
    only_care,
    scope,
    table,
    unequal_amount,
)


def _numbers(
    store: ItemStore,
    narrowed: Narrowed,
    today: date,
    *,
    size: int = 100,
    before: int | None = None,
    after: int | None = None,
    by_risk: bool = False,
) -> list[int]:
    found = part_of_items(
        *(store, narrowed, today), size=size, before=before, after=after, by_risk=by_risk
    )
    return [item.number for item in found]


@pytest.mark.parametrize(
    ("age_days", "band"),
    [(0, 0), (1, 0), (2, 1), (7, 1), (8, 2), (30, 2), (31, 3), (90, 3), (91, 4), (4_000, 4)],
)
def test_each_age_is_of_one_band(tmp_path: Path, age_days: int, band: int) -> None:
    """Counted there, listed there, and nowhere else."""
    today = DAY + timedelta(days=age_days)
    with ItemStore(tmp_path / "clearing") as store:
        store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
        listed = [_numbers(store, Narrowed(band=at), today) for at in range(5)]
        ages = aged(store, Narrowed(), today)

    assert [Aged(DifferenceClass.ONLY_CARE, band, 1, 70_000)] == ages
    assert [[1] if at == band else [] for at in range(5)] == listed


def test_what_was_recorded_after_today_is_of_the_first_band(tmp_path: Path) -> None:
    """A clock that is behind makes no item disappear."""
    with ItemStore(tmp_path / "clearing") as store:
        store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
        yesterday = DAY - timedelta(days=1)

        assert [1] == _numbers(store, Narrowed(band=0), yesterday)
        assert 0 == aged(store, Narrowed(), yesterday)[0].band


def test_parts_begin_at_positions(tmp_path: Path) -> None:
    """The newest first; next to a position above it, those nearest."""
    rows = [only_care(f"S{number}") for number in range(1, 8)]
    with ItemStore(tmp_path / "clearing") as store:
        store.record_run(scope(), table(*rows), 9, MOMENT)

        assert [7, 6, 5] == _numbers(store, Narrowed(), DAY, size=3)
        assert [4, 3, 2] == _numbers(store, Narrowed(), DAY, size=3, before=5)
        assert [5, 4, 3] == _numbers(store, Narrowed(), DAY, size=3, after=2)
        assert [] == _numbers(store, Narrowed(), DAY, size=3, before=1)


def test_what_is_most_at_risk_comes_first(tmp_path: Path) -> None:
    """Of 50, 10, 50, 30 and 10 yuan: of as much, the newest; no part misses one or has it twice."""
    care_fen = (75_000, 71_000, 65_000, 73_000, 69_000)
    rows = [unequal_amount(f"S{at}", fen) for at, fen in enumerate(care_fen)]
    with ItemStore(tmp_path / "clearing") as store:
        store.record_run(scope(), table(*rows), 9, MOMENT)
        most = partial(_numbers, store, Narrowed(), DAY, size=2, by_risk=True)

        assert [3, 1, 4, 5, 2] == _numbers(store, Narrowed(), DAY, by_risk=True)
        assert [3, 1] == most()
        assert [4, 5] == most(before=1)
        assert [2] == most(before=5)
        assert [3, 1] == most(after=4)


def test_states_are_those_of_the_items(tmp_path: Path) -> None:
    """What is decided, held, approved or closed is in the lists of its state alone."""
    rows = [only_care(f"S{number}") for number in range(1, 7)]
    with ItemStore(tmp_path / "clearing") as store:
        store.record_run(scope(), table(*rows), 9, MOMENT)
        store.record_run(scope(), table(*rows[:5]), 9, later(1))
        store.propose("2", Action.REVERSE, "an", SAID, MOMENT)
        approved(store, "3")
        approved(store, "4", Action.WRITE_OFF)
        store.noted("4", "an", MOMENT)
        store.hold("5", "an", SAID, MOMENT)
        found = {each: _numbers(store, Narrowed(each), DAY) for each in Standing}
        standing = [item.number for item in store.items()]
        sums = counted(store, Narrowed(Standing.TO_APPROVE), DAY)

    assert standing[::-1] == found.pop(Standing.STANDING)
    assert {
        Standing.OPEN: [1],
        Standing.HELD: [5],
        Standing.PROPOSED: [2],
        Standing.TO_APPROVE: [2],
        Standing.APPROVED: [3],
        Standing.APPLIED: [4],
        Standing.OVERDUE: [],
        Standing.ENDED: [6, 4],
        Standing.ALL: [6, 5, 4, 3, 2, 1],
    } == found
    assert Counts(1, 70_000) == sums


@pytest.mark.parametrize("today", [date(2026, 3, 3), date(2026, 3, 4), date(2026, 4, 4)])
def test_the_list_of_what_is_overdue_has_what_each_item_says(tmp_path: Path, today: date) -> None:
    """Class 1 is due on 3 March, class 5 on 3 April."""
    with ItemStore(tmp_path / "clearing") as store:
        store.record_run(scope(), table(only_care("S1"), unequal_amount("S2")), 9, MOMENT)
        late = [item.number for item in store.items() if overdue(item, today)]

        assert late[::-1] == _numbers(store, Narrowed(Standing.OVERDUE), today)


def test_runs_are_listed_with_what_they_found(tmp_path: Path) -> None:
    """By name, in parts; an item belongs to every run that found it, and not to that it ended."""
    with ItemStore(tmp_path / "clearing") as store:
        store.record_run(scope(), table(only_care("S1"), only_care("S2")), 9, MOMENT)
        store.record_run(scope(), table(only_care("S2")), 9, later(1))
        store.record_run(scope(reconciliation="other"), table(only_care("S1")), 9, later(2))
        every = {run: Narrowed(Standing.ALL, run=run) for run in (1, 2, 3)}

        assert ["a-with-b", "other"] == reconciliations(store)
        assert [3, 2, 1] == [run.number for run in part_of_runs(store, size=9)]
        assert [2] == [run.number for run in part_of_runs(store, size=1, before=3)]
        assert [2] == [run.number for run in part_of_runs(store, size=1, after=1)]
        named = part_of_runs(store, size=9, reconciliation="other")
        assert [3] == [run.number for run in named]
        found = [_numbers(store, each, DAY) for each in every.values()]
        assert [[2, 1], [2], [3]] == found


def test_sums_by_fund_leave_out_what_no_book_has(tmp_path: Path) -> None:
    """The pool has 700 yuan in one book and 710 in the other; nobody has an account."""
    differences = table(unequal_amount("S1"))
    sums = {each.name: each for each in sums_by_fund(differences, (Side.INSURED, Side.CARE))}

    assert {Side.INSURED: 70_000, Side.CARE: 71_000} == sums["pooled_fund_fen"].fen
    assert 1_000 == sums["pooled_fund_fen"].unequal_fen
    assert 0 == sums["total_fen"].unequal_fen
    assert "account_fen" not in sums


def test_what_all_books_have_twice_is_in_no_sum(tmp_path: Path) -> None:
    """Such a repeat has the rows of one book, and the others have them too."""
    twice = {Side.INSURED: [book_row("S2"), book_row("S3")]}
    repeat = difference(DifferenceClass.DUPLICATE, twice, held_by=["insured", "care"])
    differences = table(unequal_amount("S1"), repeat | {"missing_at": []})
    sums = {each.name: each for each in sums_by_fund(differences, (Side.INSURED, Side.CARE))}

    assert {Side.INSURED: 70_000, Side.CARE: 71_000} == sums["pooled_fund_fen"].fen


def test_what_a_book_does_not_keep_is_no_nought(tmp_path: Path) -> None:
    """One book alone is not apart from anything."""
    totals = pa.table({"insured_total_fen": [1, 2], "insured_cash_fen": [0, 0]})
    (sums,) = sums_of_totals(totals, (Side.INSURED, Side.CARE))

    assert ("total_fen", {Side.INSURED: 3, Side.CARE: None}) == (sums.name, sums.fen)
    assert sums.unequal_fen is None
