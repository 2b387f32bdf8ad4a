"""A circuit breaker: a peer that does not answer is left alone for a while, and then tried once.

Ours, since no library fits (2026-12): `pybreaker` and `circuitbreaker` know threads, not asyncio,
`aiobreaker` rests since 2021, and `purgatory` pauses for a fixed time by a clock of its own.

```text
closed ── failures in a row ──► open ── pause over ──► half open: one trial
  ▲                              ▲                         │      │
  │                              └── fails: longer pause ──┘      │
  └───────────────────────── answered ────────────────────────────┘
```
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from medsettle import limits

_GROWTH: Final = 2


class State(StrEnum):
    """Whether calls go: all of them, none, or one to try."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, eq=False)
class Admission:
    """One call that was let through; given back with what became of it."""

    trial: bool


class Breaker:
    """Counts the failures of one peer. Whoever was admitted says what became of the call."""

    def __init__(self, clock: Callable[[], float], draw: Callable[[float, float], float]) -> None:
        """Let all calls through.

        Args:
            clock: Seconds that never go back.
            draw: Returns a number between two.
        """
        self._clock = clock
        self._draw = draw
        self._failures = 0
        self._pause = limits.PEER_PAUSE_SECONDS_FIRST
        self._open_until: float | None = None
        self._trial: Admission | None = None

    @property
    def state(self) -> State:
        """Whether calls go now."""
        if self._open_until is None:
            return State.CLOSED
        return State.OPEN if self._clock() < self._open_until else State.HALF_OPEN

    def admit(self) -> Admission | None:
        """Return an admission for one call; None where the peer is left alone."""
        state = self.state
        if state is State.CLOSED:
            return Admission(trial=False)
        if state is State.OPEN or self._trial is not None:
            return None
        self._trial = Admission(trial=True)
        return self._trial

    def answered(self) -> None:
        """Let all calls through: the peer has answered one, whatever it said."""
        self._failures = 0
        self._pause = limits.PEER_PAUSE_SECONDS_FIRST
        self._open_until = None
        self._trial = None

    def heard_of(self) -> None:
        """Let one call try at once: the peer itself has called, so that it is there again."""
        if self._open_until is not None:
            self._open_until = min(self._open_until, self._clock())

    def failed(self, admission: Admission) -> None:
        """Count a call that was not answered.

        Where the peer is left alone already, those that were under way before say nothing new.
        """
        if admission is self._trial:
            self._pause = min(self._pause * _GROWTH, limits.PEER_PAUSE_SECONDS_MAX)
            self._open()
        elif self._open_until is None and not admission.trial:
            self._failures += 1
            if self._failures >= limits.PEER_FAILURES_MAX:
                self._open()

    def let_go(self, admission: Admission) -> None:
        """Take an admission back that says nothing of the peer, such as one of a caller who left.

        Does nothing where it was said already what became of the call.
        """
        if admission is self._trial:
            self._trial = None

    def _open(self) -> None:
        jitter = limits.PEER_PAUSE_JITTER
        self._open_until = self._clock() + self._pause * self._draw(1 - jitter, 1 + jitter)
        self._trial = None
