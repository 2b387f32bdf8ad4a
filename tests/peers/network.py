"""Engines of several areas on loopback ports, each with links, a handler and an echo behind it."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from medsettle.errors import LedgerUnavailable, SettlementError
from medsettle.identity.access_log import Accesses, NoAccesses
from medsettle.identity.transport import Tls, server_credentials
from medsettle.peers.config import Neighbour, PeerConfig, Role
from medsettle.peers.greeting import Greeting
from medsettle.peers.handler import Caller, PeerHandler
from medsettle.peers.links import Links
from medsettle.service.call_watch import CallWatch
from medsettle.service.measuring import Measuring, Unmeasured
from medsettle.v1 import peer_service_pb2 as messages

A, B = "999941", "999942"
# A ScopedClaim with a catalogue digest, and field 1,000 that no version knows.
BODY = messages.ScopedClaim(catalogue_digest="d").SerializeToString() + b"\xc2\x3e\x03new"
ALL = ("settle", "visits", "explain", "deliver")


@dataclass
class Echo:
    """Answers with what it was asked, does as it is told, and keeps who asked."""

    error: Exception | None = None
    hangs: bool = False
    asked: list[tuple[str, bytes, Caller]] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, method: str, body: bytes, caller: Caller) -> bytes:
        """Return the body."""
        self.asked.append((method, body, caller))
        self.arrived.set()
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        return body


@dataclass
class Desk:
    """A desk that may be stopping, and counts its calls, greetings too."""

    stopping: bool = False
    calls: int = 0
    measuring: Measuring = field(default_factory=Unmeasured)
    accesses: Accesses = field(default_factory=NoAccesses)
    watch: CallWatch | None = None

    @contextmanager
    def call(self) -> Iterator[None]:
        """Be at work on one call."""
        self.calls += 1
        if self.stopping:
            raise LedgerUnavailable("This server is stopping. Nothing was recorded.")
        yield


@dataclass(frozen=True)
class Plan:
    """One engine of a network: its role and areas, and the areas it reaches by each neighbour."""

    role: Role = Role.AREAS
    areas: tuple[str, ...] = ()
    peers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ALL
    local_methods: tuple[str, ...] = ()
    calls_itself: str = ""


@dataclass
class Node:
    """A running engine."""

    config: PeerConfig
    links: Links
    echo: Echo
    desk: Desk
    server: grpc.aio.Server

    async def stop(self) -> None:
        """Stop at once."""
        await self.links.close()
        await self.server.stop(None)


@asynccontextmanager
async def network(
    plans: Mapping[str, Plan],
    *,
    addresses: Mapping[str, str] | None = None,
    certificates: Path | None = None,
) -> AsyncIterator[dict[str, Node]]:
    """Yield the engines of a network by name.

    Args:
        plans: Each engine.
        addresses: Where neighbours are that are not of the network.
        certificates: Folder of certificates of all names; without one they speak plain text.
    """
    servers, found = {}, dict(addresses or {})
    for name in plans:
        servers[name] = grpc.aio.server()
        if certificates is None:
            port = servers[name].add_insecure_port("127.0.0.1:0")
        else:
            credentials = server_credentials(tls_of(certificates, name))
            port = servers[name].add_secure_port("127.0.0.1:0", credentials)
        found.setdefault(name, f"127.0.0.1:{port}")
    nodes = {}
    for name in plans:
        nodes[name] = _node(name, plans, found, servers[name], certificates)
        await servers[name].start()
    try:
        yield nodes
    finally:
        for node in nodes.values():
            await node.stop()


def tls_of(folder: Path, name: str) -> Tls:
    """Return the files of one engine in a folder of certificates."""
    return Tls(folder / f"{name}.pem", folder / f"{name}.key", folder / "ca.pem")


def _node(
    name: str,
    plans: Mapping[str, Plan],
    addresses: Mapping[str, str],
    server: grpc.aio.Server,
    certificates: Path | None,
) -> Node:
    plan = plans[name]
    neighbours = tuple(
        Neighbour(peer, plans[peer].role if peer in plans else Role.HUB, addresses[peer], areas)
        for peer, areas in plan.peers.items()
    )
    tls = None if certificates is None else tls_of(certificates, name)
    config = PeerConfig(plan.calls_itself or name, plan.role, plan.areas, neighbours, tls)
    greeting = Greeting("1", plan.capabilities, lambda: {"999941": "d1"})
    links, echo, desk = Links(config, greeting), Echo(), Desk()
    handler = PeerHandler(config, links, echo, greeting, desk, local_methods=plan.local_methods)
    server.add_generic_rpc_handlers([handler])
    return Node(config, links, echo, desk, server)


def through_hub(**changes: Plan) -> dict[str, Plan]:
    """Return a place of care `a` and a place of insurance `b`, bound by a hub `national`."""
    return {
        "a": Plan(areas=(A,), peers={"national": ("*",)}),
        "national": Plan(role=Role.HUB, peers={"a": (A,), "b": (B,)}),
        "b": Plan(areas=(B,), peers={"national": ("*",)}),
        **changes,
    }


def direct(**changes: Plan) -> dict[str, Plan]:
    """Return two engines that are bound directly."""
    return {
        "a": Plan(areas=(A,), peers={"b": (B,)}),
        "b": Plan(areas=(B,), peers={"a": (A,)}),
        **changes,
    }


async def error_of(
    node: Node, *, method: str = "SettleScoped", area: str = B, seconds: float = 5.0
) -> SettlementError:
    """Return the error that a call of a node ends with."""
    with pytest.raises(SettlementError) as raised:
        await node.links.call(method, area, BODY, seconds=seconds)
    return raised.value
