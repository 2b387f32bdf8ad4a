"""Real servers are killed; nothing that they acknowledged is lost, and nothing is there twice."""

import pytest
from medsettle.torture.kills import Report, kill_rounds
from medsettle.torture.named_steps import STEPS
from medsettle.torture.stores import PostgresStore, SqliteStore

from tests.torture.simulating import SHAPES

pytestmark = pytest.mark.slow

# Deaths are dealt from a deck: one at each step, five at any moment, two of each other victim.
_DECK = len(STEPS) + 5
_ROUNDS = 2 * _DECK
_POSTGRES_ROUNDS = _DECK + 2 * len(PostgresStore().victims)
_CLIENTS = 4


def _assert_proved(report: Report, rounds: int) -> None:
    assert [] == report.violations
    assert (0, 0) == (report.lost, report.doubled)
    assert (rounds, rounds) == (report.rounds, report.kills.total())
    assert 0 < report.settled <= report.acknowledged <= report.recorded


def test_killed_servers_on_sqlite_lose_nothing() -> None:
    """Two dozen lives of servers on two files: two end at each named step, ten at any moment."""
    report = kill_rounds(SqliteStore(), SHAPES, _ROUNDS, _CLIENTS, seed=1)

    _assert_proved(report, _ROUNDS)
    assert {"random": 10} | dict.fromkeys(STEPS, 2) == report.kills


def test_killed_servers_on_postgres_lose_nothing() -> None:
    """Sixteen deaths: at each step, at any moment, of a backend, of the whole store."""
    with PostgresStore() as store:
        report = kill_rounds(store, SHAPES, _POSTGRES_ROUNDS, _CLIENTS, seed=20)

    _assert_proved(report, _POSTGRES_ROUNDS)
    others = {"random": 5, "backend": 2, "postmaster": 2}
    assert others | dict.fromkeys(STEPS, 1) == report.kills
