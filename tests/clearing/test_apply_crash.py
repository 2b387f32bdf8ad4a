"""Wherever an application is killed, applying again records the resolution once."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from medsettle.clearing.items.item import State, Terms
from medsettle.clearing.items.store import ItemStore
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.classes import Action
from medsettle.cli.reconcile_acts import At, apply

from tests.engine.two_books import TwoBooks, two_books, with_other_amounts
from tests.engine.visits import AREA, SHAPES
from tests.payments.killing import Acknowledge, run_until

pytestmark = pytest.mark.slow

_NOW = datetime(2024, 6, 1, tzinfo=UTC)
# Where a step counts: what the store does, and the commit of the medical ledger.
_WITHIN = ("medsettle/clearing/", "ledger/sqlite.py", "ledger/side_file.py")


def _long(world: TwoBooks) -> None:
    world.decided(2)


def _unequal(world: TwoBooks) -> None:
    with_other_amounts(world, 2, 1_234)


def _prepare(
    folder: Path, plant: Callable[[TwoBooks], None], action: Action, terms: Terms | None
) -> None:
    """Make two books that differ in one settlement, with an approved action."""
    with two_books(folder) as world, ItemStore(folder / "clearing") as store:
        world.settled(1, person="P2")
        plant(world)
        world.reconciled(store)
        proposed = store.propose("1", action, "an", "looked into", _NOW, terms)
        store.approve("1", str(proposed.plan), "bo", "agreed", _NOW)


def _apply(folder: Path, tell: Acknowledge) -> None:
    """Apply the action as the command does, and acknowledge its record."""
    at = At(None, folder / "insured-data", None, folder.parent / "rules")
    with ItemStore(folder / "clearing") as store:
        item = apply(store, "1", "an", at, lambda: _NOW)
    tell(f"{item.state} {item.entry}")


@pytest.mark.parametrize(
    ("plant", "action", "terms"),
    [
        pytest.param(_long, Action.REVERSE, None, id="reverse"),
        pytest.param(_unequal, Action.ADJUST, Terms(Side.INSURED, Side.CARE), id="adjust"),
    ],
)
def test_a_killed_application_is_carried_on(
    tmp_path: Path,
    plant: Callable[[TwoBooks], None],
    action: Action,
    terms: Terms | None,
) -> None:
    """Killed before any step that reaches the disk, and applied again: one record, one event."""
    shutil.copytree(SHAPES / AREA, tmp_path / "rules" / AREA)
    made = tmp_path / "made"
    _prepare(made, plant, action, terms)
    whole = tmp_path / "whole"
    shutil.copytree(made, whole)
    (told,) = run_until(None, partial(_apply, whole), _WITHIN).acknowledged
    with two_books(whole) as world:
        recorded = world.home.ledger.last_seq()

    step, killed = 0, True
    between = 0
    while killed:
        folder = tmp_path / f"killed-{step}"
        shutil.copytree(made, folder)
        killed = run_until(step, partial(_apply, folder), _WITHIN).killed
        with two_books(folder) as world, ItemStore(folder / "clearing") as store:
            there = world.home.ledger.last_seq() == recorded
            in_between = there and store.item("1").state is not State.APPLIED
            between += in_between
        assert (told,) == run_until(None, partial(_apply, folder), _WITHIN).acknowledged
        with two_books(folder) as world, ItemStore(folder / "clearing") as store:
            assert recorded == world.home.ledger.last_seq()
            applied = [each for each in store.events(1) if each.happened == "applied"]
            assert [told.split()[1]] == [each.entry for each in applied]
            if in_between:
                assert [] == world.differences().to_pylist()
        shutil.rmtree(folder)
        step += 1
    assert between, "no kill fell between the two commits"
