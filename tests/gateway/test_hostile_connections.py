"""Connections to the gateway that send a head slowly, without end, or never read an answer."""

import asyncio
import gzip
import select
import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar

import orjson
import pytest
from medsettle import limits
from medsettle.gateway.app import Gateway
from medsettle.gateway.signatures import Unsigned
from medsettle.service.http_server import HttpServer

from tests.gateway.bills import credential
from tests.gateway.till import EMPLOYEE, Till

Found = TypeVar("Found")
Connect = Callable[[], socket.socket]

_ASK = b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n"
_DESCRIPTION = {"openapi": "3.1.0"}
_OK = b"HTTP/1.1 200 OK\r\n"


def _at_server(
    till: Till, work: Callable[[Connect], Found], description: object = _DESCRIPTION
) -> Found:
    """Return what work in another thread finds at a server that really listens."""

    async def run() -> Found:
        server = HttpServer(Gateway(till.dispatch, Unsigned(), description), "127.0.0.1:0")
        server.start()
        host, _, port = server.address.rpartition(":")

        def connect() -> socket.socket:
            return socket.create_connection((host, int(port)), timeout=20)

        try:
            return await asyncio.to_thread(work, connect)
        finally:
            await server.stop()

    return till.loop.run_until_complete(run())


def _to_end(opened: socket.socket) -> bytes:
    """Return all that comes until the server ends the connection."""
    found = b""
    try:
        while part := opened.recv(65_536):
            found += part
    except ConnectionResetError:
        pass
    return found


def _first_line(connect: Connect) -> bytes:
    """Return how a plain request is answered; nothing where the connection is ended."""
    with connect() as opened:
        try:
            opened.sendall(_ASK + b"\r\n")
            return opened.makefile("rb").readline()
        except (BrokenPipeError, ConnectionResetError):
            return b""


def _answered(opened: socket.socket) -> None:
    """Ask for something on a connection that stays open, and read the answer."""
    opened.sendall(_ASK + b"\r\n")
    found = b""
    while not found.endswith(orjson.dumps(_DESCRIPTION)):
        found += opened.recv(65_536)


@pytest.mark.parametrize("said", [b"", b"GET", _ASK, b"\r\n", _ASK + b"x-drip: "])
def test_a_head_that_does_not_come_ends_its_connection(
    reading: Till, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    """Whatever of it is there; others are answered meanwhile."""
    monkeypatch.setattr(limits, "HTTP_HEAD_SECONDS_MAX", 0.3)

    def work(connect: Connect) -> tuple[bytes, bytes]:
        with connect() as opened:
            opened.sendall(said)
            line = _first_line(connect)
            return line, _to_end(opened)

    assert (_OK, b"") == _at_server(reading, work)


def test_a_head_that_drips_ends_its_connection(
    reading: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte that comes in time buys no more time."""
    monkeypatch.setattr(limits, "HTTP_HEAD_SECONDS_MAX", 0.5)

    def work(connect: Connect) -> int:
        with connect() as opened:
            opened.sendall(_ASK + b"x-drip: ")
            sent = 0
            while not select.select([opened], [], [], 0.05)[0] and sent < 200:
                opened.sendall(b"a")
                sent += 1
            return sent

    assert 2 <= _at_server(reading, work) < 200


def test_line_ends_between_requests_are_no_request(
    reading: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an answer they begin no next request, and hold the connection no longer."""
    monkeypatch.setattr(limits, "HTTP_HEAD_SECONDS_MAX", 0.3)

    def work(connect: Connect) -> bytes:
        with connect() as opened:
            _answered(opened)
            opened.sendall(b"\r\n")
            return _to_end(opened)

    assert b"" == _at_server(reading, work)


@pytest.mark.parametrize(("beyond", "answer"), [(0, _OK), (1, b"HTTP/1.1 400 Bad Request\r\n")])
def test_a_head_has_so_many_bytes(reading: Till, beyond: int, answer: bytes) -> None:
    """As many as may be are waited for to the end; one more is refused with the connection."""
    begun = _ASK + b"x-long: "

    def work(connect: Connect) -> bytes:
        with connect() as opened:
            opened.sendall(begun + b"a" * (limits.HTTP_HEAD_BYTES_MAX + beyond - len(begun)))
            if not select.select([opened], [], [], 10 if beyond else 0.5)[0]:
                opened.sendall(b"\r\n\r\n")
            return opened.makefile("rb").readline()

    assert answer == _at_server(reading, work)


def test_so_many_connections_are_open(reading: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than may be is ended at once; where others end there is room again."""
    monkeypatch.setattr(limits, "HTTP_CONNECTIONS_MAX", 2)

    def work(connect: Connect) -> tuple[bytes, bytes]:
        with ExitStack() as held:
            for _ in range(2):
                _answered(held.enter_context(connect()))
            refused = _first_line(connect)
        # The server may hear of their end after it hears of the next one's beginning.
        for _ in range(100):
            if line := _first_line(connect):
                break
        return refused, line

    assert (b"", _OK) == _at_server(reading, work)


def test_an_answer_that_nobody_reads_is_given_up(
    reading: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits to be sent there is let go; who reads slowly is sent all of it."""
    monkeypatch.setattr(limits, "HTTP_UNREAD_SECONDS_MAX", 1.0)
    # The wait for a next request ends connections too.
    monkeypatch.setattr(limits, "HTTP_HEAD_SECONDS_MAX", 120.0)
    large = {"openapi": "x" * 40_000_000}

    def work(connect: Connect) -> tuple[int, int]:
        with connect() as unread, connect() as slow:
            for each in (unread, slow):
                each.sendall(_ASK + b"connection: close\r\n\r\n")
            # Waited at, and never read from meanwhile.
            idle = select.poll()
            idle.register(unread, 0)
            read = 0
            while part := slow.recv(2**20):
                read += len(part)
                # Forty pieces, a pause after each: longer in all than nothing may be read.
                idle.poll(50)
            idle.poll(2_000)
            return len(_to_end(unread)), read

    given_up, read = _at_server(reading, work, large)
    assert given_up < 20_000_000
    assert read > 40_000_000


def test_a_packed_body_is_no_envelope(reading: Till) -> None:
    """Bodies are never unpacked, whatever their headers say: a bomb is bytes that are no JSON."""
    # What would be answered, once it was unpacked.
    envelope = reading.envelope("1101", {"data": credential(EMPLOYEE)})
    bomb = gzip.compress(orjson.dumps(envelope) + b" " * 10_000_000)
    head = f"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {len(bomb)}\r\n".encode()

    def work(connect: Connect) -> bytes:
        with connect() as opened:
            opened.sendall(head + b"content-encoding: gzip\r\nconnection: close\r\n\r\n" + bomb)
            return _to_end(opened)

    answer = orjson.loads(_at_server(reading, work).partition(b"\r\n\r\n")[2])
    assert "is no JSON" in answer["err_msg"]
