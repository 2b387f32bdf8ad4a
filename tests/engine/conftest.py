"""An engine of the invented area, new for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from medsettle.engine import Engine

from tests.engine.engines import engine_on
from tests.stores import STORES, using


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Yield an engine with an empty ledger."""
    with engine_on(tmp_path) as engine:
        yield engine


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests that are marked so against each kind of store."""
    if metafunc.definition.get_closest_marker("both_stores"):
        metafunc.parametrize("store", STORES, indirect=True)


@pytest.fixture(autouse=True)
def store(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the engines of a test have ledgers of the store that its module asks for, if any."""
    if not hasattr(request, "param"):
        yield
        return
    with using(request.param):
        yield
