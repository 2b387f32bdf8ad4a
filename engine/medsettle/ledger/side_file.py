"""Stores and files beside a ledger that survive a power cut at any moment: payments, clearing.

A store is one SQLite file in write-ahead mode, synced at every commit. Several processes may have
it open: each change is one transaction that first reads what it builds on, so they take turns and
none decides on what another has moved.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from medsettle import durable, limits
from medsettle.errors import StoreUnavailable
from medsettle.ledger.sqlite_file import check_version

# Accounts and persons are in these files: nobody else on the machine reads them.
_OWNER_ONLY = 0o600
_OWNER_FOLDER = 0o700


@dataclass(frozen=True, slots=True)
class StoreForm:
    """What tells one kind of store from another: its name, its mark, its version, its tables.

    `upgrades` takes a store of version 1 to 2, then one of 2 to 3, and so on, up to `version`.
    """

    what: str
    application_id: int
    version: int
    tables: str
    upgrades: tuple[str, ...] = ()


def private_folder(folder: Path) -> Path:
    """Return the folder, made with its parents where there is none, readable by its owner only."""
    durable.make_folder(folder, _OWNER_FOLDER)
    return folder


def open_store(path: Path, form: StoreForm) -> apsw.Connection:
    """Return a durable connection to the store at `path`, made where there is none.

    Raises:
        StoreUnavailable: The file is something else or damaged, of another version, or on a disk
            that does not give the durability asked for.
    """
    check_version(apsw.sqlite_lib_version())
    with unavailable(path, "open"):
        # Made by us, so that it is private from its first byte.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, _OWNER_ONLY))
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.set_busy_timeout(limits.LEDGER_BUSY_MS_MAX)
            _make_durable(connection, path)
            with transaction(connection, path):
                _create_or_check(connection, path, form)
            durable.sync_folder(path.parent)
        except BaseException:
            connection.close()
            raise
    return connection


def _make_durable(connection: apsw.Connection, path: Path) -> None:
    connection.execute("pragma cell_size_check = on")
    connection.execute("pragma foreign_keys = on")
    # Plain fsync leaves data in the drive's cache on macOS; elsewhere these two do nothing.
    connection.execute("pragma fullfsync = on")
    connection.execute("pragma checkpoint_fullfsync = on")
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    # SQLite ignores a setting that it cannot honour, so both that matter are read back.
    found = (_scalar(connection, "pragma journal_mode"), _scalar(connection, "pragma synchronous"))
    if found != ("wal", 2):
        raise StoreUnavailable(
            f"{path} cannot be made durable: journal_mode is {found[0]} instead of wal, "
            f"synchronous is {found[1]} instead of 2 (full). Use a local disk",
            path=str(path),
        )


def _create_or_check(connection: apsw.Connection, path: Path, form: StoreForm) -> None:
    mark = _scalar(connection, "pragma application_id")
    version = _scalar(connection, "pragma user_version")
    if mark == 0 and _scalar(connection, "select count(*) from sqlite_schema") == 0:
        connection.execute(form.tables)
        connection.execute(f"pragma application_id = {form.application_id}")
        connection.execute(f"pragma user_version = {form.version}")
    elif mark != form.application_id:
        raise StoreUnavailable(
            f"{path} is an SQLite file of something else (application_id {mark}), not "
            f"{form.what}; name another folder",
            path=str(path),
        )
    elif isinstance(version, int) and 0 < version < form.version == len(form.upgrades) + 1:
        for text in form.upgrades[version - 1 :]:
            connection.execute(text)
        connection.execute(f"pragma user_version = {form.version}")
    elif version != form.version:
        raise StoreUnavailable(
            f"{path} holds {form.what} of version {version}; this medsettle reads version "
            f"{form.version}. Open it with the medsettle that wrote it",
            path=str(path),
        )


@contextmanager
def transaction(connection: apsw.Connection, path: Path) -> Iterator[None]:
    """Run a block as one durable transaction: all of it is recorded when it ends, or nothing."""
    with unavailable(path, "write"):
        connection.execute("begin immediate")
        try:
            yield
            connection.execute("commit")
        except BaseException:
            # SQLite rolls back by itself after some errors, and then there is nothing left to do.
            if connection.in_transaction:
                connection.execute("rollback")
            raise


@contextmanager
def unavailable(path: Path, action: str) -> Iterator[None]:
    """Turn whatever SQLite or the disk objects to into StoreUnavailable."""
    try:
        yield
    except (apsw.Error, OSError) as error:
        raise StoreUnavailable(
            f"cannot {action} {path}: {error}. Nothing was recorded by this step; repair the cause "
            "and give the command again",
            path=str(path),
            cause=str(error),
        ) from error


def rows_of(
    connection: apsw.Connection, sql: str, *values: str | int | bytes | None
) -> list[tuple[Any, ...]]:
    """Return the rows of a statement.

    Values out of a STRICT table have the types of its columns; apsw can only say "any of them".
    """
    return connection.execute(sql, values).fetchall()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that under its name there is all of it or nothing, also after a power cut.

    Raises:
        StoreUnavailable: The disk failed; the name is as it was.
    """
    with unavailable(path, "write"):
        durable.put(path, content, _OWNER_ONLY)
        durable.sync_folder(path.parent)


def _scalar(connection: apsw.Connection, sql: str) -> object:
    return connection.execute(sql).fetchall()[0][0]
