"""Reading rules, invalid lists and the directory again while a server goes on."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import orjson
from rich.console import Console

from medsettle.cli.desks import now
from medsettle.configuration.reading import Effective, changed
from medsettle.engine import Engine
from medsettle.errors import InvalidRequest, PolicyRejected
from medsettle.logs import events as logged
from medsettle.logs import say
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
        self._settings: Effective | None = None

    def seconds(self, name: str) -> int:
        """Return a setting of so many seconds as it is now, 0 where there are no settings."""
        return 0 if self._settings is None else self._settings.number(name)

    def settings(self, begun: Effective, again: Callable[[], Effective]) -> None:
        """Read settings too, before all else that depends on them.

        Args:
            begun: Those that this server began with.
            again: Reads them.
        """
        self._settings = begun

        async def read() -> None:
            try:
                found = await asyncio.to_thread(again)
            except InvalidRequest as error:
                self._tell_refused([str(fault) for fault in error.faults], "the settings")
            except OSError as error:
                self._tell_refused([f"cannot be read: {error}"], "the settings")
            else:
                self._use(begun, found)

        self._readings.append(read)

    def _use(self, begun: Effective, found: Effective) -> None:
        """Use what can be used at once, and tell what waits for a restart."""
        assert self._settings is not None
        used, _ = changed(self._settings, found)
        _, waiting = changed(begun, found)
        self._settings = found
        lines = [
            f"{each.name} is {each.shown(found.values[each.name])} now ({found.origins[each.name]})"
            for each in used
        ]
        lines += [f"{each.name} was changed and needs a restart" for each in waiting]
        if not lines:
            return
        body: dict[str, object] = {
            "settings": [each.name for each in used],
            "restart": [each.name for each in waiting],
        }
        self._tell(body, "\n".join(lines))

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

    @property
    def _rules(self) -> Path | None:
        return None if self._settings is None else self._settings.path("rules")

    def rules(self, engine: Engine, begun: Path) -> None:
        """Read rules too, from the folder that the settings name by then."""

        async def read() -> None:
            folder = self._rules or begun
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
                say(logged.RELOADED, what="policies")
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
                say(logged.RELOADED, what="lists")
            versions = {str(slot): each.version for slot, each in used.by_slot.items()}
            shown = ", ".join(f"{name} version {version}" for name, version in versions.items())
            moment = now()
            overdue = [
                f"list {slot} version {each.version} was due again on {each.due_time.isoformat()}"
                for slot, each in used.by_slot.items()
                if each.due_time < moment
            ]
            lines = [*faults, *overdue, f"invalid lists in use: {shown or 'none'}"]
            body: dict[str, object] = {"lists": versions, "refused": faults, "overdue": overdue}
            self._tell(body, "\n".join(lines))

        self._readings.append(read)

    def identity(self, readings: Sequence[Callable[[], None]]) -> None:
        """Read certificates, tokens and the list of revoked certificates too."""

        async def read() -> None:
            try:
                for each in readings:
                    await asyncio.to_thread(each)
            except InvalidRequest as error:
                faults = [str(fault) for fault in error.faults]
                self._tell_refused(faults, "certificates and tokens")
            except OSError as error:
                self._tell_refused([f"cannot be read: {error}"], "certificates and tokens")
            else:
                self._tell({"identity": "reloaded"}, "certificates and tokens read again")

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
                say(logged.RELOADED, what="directory")
                counts = directory.counts()
                rows = ", ".join(f"{count} {name}" for name, count in counts.items())
                self._tell({"directory": counts}, f"directory in use: {rows}")

        self._readings.append(read)

    def _tell_refused(self, faults: list[str], what: str) -> None:
        say(logged.RELOAD_REFUSED, what=what, faults=len(faults))
        lines = [*faults, f"{len(faults)} fault(s); {what} loaded before stay in use"]
        self._tell({"refused": faults}, "\n".join(lines))

    def _tell(self, body: dict[str, object], text: str) -> None:
        if self._as_json:
            self._console.out(orjson.dumps(body).decode(), highlight=False)
        else:
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)
