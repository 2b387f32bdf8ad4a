"""The console of a server: a process of its own, begun with the server and ended with it.

A page that is made in the process of the server would keep checkouts waiting. The child reads its
standard input, which closes when the server is gone, however it went; so no console stays behind.
"""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson
from rich.console import Console
from rich.markup import escape

from medsettle.cli.exits import visible
from medsettle.ledger.opening import LedgerPlace

# Before a console that ended is begun again; how long one may take to end.
_PAUSE_SECONDS_FIRST: Final = 1.0
_PAUSE_SECONDS_MAX: Final = 60.0
_END_SECONDS_MAX: Final = 5.0
_LEDGER: Final = "MEDSETTLE_LEDGER"
_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - it is compared


def tell_console(terminal: Console, told: Mapping[str, Any], *, as_json: bool) -> None:
    """Tell where a console is, and the password of the first person where there is one.

    Args:
        terminal: Where it is told.
        told: `console`, the address; `name` and `password` of the first person, or neither.
        as_json: Whether a program listens.
    """
    if as_json:
        terminal.out(orjson.dumps(told).decode(), highlight=False)
        return
    terminal.print(f"console at http://{told['console']}/", highlight=False)
    if "password" in told:
        text = f"sign in as {told['name']} with {told['password']} and keep it: it is told once"
        terminal.print(text, highlight=False, markup=False)


def reached_at(address: str) -> str:
    """Return where this machine reaches a port that listens at an address.

    >>> reached_at("0.0.0.0:50051"), reached_at("10.0.0.1:50051")
    ('127.0.0.1:50051', '10.0.0.1:50051')
    """
    host, _, port = address.rpartition(":")
    return f"{_ANYWHERE.get(host, host)}:{port}"


class ConsoleChild:
    """A console that is begun again whenever it ends, after pauses that grow."""

    def __init__(
        self,
        terminal: Console,
        listen: str,
        *,
        rules: Path,
        data: Path,
        ledger: LedgerPlace,
        asked_by: tuple[str, ...] = (),
        as_json: bool,
    ) -> None:
        """Begin nothing yet.

        Args:
            terminal: Where it is told what became of it.
            listen: Host and port; port 0 lets the first of them choose, and the others keep to it.
            rules: The rules that are served.
            data: The data folder.
            ledger: The ledger of the server.
            asked_by: Further options of the console: the names by which it is asked, and a key.
            as_json: Whether a program listens.
        """
        self._terminal = terminal
        self._listen = listen
        self._as_json = as_json
        self._ledger = str(ledger)
        self._words = ["--rules", str(rules), "--data", str(data), "--json", "--until-stdin-ends"]
        self._words += asked_by
        self._task: asyncio.Task[None] | None = None

    def begin(self, server: str | None, metrics: str) -> None:
        """Begin it beside a server that listens at these two addresses; None is not watched."""
        watched = ["--metrics", reached_at(metrics)]
        if server is not None:
            watched = ["--server", reached_at(server), *watched]
        self._task = asyncio.ensure_future(self._keep(watched))

    async def stop(self) -> None:
        """End it, and return once it has ended."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep(self, watched: list[str]) -> None:
        loop = asyncio.get_running_loop()
        pause = _PAUSE_SECONDS_FIRST
        while True:
            begun = loop.time()
            try:
                why = await self._lived(watched)
            except (OSError, ValueError) as error:
                # A line that is longer than any of ours is a ValueError.
                why = f"cannot be kept: {error}"
            if loop.time() - begun > _PAUSE_SECONDS_MAX:
                pause = _PAUSE_SECONDS_FIRST
            self._tell_ended(why, pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _PAUSE_SECONDS_MAX)

    async def _lived(self, watched: list[str]) -> str:
        """Run one console until it ends, and return why it did; ended with it where cancelled."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "medsettle.cli", "console", "--listen", self._listen),
            *(*self._words, *watched),
            stdin=PIPE,
            stdout=PIPE,
            # Control-C is for the server, which ends its console.
            start_new_session=True,
            # A connection string may hold a password, which a list of processes would show.
            env=os.environ | {_LEDGER: self._ledger},
        )
        said: list[str] = []
        try:
            assert process.stdout is not None
            async for line in process.stdout:
                self._hear(line.decode(errors="replace").strip(), said)
            code = await process.wait()
        finally:
            await _ended(process)
        return " ".join([f"ended with exit code {code}", *said])

    def _hear(self, line: str, said: list[str]) -> None:
        """Tell where it is; keep what it says else, for when it ends."""
        try:
            told = orjson.loads(line)
        except orjson.JSONDecodeError:
            told = None
        if isinstance(told, dict) and "console" in told:
            self._listen = str(told["console"])
            tell_console(self._terminal, told, as_json=self._as_json)
        elif isinstance(told, dict) and "messages" in told:
            said[:] = [f"({'; '.join(map(str, told['messages']))})"]

    def _tell_ended(self, why: str, pause: float) -> None:
        if self._as_json:
            told = {"console_ended": why, "again_in_seconds": pause}
            self._terminal.out(orjson.dumps(told).decode(), highlight=False)
            return
        text = f"the console {why}; settling goes on, and it is started again in {pause:g} s"
        self._terminal.print(escape(visible(text)), highlight=False, soft_wrap=True)


async def _ended(process: Process) -> None:
    """End a process in order where it runs, and by force where it does not end."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _END_SECONDS_MAX)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
