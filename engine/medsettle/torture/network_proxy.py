"""A proxy for one TCP port that fails when it is told to, for tests with real sockets.

It forwards what it accepts on a port of its own to another port, and is in one of three states:

    pass    what comes is forwarded
    drop    connections are closed, and new ones refused: the port is not listened on
    stall   connections are accepted and nothing is forwarded, nor is the other side connected to,
            until it is healed; what was held is then delivered

`cut` resets the connections there are, once, and takes new ones at once. Each can wait for a
trigger: that so many chunks or bytes have gone one way, counted from the moment it is set; the
chunk that completes the count is not forwarded before the fault. What a chunk is, the kernel
decides, so counts of bytes are what repeats exactly.

The proxy runs in a thread with a loop of its own. Commands return once they have taken effect, so
that what a caller does next meets the new state.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self, TypeAlias, TypeVar

State: TypeAlias = Literal["pass", "drop", "stall"]
Fault: TypeAlias = Literal["drop", "stall", "cut"]
Direction: TypeAlias = Literal["out", "back"]
"""`out` is from whoever connected, `back` the answers to it."""

Result = TypeVar("Result")

_HOST: Final = "127.0.0.1"
_CHUNK_BYTES: Final = 65_536
_COMMAND_SECONDS_MAX: Final = 10.0
# Closing without lingering sends a reset, as a host does that knows the connection no more.
_RESET: Final = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Trigger:
    """When a fault strikes: after so many chunks, or so many bytes, one way."""

    direction: Direction = "out"
    chunks: int = 0
    bytes: int = 0


@dataclass
class _Armed:
    fault: Fault
    trigger: Trigger
    chunks: int = 0
    bytes: int = 0

    def reached(self, direction: Direction, size: int) -> bool:
        """Count a chunk; return whether the fault is due."""
        if direction != self.trigger.direction:
            return False
        self.chunks += 1
        self.bytes += size
        most = self.trigger
        return bool(most.chunks and self.chunks >= most.chunks) or bool(
            most.bytes and self.bytes >= most.bytes
        )


@dataclass(eq=False)
class _Connection:
    """One accepted connection and, once it is made, the one to the other side."""

    writers: list[asyncio.StreamWriter]
    task: asyncio.Task[None] | None = None

    def end(self, *, reset: bool) -> None:
        for writer in self.writers:
            if reset:
                peer = writer.get_extra_info("socket")
                # Its other end may have closed it already.
                with contextlib.suppress(OSError):
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                writer.transport.abort()
            else:
                writer.close()
        if self.task is not None:
            self.task.cancel()


@dataclass
class NetworkProxy:
    """Forwards `address` to a target port of this host. Use it as a context manager.

    The target may move: a server that starts again on another port is told by `point_at`.
    """

    target_port: int = 0
    port: int = 0
    _state: State = "pass"
    _armed: _Armed | None = None
    _struck: threading.Event = field(default_factory=threading.Event)
    _connections: set[_Connection] = field(default_factory=set)
    _server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._done(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._done(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def address(self) -> str:
        """Where it accepts connections; the port stays the same for as long as it runs."""
        return f"{_HOST}:{self.port}"

    @property
    def state(self) -> State:
        """The state it is in."""
        return self._state

    @property
    def connections(self) -> int:
        """How many connections there are."""
        return len(self._connections)

    def point_at(self, port: int) -> None:
        """Forward connections that come from now on to another port."""
        self.target_port = port

    def heal(self) -> None:
        """Forward again, what was held first; a fault that still waits is forgotten."""
        self._done(self._enter("pass", forget=True))

    def strike(self, fault: Fault, after: Trigger | None = None) -> None:
        """Let a fault strike now, or when its trigger is reached; the last one told counts."""
        if after is None:
            self._done(self._strike(fault))
        else:
            self._done(self._arm(_Armed(fault, after)))

    def struck(self, seconds: float) -> bool:
        """Wait for the fault that was told last; return whether it came within these seconds."""
        return self._struck.wait(seconds)

    def _done(self, command: Coroutine[Any, Any, Result]) -> Result:
        asked = asyncio.run_coroutine_threadsafe(command, self._loop)
        return asked.result(_COMMAND_SECONDS_MAX)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accepted, _HOST, self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def _unlisten(self) -> None:
        if self._server is not None:
            self._server.close()
            # Until the selector has gone round once, the port still takes connections.
            await asyncio.sleep(0)
            self._server = None

    async def _close(self) -> None:
        await self._unlisten()
        tasks = [each.task for each in self._connections if each.task is not None]
        self._end_all(reset=False)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _arm(self, armed: _Armed) -> None:
        self._struck.clear()
        self._armed = armed

    async def _strike(self, fault: Fault) -> None:
        self._armed = None
        if fault == "cut":
            self._end_all(reset=True)
        else:
            await self._enter(fault)
        self._struck.set()

    async def _enter(self, state: State, *, forget: bool = False) -> None:
        if forget:
            self._armed = None
            self._struck.clear()
        self._state = state
        if state == "stall":
            self._flowing.clear()
        else:
            self._flowing.set()
        if state == "drop":
            await self._unlisten()
            self._end_all(reset=False)
        elif self._server is None:
            await self._listen()

    def _end_all(self, *, reset: bool) -> None:
        for connection in list(self._connections):
            connection.end(reset=reset)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection([writer], asyncio.current_task())
        if self._state == "drop":
            connection.task = None
            connection.end(reset=True)
            return
        self._connections.add(connection)
        try:
            await self._joined(connection, reader, writer)
        except (OSError, asyncio.CancelledError):
            # A side that is gone ends the connection, and so does a fault; neither is news here.
            pass
        finally:
            self._connections.discard(connection)
            for each in connection.writers:
                each.close()

    async def _joined(
        self, connection: _Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await self._flowing.wait()
        other_reader, other_writer = await asyncio.open_connection(_HOST, self.target_port)
        connection.writers.append(other_writer)
        ways = [
            asyncio.ensure_future(self._carry("out", reader, other_writer)),
            asyncio.ensure_future(self._carry("back", other_reader, writer)),
        ]
        try:
            await asyncio.gather(*ways)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _carry(
        self, direction: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while chunk := await reader.read(_CHUNK_BYTES):
            armed = self._armed
            if armed is not None and armed.reached(direction, len(chunk)):
                await self._strike(armed.fault)
                if armed.fault != "stall":
                    return
            await self._flowing.wait()
            writer.write(chunk)
            await writer.drain()
        # Half a connection may end before the other half.
        with contextlib.suppress(OSError):
            writer.write_eof()
