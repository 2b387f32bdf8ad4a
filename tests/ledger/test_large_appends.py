"""More entries in one append than one statement takes, in each store."""

import pytest
from medsettle import limits
from medsettle.ledger import Posting
from medsettle.ledger.opening import LedgerPlace, open_ledger

from tests.ledger.building import PAID_KEY, REFUSED, entry, recorded


def test_they_are_one_commit(place: LedgerPlace) -> None:
    """All of them are there with their own records, or, where the last is refused, none."""
    count = limits.ENTRIES_PER_STATEMENT_MAX + 1
    batch = [entry(number, Posting(PAID_KEY, 1)) for number in range(1, count + 1)]
    again = [*(entry(number) for number in range(1_001, 1_000 + count)), entry(1)]
    with open_ledger(place) as ledger:
        ledger.append(batch, 5)
        with pytest.raises(REFUSED):
            ledger.append(again, 6)

        expected = [recorded(seq, 5, each) for seq, each in enumerate(batch, 1)]
        assert expected == ledger.page(after_seq=0, limit=limits.PAGE_SIZE_MAX)
        assert {PAID_KEY: count} == ledger.counters([PAID_KEY])
