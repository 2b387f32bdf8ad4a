"""Calls over gRPC, begun without waiting for their answers."""

import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Final

import grpc

from benchmarks.load.pacing import Done

SETTLE_ONE: Final = "/medsettle.v1.SettlementService/CreateSettlement"
SETTLE_MANY: Final = "/medsettle.v1.SettlementService/SettleClaims"

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # Each run has a connection of its own, which several processes behind one port share out.
    ("grpc.use_local_subchannel_pool", 1),
)


class Calls:
    """Sends raw bytes to one method over one or more connections; raw bytes come back.

    Bytes are made before a run and read after it, so that little of this process stands between
    the clock and the server.
    """

    def __init__(
        self,
        address: str,
        method: str,
        bodies: Callable[[int], bytes],
        *,
        deadline_seconds: float,
        connections: int = 1,
    ) -> None:
        """Connect.

        Args:
            address: Host and port of the server.
            method: Full name of a unary method.
            bodies: Returns the request of call `number`.
            deadline_seconds: What a call may take before it counts as an error.
            connections: A server of several processes needs some, for it shares out connections.
        """
        self._channels = [
            grpc.insecure_channel(address, options=(*_OPTIONS, ("bench.connection", number)))
            for number in range(connections)
        ]
        self._methods: list[Any] = [channel.unary_unary(method) for channel in self._channels]
        self._address = address
        self._bodies = bodies
        self._deadline = deadline_seconds
        self._open = 0
        self._changed = threading.Condition()

    def __enter__(self) -> "Calls":
        """Wait until the server answers, or raise `ConnectionError`."""
        for channel in self._channels:
            try:
                grpc.channel_ready_future(channel).result(timeout=self._deadline)
            except grpc.FutureTimeoutError as error:
                raise ConnectionError(
                    f"no server answers at {self._address} within {self._deadline:g} seconds; start"
                    " one with `medsettle serve --listen ADDRESS`"
                ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for channel in self._channels:
            channel.close()

    def send(self, number: int, done: Done) -> None:
        """Begin call `number`."""
        with self._changed:
            self._open += 1
        method = self._methods[number % len(self._methods)]
        call = method.future(self._bodies(number), timeout=self._deadline)

        def ended(call: Any) -> None:
            code = call.code()
            if code is grpc.StatusCode.OK:
                done(call.result(), "")
            else:
                done(None, code.name)
            # Last: what `done` begins is open before this one is not.
            with self._changed:
                self._open -= 1
                if not self._open:
                    self._changed.notify_all()

        call.add_done_callback(ended)

    def finish(self) -> None:
        """Return once every call begun has ended; each ends by its deadline."""
        with self._changed:
            self._changed.wait_for(lambda: not self._open)


def made_ahead(bodies: Iterator[bytes], count: int) -> Callable[[int], bytes]:
    """Return what gives the body of a call: those made ahead, then one after another as asked."""
    ready = [next(bodies) for _ in range(count)]
    lock = threading.Lock()

    def body(number: int) -> bytes:
        if number >= len(ready):
            with lock:
                while number >= len(ready):
                    ready.append(next(bodies))
        return ready[number]

    return body
