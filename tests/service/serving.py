"""Real servers on loopback ports, their event loop in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
from medsettle import limits
from medsettle.engine import Engine
from medsettle.ledger.opening import open_ledger
from medsettle.policy.book import load_rule_book
from medsettle.service.desk import SettlementEngine
from medsettle.service.measuring import Measuring
from medsettle.service.server import Identity, Server, start
from medsettle.service.shift import Projection

from tests.stores import ledger_in

RULES = Path(__file__).parent / "rules"


@dataclass
class Ticking:
    """A clock that moves one second each time it is asked: each commit has a moment of its own."""

    moment: datetime = datetime(2024, 5, 2, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the next moment."""
        self.moment += timedelta(seconds=1)
        return self.moment


@dataclass
class Served:
    """A running server, and the loop it runs on."""

    address: str
    server: Server
    loop: asyncio.AbstractEventLoop
    stopped: bool = field(default=False)

    def stop(self, grace_seconds: float = limits.SHUTDOWN_SECONDS_MAX) -> None:
        """Stop the server and wait until it has stopped."""
        self.stopped = True
        stopping = asyncio.run_coroutine_threadsafe(self.server.stop(grace_seconds), self.loop)
        stopping.result(limits.SHUTDOWN_SECONDS_MAX)


@contextmanager
def engine_on(folder: Path) -> Iterator[Engine]:
    """Yield an engine of the example area with a ledger in `folder`."""
    ledger = open_ledger(ledger_in(folder))
    try:
        yield Engine(load_rule_book(RULES), ledger, Ticking())
    finally:
        ledger.close()


def altered(engine: Engine, **methods: Callable[..., object]) -> Engine:
    """Return the engine with some of its methods behaving as these functions do."""
    other = copy(engine)
    for name, method in methods.items():
        setattr(other, name, method)
    return other


@contextmanager
def running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Yield an event loop that runs in a thread until the end of the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def serving(
    engine: SettlementEngine,
    loop: asyncio.AbstractEventLoop,
    *,
    project: Projection | None = None,
    address: str = "127.0.0.1:0",
    measuring: Measuring | None = None,
    credentials: grpc.ServerCredentials | None = None,
    identity: Identity | None = None,
) -> Iterator[Served]:
    """Yield a server of this engine; it stops at the end of the block unless it has stopped."""
    starting = start(
        *(engine, address),
        project=project,
        measuring=measuring,
        credentials=credentials,
        identity=identity,
    )
    server = asyncio.run_coroutine_threadsafe(starting, loop).result(limits.SHUTDOWN_SECONDS_MAX)
    served = Served(server.address, server, loop)
    try:
        yield served
    finally:
        if not served.stopped:
            served.stop(grace_seconds=0)
