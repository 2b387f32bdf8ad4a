"""The stores that tests of ledgers run against: a file, and a PostgreSQL server of their own.

The server comes out of the package index, is started by the first test of a process that asks for
it, listens at a socket in a temporary folder, and ends with the process. Each ledger gets a schema.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Final

from medsettle.ledger.opening import LedgerPlace
from medsettle.torture.postgres_server import Postgres

STORES: Final = ("sqlite", "postgres")


@cache
def postgres() -> Postgres:
    """Return the server of this process, started the first time."""
    return Postgres()


def stop_servers() -> None:
    """End the server of this process, if one was started."""
    if postgres.cache_info().currsize:
        postgres().stop()
        postgres.cache_clear()


def new_place(store: str, folder: Path) -> LedgerPlace:
    """Return where a new ledger of a kind of store may be made."""
    if store == "sqlite":
        return folder / "ledger.sqlite"
    return postgres().new_ledger()


_store: ContextVar[str] = ContextVar("store", default="")


@contextmanager
def using(store: str) -> Iterator[None]:
    """Let the ledgers of new folders be of a kind of store.

    Without it they are files, or what the variable MEDSETTLE_TEST_STORE says, by which a whole
    suite runs against PostgreSQL.
    """
    before = _store.set(store)
    try:
        yield
    finally:
        _store.reset(before)


def ledger_in(folder: Path) -> LedgerPlace:
    """Return the ledger that belongs to a folder, of the store in use when it was first asked."""
    named = folder / "ledger.url"
    if named.exists():
        return named.read_text(encoding="utf-8")
    store = _store.get() or os.environ.get("MEDSETTLE_TEST_STORE", "sqlite")
    place = new_place(store, folder)
    if isinstance(place, str):
        named.write_text(place, encoding="utf-8")
        return place
    return folder / "ledger.db"
