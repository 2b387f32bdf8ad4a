"""A console in a process of its own, as a user starts it."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medsettle import limits

from tests.cli.commands import ROOT, command, environment

if TYPE_CHECKING:
    from playwright.sync_api import StorageState


@dataclass
class Served:
    """A running console, and who may sign in; `session` is what a browser holds of who did."""

    base: str
    name: str
    password: str
    data: Path
    process: subprocess.Popen[str]
    session: "StorageState | None" = None

    def stop(self) -> int:
        """End it as a service manager does, and return its exit code."""
        self.process.terminate()
        return self.process.wait(limits.SHUTDOWN_SECONDS_MAX + 10)


@contextmanager
def served(data: Path, rules: Path, options: Sequence[object] = ()) -> Iterator[Served]:
    """Yield a console before a folder in which nobody may sign in yet."""
    place = ("--rules", rules, "--data", data, "--listen", "127.0.0.1:0")
    words = command("console", "--json", *place, *options)
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, env=environment(), cwd=ROOT
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            assert line, "the console ended before it was ready"
            told = json.loads(line)
            base = f"http://{told['console']}"
            yield Served(base, told["name"], told["password"], data, process)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(limits.SHUTDOWN_SECONDS_MAX + 10)
