"""How every test runs: no deadline on shared machines, and a longer search on request."""

import os
from pathlib import Path

import pytest
from hypothesis import settings
from medsettle import rule_cache
from medsettle.ledger.opening import LedgerPlace

from tests.cli.commands import end_prepared
from tests.stores import STORES, new_place, stop_servers

# A slow machine is not a wrong answer, so no example has a deadline. `--hypothesis-profile=long`
# searches fifty times as far before a release. In CI the same examples come each time, so that it
# tells of a change, and not of a seed: more of them would find nothing tomorrow that they did not
# find today. Who runs the tests by hand goes on searching.
settings.register_profile("house", deadline=None, print_blob=True, max_examples=100)
settings.register_profile("long", settings.get_profile("house"), max_examples=5_000)
settings.register_profile("ci", settings.get_profile("house"), derandomize=True, max_examples=40)
settings.load_profile("house")


@pytest.fixture(params=STORES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> LedgerPlace:
    """Return where a new ledger may be made, once in each kind of store."""
    return new_place(request.param, tmp_path)


def pytest_configure(config: pytest.Config) -> None:
    """Keep compiled rules for the hundreds of commands that tests start, and only for them."""
    assert config.cache is not None
    kept = config.cache.mkdir("rule-books")
    kept.chmod(0o700)
    os.environ[rule_cache.VARIABLE] = str(kept)


def pytest_sessionfinish() -> None:
    """End what tests of this process have started and shared."""
    stop_servers()
    end_prepared()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of long forms, such as `pytest tests/fuzz --fuzz-rounds 1000`."""
    parser.addoption("--fuzz-rounds", type=int, default=4, help="how long tests/fuzz fuzzes")
    parser.addoption(
        "--history-calls", type=int, default=8, help="calls of each client of tests/history"
    )
    parser.addoption(
        "--replayed-claims", type=int, default=5_000, help="claims of a replay settled one by one"
    )
    parser.addoption(
        "--tampered-entries", type=int, default=240, help="entries of audit tables that are altered"
    )
    parser.addoption(
        "--console-settlements",
        type=int,
        default=0,
        help="settlements of the year before the day that tests/console looks at",
    )
    parser.addoption(
        "--console-data",
        type=Path,
        help="folder in which that day is kept from one run to the next; made where it is missing",
    )
