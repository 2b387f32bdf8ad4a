"""Reading rules, invalid lists and the directory again while a server goes on."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import orjson
from rich.console import Console

from medsettle.cli.desks import now
from medsettle.engine import Engine
from medsettle.errors import InvalidRequest, PolicyRejected
from medsettle.rule_cache import rule_book

if TYPE_CHECKING:
    from medsettle.engine.list_folder import ListFolders
    from medsettle.gateway.directory_files import FileDirectory

Reading: TypeAlias = Callable[[], Awaitable[None]]


class Reload:
    """Reads everything again on SIGHUP; what is refused changes nothing."""

    def __init__(self, console: Console, *, as_json: bool) -> None:
        """Begin with nothing to read; what it finds is told on a console."""
        self._console = console
        self._as_json = as_json
        self._asked = asyncio.Event()
        self._readings: list[Reading] = []

    def ask(self) -> None:
        """Read everything again as soon as possible; asking twice before that is asking once."""
        self._asked.set()

    async def __call__(self) -> None:
        """Serve reloads until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            for read in self._readings:
                await read()

    def rules(self, engine: Engine, folder: Path) -> None:
        """Read rules too."""

        async def read() -> None:
            try:
                # Calls go on meanwhile by the rules that are loaded.
                book = await asyncio.to_thread(rule_book, folder)
            except PolicyRejected as error:
                faults = [str(violation) for violation in error.violations]
                self._tell_refused(faults, "the policies")
            except OSError as error:
                self._tell_refused([f"{folder} cannot be read: {error}"], "the policies")
            else:
                # On the loop's thread, between two calls: each call has one rule book.
                engine.replace_rules(book)
                count = len(book.policies)
                self._tell({"reloaded": count}, f"reloaded {count} policies")

        self._readings.append(read)

    def lists(self, engine: Engine, folders: "ListFolders") -> None:
        """Read invalid lists too."""
        from medsettle.engine.list_folder import load_lists  # noqa: PLC0415 - loads cryptography

        async def read() -> None:
            used = engine.cards.lists
            try:
                # Calls go on meanwhile by the lists that are loaded.
                loaded = await asyncio.to_thread(load_lists, folders, used, now())
            except OSError as error:
                faults: tuple[str, ...] = (f"{folders.lists} cannot be read: {error}",)
            else:
                engine.cards.replace_lists(loaded.lists)
                used, faults = loaded.lists, loaded.faults
            versions = {str(slot): each.version for slot, each in used.by_slot.items()}
            shown = ", ".join(f"{name} version {version}" for name, version in versions.items())
            lines = [*faults, f"invalid lists in use: {shown or 'none'}"]
            self._tell({"lists": versions, "refused": faults}, "\n".join(lines))

        self._readings.append(read)

    def directory(self, directory: "FileDirectory") -> None:
        """Read the directory of the national interface too."""

        async def read() -> None:
            try:
                # Messages are answered meanwhile by the files read before.
                await asyncio.to_thread(directory.reload)
            except InvalidRequest as error:
                self._tell_refused([str(fault) for fault in error.faults], "the directory files")
            except OSError as error:
                self._tell_refused([f"cannot be read: {error}"], "the directory files")
            else:
                counts = directory.counts()
                rows = ", ".join(f"{count} {name}" for name, count in counts.items())
                self._tell({"directory": counts}, f"directory in use: {rows}")

        self._readings.append(read)

    def _tell_refused(self, faults: list[str], what: str) -> None:
        lines = [*faults, f"{len(faults)} fault(s); {what} loaded before stay in use"]
        self._tell({"refused": faults}, "\n".join(lines))

    def _tell(self, body: dict[str, object], text: str) -> None:
        if self._as_json:
            self._console.out(orjson.dumps(body).decode(), highlight=False)
        else:
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)
