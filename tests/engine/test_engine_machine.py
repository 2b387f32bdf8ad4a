"""Random histories of an engine with a real ledger, against sums over its own answers."""

import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from medsettle import errors
from medsettle.books.identities import broken_identities
from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.settlement import Opening, Settlement
from medsettle.engine import Engine

from tests.engine.engines import engine_on, id_of
from tests.service.claims import AREA, INSTITUTION, claim
from tests.stores import using

_PEOPLE = ("P1", "P2")


@st.composite
def _claims(draw: st.DrawFn) -> dict[str, Any]:
    """Return a claim of two people, few request ids and few numbers, so that they meet again."""
    number = draw(st.integers(1, 40))
    settlement_number = draw(st.none() | st.integers(1, 20).map(lambda n: f"N{n}"))
    # Every tenth or so has no policy or a class that is not covered.
    visit = draw(st.sampled_from(["11"] * 5 + ["21"] * 4 + ["99"]))
    level = draw(st.sampled_from(["03"] * 9 + ["04"]))
    amount = draw(st.sampled_from([0, 1, 9_999, 10_000, 50_000, 700_000, 2_100_000]))
    return claim(number, amount) | {
        "person": draw(st.sampled_from(_PEOPLE)),
        "visit_type": visit,
        "institution_level": level,
        "institution_settlement": settlement_number,
        "account_used": draw(st.booleans()),
    }


class EngineMachine(RuleBasedStateMachine):
    """An engine beside everything that it has answered."""

    store = "sqlite"

    @initialize()
    def open(self) -> None:
        """Start with an empty ledger."""
        self.stack = ExitStack()
        self.stack.enter_context(using(self.store))
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.engine: Engine = self.stack.enter_context(engine_on(self.folder))
        self.records: list[Settlement] = []
        self.claims: dict[str, dict[str, Any]] = {}
        self.opened: Counter[str] = Counter()
        self.openings = 0
        self.cancels = 0

    def teardown(self) -> None:
        """Let go of the file."""
        self.stack.close()

    @rule(rows=st.lists(_claims(), min_size=1, max_size=6))
    def settle(self, rows: list[dict[str, Any]]) -> None:
        """Send a batch; ids and numbers may be used, classes missing, the limit passed."""
        for row, answer in zip(rows, self.engine.settle(ClaimBatch.from_rows(rows)), strict=True):
            known = self.claims.get(row["request_id"])
            if isinstance(answer, Rejection):
                reused = answer.outcome is Outcome.REQUEST_ID_REUSED
                assert reused == (known is not None and known != row)
                if answer.outcome.recorded:
                    assert answer.duplicate == (known is not None)
                    self.claims[row["request_id"]] = row
            elif answer.duplicate:
                assert known == row
            else:
                assert known is None
                self.claims[row["request_id"]] = row
                self.records.append(answer)

    @rule(position=st.integers(0, 60), used=st.booleans())
    def cancel(self, position: int, used: bool) -> None:
        """Cancel some record: open settlements are taken back, all others are refused."""
        if not self.records:
            return
        target = self.records[position % len(self.records)]
        cancelled = id_of(target) in {str(each.columns["original"]) for each in self.records}
        self.cancels += 1
        request = "R1" if used and "R1" in self.claims else f"X{self.cancels}"
        try:
            answer = self.engine.cancel(INSTITUTION, request, id_of(target))
        except errors.RequestIdReused:
            assert request == "R1"
        except errors.NotFound:
            assert target.columns["kind"] == "cancel"
        except errors.AlreadyCancelled:
            assert cancelled
        else:
            assert ("settle", False) == (target.columns["kind"], cancelled)
            self.records.append(answer)

    @rule(position=st.integers(0, 60))
    def repeat(self, position: int) -> None:
        """Send any recorded request again: the recorded answer comes back as a duplicate."""
        if not self.records:
            return
        held = self.records[position % len(self.records)]
        request = str(held.columns["request_id"])
        if held.columns["kind"] == "cancel":
            again = self.engine.cancel(INSTITUTION, request, str(held.columns["original"]))
        else:
            (answer,) = self.engine.settle(ClaimBatch.from_rows([self.claims[request]]))
            assert isinstance(answer, Settlement)
            again = answer
        cancelled = id_of(held) in {str(each.columns["original"]) for each in self.records}
        assert replace(held, duplicate=True) == replace(again, notices=())
        assert cancelled == bool(again.notices)

    @rule(person=st.sampled_from(_PEOPLE), fen=st.integers(0, 30_000))
    def open_account(self, person: str, fen: int) -> None:
        """Add to an account."""
        self.openings += 1
        self.opened[person] += fen
        opening = Opening(INSTITUTION, f"O{self.openings}", AREA, person, fen, ())
        self.engine.open_person(opening)

    @rule()
    def reopen(self) -> None:
        """Close and open, as a restart does."""
        self.engine.ledger.close()
        self.engine = self.stack.enter_context(engine_on(self.folder))

    @invariant()
    def adds_up(self) -> None:
        """Every counter is the sum over the answers, and no balance is below zero."""
        for person in _PEOPLE:
            state = self.engine.person(AREA, person)
            held = {f"{name} {period}": value for name, period, value in state.counters if value}
            assert self._expected(person) == held | {"account": state.account_fen}
            assert 0 <= min([state.account_fen, *held.values()])

    @invariant()
    def is_recorded(self) -> None:
        """The ledger holds every answer once, in order, and each obeys the identities."""
        assert self.records == self.engine.page(limit=1_000)
        assert self.engine.ledger.verify() is None  # type: ignore[attr-defined]
        assert [] == [fault for each in self.records for fault in broken_identities(each)]

    def _expected(self, person: str) -> dict[str, int]:
        sums: Counter[str] = Counter()
        spent = 0
        for each in self.records:
            if each.columns["person"] != person:
                continue
            spent += each.fen("account_fen")
            if each.columns["visit_type"] == "11":
                sums["310.deductible_met 2024"] += each.fen("deductible_fen")
                sums["310.fund_paid 2024"] += each.fen("pooled_fund_fen")
            else:
                sums["310.admissions 2024"] += 1 if each.columns["kind"] == "settle" else -1
                scope = each.amounts["pooled_fund.deductible"] + each.amounts["pooled_fund.net"]
                sums["310.scope_inside 2024"] += scope
        counters = {name: value for name, value in sums.items() if value}
        return counters | {"account": self.opened[person] - spent}


class PostgresEngineMachine(EngineMachine):
    """The same with a ledger in PostgreSQL."""

    store = "postgres"


EngineMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=20)
PostgresEngineMachine.TestCase.settings = settings(max_examples=8, stateful_step_count=20)
test_engine_machine = pytest.mark.slow(EngineMachine.TestCase)
test_postgres_engine_machine = pytest.mark.slow(PostgresEngineMachine.TestCase)
