"""Runs supersede, items carry their history, and only a run that misses an item closes it."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import apsw
import pyarrow as pa
import pytest
from medsettle import errors, limits
from medsettle.clearing.book import Side
from medsettle.clearing.classes import Action, DifferenceClass
from medsettle.clearing.item_store import ITEMS_FILE, ItemStore
from medsettle.clearing.items import Happened, Item, State, Terms

from tests.clearing.differences import (
    DAY,
    MOMENT,
    book_row,
    difference,
    later,
    only_care,
    scope,
    table,
)

_SAID = "the hospital confirms it"


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[ItemStore]:
    with ItemStore(tmp_path / "clearing") as store:
        yield store


def _amount(settlement: str, care_fen: int = 71_000) -> dict[str, object]:
    unlike = {"pooled_fund_fen": care_fen, "fund_total_fen": care_fen}
    rest = {"person_total_fen": 100_000 - care_fen, "cash_fen": 100_000 - care_fen}
    rows = {
        Side.INSURED: [book_row(settlement)],
        Side.CARE: [book_row(settlement, **unlike, **rest)],
    }
    return difference(DifferenceClass.AMOUNT, rows, at_risk_fen=abs(care_fen - 70_000))


def _happened(store: ItemStore, item: Item) -> list[str]:
    return [str(event.happened) for event in store.events(item.number)]


def _approved(store: ItemStore, named: str = "1") -> Item:
    store.propose(named, Action.REVERSE, "an", _SAID, MOMENT)
    return store.approve(named, "bo", "agreed", MOMENT)


def _raw(store: ItemStore, sql: str) -> None:
    store.connection.execute(sql)


# --- runs --------------------------------------------------------------------------------------


def test_a_run_opens_an_item_for_each_difference(store: ItemStore) -> None:
    """What was found is kept with both rows, by class and with the money at risk."""
    run = store.record_run(scope(), table(only_care("S1"), _amount("S2")), 8, MOMENT)

    assert (1, 8, 2, 2, 0) == (run.number, run.matched, run.differences, run.opened, run.closed)
    # 700.00 yuan of a settlement that nobody owes, and 10.00 of amounts that differ.
    counted = [(each.difference_class, each.differences, each.at_risk_fen) for each in run.counted]
    assert [(1, 1, 70_000), (5, 1, 1_000)] == counted
    assert 71_000 == run.at_risk_fen
    first, second = store.items()
    assert ("settle/S1", Side.CARE, Action.REVERSE) == (first.item, first.owner, first.action)
    assert State.OPEN == second.state
    assert 71_000 == store.difference(second)["care_rows"][0]["pooled_fund_fen"]
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
    ],
)
def test_only_a_run_that_sees_as_much_supersedes_and_closes(
    store: ItemStore, second: object, superseded: bool
) -> None:
    """An item that a run could not have found is not closed by it."""
    store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
    store.record_run(second, table(), 10, later(1))  # type: ignore[arg-type]

    assert superseded == (store.run(1).superseded_by == 2)
    expected = State.CLOSED if superseded else State.OPEN
    assert expected == store.item("1").state


def test_an_item_that_comes_back_is_reopened_with_its_history(store: ItemStore) -> None:
    """Open, closed by a run, found again: one item, four events."""
    for number, found in enumerate([[only_care("S1")], [only_care("S1")], [], [only_care("S1")]]):
        store.record_run(scope(), table(*found), 9, later(number))

    item = store.item("settle/S1")
    assert (1, State.OPEN) == (item.number, item.state)
    assert ["opened", "found", "closed", "reopened"] == _happened(store, item)
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
    """Nothing is recorded of it."""
    with pytest.raises(errors.InvalidRequest, match="other columns"):
        store.record_run(scope(), pa.table({"item": ["S1"]}), 0, MOMENT)
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


# --- decisions ---------------------------------------------------------------------------------


def test_an_item_goes_from_open_to_closed(store: ItemStore) -> None:
    """Proposed, approved by another, applied with its record, and closed by the next run."""
    store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
    _approved(store)
    done = store.applied(store.ready("1"), "an", "S1-R", "reversed at care", MOMENT)
    assert (State.APPLIED, "S1-R", True) == (done.state, done.entry, done.standing)

    store.record_run(scope(), table(), 10, later(1))
    item = store.item("1")
    assert ["opened", "proposed", "approved", "applied", "closed"] == _happened(store, item)
    assert (State.CLOSED, False) == (item.state, item.standing)
    people = [event.person for event in store.events(1)]
    assert [None, "an", "bo", "an", None] == people
    assert frozenset() == store.open_settlements()


@pytest.mark.parametrize("approver", ["an", "AN"])
def test_nobody_approves_their_own_proposal(store: ItemStore, approver: str) -> None:
    """Four eyes: the same person is refused, and so are other letters of the same name."""
    store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
    store.propose("1", Action.REVERSE, "an", _SAID, MOMENT)

    with pytest.raises(errors.Precondition, match="ask another person"):
        store.approve("1", approver, "fine", MOMENT)
    assert State.PROPOSED == store.item("1").state


def test_the_store_itself_refuses_an_approval_by_the_proposer(store: ItemStore) -> None:
    """Also a program that goes past the checks cannot write it."""
    store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
    store.propose("1", Action.REVERSE, "an", _SAID, MOMENT)
    with pytest.raises(apsw.ConstraintError, match="approved_by_another"):
        _raw(store, "update items set state = 'approved', approver = 'An' where number = 1")


def test_nothing_is_applied_without_an_approval(store: ItemStore) -> None:
    """What moves money waits for a second person; the message says for whom."""
    store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
    with pytest.raises(errors.Precondition, match="nothing is proposed"):
        store.ready("1")
    store.propose("1", Action.REVERSE, "an", _SAID, MOMENT)
    with pytest.raises(errors.Precondition, match="another person than an approves"):
        store.ready("1")


def test_a_change_voids_what_was_approved(store: ItemStore) -> None:
    """Approved for 10 yuan, found with 20: it is open again, and is not applied."""
    store.record_run(scope(), table(_amount("S1")), 9, MOMENT)
    terms = Terms(Side.CARE, Side.INSURED)
    store.propose("1", Action.ADJUST, "an", _SAID, MOMENT, terms)
    approved = store.approve("1", "bo", "agreed", MOMENT)
    store.record_run(scope(), table(_amount("S1", 72_000)), 9, later(1))

    item = store.item("1")
    assert (State.OPEN, 2_000, None) == (item.state, item.at_risk_fen, item.terms)
    assert "changed" == _happened(store, item)[-1]
    with pytest.raises(errors.Precondition, match="became open meanwhile, and X9 is recorded"):
        store.applied(approved, "an", "X9", "adjusted", MOMENT)


def test_what_is_found_as_it_was_keeps_its_approval(store: ItemStore) -> None:
    """A run between approval and application changes nothing where the facts are the same."""
    store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
    _approved(store)
    store.record_run(scope(), table(only_care("S1")), 9, later(1))
    assert State.APPROVED == store.ready("1").state


def test_applying_twice_records_once(store: ItemStore) -> None:
    """The second application with the same record adds no event."""
    store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
    item = _approved(store)
    store.applied(item, "an", "S1-R", "reversed", MOMENT)
    again = store.applied(store.ready("1"), "cy", "S1-R", "reversed", later(1))
    assert State.APPLIED == again.state
    assert 1 == _happened(store, again).count("applied")


def test_an_applied_item_that_is_found_again_is_open(store: ItemStore) -> None:
    """It was to be gone; somebody has to look again."""
    store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
    store.applied(_approved(store), "an", "S1-R", "reversed", MOMENT)
    store.record_run(scope(), table(only_care("S1")), 9, later(1))
    assert (State.OPEN, "reopened") == (
        store.item("1").state,
        _happened(store, store.item("1"))[-1],
    )


def test_what_is_written_off_is_settled_until_it_changes(store: ItemStore) -> None:
    """It is found for ever, and is no open item; another amount is a new question."""
    store.record_run(scope(), table(_amount("S1")), 9, MOMENT)
    store.propose("1", Action.WRITE_OFF, "an", "less than its postage", MOMENT)
    item = store.approve("1", "bo", "agreed", MOMENT)
    assert {"S1"} == store.open_settlements()
    store.applied(item, "an", None, "written off", MOMENT)

    store.record_run(scope(), table(_amount("S1")), 9, later(1))
    assert (State.APPLIED, False) == (store.item("1").state, store.item("1").standing)
    assert frozenset() == store.open_settlements()
    store.record_run(scope(), table(_amount("S1", 90_000)), 9, later(2))
    assert (State.OPEN, True) == (store.item("1").state, store.item("1").standing)


def test_a_fact_without_money_is_acknowledged_by_one_person(store: ItemStore) -> None:
    """Versions that differ move nothing; with money at risk a second person is asked."""
    rows = {Side.INSURED: [book_row("S1")], Side.CARE: [book_row("S1", policy_digest="x")]}
    free = difference(DifferenceClass.VERSION, rows, at_risk_fen=0)
    twice = difference(DifferenceClass.DUPLICATE, {Side.CARE: [book_row("S2"), book_row("S3")]})
    store.record_run(scope(), table(free, twice), 8, MOMENT)
    for named in ("settle/S1", "settle/S2"):
        store.propose(named, Action.ACKNOWLEDGE, "an", "both are real", MOMENT)

    assert State.PROPOSED == store.ready("settle/S1").state
    with pytest.raises(errors.Precondition, match="approval by another person is missing"):
        store.ready("settle/S2")


def test_what_is_held_stays_open_until_something_is_proposed(store: ItemStore) -> None:
    """A hold voids the proposal; the next proposal ends the hold."""
    store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
    _approved(store)
    held = store.hold("1", "cy", "the card was reported lost", MOMENT)
    assert (State.OPEN, True, None) == (held.state, held.held, held.approver)
    assert "look into the case" in held.next_step
    assert not _approved(store).held


@pytest.mark.parametrize("of_class", list(DifferenceClass))
def test_an_amount_is_never_acknowledged(store: ItemStore, of_class: DifferenceClass) -> None:
    """Of the classes in which books state other money for one settlement, none is left as it is."""
    rows = {Side.CARE: [book_row("S1"), book_row("S2")]}
    store.record_run(scope(), table(difference(of_class, rows)), 9, MOMENT)
    money = {1, 2, 3, 4, 5, 6, 7}
    if of_class in money:
        with pytest.raises(errors.Precondition, match="acknowledge is no remedy; propose one of"):
            store.propose("1", Action.ACKNOWLEDGE, "an", _SAID, MOMENT)
    else:
        store.propose("1", Action.ACKNOWLEDGE, "an", _SAID, MOMENT)


@pytest.mark.parametrize(
    ("side", "match"),
    [(Side.INSURED, "possible: care"), (Side.NATIONAL, "possible: care")],
)
def test_a_record_is_taken_back_only_where_it_stands(
    store: ItemStore, side: Side, match: str
) -> None:
    """The message names the sides that come into question."""
    store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
    with pytest.raises(errors.InvalidRequest, match=match):
        store.propose("1", Action.REVERSE, "an", _SAID, MOMENT, Terms(side))


def test_whose_amounts_are_adjusted_is_said(store: ItemStore) -> None:
    """Both books may be wrong, so the program guesses neither."""
    store.record_run(scope(), table(_amount("S1")), 9, MOMENT)
    with pytest.raises(errors.InvalidRequest, match="possible: care, insured"):
        store.propose("1", Action.ADJUST, "an", _SAID, MOMENT)


@pytest.mark.parametrize(
    ("length", "fits"),
    [(limits.ITEM_REASON_CHARS_MAX, True), (limits.ITEM_REASON_CHARS_MAX + 1, False)],
)
def test_a_reason_is_bounded(store: ItemStore, length: int, fits: bool) -> None:
    """One character more than the bound is refused."""
    store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
    if fits:
        assert (
            State.PROPOSED == store.propose("1", Action.REVERSE, "an", "x" * length, MOMENT).state
        )
    else:
        with pytest.raises(errors.InvalidRequest, match="reason"):
            store.propose("1", Action.REVERSE, "an", "x" * length, MOMENT)


def test_an_unknown_item_is_not_found(store: ItemStore) -> None:
    """By number and by name; the message says how to list them."""
    for named in ("7", "settle/S7"):
        with pytest.raises(errors.NotFound, match="reconcile items"):
            store.item(named)


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
        _raw(store, sql)


def test_everything_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    """Runs, items and events survive the end of the process."""
    with ItemStore(tmp_path) as store:
        store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
        _approved(store)
    with ItemStore(tmp_path) as store:
        assert State.APPROVED == store.item("1").state
        assert ["opened", "proposed", "approved"] == _happened(store, store.item("1"))


def test_another_file_is_refused(tmp_path: Path) -> None:
    """A file of something else is left alone."""
    connection = apsw.Connection(str(tmp_path / ITEMS_FILE))
    connection.execute("create table other (x)")
    connection.close()
    with pytest.raises(errors.StoreUnavailable, match="something else"):
        ItemStore(tmp_path)
