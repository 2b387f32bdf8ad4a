"""Two areas and a hub that serve on loopback ports of one process, and tills that ask them.

Between hub and place of insurance is a relay that holds answers or cuts what passes.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import grpc
from medsettle.client.failures import failure_of
from medsettle.engine import Engine
from medsettle.ledger.opening import open_ledger
from medsettle.peers.config import Neighbour, PeerConfig, Role
from medsettle.peers.station import Station
from medsettle.service.desk import Desk
from medsettle.service.server import Server, start
from medsettle.torture.provinces_servers import HUB, NAMES, free_ports
from medsettle.v1 import request_service_pb2_grpc as requests_grpc
from medsettle.v1 import settlement_service_pb2_grpc as settlements_grpc
from medsettle.v1 import visit_service_pb2_grpc as visits_grpc

from tests.peers.moves import CARE, HOME
from tests.peers.simulated import book_of
from tests.stores import ledger_in

Answer = TypeVar("Answer")

_CALL_SECONDS = 10.0
_SOON_SECONDS = 15.0


async def a_moment() -> None:
    """Let servers that are waited for do something."""
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), 0.05)


@dataclass
class Relay:
    """Passes on what comes, and holds what goes back while `answers` is not set."""

    to: str
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    passed: asyncio.Event = field(default_factory=asyncio.Event)
    address: str = ""
    _ends: list[asyncio.StreamWriter] = field(default_factory=list)
    _pumps: set["asyncio.Task[None]"] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def open(self) -> None:
        """Begin to listen."""
        self.answers.set()
        self._server = await asyncio.start_server(self._opened, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Cut all, and listen no more."""
        assert self._server is not None
        self._server.close()
        for each in self._ends:
            each.transport.abort()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def hold(self) -> None:
        """Let what is asked pass, and no answer."""
        self.answers.clear()
        self.passed.clear()

    async def _opened(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        host, _, port = self.to.rpartition(":")
        try:
            answers, asks = await asyncio.open_connection(host, int(port))
        except OSError:
            sink.transport.abort()
            return
        self._ends += (sink, asks)
        self._pumps |= {
            asyncio.ensure_future(self._pump(source, asks, held=False)),
            asyncio.ensure_future(self._pump(answers, sink, held=True)),
        }

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, held: bool
    ) -> None:
        try:
            while read := await source.read(65_536):
                if held:
                    await self.answers.wait()
                elif not self.answers.is_set():
                    self.passed.set()
                sink.write(read)
                await sink.drain()
        except OSError:
            pass
        sink.transport.abort()


@dataclass
class Till:
    """Asks an engine as an institution does, on the loop of all engines."""

    channel: grpc.aio.Channel

    def __post_init__(self) -> None:
        """Make the stubs, whose types know no channels of asyncio."""
        channel: Any = self.channel
        self._services: tuple[Any, ...] = (
            settlements_grpc.SettlementServiceStub(channel),
            visits_grpc.VisitServiceStub(channel),
            requests_grpc.RequestServiceStub(channel),
        )

    def call(self, method: str, request: object, seconds: float = _CALL_SECONDS) -> Any:  # noqa: ANN401
        """Begin a call of a method of any service; it may be awaited and cancelled."""
        (stub,) = (each for each in self._services if hasattr(each, method))
        return getattr(stub, method)(request, timeout=seconds)

    async def ask(self, method: str, request: object, seconds: float = _CALL_SECONDS) -> Any:  # noqa: ANN401
        """Return the answer.

        Raises:
            SettlementError: As the engine met it.
        """
        try:
            return await self.call(method, request, seconds)
        except grpc.aio.AioRpcError as error:
            raise failure_of(error).error from None

    async def until(self, method: str, request: object, **fields: object) -> Any:  # noqa: ANN401
        """Return an answer once it has these fields."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _SOON_SECONDS
        while True:
            try:
                answer = await self.ask(method, request)
            except LookupError:
                answer = None
            if answer is not None and all(
                getattr(answer, name) == value for name, value in fields.items()
            ):
                return answer
            assert loop.time() < end, f"{method} still answers {answer}"
            await a_moment()


@dataclass
class Stand:
    """One engine and all that serves it."""

    engine: Engine
    server: Server
    station: Station
    till: Till

    async def stop(self) -> None:
        """Stop at once. Stopping twice is harmless."""
        await self.till.channel.close()
        await self.server.stop(0)
        await self.station.stop()


@dataclass
class Stands:
    """The engines by name, and the relay before the place of insurance."""

    by_name: Mapping[str, Stand]
    relay: Relay

    @property
    def care(self) -> Stand:
        """The place of care."""
        return self.by_name[CARE]

    @property
    def home(self) -> Stand:
        """The place of insurance."""
        return self.by_name[HOME]

    @property
    def hub(self) -> Stand:
        """The hub."""
        return self.by_name[HUB]


@asynccontextmanager
async def stands(folder: Path) -> AsyncIterator[Stands]:
    """Yield two areas and a hub; area 999941 treats, area 999942 insures."""
    ports = dict(zip(NAMES, free_ports(len(NAMES)), strict=True))
    addresses = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    relay = Relay(addresses[HOME])
    await relay.open()
    found: dict[str, Stand] = {}
    with ExitStack() as stack:
        try:
            for name in NAMES:
                (folder / name).mkdir(parents=True)
                ledger: Any = stack.enter_context(open_ledger(ledger_in(folder / name)))
                engine = Engine(book_of(name), ledger, _now)
                config = _config(name, addresses, relay.address)
                found[name] = await _stand(engine, config, addresses[name], folder / name)
            yield Stands(found, relay)
        finally:
            for stand in found.values():
                await stand.stop()
            await relay.close()


def _now() -> datetime:
    """Return the present: pauses and the time in which a till may ask again are real here."""
    return datetime.now(UTC)


async def _stand(engine: Engine, config: PeerConfig, address: str, folder: Path) -> Stand:
    stations: list[Station] = []

    def beside(desk: Desk) -> Any:  # noqa: ANN401 - handlers of gRPC
        stations.append(Station(engine, desk, config, folder))
        return stations[0].handlers

    server = await start(engine, address, beside=beside)
    stations[0].begin()
    return Stand(engine, server, stations[0], Till(grpc.aio.insecure_channel(address)))


def _config(name: str, addresses: Mapping[str, str], relayed: str) -> PeerConfig:
    if name == HUB:
        at = {CARE: addresses[CARE], HOME: relayed}
        areas = tuple(Neighbour(each, Role.AREAS, at[each], (each,)) for each in (CARE, HOME))
        return PeerConfig(HUB, Role.HUB, (), areas, None)
    hub = Neighbour(HUB, Role.HUB, addresses[HUB], ("*",))
    return PeerConfig(name, Role.AREAS, (name,), (hub,), None)
