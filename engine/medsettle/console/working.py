"""The process of a job: it runs the commands one after another, and writes how each ended.

It is started by `jobs` with the folder of the job and the number of the open file whose lock says
that the job lives; each command inherits it, so that the lock is held for as long as any of them.
"""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Final

import orjson

from medsettle import durable, limits

JOB_FILE: Final = "job.json"
PROCESS_FILE: Final = "process"
ENDED_FILE: Final = "ended.json"
_NICE: Final = 10


class _Stopping:
    """Whether the job is to stop, and the command that is told so."""

    def __init__(self) -> None:
        self.asked = False
        self.command: subprocess.Popen[bytes] | None = None
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGALRM, self._kill)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        self.end()

    def end(self) -> None:
        """Ask the command to end; what does not, in time, is ended."""
        if self.command is not None and self.command.poll() is None:
            self.command.terminate()
            signal.alarm(int(limits.SHUTDOWN_SECONDS_MAX))

    def _kill(self, number: int, frame: FrameType | None) -> None:
        if self.command is not None:
            self.command.kill()


def work(folder: Path, lock: int) -> None:
    """Run the commands of a job until one fails or somebody stops it."""
    stopping = _Stopping()
    # Whoever looks at a page, and whoever settles, goes first.
    os.nice(_NICE)
    durable.put(folder / PROCESS_FILE, str(os.getpid()).encode())
    steps = orjson.loads((folder / JOB_FILE).read_bytes())["steps"]
    codes: list[int] = []
    for number, words in enumerate(steps):
        if stopping.asked:
            break
        with (
            (folder / f"step-{number}.out").open("wb") as out,
            (folder / f"step-{number}.err").open("wb") as err,
        ):
            stopping.command = subprocess.Popen(  # noqa: S603 - no shell, words of our own pages
                [sys.executable, "-m", "medsettle.cli", *words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                pass_fds=(lock,),
            )
            if stopping.asked:
                stopping.end()
            codes.append(stopping.command.wait())
        if codes[-1] != 0:
            break
    body = {"ended": datetime.now(UTC).isoformat(), "codes": codes}
    durable.put(folder / ENDED_FILE, orjson.dumps(body))
    durable.sync_folder(folder)


if __name__ == "__main__":
    work(Path(sys.argv[1]), int(sys.argv[2]))
