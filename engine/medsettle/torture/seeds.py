"""Many seeds of the simulation, in one process or several, and what they came to."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from medsettle import limits
from medsettle.policy.book import load_rule_book
from medsettle.policy.rule_book import RuleBook
from medsettle.torture.parts import REAL, Parts
from medsettle.torture.simulation import Outcome, simulate
from medsettle.torture.workload import AREA

_CHUNK: Final = 25

_books: dict[Path, RuleBook] = {}


@dataclass
class Tally:
    """What many seeds came to.

    `broken` counts the seeds with violations; `failed` has the first of them, traces included.
    """

    seeds: int = 0
    asked: int = 0
    acknowledged: int = 0
    recorded: int = 0
    deaths: int = 0
    audited: int = 0
    contended: int = 0
    broken: int = 0
    failed: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        self.seeds += 1
        self.asked += outcome.asked
        self.acknowledged += outcome.acknowledged
        self.recorded += outcome.recorded
        self.deaths += outcome.deaths
        self.audited += outcome.audited
        self.contended += outcome.swarm is None
        self.broken += bool(outcome.violations)
        if outcome.violations and len(self.failed) < limits.FAILED_SEEDS_KEPT_MAX:
            self.failed.append(outcome)


def rule_book(rules: Path) -> RuleBook:
    """Return the documents of the simulated area.

    Raises:
        PolicyRejected: They have faults.
        OSError: The folder cannot be read, or lacks the area.
    """
    if rules not in _books:
        _books[rules] = load_rule_book(rules, only=(AREA,))
    return _books[rules]


def run_seeds(
    rules: Path,
    seeds: range,
    processes: int = 1,
    parts: Parts = REAL,
    told: Callable[[Outcome], None] = lambda _: None,
) -> Tally:
    """Run seeds and return what they came to.

    Args:
        rules: Folder that has the area of the workload.
        seeds: Which.
        processes: How many share the work; more than there are cores only wait.
        parts: What the deployment is made of.
        told: Called with each outcome as it comes, in the order of the seeds.

    Raises:
        PolicyRejected: The documents have faults.
        OSError: The folder cannot be read, or lacks the area.
    """
    tally = Tally()
    for outcome in _outcomes(rules, seeds, processes, parts):
        tally.add(outcome)
        told(outcome)
    return tally


def _outcomes(rules: Path, seeds: range, processes: int, parts: Parts) -> Iterator[Outcome]:
    rule_book(rules)
    if processes == 1:
        for seed in seeds:
            yield _run(rules, parts, seed)
        return
    # Started anew: a fork would copy whatever threads and locks the caller has.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        count = len(seeds)
        yield from pool.map(_run, [rules] * count, [parts] * count, seeds, chunksize=_CHUNK)


def _run(rules: Path, parts: Parts, seed: int) -> Outcome:
    outcome = simulate(seed, rule_book(rules), parts)
    # Nobody reads what happened where nothing went wrong, and it is long.
    return outcome if outcome.violations else outcome.without_trace()
