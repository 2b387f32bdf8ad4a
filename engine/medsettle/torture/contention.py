"""Several engine processes on one store: the same persons, the same requests, at the same time.

Each process takes requests of one workload in turn, and now and then one that another has as well.
There are no deaths here; what is looked for is what goes wrong between processes that are all well:
an update that is lost, a request that is done twice, and two that wait for one another.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from medsettle.engine import Engine
from medsettle.policy.rule_book import RuleBook
from medsettle.torture.acknowledged import Acknowledged
from medsettle.torture.baton import Baton, Deadlock
from medsettle.torture.checking import entries_of, faults_of
from medsettle.torture.memory_ledger import MemoryLedger
from medsettle.torture.parts import Parts
from medsettle.torture.requests import Answer, Request, replayed, replayed_together
from medsettle.torture.shared_ledger import SharedStore
from medsettle.torture.workload import Workload

_START: Final = datetime(2024, 6, 1, tzinfo=UTC)
_REPEATED: Final = 0.2
_BATCHES: Final = 0.4


@dataclass
class Contention:
    """One run of several processes; `go` fills `known` and the trace `events`."""

    book: RuleBook
    parts: Parts
    rng: Random
    known: Acknowledged = field(default_factory=Acknowledged)
    events: list[tuple[float, str, tuple[object, ...]]] = field(default_factory=list)
    recorded: int = 0

    def go(self) -> None:
        """Run the processes and check what is left."""
        self.baton = Baton(self.rng)
        self.store = SharedStore()
        self.workload = Workload(self.rng, messages=True)
        self.latest: list[Request] = []
        first = self._engine(0)
        for request in self.workload.beginning():
            self._told(request, replayed(first, request), 0)
        count = self.rng.randint(2, 4)
        operations = self.rng.randint(5, 15)
        works = [self._work(number, operations) for number in range(1, count + 1)]
        try:
            self.baton.run(works)
        except Deadlock as deadlock:
            self._violation(str(deadlock))
        ledger = MemoryLedger(self.store.held)
        entries = entries_of(ledger)
        self.recorded = len(entries)
        for fault in faults_of(self.book, ledger, entries, self.known):
            self._violation(fault)

    def _engine(self, process: int) -> Engine:
        ledger = self.parts.shared(self.store, process, self.baton)
        return self.parts.engine(self.book, ledger, self._now)

    def _now(self) -> datetime:
        return _START + timedelta(seconds=self.baton.turns)

    def _work(self, process: int, operations: int) -> Callable[[], None]:
        engine = self._engine(process)

        def work() -> None:
            for _ in range(operations):
                self._ask(process, engine)

        return work

    def _ask(self, process: int, engine: Engine) -> None:
        requests, sent = self._drawn(), self.baton.turns
        for request in requests:
            self.known.sends(request, self.baton.turns)
            self._note("process {}: {}", process, request)
        for request, answer in zip(requests, replayed_together(engine, requests), strict=True):
            self._note("process {}: {}: {}", process, request, answer.reason or "done")
            self._told(request, answer, sent)
            self.workload.heard(request, answer)

    def _drawn(self) -> list[Request]:
        """Return the next request, or several claims that become one commit, as of a batcher."""
        if self.latest and self.rng.random() < _REPEATED:
            return [self.rng.choice(self.latest[-4:])]
        if self.rng.random() < _BATCHES:
            drawn = [self.workload.request("settle") for _ in range(self.rng.randint(2, 4))]
        else:
            drawn = [self.workload.request()]
        self.latest += drawn
        return drawn

    def _told(self, request: Request, answer: Answer, sent: float) -> None:
        self.known.sends(request, sent)
        self.known.told(request, answer, self.baton.turns, sent)

    def _violation(self, what: str) -> None:
        self._note("VIOLATION {}", what)
        self.known.violations.append(what)

    def _note(self, what: str, *values: object) -> None:
        self.events.append((self.baton.turns, what, values))
