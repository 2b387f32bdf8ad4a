"""Connections that say nothing, calls whose requests never come, and messages that are bombs."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from medsettle import limits
from medsettle.client import Client
from medsettle.engine import Engine
from medsettle.v1 import settlement_service_pb2 as settlements

from tests.fuzz.messages import methods
from tests.service.claims import claim
from tests.service.serving import Served, serving

_SETTLE = "/medsettle.v1.SettlementService/SettleClaims"
_LIST = "/medsettle.v1.SettlementService/ListSettlements"


def _ends(address: str, said: bytes) -> bool:
    """Return whether the server ends a connection by itself that says no more than this."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as opened:
        opened.sendall(said)
        try:
            while opened.recv(4_096):
                pass
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False
    return True


@pytest.mark.parametrize("said", [b"", b"PRI * HT", b"GET / HTTP/1.1\r\n"])
def test_a_connection_that_does_not_begin_is_ended(
    engine: Engine, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    """A client that connects and says nothing, half of it or something else holds no socket."""
    monkeypatch.setattr(limits, "HANDSHAKE_SECONDS_MAX", 0.3)
    with serving(engine, loop) as served:
        assert _ends(served.address, said)


def test_a_call_whose_request_never_comes_ends(
    engine: Engine, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its connection; whoever settles meanwhile notices nothing of connections that end."""
    monkeypatch.setattr(limits, "CONNECTION_SECONDS_MAX", 0.4)
    monkeypatch.setattr(limits, "CONNECTION_GRACE_SECONDS", 0.2)
    never = threading.Event()
    ended: list[grpc.StatusCode] = []

    def requests() -> Iterator[bytes]:
        never.wait(60)
        yield b""

    def stalled(address: str) -> None:
        with grpc.insecure_channel(address) as channel:
            method: Any = channel.stream_unary(_LIST)
            try:
                method(requests(), timeout=30)
            except grpc.RpcError as error:
                assert isinstance(error, grpc.Call)
                ended.append(error.code())

    with serving(engine, loop) as served, Client(served.address, timeout=20) as client:
        thread = threading.Thread(target=stalled, args=(served.address,))
        thread.start()
        settled = 0
        while thread.is_alive():
            client.settle(claim(90_000 + settled, person="P-meanwhile"))
            settled += 1
        never.set()
        thread.join()

    assert [grpc.StatusCode.UNAVAILABLE] == ended
    assert settled > 1


def _code(served: Served, path: str, body: bytes, **options: Any) -> tuple[Any, str]:  # noqa: ANN401
    sized = (("grpc.max_send_message_length", -1),)
    with grpc.insecure_channel(served.address, options=sized, **options) as channel:
        method: Any = channel.unary_unary(path)
        try:
            method(body, timeout=60)
        except grpc.RpcError as error:
            assert isinstance(error, grpc.Call)
            return error.code(), error.details() or ""
    return grpc.StatusCode.OK, ""


@pytest.mark.parametrize("algorithm", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_a_message_is_bounded_by_what_it_unpacks_to(
    served: Served, algorithm: grpc.Compression
) -> None:
    """A hundred kilobytes that would be a hundred megabytes are refused; a small one is read."""
    bomb = settlements.SettleClaimsRequest(arrow_stream=bytes(100_000_000)).SerializeToString()
    code, said = _code(served, _SETTLE, bomb, compression=algorithm)
    small = settlements.ListSettlementsRequest(parent="poolingAreas/-").SerializeToString()

    assert (grpc.StatusCode.RESOURCE_EXHAUSTED, "Decompressed message larger than max") == (
        *(code, said),
    )
    assert grpc.StatusCode.OK is _code(served, _LIST, small, compression=algorithm)[0]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\x0b" * 1_000_000, id="groups-without-end"),
        pytest.param(b"\x0b" * 100_000 + b"\x0c" * 100_000, id="groups"),
        pytest.param(b"\xfb\x3f" * 100_000, id="unknown-groups"),
    ],
)
def test_a_deeply_nested_message_is_no_message(served: Served, body: bytes) -> None:
    """It is a fault of the request, told as such, and the server goes on."""
    assert grpc.StatusCode.INVALID_ARGUMENT is _code(served, _LIST, body)[0]
    small = settlements.ListSettlementsRequest(parent="poolingAreas/-").SerializeToString()
    assert grpc.StatusCode.OK is _code(served, _LIST, small)[0]


def test_no_message_of_ours_holds_itself() -> None:
    """So nothing that is read as a message of a method can be deeper than the protos are."""

    def walk(kind: Any, above: tuple[str, ...]) -> int:  # noqa: ANN401 - a descriptor
        assert kind.full_name not in above, f"{kind.full_name} holds itself"
        held = [field.message_type for field in kind.fields if field.message_type is not None]
        return 1 + max((walk(each, (*above, kind.full_name)) for each in held), default=0)

    deepest = max(walk(method.input_type, ()) for _, method in methods())
    assert 2 <= deepest <= 6


def test_a_port_is_not_left_to_the_next_connection(served: Served) -> None:
    """A socket that is closed halfway is no trouble to others."""
    host, _, port = served.address.rpartition(":")
    for _ in range(50):
        socket.create_connection((host, int(port)), timeout=5).close()
    small = settlements.ListSettlementsRequest(parent="poolingAreas/-").SerializeToString()

    assert grpc.StatusCode.OK is _code(served, _LIST, small)[0]
