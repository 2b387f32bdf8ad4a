"""A ledger in one SQLite file, durable at every commit.

The file is in write-ahead mode: a commit that returned has been synced, and readers never wait for
the writer. One process writes; the lock on `<file>.lock` says who, since SQLite itself would let
two writers take turns, and each would then decide on counters that the other has moved. Reads use a
second connection, so that a query sees whole commits only and does not wait for a sync.
"""

import threading
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import apsw
import orjson

from medsettle import limits
from medsettle.core.counters import CounterKey
from medsettle.errors import InternalError
from medsettle.ledger import sqlite_statements as statements
from medsettle.ledger.entries import Entry, Holder, deltas
from medsettle.ledger.listing import Row, Value
from medsettle.ledger.reading import EntryReader
from medsettle.ledger.sqlite_faults import HARMLESS, described, failed, unavailable
from medsettle.ledger.sqlite_file import (
    LogMover,
    Turn,
    check,
    check_version,
    lock_exclusively,
    open_reader,
    open_still,
    open_writer,
)


class SqliteReader(EntryReader):
    """The reading half of a SQLite ledger, for queries and for the audit projector.

    May be opened while the ledger is being written, from any process that can read the file. Safe
    to share between threads.
    """

    _statements = statements.READ

    def __init__(self, path: Path, *, still: bool = False, older: bool = False) -> None:
        """Open an existing ledger for reading.

        Args:
            path: Its file.
            still: Whether nobody writes it, such as a copy; nothing is made beside it then.
            older: Whether it may be of a version before the present one.

        Raises:
            LedgerUnavailable: There is no ledger at `path`, or one of another schema version.
        """
        self.path = path
        self._lock = threading.Lock()
        opened = open_still if still else open_reader
        self._connection = opened(path, older=older)

    def damage(self) -> list[str]:
        """Return what is wrong with pages, indexes, numbers and keys; reads the whole file."""
        found = [text for (text,) in self._rows("pragma integrity_check", ()) if text != "ok"]
        return found + super().damage()

    def close(self) -> None:
        """Let go of the store. Closing twice is harmless."""
        with self._lock:
            self._connection.close()

    def _rows(self, statement: str, values: Sequence[Value]) -> list[Row]:
        with unavailable(self.path, "read"), self._lock:
            return self._connection.execute(statement, values).fetchall()

    def _keyed(self, statement: str, keys: Sequence[Sequence[Value]], *values: Value) -> list[Row]:
        # One statement for all keys, see `sqlite_statements.INSERT_ENTRIES`.
        if not keys:
            return []
        return self._rows(statement, (_json([tuple(key) for key in keys]), *values))

    def _counter_values(self, keys: Sequence[CounterKey]) -> Iterable[tuple[int, int]]:
        rows = self._keyed(self._statements.counters, keys)
        found: list[tuple[int, int]] = orjson.loads(rows[0][0]) if rows else []
        return found


class SqliteLedger(SqliteReader):
    """The ledger in a SQLite file, with its one writer."""

    def __init__(self, path: Path, turn: Turn | None = None) -> None:
        """Open the ledger for writing, after recovery; create it where there is none.

        Args:
            path: Its file.
            turn: Waits for the writer before to end; None does not.

        Raises:
            LedgerUnavailable: Another process writes it, the file is no ledger or is damaged, or
                SQLite is too old or does not give the durability asked for. The message says which.
        """
        check_version(apsw.sqlite_lib_version())
        self._write_lock = threading.Lock()
        self._failure: str | None = None
        self._lock_file = lock_exclusively(path, turn)
        try:
            self._writer = open_writer(path)
            self._log = LogMover(self._writer)
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

    def writing(
        self,
        holders: Iterable[Holder],
        reading: Iterable[Holder] = (),
    ) -> AbstractContextManager[None]:
        """Do nothing: a file has one writer, so nobody else changes anything meanwhile."""
        return nullcontext()

    def append(self, entries: Sequence[Entry], create_time_us: int) -> int:
        """Record all entries in one durable transaction, or none of them.

        Returns:
            The seq of the first entry.

        Raises:
            InternalError: An entry breaks a rule of the ledger: a key used before, a counter or
                account below zero. Nothing was recorded, and sending it again cannot help.
            LedgerUnavailable: The disk is full, or another program holds the file locked. Nothing
                was recorded, and the next append may succeed.
            LedgerFailed: The disk failed, now or before. The ledger takes no more entries until it
                is opened again, which decides what was recorded: a sync is never tried twice.
        """
        assert len(entries) <= limits.CLAIMS_PER_BATCH_MAX, len(entries)
        with self._write_lock, unavailable(self.path, "append to"):
            if self._failure is not None:
                raise failed(self.path, self._failure)
            if not entries:
                return _last_seq(self._writer) + 1
            try:
                first = self._commit(entries, create_time_us)
            except apsw.ConstraintError as error:
                raise InternalError(
                    f"an entry breaks a rule of the ledger: {error}", cause=str(error)
                ) from error
            except HARMLESS:
                raise
            except apsw.Error as error:
                self._fail(error)
                raise failed(self.path, described(error)) from error
            try:
                self._log.move_when_long()
            except apsw.Error as error:
                # These entries are safe in the log; the next ones would not be.
                self._fail(error)
            return first

    def _fail(self, error: apsw.Error) -> None:
        self._failure = described(error)
        # Closing would sync once more, and might be told that all is well.
        self._writer.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)

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
            postings = [
                (seq, *key, delta)
                for seq, entry in numbered
                for key, delta in deltas(entry).items()
            ]
            most = limits.ENTRIES_PER_STATEMENT_MAX
            for start in range(0, len(numbered), most):
                part = numbered[start : start + most]
                records = b"".join([entry.record for _, entry in part])
                rows = _json(_entry_rows(part, create_time_us))
                writer.execute(statements.INSERT_ENTRIES, (rows, records))
            writer.execute(statements.INSERT_POSTINGS, (_json(postings),))
            writer.execute(statements.APPLY_POSTINGS, (first, first + len(entries) - 1))
            writer.execute("commit")
        except BaseException:
            # SQLite rolls back by itself after some errors, and then there is nothing left to do.
            if writer.in_transaction:
                writer.execute("rollback")
            raise
        return first


def _last_seq(connection: apsw.Connection) -> int:
    row: Row = connection.execute("select coalesce(max(seq), 0) from entries").fetchall()[0]
    return int(row[0])


def _json(rows: Sequence[Sequence[object]]) -> str:
    return orjson.dumps(rows).decode()


def _entry_rows(numbered: Sequence[tuple[int, Entry]], create_time_us: int) -> list[Row]:
    rows: list[Row] = []
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
