"""What people decide about items: proposed, approved by another, applied once, never edited."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest
from medsettle import errors, limits
from medsettle.clearing.items import plans
from medsettle.clearing.items.item import State, Terms
from medsettle.clearing.items.store import ItemStore
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.classes import Action, DifferenceClass

from tests.clearing.differences import (
    MOMENT,
    SAID,
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


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[ItemStore]:
    with ItemStore(tmp_path / "clearing") as store:
        yield store


def test_an_item_goes_from_open_to_closed(store: ItemStore) -> None:
    """Proposed, approved by another, applied with its record, and closed by the next run."""
    store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
    approved(store)
    done = store.applied(store.ready("1"), "an", "S1-R", "reversed at care", MOMENT)
    assert (State.APPLIED, "S1-R", True) == (done.state, done.entry, done.standing)

    store.record_run(scope(), table(), 10, later(1))
    item = store.item("1")
    assert ["opened", "proposed", "approved", "applied", "closed"] == happened(store, item)
    assert (State.CLOSED, False) == (item.state, item.standing)
    people = [event.person for event in store.events(1)]
    assert [None, "an", "bo", "an", None] == people
    assert frozenset() == store.open_settlements()


@pytest.mark.parametrize("approver", ["an", "AN"])
def test_nobody_approves_their_own_proposal(store: ItemStore, approver: str) -> None:
    """Four eyes: the same person is refused, and so are other letters of the same name."""
    store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
    proposed = store.propose("1", Action.REVERSE, "an", SAID, MOMENT)

    with pytest.raises(errors.Precondition, match="ask another person"):
        store.approve("1", str(proposed.plan), approver, "fine", MOMENT)
    assert State.PROPOSED == store.item("1").state


def test_the_store_itself_refuses_an_approval_by_the_proposer(store: ItemStore) -> None:
    """Also a program that goes past the checks cannot write it."""
    store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
    store.propose("1", Action.REVERSE, "an", SAID, MOMENT)
    with pytest.raises(apsw.ConstraintError, match="approved_by_another"):
        store.connection.execute("update items set state = 'approved', approver = 'An'")


def test_nothing_is_applied_without_an_approval(store: ItemStore) -> None:
    """What moves money waits for a second person; the message says for whom."""
    store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
    with pytest.raises(errors.Precondition, match="nothing is proposed"):
        store.ready("1")
    store.propose("1", Action.REVERSE, "an", SAID, MOMENT)
    with pytest.raises(errors.Precondition, match="another person than an approves"):
        store.ready("1")


def test_a_change_voids_what_wasapproved(store: ItemStore) -> None:
    """Approved for 10 yuan, found with 20: it is open again, and is not applied."""
    store.record_run(scope(), table(unequal_amount("S1")), 9, MOMENT)
    terms = Terms(Side.CARE, Side.INSURED)
    proposed = store.propose("1", Action.ADJUST, "an", SAID, MOMENT, terms)
    approved = store.approve("1", str(proposed.plan), "bo", "agreed", MOMENT)
    store.record_run(scope(), table(unequal_amount("S1", 72_000)), 9, later(1))

    item = store.item("1")
    assert (State.OPEN, 2_000, None) == (item.state, item.at_risk_fen, item.terms)
    assert "changed" == happened(store, item)[-1]
    with pytest.raises(errors.Precondition, match="became open meanwhile, and X9 is recorded"):
        store.applied(approved, "an", "X9", "adjusted", MOMENT)


def test_what_is_found_as_it_was_keeps_its_approval(store: ItemStore) -> None:
    """A run between approval and application changes nothing where the facts are the same."""
    store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
    approved(store)
    store.record_run(scope(), table(only_care("S1")), 9, later(1))
    assert State.APPROVED == store.ready("1").state


def test_applying_twice_records_once(store: ItemStore) -> None:
    """The second application with the same record adds no event."""
    store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
    item = approved(store)
    store.applied(item, "an", "S1-R", "reversed", MOMENT)
    again = store.applied(store.ready("1"), "cy", "S1-R", "reversed", later(1))
    assert State.APPLIED == again.state
    assert 1 == happened(store, again).count("applied")


def test_an_applied_item_that_is_found_again_is_open(store: ItemStore) -> None:
    """It was to be gone; somebody has to look again."""
    store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
    store.applied(approved(store), "an", "S1-R", "reversed", MOMENT)
    store.record_run(scope(), table(only_care("S1")), 9, later(1))
    assert (State.OPEN, "reopened") == (
        store.item("1").state,
        happened(store, store.item("1"))[-1],
    )


def test_what_is_written_off_is_settled_until_it_changes(store: ItemStore) -> None:
    """It is found for ever, and is no open item; another amount is a new question."""
    store.record_run(scope(), table(unequal_amount("S1")), 9, MOMENT)
    proposed = store.propose("1", Action.WRITE_OFF, "an", "less than its postage", MOMENT)
    item = store.approve("1", str(proposed.plan), "bo", "agreed", MOMENT)
    assert {"S1"} == store.open_settlements()
    store.applied(item, "an", None, "written off", MOMENT)

    store.record_run(scope(), table(unequal_amount("S1")), 9, later(1))
    assert (State.APPLIED, False) == (store.item("1").state, store.item("1").standing)
    assert frozenset() == store.open_settlements()
    store.record_run(scope(), table(unequal_amount("S1", 90_000)), 9, later(2))
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


def test_an_approval_is_of_the_plan_that_was_seen(store: ItemStore) -> None:
    """Proposed otherwise between a look and the approval, what was not seen is not approved."""
    store.record_run(scope(), table(unequal_amount("S1")), 9, MOMENT)
    seen = store.propose("1", Action.ADJUST, "an", SAID, MOMENT, Terms(Side.CARE, Side.INSURED))
    other = store.propose("1", Action.ADJUST, "an", SAID, MOMENT, Terms(Side.INSURED, Side.CARE))
    assert seen.plan != other.plan

    with pytest.raises(errors.Precondition, match="approve the plan that you see") as told:
        store.approve("1", str(seen.plan), "bo", "agreed", MOMENT)
    assert str(other.plan) in str(told.value)
    assert State.PROPOSED == store.item("1").state
    assert State.APPROVED == store.approve("1", str(other.plan), "bo", "agreed", MOMENT).state


def test_the_same_proposal_has_the_same_plan(store: ItemStore) -> None:
    """Whoever approves it; moved counters, another proposer and other facts are another plan."""
    store.record_run(scope(), table(unequal_amount("S1")), 9, MOMENT)
    terms = Terms(Side.CARE, Side.INSURED)

    def plan(person: str, terms: Terms) -> str | None:
        return store.propose("1", Action.ADJUST, person, SAID, MOMENT, terms).plan

    first = plan("an", terms)
    assert 12 == len(str(first))
    moved = replace(terms, moves=(("310.fund_paid", 2026, -1),))
    others = {plan("an", moved), plan("cy", terms)}
    assert first == plan("an", terms)
    approved = store.approve("1", str(first), "bo", "agreed", MOMENT)
    assert first == approved.plan == store.ready("1").plan
    store.record_run(scope(), table(unequal_amount("S1", 72_000)), 9, later(1))
    others |= {plan("an", terms)}
    assert 4 == len(others | {first})


@pytest.mark.parametrize("approve", [True, False])
def test_a_plan_that_another_program_makes_otherwise_is_not_applied(
    store: ItemStore, monkeypatch: pytest.MonkeyPatch, *, approve: bool
) -> None:
    """What was agreed upon is one thing and what would be recorded another: nothing is done."""
    store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
    proposed = store.propose("1", Action.REVERSE, "an", SAID, MOMENT)
    if approve:
        store.approve("1", str(proposed.plan), "bo", "agreed", MOMENT)
    # As by a medsettle that takes back by cancels what this one reverses.
    monkeypatch.setattr(plans, "request_id_of", lambda item, part=0: f"other-{item.number}-{part}")

    with pytest.raises(errors.Precondition, match="reconcile 2026-03-02 again, and propose anew"):
        if approve:
            store.ready("1")
        else:
            store.approve("1", str(proposed.plan), "bo", "agreed", MOMENT)
    assert happened(store, store.item("1"))[-1] == ("approved" if approve else "proposed")


def test_what_came_out_otherwise_is_noted_of_what_was_decided_alone(store: ItemStore) -> None:
    """While an engine tried, a run found the item gone, or somebody put it on hold: it stays so."""
    happenings: list[Callable[[], object]] = [
        lambda: store.record_run(scope(), table(), 10, later(1)),
        lambda: store.hold("2", "cy", "the card was reported lost", MOMENT),
    ]
    for number, meanwhile in enumerate(happenings, 1):
        store.record_run(scope(), table(only_care(f"S{number}")), 9, MOMENT)
        tried = approved(store, str(number), Action.INSERT)
        meanwhile()
        before = store.item(str(number)), store.events(number)

        with pytest.raises(errors.Precondition, match="meanwhile, and nothing was recorded"):
            store.settles_otherwise(tried, "an", "the pool pays 1 fen more", MOMENT)
        assert before == (store.item(str(number)), store.events(number))


def test_what_leaves_nothing_to_do_is_not_proposed(store: ItemStore) -> None:
    """A cancel whose original no book names takes nothing back anywhere; the message says so."""
    cancel = book_row("C1", kind="cancel", original=None, total_fen=-100_000)
    alone = difference(DifferenceClass.STATE, {Side.CARE: [cancel]})
    store.record_run(scope(), table(alone), 9, MOMENT)
    with pytest.raises(errors.Precondition, match="no row says what to complete_cancel"):
        store.propose("1", Action.COMPLETE_CANCEL, "an", SAID, MOMENT)
    assert State.OPEN == store.item("1").state


def test_what_is_held_stays_open_until_something_is_proposed(store: ItemStore) -> None:
    """A hold voids the proposal; the next proposal ends the hold."""
    store.record_run(scope(), table(only_care("S1")), 9, MOMENT)
    approved(store)
    held = store.hold("1", "cy", "the card was reported lost", MOMENT)
    assert (State.OPEN, True, None) == (held.state, held.held, held.approver)
    assert "look into the case" in held.next_step
    assert not approved(store).held


@pytest.mark.parametrize("of_class", list(DifferenceClass))
def test_an_amount_is_never_acknowledged(store: ItemStore, of_class: DifferenceClass) -> None:
    """Of the classes in which books state other money for one settlement, none is left as it is."""
    rows = {Side.CARE: [book_row("S1"), book_row("S2")]}
    store.record_run(scope(), table(difference(of_class, rows)), 9, MOMENT)
    money = {1, 2, 3, 4, 5, 6, 7, 14}
    if of_class in money:
        with pytest.raises(errors.Precondition, match="acknowledge is no remedy; propose one of"):
            store.propose("1", Action.ACKNOWLEDGE, "an", SAID, MOMENT)
    else:
        store.propose("1", Action.ACKNOWLEDGE, "an", SAID, MOMENT)


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
        store.propose("1", Action.REVERSE, "an", SAID, MOMENT, Terms(side))


def test_whose_amounts_are_adjusted_is_said(store: ItemStore) -> None:
    """Both books may be wrong, so the program guesses neither."""
    store.record_run(scope(), table(unequal_amount("S1")), 9, MOMENT)
    with pytest.raises(errors.InvalidRequest, match="possible: care, insured"):
        store.propose("1", Action.ADJUST, "an", SAID, MOMENT)


def _odd_nation(settlement: str) -> dict[str, Any]:
    """Return a difference of class 5 in which the nation alone has another amount."""
    unlike = {"pooled_fund_fen": 71_000, "fund_total_fen": 71_000}
    rest = {"person_total_fen": 29_000, "cash_fen": 29_000}
    rows = {side: [book_row(settlement)] for side in Side}
    rows[Side.NATIONAL] = [book_row(settlement, **unlike, **rest)]
    return difference(DifferenceClass.AMOUNT, rows, compared=tuple(Side), at_risk_fen=1_000)


def test_two_books_that_agree_are_not_adjusted_to_the_nation_by_themselves(
    store: ItemStore,
) -> None:
    """The nation's copy is odd; the message names both books, and the program picks neither."""
    store.record_run(scope(sides=tuple(Side)), table(_odd_nation("S1")), 9, MOMENT)
    with pytest.raises(errors.InvalidRequest, match="possible: national, insured"):
        store.propose("1", Action.ADJUST, "an", SAID, MOMENT)

    told = store.propose("1", Action.ADJUST, "an", SAID, MOMENT, Terms(Side.NATIONAL))
    assert Terms(Side.NATIONAL, Side.INSURED) == told.terms


def test_an_adjustment_makes_it_have_what_differs(store: ItemStore) -> None:
    """Care has what insurance has, so insurance can only be made to have what the nation has."""
    store.record_run(scope(sides=tuple(Side)), table(_odd_nation("S1")), 9, MOMENT)
    told = store.propose("1", Action.ADJUST, "an", SAID, MOMENT, Terms(Side.INSURED))
    assert Terms(Side.INSURED, Side.NATIONAL) == told.terms
    with pytest.raises(errors.InvalidRequest, match="has other amounts: national"):
        store.propose("1", Action.ADJUST, "an", SAID, MOMENT, Terms(Side.INSURED, Side.CARE))


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
