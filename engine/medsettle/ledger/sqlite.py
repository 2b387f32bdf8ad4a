"""A ledger in one SQLite file, durable at every commit.

The file is in write-ahead mode: a commit that returned has been synced, and readers never wait for
the writer. One process writes; the lock on `<file>.lock` says who, since SQLite itself would let
two writers take turns, and each would then decide on counters that the other has moved. Reads use a
second connection, so that a query sees whole commits only and does not wait for a sync.
"""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self, TypeAlias

import apsw
import orjson

from medsettle import limits
from medsettle.core.counters import CounterKey
from medsettle.errors import InternalError, LedgerUnavailable
from medsettle.ledger import sqlite_schema as schema
from medsettle.ledger.entries import CounterMismatch, Entry, EntryKind, Moved, Recorded
from medsettle.ledger.sqlite_books import SqliteBooks
from medsettle.ledger.sqlite_file import (
    check,
    check_version,
    lock_exclusively,
    open_reader,
    open_writer,
    unavailable,
)

# Values out of a STRICT table have the types of its columns; apsw can only say "any of them".
_Row: TypeAlias = tuple[Any, ...]

_COLUMNS = ", ".join(f"e.{name}" for name in schema.ENTRY_COLUMNS)
_SELECT = f"select {_COLUMNS} from entries e"  # noqa: S608 - our own column names


class SqliteReader(SqliteBooks):
    """The reading half of a SQLite ledger, for queries and for the audit projector.

    May be opened while the ledger is being written, from any process that can read the file. Safe
    to share between threads.
    """

    def __init__(self, path: Path) -> None:
        """Open an existing ledger for reading.

        Raises:
            LedgerUnavailable: There is no ledger at `path`, or one of another schema version.
        """
        self.path = path
        self._lock = threading.Lock()
        self._connection = open_reader(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def requests(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Recorded]:
        """Return the entries recorded under these (institution, request id); others are absent."""
        rows = self._keyed(
            f"select {_COLUMNS} from json_each(?) k cross join entries e "  # noqa: S608
            "on e.institution = k.value ->> 0 and e.request_id = k.value ->> 1",
            keys,
        )
        found = (Recorded(*row) for row in rows)
        return {(recorded.institution, recorded.request_id): recorded for recorded in found}

    def institution_settlements(
        self, keys: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], str]:
        """Return the settlement id for each known (institution, institution's settlement number).

        Cancelled settlements keep their number: what was used once is used.
        """
        rows = self._keyed(
            "select e.institution, e.institution_settlement, e.settlement "
            "from json_each(?) k cross join entries e "
            "on e.institution = k.value ->> 0 and e.institution_settlement = k.value ->> 1 "
            "where e.kind in ('settle', 'visit')",
            keys,
        )
        return {(institution, number): settlement for institution, number, settlement in rows}

    def counters(self, keys: Sequence[CounterKey]) -> dict[CounterKey, int]:
        """Return the values of these counters; a key that was never posted to is absent, so 0."""
        # Thousands of counters are asked for in one go, so they come back as one row.
        rows = self._keyed(
            "select json_group_array(json_array(k.key, c.value)) "
            "from json_each(?) k cross join counters c "
            "on c.pooling_area = k.value ->> 0 and c.person = k.value ->> 1 "
            "and c.counter = k.value ->> 2 and c.period = k.value ->> 3",
            keys,
        )
        found = orjson.loads(rows[0][0]) if rows else []
        return {keys[index]: value for index, value in found}

    def settlement(self, settlement: str) -> Recorded | None:
        """Return the entry with this id, or None."""
        rows = self._rows(f"{_SELECT} where e.settlement = ?", (settlement,))
        return Recorded(*rows[0]) if rows else None

    def cancel_of(self, settlement: str) -> Recorded | None:
        """Return the entry that cancels this settlement or visit, or None."""
        rows = self._rows(f"{_SELECT} where e.original = ?", (settlement,))
        return Recorded(*rows[0]) if rows else None

    def events(self, holders: Sequence[tuple[str, str]], kind: EntryKind) -> list[Recorded]:
        """Return the events of one kind that happened to these (area, person), in seq order."""
        rows = self._keyed(
            f"select {_COLUMNS} from json_each(?) k cross join entries e "  # noqa: S608
            "on e.person = k.value ->> 1 and e.pooling_area = k.value ->> 0 "
            "and e.kind = k.value ->> 2 where e.subject is not null order by e.seq",
            [(*holder, kind) for holder in dict.fromkeys(holders)],
        )
        return [Recorded(*row) for row in rows]

    def card_events(
        self, cards: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], list[Recorded]]:
        """Return the events of these (pooling area, card) in seq order; others are absent."""
        rows = self._keyed(
            f"select {_COLUMNS} from json_each(?) k cross join entries e "  # noqa: S608
            "on e.subject = k.value ->> 1 and e.pooling_area = k.value ->> 0 "
            "where e.kind = 'card' order by e.seq",
            cards,
        )
        found: dict[tuple[str, str], list[Recorded]] = {}
        for recorded in (Recorded(*row) for row in rows):
            found.setdefault((recorded.pooling_area, str(recorded.subject)), []).append(recorded)
        return found

    def settled_since(self, persons: Sequence[tuple[str, str, int]]) -> list[Recorded]:
        """Return the settlements of these (area, person) from a service day on, in seq order.

        Settlements that have been cancelled are not among them.
        """
        rows = self._keyed(schema.SETTLED_SINCE.format(columns=_COLUMNS), persons)
        return [Recorded(*row) for row in rows]

    def page(
        self,
        *,
        after_seq: int,
        limit: int,
        pooling_area: str | None = None,
        institution: str | None = None,
        person: str | None = None,
    ) -> list[Recorded]:
        """Return up to `limit` entries after `after_seq` in seq order; every filter given holds.

        `limit` is at most `limits.PAGE_SIZE_MAX`.
        """
        assert 1 <= limit <= limits.PAGE_SIZE_MAX, limit
        filters = {"pooling_area": pooling_area, "institution": institution, "person": person}
        given = {name: value for name, value in filters.items() if value is not None}
        conditions = "".join(f" and e.{name} = ?" for name in given)
        rows = self._rows(
            f"{_SELECT} where e.seq > ?{conditions} order by e.seq limit ?",
            (after_seq, *given.values(), limit),
        )
        return [Recorded(*row) for row in rows]

    def latest(self, pooling_area: str, person: str, *, limit: int) -> list[Recorded]:
        """Return the last `limit` settlements and cancels of a person of an area, newest first.

        `limit` is at most `limits.PAGE_SIZE_MAX`.
        """
        assert 1 <= limit <= limits.PAGE_SIZE_MAX, limit
        rows = self._rows(
            f"{_SELECT} where e.person = ? and e.pooling_area = ? "
            "and e.kind in ('settle', 'cancel') order by e.seq desc limit ?",
            (person, pooling_area, limit),
        )
        return [Recorded(*row) for row in rows]

    def person_counters(self, pooling_area: str, person: str) -> list[tuple[str, int, int]]:
        """Return (counter, period, value) of a person, sorted, the account among them."""
        rows = self._rows(
            "select counter, period, value from counters "
            "where pooling_area = ? and person = ? order by counter, period",
            (pooling_area, person),
        )
        return [(counter, period, value) for counter, period, value in rows]

    def counters_named(
        self, persons: Sequence[tuple[str, str]], prefix: str
    ) -> list[tuple[CounterKey, int]]:
        """Return the counters above zero of these persons whose names begin with a prefix."""
        if not persons:
            return []
        # The last letter of what begins with the prefix lies below the next letter.
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        rows = self._rows(
            "select c.pooling_area, c.person, c.counter, c.period, c.value "
            "from json_each(?) k cross join counters c "
            "on c.pooling_area = k.value ->> 0 and c.person = k.value ->> 1 "
            "and c.counter >= ? and c.counter < ? where c.value > 0 "
            "order by c.pooling_area, c.person, c.period, c.counter",
            (_json([tuple(person) for person in persons]), prefix, end),
        )
        return [(CounterKey(*key), value) for *key, value in rows]

    def history(self, key: CounterKey, *, after_seq: int, limit: int) -> list[Moved]:
        """Return up to `limit` changes of a counter after `after_seq`, in seq order.

        `limit` is at most `limits.PAGE_SIZE_MAX`.
        """
        assert 1 <= limit <= limits.PAGE_SIZE_MAX, limit
        rows = self._rows(schema.HISTORY, (*key, after_seq, *key, after_seq, limit))
        return [Moved(*row) for row in rows]

    def last_seq(self) -> int:
        """Return the seq of the last entry, 0 for an empty ledger."""
        return int(self._rows("select coalesce(max(seq), 0) from entries", ())[0][0])

    def verify(self) -> CounterMismatch | None:
        """Return the first counter that is not the sum of its postings, None when all are.

        Reads every posting; counters are compared in the order of their keys.
        """
        rows = self._rows(schema.FIRST_MISMATCH, ())
        if not rows:
            return None
        *key, value, posted = rows[0]
        return CounterMismatch(CounterKey(*key), value, posted)

    def close(self) -> None:
        """Let go of the store. Closing twice is harmless."""
        with self._lock:
            self._connection.close()

    def _keyed(self, sql: str, keys: Sequence[Sequence[str | int]]) -> list[_Row]:
        # One statement for all keys, see `sqlite_schema.INSERT_ENTRIES`.
        return self._rows(sql, (_json([tuple(key) for key in keys]),)) if keys else []

    def _rows(self, sql: str, values: Sequence[str | int]) -> list[_Row]:
        with unavailable(self.path, "read"), self._lock:
            return self._connection.execute(sql, values).fetchall()


class SqliteLedger(SqliteReader):
    """The ledger in a SQLite file, with its one writer."""

    def __init__(self, path: Path) -> None:
        """Open the ledger for writing, after recovery; create it where there is none.

        Raises:
            LedgerUnavailable: Another process writes it, the file is no ledger or is damaged, or
                SQLite is too old or does not give the durability asked for. The message says which.
        """
        check_version(apsw.sqlite_lib_version())
        self._write_lock = threading.Lock()
        self._failed = False
        self._lock_file = lock_exclusively(path)
        try:
            self._writer = open_writer(path)
            try:
                super().__init__(path)
            except BaseException:
                self._writer.close()
                raise
        except BaseException:
            self._lock_file.close()
            raise

    @staticmethod
    def reader(path: Path) -> SqliteReader:
        """Return a reader of the ledger at `path`; the writer may be any process."""
        return SqliteReader(path)

    def append(self, entries: Sequence[Entry], create_time_us: int) -> int:
        """Record all entries in one durable transaction, or none of them.

        Returns:
            The seq of the first entry.

        Raises:
            InternalError: An entry breaks a rule of the ledger: a key used before, a counter or
                account below zero. Nothing was recorded, and sending it again cannot help.
            LedgerUnavailable: The store failed. Nothing was recorded as far as is known; the
                ledger takes no more entries until it is opened again, which decides.
        """
        assert len(entries) <= limits.CLAIMS_PER_BATCH_MAX, len(entries)
        with self._write_lock, unavailable(self.path, "append to"):
            if self._failed:
                raise LedgerUnavailable(
                    f"{self.path} failed before and takes no more entries; open it again",
                    path=str(self.path),
                )
            if not entries:
                return _last_seq(self._writer) + 1
            try:
                return self._commit(entries, create_time_us)
            except apsw.ConstraintError as error:
                raise InternalError(
                    f"an entry breaks a rule of the ledger: {error}", cause=str(error)
                ) from error
            except apsw.Error:
                self._failed = True
                raise

    def recover(self) -> None:
        """Check what the last run left behind. Opening has already replayed the write-ahead log.

        Raises:
            LedgerUnavailable: A page is damaged, or numbers are missing from the sequence. Restore
                a backup: a ledger is never cut short to make it readable.
        """
        with self._write_lock, unavailable(self.path, "check"):
            check(self._writer, self.path)

    def close(self) -> None:
        """Let go of the store and of the right to write it. Closing twice is harmless."""
        with self._write_lock:
            super().close()
            # The writer goes last: whoever closes last moves the log into the file.
            self._writer.close()
            self._lock_file.close()

    def _commit(self, entries: Sequence[Entry], create_time_us: int) -> int:
        writer = self._writer
        writer.execute("begin immediate")
        try:
            first = _last_seq(writer) + 1
            numbered = list(enumerate(entries, first))
            records = b"".join(entry.record for entry in entries)
            postings = [row for seq, entry in numbered for row in _posting_rows(seq, entry)]
            writer.execute(
                schema.INSERT_ENTRIES, (_json(_entry_rows(numbered, create_time_us)), records)
            )
            writer.execute(schema.INSERT_POSTINGS, (_json(postings),))
            writer.execute(schema.APPLY_POSTINGS, (first, first + len(entries) - 1))
            writer.execute("commit")
        except BaseException:
            # SQLite rolls back by itself after some errors, and then there is nothing left to do.
            if writer.in_transaction:
                writer.execute("rollback")
            raise
        return first


def _last_seq(connection: apsw.Connection) -> int:
    row: _Row = connection.execute("select coalesce(max(seq), 0) from entries").fetchall()[0]
    return int(row[0])


def _json(rows: Sequence[Sequence[object]]) -> str:
    return orjson.dumps(rows).decode()


def _entry_rows(numbered: Sequence[tuple[int, Entry]], create_time_us: int) -> list[_Row]:
    rows: list[_Row] = []
    position = 1  # SQL counts bytes from 1.
    for seq, entry in numbered:
        rows.append(
            (
                seq,
                create_time_us,
                entry.kind,
                entry.settlement,
                entry.original,
                entry.institution,
                entry.request_id,
                entry.institution_settlement,
                entry.pooling_area,
                entry.person,
                entry.service_day,
                entry.content_digest.hex(),
                position,
                len(entry.record),
                entry.subject,
            )
        )
        position += len(entry.record)
    return rows


def _posting_rows(seq: int, entry: Entry) -> Iterator[_Row]:
    deltas: dict[CounterKey, int] = {}
    for posting in entry.postings:
        deltas[posting.key] = deltas.get(posting.key, 0) + posting.delta
    for key, delta in deltas.items():
        if delta:
            yield (seq, *key, delta)
