"""Statements: every movement of an account with its balance, and every use of a limit."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from medsettle import errors
from medsettle.core.relatives import Relation
from medsettle.engine import Engine

from tests.engine.engines import id_of, settled
from tests.engine.relatives import (
    account,
    dissolved,
    family_engine,
    granted,
    lowered,
    opened,
    person,
    visit,
)
from tests.service.claims import INSTITUTION


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Yield an engine of a giver with 1,000 yuan and a receiver with 100."""
    with family_engine(tmp_path) as engine:
        opened(engine, "G", 100_000)
        opened(engine, "R", 10_000)
        yield engine


def _account(engine: Engine, who: str) -> list[tuple[str, int, int]]:
    return [
        (each.kind, each.fen, each.balance_fen) for each in engine.statements.account(person(who))
    ]


def _uses(engine: Engine) -> list[tuple[str, int, int]]:
    relation = Relation(person("G"), person("R"), 1)
    return [
        (each.kind, each.fen, each.balance_fen) for each in engine.statements.limit_uses(relation)
    ]


def test_an_account_is_told_movement_by_movement(engine: Engine) -> None:
    """Opening, what was set aside, what a bill took, what a cancel and a dissolution gave back.

    By hand: R's bill of 300 takes its own 100 first, then 200 of the limit of 250.
    """
    granted(engine, "G", "R", 25_000)
    settlement = settled(engine, visit(1, "R", 30_000))
    engine.cancel(INSTITUTION, "X1", id_of(settlement))
    lowered(engine, "G", "R", 5_000, "L1")
    dissolved(engine, "G", "R", "D1")

    assert [
        ("opening", 100_000, 100_000),
        ("relation", -25_000, 75_000),
        ("relation", 5_000, 80_000),
        ("relation", 20_000, 100_000),
    ] == _account(engine, "G")
    assert [
        ("opening", 10_000, 10_000),
        ("settle", -10_000, 0),
        ("cancel", 10_000, 10_000),
    ] == _account(engine, "R")
    assert [("settle", 20_000, 20_000), ("cancel", -20_000, 0)] == _uses(engine)
    (taken, back) = engine.statements.limit_uses(Relation(person("G"), person("R"), 1))
    assert (id_of(settlement), INSTITUTION) == (taken.entry, taken.institution)
    assert taken.create_time < back.create_time


def test_the_last_balance_is_the_account(engine: Engine) -> None:
    """Page by page: a page goes on where the one before it ended, with the same balances."""
    for number in range(7):
        settled(engine, visit(number, "R", 1_000 + number))
    whole = engine.statements.account(person("R"))
    pages, after = [], 0
    while page := engine.statements.account(person("R"), after_seq=after, limit=3):
        pages += page
        after = page[-1].seq

    assert whole == pages
    assert account(engine, "R") == whole[-1].balance_fen
    assert 8 == len(whole)


def test_what_nobody_set_aside_has_no_statement(engine: Engine) -> None:
    """A relation that never was is told; an account never seen is empty."""
    granted(engine, "G", "R", 1_000)

    for relation in (
        Relation(person("G"), person("R"), 2),
        Relation(person("R"), person("G"), 1),
    ):
        with pytest.raises(errors.NotFound, match="set nothing aside"):
            engine.statements.limit_uses(relation)
    assert [] == engine.statements.account(person("N"))
    assert [] == _uses(engine)
