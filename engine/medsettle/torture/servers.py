"""Server processes, each with the place at which it is to die.

The next server is started while the last one still works, as far as it can go without knowing what
to serve, because loading its code takes longer than most lives last.
"""

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Self, TypeAlias

from medsettle import limits

_DOOMED: Final = (sys.executable, "-m", "medsettle.cli.doomed")
_STOP_SECONDS_MAX: Final = limits.SHUTDOWN_SECONDS_MAX + 10
_SAID_CHARS: Final = 2_000

_Process: TypeAlias = "subprocess.Popen[str]"


@dataclass(frozen=True, slots=True)
class Life:
    """One server process."""

    address: str
    process: _Process

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


class Servers:
    """Starts servers one after another. Use it as a context manager."""

    def __init__(self) -> None:
        self._log = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - see `close`
        self._next: _Process | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server that was started ahead of time."""
        if self._next is not None:
            _end(self._next)
            self._next = None
        self._log.close()

    @contextmanager
    def serving(self, arguments: Sequence[str], step: str = "", count: int = 1) -> Iterator[Life]:
        """Yield a server process; it is killed with the block if it still lives.

        Args:
            arguments: Those of `medsettle serve`.
            step: Where it dies, one of `named_steps.STEPS`, or empty.
            count: At which arrival there, from 1.

        Raises:
            OSError: It ended before it served.
        """
        process, self._next = self._next or self._started(), None
        try:
            yield Life(self._told(process, arguments, step, count), process)
        finally:
            _end(process)

    def _started(self) -> _Process:
        return subprocess.Popen(  # noqa: S603 - our own module
            _DOOMED, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True
        )

    def _told(self, process: _Process, arguments: Sequence[str], step: str, count: int) -> str:
        """Tell a process what to serve, start its successor, and return the address."""
        assert process.stdin is not None
        assert process.stdout is not None
        told = {"step": step, "count": count, "arguments": ["serve", "--json", *arguments]}
        process.stdin.write(json.dumps(told) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line.startswith('{"serving"'):
            code = process.wait(_STOP_SECONDS_MAX)
            self._log.seek(0)
            said = self._log.read()[-_SAID_CHARS:]
            raise OSError(f"a server ended with {code} before it served: {line}{said}")
        self._next = self._started()
        return str(json.loads(line)["serving"])


def _end(process: _Process) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
