"""The stores of real servers: how a ledger is served, what else can be killed, and what is left."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from medsettle.books.trial_balance import BooksReader
from medsettle.errors import LedgerUnavailable
from medsettle.ledger.opening import open_ledger, open_reader

if TYPE_CHECKING:
    from medsettle.torture.postgres_server import Postgres

_LEDGER_FILE: Final = "ledger.db"
_AUDIT_FOLDER: Final = "audit"
_RECOVERY_SECONDS_MAX: Final = 60.0
_RECOVERY_POLL_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Place:
    """One ledger: the data folder of its servers, and its connection string where it has one."""

    data: Path
    url: str = ""

    @property
    def audit(self) -> Path:
        """The folder of the audit tables."""
        return self.data / _AUDIT_FOLDER

    def arguments(self, rules: Path) -> list[str]:
        """Return the arguments of `medsettle serve` for this ledger."""
        at = ["--rules", str(rules), "--data", str(self.data), "--listen", "127.0.0.1:0"]
        return [*at, "--ledger", self.url] if self.url else at


class Store(Protocol):
    """Where ledgers are kept."""

    victims: tuple[str, ...]
    """What can be killed besides the server process itself."""

    def ledger(self) -> AbstractContextManager[Place]:
        """Return a new ledger, which goes with the block."""
        ...

    def as_left(self, place: Place) -> AbstractContextManager[BooksReader]:
        """Return the ledger as a dead server left it, without doing what the next one must do."""
        ...

    def kill(self, victim: str) -> None:
        """Kill one of `victims` and bring it back."""
        ...


class SqliteStore:
    """Ledgers in SQLite files, each in a folder of its own."""

    victims: tuple[str, ...] = ()

    @contextmanager
    def ledger(self) -> Iterator[Place]:
        """Yield a new ledger."""
        with tempfile.TemporaryDirectory(prefix="medsettle-torture-") as folder:
            yield Place(Path(folder) / "data")

    @contextmanager
    def as_left(self, place: Place) -> Iterator[BooksReader]:
        """Yield a copy of the ledger: opening it would recover it, which the next server must."""
        with tempfile.TemporaryDirectory(prefix="medsettle-torture-") as folder:
            for file in place.data.glob(f"{_LEDGER_FILE}*"):
                shutil.copy(file, folder)
            with open_ledger(Path(folder) / _LEDGER_FILE) as ledger:
                yield ledger

    def kill(self, victim: str) -> None:
        """Do nothing: there are no others."""


@dataclass
class PostgresStore:
    """Ledgers in schemas of a private server, or one ledger at a server that is somebody else's.

    `url` names the latter; it must have no ledger yet, and nothing but our own process is killed.
    """

    url: str = ""
    victims: tuple[str, ...] = field(init=False)
    _server: "Postgres | None" = field(default=None, init=False)
    _killed: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.victims = () if self.url else ("backend", "postmaster")

    def __enter__(self) -> "PostgresStore":
        if not self.url:
            # Its packages are not needed by who has a server, or keeps ledgers in files.
            from medsettle.torture.postgres_server import Postgres  # noqa: PLC0415

            self._server = Postgres()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.stop()

    @contextmanager
    def ledger(self) -> Iterator[Place]:
        """Yield a new ledger."""
        with tempfile.TemporaryDirectory(prefix="medsettle-torture-") as folder:
            url = self.url if self._server is None else self._server.new_ledger()
            yield Place(Path(folder) / "data", url)

    @contextmanager
    def as_left(self, place: Place) -> Iterator[BooksReader]:
        """Yield a reader, once the server has recovered by itself."""
        self._recovered(place.url)
        with open_reader(place.url) as ledger:
            yield ledger

    def _recovered(self, url: str) -> None:
        """Wait until the server takes connections again after the death of a backend.

        All of it begins anew then, and tells nobody when: it is asked until it answers.

        Raises:
            LedgerUnavailable: It has not come back.
        """
        end = time.monotonic() + _RECOVERY_SECONDS_MAX
        while self._killed and Path(f"/proc/{self._killed}").exists():
            time.sleep(_RECOVERY_POLL_SECONDS)
        while True:
            try:
                open_reader(url).close()
            except LedgerUnavailable:
                if time.monotonic() > end:
                    raise
                time.sleep(_RECOVERY_POLL_SECONDS)
            else:
                self._killed = 0
                return

    def kill(self, victim: str) -> None:
        """Kill a backend, or all of the server, with SIGKILL, and start it again."""
        assert self._server is not None
        if victim == "postmaster":
            self._server.process.kill()
            self._server.start()
            return
        backends = self._server.execute(
            "select pid from pg_stat_activity where application_name = 'medsettle'"
        )
        for (pid,) in backends[:1]:
            os.kill(pid, signal.SIGKILL)
            self._killed = pid
