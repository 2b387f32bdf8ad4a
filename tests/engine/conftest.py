"""An engine of the invented area, new for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from medsettle.engine import Engine

from tests.engine.engines import engine_on


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Yield an engine with an empty ledger."""
    with engine_on(tmp_path) as engine:
        yield engine
