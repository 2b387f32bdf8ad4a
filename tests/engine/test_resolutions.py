"""Differences of two real engines, resolved through their ledgers until their books agree."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from medsettle import errors
from medsettle.clearing.items.item import Item, State, Terms
from medsettle.clearing.items.plans import Insert, Step, TakeBack, plan_of
from medsettle.clearing.items.store import ItemStore
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.classes import Action, DifferenceClass
from medsettle.engine import Engine
from medsettle.engine.copies import Side as CopySide
from medsettle.engine.copies import copied_entries
from medsettle.engine.inserting import Source, Unlike
from medsettle.engine.requests import content_digest
from medsettle.engine.resolutions import Resolutions
from medsettle.torture.memory_ledger import MemoryLedger

from tests.engine.engines import id_of
from tests.engine.two_books import TwoBooks, two_books, with_other_amounts
from tests.service.serving import Ticking

_C = DifferenceClass


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> Iterator[TwoBooks]:
    with two_books(tmp_path) as world:
        yield world


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[ItemStore]:
    with ItemStore(tmp_path / "clearing") as store:
        yield store


def _only_item(world: TwoBooks, store: ItemStore, of_class: DifferenceClass) -> Item:
    world.reconciled(store)
    (item,) = store.items()
    assert of_class is item.difference_class, item.explanation
    return item


def _steps(store: ItemStore, item: Item, action: Action, terms: Terms | None) -> list[Step]:
    moment = _moment(store, item)
    proposed = store.propose(str(item.number), action, "an", "looked into", moment, terms)
    store.approve(str(item.number), str(proposed.plan), "bo", "agreed", moment)
    ready = store.ready(str(item.number))
    return plan_of(ready, store.difference(ready))


def _moment(store: ItemStore, item: Item) -> Any:  # noqa: ANN401 - a datetime
    return store.events(item.number)[0].moment


def _resolve(
    world: TwoBooks,
    store: ItemStore,
    item: Item,
    action: Action,
    side: Side,
    terms: Terms | None = None,
) -> list[str | Unlike]:
    """Carry the approved action out twice at the engine of a side; both times it says the same."""
    steps = _steps(store, item, action, terms)
    other = world.engines[Side.CARE if side is Side.INSURED else Side.INSURED]
    source = Source(other.ledger, other.rulebook)
    resolutions = Resolutions(world.engines[side], source)
    before = world.engines[side].ledger.last_seq()
    made = [resolutions.carry_out(step) for step in steps]
    after = world.engines[side].ledger.last_seq()
    assert made == [resolutions.carry_out(step) for step in steps]
    assert after == world.engines[side].ledger.last_seq(), "applied twice, recorded once"
    if not any(isinstance(each, Unlike) for each in made):
        assert after > before
        entry = made[-1]
        assert isinstance(entry, str)
        moment = _moment(store, item)
        store.applied(store.ready(str(item.number)), "an", entry, "done", moment)
    return made


def _assert_flat(world: TwoBooks, store: ItemStore, item: Item) -> None:
    assert [] == world.differences().to_pylist()
    world.reconciled(store)
    assert State.CLOSED is store.item(str(item.number)).state
    world.assert_sound()


def test_books_of_what_was_settled_together_agree(world: TwoBooks) -> None:
    """Two settlements and a cancel that both have are no difference."""
    world.settled(1)
    second = world.settled(2)
    cancel = world.home.cancel("H1", "C2", id_of(second))
    digest = content_digest("cancel", {"settlement": id_of(second)})
    world.care.log.commit(copied_entries(cancel, CopySide.CARE, digest=digest))
    assert [] == world.differences().to_pylist()


def test_what_only_care_has_is_reversed_there(world: TwoBooks, store: ItemStore) -> None:
    """Class 1: its copy is taken back alone, for the place of insurance has nothing of it."""
    world.settled(1)
    lost = world.only_at_care(2)
    item = _only_item(world, store, _C.ONLY_CARE)
    (entry,) = _resolve(world, store, item, Action.REVERSE, Side.CARE)

    taken_back = world.care.get(str(entry))
    assert ("cancel", "care") == (taken_back.columns["kind"], taken_back.columns["side"])
    assert lost.columns["request_id"] == taken_back.columns["reversed_request"]
    assert 0 == lost.fen("total_fen") + taken_back.fen("total_fen")
    _assert_flat(world, store, item)


def test_what_insurance_lost_is_settled_again_by_the_same_rules(
    world: TwoBooks, store: ItemStore
) -> None:
    """Class 2 of two books: the same claim, split and policy give the same settlement and id."""
    world.settled(1, person="P2")
    lost = world.only_at_care(2)
    item = _only_item(world, store, _C.ONLY_CARE)
    (entry,) = _resolve(world, store, item, Action.INSERT, Side.INSURED)

    again = world.home.get(id_of(lost))
    assert id_of(lost) == entry
    for name in ("policy_digest", "catalogue_digest", "pooled_fund_fen", "cash_fen"):
        assert lost.columns[name] == again.columns[name], name
    _assert_flat(world, store, item)


def test_what_settles_otherwise_now_is_not_recorded(world: TwoBooks, store: ItemStore) -> None:
    """The person has had another stay meanwhile, so the deductible is another: class 5."""
    world.only_at_care(2)
    world.settled(3)
    item = _only_item(world, store, _C.ONLY_CARE)
    before = world.home.ledger.last_seq()
    (unlike,) = _resolve(world, store, item, Action.INSERT, Side.INSURED)

    assert isinstance(unlike, Unlike)
    assert "pooled_fund_fen" in unlike.columns
    assert before == world.home.ledger.last_seq()
    changed = store.settles_otherwise(store.item("1"), "an", str(unlike), _moment(store, item))
    assert (_C.AMOUNT, State.OPEN) == (changed.difference_class, changed.state)


def test_what_care_never_took_is_reversed_by_its_request(world: TwoBooks, store: ItemStore) -> None:
    """Class 3: the till saw a time-out; the place of insurance takes the settlement back (2601)."""
    world.settled(1)
    long = world.decided(2)
    item = _only_item(world, store, _C.NOT_CARE)
    (entry,) = _resolve(world, store, item, Action.REVERSE, Side.INSURED)

    taken_back = world.home.get(str(entry))
    assert ("Q2", id_of(long)) == tuple(
        taken_back.columns[name] for name in ("reversed_request", "original")
    )
    _assert_flat(world, store, item)


def test_what_the_patient_left_with_is_inserted_at_care(world: TwoBooks, store: ItemStore) -> None:
    """Class 3 too: care takes its copy, with the claim, and a repeated request finds it."""
    world.settled(1)
    long = world.decided(2)
    item = _only_item(world, store, _C.NOT_CARE)
    (entry,) = _resolve(world, store, item, Action.INSERT, Side.CARE)

    copy = world.care.get(str(entry))
    assert (id_of(long), "care") == (id_of(copy), copy.columns["side"])
    assert long.columns["cash_fen"] == copy.columns["cash_fen"]
    _assert_flat(world, store, item)


def test_a_cancel_on_one_side_is_completed(world: TwoBooks, store: ItemStore) -> None:
    """Class 7: care still has what the place of insurance has taken back, which is final."""
    world.settled(1)
    second = world.settled(2)
    world.home.cancel("H1", "C2", id_of(second))
    item = _only_item(world, store, _C.STATE)
    (entry,) = _resolve(world, store, item, Action.COMPLETE_CANCEL, Side.CARE)

    assert id_of(second) == world.care.get(str(entry)).columns["original"]
    assert "C2" == world.care.get(str(entry)).columns["request_id"]
    _assert_flat(world, store, item)


@pytest.mark.parametrize(("side", "like"), [(Side.CARE, Side.INSURED), (Side.INSURED, Side.CARE)])
def test_unequal_amounts_are_adjusted_on_either_side(
    world: TwoBooks, store: ItemStore, side: Side, like: Side
) -> None:
    """Class 5: the book that is wrong gets what is to be added, and then both say the same."""
    world.settled(1)
    with_other_amounts(world, 2, 1_234)
    item = _only_item(world, store, _C.AMOUNT)
    (entry,) = _resolve(world, store, item, Action.ADJUST, side, Terms(side, like))

    adjusted = world.engines[side].get(str(entry))
    sign = 1 if side is Side.CARE else -1
    assert ("adjust", sign * 1_234) == (adjusted.columns["kind"], adjusted.fen("pooled_fund_fen"))
    _assert_flat(world, store, item)


def test_an_adjusted_settlement_that_is_cancelled_leaves_nothing(
    world: TwoBooks, store: ItemStore
) -> None:
    """The patient's refund comes after the correction: both books come to zero."""
    with_other_amounts(world, 2, 1_234)
    item = _only_item(world, store, _C.AMOUNT)
    _resolve(world, store, item, Action.ADJUST, Side.CARE, Terms(Side.CARE, Side.INSURED))
    second = id_of(world.home.page()[0])
    world.home.cancel("H1", "C2", second)
    # Care's copy had other amounts, so it takes back what it had.
    Resolutions(world.care).carry_out(TakeBack(second, "Q2", "H1", "C2", reversal=False))
    books = world.books()
    for table in books.values():
        assert {0} == {
            sum(table[name].to_pylist()) for name in ("pooled_fund_fen", "total_fen", "cash_fen")
        }
    world.assert_sound()


def test_a_step_at_the_wrong_engine_records_nothing(world: TwoBooks, store: ItemStore) -> None:
    """A reversal sent to an engine that has nothing of it must not leave a tombstone there."""
    world.only_at_care(2)
    item = _only_item(world, store, _C.ONLY_CARE)
    (step,) = _steps(store, item, Action.REVERSE, None)
    before = world.home.ledger.last_seq()
    with pytest.raises(errors.NotFound, match="name the data folder of the side that has it"):
        Resolutions(world.home).carry_out(step)
    assert before == world.home.ledger.last_seq()


def test_a_write_off_is_a_message_of_the_ledger(world: TwoBooks, store: ItemStore) -> None:
    """No money moves; that two people gave it up stands beside what they gave up."""
    world.settled(1)
    world.decided(2)
    item = _only_item(world, store, _C.NOT_CARE)
    (step,) = _steps(store, item, Action.WRITE_OFF, None)
    resolutions = Resolutions(world.home)
    entry = resolutions.carry_out(step)
    assert entry == resolutions.carry_out(step)
    assert isinstance(entry, str)
    state = world.home.messages.get(entry)
    assert state is not None
    assert ("reconciliation", "an", "bo") == (
        state.message.kind,
        state.message.content["proposed_by"],
        state.message.content["approved_by"],
    )
    world.assert_sound()


def test_an_insertion_needs_the_other_book(world: TwoBooks, store: ItemStore) -> None:
    """Without it there is nothing to insert, and the message says what to name."""
    world.only_at_care(2)
    item = _only_item(world, store, _C.ONLY_CARE)
    (step,) = _steps(store, item, Action.INSERT, None)
    with pytest.raises(errors.Precondition, match="name the data folder of a side that has it"):
        Resolutions(world.home).carry_out(step)


def test_what_was_reversed_before_it_arrived_is_not_inserted(
    world: TwoBooks, store: ItemStore
) -> None:
    """A tombstone of the place of insurance is a decision; the other book has to give way."""
    world.only_at_care(2)
    world.home.reverse("H1", "Q2", "V2")
    item = _only_item(world, store, _C.ONLY_CARE)
    (step,) = _steps(store, item, Action.INSERT, None)
    source = Source(world.care.ledger, world.care.rulebook)
    with pytest.raises(errors.RequestReversed):
        Resolutions(world.home, source).carry_out(step)


def test_ids_follow_from_the_item_alone(world: TwoBooks, store: ItemStore) -> None:
    """The same item, action and book give the same request id; another book gives another."""
    world.only_at_care(2)
    item = _only_item(world, store, _C.ONLY_CARE)
    (one,) = _steps(store, item, Action.REVERSE, None)
    (again,) = plan_of(store.item("1"), store.difference(item))
    assert one == again
    assert isinstance(one, TakeBack)
    assert len(one.request_id) <= 36


def test_the_nation_gets_the_copy_it_lacks(world: TwoBooks) -> None:
    """Class 14: what both provinces have is kept by the hub, as it would have been delivered."""
    both = world.settled(1)
    hub = Engine(world.home.rulebook, MemoryLedger(), Ticking())
    source = Source(world.home.ledger, world.home.rulebook)
    step = Insert(id_of(both), Side.NATIONAL)
    assert id_of(both) == Resolutions(hub, source).carry_out(step)
    assert id_of(both) == Resolutions(hub, source).carry_out(step)

    (kept,) = hub.page()
    assert ("hub", both.fen("pooled_fund_fen")) == (
        kept.columns["side"],
        kept.fen("pooled_fund_fen"),
    )


def test_a_copy_is_no_source_of_copies(world: TwoBooks) -> None:
    """What the nation lacks comes from the book that decided it."""
    both = world.settled(1)
    hub = Engine(world.home.rulebook, MemoryLedger(), Ticking())
    source = Source(world.care.ledger, world.care.rulebook)
    with pytest.raises(errors.DecidedElsewhere):
        Resolutions(hub, source).carry_out(Insert(id_of(both), Side.NATIONAL))
