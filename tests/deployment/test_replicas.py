"""A primary is lost and its standby takes over: nothing that was acknowledged is lost."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest
from medsettle.ledger.opening import open_reader
from medsettle.torture.crowd import Crowd
from medsettle.torture.kills import area_alone
from medsettle.torture.postgres_server import Postgres
from medsettle.torture.seeds import rule_book

from tests.cli.commands import serving
from tests.deployment.replicas import Standby
from tests.deployment.timed import Timed, broken
from tests.torture.simulating import SHAPES

pytestmark = pytest.mark.slow

_CLIENTS = 4
_SECONDS_MAX = 240.0


@pytest.fixture
def primary() -> Iterator[Postgres]:
    """Yield a PostgreSQL server of its own."""
    server = Postgres()
    try:
        yield server
    finally:
        server.stop()


def test_a_lost_primary_loses_nothing(primary: Postgres, tmp_path: Path) -> None:
    """Killed at once under load; two engines go on at the standby by the same address."""
    known = Timed()
    crowd = Crowd(Random(11), _CLIENTS, known)
    with ExitStack() as held:
        standby = Standby(primary)
        held.callback(standby.stop)
        schema = primary.new_ledger().rpartition("&")[2]
        hosts = f"host={primary.folder},{standby.folder}"
        url = f"postgresql://postgres@/postgres?{hosts}&target_session_attrs=read-write&{schema}"
        rules = held.enter_context(area_alone(SHAPES))
        data = tmp_path / "data"
        servers = [held.enter_context(serving(data, rules, ("--ledger", url))) for _ in range(2)]
        asking = [True]
        pools = [crowd.ask(f"ipv4:{servers[0].address}", lambda: asking[0])]
        assert known.answers.wait_for(200, _SECONDS_MAX)

        primary.process.kill()
        standby.promote()
        came = known.answers.wait_for(200, _SECONDS_MAX)
        asking[0] = False
        for pool in pools:
            pool.shutdown()
        assert came, "the engines did not go on"
        # What has no answer yet is asked for at the other engine.
        assert [] == crowd.finish(servers[1].address, _SECONDS_MAX)
        assert [0, 0] == [each.stop() for each in servers]

        with open_reader(f"{standby.url}&{schema}") as ledger:
            faults, entries = broken(rule_book(SHAPES), ledger, data / "audit", known)
    assert [] == faults
    # Of four hundred answers some are of requests that were sent again.
    assert 100 <= len(known.done) <= entries
