"""The books are read of every store alike, and are the same in each."""

from collections.abc import Iterator

import pytest
from medsettle import limits
from medsettle.books.conservation import discrepancies
from medsettle.books.resettling import Resettling
from medsettle.books.trial_balance import BooksReader, trial_balance
from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import ACCOUNT, CounterKey
from medsettle.core.settlement import Opening
from medsettle.engine import Engine
from medsettle.ledger.opening import LedgerPlace, open_ledger

from tests.engine.engines import RULES, rule_book
from tests.service.claims import AREA, INSTITUTION, claim
from tests.service.serving import Ticking


@pytest.fixture(name="reader")
def _reader(place: LedgerPlace) -> Iterator[BooksReader]:
    with open_ledger(place) as ledger:
        engine = Engine(rule_book(RULES), ledger, Ticking())
        engine.open_person(Opening(INSTITUTION, "O", AREA, "P0", 30_000))
        rows = [claim(number, person=f"P{number % 3}") for number in range(12)]
        engine.settle(ClaimBatch.from_rows(rows))
        first = ledger.page(after_seq=1, limit=1)[0]
        engine.cancel(INSTITUTION, "C", first.settlement)
        yield ledger


def test_whole_books_of_every_store(reader: BooksReader) -> None:
    """Nothing is found, every settlement comes out again, and debits are credits."""
    again = Resettling(reader, rule_book(RULES))

    assert [] == [str(each) for each in discrepancies(reader)]
    assert [] == [str(each) for each in again.discrepancies()]
    assert (12, 0) == (again.settled, again.unknown)
    rows = trial_balance(reader, "area").rows()
    assert 0 == sum(row.debit_fen - row.credit_fen for row in rows)


def test_some_of_all_settlements_may_be_settled_again(reader: BooksReader) -> None:
    """One in five of them is looked at, beginning with any."""
    again = Resettling(reader, rule_book(RULES))

    assert [] == list(again.discrepancies(every=5, first=3))
    assert 3 == again.settled


def test_counters_come_page_by_page(reader: BooksReader) -> None:
    """Pages of one are the page of all, in the order of their keys."""
    whole = reader.counters_after(None, limit=limits.PAGE_SIZE_MAX)
    found: list[tuple[CounterKey, int]] = []
    while page := reader.counters_after(found[-1][0] if found else None, limit=1):
        found += page

    assert len(whole) > 3
    assert whole == found


def test_totals_before_an_entry_are_those_of_its_predecessors(reader: BooksReader) -> None:
    """An account before its opening, after it, and at the end."""
    key = CounterKey(AREA, "P0", ACCOUNT, 0)
    moves = [delta for _, moved, delta in reader.postings(1, reader.last_seq()) if moved == key]

    assert 30_000 == moves[0]
    assert [0, 30_000, sum(moves)] == [
        reader.totals_before(seq, [key])[key] for seq in (1, 2, reader.last_seq() + 1)
    ]
