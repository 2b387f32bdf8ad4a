"""Real servers, killed under load: what they acknowledged is there, once, and right.

A round is one life of a server process. It is asked by several clients, dies, by a kill at a random
moment or by its own at a named step, and leaves a ledger and audit tables behind, which are looked
at as they lie. The next life of the same ledger begins with the requests that nobody answered.
After some rounds a last life must answer them all and end in order, and the whole ledger is held to
the sequential model.
"""

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from medsettle.audit import verify
from medsettle.errors import SettlementError
from medsettle.ledger.entries import LedgerReader, Recorded
from medsettle.policy.rule_book import RuleBook
from medsettle.torture.acknowledged import Doubled, Lost
from medsettle.torture.audit_check import audit_faults, segment_faults
from medsettle.torture.checking import books_faults, entries_of, faults_of, recorded_faults
from medsettle.torture.crowd import Crowd
from medsettle.torture.named_steps import COMMIT_STEPS, STEPS
from medsettle.torture.seeds import rule_book
from medsettle.torture.servers import Life, Servers
from medsettle.torture.stores import Place, Store
from medsettle.torture.workload import AREA

_ROUNDS_PER_LEDGER: Final = 20
_RANDOM_SECONDS: Final = (0.05, 1.0)
_STEP_SECONDS_MAX: Final = 20.0
_FINISH_SECONDS_MAX: Final = 60.0
# Besides one death at each step: so many at any moment, and of each part that a store has.
_RANDOM_IN_DECK, _VICTIMS_IN_DECK = 5, 2
# At which arrival at a step the server dies, at most.
_COMMITS_MAX, _PROJECTIONS_MAX = 40, 4
_VIOLATIONS_KEPT_MAX: Final = 100


@dataclass
class Report:
    """What many rounds came to.

    `kills` counts by step, `random` being kills at any moment; `settled` counts the settlements and
    visits among what was acknowledged.
    """

    rounds: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    acknowledged: int = 0
    settled: int = 0
    recorded: int = 0
    lost: int = 0
    doubled: int = 0
    violations: list[str] = field(default_factory=list)

    def add(self, faults: Iterator[str]) -> None:
        """Count faults by what they are, those that later looks find again once."""
        for fault in faults:
            if fault in self.violations:
                continue
            self.lost += isinstance(fault, Lost)
            self.doubled += isinstance(fault, Doubled)
            if len(self.violations) < _VIOLATIONS_KEPT_MAX:
                self.violations.append(fault)


def kill_rounds(
    store: Store,
    rules: Path,
    rounds: int,
    clients: int,
    seed: int,
    told: Callable[[Report], None] = lambda _: None,
) -> Report:
    """Return what became of so many rounds.

    Args:
        store: Where the ledgers are, and how to serve them.
        rules: Folder of rules that has the area of the workload.
        rounds: How many servers die.
        clients: How many ask at once.
        seed: Decides requests and deaths; which falls on which is decided by the machine.
        told: Called after each round.

    Raises:
        PolicyRejected: The rules have faults.
        OSError: A server does not start, or the rules lack the area.
    """
    # Clients draw in an order that the machine decides; deaths come as the seed says.
    requests, deaths = Random(f"{seed} requests"), Random(f"{seed} deaths")
    report = Report()
    deck: list[tuple[str, str]] = []
    book = rule_book(rules)
    with Servers() as servers, area_alone(rules) as alone:
        while report.rounds < rounds:
            count = min(_ROUNDS_PER_LEDGER, rounds - report.rounds)
            with store.ledger() as place:
                _Ledger(
                    store,
                    servers,
                    place,
                    alone,
                    book,
                    Crowd(requests, clients),
                    deaths,
                    report,
                    deck,
                ).go(count, told)
    return report


@contextmanager
def area_alone(rules: Path) -> Iterator[Path]:
    """Yield a folder of rules with the area of the workload only, which loads in no time."""
    with tempfile.TemporaryDirectory(prefix="medsettle-torture-") as folder:
        shutil.copytree(rules / AREA, Path(folder) / AREA)
        yield Path(folder)


@dataclass
class _Ledger:
    """One ledger through the lives of its servers."""

    store: Store
    servers: Servers
    place: Place
    rules: Path
    book: RuleBook
    crowd: Crowd
    rng: Random
    report: Report
    deck: list[tuple[str, str]]
    _checked_seq: int = 0

    def go(self, rounds: int, told: Callable[[Report], None]) -> None:
        """Kill so many servers, then let the last one finish, and check everything."""
        for _ in range(rounds):
            self._round()
            self.report.rounds += 1
            told(self.report)
        self._finish()
        known = self.crowd.known
        self.report.asked += sum(map(len, known.sent.values()))
        done = known.done.values()
        self.report.acknowledged += len(done)
        self.report.settled += sum(each.request.kind in {"settle", "visit"} for each in done)
        self.report.add(iter(known.violations))

    def _round(self) -> None:
        step, victim = self._death()
        most = _COMMITS_MAX if step in COMMIT_STEPS else _PROJECTIONS_MAX
        arguments = self.place.arguments(self.rules)
        with self.servers.serving(arguments, step, self.rng.randint(1, most)) as life:
            pool = self.crowd.ask(life.address, life.alive)
            if victim:
                time.sleep(self.rng.uniform(*_RANDOM_SECONDS))
                self.store.kill(victim)
            died = self._dies(life, step)
            self.crowd.hang_up()
            pool.shutdown()
        self.report.kills[victim or (step if died else "random")] += 1
        with self.store.as_left(self.place) as ledger:
            entries = entries_of(ledger)
            self.report.add(recorded_faults(ledger, entries, self.crowd.known))
            self._check_audit(ledger, entries)

    def _death(self) -> tuple[str, str]:
        """Return the step at which the server dies, if at one, and who is killed besides it.

        Deaths are drawn from a deck, so that all come in turn.
        """
        if not self.deck:
            self.deck += [(step, "") for step in STEPS] + [("", "")] * _RANDOM_IN_DECK
            self.deck += [("", victim) for victim in self.store.victims] * _VICTIMS_IN_DECK
            self.rng.shuffle(self.deck)
        return self.deck.pop()

    def _dies(self, life: Life, step: str) -> bool:
        """Return whether the server came to its step and died there; if not, it is killed."""
        if step:
            died = life.died(_STEP_SECONDS_MAX)
        else:
            time.sleep(self.rng.uniform(*_RANDOM_SECONDS))
            died = False
        life.kill()
        return died

    def _check_audit(self, ledger: LedgerReader, entries: list[Recorded]) -> None:
        """Hold what was projected since the last look to the ledger; nothing need be complete."""
        folder = self.place.audit
        try:
            head = verify(folder)
        except SettlementError as error:
            self.report.add(iter([f"the audit tables are damaged: {error}"]))
            return
        if head.last_seq > len(entries):
            said = f"the audit tables hold entry {head.last_seq}, the ledger ends at {len(entries)}"
            self.report.add(iter([said]))
            return
        self.report.add(segment_faults(folder, ledger, entries, self._checked_seq))
        self._checked_seq = head.last_seq

    def _finish(self) -> None:
        with self.servers.serving(self.place.arguments(self.rules)) as life:
            for request in self.crowd.finish(life.address, _FINISH_SECONDS_MAX):
                self.report.add(iter([f"{request} has no final answer of a healthy server"]))
            if (code := life.stop()) != 0:
                self.report.add(iter([f"a server that was asked to stop ended with {code}"]))
        with self.store.as_left(self.place) as ledger:
            entries = entries_of(ledger)
            self.report.recorded += len(entries)
            self.report.add(faults_of(self.book, ledger, entries, self.crowd.known))
            self.report.add(books_faults(ledger, self.place.audit))
            self.report.add(audit_faults(self.place.audit, ledger, entries))
