"""A ledger in PostgreSQL, which several engine processes write at once.

A write keeps the persons it decides on to itself: it locks a row for each of them in the order of
their keys, reads, and records; no other process changes what it has read until it is done. Entries
get their numbers from one row that is locked last and until the commit, so that numbers come
without gaps in the order of the commits. Whatever a write reads or moves beyond what it had locked
is noticed before anything is recorded, and the write decides again with more locked (`Overtaken`).

A batch is one round trip: its statements and the commit are sent together.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby

import psycopg

from medsettle import limits
from medsettle.core.counters import CounterKey
from medsettle.errors import LedgerUnavailable
from medsettle.ledger import postgres_statements as statements
from medsettle.ledger.entries import (
    Entry,
    EntryKind,
    Holder,
    Overtaken,
    Recorded,
    card_holder,
    message_holder,
)
from medsettle.ledger.listing import Row, Value
from medsettle.ledger.postgres_connection import Server, place_of, storable, unavailable
from medsettle.ledger.postgres_rows import columns, entry_columns, moved, posting_columns
from medsettle.ledger.postgres_schema import check_schema, create_schema, least_version, migrate
from medsettle.ledger.reading import DAMAGE, EntryReader

__all__ = ["PostgresLedger", "PostgresReader", "least_version", "migrate", "place_of"]

_WHOLE_LEDGER = {statements.READ.first_mismatch, statements.COUNT_ENTRIES, *DAMAGE}
"""Statements that read every row, and are asked for by people who wait for that."""


class PostgresReader(EntryReader):
    """The reading half of a PostgreSQL ledger. Safe to share between threads."""

    _statements = statements.READ

    def __init__(self, url: str) -> None:
        """Open an existing ledger for reading.

        Args:
            url: A connection string such as `postgresql://user@host:5432/database`. The tables are
                in the first schema of its search_path.

        Raises:
            LedgerUnavailable: The server cannot be reached or is too old, or there is no ledger,
                or one of another schema version.
        """
        self._lock = threading.Lock()
        self._server = Server(url, writes=False)
        self.place = self._server.place
        try:
            with unavailable(self.place, "open"):
                check_schema(self._server.connection(), self.place)
        except BaseException:
            self._server.close()
            raise

    def close(self) -> None:
        """Let go of the store. Closing twice is harmless."""
        with self._lock:
            self._server.close()

    def _rows(self, statement: str, values: Sequence[Value]) -> list[Row]:
        return self._answer(statement, [storable(value) for value in values])

    def _keyed(self, statement: str, keys: Sequence[Sequence[Value]], *values: Value) -> list[Row]:
        if not keys:
            return []
        arrays = [[storable(value) for value in column] for column in zip(*keys, strict=True)]
        return self._answer(statement, [*arrays, *values])

    def _counter_values(self, keys: Sequence[CounterKey]) -> Iterable[tuple[int, int]]:
        return self._keyed(self._statements.counters, keys)

    def _answer(self, statement: str, values: Sequence[object]) -> list[Row]:
        with unavailable(self.place, "read"), self._lock:
            return self._server.rows(statement, values, unhurried=statement in _WHOLE_LEDGER)


@dataclass
class _Write:
    """One write under way: what it has locked, and what it has read of others so far."""

    thread: int
    locked: frozenset[Holder]
    shared: frozenset[Holder]
    missing: set[Holder] = field(default_factory=set)
    begun: bool = True

    def reads(self, holders: Iterable[Holder]) -> None:
        """Remember who was read and is not locked."""
        self.missing.update(
            holder for holder in holders if holder not in self.locked and holder not in self.shared
        )


class PostgresLedger(PostgresReader):
    """A ledger in PostgreSQL with a writer of this process; other processes have their own."""

    def __init__(self, url: str) -> None:
        """Open the ledger for writing, after its checks; create it where there is none.

        Args:
            url: As of `PostgresReader`.

        Raises:
            LedgerUnavailable: The server cannot be reached, is too old, is a standby or does not
                give the durability asked for; or the ledger has another schema version or misses
                entries. The message says which.
        """
        self._writer = Server(url, writes=True)
        self._write_lock = threading.Lock()
        self._write: _Write | None = None
        try:
            with unavailable(self._writer.place, "open"):
                create_schema(self._writer.connection(), self._writer.place)
            super().__init__(url)
            try:
                self._seen_seq = self._checked()
            except BaseException:
                super().close()
                raise
        except BaseException:
            self._writer.close()
            raise

    @staticmethod
    def reader(url: str) -> PostgresReader:
        """Return a reader of the ledger at `url`; any process may write it."""
        return PostgresReader(url)

    @contextmanager
    def writing(self, holders: Iterable[Holder], reading: Iterable[Holder] = ()) -> Iterator[None]:
        """Keep holders from other writers; see `Ledger.writing`."""
        locked = frozenset(holders)
        shared = frozenset(reading) - locked
        assert self._own_write() is None, "one write at a time"
        with self._write_lock:
            self._begin(locked, shared)
            write = self._write = _Write(threading.get_ident(), locked, shared)
            try:
                yield
            finally:
                self._write = None
                if write.begun:
                    self._writer.end()

    def append(self, entries: Sequence[Entry], create_time_us: int) -> int:
        """Record all entries in one durable transaction, or none of them.

        Returns:
            The seq of the first entry.

        Raises:
            Overtaken: A key was used before, or something of holders was read or moved that this
                write has not locked. Nothing was recorded; decide again.
            InternalError: An entry breaks another rule of the ledger, such as a counter below zero.
                Nothing was recorded, and sending it again cannot help.
            LedgerUnavailable: The server failed. The message says whether nothing was recorded or
                whether that is unknown. The next call uses the server again.
        """
        assert len(entries) <= limits.CLAIMS_PER_BATCH_MAX, len(entries)
        if not entries:
            return self.last_seq() + 1
        if not all(isinstance(entry.record, bytes) for entry in entries):
            raise TypeError("the record of an entry is bytes")
        changed = moved(entries)
        write = self._own_write()
        if write is None:
            with self.writing(changed):
                return self.append(entries, create_time_us)
        assert write.begun, "one append for each `writing`"
        unlocked = changed - write.locked
        if unlocked or write.missing:
            count = len(unlocked | write.missing)
            raise Overtaken(
                f"decided on {count} holder(s) that were not locked; decide again",
                unlocked,
                write.missing,
            )
        with unavailable(self.place, "append to"):
            return self._commit(write, entries, create_time_us)

    def recover(self) -> None:
        """Check what is there. The server has already replayed its own log.

        Raises:
            LedgerUnavailable: Numbers are missing from the sequence. Restore a backup: a ledger is
                never cut short to make it readable.
        """
        self._checked()

    def close(self) -> None:
        """Let go of the store. Closing twice is harmless."""
        with self._write_lock:
            super().close()
            self._writer.close()

    # --- what a write reads is what it has locked --------------------------------------------

    def counters(self, keys: Sequence[CounterKey]) -> dict[CounterKey, int]:
        """Return the values of these counters; a key that was never posted to is absent, so 0."""
        self._reads((key.pooling_area, key.person) for key in keys)
        return super().counters(keys)

    def events(self, holders: Sequence[Holder], kind: EntryKind) -> list[Recorded]:
        """Return the events of one kind that happened to these (area, person), in seq order."""
        self._reads(holders)
        return super().events(holders, kind)

    def card_events(self, cards: Sequence[Holder]) -> dict[Holder, list[Recorded]]:
        """Return the events of these (pooling area, card) in seq order; others are absent."""
        self._reads((area, card_holder(card)) for area, card in cards)
        return super().card_events(cards)

    def messages(self, subjects: Sequence[str]) -> dict[str, list[Recorded]]:
        """Return the messages about these subjects in seq order; others are absent."""
        self._reads(map(message_holder, subjects))
        return super().messages(subjects)

    def settled_since(self, persons: Sequence[tuple[str, str, int]]) -> list[Recorded]:
        """Return the settlements of these (area, person) from a service day on, in seq order."""
        self._reads((area, person) for area, person, _ in persons)
        return super().settled_since(persons)

    def person_counters(self, pooling_area: str, person: str) -> list[tuple[str, int, int]]:
        """Return (counter, period, value) of a person, sorted, the account among them."""
        self._reads([(pooling_area, person)])
        return super().person_counters(pooling_area, person)

    def counters_named(
        self, persons: Sequence[Holder], prefix: str
    ) -> list[tuple[CounterKey, int]]:
        """Return the counters above zero of these persons whose names begin with a prefix."""
        self._reads((area, person) for area, person in persons)
        return super().counters_named(persons, prefix)

    def _reads(self, holders: Iterable[Holder]) -> None:
        write = self._own_write()
        if write is not None and write.begun:
            write.reads(holders)

    def _own_write(self) -> _Write | None:
        """Return the write that this thread is in, or None."""
        write = self._write
        return write if write is not None and write.thread == threading.get_ident() else None

    def _answer(self, statement: str, values: Sequence[object]) -> list[Row]:
        write = self._own_write()
        if write is None or not write.begun:
            return super()._answer(statement, values)
        with unavailable(self.place, "read"):
            return self._writer.asked(statement, values)

    # --- checks ----------------------------------------------------------------------------

    def _checked(self) -> int:
        """Return the number of the last entry, or raise LedgerUnavailable if one is missing."""
        count, last_seq, head = self._answer(statements.COUNT_ENTRIES, ())[0]
        if not count == last_seq == head:
            raise LedgerUnavailable(
                f"{self.place} holds {count} entries but numbers them up to {last_seq}, and the "
                f"next would come after {head}. Restore a backup",
                path=self.place,
                entries=str(count),
                last_seq=str(last_seq),
            )
        return int(head)

    def _check_not_older(self, connection: psycopg.Connection[Row]) -> None:
        """Raise LedgerUnavailable if a server that is back has lost what it acknowledged."""
        (head,) = connection.execute("select last_seq from ledger_head").fetchall()[0]
        if head < self._seen_seq:
            self._writer.drop()
            raise LedgerUnavailable(
                f"{self.place} ends at entry {head}, and this process has recorded up to "
                f"{self._seen_seq} there: it was restored from an older backup, or a standby took "
                "over that had not received everything. Nothing is recorded until that is resolved",
                path=self.place,
                last_seq=str(head),
            )

    # --- one write -------------------------------------------------------------------------

    def _begin(self, locked: frozenset[Holder], shared: frozenset[Holder]) -> None:
        with unavailable(self.place, "lock persons in"):
            was_open = self._writer.is_open
            try:
                self._lock_rows(locked, shared)
            except psycopg.OperationalError:
                # A connection that had gone stale is replaced: nothing was decided yet.
                if not was_open or self._writer.is_open:
                    self._writer.end()
                    raise
                self._lock_rows(locked, shared)

    def _lock_rows(self, locked: frozenset[Holder], shared: frozenset[Holder]) -> None:
        fresh = not self._writer.is_open
        connection = self._writer.connection()
        if fresh:
            self._check_not_older(connection)
        wanted = sorted(locked | shared)
        if self._locked(connection, wanted, shared) == len(wanted):
            return
        # Some have no row yet. It is made on its own, or who else needs it would wait for all of
        # this write. Rows are never removed, so this is once in the life of a person.
        self._writer.end()
        with connection.pipeline():
            connection.execute(statements.BEGIN, prepare=False)
            connection.execute(statements.NO_SYNC, prepare=False)
            connection.execute(statements.INSERT_HOLDERS, columns(wanted))
            connection.execute("commit", prepare=False)
        found = self._locked(connection, wanted, shared)
        assert found == len(wanted), "rows of holders are never removed"

    @staticmethod
    def _locked(
        connection: psycopg.Connection[Row], wanted: Sequence[Holder], shared: frozenset[Holder]
    ) -> int:
        """Begin, lock the rows of these holders that there are, and return how many they are."""
        # The driver ends a pipeline by a message that stops PostgreSQL's watch over transactions
        # that nobody goes on with. The first question asked inside, which follows at once, starts
        # it again.
        with connection.pipeline():
            connection.execute(statements.BEGIN, prepare=False)
            # One order for all, whoever is locked how; mostly these are one or two runs.
            runs = [
                connection.execute(
                    statements.LOCK_TO_READ if to_read else statements.LOCK_TO_WRITE,
                    columns(list(run)),
                )
                for to_read, run in groupby(wanted, shared.__contains__)
            ]
        return sum(run.rowcount for run in runs)

    def _commit(self, write: _Write, entries: Sequence[Entry], create_time_us: int) -> int:
        connection = self._writer.connection()
        write.begun = False
        try:
            last_seq = self._record(connection, entries, create_time_us)
        except BaseException as error:
            lost = isinstance(error, psycopg.Error) and connection.closed
            # Numbers may have been taken: with the connection goes all that was not committed.
            self._writer.drop()
            if not lost:
                raise
            raise LedgerUnavailable(
                f"the connection to the ledger {self.place} broke during a commit, so it is "
                "unknown whether it was recorded. Send the same request id again: it is answered "
                "from the record, or recorded then",
                path=self.place,
                outcome="unknown",
            ) from error
        self._seen_seq = max(self._seen_seq, last_seq)
        return last_seq - len(entries) + 1

    @staticmethod
    def _record(
        connection: psycopg.Connection[Row], entries: Sequence[Entry], create_time_us: int
    ) -> int:
        """Send the statements of a batch and its commit; return the number of the last entry."""
        count = len(entries)
        postings = posting_columns(entries)
        with connection.pipeline():
            taken = connection.execute(statements.TAKE_SEQS, (count,))
            rows = entry_columns(entries)
            connection.execute(statements.INSERT_ENTRIES, (count, create_time_us, *rows))
            if postings:
                connection.execute(statements.INSERT_POSTINGS, (count, *postings))
                connection.execute(statements.APPLY_POSTINGS, (count,))
            connection.execute("commit", prepare=False)
        (last_seq,) = taken.fetchall()[0]
        return int(last_seq)
