"""A till at an engine with an empty ledger, new for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import gateway
from tests.gateway.till import Till, open_till


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Till]:
    """Yield a till of a hospital of the third level, signed in."""
    with open_till(tmp_path / "ledger.db") as till:
        yield till


@pytest.fixture(scope="package")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Till]:
    """Yield a till that tests share which record nothing but refusals."""
    with open_till(tmp_path_factory.mktemp("reading") / "ledger.db") as till:
        yield till


@pytest.fixture(scope="package")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield where a gateway process answers, for tests that undo what they do."""
    with gateway(tmp_path_factory.mktemp("served") / "data") as server:
        yield server.address
        assert server.stop() == 0
