"""The load generator's schedule: latency counts from the intended start, come what may."""

import heapq
from collections.abc import Callable
from itertools import count

import numpy as np
import pytest

from benchmarks.load import pacing
from benchmarks.load.figures import figures, percentiles
from benchmarks.load.pacing import Done, Timings

_STALL = (1.0, 2.0)
_SERVICE = 0.001


class _Simulated:
    """A clock, and a server behind it that answers in a millisecond and stalls for one second.

    A call that arrives in the stall is answered after it. `blocking` makes the stall one of
    sending: then the generator itself is held up, as by a full connection.
    """

    def __init__(self, *, blocking: bool = False) -> None:
        self._moment = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._blocking = blocking
        self.begun: list[float] = []

    def now(self) -> float:
        """Return the simulated moment."""
        return self._moment

    def wait_until(self, moment: float) -> None:
        """Let everything happen that happens by then."""
        while self._events and self._events[0][0] <= moment:
            self._moment, _, happen = heapq.heappop(self._events)
            happen()
        self._moment = max(self._moment, moment)

    def send(self, number: int, done: Done) -> None:
        """Take a call, which ends a millisecond later or after the stall."""
        first, last = _STALL
        if self._blocking and first <= self._moment < last:
            self._moment = last
        self.begun.append(self._moment)
        stalled = first <= self._moment < last
        end = (last if stalled else self._moment) + _SERVICE
        answer = number.to_bytes(4, "big")
        heapq.heappush(self._events, (end, next(self._order), lambda: done(answer, "")))

    def finish(self) -> None:
        """Let everything happen that is still to happen."""
        while self._events:
            self.wait_until(self._events[0][0])


def _run(simulated: _Simulated, rate: float = 100.0, seconds: float = 3.0) -> Timings:
    schedule = pacing.even_schedule(rate, seconds)
    return pacing.open_loop(simulated, schedule, simulated)


@pytest.mark.parametrize("blocking", [False, True], ids=["slow answers", "slow sending"])
def test_a_stall_is_in_every_latency_it_touched(*, blocking: bool) -> None:
    """Each call due in a stall of a second counts what was left of the stall, sent late or not."""
    timings = _run(_Simulated(blocking=blocking))

    assert 300 == timings.begun == len(timings.latencies)
    stalled = sorted(each for each in timings.latencies if each > 2 * _SERVICE)
    # One call each hundredth of a second was due while the stall lasted.
    expected = np.arange(1, 101) / 100
    assert len(stalled) in {99, 100}
    assert np.allclose(stalled[-99:], expected[-99:], atol=0.011)
    assert 300_000 < percentiles(timings.latencies)["90"] < 800_000


def test_a_closed_loop_hides_the_same_stall() -> None:
    """One caller that waits meets the stall once, which is why a closed loop tells no latencies."""
    simulated = _Simulated()

    timings = pacing.closed_loop(simulated, 1, 3.0, simulated)

    assert 1 == sum(each > 2 * _SERVICE for each in timings.latencies)
    assert percentiles(timings.latencies)["99"] == pytest.approx(1_000)


def test_calls_begin_by_the_schedule_whatever_became_of_those_before() -> None:
    """A server that stalls does not slow the arrivals down: all of them begin at their moment."""
    simulated = _Simulated()

    _run(simulated)

    gaps = np.diff(simulated.begun)
    assert np.allclose(gaps, 0.01)


def test_late_begins_are_told() -> None:
    """How late calls began is told beside the latencies, which contain it."""
    timings = _run(_Simulated(blocking=True))

    assert max(timings.late) == pytest.approx(0.99, abs=0.06)
    assert all(late <= max(timings.latencies) for late in timings.late)


def test_a_closed_loop_keeps_its_number_in_flight() -> None:
    """Eight callers of a server that takes a millisecond make eight thousand calls a second."""
    simulated = _Simulated()

    timings = pacing.closed_loop(simulated, 8, 0.5, simulated)

    assert timings.begun == len(timings.latencies)
    assert timings.per_second == pytest.approx(8_000, rel=0.02)


def test_errors_are_counted_and_have_no_latency() -> None:
    """A call that failed is an error under its name; rates and percentiles are of answers."""
    timings = Timings()
    timings.answered(0, 0.0, 0.5, b"answer", "")
    timings.answered(1, 0.0, 1.0, None, "UNAVAILABLE")

    found = figures(timings, ["claim 0: total"], 1)

    assert (1, {"UNAVAILABLE": 1}, 1) == (found.calls, found.errors, found.wrong)
    assert {500_000.0} == set(found.latency_us.values())
    assert 1.0 == found.claims_per_second


def test_a_random_schedule_has_its_rate_and_its_seed() -> None:
    """Independent callers come at the rate asked for, and the same ones for one seed."""
    schedule = pacing.random_schedule(1_000, 20, seed=1)

    assert np.array_equal(schedule, pacing.random_schedule(1_000, 20, seed=1))
    assert 20_000 == len(schedule)
    assert schedule[-1] == pytest.approx(20, rel=0.05)
    assert np.std(np.diff(schedule)) == pytest.approx(0.001, rel=0.05)
