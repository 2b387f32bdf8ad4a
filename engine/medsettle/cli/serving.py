"""`medsettle serve`: an engine behind gRPC, and the audit tables behind the engine."""

import asyncio
import contextlib
import gc
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from rich.console import Console

from medsettle import limits
from medsettle.cli.desks import AUDIT_FOLDER, now
from medsettle.cli.exits import catching_up
from medsettle.cli.following import Follower
from medsettle.cli.local_desk import put_in_use
from medsettle.durable import make_folder
from medsettle.engine import Engine
from medsettle.errors import PolicyRejected
from medsettle.ledger.opening import LedgerPlace, is_shared, open_ledger, open_reader
from medsettle.rule_cache import rule_book
from medsettle.service.server import start
from medsettle.settle import machine_code

if TYPE_CHECKING:
    from medsettle.engine.list_folder import ListFolders


def serve_until_signal(
    console: Console,
    *,
    rules: Path,
    data: Path,
    ledger: LedgerPlace,
    listen: str,
    lists: "ListFolders | None",
    as_json: bool,
) -> None:
    """Serve until SIGINT or SIGTERM, then finish what was accepted and project the rest.

    Raises:
        PolicyRejected: The rules have faults.
        InvalidListRejected: An invalid list is refused.
        LedgerUnavailable: The ledger is in use or cannot be opened, or it failed: a supervisor
            starts the next process, which opens it again.
        InternalError: A write met a bug of ours; the next process reads what was recorded.
        AuditCorrupt: The audit tables are damaged or know more than the ledger.
        OSError: The address cannot be listened at.
    """
    book = rule_book(rules)
    make_folder(data)
    with open_ledger(ledger) as opened:
        engine = Engine(book, opened, now)
        put_in_use(engine, lists)
        machine_code.load()
        _spare_the_collector()
        reload = _Reload(console, engine, rules, lists, as_json=as_json)
        serving = _serve(console, engine, (ledger, data), listen, reload, as_json=as_json)
        asyncio.run(serving)


def _spare_the_collector() -> None:
    """Keep what is loaded out of sight of the garbage collector, and let it look less often.

    A batch of thousands of claims makes a million objects that counting references frees; looking
    for cycles among them, and among the rules each time, takes a fifth of settling it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(limits.COLLECTED_AFTER_OBJECTS, 20, 50)


class _Reload:
    """Reads rules and invalid lists again on SIGHUP; what is refused changes nothing."""

    def __init__(
        self,
        console: Console,
        engine: Engine,
        rules: Path,
        lists: "ListFolders | None",
        *,
        as_json: bool,
    ) -> None:
        self._console = console
        self._engine = engine
        self._rules = rules
        self._lists = lists
        self._as_json = as_json
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Read everything again as soon as possible; asking twice before that is asking once."""
        self._asked.set()

    async def __call__(self) -> None:
        """Serve reloads until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self._reload_rules()
            if self._lists is not None:
                await self._reload_lists(self._lists)

    async def _reload_rules(self) -> None:
        try:
            # Calls go on meanwhile by the rules that are loaded.
            book = await asyncio.to_thread(rule_book, self._rules)
        except PolicyRejected as error:
            self._tell_refused([str(violation) for violation in error.violations])
        except OSError as error:
            self._tell_refused([f"{self._rules} cannot be read: {error}"])
        else:
            # On the loop's thread, between two calls: each call has one rule book.
            self._engine.replace_rules(book)
            self._tell({"reloaded": len(book.policies)}, f"reloaded {len(book.policies)} policies")

    async def _reload_lists(self, folders: "ListFolders") -> None:
        from medsettle.engine.list_folder import load_lists  # noqa: PLC0415 - loads cryptography

        used = self._engine.cards.lists
        try:
            # Calls go on meanwhile by the lists that are loaded.
            loaded = await asyncio.to_thread(load_lists, folders, used, now())
        except OSError as error:
            faults: tuple[str, ...] = (f"{folders.lists} cannot be read: {error}",)
        else:
            self._engine.cards.replace_lists(loaded.lists)
            used, faults = loaded.lists, loaded.faults
        versions = {str(slot): each.version for slot, each in used.by_slot.items()}
        shown = ", ".join(f"{name} version {version}" for name, version in versions.items())
        lines = [*faults, f"invalid lists in use: {shown or 'none'}"]
        self._tell({"lists": versions, "refused": faults}, "\n".join(lines))

    def _tell_refused(self, faults: list[str]) -> None:
        lines = [*faults, f"{len(faults)} fault(s); the policies loaded before stay in use"]
        self._tell({"refused": faults}, "\n".join(lines))

    def _tell(self, body: dict[str, object], text: str) -> None:
        if self._as_json:
            self._console.out(orjson.dumps(body).decode(), highlight=False)
        else:
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)


async def _serve(
    console: Console,
    engine: Engine,
    kept: tuple[LedgerPlace, Path],
    listen: str,
    reload: _Reload,
    *,
    as_json: bool,
) -> None:
    place, data = kept
    with (
        open_reader(place) as reader,
        contextlib.closing(
            Follower(reader, data / AUDIT_FOLDER, shared=is_shared(place))
        ) as project,
    ):
        try:
            server = await start(engine, listen, project=project)
        except RuntimeError as error:
            # gRPC says no more than this of an address that is taken or not ours.
            raise OSError(f"cannot listen at {listen}; choose another address") from error
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        loop.add_signal_handler(signal.SIGHUP, reload.ask)
        beside = [asyncio.ensure_future(each) for each in (reload(), project.look_out(server))]
        if as_json:
            console.out(orjson.dumps({"serving": server.address}).decode(), highlight=False)
        else:
            console.print(f"serving {len(engine.policies())} policies at {server.address}")
        failing = asyncio.ensure_future(server.failure())
        stopping = asyncio.ensure_future(stopped.wait())
        await asyncio.wait({failing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in beside:
            task.cancel()
        project.hurry()
        await server.stop()
        if failing.done():
            raise failing.result()
        # What an earlier run committed and did not project is behind too.
        with catching_up(console, as_json=as_json):
            await project()
