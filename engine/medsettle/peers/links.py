"""The links of an engine to its neighbours: which one a call takes, and what it comes to."""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Final

from medsettle import errors, limits
from medsettle.errors import Fault, SettlementError
from medsettle.identity.transport import channel_credentials
from medsettle.peers.breaker import State
from medsettle.peers.config import PeerConfig
from medsettle.peers.greeting import Greeting
from medsettle.peers.link import Call, Link, Refused
from medsettle.service.calls import Relayed
from medsettle.v1 import peer_service_pb2 as messages

# After these not even the peer knows what its store has.
_UNCERTAIN: Final = (errors.InternalError, errors.LedgerFailed)


class Links:
    """The connections of an engine to its neighbours. Make it on the running event loop."""

    def __init__(
        self,
        config: PeerConfig,
        greeting: Greeting,
        *,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """Open a channel for each neighbour; none connects before its first call.

        Args:
            config: Who this engine and its neighbours are.
            greeting: What it says of itself.
            clock: Seconds that never go back, for deadlines and pauses.
            draw: A number between two, for the jitter of pauses.

        Raises:
            OSError: A file of TLS cannot be read.
        """
        self._config = config
        self._clock = clock
        credentials = None if config.tls is None else channel_credentials(config.tls)
        self._links = {
            each.name: Link(config, each, greeting, credentials=credentials, clock=clock, draw=draw)
            for each in config.neighbours
        }

    def reaches(self, area: str) -> bool:
        """Return whether an area is reached through a neighbour."""
        return self._config.route(area) is not None

    def greeted(self, name: str) -> messages.GreetResponse | None:
        """Return how a neighbour greeted last; None where it never has."""
        link = self._links.get(name)
        return None if link is None else link.greeted

    def state(self, name: str) -> State:
        """Return whether calls to a neighbour go now."""
        return self._links[name].breaker.state

    def states(self) -> dict[str, State]:
        """Return whether calls to each neighbour go now, by its name."""
        return {name: link.breaker.state for name, link in self._links.items()}

    def heard_of(self, name: str) -> None:
        """Let calls to a neighbour be tried at once, for it has called here."""
        self._links[name].breaker.heard_of()

    def refuse_left_alone(self, to_area: str) -> None:
        """Raise where a call to an area would not be sent, before anything is done for it.

        Raises:
            PeerUnreachable: The neighbour that it is reached through did not answer a moment ago.
        """
        neighbour = self._config.route(to_area)
        if neighbour is not None:
            self._links[neighbour.name].refuse_left_alone(to_area)

    async def call(
        self, method: str, to_area: str, body: bytes, *, seconds: float, hops: int = 0
    ) -> bytes:
        """Return what the engine of an area answers to a call.

        Args:
            method: Name of the method of `PeerService`.
            to_area: Whom it is for.
            body: The message of the method, which is not looked at.
            seconds: How long an answer is waited for, with connecting and greeting.
            hops: How many engines it has passed.

        Raises:
            SettlementError: The engine of the area, or a hub on the way, refused; nothing was
                recorded there.
            PeerUnreachable: It did not reach the engine of the area; the same call may be made
                again.
            PeerTooOld, PeerNotKnown, BatchTooLarge: It cannot be sent, and was not.
            OutcomeUnknown: It may have been done. So it may where the caller is cancelled.
        """
        try:
            return await self._answer(method, to_area, body, seconds=seconds, hops=hops)
        except Refused as refused:
            error = refused.failure.error
            assert isinstance(error, SettlementError)
            raise _told(error, to_area) from None

    async def pass_on(
        self, method: str, to_area: str, body: bytes, *, seconds: float, hops: int
    ) -> bytes:
        """Return what `call` does, for a hub: an error of the other engine is passed on as it came.

        Raises:
            Relayed: The other engine refused.
            SettlementError: As `call` raises what it finds here.
        """
        try:
            return await self._answer(method, to_area, body, seconds=seconds, hops=hops)
        except Refused as refused:
            raise Relayed(refused.failure.status) from None

    async def close(self) -> None:
        """Close all connections; calls under way end with an unknown outcome."""
        await asyncio.gather(*(link.close() for link in self._links.values()))

    async def _answer(
        self, method: str, to_area: str, body: bytes, *, seconds: float, hops: int
    ) -> bytes:
        if len(body) > limits.PEER_MESSAGE_BYTES_MAX:
            size = f"{len(body)} bytes; at most {limits.PEER_MESSAGE_BYTES_MAX} go to another area"
            raise errors.BatchTooLarge([Fault("", size)])
        neighbour = self._config.route(to_area)
        if neighbour is None:
            raise errors.PeerNotKnown(
                f"No peer of {self._config.name} reaches area {to_area}; nothing was sent. Add it "
                "to the file of peers, or correct the area.",
                area=to_area,
                name=self._config.name,
            )
        call = Call(method, to_area, body, hops, self._clock() + seconds)
        return await self._links[neighbour.name].answer(call)


def _told(error: SettlementError, area: str) -> SettlementError:
    """Return the error of another engine as it concerns us: what it does not know, nobody does."""
    if not isinstance(error, _UNCERTAIN) and type(error) is not SettlementError:
        return error
    return errors.OutcomeUnknown(
        f"Whether area {area} did it is not known: its engine failed ({error.reason}: "
        f"{error.message}). Send the same request id again, or ask FindRequest for it.",
        area=area,
        why=error.reason,
    )
