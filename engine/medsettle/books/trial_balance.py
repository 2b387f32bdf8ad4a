"""The trial balance (试算平衡): what every account was debited and credited, by day and area.

A day is that of the recording, in China Standard Time, so that a closed day stays as it was: a
cancel is booked on its own day. Whatever is summed, debits and credits are the same to the fen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal, Protocol, TypeAlias

import orjson

from medsettle import limits
from medsettle.books.double_entry import (
    Account,
    Booking,
    Title,
    between_areas,
    moved_bookings,
    settlement_bookings,
)
from medsettle.core.counters import CounterKey
from medsettle.core.dates import service_day_of
from medsettle.errors import InternalError
from medsettle.ledger.entries import SETTLEMENT_KINDS, LedgerReader, Recorded

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

By: TypeAlias = Literal["day", "area", "account"]
"""What a trial balance has a row for: each title of a day and area, of an area, or each account."""


class BooksReader(LedgerReader, Protocol):
    """A reader that also reads everything that is held."""

    def counters_after(self, key: CounterKey | None, *, limit: int) -> list[tuple[CounterKey, int]]:
        """Return up to `limit` counters after a key with their values, in the order of keys."""
        ...

    def totals_before(self, seq: int, keys: Sequence[CounterKey]) -> dict[CounterKey, int]:
        """Return what the postings before an entry add up to, for each of some counters."""
        ...


@dataclass(frozen=True, slots=True)
class BalanceRow:
    """One row of a trial balance; what it is not kept apart by is empty.

    Debits and credits are fen, neither below zero; a cancel debits what its original credited.
    """

    day: date | None
    pooling_area: str
    title: Title
    holder: str
    debit_fen: int
    credit_fen: int


@dataclass
class TrialBalance:
    """Sums of bookings by what they are kept apart by."""

    by: By
    _sums: dict[tuple[date | None, str, Title, str], list[int]] = field(default_factory=dict)

    def add(self, day: date, bookings: Sequence[Booking]) -> None:
        """Add the bookings of one entry."""
        for account, fen in bookings:
            if not fen:
                continue
            sums = self._sums.setdefault(self._key(day, account), [0, 0])
            sums[fen < 0] += abs(fen)

    def _key(self, day: date, account: Account) -> tuple[date | None, str, Title, str]:
        if self.by == "account":
            return None, account.pooling_area, account.title, account.holder
        return day if self.by == "day" else None, account.pooling_area, account.title, ""

    def rows(self) -> list[BalanceRow]:
        """Return the rows by day, area, title in the order of `Title`, and holder."""
        order = {title: place for place, title in enumerate(Title)}

        def place(key: tuple[date | None, str, Title, str]) -> tuple[date, str, int, str]:
            day, area, title, holder = key
            return day or date.min, area, order[title], holder

        return [
            BalanceRow(*key, debit_fen=debit, credit_fen=credit)
            for key, (debit, credit) in sorted(self._sums.items(), key=lambda each: place(each[0]))
        ]


def trial_balance(reader: BooksReader, by: By) -> TrialBalance:
    """Return the trial balance of a whole ledger, read page by page.

    Raises:
        InternalError: The bookings of an entry do not add up to zero, or its record cannot be read;
            it is named. `medsettle.books.conservation` says all that is wrong.
        LedgerUnavailable: The ledger cannot be read.
    """
    balance = TrialBalance(by)
    for recorded, moves in entries_with_moves(reader):
        try:
            bookings = tuple(bookings_of(recorded, moves))
        except (KeyError, TypeError, ValueError) as error:
            raise InternalError(
                f"the record of entry {recorded.seq} ({recorded.settlement}) cannot be booked: "
                f"{error!r}",
                seq=str(recorded.seq),
            ) from error
        if left := sum(fen for _, fen in bookings):
            raise InternalError(
                f"the bookings of entry {recorded.seq} ({recorded.settlement}) leave {left} fen "
                "instead of 0; verify the ledger",
                seq=str(recorded.seq),
            )
        balance.add(booked_on(recorded), bookings)
    return balance


def bookings_of(recorded: Recorded, moves: Sequence[tuple[CounterKey, int]]) -> Iterator[Booking]:
    """Yield the bookings of any entry.

    Args:
        recorded: The entry.
        moves: Its postings; only openings and relations are told by them.

    Raises:
        KeyError, ValueError: The record of a settlement is none.
    """
    if recorded.kind in SETTLEMENT_KINDS:
        found = tuple(settlement_bookings(orjson.loads(recorded.record)))
    else:
        found = tuple(moved_bookings(moves, opening=recorded.kind == "opening"))
    yield from found
    yield from between_areas(recorded.pooling_area, found)


def booked_on(recorded: Recorded) -> date:
    """Return the day in China on which an entry was recorded."""
    return service_day_of(_EPOCH + timedelta(microseconds=recorded.create_time_us))


def entries_with_moves(
    reader: BooksReader, after_seq: int = 0
) -> Iterator[tuple[Recorded, list[tuple[CounterKey, int]]]]:
    """Yield every entry after a place with the postings the ledger has of it, page by page."""
    while page := reader.page(after_seq=after_seq, limit=limits.PAGE_SIZE_MAX):
        moves: dict[int, list[tuple[CounterKey, int]]] = {}
        for seq, key, delta in reader.postings(after_seq + 1, page[-1].seq):
            moves.setdefault(seq, []).append((key, delta))
        for recorded in page:
            yield recorded, moves.pop(recorded.seq, [])
        after_seq = page[-1].seq
