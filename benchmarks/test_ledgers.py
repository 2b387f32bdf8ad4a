"""What a durable commit costs in each store: a file beside a PostgreSQL server on this machine.

Each batch is one transaction, synced before it returns: an entry with a record of 400 bytes and
two postings for each claim, of a person of its own.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from medsettle.ledger import ACCOUNT, CounterKey, Entry, Posting
from medsettle.ledger.opening import OpenLedger, open_ledger
from pytest_benchmark.fixture import BenchmarkFixture

from tests.ledger.building import AREA, entry
from tests.stores import STORES, new_place, stop_servers

_PERSONS = 10_000


@pytest.fixture(scope="module", autouse=True)
def _server() -> Iterator[None]:
    """End the server that the benchmarks of this file share."""
    yield
    stop_servers()


@pytest.fixture(params=STORES)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenLedger]:
    """Yield an empty ledger of each store."""
    with open_ledger(new_place(request.param, tmp_path)) as opened:
        yield opened


def _batch(first: int, size: int) -> list[Entry]:
    found = []
    for number in range(first, first + size):
        person = f"P{number * 7_919 % _PERSONS}"
        keys = (CounterKey(AREA, person, ACCOUNT, 0), CounterKey(AREA, person, "fund_paid", 2024))
        made = entry(number, *(Posting(key, 100) for key in keys), person=person)
        found.append(replace(made, record=b"x" * 400))
    return found


@pytest.mark.parametrize("size", [1, 64, 512])
def test_commits(benchmark: BenchmarkFixture, ledger: OpenLedger, size: int) -> None:
    """A batch whose persons are locked, read and moved, as an engine does it."""
    benchmark.group = f"ledger: commits of {size}"
    numbers = count(1, size)

    def prepared() -> tuple[tuple[list[Entry]], dict[str, object]]:
        return (_batch(next(numbers), size),), {}

    def commit(batch: list[Entry]) -> None:
        with ledger.writing({(each.pooling_area, each.person) for each in batch}):
            ledger.counters([posting.key for each in batch for posting in each.postings])
            ledger.append(batch, 1)

    rounds = max(20, 1_000 // size)
    benchmark.pedantic(  # type: ignore[no-untyped-call]
        commit, setup=prepared, rounds=rounds, warmup_rounds=10
    )
    benchmark.extra_info["claims"] = size
    assert ledger.verify() is None
