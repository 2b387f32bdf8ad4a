"""Drives an HTTP server with requests made before, over connections that are kept."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

Ask = Callable[[bytes], Awaitable[bytes]]

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length: "


class _Connection(asyncio.Protocol):
    """One connection, on which one request is under way at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._got = bytearray()
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        end = self._got.find(_HEAD_END)
        if end < 0:
            return
        at = self._got.find(_LENGTH) + len(_LENGTH)
        length = int(self._got[at : self._got.find(b"\r", at)])
        if len(self._got) >= end + len(_HEAD_END) + length:
            assert self._answer is not None
            status = bytes(self._got[9:12])
            body = bytes(self._got[end + len(_HEAD_END) :])
            self._got.clear()
            if status == b"200":
                self._answer.set_result(body)
            else:
                self._answer.set_exception(RuntimeError(f"HTTP {status!r}: {body!r}"))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("the server hung up"))

    async def ask(self, request: bytes) -> bytes:
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()


def driven(
    address: str, works: Iterator[Callable[[Ask], Awaitable[None]]], connections: int
) -> float:
    """Return the seconds that works took, so many at a time.

    Args:
        address: Host and port.
        works: Each asks one request after another on a connection of its own.
        connections: How many are under way at once.
    """
    return asyncio.run(_driven(address, works, connections))


async def _driven(
    address: str, works: Iterator[Callable[[Ask], Awaitable[None]]], connections: int
) -> float:
    host, _, port = address.rpartition(":")
    loop = asyncio.get_running_loop()
    opened = [
        (await loop.create_connection(_Connection, host, int(port)))[1] for _ in range(connections)
    ]

    async def work_off(connection: _Connection) -> None:
        for work in works:
            await work(connection.ask)

    start = time.perf_counter()
    await asyncio.gather(*(work_off(each) for each in opened))
    seconds = time.perf_counter() - start
    for each in opened:
        each.close()
    return seconds
