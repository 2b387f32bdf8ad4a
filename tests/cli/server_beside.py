"""A server that has a console or measurements beside it, and what it says line by line."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from medsettle import limits

from tests.cli.commands import ROOT, command, environment, one_area


class ServerBeside:
    """A server with a console beside it, and what it says, line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def said(self) -> dict[str, Any]:
        """Return the next line."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the server ended"
        found: dict[str, Any] = json.loads(line)
        return found

    def child(self) -> int:
        """Return the process id of the console."""
        of_all = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        (found,) = [
            pid for pid in of_all.split() if b"console" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        return int(found)


@contextlib.contextmanager
def serving_beside(folder: Path, *options: object) -> Iterator[ServerBeside]:
    """Yield a server of one area with its data in a folder; it ends with the block."""
    place = ("--rules", one_area(folder), "--data", folder / "data", "--listen", "127.0.0.1:0")
    with subprocess.Popen(
        command("serve", "--json", *place, *options),
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
        cwd=ROOT,
    ) as process:
        try:
            yield ServerBeside(process)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(limits.SHUTDOWN_SECONDS_MAX + 10)
