"""Sending a request again until it is answered; a write by the same request id.

gRPC's own retry policy was tried first and says too little. An attempt that got no answer in time
may have been recorded, and asking again with the same request id tells; a service config has no
deadline for an attempt, so it cannot ask. And where a server asks for a longer pause than the
deadline leaves, gRPC waits for the deadline and reports that, not what the server said. What never
reached a server is still sent again by gRPC itself.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import grpc

from medsettle import limits
from medsettle.client.failures import failure_of

Response = TypeVar("Response")

_GROWTH: Final = 2
# A fifth either way keeps tills that failed together from returning together.
_JITTER: Final = 0.2


@dataclass(frozen=True, slots=True)
class Repeater:
    """Repeats a request within `timeout` seconds, each attempt within `attempt_timeout`."""

    timeout: float
    attempt_timeout: float
    attempts_max: int = limits.CLIENT_ATTEMPTS_MAX
    clock: Callable[[], float] = time.monotonic
    wait: Callable[[float], None] = time.sleep
    draw: Callable[[float, float], float] = random.uniform

    def answer(self, attempt: Callable[[float], Response]) -> Response:
        """Return the answer of the first attempt that gets one.

        Args:
            attempt: Sends the request, always the same, with a timeout in seconds.

        Raises:
            SettlementError: The server refused, and would refuse again.
            TimeoutError: An attempt got no answer in time, and none after it did; the request may
                have been recorded. Send the same request id again to learn it.
            ConnectionError: The server was out of reach; as for `TimeoutError`.
        """
        end = self.clock() + self.timeout
        backoff = limits.BACKOFF_SECONDS_FIRST
        unknown: Exception | None = None
        for tried in range(1, self.attempts_max + 1):
            remaining = max(0.0, end - self.clock())
            try:
                return attempt(min(self.attempt_timeout, remaining))
            except grpc.RpcError as call:
                failure = failure_of(call)
            if failure.unknown:
                unknown = failure.error
            pause = max(backoff * self.draw(1 - _JITTER, 1 + _JITTER), failure.delay_seconds)
            if not failure.again:
                raise failure.error
            if tried == self.attempts_max or self.clock() + pause >= end:
                # A later "nothing was recorded" speaks of its own attempt only.
                raise unknown or failure.error
            self.wait(pause)
            backoff = min(backoff * _GROWTH, limits.BACKOFF_SECONDS_MAX)
        raise AssertionError("the last attempt returns or raises")
