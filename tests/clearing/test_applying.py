"""An approved action is applied where it is to be, and what cannot be done says what to do."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from medsettle import errors
from medsettle.clearing.items.item import Item, State, Terms
from medsettle.clearing.items.store import ItemStore
from medsettle.clearing.items.terms import terms_told
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.classes import Action, DifferenceClass
from medsettle.cli.reconcile_acts import At, apply

from tests.engine.two_books import TwoBooks, two_books, with_other_amounts
from tests.engine.visits import AREA, SHAPES

_NOW = datetime(2024, 6, 1, tzinfo=UTC)
_CARE_RULES = Path(__file__).parents[1] / "settle" / "apart"


def _approved(folder: Path, plant: Callable[[TwoBooks], object], action: Action) -> None:
    """Make two books that differ in one settlement, and approve an action against it."""
    shutil.copytree(SHAPES / AREA, folder / "rules" / AREA)
    with two_books(folder) as world, ItemStore(folder / "clearing") as store:
        world.settled(1)
        plant(world)
        world.reconciled(store)
        proposed = store.propose("1", action, "an", "looked into", _NOW)
        if proposed.needs_approval:
            store.approve("1", str(proposed.plan), "bo", "agreed", _NOW)


def _applied(folder: Path, at: At) -> Item:
    with ItemStore(folder / "clearing") as store:
        return apply(store, "1", "cy", at, lambda: _NOW)


def _entries(folder: Path) -> tuple[int, int]:
    with two_books(folder) as world:
        return world.home.ledger.last_seq(), world.care.ledger.last_seq()


def test_what_comes_out_otherwise_is_a_difference_of_amounts(tmp_path: Path) -> None:
    """The person had another stay before, so nothing is recorded, and the item is of class 5."""
    _approved(tmp_path, lambda world: world.only_at_care(2), Action.INSERT)
    before = _entries(tmp_path)
    at = At(None, tmp_path / "insured-data", None, tmp_path / "rules", tmp_path / "care-data")
    with pytest.raises(errors.Precondition, match="loaded is none"):
        _applied(tmp_path, at)
    item = _applied(tmp_path, replace(at, source_rules=_CARE_RULES))

    assert (DifferenceClass.AMOUNT, State.OPEN) == (item.difference_class, item.state)
    assert before == _entries(tmp_path)
    with ItemStore(tmp_path / "clearing") as store:
        last = store.events(1)[-1]
    assert ("changed", "cy") == (last.happened, last.person)
    assert "pooled_fund_fen" in str(last.reason)


def test_a_record_needs_an_engine(tmp_path: Path) -> None:
    """Without one the message says of which side; nothing is noted as done."""
    _approved(tmp_path, lambda world: world.decided(2), Action.REVERSE)
    with pytest.raises(errors.InvalidRequest, match="of the insured side"):
        _applied(tmp_path, At(None, None, None, tmp_path / "rules"))
    with pytest.raises(FileNotFoundError, match="holds no ledger; name the folder with --engine"):
        _applied(tmp_path, At(None, tmp_path, None, tmp_path / "rules"))
    with ItemStore(tmp_path / "clearing") as store:
        assert State.APPROVED is store.item("1").state


def test_the_wrong_folder_records_nothing(tmp_path: Path) -> None:
    """A reversal at care of what care never had leaves no tombstone."""
    _approved(tmp_path, lambda world: world.decided(2), Action.REVERSE)
    before = _entries(tmp_path)
    with pytest.raises(errors.NotFound, match="of the side that has it"):
        _applied(tmp_path, At(None, tmp_path / "care-data", None, tmp_path / "rules"))
    assert before == _entries(tmp_path)


def test_a_write_off_stands_in_the_store_and_where_an_engine_is_named(tmp_path: Path) -> None:
    """First noted without an engine, then in the ledger too, which has one message of it."""
    _approved(tmp_path, lambda world: with_other_amounts(world, 2, 7), Action.WRITE_OFF)
    before = _entries(tmp_path)
    item = _applied(tmp_path, At(None, None, None, tmp_path / "rules"))
    assert (State.APPLIED, None, False) == (item.state, item.entry, item.standing)
    assert before == _entries(tmp_path)

    at = At(None, tmp_path / "insured-data", None, tmp_path / "rules")
    told = _applied(tmp_path, at)
    assert told.entry is not None
    assert told.entry == _applied(tmp_path, at).entry
    assert (before[0] + 1, before[1]) == _entries(tmp_path)


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        ("310.fund_paid/2026=-1000", ("310.fund_paid", 2026, -1_000)),
        ("item.bed/0=+3", ("item.bed", 0, 3)),
    ],
)
def test_moves_are_read(move: str, expected: tuple[str, int, int]) -> None:
    """A counter, its period and what is added."""
    terms = terms_told(Side.CARE, None, [move])
    assert Terms(Side.CARE, None, (expected,)) == terms


@pytest.mark.parametrize("move", ["x", "a/b=1", "a/2026=1.5", "/2026=1", "a/2026=", "a=1/2026"])
def test_other_moves_are_refused(move: str) -> None:
    """The message shows the form."""
    with pytest.raises(errors.InvalidRequest, match="is no COUNTER/PERIOD=FEN"):
        terms_told(Side.CARE, None, [move])


def test_moves_without_a_book_are_refused() -> None:
    """Whose counters are meant is said."""
    with pytest.raises(errors.InvalidRequest, match="name the book that is adjusted"):
        terms_told(None, None, ["a/2026=1"])
    assert terms_told(None, None, []) is None
