"""Real servers are killed; nothing that they acknowledged is lost, and nothing is there twice."""

import pytest
from medsettle.torture.kills import Report, kill_rounds
from medsettle.torture.named_steps import STEPS
from medsettle.torture.stores import PostgresStore, SqliteStore

from tests.torture.simulating import SHAPES

pytestmark = pytest.mark.slow

_ROUNDS = 12
_POSTGRES_ROUNDS = 6
_CLIENTS = 4


def _assert_proved(report: Report, rounds: int) -> None:
    assert [] == report.violations
    assert (0, 0) == (report.lost, report.doubled)
    assert (rounds, rounds) == (report.rounds, report.kills.total())
    assert 0 < report.settled <= report.acknowledged <= report.recorded


def test_killed_servers_on_sqlite_lose_nothing() -> None:
    """Twelve lives of servers on one file: one ends at each named step, five at any moment."""
    report = kill_rounds(SqliteStore(), SHAPES, _ROUNDS, _CLIENTS, seed=1)

    _assert_proved(report, _ROUNDS)
    assert {*STEPS, "random"} == report.kills.keys()


def test_killed_servers_on_postgres_lose_nothing() -> None:
    """Six deaths: of our server at a step and at any moment, of a backend, of the whole store."""
    with PostgresStore() as store:
        report = kill_rounds(store, SHAPES, _POSTGRES_ROUNDS, _CLIENTS, seed=20)

    _assert_proved(report, _POSTGRES_ROUNDS)
    assert {"backend", "postmaster"} <= report.kills.keys()
