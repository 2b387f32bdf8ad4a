"""Random families on a real engine and ledger: no fen is made, lost, or spent twice.

The model keeps the four places a fen can be in by hand: accounts, limits, used, spent. What the
engine says is compared with it after every step.
"""

import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from medsettle import errors
from medsettle.books.identities import broken_identities
from medsettle.core.claims import ClaimBatch
from medsettle.core.relatives import Dissolution, InsuranceNotice
from medsettle.core.settlement import Opening, Settlement
from medsettle.engine import Engine

from tests.engine.engines import id_of
from tests.engine.relatives import (
    AREA,
    OWN_FIRST,
    RELATIVES_FIRST,
    account,
    family_engine,
    granted,
    lowered,
    person,
    visit,
)
from tests.service.claims import INSTITUTION
from tests.stores import using

_FAMILY = ("A", "B", "C", "D")
_PERSONS = st.sampled_from(_FAMILY)
_FEN = st.one_of(st.integers(1, 300), st.integers(1, 60_000))
_BILLS = st.tuples(
    _PERSONS,
    st.one_of(st.integers(1, 200_000), st.integers(1, 500_000)),
    st.sampled_from((OWN_FIRST, RELATIVES_FIRST)),
)

_Pair = tuple[str, str]


class FamilyMachine(RuleBasedStateMachine):
    """Four persons who give to, use, and leave one another."""

    store = "sqlite"

    @initialize()
    def open(self) -> None:
        """Start with an empty ledger."""
        self.stack = ExitStack()
        self.stack.enter_context(using(self.store))
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.engine: Engine = self.stack.enter_context(family_engine(self.folder))
        self.requests = 0
        self.put_in = 0
        self.accounts: Counter[str] = Counter()
        self.spent = 0
        # Of a receiver, in the order of binding: giver, limit, used, whether bound.
        self.relations: dict[str, list[list[int | str | bool]]] = {name: [] for name in _FAMILY}
        self.bills: list[Settlement] = []
        self.cancelled: set[str] = set()
        self.ended: set[str] = set()

    def teardown(self) -> None:
        """Let go of the file."""
        self.stack.close()

    def _request(self) -> str:
        self.requests += 1
        return f"Q{self.requests}"

    def _bound(self, giver: str, receiver: str) -> list[int | str | bool] | None:
        found = [each for each in self.relations[receiver] if each[0] == giver and each[3]]
        assert len(found) <= 1
        return found[0] if found else None

    @rule(who=_PERSONS, fen=st.integers(1, 100_000))
    def credit(self, who: str, fen: int) -> None:
        """Put money into an account."""
        self.engine.open_person(Opening(INSTITUTION, self._request(), AREA, who, fen))
        self.accounts[who] += fen
        self.put_in += fen

    @rule(giver=_PERSONS, receiver=_PERSONS, fen=_FEN)
    def grant(self, giver: str, receiver: str, fen: int) -> None:
        """Set money aside, also more than there is and for oneself."""
        try:
            granted(self.engine, giver, receiver, fen, self._request())
        except errors.InvalidRequest:
            assert giver == receiver
        except errors.NotInsured:
            assert {giver, receiver} & self.ended
        except errors.BalanceTooLow:
            assert self.accounts[giver] < fen
        else:
            assert giver != receiver
            assert not {giver, receiver} & self.ended
            relation = self._bound(giver, receiver)
            if relation is None:
                relation = [giver, 0, 0, True]
                self.relations[receiver].append(relation)
            relation[1] += fen  # type: ignore[operator]
            self.accounts[giver] -= fen

    @rule(giver=_PERSONS, receiver=_PERSONS, fen=_FEN)
    def lower(self, giver: str, receiver: str, fen: int) -> None:
        """Take a part of a limit back, also one that is used or of nobody."""
        relation = self._bound(giver, receiver) if giver != receiver else None
        try:
            lowered(self.engine, giver, receiver, fen, self._request())
        except errors.InvalidRequest:
            assert giver == receiver
        except errors.NotFound:
            assert relation is None
        except errors.BalanceTooLow:
            assert relation is not None
            assert relation[1] < fen  # type: ignore[operator]
        else:
            assert relation is not None
            relation[1] -= fen  # type: ignore[operator]
            self.accounts[giver] += fen

    @rule(giver=_PERSONS, receiver=_PERSONS, by=st.sampled_from(("giver", "receiver")))
    def dissolve(self, giver: str, receiver: str, by: str) -> None:
        """End a relation that may or may not be there."""
        relation = self._bound(giver, receiver) if giver != receiver else None
        sides = person(giver), person(receiver)
        end = Dissolution(INSTITUTION, self._request(), *sides, by)  # type: ignore[arg-type]
        try:
            self.engine.relatives.dissolve(end)
        except (errors.InvalidRequest, errors.NotFound):
            assert relation is None
        else:
            assert relation is not None
            self._end(giver, relation)

    @rule(who=_PERSONS)
    def end_insurance(self, who: str) -> None:
        """End all that somebody gives and receives."""
        notice = InsuranceNotice(INSTITUTION, self._request(), person(who))
        self.engine.relatives.end_insurance(notice)
        self.ended.add(who)
        for receiver, relations in self.relations.items():
            for relation in relations:
                if relation[3] and who in (receiver, relation[0]):
                    self._end(str(relation[0]), relation)

    @rule(who=_PERSONS)
    def begin_insurance(self, who: str) -> None:
        """Let somebody give and receive again; no relation comes back."""
        notice = InsuranceNotice(INSTITUTION, self._request(), person(who))
        assert self.engine.relatives.begin_insurance(notice).insured
        self.ended.discard(who)

    def _end(self, giver: str, relation: list[int | str | bool]) -> None:
        self.accounts[giver] += int(relation[1])
        relation[1], relation[3] = 0, False

    @rule(bills=st.lists(_BILLS, min_size=1, max_size=5))
    def settle(self, bills: list[tuple[str, int, str]]) -> None:
        """Settle a batch; the model pays from the limits in the order of binding."""
        rows = []
        for who, fen, visit_type in bills:
            self.requests += 1
            rows.append(visit(self.requests, who, fen, visit_type))
        answers = self.engine.settle(ClaimBatch.from_rows(rows))
        for (who, fen, visit_type), answer in zip(bills, answers, strict=True):
            assert isinstance(answer, Settlement), answer
            left = fen - answer.fen("pooled_fund_fen")
            own, aid = self._pays(who, left, relatives_first=visit_type == RELATIVES_FIRST)
            assert (own, sum(fen for _, fen in aid)) == (
                answer.fen("account_fen"),
                answer.fen("mutual_aid_fen"),
            )
            assert aid == [(row["relation"], row["paid_fen"]) for row in answer.relatives]
            self.bills.append(answer)

    def _pays(
        self, who: str, left: int, *, relatives_first: bool
    ) -> tuple[int, list[tuple[int, int]]]:
        """Return what the account and each relative pay, and take it from the model."""
        own = 0
        aid = []
        for payer in ("relatives", "account") if relatives_first else ("account", "relatives"):
            if payer == "account":
                own = min(left, self.accounts[who])
                self.accounts[who] -= own
                self.spent += own
                left -= own
                continue
            for number, relation in enumerate(self.relations[who], 1):
                paid = min(left, int(relation[1]))
                if paid:
                    relation[1], relation[2] = int(relation[1]) - paid, int(relation[2]) + paid
                    aid.append((number, paid))
                    left -= paid
        return own, aid

    @rule(position=st.integers(0, 60))
    def cancel(self, position: int) -> None:
        """Take a bill back: each fen goes where it came from, or to who has left."""
        if not self.bills:
            return
        bill = self.bills[position % len(self.bills)]
        who = str(bill.columns["person"])
        try:
            answer = self.engine.cancel(INSTITUTION, self._request(), id_of(bill))
        except errors.AlreadyCancelled:
            assert id_of(bill) in self.cancelled
            return
        assert id_of(bill) not in self.cancelled
        self.cancelled.add(id_of(bill))
        self.accounts[who] += bill.fen("account_fen")
        self.spent -= bill.fen("account_fen")
        for row in bill.relatives:
            relation = self.relations[who][int(str(row["relation"])) - 1]
            paid = int(str(row["paid_fen"]))
            relation[2] = int(relation[2]) - paid
            if relation[3]:
                relation[1] = int(relation[1]) + paid
            else:
                self.accounts[str(relation[0])] += paid
        assert self.accounts[who] == answer.fen("account_balance_fen")
        assert [] == broken_identities(answer)

    @rule(position=st.integers(0, 60))
    def settle_and_cancel(self, position: int) -> None:
        """A bill that is taken back at once leaves everything exactly as it was."""
        before = self._state()
        who = _FAMILY[position % len(_FAMILY)]
        self.requests += 1
        (bill,) = self.engine.settle(ClaimBatch.from_rows([visit(self.requests, who, 70_000)]))
        assert isinstance(bill, Settlement)
        self.engine.cancel(INSTITUTION, self._request(), id_of(bill))
        assert before == self._state()

    @rule()
    def reopen(self) -> None:
        """Close and open, as a restart does."""
        self.engine.ledger.close()
        self.engine = self.stack.enter_context(family_engine(self.folder))

    def _state(self) -> dict[str, object]:
        return {
            name: (account(self.engine, name), self.engine.relatives.relations(person(name)))
            for name in _FAMILY
        }

    @invariant()
    def is_as_the_model_says(self) -> None:
        """Every account and every relation holds what was worked out by hand."""
        for name in _FAMILY:
            assert self.accounts[name] == account(self.engine, name)
            received = [
                [each.relation.giver.person, each.limit_fen, each.used_fen, each.bound]
                for each in self.engine.relatives.relations(person(name))
                if each.relation.receiver == person(name)
            ]
            assert self.relations[name] == received

    @invariant()
    def money_is_conserved(self) -> None:
        """Accounts, limits, what limits paid and what accounts paid are what was put in."""
        held = sum(account(self.engine, name) for name in _FAMILY)
        limits = used = 0
        for name in _FAMILY:
            for each in self.engine.relatives.relations(person(name)):
                if each.relation.receiver == person(name):
                    assert min(each.limit_fen, each.used_fen) >= 0
                    limits += each.limit_fen
                    used += each.used_fen
        assert self.put_in == held + limits + used + self.spent
        assert self.engine.ledger.verify() is None  # type: ignore[attr-defined]


class PostgresFamilyMachine(FamilyMachine):
    """The same with a ledger in PostgreSQL."""

    store = "postgres"


FamilyMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=30)
PostgresFamilyMachine.TestCase.settings = settings(max_examples=6, stateful_step_count=20)
test_family_machine = pytest.mark.slow(FamilyMachine.TestCase)
test_postgres_family_machine = pytest.mark.slow(PostgresFamilyMachine.TestCase)
