"""One connection to a neighbour: greeted, bounded, watched by a breaker.

What matters is to know whether a call may have been sent. gRPC does not tell: UNAVAILABLE is the
code of a connection refused and of one that broke after the last byte had arrived. So nothing is
sent before the neighbour has answered a greeting on the connection that stands now, which is asked
of the state of the channel (`READY`) without waiting. Until then every failure is one of the
greeting, which moves no money, and the call was not sent: `PeerUnreachable`. From then on every
failure without an error of ours is `OutcomeUnknown`, also where the connection broke in the moment
between. gRPC sends a call again by itself only where the other side's transport never saw it.

A call that failed so takes the greeting with it: the next one greets again before it is sent, and
so a peer that hangs costs its callers one unknown outcome for each call under way, and no more.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Never

import grpc
from google.protobuf.message import DecodeError

from medsettle import errors, limits
from medsettle.client.failures import Failure, failure_of
from medsettle.peers.breaker import Admission, Breaker, State
from medsettle.peers.config import Neighbour, PeerConfig
from medsettle.peers.greeting import (
    FROM_KEY,
    GREET,
    HOPS_KEY,
    SERVICE,
    TO_KEY,
    Greeting,
    lacks,
)
from medsettle.service.call_watch import asking
from medsettle.v1 import peer_service_pb2 as messages


def _ms(seconds: float) -> int:
    return int(seconds * 1_000)


_OPTIONS: Final = (
    # What was recorded must be readable, so whoever answers bounds its answers.
    ("grpc.max_receive_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", _ms(limits.PEER_RECONNECT_SECONDS_FIRST)),
    ("grpc.max_reconnect_backoff_ms", _ms(limits.PEER_RECONNECT_SECONDS_MAX)),
    # The least time that one attempt to connect is given, whatever the name says.
    ("grpc.min_reconnect_backoff_ms", _ms(limits.PEER_CONNECT_SECONDS)),
    # A peer that is paused or whose machine has vanished closes nothing: ask for a sign of life.
    # grpcio 1.85 waits for it as long as the last of these says, whatever the second does: a paused
    # process was noticed after 13 seconds with it, and not within 60 without.
    ("grpc.keepalive_time_ms", _ms(limits.PEER_KEEPALIVE_SECONDS)),
    ("grpc.keepalive_timeout_ms", _ms(limits.PEER_ALIVE_SECONDS_MAX)),
    ("grpc.http2.ping_timeout_ms", _ms(limits.PEER_ALIVE_SECONDS_MAX)),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # Peers that happen to be in one process have connections of their own.
    ("grpc.use_local_subchannel_pool", 1),
)


_LEFT_ALONE: Final = "it did not answer a moment ago and is left alone for now"


@dataclass(frozen=True, slots=True)
class Call:
    """One call on its way; `end` is the moment, by the clock of the link, when it is given up."""

    method: str
    to_area: str
    body: bytes
    hops: int
    end: float


class Refused(Exception):
    """The peer has answered by an error of medsettle."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure.error))
        self.failure = failure


class Link:
    """A connection to one neighbour. Make it on the running event loop."""

    def __init__(
        self,
        config: PeerConfig,
        neighbour: Neighbour,
        greeting: Greeting,
        *,
        credentials: grpc.ChannelCredentials | None,
        clock: Callable[[], float],
        draw: Callable[[float, float], float],
    ) -> None:
        self.neighbour = neighbour
        self.breaker = Breaker(clock, draw)
        self.greeted: messages.GreetResponse | None = None
        """How the neighbour answered last, which may be long ago."""
        self._config = config
        self._greeting = greeting
        self._clock = clock
        self._channel = _channel(neighbour, credentials)
        self._methods: dict[str, Any] = {}
        self._greeted_now = False
        self._greeter: asyncio.Task[messages.GreetResponse] | None = None
        self._under_way = 0
        self._closed = False

    async def close(self) -> None:
        """Close the connection; calls under way end with an unknown outcome."""
        self._closed = True
        if self._greeter is not None:
            self._greeter.cancel()
        await self._channel.close()

    async def answer(self, call: Call) -> bytes:
        """Return what the neighbour answers.

        Raises:
            Refused: It answered by an error of medsettle.
            PeerUnreachable: The call was not sent.
            PeerTooOld: The neighbour cannot do that; the call was not sent.
            PeerNotKnown: Another engine answers at the address; the call was not sent.
            OutcomeUnknown: The call may have been sent, and there is no answer.
        """
        if self._closed:
            self._unreachable(call, "this engine is stopping")
        if self._under_way >= limits.PEER_CALLS_MAX:
            self._unreachable(call, f"{self._under_way} calls to it wait for answers")
        admission = self.breaker.admit()
        if admission is None:
            self._unreachable(call, _LEFT_ALONE)
        self._under_way += 1
        try:
            greeted = await self._greet(call, admission)
            if (word := lacks(greeted, call.method)) is not None:
                self._too_old(call, word)
            return await self._sent(call, admission)
        finally:
            self._under_way -= 1
            self.breaker.let_go(admission)

    def refuse_left_alone(self, to_area: str) -> None:
        """Raise where a call would not be sent, before anything is done for it.

        Raises:
            PeerUnreachable: The neighbour did not answer a moment ago.
        """
        if self.breaker.state is State.OPEN:
            self._unreachable(Call("", to_area, b"", 0, 0.0), _LEFT_ALONE)

    async def _sent(self, call: Call, admission: Admission) -> bytes:
        left = call.end - self._clock()
        if left <= 0:
            self._unreachable(call, "the time was over before it could be asked")
        route = ((TO_KEY, call.to_area), (HOPS_KEY, str(call.hops)))
        with (
            self._judged(call, admission),
            asking(call.method, self.neighbour.name) as beside,
        ):
            answer: bytes = await self._method(call.method)(
                call.body, timeout=left, metadata=(*self._from(), *route, *beside)
            )
        self.breaker.answered()
        return answer

    @contextmanager
    def _judged(self, call: Call, admission: Admission) -> Iterator[None]:
        """Say what became of a call that may have been sent."""
        try:
            yield
        except grpc.aio.AioRpcError as error:
            failure = failure_of(error)
            if failure.status is not None:
                self.breaker.answered()
                raise Refused(failure) from None
            why = f"{error.code().name}: {error.details()}"
        except asyncio.CancelledError:
            # A channel that is closed cancels its calls; a caller who left is another matter.
            task = asyncio.current_task()
            if not self._closed or (task is not None and task.cancelling()):
                raise
            why = "this engine is stopping"
        else:
            return
        self._greeted_now = False
        self.breaker.failed(admission)
        raise errors.OutcomeUnknown(
            f"Whether area {call.to_area} did it is not known: {self.neighbour.name} did not answer"
            f" ({why}). Send the same request id again, or ask FindRequest for it.",
            area=call.to_area,
            peer=self.neighbour.name,
            why=why,
        )

    async def _greet(self, call: Call, admission: Admission) -> messages.GreetResponse:
        """Return how the neighbour greets on the connection that stands now."""
        if self._stands() and self.greeted is not None:
            return self.greeted
        if self._greeter is None:
            self._greeter = asyncio.ensure_future(self._greets())
            self._greeter.add_done_callback(self._greeter_done)
        greeter = self._greeter
        left = max(0.0, call.end - self._clock())
        await asyncio.wait({greeter}, timeout=left)
        if not greeter.done():
            self._unreachable(call, "it has not greeted within the time of the call")
        try:
            greeted = greeter.result()
        except grpc.aio.AioRpcError as error:
            self._not_greeted(call, error, admission)
        except (DecodeError, asyncio.CancelledError) as error:
            self.breaker.failed(admission)
            self._unreachable(call, f"it gave no greeting ({type(error).__name__})")
        # No answer for the breaker: a peer may greet and then leave every call unanswered.
        self._is_whom_it_should_be(call, greeted)
        if not self._stands():
            self._unreachable(call, "the connection broke after the greeting")
        return greeted

    def _stands(self) -> bool:
        ready = self._channel.get_state() is grpc.ChannelConnectivity.READY
        return self._greeted_now and ready

    async def _greets(self) -> messages.GreetResponse:
        request = self._greeting.request(self._config).SerializeToString()
        answer = await self._method(GREET)(
            request, timeout=limits.PEER_CONNECT_SECONDS, metadata=self._from()
        )
        self.greeted = messages.GreetResponse.FromString(answer)
        self._greeted_now = True
        return self.greeted

    def _greeter_done(self, greeter: "asyncio.Task[messages.GreetResponse]") -> None:
        self._greeter = None
        if not greeter.cancelled():
            # Looked at, or asyncio warns of it where every caller has left.
            greeter.exception()

    def _not_greeted(self, call: Call, error: grpc.aio.AioRpcError, admission: Admission) -> Never:
        failure = failure_of(error)
        if failure.status is not None:
            raise Refused(failure)
        if error.code() is grpc.StatusCode.UNIMPLEMENTED:
            self._too_old(call, GREET)
        self.breaker.failed(admission)
        self._unreachable(call, f"{error.code().name}: {error.details()}")

    def _is_whom_it_should_be(self, call: Call, greeted: messages.GreetResponse) -> None:
        if greeted.name == self.neighbour.name:
            return
        self._greeted_now = False
        raise errors.PeerNotKnown(
            f"The engine at {self.neighbour.address} says that it is {greeted.name!r}, not "
            f"{self.neighbour.name!r}; nothing was sent. Mend the file of peers of one of the two.",
            area=call.to_area,
            peer=self.neighbour.name,
            name=greeted.name,
            address=self.neighbour.address,
        )

    def _unreachable(self, call: Call, why: str) -> Never:
        raise errors.PeerUnreachable(
            f"Area {call.to_area} cannot be reached through {self.neighbour.name}: {why}. Nothing "
            "was sent to it; the same request id may be sent again.",
            area=call.to_area,
            peer=self.neighbour.name,
            why=why,
        )

    def _too_old(self, call: Call, word: str) -> Never:
        raise errors.PeerTooOld(
            f"The engine {self.neighbour.name} cannot {call.method} for area {call.to_area}: it "
            f"does not offer {word!r}. Nothing was sent; it needs a newer version.",
            area=call.to_area,
            peer=self.neighbour.name,
            method=call.method,
            capability=word,
        )

    def _from(self) -> Sequence[tuple[str, str]]:
        return ((FROM_KEY, self._config.name),)

    def _method(self, name: str) -> Any:  # noqa: ANN401 - bytes both ways, which stubs do not know
        if name not in self._methods:
            self._methods[name] = self._channel.unary_unary(f"/{SERVICE}/{name}")
        return self._methods[name]


def _channel(neighbour: Neighbour, credentials: grpc.ChannelCredentials | None) -> grpc.aio.Channel:
    if credentials is None:
        return grpc.aio.insecure_channel(neighbour.address, options=_OPTIONS)
    # The certificate is held to the name of the neighbour, wherever it lives today.
    named = ("grpc.ssl_target_name_override", neighbour.name)
    return grpc.aio.secure_channel(neighbour.address, credentials, options=(*_OPTIONS, named))
