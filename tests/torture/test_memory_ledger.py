"""The ledger in memory keeps the contract that the durable stores keep, by their own tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from medsettle.ledger import Posting, SqliteLedger
from medsettle.torture.memory_ledger import MemoryLedger

from tests.ledger import test_contract
from tests.ledger.building import ACCOUNT_KEY, PAID_KEY, entry


@pytest.fixture
def ledger() -> Iterator[MemoryLedger]:
    """Return a new ledger; the tests of the contract ask for it by this name."""
    with MemoryLedger() as opened:
        yield opened


globals().update(
    {name: test for name, test in vars(test_contract).items() if name.startswith("test_")}
)


def test_the_books_are_read_as_from_a_file(ledger: MemoryLedger, tmp_path: Path) -> None:
    """Postings, counters page by page and sums before an entry are those of the SQLite ledger."""
    keys = [PAID_KEY, ACCOUNT_KEY, PAID_KEY._replace(person="P0")]
    batches = [
        [entry(1, *(Posting(key, 50) for key in keys)), entry(2)],
        [entry(3, Posting(PAID_KEY, -20), Posting(PAID_KEY, 5), Posting(keys[2], 1))],
    ]
    with SqliteLedger(tmp_path / "ledger.db") as file:
        for batch in batches:
            assert file.append(batch, 5) == ledger.append(batch, 5)

        assert file.postings(1, 3) == ledger.postings(1, 3) != []
        assert file.postings(2, 2) == ledger.postings(2, 2) == []
        for after in (None, *sorted(keys)):
            for limit in (1, 10):
                due = file.counters_after(after, limit=limit)
                assert due == ledger.counters_after(after, limit=limit)
        for seq in (1, 2, 3, 4):
            assert file.totals_before(seq, keys) == ledger.totals_before(seq, keys)
