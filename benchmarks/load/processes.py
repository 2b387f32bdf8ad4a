"""Servers and the load generator as processes of their own."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks.load.claims import RULES

_ROOT: Final = Path(__file__).parents[2]
_STOP_SECONDS_MAX: Final = 600


@dataclass
class Server:
    """A server process that answers; `ready_seconds` is from its start until it said so."""

    address: str
    process: subprocess.Popen[str]
    ready_seconds: float

    @property
    def pid(self) -> int:
        """The process whose CPU counts, with those it started."""
        return self.process.pid

    def stop(self) -> float:
        """End the server as a service manager does, and return the seconds that took.

        Raises:
            RuntimeError: It ended with an error.
        """
        start = time.perf_counter()
        self.process.terminate()
        code = self.process.wait(_STOP_SECONDS_MAX)
        if code not in {0, -15}:
            raise RuntimeError(f"the server at {self.address} ended with exit code {code}")
        return time.perf_counter() - start

    def freeze(self) -> None:
        """Let it do nothing more; its sockets stay open, and the system accepts for it."""
        self.process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """End it at once, frozen or not; nobody listens at its address then."""
        self.process.kill()
        self.process.wait(_STOP_SECONDS_MAX)


def python_words(module: str, *arguments: str) -> list[str]:
    """Return the words that start a module as a process."""
    return [sys.executable, "-m", module, *arguments]


def medsettle_words(
    data: Path,
    module: str = "medsettle.cli",
    *,
    rules: Path = RULES,
    listen: str = "127.0.0.1:0",
) -> list[str]:
    """Return the words that start a medsettle server, on all shipped rules unless others are told.

    What follows them are further options of `medsettle serve`.
    """
    command = ["serve"] if module == "medsettle.cli" else []
    place = ["--rules", str(rules), "--data", str(data), "--listen", listen, "--json"]
    return python_words(module, *command, *place)


def echo_words(answer: Path | None, transport: str = "aio") -> list[str]:
    """Return the words that start an echo server; without an answer, the empty one."""
    words = python_words("benchmarks.load.echo_server", "--transport", transport)
    return words if answer is None else [*words, "--answer", str(answer)]


@contextmanager
def serving(words: Sequence[str], core: int | None = None) -> Iterator[Server]:
    """Yield a server once it answers, on one core if that is given; it ends with the block.

    Raises:
        RuntimeError: It ended before it answered.
    """
    start = time.perf_counter()
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        ready = time.perf_counter() - start
        if not line:
            raise RuntimeError(f"{' '.join(words)} ended before it served; see what it wrote")
        if core is not None:
            for each in (psutil.Process(process.pid), *psutil.Process(process.pid).children()):
                for thread in each.threads():
                    psutil.Process(thread.id).cpu_affinity([core])
        try:
            yield Server(json.loads(line)["serving"], process, ready)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(_STOP_SECONDS_MAX)


class Generator:
    """A load generator that takes one run after another."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, *arguments: object) -> dict[str, Any]:
        """Return the figures of a run with these arguments of `python -m benchmarks.load`.

        Raises:
            RuntimeError: An answer was wrong, or the generator ended.
        """
        self._tell([str(each) for each in arguments])
        return self.figures()

    def prepare(self, *arguments: object) -> None:
        """Connect and make the claims of a run, so that `begin` begins it at once."""
        self._tell([*map(str, arguments), "--wait"])
        self._told()

    def begin(self) -> None:
        """Begin the run that was prepared."""
        self._tell([])

    def figures(self) -> dict[str, Any]:
        """Return the figures of the run that was begun, once it has ended; see `run`."""
        found = self._told()
        if found["wrong"]:
            raise RuntimeError(f"{found['wrong']} wrong answers, such as {found['wrong_shown']}")
        return found

    def _tell(self, words: list[str]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()

    def _told(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the load generator ended; see what it wrote")
        found: dict[str, Any] = json.loads(line)
        return found


@contextmanager
def generating(core: int | None = None) -> Iterator[Generator]:
    """Yield a load generator in a process of its own, on one core if that is given."""
    words = python_words("benchmarks.load", "-")
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT
    ) as process:
        if core is not None:
            psutil.Process(process.pid).cpu_affinity([core])
        try:
            yield Generator(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
