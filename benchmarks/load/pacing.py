"""When calls begin, and from when their latency counts.

An open loop begins calls by a schedule fixed before the first of them, whatever became of those
before: patients do not wait at home because a cashier is slow. Latency counts from the moment the
schedule meant, so that a call which could not begin in time is as late as its caller saw it; a
generator that counts from when it got round to sending omits the waits that matter (coordinated
omission). A closed loop keeps a number of calls in flight and begins one when one ends: it measures
what a server can do, and its latencies are those of callers who wait for one another.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Seconds: TypeAlias = NDArray[np.float64]
# Told once for each call: the bytes of the answer, or None and the name of the error.
Done: TypeAlias = Callable[[bytes | None, str], None]

# Between the making of a schedule and its first call, so that the first is not late already.
_LEAD_SECONDS: Final = 0.05


class Clock(Protocol):
    """A clock that is waited for."""

    def now(self) -> float:
        """Return the seconds since some moment."""
        ...

    def wait_until(self, moment: float) -> None:
        """Return at that moment, or at once where it is past."""
        ...


class Sender(Protocol):
    """What begins calls."""

    def send(self, number: int, done: Done) -> None:
        """Begin call `number`; `done` is called once, from any thread."""
        ...

    def finish(self) -> None:
        """Return once every call begun has ended."""
        ...


class MachineClock:
    """The clock of this machine."""

    def __init__(self) -> None:
        self._never = threading.Event()

    def now(self) -> float:
        """Return the seconds of the steady clock."""
        return time.perf_counter()

    def wait_until(self, moment: float) -> None:
        """Return at that moment; some 60 microseconds late, which is counted as latency."""
        left = moment - time.perf_counter()
        if left > 0:
            self._never.wait(left)


@dataclass
class Timings:
    """What became of the calls of one run. Times are seconds of the run's clock.

    `latencies` are those of the calls that were answered, in the order of their answers;
    `late` is how far behind its schedule each call began; `answers` holds every `keep_every`-th
    answer with the number of its call.
    """

    keep_every: int = 1
    begun: int = 0
    first: float = 0.0
    last: float = 0.0
    latencies: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    answers: list[tuple[int, bytes]] = field(default_factory=list)

    def answered(
        self, number: int, due: float, now: float, answer: bytes | None, error: str
    ) -> None:
        """Note that a call due at some moment has ended now."""
        self.last = max(self.last, now)
        if answer is None:
            self.errors[error] += 1
            return
        self.latencies.append(now - due)
        if number % self.keep_every == 0:
            self.answers.append((number, answer))

    @property
    def per_second(self) -> float:
        """Return the answers a second, from the first call to the last answer."""
        return len(self.latencies) / max(self.last - self.first, 1e-9)


def even_schedule(rate: float, seconds: float) -> Seconds:
    """Return when to begin, in seconds after the start: at equal distances.

    >>> even_schedule(4, 1).tolist()
    [0.0, 0.25, 0.5, 0.75]
    """
    return np.arange(max(1, round(rate * seconds))) / rate


def random_schedule(rate: float, seconds: float, seed: int) -> Seconds:
    """Return when to begin: independent callers, a Poisson process of that rate."""
    gaps = np.random.default_rng(seed).exponential(1 / rate, max(1, round(rate * seconds)))
    return np.cumsum(gaps)


def open_loop(sender: Sender, schedule: Seconds, clock: Clock, keep_every: int = 1) -> Timings:
    """Return the timings of calls begun by a schedule, each counted from its moment in it."""
    timings = Timings(keep_every)
    timings.first = start = clock.now() + _LEAD_SECONDS
    offsets: Sequence[float] = schedule.tolist()
    for number, offset in enumerate(offsets):
        due = start + offset
        clock.wait_until(due)
        timings.late.append(max(0.0, clock.now() - due))
        timings.begun += 1
        sender.send(number, _noting(timings, clock, number, due))
    sender.finish()
    return timings


def closed_loop(
    sender: Sender,
    in_flight: int,
    seconds: float,
    clock: Clock,
    keep_every: int = 1,
    calls_max: int | None = None,
) -> Timings:
    """Return the timings of so many callers, each of whom begins anew when it is answered.

    The loop ends after so many seconds or, where that is given, after so many calls.
    """
    timings = Timings(keep_every)
    numbers = count()
    timings.first = clock.now()
    end = timings.first + seconds

    def begin() -> None:
        number, due = next(numbers), clock.now()
        timings.begun += 1
        note = _noting(timings, clock, number, due)

        def done(answer: bytes | None, error: str) -> None:
            note(answer, error)
            if timings.begun < calls_max if calls_max is not None else clock.now() < end:
                begin()

        sender.send(number, done)

    for _ in range(in_flight if calls_max is None else min(in_flight, calls_max)):
        begin()
    sender.finish()
    return timings


def _noting(timings: Timings, clock: Clock, number: int, due: float) -> Done:
    def done(answer: bytes | None, error: str) -> None:
        timings.answered(number, due, clock.now(), answer, error)

    return done
