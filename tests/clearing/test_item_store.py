"""Runs supersede, items carry their history, and only a run that misses an item closes it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import apsw
import pyarrow as pa
import pytest
from medsettle import errors, limits
from medsettle.clearing.items.facts import differences_of, table_bytes
from medsettle.clearing.items.item import Happened, Part, Scope, State
from medsettle.clearing.items.reading import ITEMS_FILE
from medsettle.clearing.items.store import ItemStore
from medsettle.clearing.items.terms import rows_at
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.classes import Action, DifferenceClass
from medsettle.clearing.matching.differences import difference_schema

from tests.clearing.differences import (
    AREA,
    DAY,
    MOMENT,
    approved,
    book_row,
    difference,
    happened,
    later,
    only_care,
    scope,
    table,
    unequal_amount,
)

_AGAIN = frozenset({"again"})


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[ItemStore]:
    with ItemStore(tmp_path / "clearing") as store:
        yield store


# --- runs --------------------------------------------------------------------------------------


def test_a_run_opens_an_item_for_each_difference(store: ItemStore) -> None:
    """What was found is kept with both rows, by class and with the money at risk."""
    run = store.record_run(scope(), table(only_care("S1"), unequal_amount("S2")), 8, MOMENT)

    assert (1, 8, 2, 2, 0) == (run.number, run.matched, run.differences, run.opened, run.closed)
    # 700.00 yuan of a settlement that nobody owes, and 10.00 of amounts that differ.
    counted = [(each.difference_class, each.differences, each.at_risk_fen) for each in run.counted]
    assert [(1, 1, 70_000), (5, 1, 1_000)] == counted
    assert 71_000 == run.at_risk_fen
    first, second = store.items()
    assert ("settle/S1", Side.CARE, Action.REVERSE) == (first.item, first.owner, first.action)
    assert State.OPEN == second.state
    assert 71_000 == rows_at(store.difference(second), Side.CARE)[0]["pooled_fund_fen"]
    assert [Happened.OPENED] == [event.happened for event in store.events(1)]


def test_a_run_over_the_same_days_supersedes_and_deletes_nothing(store: ItemStore) -> None:
    """The earlier run stays with its differences and says which one stands instead."""
    store.record_run(scope(), table(only_care("S1"), only_care("S2")), 8, MOMENT)
    store.record_run(scope(), table(only_care("S2")), 9, later(1))

    earlier, standing = store.runs()
    assert (2, None) == (earlier.superseded_by, standing.superseded_by)
    assert 2 == store.differences(1).num_rows
    assert 1 == store.differences(2).num_rows


@pytest.mark.parametrize(
    ("second", "superseded"),
    [
        pytest.param(scope(), True, id="the-same"),
        pytest.param(scope(DAY - timedelta(days=1), DAY), True, id="more-days"),
        pytest.param(scope(sides=tuple(Side)), True, id="a-third-book"),
        pytest.param(scope(DAY + timedelta(days=1)), False, id="another-day"),
        pytest.param(scope(sides=(Side.CARE, Side.NATIONAL)), False, id="other-sides"),
        pytest.param(scope(reconciliation="b-with-c"), False, id="other-partners"),
        pytest.param(replace(scope(), part=Part("999001")), False, id="persons-of-another-area"),
        pytest.param(
            replace(scope(), part=Part(care_area="999001")), False, id="care-in-another-area"
        ),
        pytest.param(replace(scope(), days=frozenset()), False, id="no-record-of-the-day"),
        pytest.param(replace(scope(), days=frozenset({DAY})), True, id="records-of-the-day"),
        pytest.param(replace(scope(), part=Part(repeats=_AGAIN)), True, id="repeats-too"),
        pytest.param(replace(scope(), part=Part(local=True)), True, id="local-care-too"),
    ],
)
def test_only_a_run_that_sees_as_much_supersedes_and_closes(
    store: ItemStore, second: Scope, superseded: bool
) -> None:
    """An item that a run could not have found is not closed by it."""
    store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
    store.record_run(second, table(), 10, later(1))

    closed = State.CLOSED == store.item("1").state
    assert superseded == closed
    if second.days is None:
        assert superseded == (store.run(1).superseded_by == 2)


def test_a_run_of_one_area_closes_what_it_looked_at(store: ItemStore) -> None:
    """And leaves the run of all areas standing, of which it knows a part."""
    here = only_care("S1", pooling_area=AREA)
    there = {**only_care("S2"), "pooling_area": "999009"}
    store.record_run(scope(), table(here, there), 9, MOMENT)
    store.record_run(replace(scope(), part=Part(AREA)), table(), 5, later(1))

    assert [State.CLOSED, State.OPEN] == [store.item(name).state for name in ("1", "2")]
    assert store.run(1).superseded_by is None


def test_what_only_repeats_find_is_not_closed_by_a_run_without(store: ItemStore) -> None:
    """What all books have twice is no difference between them; the next look for it may end it."""
    twice = difference(DifferenceClass.DUPLICATE, {Side.INSURED: [book_row("S1")]})
    looking = replace(scope(), part=Part(repeats=_AGAIN))
    store.record_run(looking, table(twice), 9, MOMENT)
    store.record_run(scope(), table(), 9, later(1))
    assert State.OPEN == store.item("1").state

    store.record_run(looking, table(), 9, later(2))
    assert State.CLOSED == store.item("1").state


def test_an_item_that_comes_back_is_reopened_with_its_history(store: ItemStore) -> None:
    """Open, closed by a run, found again: one item, four events."""
    for number, found in enumerate([[only_care("S1")], [only_care("S1")], [], [only_care("S1")]]):
        store.record_run(scope(), table(*found), 9, later(number))

    item = store.item("settle/S1")
    assert (1, State.OPEN) == (item.number, item.state)
    assert ["opened", "found", "closed", "reopened"] == happened(store, item)
    assert [1, 2, 3, 4] == [event.run for event in store.events(1)]


def test_open_items_are_carried_with_their_age(store: ItemStore) -> None:
    """From 2 March to 1 April an item of 2 March is 30 days old; a run of later days leaves it."""
    store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
    store.record_run(scope(date(2026, 3, 31)), table(), 9, later(29))

    (item,) = store.items()
    assert [0, 1, 30] == [
        item.age_days(day) for day in (DAY, DAY + timedelta(days=1), date(2026, 4, 1))
    ]
    assert frozenset({"S1"}) == store.open_settlements()


def test_three_unequal_days_in_a_row_raise_an_alarm(store: ItemStore) -> None:
    """Two do not; the third does, and when one of them is found equal later it is over."""
    days = [DAY + timedelta(days=number) for number in range(3)]
    runs = [
        store.record_run(scope(day), table(only_care(f"S{at}", record_date=day)), 9, MOMENT)
        for at, day in enumerate(days)
    ]
    assert [(), ()] == [run.alarms for run in runs[:2]]
    assert ("3 unequal days in a row, 2026-03-02 to 2026-03-04",) == runs[2].alarms

    store.record_run(scope(days[1]), table(), 10, later(1))
    again = store.record_run(scope(days[2]), table(only_care("S9", record_date=days[2])), 9, MOMENT)
    assert () == again.alarms


def test_a_run_of_one_area_hides_no_unequal_day_of_others(store: ItemStore) -> None:
    """What it finds equal is a part; a later run of all areas knows the whole day."""
    days = [DAY + timedelta(days=number) for number in range(3)]
    found = [only_care(f"S{at}", record_date=day) for at, day in enumerate(days)]
    alarm = ("3 unequal days in a row, 2026-03-02 to 2026-03-04",)
    for day, each in zip(days[:2], found, strict=False):
        store.record_run(scope(day), table(each), 9, MOMENT)
    store.record_run(scope(days[1], part=Part("999009")), table(), 9, later(1))
    assert alarm == store.record_run(scope(days[2]), table(found[2]), 9, later(1)).alarms
    elsewhere = store.record_run(scope(days[2], part=Part("999009")), table(), 9, later(1))
    assert alarm == elsewhere.alarms

    store.record_run(scope(days[1]), table(), 9, later(2))
    assert () == store.record_run(scope(days[2]), table(found[2]), 9, later(2)).alarms


@pytest.mark.parametrize("more", [0, 1])
def test_a_burst_of_duplicates_raises_an_alarm(store: ItemStore, more: int) -> None:
    """One duplicate below the bound is none, the bound is one."""
    count = limits.DUPLICATES_ALARM - 1 + more
    twice = [
        difference(DifferenceClass.DUPLICATE, {Side.CARE: [book_row(f"S{n}"), book_row(f"T{n}")]})
        for n in range(count)
    ]
    run = store.record_run(scope(), table(*twice), 9, MOMENT)
    assert more == len(run.alarms)


def test_a_table_of_something_else_is_refused(store: ItemStore) -> None:
    """Nothing is recorded of it, nor of differences without a day."""
    with pytest.raises(errors.InvalidRequest, match="other columns"):
        store.record_run(scope(), pa.table({"item": ["S1"]}), 0, MOMENT)
    timeless = table(only_care("S1"))
    at = timeless.schema.get_field_index("record_date")
    days = pa.nulls(1, pa.date32())
    timeless = timeless.set_column(at, timeless.schema.field(at), days)
    with pytest.raises(errors.InvalidRequest, match="state record_date"):
        store.record_run(scope(), timeless, 0, MOMENT)
    assert [] == store.runs()


@pytest.mark.parametrize(
    ("days", "fits"), [(limits.RECONCILED_DAYS_MAX, True), (limits.RECONCILED_DAYS_MAX + 1, False)]
)
def test_the_days_of_a_run_are_bounded(days: int, fits: bool) -> None:
    """A day more than a year's end is refused, with both numbers."""
    last = DAY + timedelta(days=days - 1)
    if fits:
        assert last == scope(DAY, last).last_day
    else:
        with pytest.raises(errors.InvalidRequest, match=f"{days} days; expected 1 to"):
            scope(DAY, last)


def test_a_run_compares_two_or_three_sides() -> None:
    """One book is compared with nothing, two of one side are the same side."""
    for sides in [(Side.CARE,), (Side.CARE, Side.CARE)]:
        with pytest.raises(errors.InvalidRequest, match="two or three of different sides"):
            scope(sides=sides)


# --- what is kept ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "delete from runs",
        "delete from items",
        "delete from events",
        "delete from item_settlements",
        "delete from days_unequal",
        "update events set person = 'x', run = null",
        "update items set item = 'other'",
        "update runs set matched = 0",
        "update item_settlements set settlement = 'x'",
        "update days_unequal set differences = 9",
    ],
)
def test_history_cannot_be_edited(store: ItemStore, sql: str) -> None:
    """The store refuses every change of what was recorded."""
    store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
    with pytest.raises(apsw.ConstraintError, match=r"never deleted|do not change|does not change"):
        store.connection.execute(sql)


def test_everything_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    """Runs, items and events survive the end of the process."""
    with ItemStore(tmp_path) as store:
        store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
        approved(store)
    with ItemStore(tmp_path) as store:
        assert State.APPROVED == store.item("1").state
        assert ["opened", "proposed", "approved"] == happened(store, store.item("1"))


def test_another_file_is_refused(tmp_path: Path) -> None:
    """A file of something else is left alone."""
    connection = apsw.Connection(str(tmp_path / ITEMS_FILE))
    connection.execute("create table other (x)")
    connection.close()
    with pytest.raises(errors.StoreUnavailable, match="something else"):
        ItemStore(tmp_path)


@pytest.mark.parametrize("more", [0, 1])
def test_the_differences_of_a_run_are_bounded(more: int) -> None:
    """The bound is kept whole and read back; one more is refused with both numbers."""
    count = limits.DIFFERENCES_KEPT_MAX + more
    one = table(only_care("S1"))
    thousand = pa.table(
        [pa.repeat(column[0], 1_000) for column in one.columns], schema=difference_schema()
    )
    parts = [thousand] * (limits.DIFFERENCES_KEPT_MAX // 1_000) + [one] * more
    many = pa.concat_tables(parts)
    assert count == many.num_rows
    if more:
        with pytest.raises(errors.InvalidRequest, match=f"{count} rows, at most"):
            table_bytes(many)
    else:
        assert many.equals(differences_of(table_bytes(many)))
