"""How long each phase of a batch takes, where somebody wants to know.

A *phase* is a part of the time of a call, in whatever layer it is spent; a *stage* is one payer's
part of a waterfall. Layers below say which phase begins (`enter`); without anybody who wants to
know that is one look at a variable. One batch at a time goes through an engine, on one thread.

    waiting   from the call to its batch       record    entries are made of the results
    checks    what was asked before, cards     commit    the ledger makes them durable
    scope     lines to pots, counters read     answer    from there to the answer
    waterfall the stages of the policy         peer      waiting for the engine of another area
    assemble  results to settlements
"""

from collections.abc import Callable
from time import perf_counter_ns
from typing import Final

CHECKS: Final = "checks"
SCOPE: Final = "scope"
WATERFALL: Final = "waterfall"
ASSEMBLE: Final = "assemble"
RECORD: Final = "record"
COMMIT: Final = "commit"
ANSWER: Final = "answer"

IN_BATCH: Final = (CHECKS, SCOPE, WATERFALL, ASSEMBLE, RECORD, COMMIT, ANSWER)
"""The phases of a batch, in the order in which they begin."""


class Phases:
    """The phases of one batch: when each began, in nanoseconds of `perf_counter_ns`."""

    __slots__ = ("claims", "ended_ns", "marks")

    def __init__(self, claims: int) -> None:
        self.claims = claims
        self.marks = [(CHECKS, perf_counter_ns())]
        self.ended_ns = 0

    @property
    def begun_ns(self) -> int:
        """When the batch began."""
        return self.marks[0][1]

    def spans(self) -> list[tuple[str, int, int]]:
        """Return phase, beginning and end of each, in order; one may come several times."""
        ends = [*(began for _, began in self.marks[1:]), self.ended_ns]
        return [(name, begun, end) for (name, begun), end in zip(self.marks, ends, strict=True)]


_open: Phases | None = None
_on_commit: Callable[[float], None] | None = None
_commit_begun_ns = 0


def enter(phase: str) -> None:
    """Say that a phase begins, and so that the one before has ended."""
    if _open is not None:
        _open.marks.append((phase, perf_counter_ns()))
    if _on_commit is not None:
        _time_commit(phase, _on_commit)


def tell_commits(told: Callable[[float], None] | None) -> None:
    """Let somebody be told of how many seconds each commit took, or nobody."""
    global _on_commit  # noqa: PLW0603 - as what is open
    _on_commit = told


def _time_commit(phase: str, told: Callable[[float], None]) -> None:
    global _commit_begun_ns  # noqa: PLW0603 - as what is open
    if phase == COMMIT:
        _commit_begun_ns = perf_counter_ns()
    elif phase == ANSWER and _commit_begun_ns:
        told((perf_counter_ns() - _commit_begun_ns) / 1e9)
        _commit_begun_ns = 0


def begin(claims: int) -> Phases | None:
    """Begin to note the phases of a batch of so many claims; None where that is done already."""
    global _open  # noqa: PLW0603 - what is noted is of the one batch that goes through the engine
    if _open is not None:
        return None
    _open = Phases(claims)
    return _open


def end(noted: Phases | None) -> None:
    """Note no more, where `begin` began."""
    global _open  # noqa: PLW0603 - as above
    if noted is not None:
        noted.ended_ns = perf_counter_ns()
        _open = None
