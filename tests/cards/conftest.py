"""An engine with cards and its counter, new for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from medsettle.engine import Engine

from tests.cards.desks import Counter, engine_on


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Yield an engine with an empty ledger."""
    with engine_on(tmp_path) as engine:
        yield engine


@pytest.fixture
def counter(engine: Engine) -> Counter:
    """Return the counter where things happen to the cards of the engine."""
    return Counter(engine)
