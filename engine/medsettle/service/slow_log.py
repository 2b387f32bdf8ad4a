"""The log of slow requests: one line each, with the phase that was slow, and nobody's name."""

from medsettle.logs import say
from medsettle.logs.events import SLOW_REQUEST
from medsettle.service.call_watch import Seen, phases_ms


class SlowLog:
    """Logs calls that took at least so long."""

    def __init__(self, least_ms: int) -> None:
        """Log calls of so many milliseconds or more."""
        self._least_ns = least_ms * 1_000_000

    def begun(self, seen: Seen, traceparent: str | None) -> None:
        """Do nothing: how long it takes is known at the end."""

    def ended(self, seen: Seen, outcome: str, settlement: str) -> None:
        """Log a call if it was slow."""
        taken = seen.ended_ns - seen.begun_ns
        if taken < self._least_ns:
            return
        phases = phases_ms(seen)
        say(
            SLOW_REQUEST,
            way=seen.way.value,
            method=seen.method,
            request_id=seen.request_id,
            settlement=settlement,
            outcome=outcome,
            ms=round(taken / 1e6, 3),
            slowest=max(phases, key=lambda name: phases[name]),
            claims=0 if seen.batch is None else seen.batch.claims,
            phases=phases,
        )

    def peer_begun(self, seen: Seen, method: str, peer: str) -> tuple[object, str | None]:
        """Do nothing: the call adds up how long it waited."""
        return None, None

    def peer_ended(self, token: object, outcome: str) -> None:
        """Do nothing."""
