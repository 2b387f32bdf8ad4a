"""How long a case is timed: enough rounds for a median, and a whole run of a few minutes."""

from collections.abc import Callable
from time import perf_counter
from typing import Any, Final

from pytest_benchmark.fixture import BenchmarkFixture

# Seconds each case may take, which keeps the whole run to a few minutes on two slow cores.
_SECONDS_PER_CASE: Final = 1.5
_ROUNDS_MIN: Final = 3
_ROUNDS_MAX: Final = 500
# A round shorter than this measures the clock.
_SECONDS_PER_ROUND_MIN: Final = 200e-6


def time_case(benchmark: BenchmarkFixture, run: Callable[[Any], Any], prepared: Any) -> None:
    """Time `run(prepared)` for as many rounds as fit the time of a case."""
    start = perf_counter()
    run(prepared)
    rounds, calls = _rounds(perf_counter() - start)
    benchmark.pedantic(  # type: ignore[no-untyped-call]
        run, (prepared,), rounds=rounds, iterations=calls, warmup_rounds=1
    )


def _rounds(seconds: float) -> tuple[int, int]:
    """Return how many rounds of how many calls fit the time of a case, a call taking `seconds`."""
    calls = max(1, int(_SECONDS_PER_ROUND_MIN / seconds))
    rounds = int(_SECONDS_PER_CASE / (seconds * calls))
    return min(max(rounds, _ROUNDS_MIN), _ROUNDS_MAX), calls
