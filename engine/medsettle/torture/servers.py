"""Server processes, each with the place at which it is to die.

They are forks of one process that has loaded their code and opened nothing, because loading takes
longer than most lives last.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Final, Self

from medsettle import limits

_DOOMED: Final = (sys.executable, "-m", "medsettle.cli.doomed")
_STOP_SECONDS_MAX: Final = limits.SHUTDOWN_SECONDS_MAX + 10
_SAID_CHARS: Final = 2_000


class Life:
    """One server process; its number stays its own until the next one is started.

    `address` is where it serves, `code` how it ended, `words` what it said besides.
    """

    def __init__(self, process: int, said: IO[str]) -> None:
        """Follow a process that has just begun, by what is said of it."""
        self.address = ""
        self.code = 0
        self.words = ""
        self._process = process
        self._said = said
        self._serves = threading.Event()
        self._ended = threading.Event()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def alive(self) -> bool:
        """Whether it has not ended."""
        return not self._ended.is_set()

    def serves(self) -> bool:
        """Wait until it serves; return False if it ended before."""
        self._serves.wait()
        return self.address != ""

    def died(self, seconds: float) -> bool:
        """Wait for its end; return whether it came within these seconds."""
        return self._ended.wait(seconds)

    def kill(self) -> None:
        """End it as `kill -9` does."""
        with suppress(ProcessLookupError):
            # It is gone where the terminal has interrupted all of us.
            os.kill(self._process, signal.SIGKILL)
        self._listener.join()

    def freeze(self) -> None:
        """Let it do nothing, its connections open, until `thaw`."""
        os.kill(self._process, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on from where it was."""
        os.kill(self._process, signal.SIGCONT)

    def stop(self) -> int:
        """End it as a service manager does, and return its exit code.

        Raises:
            TimeoutError: It did not end.
        """
        os.kill(self._process, signal.SIGTERM)
        if not self.died(_STOP_SECONDS_MAX):
            raise TimeoutError(f"a server that was told to stop goes on, process {self._process}")
        return self.code

    def _listen(self) -> None:
        for line in self._said:
            if line.startswith('{"serving"'):
                self.address = str(json.loads(line)["serving"])
                self._serves.set()
            elif line.startswith('{"ended"'):
                self.code = int(json.loads(line)["ended"])
                break
            else:
                self.words = (self.words + line)[-_SAID_CHARS:]
        self._ended.set()
        self._serves.set()


class Servers:
    """Starts servers one after another. Use it as a context manager."""

    def __init__(self) -> None:
        self._log = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - see `close`
        self._source = subprocess.Popen(  # noqa: S603 - our own module
            _DOOMED, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process that makes servers."""
        for stream in (self._source.stdin, self._source.stdout):
            assert stream is not None
            stream.close()
        self._source.wait()
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
        life = self._begun(
            {"step": step, "count": count, "arguments": ["serve", "--json", *arguments]}
        )
        try:
            if not life.serves():
                said = life.words + self._last_words()
                raise OSError(f"a server ended with {life.code} before it served: {said}")
            yield life
        finally:
            life.kill()

    def _begun(self, told: dict[str, object]) -> Life:
        stdin, stdout = self._source.stdin, self._source.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(told) + "\n")
        stdin.flush()
        for line in stdout:
            if line.startswith('{"process"'):
                return Life(int(json.loads(line)["process"]), stdout)
        raise OSError(f"no server was started: {self._last_words()}")

    def _last_words(self) -> str:
        self._log.seek(0)
        return self._log.read()[-_SAID_CHARS:]
