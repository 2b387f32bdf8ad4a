"""What medsettle is to reach, as ratios of two things measured in the same run."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.anchor.names import BLOCKS, NUMBA, RULE_ENGINES
from benchmarks.record import OURS, Measured, Record, ratios
from benchmarks.sections import names as of


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far a goal is reached: a value for each round, and what is asked of their median."""

    goal: str
    values: tuple[float, ...]
    asked: float
    at_least: bool
    unit: str = "×"

    @property
    def median(self) -> float:
        """Return the median of the rounds."""
        return statistics.median(self.values)

    @property
    def met(self) -> bool:
        """Whether the median is what was asked for."""
        return self.median >= self.asked if self.at_least else self.median <= self.asked


@dataclass(frozen=True, slots=True)
class Goal:
    """A sentence, what it asks of the median, and how its values follow from a record.

    `values` returns none where the record lacks what it needs.
    """

    text: str
    asked: float
    values: Callable[[Record], Sequence[float]]
    at_least: bool = True
    unit: str = "×"


def outcomes(record: Record) -> tuple[list[Outcome], list[str]]:
    """Return how far each goal is reached, and the goals this run says nothing of."""
    found, untold = [], []
    for goal in GOALS:
        values = tuple(goal.values(record))
        if values:
            found.append(Outcome(goal.text, values, goal.asked, goal.at_least, goal.unit))
        else:
            untold.append(goal.text)
    return found, untold


def _ratio(
    over: tuple[str, str, int, str], under: tuple[str, str, int, str]
) -> Callable[[Record], Sequence[float]]:
    """Return what takes one thing over another, round by round."""

    def values(record: Record) -> Sequence[float]:
        first, second = record.find(*over), record.find(*under)
        return () if first is None or second is None else ratios(first, second)

    return values


def _over_the_best(size: int) -> Callable[[Record], Sequence[float]]:
    """Return what takes medsettle over the fastest of the tools one would pick instead."""

    def values(record: Record) -> Sequence[float]:
        ours = record.find(of.KERNEL, OURS, size)
        found = [record.find(of.KERNEL, tool, size) for tool in RULE_ENGINES]
        others = [each for each in found if each is not None]
        if ours is None or len(others) < len(RULE_ENGINES):
            return ()
        return ratios(ours, max(others, key=lambda each: each.median))

    return values


def _year(tool: str, section: str = of.YEAR) -> Callable[[Record], Sequence[float]]:
    def values(record: Record) -> Sequence[float]:
        ours, other = _of(record, section, OURS), _of(record, section, tool)
        return () if not ours or not other else ratios(ours[-1], other[-1])

    return values


def _of(record: Record, section: str, tool: str, unit: str | None = None) -> list[Measured]:
    return [each for each in record.section(section, unit) if each.tool == tool]


def _copied(record: Record) -> Sequence[float]:
    """Return the bytes of lines read a second, in cache, over those a copy moves in memory."""
    size = of.CACHED_LINES
    ours, copy = record.find(of.LINES, OURS, size), record.find(of.LINES, of.COPY, size)
    if ours is None or copy is None:
        return ()
    per_line: float = ours.facts["bytes_per_line"]
    return [ratio * per_line for ratio in ratios(ours, copy)]


def _bulk_over_unary(record: Record) -> Sequence[float]:
    audited = _of(record, of.BULK, of.AUDITED, of.RATE)
    unary = record.find(of.UNARY, OURS, of.WIDE, of.RATE)
    return () if not audited or unary is None else [audited[-1].median / unary.median]


def _audit_bytes(record: Record) -> Sequence[float]:
    return [each.median for each in _of(record, of.AUDIT, OURS, of.LINE_BYTES)]


def _audit_cpu(record: Record) -> Sequence[float]:
    ours = _of(record, of.AUDIT, OURS, of.CPU_LINE)
    other = _of(record, of.AUDIT, of.DEFAULTS, of.CPU_LINE)
    return () if not ours or not other else ratios(ours[-1], other[-1])


def _growth(record: Record) -> Sequence[float]:
    """Return what a claim costs in the largest ledger over the smallest, over their index depth."""
    found = _of(record, of.LEDGERS, OURS, of.CPU_CLAIM)
    if len(found) < 2:
        return ()
    first, last = found[0], found[-1]
    depth = math.log(last.at) / math.log(first.at)
    return [last.median / first.median / depth]


def _memory(record: Record) -> Sequence[float]:
    """Return the memory in the last quarter of the soak over that in its second quarter."""
    found = _of(record, of.SOAK, OURS, "MiB")
    if not found:
        return ()
    values = found[-1].values
    quarter = max(1, len(values) // 4)
    early, late = values[quarter : 2 * quarter], values[-quarter:]
    return [statistics.median(late) / statistics.median(early)]


def _ready(record: Record) -> Sequence[float]:
    return [value for each in record.section(of.START, "s") for value in each.values]


def _one_over_many(record: Record) -> Sequence[float]:
    one = record.find(of.VERSIONED, OURS, of.VERSIONED_CLAIMS)
    mixed = record.find(of.VERSIONED, of.MIXED, of.VERSIONED_CLAIMS)
    return () if one is None or mixed is None else ratios(one, mixed)


def _reconciled(record: Record) -> Sequence[float]:
    """Return CPU over that of the bare join, of books as large as a day of a nation."""
    ours = record.find(of.RECONCILE, OURS, of.NATION_ROWS, of.CPU_SETTLEMENT)
    join = record.find(of.RECONCILE, of.BARE_JOIN, of.NATION_ROWS, of.CPU_SETTLEMENT)
    return () if ours is None or join is None else ratios(ours, join)


def _reconciling_mib(record: Record) -> Sequence[float]:
    ours = record.find(of.RECONCILE, OURS, of.NATION_ROWS, of.PEAK_MIB)
    return () if ours is None else ours.values


def _replayed(record: Record) -> Sequence[float]:
    ours = _of(record, of.REPLAY, OURS, of.CPU_REPLAYED)
    copy = _of(record, of.REPLAY, of.SAME_COLUMNS, of.CPU_REPLAYED)
    return () if not ours or not copy else ratios(ours[-1], copy[-1])


def _second_reform(record: Record) -> Sequence[float]:
    """Return what a second reform adds, over the whole replay with one."""
    one = _of(record, of.REPLAY, of.ONE_REFORM, of.CPU_REPLAYED)
    two = _of(record, of.REPLAY, of.TWO_REFORMS, of.CPU_REPLAYED)
    return () if not one or not two else [each - 1 for each in ratios(two[-1], one[-1])]


def _replaying_mib(record: Record) -> Sequence[float]:
    ours = _of(record, of.REPLAY, OURS, of.PEAK_MIB)
    return ours[-1].values if ours else ()


_UNARY: Final = (of.UNARY, OURS, of.WIDE, of.RATE)

GOALS: Final = (
    Goal(
        "kernel, a million claims: of NumPy in place by hand",
        0.8,
        _ratio((of.KERNEL, OURS, 1_000_000, of.RATE), (of.KERNEL, BLOCKS, 1_000_000, of.RATE)),
    ),
    Goal(
        "kernel, one claim: of a numba function by hand",
        0.8,
        _ratio((of.KERNEL, OURS, 1, of.RATE), (of.KERNEL, NUMBA, 1, of.RATE)),
    ),
    *(
        Goal(
            f"kernel, {size:,} claims: over the fastest of {', '.join(RULE_ENGINES)}",
            1.0,
            _over_the_best(size),
        )
        for size in of.SIZES
    ),
    Goal("36 versions mixed in a batch: cost over one version", 1.15, _one_over_many, False),
    Goal(
        "lines, 1,200,000: of NumPy blocks by hand",
        0.8,
        _ratio(
            (of.LINES, OURS, of.ALL_LINES, of.LINE_RATE),
            (of.LINES, of.LINE_BLOCKS, of.ALL_LINES, of.LINE_RATE),
        ),
    ),
    Goal(
        "lines, 1,200,000: over DuckDB",
        4.0,
        _ratio(
            (of.LINES, OURS, of.ALL_LINES, of.LINE_RATE),
            (of.LINES, of.DUCKDB, of.ALL_LINES, of.LINE_RATE),
        ),
    ),
    Goal(
        "lines in cache, 6,000: bytes of their columns a second, of what a memory copy moves",
        0.2,
        _copied,
    ),
    Goal("a year with counters: over Polars", 5.0, _year(of.POLARS_YEAR)),
    Goal("a year with counters: of a counting-sort loop in numba", 0.5, _year(of.COUNTING_SORT)),
    Goal(
        "a year of running totals, 64 plans: of a counting-sort loop in numba",
        0.5,
        _year(of.BY_HAND, of.TOTALS),
    ),
    Goal(
        "unary claims of 30 lines, 64 in flight, durable: of an echo of the same messages",
        0.7,
        _ratio(_UNARY, (of.UNARY, of.ECHO, of.WIDE, of.RATE)),
    ),
    Goal(
        "the same by CPU of the server: of what the echo spends on a call",
        0.7,
        _ratio((of.UNARY, of.ECHO, of.WIDE, of.CPU_CALL), (of.UNARY, OURS, of.WIDE, of.CPU_CALL)),
    ),
    Goal(
        "unary claims, 64 in flight: over one commit for each claim",
        4.0,
        _ratio(_UNARY, (of.UNARY, of.ONE_BY_ONE, of.WIDE, of.RATE)),
    ),
    Goal(
        "one lone checkout, p50: over one sync and one echo",
        3.0,
        _ratio((of.UNARY, OURS, 1, of.P50), (of.UNARY, of.FLOOR, 1, of.P50)),
        False,
    ),
    Goal(
        "256 claims a message, durable: over the calls of the empty echo",
        6.0,
        _ratio(
            (of.BATCHED, OURS, of.MESSAGE_CLAIMS, of.RATE), (of.UNARY, of.EMPTY, of.WIDE, of.RATE)
        ),
    ),
    Goal("bulk, durable and audited, end to end: over the unary rate", 20.0, _bulk_over_unary),
    Goal(
        "the national interface, visits of 30 lines in a mix: of an empty handler, same bodies",
        0.6,
        _ratio(
            (of.GATEWAY, OURS, of.AT_KIND[of.MIXED_DAY], of.REQUESTS),
            (of.GATEWAY, of.EMPTY_HANDLER, of.AT_KIND[of.MIXED_DAY], of.REQUESTS),
        ),
    ),
    Goal(
        "two hops through a hub, durable at both ends, p50: over one local settlement",
        2.5,
        _ratio((of.PROVINCES, of.THROUGH_HUB, 1, of.P50), (of.PROVINCES, of.AT_HOME, 1, of.P50)),
        False,
    ),
    *(
        Goal(
            f"a dead peer, {what}: p99 of local settlements over that beside a living one",
            1.05,
            _ratio(
                (of.DEAD_PEER, tool, of.BESIDE_DEAD, of.P99),
                (of.DEAD_PEER, of.LIVING, of.BESIDE_DEAD, of.P99),
            ),
            False,
        )
        for what, tool in (("refusing", of.REFUSING), ("frozen", of.FROZEN))
    ),
    Goal("audit tables: bytes a line", 14.0, _audit_bytes, False, "B"),
    Goal("audit tables: CPU of pyarrow's defaults", 0.6, _audit_cpu, False),
    Goal("cost in the largest ledger over the smallest, over index depth", 1.0, _growth, False),
    Goal(
        "three books of 10,000,000, differences classed: CPU over a bare full join",
        1.0,
        _reconciled,
        False,
    ),
    Goal("three books of 10,000,000: memory", 2_048.0, _reconciling_mib, False, " MiB"),
    Goal(
        "replay, lines written: CPU over reading and writing the same columns",
        1.5,
        _replayed,
        False,
    ),
    Goal(
        "replay: what a second reform adds, over the whole replay with one",
        0.5,
        _second_reform,
        False,
    ),
    Goal("replay: memory, one thread", 4_096.0, _replaying_mib, False, " MiB"),
    Goal("memory late in the soak over early", 1.05, _memory, False),
    Goal("ready to serve with all shipped areas", 3.0, _ready, False, "s"),
)
