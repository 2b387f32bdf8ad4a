"""The stores that tests of ledgers run against: a file, and a PostgreSQL server of their own.

The server comes out of the package index, is started by the first test of a process that asks for
it, listens at a socket in a temporary folder, and ends with the process. Each ledger gets a schema.
"""

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
