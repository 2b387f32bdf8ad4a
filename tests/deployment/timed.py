"""What tills were told, and when."""

import threading
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from medsettle.books.trial_balance import BooksReader
from medsettle.policy.rule_book import RuleBook
from medsettle.torture.acknowledged import Acknowledged
from medsettle.torture.audit_check import audit_faults
from medsettle.torture.checking import books_faults, entries_of, faults_of
from medsettle.torture.requests import Answer, Request


@dataclass
class Answers:
    """When answers came, by a clock that never goes back."""

    moments: list[float] = field(default_factory=list)
    _another: threading.Condition = field(default_factory=threading.Condition)

    def came(self) -> None:
        """Note that one came."""
        with self._another:
            self.moments.append(time.monotonic())
            self._another.notify_all()

    def wait_for(self, more: int, seconds: float) -> bool:
        """Wait for so many more answers; return whether they came in time."""
        with self._another:
            wanted = len(self.moments) + more
            return self._another.wait_for(lambda: len(self.moments) >= wanted, seconds)

    def longest_gap(self, begun: float, ended: float) -> float:
        """Return the longest time without an answer between two moments, in seconds."""
        within = sorted(each for each in self.moments if begun <= each <= ended)
        return max(after - before for before, after in pairwise([begun, *within, ended]))


@dataclass
class Timed(Acknowledged):
    """Every request and answer of a run, and when each answer came."""

    answers: Answers = field(default_factory=Answers)

    def told(self, request: Request, answer: Answer, moment: float, sent: float) -> None:
        """Hold an answer to all before it, and note when it came."""
        if answer.final:
            self.answers.came()
        super().told(request, answer, moment, sent)


def broken(
    book: RuleBook, ledger: BooksReader, audit: Path, known: Acknowledged
) -> tuple[list[str], int]:
    """Return the first promises that a ledger and its audit tables break, and how many entries.

    Args:
        book: The rules by which it was written.
        ledger: The ledger after the run.
        audit: The folder of its audit tables.
        known: What was asked and acknowledged.
    """
    entries = entries_of(ledger)
    faults = [
        *known.violations,
        *faults_of(book, ledger, entries, known),
        *books_faults(ledger, audit),
        *audit_faults(audit, ledger, entries, went_back=True),
    ]
    return faults[:10], len(entries)
