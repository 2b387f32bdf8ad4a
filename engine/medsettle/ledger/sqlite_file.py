"""Opening a SQLite ledger file: the lock, the identity, the durability, and recovery.

SQLite ignores a setting that it cannot honour, so both that matter are read back. With
`synchronous=FULL` every commit is synced; NORMAL would be faster and loses acknowledged settlements
when the power fails.
"""

import fcntl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote

import apsw

from medsettle import durable, limits
from medsettle.errors import LedgerUnavailable
from medsettle.ledger import sqlite_schema as schema
from medsettle.ledger.list_indexes import LIST_INDEXES
from medsettle.ledger.migrations import Migration, least_after, migrations
from medsettle.ledger.sqlite_faults import HARMLESS, unavailable

LOG_ENDINGS: Final = ("-wal", "-shm", "-journal")
"""Endings of the files that may belong to a ledger beside its own."""


def open_writer(path: Path) -> apsw.Connection:
    """Return a durable connection to the ledger at `path`, recovered; create it where none is."""
    with unavailable(path, "open"):
        connection = _connect(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
        try:
            fresh = _is_fresh(connection)
            # Before anything is set: another program's file must stay as it is.
            if not fresh:
                _check_kind(connection, path)
                _check_version(connection, path, _oldest())
            _make_durable(connection, path)
            _secure_log(connection, path)
            if fresh:
                _create(connection, path)
            migrate(connection, migrations("sqlite"))
            for index in LIST_INDEXES:
                connection.execute(index.in_file())
            check(connection, path)
            connection.set_busy_timeout(limits.LEDGER_LOCKED_MS_MAX)
        except BaseException:
            connection.close()
            raise
    return connection


def _secure_log(connection: apsw.Connection, path: Path) -> None:
    # Our process before may have ended over a sync that failed. What it had written then is in the
    # log as we read it, and on no disk; entries behind it would go with it at the next power cut.
    log = path.with_name(path.name + "-wal")
    connection.execute("begin immediate")
    try:
        if log.exists():
            durable.write_again(log)
            durable.sync_folder(log.parent)
    finally:
        connection.execute("rollback")


class LogMover:
    """Moves the log into the file once it is long.

    SQLite would do so too, but says nothing when a sync fails meanwhile.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        """Follow the log of a connection."""
        self._connection = connection
        self._pages = 0
        connection.set_wal_hook(self._grown)

    def _grown(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._pages = pages
        return apsw.SQLITE_OK

    def move_when_long(self) -> None:
        """Move the log after a commit.

        Where it cannot be moved now the next commit tries again, and meanwhile it grows.

        Raises:
            apsw.Error: The disk failed. What was committed is in the log, and is safe.
        """
        if self._pages < limits.LEDGER_CHECKPOINT_PAGES:
            return
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except HARMLESS:
            return


def open_reader(path: Path, *, older: bool = False) -> apsw.Connection:
    """Return a connection that can only read the existing ledger at `path`.

    Args:
        path: Its file.
        older: Whether it may be of a version that opening it to record would bring up to date.
    """
    return _opened(path, path, apsw.SQLITE_OPEN_READONLY, older=older)


def open_still(path: Path, *, older: bool = False) -> apsw.Connection:
    """Return a reading connection to a file that nobody writes; nothing is made beside it."""
    address = f"file:{quote(str(path.resolve()))}?immutable=1"
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    return _opened(path, address, flags, older=older)


def _opened(path: Path, address: Path | str, flags: int, *, older: bool) -> apsw.Connection:
    with unavailable(path, "open"):
        connection = _connect(address, flags)
        try:
            _check_identity(connection, path, older=older)
        except BaseException:
            connection.close()
            raise
    return connection


def _connect(path: Path | str, flags: int) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=flags)
    # Only a process that recovers the log ever blocks a reader, and only for a moment.
    connection.set_busy_timeout(limits.LEDGER_BUSY_MS_MAX)
    connection.execute("pragma cell_size_check = on")
    return connection


def _is_fresh(connection: apsw.Connection) -> bool:
    tables = _scalar(connection, "select count(*) from sqlite_schema")
    return tables == 0 and _scalar(connection, "pragma application_id") == 0


def _check_identity(connection: apsw.Connection, path: Path, *, older: bool) -> None:
    _check_kind(connection, path)
    _check_version(connection, path, _oldest() if older else schema.SCHEMA_VERSION)


def _oldest() -> int:
    return migrations("sqlite")[0].version - 1


def _check_kind(connection: apsw.Connection, path: Path) -> None:
    found = _scalar(connection, "pragma application_id")
    if found != schema.APPLICATION_ID:
        raise LedgerUnavailable(
            f"{path} is an SQLite file of something else (application_id {found}), not a ledger; "
            "name another file",
            path=str(path),
            application_id=str(found),
        )


def _check_version(connection: apsw.Connection, path: Path, oldest: int) -> None:
    """Raise LedgerUnavailable unless a ledger has a version from `oldest` to the present one."""
    found, newest = _version(connection), schema.SCHEMA_VERSION
    if oldest <= found <= newest or (found > newest >= _least(connection)):
        return
    way_out = "Open it with the medsettle that wrote it"
    if _oldest() <= found < newest:
        way_out = (
            "Run `medsettle ledger migrate`, or let a server or a command that records open it"
        )
    raise LedgerUnavailable(
        f"{path} has ledger schema version {found}; this medsettle reads version {newest}. "
        f"{way_out}",
        path=str(path),
        schema_version=str(found),
    )


def _version(connection: apsw.Connection) -> int:
    found = _scalar(connection, "select value from meta where name = 'schema_version'")
    assert isinstance(found, int), "a strict table holds integers"
    return found


def _least(connection: apsw.Connection) -> int:
    """Return the oldest schema version whose medsettle goes on with this ledger."""
    said = connection.execute("select value from meta where name = 'least_version'").fetchall()
    return int(str(said[0][0])) if said else _version(connection)


def migrate(connection: apsw.Connection, steps: Sequence[Migration]) -> None:
    """Bring an older ledger to the version of the last step, in one transaction.

    What it was migrated to by a newer medsettle, which left room for this one, stays as it is.
    """
    found = _version(connection)
    left = [step for step in steps if step.version > found]
    if not left:
        return
    least = least_after(left, _least(connection))
    connection.execute("begin immediate")
    try:
        for step in left:
            connection.execute(step.sql)
        if least < left[-1].version:
            connection.execute("insert or replace into meta values ('least_version', ?)", (least,))
        else:
            connection.execute("delete from meta where name = 'least_version'")
        connection.execute(
            "update meta set value = ? where name = 'schema_version'", (left[-1].version,)
        )
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise


def version_of(path: Path) -> int:
    """Return the schema version of the ledger in a file, whatever it is.

    Raises:
        LedgerUnavailable: The file is no ledger.
    """
    return _asked(path, _version)


def least_version_of(path: Path) -> int:
    """Return the oldest schema version whose medsettle goes on with the ledger in a file.

    Raises:
        LedgerUnavailable: The file is no ledger.
    """
    return _asked(path, _least)


def _asked(path: Path, question: Callable[[apsw.Connection], int]) -> int:
    with unavailable(path, "open"):
        connection = _connect(path, apsw.SQLITE_OPEN_READONLY)
        try:
            _check_kind(connection, path)
            return question(connection)
        finally:
            connection.close()


def _make_durable(connection: apsw.Connection, path: Path) -> None:
    connection.execute(f"pragma cache_size = -{limits.LEDGER_CACHE_KIB}")
    # Plain fsync leaves data in the drive's cache on macOS; elsewhere these two do nothing.
    connection.execute("pragma fullfsync = on")
    connection.execute("pragma checkpoint_fullfsync = on")
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    journal_mode = _scalar(connection, "pragma journal_mode")
    synchronous = _scalar(connection, "pragma synchronous")
    if (journal_mode, synchronous) != ("wal", 2):
        raise LedgerUnavailable(
            f"{path} cannot be made durable: journal_mode is {journal_mode} instead of wal, "
            f"synchronous is {synchronous} instead of 2 (full). Use a local disk",
            path=str(path),
            journal_mode=str(journal_mode),
            synchronous=str(synchronous),
        )


def _create(connection: apsw.Connection, path: Path) -> None:
    # One transaction: a crash in the middle leaves an empty file, which counts as fresh again.
    connection.execute("begin immediate")
    connection.execute(schema.TABLES)
    connection.execute("insert into meta values ('schema_version', ?)", (schema.SCHEMA_VERSION,))
    connection.execute(f"pragma application_id = {schema.APPLICATION_ID}")
    connection.execute("commit")
    durable.sync_folder(path.parent)


def check(connection: apsw.Connection, path: Path) -> None:
    """Raise LedgerUnavailable if a page is damaged or a number is missing from the sequence."""
    damage = _scalar(connection, "pragma quick_check(1)")
    if damage != "ok":
        raise LedgerUnavailable(
            f"{path} is damaged: {damage}. Restore a backup", path=str(path), damage=str(damage)
        )
    count, last_seq = connection.execute(
        "select count(*), coalesce(max(seq), 0) from entries"
    ).fetchall()[0]
    if count != last_seq:
        raise LedgerUnavailable(
            f"{path} holds {count} entries but numbers them up to {last_seq}. Restore a backup",
            path=str(path),
            entries=str(count),
            last_seq=str(last_seq),
        )


def check_version(version: str) -> None:
    """Raise LedgerUnavailable if this version of SQLite can corrupt a ledger that is being read."""
    if tuple(map(int, version.split("."))) < schema.SQLITE_VERSION_MIN:
        oldest = ".".join(map(str, schema.SQLITE_VERSION_MIN))
        raise LedgerUnavailable(
            f"SQLite {version} can corrupt a ledger that is read while it is written; {oldest} is "
            "the oldest that does not. Install a newer apsw",
            version=version,
            oldest=oldest,
        )


@dataclass(frozen=True, slots=True)
class Turn:
    """How long to wait for the writer before, in seconds, and who is told that this waits."""

    seconds: float
    waits: Callable[[], None]


def lock_exclusively(path: Path, turn: Turn | None = None) -> IO[bytes]:
    """Return the open lock file of the ledger's one writer; closing it gives the right away.

    Args:
        path: The ledger's file.
        turn: Waits for another writer to end; None does not.
    """
    # The file is never deleted: a name that two processes can hold in turn as different files
    # protects nothing. flock dies with its process, so a crash leaves no lock behind.
    lock = path.with_name(path.name + ".lock")
    try:
        file = lock.open("ab")
    except OSError as error:
        raise LedgerUnavailable(
            f"cannot create {lock}: {error.strerror}", path=str(path)
        ) from error
    held = False
    try:
        held = _locked(file) or (turn is not None and _locked_in_turn(file, turn))
    finally:
        if not held:
            file.close()
    if held:
        return file
    raise LedgerUnavailable(
        f"another writer has {path} open; a ledger has one writer. Ask that one (--server), or "
        "stop it first; programs may read beside it (SqliteLedger.reader)",
        path=str(path),
    )


def _locked_in_turn(file: IO[bytes], turn: Turn) -> bool:
    """Return whether the lock was given away in time."""
    turn.waits()
    end = time.monotonic() + turn.seconds
    while time.monotonic() < end:
        if _locked(file):
            return True
        time.sleep(limits.TAKEOVER_POLL_SECONDS)
    return _locked(file)


def _locked(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _scalar(connection: apsw.Connection, sql: str) -> object:
    return connection.execute(sql).fetchall()[0][0]
