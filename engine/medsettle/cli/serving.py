"""`medsettle serve`: an engine behind gRPC, and the audit tables behind the engine."""

import asyncio
import contextlib
import signal
import threading
from pathlib import Path

import orjson
from rich.console import Console

from medsettle import limits
from medsettle.audit import Projector
from medsettle.cli.desks import AUDIT_FOLDER, LEDGER_FILE, now
from medsettle.engine import Engine
from medsettle.ledger.sqlite import SqliteLedger, SqliteReader
from medsettle.policy.book import load_rule_book
from medsettle.service.server import start


def serve_until_signal(
    console: Console, *, rules: Path, data: Path, listen: str, as_json: bool
) -> None:
    """Serve until SIGINT or SIGTERM, then finish what was accepted and project the rest.

    Raises:
        PolicyRejected: The rules have faults.
        LedgerUnavailable: The ledger is in use or cannot be opened.
        OSError: The address cannot be listened at.
    """
    book = load_rule_book(rules)
    data.mkdir(parents=True, exist_ok=True)
    ledger = SqliteLedger(data / LEDGER_FILE)
    try:
        engine = Engine(book, ledger, now)
        asyncio.run(_serve(console, engine, data, listen, as_json=as_json))
    finally:
        ledger.close()


class _Follower:
    """Projects the audit tables behind the ledger, a moment's settlements at a time."""

    def __init__(self, projector: Projector) -> None:
        self._projector = projector
        self._stopping = asyncio.Event()
        # A cancelled wait does not end the thread behind it; the next projection waits for it.
        self._lock = threading.Lock()

    def hurry(self) -> None:
        """Wait no more before a projection."""
        self._stopping.set()

    async def __call__(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), limits.AUDIT_DELAY_SECONDS)
        await asyncio.to_thread(self._project_all)

    def _project_all(self) -> None:
        with self._lock:
            while self._projector.run_once():
                pass


async def _serve(
    console: Console, engine: Engine, data: Path, listen: str, *, as_json: bool
) -> None:
    reader = SqliteReader(data / LEDGER_FILE)
    projector = Projector(reader, data / AUDIT_FOLDER)
    project = _Follower(projector)
    try:
        try:
            server = await start(engine, listen, project=project)
        except RuntimeError as error:
            # gRPC says no more than this of an address that is taken or not ours.
            raise OSError(f"cannot listen at {listen}; choose another address") from error
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        if as_json:
            console.out(orjson.dumps({"serving": server.address}).decode(), highlight=False)
        else:
            console.print(f"serving {len(engine.policies())} policies at {server.address}")
        await stopped.wait()
        project.hurry()
        await server.stop()
        # What an earlier run committed and did not project is behind too.
        await project()
    finally:
        projector.close()
        reader.close()
