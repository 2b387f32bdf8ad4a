"""Rounds in which every tool has its turn, so that a disturbance meets all of them.

A tool that is timed alone for two seconds is measured against the weather of those two seconds.
Here each round times every tool once, in an order that turns, and ratios are taken within a round.

What is timed is CPU of the process, of all its threads: every tool is given one thread, so that on
an idle machine the two are the same, and on one that does other things too CPU is what a tool took
while time is what the others left it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.record import Measured

# Shorter than this, a round measures the clock and the scheduler.
_ROUND_SECONDS_MIN: Final = 0.004
_CALLS_MAX: Final = 20_000
_ROUNDS_MAX: Final = 25


@dataclass
class Case:
    """One tool at one size.

    Attributes:
        tool: Name of the tool.
        count: What one run settles: claims, lines, bytes.
        seconds: Runs so many times and returns the seconds of CPU that took.
        wrong: Claims that its answer got wrong.
        facts: What else is known of it.
    """

    tool: str
    count: int
    seconds: Callable[[int], float]
    wrong: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def timed(run: Callable[[], object]) -> Callable[[int], float]:
    """Return what runs so many times and returns the seconds of CPU that took.

    The clock is asked once for all of them: it takes longer to ask than a claim to settle.
    """

    def seconds(times: int) -> float:
        start = time.process_time()
        for _ in range(times):
            run()
        return time.process_time() - start

    return seconds


def take_turns(
    section: str,
    at: int,
    unit: str,
    cases: Sequence[Case],
    *,
    rounds: int,
    budget_seconds: float,
) -> list[Measured]:
    """Return the rates of all cases, measured in turns.

    Args:
        section: Name of the section.
        at: Place on its axis.
        unit: Unit of the rates, such as `claims/s`.
        cases: Who takes turns.
        rounds: Rounds at least.
        budget_seconds: More rounds are run as long as they fit in this.
    """
    calls = []
    for case in cases:
        case.seconds(1)  # Compiles, plans and touches memory.
        once = case.seconds(1)
        calls.append(min(_CALLS_MAX, max(1, round(_ROUND_SECONDS_MIN / max(once, 1e-9)))))
    rates: list[list[float]] = [[] for _ in cases]
    began, done = time.perf_counter(), 0
    while done < rounds or (done < _ROUNDS_MAX and _fits(began, done, budget_seconds)):
        for place in range(len(cases)):
            turn = (place + done) % len(cases)
            case, times = cases[turn], calls[turn]
            spent = case.seconds(times)
            rates[turn].append(case.count * times / spent)
        done += 1
    return [
        Measured(section, case.tool, at, unit, tuple(values), case.wrong, case.facts)
        for case, values in zip(cases, rates, strict=True)
    ]


def _fits(began: float, done: int, budget_seconds: float) -> bool:
    spent = time.perf_counter() - began
    return spent + spent / max(done, 1) <= budget_seconds
