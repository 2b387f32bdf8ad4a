"""The engine in this process, with a ledger on disk: by lines, by batch, by what is there already.

CPU of this process is what is told, since a commit mostly waits; the wait is in the section
`commits`. Claims are rows, checked as those of a request are.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from shutil import rmtree
from typing import Final

from medsettle import limits
from medsettle.core.claims import ClaimBatch
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine
from medsettle.ledger import ACCOUNT, CounterKey, Entry, Posting
from medsettle.ledger.opening import OpenLedger, open_ledger
from medsettle.policy.book import load_rule_book
from medsettle.policy.rule_book import RuleBook
from medsettle.settle import machine_code

from benchmarks.load import claims
from benchmarks.load.claims import Bills
from benchmarks.options import Options
from benchmarks.record import OURS, Measured
from benchmarks.sections import names as of
from tests.ledger.building import entry
from tests.stores import STORES, new_place

LINE_COUNTS: Final = (1, 10, 30, 100, 300, 1_000)
BATCH_SIZES: Final = (1, 4, 16, 64, 256)
# A batch is about so many lines, so that short claims and long ones fill the same caches.
_LINES_PER_BATCH: Final = 2_000
_FIRST_LEDGER: Final = 1_000
_BATCH: Final = 64
_FEW_LINES: Final = 10
_RECORD_BYTES: Final = 400
_ROUNDS_PER_ROUND: Final = 2


def _now() -> datetime:
    return datetime(2024, 6, 1, tzinfo=UTC)


@contextmanager
def _ledger(options: Options, name: str) -> Iterator[OpenLedger]:
    """Yield an empty ledger in a file of the scratch folder, which is removed afterwards."""
    folder = options.scratch / name
    rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with open_ledger(new_place(STORES[0], folder)) as ledger:
            yield ledger
    finally:
        rmtree(folder, ignore_errors=True)


class Asking:
    """An engine asked batch after batch; every answer is looked at."""

    def __init__(self, book: RuleBook, ledger: OpenLedger, bills: Bills) -> None:
        self._engine = Engine(book, ledger, _now)
        self._bills = bills
        self._next = count()

    def ask(self, size: int) -> tuple[float, float]:
        """Return microseconds of CPU and of time a claim, of one batch."""
        rows = [claims.row(self._bills, next(self._next)) for _ in range(size)]
        cpu, wall = time.process_time(), time.perf_counter()
        answers = self._engine.settle(ClaimBatch.from_rows(rows))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        wrong = [answer for answer in answers if not isinstance(answer, Settlement)]
        if wrong:
            raise RuntimeError(f"{len(wrong)} claims were refused, first: {wrong[0]}")
        return cpu * 1e6 / size, wall * 1e6 / size


def _measured(section: str, at: int, asking: Asking, size: int, rounds: int) -> list[Measured]:
    asking.ask(size)
    pairs = [asking.ask(size) for _ in range(rounds)]
    cpu, wall = zip(*pairs, strict=True)
    return [
        Measured(section, OURS, at, of.CPU_CLAIM, cpu),
        Measured(section, OURS, at, of.WALL_CLAIM, wall),
    ]


def measure(options: Options) -> list[Measured]:
    """Return what a claim costs by its lines, and by the claims that share a commit."""
    machine_code.load()
    book = load_rule_book(claims.RULES)
    found: list[Measured] = []
    with _ledger(options, "engine") as ledger:
        for lines in LINE_COUNTS:
            bills = claims.draw_bills(f"N{lines}", lines=lines)
            size = max(1, min(64, _LINES_PER_BATCH // lines))
            asking = Asking(book, ledger, bills)
            rounds = options.rounds * _ROUNDS_PER_ROUND
            found += _measured(of.CLAIM_LINES, lines, asking, size, rounds)
        asking = Asking(book, ledger, claims.draw_bills("B"))
        for size in BATCH_SIZES:
            rounds = options.rounds * (4 if size < _BATCH else 1)
            found += _measured(of.BATCHES, size, asking, size, rounds)
    return found


def measure_ledgers(options: Options) -> list[Measured]:
    """Return what a claim costs where ever more persons have a settlement and counters already."""
    machine_code.load()
    book = load_rule_book(claims.RULES)
    found: list[Measured] = []
    with _ledger(options, "persons") as ledger:
        there, size = 0, _FIRST_LEDGER
        while size <= options.persons:
            _fill(ledger, range(there, size))
            bills = claims.draw_bills(f"P{size}", lines=_FEW_LINES, persons=size)
            asking = Asking(book, ledger, bills)
            rounds = options.rounds * _ROUNDS_PER_ROUND
            found += _measured(of.LEDGERS, size, asking, _BATCH, rounds)
            there, size = size, size * 10
    return found


def _fill(ledger: OpenLedger, numbers: range) -> None:
    """Record a settlement of each person of a range, with postings to two counters."""
    for first in range(numbers.start, numbers.stop, limits.CLAIMS_PER_BATCH_MAX):
        part = range(first, min(first + limits.CLAIMS_PER_BATCH_MAX, numbers.stop))
        batch = [_entry(number) for number in part]
        with ledger.writing({(each.pooling_area, each.person) for each in batch}):
            ledger.counters([posting.key for each in batch for posting in each.postings])
            ledger.append(batch, 1)


def _entry(number: int) -> Entry:
    person = f"P{number}"
    keys = (
        CounterKey(claims.AREA, person, ACCOUNT, 0),
        CounterKey(claims.AREA, person, "310.fund_paid", 2024),
    )
    postings = [Posting(key, 100) for key in keys]
    made = entry(number, *postings, pooling_area=claims.AREA, person=person)
    return replace(made, record=b"x" * _RECORD_BYTES)
