"""Server processes on a store, and the store as a dead one left it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from medsettle import limits
from medsettle.ledger.entries import LedgerReader
from medsettle.ledger.sqlite import SqliteLedger

_LEDGER_FILE: Final = "ledger.db"
_AUDIT_FOLDER: Final = "audit"
_DOOMED: Final = "medsettle.cli.doomed"
_STOP_SECONDS_MAX: Final = limits.SHUTDOWN_SECONDS_MAX + 10


@dataclass(frozen=True, slots=True)
class Life:
    """One server process."""

    address: str
    process: "subprocess.Popen[str]"

    def alive(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def died(self, seconds: float) -> bool:
        """Wait for its end; return whether it came within these seconds."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """End it as a service manager does, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_STOP_SECONDS_MAX)


class Store(Protocol):
    """Where ledgers are kept, and how they are served."""

    def ledger(self) -> AbstractContextManager[Path]:
        """Return a new ledger; the path is that of its folder, which goes with the block."""
        ...

    def serving(self, place: Path, step: str, count: int) -> AbstractContextManager[Life]:
        """Return a server that dies at a step; it is gone with the block."""
        ...

    def as_left(self, place: Path) -> AbstractContextManager[LedgerReader]:
        """Return the ledger as a dead server left it, without doing what the next one must do."""
        ...

    def audit(self, place: Path) -> Path:
        """Return the folder of the audit tables."""
        ...


@dataclass(frozen=True, slots=True)
class SqliteStore:
    """Ledgers in SQLite files."""

    rules: Path

    @contextmanager
    def ledger(self) -> Iterator[Path]:
        """Yield the folder of a new ledger."""
        with tempfile.TemporaryDirectory(prefix="medsettle-torture-") as folder:
            yield Path(folder)

    def serving(self, place: Path, step: str, count: int) -> AbstractContextManager[Life]:
        """Return a server of the ledger in a folder."""
        return serving(self.rules, _data(place), step, count)

    @contextmanager
    def as_left(self, place: Path) -> Iterator[LedgerReader]:
        """Yield a copy of the ledger: opening it would recover it, which the next server must."""
        with tempfile.TemporaryDirectory(prefix="medsettle-torture-") as folder:
            for file in _data(place).glob(f"{_LEDGER_FILE}*"):
                shutil.copy(file, folder)
            with SqliteLedger(Path(folder) / _LEDGER_FILE) as ledger:
                yield ledger

    def audit(self, place: Path) -> Path:
        """Return the folder of the audit tables."""
        return _data(place) / _AUDIT_FOLDER


def _data(place: Path) -> Path:
    return place / "data"


@contextmanager
def serving(
    rules: Path, data: Path, step: str, count: int, options: tuple[str, ...] = ()
) -> Iterator[Life]:
    """Yield a server process; it is killed with the block if it still lives.

    Raises:
        OSError: It ended before it served.
    """
    place = ("--rules", str(rules), "--data", str(data), "--listen", "127.0.0.1:0")
    words = [sys.executable, "-m", _DOOMED, step, str(count), "serve", "--json", *place, *options]
    with (data.parent / "server.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own module, with our own words
            words, stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line.startswith('{"serving"'):
            code = process.wait(_STOP_SECONDS_MAX)
            said = (data.parent / "server.log").read_text(errors="replace")[-2_000:]
            raise OSError(f"a server ended with {code} before it served: {line}{said}")
        yield Life(str(json.loads(line)["serving"]), process)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
