"""The ledger in memory keeps the contract that the durable stores keep, by their own tests."""

from collections.abc import Iterator

import pytest
from medsettle.torture.memory_ledger import MemoryLedger

from tests.ledger import test_contract


@pytest.fixture
def ledger() -> Iterator[MemoryLedger]:
    """Return a new ledger; the tests of the contract ask for it by this name."""
    with MemoryLedger() as opened:
        yield opened


globals().update(
    {name: test for name, test in vars(test_contract).items() if name.startswith("test_")}
)
