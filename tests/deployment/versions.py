"""Two versions of medsettle as an operator has them: started, stopped and asked by commands."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from tests.cli.commands import ROOT

# A file of the first commit after the version before: those up to the present one do not run alone.
_NEW = "engine/medsettle/replay/baseline_proof.py"
_POLL = "while kill -0 $(cat {pid}) 2>/dev/null; do sleep 0.01; done"


def older_source(folder: Path) -> Path | None:
    """Return the source of the version before this one, out of the history; None without one."""

    def git(*words: str) -> bytes:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=True).stdout

    try:
        added = git("log", "--diff-filter=A", "--format=%H", "--", _NEW).split()
        archive = git("archive", f"{added[-1].decode()}^", "engine/medsettle")
    except (OSError, IndexError, subprocess.CalledProcessError):
        return None
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return folder / "engine"


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Version:
    """One version at one address; each of its lives is a process started by a command."""

    source: Path
    address: str
    arguments: list[str]
    folder: Path
    name: str
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def start(self) -> str:
        """The command that starts it and returns."""
        words = [sys.executable, "-m", "medsettle.cli", "serve", "--json", *self.arguments]
        words += ["--listen", self.address]
        given = {"PYTHONPATH": str(self.source), **self.environment}
        set_ = " ".join(f"{name}={shlex.quote(value)}" for name, value in given.items())
        script = f"env {set_} setsid {shlex.join(words)} >{self._log} 2>&1 & echo $! >{self._pid}"
        return shlex.join(["sh", "-c", script])

    @property
    def stop(self) -> str:
        """The command that stops it and returns once it has ended."""
        script = f"kill $(cat {self._pid}) 2>/dev/null; {_POLL.format(pid=self._pid)}"
        return shlex.join(["sh", "-c", script])

    @property
    def ready(self) -> str:
        """The command that says whether it serves."""
        words = [sys.executable, "-m", "medsettle.cli", "health", "--server", self.address]
        at = f"PYTHONPATH={ROOT / 'engine'}"
        return shlex.join(["env", at, *words])

    @property
    def waiting(self) -> str:
        """The command that says whether it waits for the ledger."""
        return shlex.join(["grep", "-q", "waiting", str(self._log)])

    @property
    def said(self) -> str:
        """What it has said."""
        return self._log.read_text() if self._log.exists() else ""

    def begin(self) -> None:
        """Start it and wait until it serves."""
        subprocess.run(shlex.split(self.start), check=True)
        for _ in range(600):
            if (
                subprocess.run(shlex.split(self.ready), check=False, capture_output=True).returncode
                == 0
            ):
                return
        raise AssertionError(self.said)

    def kill(self) -> None:
        """End it as `kill -9` does, where it still lives."""
        if self._pid.exists():
            with suppress(ProcessLookupError):
                os.kill(int(self._pid.read_text()), signal.SIGKILL)

    @property
    def _pid(self) -> Path:
        return self.folder / f"{self.name}.pid"

    @property
    def _log(self) -> Path:
        return self.folder / f"{self.name}.log"


@contextmanager
def ending(*versions: Version) -> Iterator[None]:
    """End what still lives with the block."""
    try:
        yield
    finally:
        for each in versions:
            each.kill()
