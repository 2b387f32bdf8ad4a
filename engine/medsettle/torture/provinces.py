"""Two areas and a hub as real processes, one of them or a link failing in each round.

A round is a number of requests at both areas, with one fault among them: a process is killed, dies
before or after a commit, or stands still; or a link refuses, holds or cuts what passes. Then
everything is healed, every till asks until it has its answer, and the engines resolve between them
what was left open, without anybody's help. After that the three books must agree, and each place of
insurance must hold what one engine alone makes of what it recorded.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from medsettle.client import Client
from medsettle.ledger.entries import Recorded
from medsettle.ledger.opening import open_reader
from medsettle.policy.rule_book import RuleBook
from medsettle.torture.acknowledged import Doubled, Lost
from medsettle.torture.checking import entries_of, recorded_faults
from medsettle.torture.named_steps import COMMIT_STEPS
from medsettle.torture.network_proxy import Fault, Trigger
from medsettle.torture.provinces_books import Book, book_faults
from medsettle.torture.provinces_crowd import ProvincesCrowd, acknowledged_settlements
from medsettle.torture.provinces_model import HomeModel
from medsettle.torture.provinces_servers import HUB, NAMES, Provinces, book_of_both, provinces
from medsettle.torture.provinces_workload import AREAS, persons_of

_ROUNDS_PER_LEDGER: Final = 20
_REQUESTS_PER_ROUND: Final = 40
_TILLS: Final = 4
_STRIKE_SECONDS: Final = (0.0, 0.4)
_HELD_SECONDS: Final = (0.2, 1.5)
_TRIGGER_SECONDS_MAX: Final = 5.0
_STEP_SECONDS_MAX: Final = 5.0
_COMMITS_MAX: Final = 8
_TRIGGER_BYTES: Final = (1, 40_000)
_FINISH_SECONDS_MAX: Final = 90.0
_RESOLVED_SECONDS_MAX: Final = 90.0
_AGREED_SECONDS_MAX: Final = 10.0
_POLL_SECONDS: Final = 0.5
_COMMAND_SECONDS_MAX: Final = 60.0
_VIOLATIONS_KEPT_MAX: Final = 100
_LINK_FAULTS: Final[tuple[Fault, ...]] = ("drop", "stall", "cut")


@dataclass
class ProvincesReport:
    """What many rounds came to.

    `faults` counts rounds by what failed; `settled` counts acknowledged settlements and visits,
    `elsewhere` those of them that another area decided; `recorded` the entries of all three books.
    `seconds_open_max` is the longest that it took after healing until no case was open.
    """

    rounds: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    acknowledged: int = 0
    settled: int = 0
    elsewhere: int = 0
    recorded: int = 0
    lost: int = 0
    doubled: int = 0
    unresolved: int = 0
    seconds_open_max: float = 0.0
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


def province_rounds(
    rules: Path,
    rounds: int,
    seed: int,
    told: Callable[[ProvincesReport], None] = lambda _: None,
) -> ProvincesReport:
    """Return what became of so many rounds.

    Args:
        rules: A folder below which the rules of the two areas lie.
        rounds: How many faults strike.
        seed: Decides requests and faults; which falls on which is decided by the machine.
        told: Called after each round.

    Raises:
        PolicyRejected: The rules have faults.
        OSError: A server does not start, or the rules lack an area.
    """
    requests, faults = Random(f"{seed} requests"), Random(f"{seed} faults")
    report, deck = ProvincesReport(), Deck(faults)
    book = book_of_both(rules)
    while report.rounds < rounds:
        count = min(_ROUNDS_PER_LEDGER, rounds - report.rounds)
        with provinces(rules) as processes:
            _Ledgers(processes, book, requests, deck, report).go(count, told)
    return report


@dataclass(frozen=True, slots=True)
class Struck:
    """One fault: of what kind, whom it strikes, when, and how long it lasts.

    `after` is a number of answers for processes, of commits for those that die at one, and a
    trigger for links; None for a moment that is drawn.
    """

    kind: str
    whom: str
    after: int | Trigger | None
    moment: float
    seconds: float

    def __str__(self) -> str:
        return f"{self.kind} {self.whom}"


@dataclass
class Deck:
    """Deals faults so that all come in turn: each of each, once at a moment and once at a count.

    Deaths at a commit come once each; between them they are every step of a settlement and a cancel
    that a process can die at and leave something behind.
    """

    rng: Random
    _cards: list[tuple[str, str, bool]] = field(default_factory=list)

    def deal(self) -> Struck:
        """Return the next fault."""
        if not self._cards:
            whole = [(kind, name) for kind in ("kill", "freeze") for name in NAMES]
            whole += [(fault, area) for fault in _LINK_FAULTS for area in AREAS]
            self._cards = [(*each, counted) for each in whole for counted in (False, True)]
            self._cards += [(step, name, True) for step in COMMIT_STEPS for name in NAMES]
            self.rng.shuffle(self._cards)
        kind, whom, counted = self._cards.pop()
        after: int | Trigger | None = None
        if counted and kind in _LINK_FAULTS:
            way = self.rng.choice(("out", "back"))
            after = Trigger("out" if way == "out" else "back", bytes=self._drawn(_TRIGGER_BYTES))
        elif counted:
            most = _COMMITS_MAX if kind in COMMIT_STEPS else _REQUESTS_PER_ROUND // 2
            after = self.rng.randint(1, most)
        return Struck(
            kind,
            whom,
            after,
            self.rng.uniform(*_STRIKE_SECONDS),
            self.rng.uniform(*_HELD_SECONDS),
        )

    def _drawn(self, bounds: tuple[int, int]) -> int:
        # Small numbers as often as large ones: the first bytes of a call are not its last ones.
        most = self.rng.randint(*bounds)
        return self.rng.randint(bounds[0], most)


class _Ledgers:
    """Three ledgers through many rounds."""

    def __init__(
        self,
        processes: Provinces,
        book: RuleBook,
        requests: Random,
        deck: Deck,
        report: ProvincesReport,
    ) -> None:
        self._provinces = processes
        self._deck = deck
        self._report = report
        addresses = {area: processes.processes[area].address for area in AREAS}
        self._crowd = ProvincesCrowd(requests, addresses, _TILLS)
        self._models = {area: HomeModel(book, area) for area in AREAS}
        self._followed = dict.fromkeys(AREAS, 0)

    def go(self, rounds: int, told: Callable[[ProvincesReport], None]) -> None:
        """Let so many faults strike, each healed and checked; then end all three in order."""
        self._crowd.begin()
        for _ in range(rounds):
            self._round(self._deck.deal())
            self._report.rounds += 1
            told(self._report)
        self._finish()

    def _round(self, fault: Struck) -> None:
        self._report.faults[str(fault)] += 1
        with self._crowd.asking(_REQUESTS_PER_ROUND) as round_:
            self._strike(fault)
            healed = time.monotonic()
            for request in round_.finish(_FINISH_SECONDS_MAX):
                said = f"{request} has no final answer although all is healed after {fault}"
                self._report.add(iter([said]))
        self._wait_until_closed(healed, fault)
        self._check()

    def _strike(self, fault: Struck) -> None:
        """Let a fault come and go."""
        if isinstance(fault.after, int) and fault.kind not in COMMIT_STEPS:
            self._crowd.wait_for(self._crowd.answered + fault.after, _TRIGGER_SECONDS_MAX)
        else:
            time.sleep(fault.moment)
        if fault.kind in _LINK_FAULTS:
            self._strike_link(fault)
            return
        process = self._provinces.processes[fault.whom]
        if fault.kind in COMMIT_STEPS:
            assert isinstance(fault.after, int), "a death at a commit has its count"
            process.kill()
            process.start(fault.kind, fault.after)
            process.life.died(_STEP_SECONDS_MAX)
            process.kill()
            time.sleep(fault.seconds)
            process.start()
        elif fault.kind == "kill":
            process.kill()
            time.sleep(fault.seconds)
            process.start()
        else:
            process.life.freeze()
            time.sleep(fault.seconds)
            process.life.thaw()

    def _strike_link(self, fault: Struck) -> None:
        (kind,) = (each for each in _LINK_FAULTS if each == fault.kind)
        trigger = fault.after if isinstance(fault.after, Trigger) else None
        ways = self._provinces.links[fault.whom].ways
        for way in ways:
            way.strike(kind, trigger)
        if trigger is not None:
            # Whichever way comes to its count first takes the other one with it.
            end = time.monotonic() + _TRIGGER_SECONDS_MAX
            while time.monotonic() < end and not any(way.struck(0.02) for way in ways):
                pass
            for way in ways:
                way.strike(kind)
        time.sleep(fault.seconds)
        self._provinces.heal()

    def _wait_until_closed(self, healed: float, fault: Struck) -> None:
        end = time.monotonic() + _RESOLVED_SECONDS_MAX
        while cases := [case for name in NAMES for case in self._open_cases(name)]:
            if time.monotonic() > end:
                self._report.unresolved += len(cases)
                said = f"{len(cases)} cases are open long after {fault}, first {cases[0]}"
                self._report.add(iter([said]))
                return
            time.sleep(_POLL_SECONDS)
        seconds = time.monotonic() - healed
        self._report.seconds_open_max = max(self._report.seconds_open_max, seconds)

    def _open_cases(self, name: str) -> list[object]:
        code, said = _command("peers", "cases", "--data", str(self._data(name)), "--json")
        if code != 0:
            return [f"peers cases of {name} ended with {code}: {said}"]
        cases: list[object] = json.loads(said)
        return cases

    def _data(self, name: str) -> Path:
        return self._provinces.processes[name].data

    def _entries(self, name: str) -> list[Recorded]:
        with open_reader(self._provinces.processes[name].ledger) as reader:
            return entries_of(reader)

    def _agreed(self) -> dict[str, list[Recorded]]:
        """Return the entries of the three ledgers once they agree, or as they are after a while.

        A case opens a moment after the entry that it follows from: no case open does not mean that
        none is about to be.
        """
        end = time.monotonic() + _AGREED_SECONDS_MAX
        while True:
            entries = {name: self._entries(name) for name in NAMES}
            areas = {area: Book.of(entries[area]) for area in AREAS}
            faults = [*book_faults(areas, Book.of(entries[HUB]))]
            if not faults or time.monotonic() > end:
                self._report.add(iter(faults))
                return entries
            time.sleep(_POLL_SECONDS)

    def _check(self) -> None:
        entries = self._agreed()
        sent = self._crowd.sent
        for area in AREAS:
            known = self._crowd.known[area]
            with open_reader(self._provinces.processes[area].ledger) as reader:
                self._report.add(recorded_faults(reader, entries[area], known))
            model, after = self._models[area], self._followed[area]
            self._report.add(model.follow(entries[area][after:], sent))
            self._followed[area] = len(entries[area])
            self._report.add(self._person_faults(area))

    def _person_faults(self, area: str) -> Iterator[str]:
        """Yield every account and counter that its engine tells otherwise than the model."""
        with Client(self._provinces.processes[area].address) as client:
            for person in persons_of(area):
                found, due = client.person(area, person), self._models[area].person(person)
                if (found.account_fen, set(found.counters)) != (due.account_fen, set(due.counters)):
                    yield f"{person} has {found} at {area}, and {due} by one engine alone"

    def _finish(self) -> None:
        report, known = self._report, self._crowd.known.values()
        for name in NAMES:
            if (code := self._provinces.processes[name].stop()) != 0:
                report.add(iter([f"{name} was asked to stop and ended with {code}"]))
            code, said = _command("ledger", "verify", str(self._data(name)), "--json")
            if code != 0:
                report.add(iter([f"ledger verify of {name} ended with {code}: {said}"]))
            report.recorded += len(self._entries(name))
        report.asked += sum(len(one.sent) for one in known)
        report.acknowledged += sum(len(one.done) for one in known)
        settled, elsewhere = acknowledged_settlements(known)
        report.settled += settled
        report.elsewhere += elsewhere
        for one in known:
            report.add(iter(one.violations))


def _command(*words: str) -> tuple[int, str]:
    """Return how a command of medsettle ended, and what it said."""
    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "medsettle.cli", *words],
        capture_output=True,
        text=True,
        timeout=_COMMAND_SECONDS_MAX,
        check=False,
    )
    return ran.returncode, ran.stdout.strip() or ran.stderr.strip()
