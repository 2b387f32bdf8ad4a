"""A ledger and an empty audit folder for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from medsettle.ledger import SqliteLedger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    """Return a new ledger."""
    with SqliteLedger(tmp_path / "ledger.sqlite") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the path of an audit folder that does not exist yet."""
    return tmp_path / "audit"
