"""Who is let in, what goes round, and certificates: `PeerService` as it is served."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from medsettle import errors, limits
from medsettle.client.failures import failure_of
from medsettle.engine import Engine
from medsettle.errors import SettlementError
from medsettle.identity.authority import make_certificates
from medsettle.identity.transport import channel_credentials
from medsettle.peers.config import Neighbour, PeerConfig, Role
from medsettle.peers.greeting import FROM_KEY, HOPS_KEY, SERVICE, TO_KEY, Greeting
from medsettle.peers.handler import PeerHandler
from medsettle.peers.links import Links
from medsettle.service.server import start
from medsettle.v1 import peer_service_pb2 as messages

from tests.peers.conftest import Run
from tests.peers.network import (
    A,
    B,
    Echo,
    Node,
    Plan,
    direct,
    network,
    through_hub,
    tls_of,
)
from tests.service.serving import engine_on

pytestmark = pytest.mark.slow

_OPTIONS = (("grpc.max_receive_message_length", -1),)
_METHOD = f"/{SERVICE}/SettleScoped"


def _address(nodes: dict[str, Node], of: str, seen_by: str) -> str:
    neighbour = nodes[seen_by].config.neighbour(of)
    assert neighbour is not None
    return neighbour.address


async def _raw(
    address: str,
    *metadata: tuple[str, str],
    method: str = _METHOD,
    body: bytes = b"",
    credentials: grpc.ChannelCredentials | None = None,
    seconds: float = 5.0,
) -> bytes | Exception:
    """Return what a bare client with this metadata is answered, or the error that it means."""
    channel = (
        grpc.aio.insecure_channel(address, options=_OPTIONS)
        if credentials is None
        else grpc.aio.secure_channel(address, credentials, options=_OPTIONS)
    )
    async with channel:
        try:
            call: Any = channel.unary_unary(method)
            answer: bytes = await call(body, timeout=seconds, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            return failure_of(error).error
        return answer


@pytest.mark.parametrize(
    ("metadata", "kind"),
    [
        (((FROM_KEY, "a"), (TO_KEY, B)), bytes),
        (((FROM_KEY, "a"), (TO_KEY, B), (HOPS_KEY, str(limits.PEER_HOPS_MAX))), bytes),
        (
            ((FROM_KEY, "a"), (TO_KEY, B), (HOPS_KEY, str(limits.PEER_HOPS_MAX + 1))),
            errors.PeerNotKnown,
        ),
        (((FROM_KEY, "a"), (TO_KEY, B), (HOPS_KEY, "-1")), errors.InvalidRequest),
        (((FROM_KEY, "a"), (TO_KEY, "B")), errors.InvalidRequest),
        (((FROM_KEY, "a"),), errors.InvalidRequest),
        (((FROM_KEY, "c"), (TO_KEY, B)), errors.PeerNotKnown),
        (((TO_KEY, B),), errors.PeerNotKnown),
        # An engine that decides for areas passes nothing on.
        (((FROM_KEY, "a"), (TO_KEY, "999943")), errors.PeerNotKnown),
    ],
)
def test_metadata_says_who_asks_and_for_whom(
    run: Run, metadata: tuple[tuple[str, str], ...], kind: type
) -> None:
    """A neighbour is answered for an area that is decided here, and nobody for anything else."""

    async def told() -> bytes | Exception:
        async with network(direct()) as nodes:
            return await _raw(_address(nodes, "b", "a"), *metadata)

    assert isinstance(run(told()), kind)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (messages.GreetRequest(name="a").SerializeToString(), bytes),
        (messages.GreetRequest(name="c").SerializeToString(), errors.PeerNotKnown),
        (b"\x0a\x05abc", errors.InvalidRequest),
    ],
)
def test_a_greeting_has_the_name_of_the_caller(run: Run, body: bytes, kind: type) -> None:
    """Who greets under another name than it calls by, or by no greeting, is refused."""

    async def told() -> bytes | Exception:
        async with network(direct()) as nodes:
            address = _address(nodes, "b", "a")
            return await _raw(address, (FROM_KEY, "a"), method=f"/{SERVICE}/Greet", body=body)

    assert isinstance(run(told()), kind)


def _ring(size: int) -> dict[str, Plan]:
    """Return hubs that each reach every area through the next one."""
    return {
        f"h{i}": Plan(role=Role.HUB, peers={f"h{(i + 1) % size}": ("*",), f"h{(i - 1) % size}": ()})
        for i in range(size)
    }


def test_calls_do_not_go_round(run: Run) -> None:
    """Hubs that send an area round in a circle end the call at the bound of engines passed."""

    async def told() -> SettlementError:
        async with network(_ring(3)) as nodes:
            with pytest.raises(SettlementError) as raised:
                await nodes["h0"].links.call("FindScoped", B, b"", seconds=5.0)
            return raised.value

    error = run(told())

    assert isinstance(error, errors.PeerNotKnown)
    assert f"passed {limits.PEER_HOPS_MAX + 1} engines" in error.message


def test_calls_are_not_sent_back(run: Run) -> None:
    """A hub that would send a call back to whom it came from refuses it."""

    async def told() -> SettlementError:
        plans = {
            "h0": Plan(role=Role.HUB, peers={"h1": ("*",)}),
            "h1": Plan(role=Role.HUB, peers={"h0": ("*",)}),
        }
        async with network(plans) as nodes:
            with pytest.raises(SettlementError) as raised:
                await nodes["h0"].links.call("FindScoped", B, b"", seconds=5.0)
            return raised.value

    error = run(told())

    assert isinstance(error, errors.PeerNotKnown)
    assert "which asks for it" in error.message


def test_another_engine_at_the_address_is_sent_nothing(run: Run) -> None:
    """A neighbour that greets under another name is not whom the file of peers means."""

    async def told() -> tuple[SettlementError, int]:
        wrong = Plan(areas=(B,), peers={"a": (A,)}, calls_itself="c")
        async with network(direct(b=wrong)) as nodes:
            with pytest.raises(SettlementError) as raised:
                await nodes["a"].links.call("SettleScoped", B, b"", seconds=5.0)
            return raised.value, len(nodes["b"].echo.asked)

    error, asked = run(told())

    assert isinstance(error, errors.PeerNotKnown)
    assert ("c", 0) == (error.metadata["name"], asked)


def test_an_engine_that_stops_begins_nothing(run: Run) -> None:
    """While the desk is stopping calls are told so, at the hub or behind it."""

    async def told() -> list[SettlementError]:
        found = []
        async with network(through_hub()) as nodes:
            await nodes["a"].links.call("SettleScoped", B, b"", seconds=5.0)
            for stopping in ("b", "national"):
                nodes[stopping].desk.stopping = True
                with pytest.raises(SettlementError) as raised:
                    await nodes["a"].links.call("SettleScoped", B, b"", seconds=5.0)
                found.append(raised.value)
        return found

    assert [errors.LedgerUnavailable] * 2 == [type(each) for each in run(told())]


@pytest.fixture(scope="module", name="certificates")
def _certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of certificates for all names of the networks."""
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder, ["a", "b", "national"], datetime.now(UTC))
    return folder


def test_calls_travel_under_certificates(run: Run, certificates: Path) -> None:
    """With a certificate on each side a call reaches its area through the hub."""

    async def told() -> bytes:
        async with network(through_hub(), certificates=certificates) as nodes:
            return await nodes["a"].links.call("SettleScoped", B, b"body", seconds=5.0)

    assert b"body" == run(told())


def test_wrong_and_missing_certificates_are_refused(
    run: Run, certificates: Path, tmp_path: Path
) -> None:
    """Another name than the certificate's, another authority or no certificate end a call."""
    make_certificates(tmp_path, ["a"], datetime.now(UTC))
    whole = channel_credentials(tls_of(certificates, "a"))
    foreign = grpc.ssl_channel_credentials(
        (certificates / "ca.pem").read_bytes(),
        (tmp_path / "a.key").read_bytes(),
        (tmp_path / "a.pem").read_bytes(),
    )
    none = grpc.ssl_channel_credentials((certificates / "ca.pem").read_bytes())

    async def told() -> list[object]:
        async with network(through_hub(), certificates=certificates) as nodes:
            address = _address(nodes, "national", "a")
            asked = [("a", whole), ("b", whole), ("a", foreign), ("a", none), ("a", None)]
            return [
                await _raw(
                    address,
                    (FROM_KEY, name),
                    (TO_KEY, B if name == "a" else A),
                    credentials=credentials,
                    seconds=2.0,
                )
                for name, credentials in asked
            ]

    found = run(told())

    assert b"" == found[0]
    assert isinstance(found[1], errors.PeerNotKnown)
    assert "its certificate has 'a' as its common name" in found[1].message
    assert [ConnectionError] * 3 == [type(each) for each in found[2:]]


def test_a_peer_with_the_certificate_of_another_is_not_called(run: Run, certificates: Path) -> None:
    """A server that shows another name than the neighbour's is unreachable: nothing is sent."""

    async def told() -> tuple[SettlementError, int]:
        async with network(direct(), certificates=certificates) as nodes:
            address = _address(nodes, "b", "a")
            plans = {"a": Plan(areas=(A,), peers={"national": ("*",)})}
            at = {"national": address}
            async with network(plans, addresses=at, certificates=certificates) as others:
                with pytest.raises(SettlementError) as raised:
                    await others["a"].links.call("SettleScoped", B, b"", seconds=5.0)
            return raised.value, len(nodes["b"].echo.asked)

    error, asked = run(told())

    assert isinstance(error, errors.PeerUnreachable)
    assert 0 == asked


@asynccontextmanager
async def _cut() -> AsyncIterator[tuple[str, list[asyncio.StreamWriter], dict[str, str]]]:
    """Yield the address of a relay, its open ends to be cut, and where it leads to."""
    ends: list[asyncio.StreamWriter] = []
    to: dict[str, str] = {}
    pumps: set[asyncio.Task[None]] = set()

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while read := await source.read(65_536):
            sink.write(read)
            await sink.drain()

    async def opened(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        host, _, port = to["address"].rpartition(":")
        answers, asks = await asyncio.open_connection(host, int(port))
        ends.extend((sink, asks))
        pumps.update(map(asyncio.ensure_future, (pump(source, asks), pump(answers, sink))))

    server = await asyncio.start_server(opened, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", ends, to
    finally:
        for each in ends:
            each.transport.abort()
        server.close()
        await asyncio.gather(*pumps, return_exceptions=True)


def test_a_connection_cut_in_the_middle_is_unknown(run: Run) -> None:
    """A reset after the call was sent, as a killed machine leaves it, tells nothing."""

    async def told() -> SettlementError:
        async with _cut() as (address, ends, to), network(direct()) as nodes:
            to["address"] = _address(nodes, "b", "a")
            nodes["b"].echo.hangs = True
            plans = {"a": Plan(areas=(A,), peers={"b": (B,)})}
            async with network(plans, addresses={"b": address}) as others:
                call = others["a"].links.call("SettleScoped", B, b"", seconds=5.0)
                asking = asyncio.ensure_future(call)
                await nodes["b"].echo.arrived.wait()
                for each in ends:
                    each.transport.abort()
                with pytest.raises(SettlementError) as raised:
                    await asking
            return raised.value

    assert isinstance(run(told()), errors.OutcomeUnknown)


def test_a_server_serves_peers_beside_its_own(run: Run, tmp_path: Path) -> None:
    """A handler is served at the desk of a server, with room for splits, and is listed."""
    config = PeerConfig("b", Role.AREAS, (B,), (Neighbour("a", Role.AREAS, "127.0.0.1:1", (A,)),))
    body = b"\0" * (limits.PEER_MESSAGE_BYTES_MAX - 1)

    async def told(engine: Engine) -> tuple[bytes | Exception, list[str], bytes | Exception]:
        links, greeting = Links(config, Greeting("1", ())), Greeting("1", ())
        server = await start(
            engine,
            "127.0.0.1:0",
            beside=lambda desk: [PeerHandler(config, links, Echo(), greeting, desk)],
        )
        sender = ((FROM_KEY, "a"), (TO_KEY, B))
        answer = await _raw(server.address, *sender, body=body)
        listed = await _services(server.address)
        server.desk.refuse_calls()
        after = await _raw(server.address, *sender)
        await server.stop(0)
        await links.close()
        return answer, listed, after

    with engine_on(tmp_path) as engine:
        answer, listed, after = run(told(engine))

    assert body == answer
    assert SERVICE in listed
    assert isinstance(after, errors.LedgerUnavailable)


async def _services(address: str) -> list[str]:
    async with grpc.aio.insecure_channel(address) as channel:
        # Its types know no channels of asyncio.
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)  # type: ignore[arg-type]
        asked = stub.ServerReflectionInfo(
            iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        )
        return [
            each.name async for answer in asked for each in answer.list_services_response.service
        ]
