"""The command line as a user runs it: processes of their own, with their exit codes and output."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from medsettle import limits

from tests.cli.prepared import PreparedCommands

ROOT = Path(__file__).parents[2]
RULES = ROOT / "rules"
DIRECTORY = ROOT / "fixtures" / "directory"

# Long enough for a machine that does ten other things, short enough to end a command that hangs.
_SECONDS_MAX = 120


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command said, and the exit code it ended with."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever the command prints
        """Return the one JSON value a command printed."""
        return json.loads(self.out)

    @property
    def json_lines(self) -> list[Any]:
        """Return the JSON values a command printed, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


def command(*arguments: object) -> list[str]:
    """Return the words that start `medsettle` with arguments."""
    return [sys.executable, "-m", "medsettle.cli", *map(str, arguments)]


def environment(columns: int = 200) -> dict[str, str]:
    """Return the environment of a command: the present one, with a plain terminal, a wide one."""
    return os.environ | {"COLUMNS": str(columns), "NO_COLOR": "1", "TERM": "dumb"}


def run(*arguments: object, columns: int = 200) -> Ran:
    """Return what `medsettle` with these arguments said."""
    words = [*map(str, arguments)]
    return Ran(*_prepared().run(words, environment(columns), ROOT, _SECONDS_MAX))


@cache
def _prepared() -> PreparedCommands:
    return PreparedCommands(ROOT, environment())


def end_prepared() -> None:
    """End the process that commands of this process were forked from, if there was one."""
    if _prepared.cache_info().currsize:
        _prepared().close()
        _prepared.cache_clear()


@dataclass
class Serving:
    """A running `medsettle serve` or `medsettle gateway`.

    `gateway` is where `serve` answers the national interface, where it does.
    """

    address: str
    process: subprocess.Popen[str]
    gateway: str | None = None

    def stop(self) -> int:
        """End the server as a service manager does, and return its exit code."""
        self.process.terminate()
        return self.process.wait(limits.SHUTDOWN_SECONDS_MAX + 10)


@contextmanager
def serving(data: Path, rules: Path = RULES, options: Sequence[object] = ()) -> Iterator[Serving]:
    """Yield a server process with its ledger in a folder; it ends with the block at the latest."""
    with _started("serve", data, rules, options) as server:
        yield server


def one_area(folder: Path) -> Path:
    """Return rules of one area, in a folder: a process that reads no more of them starts sooner."""
    rules = folder / "rules-of-one-area"
    if not rules.exists():
        shutil.copytree(RULES / "110000", rules / "110000")
    return rules


@contextmanager
def gateway(
    data: Path, directory: Path = DIRECTORY, options: Sequence[object] = ()
) -> Iterator[Serving]:
    """Yield a process of the national interface, as `serving` yields one of gRPC."""
    with _started(
        "gateway", data, one_area(data.parent), ("--directory", directory, *options)
    ) as server:
        yield server


@contextmanager
def _started(verb: str, data: Path, rules: Path, options: Sequence[object]) -> Iterator[Serving]:
    place = ("--rules", rules, "--data", data, "--listen", "127.0.0.1:0")
    words = command(verb, "--json", *place, *options)
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, env=environment(), cwd=ROOT
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        server = Serving("", process)
        try:
            assert line, "the server ended before it was ready"
            yield Serving(json.loads(line)["serving"], process, json.loads(line).get("gateway"))
        finally:
            if process.poll() is None:
                server.stop()
