"""Whatever messages get lost, come late or twice, and whoever dies: three books agree."""

import asyncio
import tempfile
from pathlib import Path
from random import Random

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from medsettle import errors
from medsettle.books.conservation import discrepancies
from medsettle.books.trial_balance import trial_balance
from medsettle.core.settlement import Settlement
from medsettle.ledger.entries import Recorded
from medsettle.ledger.records import decode_settlement
from medsettle.peers.asking import SETTLING
from medsettle.torture.memory_ledger import MemoryLedger, MemoryStore
from medsettle.torture.provinces_model import HomeModel
from medsettle.torture.provinces_servers import NAMES, book_of_both
from medsettle.torture.provinces_workload import AREAS, ProvincesWorkload, persons_of
from medsettle.torture.requests import Answer, Kind, Request

from tests.peers.provinces import PROVINCES
from tests.peers.simulated import Provinces, provinces
from tests.peers.simulated_loop import drawn_fates

_KINDS: tuple[Kind, ...] = ("settle", "cancel", "reverse", "visit", "visit_cancel", "opening")
_SEEDS = st.integers(0, 2**32)
_BOTH = book_of_both(PROVINCES)


class ProvincesMachine(RuleBasedStateMachine):
    """Tills of two areas, and a network and processes that fail them.

    Answers are looked at when they come. The books are compared at the end, once everything that
    was on its way has arrived and no case is open.
    """

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.stores = {name: MemoryStore() for name in NAMES}
        self._world = provinces(
            Path(self._folder.name), lambda name: MemoryLedger(self.stores[name])
        )
        self.world: Provinces = self._world.__enter__()
        self.rng = Random(0)
        self.workload = ProvincesWorkload(self.rng)
        self.sent: dict[tuple[str, str], list[Request]] = {}
        self.asking: list[tuple[Request, asyncio.Task[Answer]]] = []
        self.answers: dict[tuple[str, str], dict[str, Answer]] = {}
        self.settling: set[str] = set()
        self.forgot = False

    @initialize(seed=_SEEDS)
    def bring_along(self, seed: int) -> None:
        """Record what persons have before anybody comes."""
        self.rng.seed(seed)
        for request in self.workload.beginning():
            self.sent[request.key] = [request]
            assert self.world.asked(request).done

    @rule(seed=_SEEDS, kind=st.sampled_from(_KINDS), faulty=st.booleans())
    def ask(self, seed: int, kind: Kind, faulty: bool) -> None:
        """Ask for something new; it may be under way for a while."""
        self.rng.seed(seed)
        request = self.workload.request(kind)
        self._fail(seed, faulty)
        self._begin(request)

    @rule(seed=_SEEDS, faulty=st.booleans())
    def ask_again(self, seed: int, faulty: bool) -> None:
        """Send a request of before again."""
        if self.sent:
            self._fail(seed, faulty)
            self._begin(Random(seed).choice(Random(seed).choice([*self.sent.values()][-8:])))

    @precondition(lambda self: not self.forgot)
    @rule(seed=_SEEDS, faulty=st.booleans())
    def use_an_id_for_something_else(self, seed: int, faulty: bool) -> None:
        """Send other content under an id of before: at most one of the two is ever done.

        A list of cases that was lost has the ids with it by which such a thing is known.
        """
        if not self.sent:
            return
        self.rng.seed(seed)
        used = self.rng.choice([*self.sent.values()][-4:])[0]
        other = self.workload.request(self.rng.choice(("settle", "cancel")))
        if other.institution != used.institution or used.kind == "reverse":
            return
        content = other.content
        if isinstance(content, dict):
            content = content | {"request_id": used.request_id}
        other = Request(other.kind, used.institution, used.request_id, content)
        self._fail(seed, faulty)
        self._begin(other)

    @rule(seconds=st.sampled_from((0.05, 0.5, 5.0, 20.0, 60.0)), seed=_SEEDS, faulty=st.booleans())
    def wait(self, seconds: float, seed: int, faulty: bool) -> None:
        """Let time pass; open cases are tried, and fail too."""
        self._fail(seed, faulty)
        self.world.wait(seconds)
        self._hear()

    @rule(name=st.sampled_from(NAMES), forgets=st.booleans())
    def die(self, name: str, forgets: bool) -> None:
        """Let an engine die in the middle of everything; its list of cases may be lost.

        Not one with a cancel under way, whose id could then be reversed as if it had never been
        sent: that is opened synced, so only a file that is destroyed loses it.
        """
        open_ = self.world.nodes[name].cases.unknowns()
        forgets &= all(each.method in SETTLING for each in open_)
        self.world.die(name, forgets=forgets)
        self.forgot |= forgets
        self._hear()

    def _fail(self, seed: int, faulty: bool) -> None:
        if faulty:
            self.world.fates.extend(drawn_fates(Random(seed), 6))

    def _begin(self, request: Request) -> None:
        sent = self.sent.setdefault(request.key, [])
        if request not in sent:
            sent.append(request)
        if request.kind in {"settle", "visit"}:
            self.settling.add(repr(request))
        self.asking.append((request, self.world.ask(request)))
        self.world.spin()
        self._hear()

    def _hear(self) -> None:
        """Look at the answers that have come."""
        for request, task in self.asking:
            if not task.done() or task.cancelled():
                continue
            answer = task.result()
            assert answer.reason != errors.InternalError.reason, answer.message
            if not answer.final:
                continue
            self._same(request, answer)
            self.workload.heard(request, answer)
        self.asking = [each for each in self.asking if not each[1].done()]

    def _same(self, request: Request, answer: Answer) -> None:
        """An id has one answer for good, and is done for one content alone."""
        if answer.reason == errors.RequestIdReused.reason or request.kind == "reverse":
            return
        contents = self.answers.setdefault(request.key, {})
        before = contents.setdefault(repr(request), answer)
        assert before.facts() == answer.facts(), (request, before, answer)
        assert sum(each.done for each in contents.values()) <= 1, contents

    def teardown(self) -> None:
        """Heal everything and compare the books."""
        try:
            self._compare()
        finally:
            self._world.__exit__(None, None, None)
            self._folder.cleanup()

    def _compare(self) -> None:
        self.world.heal()
        self._hear()
        assert [] == self.world.open_cases()
        assert [] == self.world.faults()
        for area in AREAS:
            model = HomeModel(_BOTH, area)
            assert [] == [
                *model.follow(self.world.entries(area), self._sent_to(self.world.entries(area)))
            ]
            engine = self.world.nodes[area].engine
            for person in persons_of(area):
                found, due = engine.person(area, person), model.person(person)
                assert (due.account_fen, set(due.counters)) == (
                    found.account_fen,
                    set(found.counters),
                )
        for name in NAMES:
            ledger = MemoryLedger(self.stores[name])
            assert [] == [str(each) for each in discrepancies(ledger)]
            rows = trial_balance(ledger, "area").rows()
            assert 0 == sum(row.debit_fen - row.credit_fen for row in rows)
        self._acknowledged()

    def _sent_to(self, entries: list[Recorded]) -> dict[tuple[str, str], Request]:
        """Return what was asked by the ids of some entries; of two contents the one recorded."""
        found = {}
        for entry in entries:
            for request in self.sent.get((entry.institution, entry.request_id), ()):
                if request.kind == entry.kind and (
                    entry.kind != "settle" or _is_of(request, decode_settlement(entry))
                ):
                    found[request.key] = request
        return found

    def _acknowledged(self) -> None:
        """What a till was told to be settled is in the book of its area, and nothing refused is."""
        areas, _ = self.world.books()
        held = {area: {each.key for each in book.held.values()} for area, book in areas.items()}
        standing = {
            area: {each.key for each in book.held.values() if book.stands(each.record)}
            for area, book in areas.items()
        }
        for (institution, request_id), contents in self.answers.items():
            area, key = institution[1:7], (institution, request_id)
            if not self.settling.issuperset(contents):
                continue
            if any(each.done for each in contents.values()):
                assert key in held[area], contents
            elif len(contents) == len(self.sent[key]):
                assert key not in standing[area], contents


def _is_of(request: Request, settlement: Settlement) -> bool:
    assert isinstance(request.content, dict)
    lines = request.content["lines"]
    assert isinstance(lines, list)
    total = sum(line["amount_fen"] for line in lines)
    return (request.content["person"], total) == (
        settlement.columns["person"],
        settlement.fen("total_fen"),
    )


TestProvinces = ProvincesMachine.TestCase
TestProvinces.settings = settings(
    max_examples=15, stateful_step_count=25, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
