"""Random lives of cards on a real engine and ledger, against a model of a few lines."""

import tempfile
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from medsettle import errors
from medsettle.core.cards import CardAction, CardState
from medsettle.core.outcome import Outcome

from tests.cards.desks import ISSUE, Clock, Counter, at, engine_on
from tests.engine.engines import outcomes, settle
from tests.service.claims import AREA, claim

_CARDS = ("C1", "C2")
# What a card in a state answers to a claim without the account, written by hand.
_ANSWERS = {
    "sealed": Outcome.CARD_NOT_ACTIVATED,
    "active": Outcome.SETTLED,
    "locked": Outcome.SETTLED,
    "temporarily_lost": Outcome.CARD_LOST,
    "formally_lost": Outcome.CARD_LOST,
    "expired": Outcome.CARD_EXPIRED,
    "replaced": Outcome.CARD_REPLACED,
    "cancelled": Outcome.CARD_CANCELLED,
    None: Outcome.CARD_UNKNOWN,
}
_ALIVE = {"sealed", "active", "locked"}
_LOST = {"temporarily_lost", "formally_lost"}


class _Model:
    """One card: its state, what it was before a loss, and the moments at which time moves it."""

    def __init__(self) -> None:
        self.state: str | None = None
        self.before = ""
        self.bank = False
        self.lapses = self.expires = at(1, 1, year=2090)

    def pass_time(self, now: datetime) -> None:
        """Let the loss lapse and the card expire."""
        if self.state == "temporarily_lost" and self.lapses <= now:
            self.state = self.before
        if self.state in {*_ALIVE, *_LOST} and self.expires <= now:
            self.state = "expired"

    def does(self, action: str) -> bool:
        """Make of the card what an action makes of it; return whether it is possible."""
        state = self.state
        new: str | None = None
        if action == "activate" and state == "sealed":
            new = "active"
        elif action == "activate_bank" and state in {"sealed", "active"} and not self.bank:
            new, self.bank = state, True
        elif (action, state) == ("lock", "active"):
            new = "locked"
        elif (action, state) == ("unlock", "locked"):
            new = "active"
        elif action == "report_temporary_loss" and state in _ALIVE:
            new, self.before = "temporarily_lost", str(state)
        elif action == "report_formal_loss" and state in _ALIVE:
            new, self.before = "formally_lost", str(state)
        elif (action, state) == ("report_formal_loss", "temporarily_lost"):
            new = "formally_lost"
        elif action == "resume" and state in _LOST:
            new = self.before
        elif action == "replace" and state in {*_ALIVE, "formally_lost", "expired"}:
            new = "replaced"
        elif action == "cancel" and state in {*_ALIVE, *_LOST, "expired"}:
            new = "cancelled"
        self.state = new or state
        return new is not None


class CardMachine(RuleBasedStateMachine):
    """Two cards of two persons in the half-year after 3 June, when weekdays are working days."""

    @initialize()
    def open(self) -> None:
        """Start with an empty ledger."""
        self.stack = ExitStack()
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.now = at(6, 3)
        self.clock = Clock()
        self.counter = Counter(self.stack.enter_context(engine_on(self.folder, self.clock)))
        self.counter.today(self.now)
        self.cards = {card: _Model() for card in _CARDS}
        self.claims = 0

    def teardown(self) -> None:
        """Let go of the file."""
        self.stack.close()

    @rule(card=st.sampled_from(_CARDS), days=st.none() | st.integers(1, 30))
    def issue(self, card: str, days: int | None) -> None:
        """Issue a card, for some days or for ever."""
        model = self.cards[card]
        expires = None if days is None else (self.now + timedelta(days=days)).date()
        try:
            self.counter.issue(card, self.now, f"P-{card}", expires_date=expires)
        except errors.CardActionRefused:
            assert model.state is not None
        else:
            assert model.state is None
            model.state = "sealed"
            if expires is not None:
                model.expires = at(expires.month, expires.day, 0)

    @rule(card=st.sampled_from(_CARDS), action=st.sampled_from([*set(CardAction) - {ISSUE}]))
    def happen(self, card: str, action: CardAction) -> None:
        """Let anything happen to a card."""
        model = self.cards[card]
        if model.state is None:
            with pytest.raises(errors.NotFound):
                self.counter.does(card, action, self.now)
            return
        possible = model.does(action.value)
        try:
            found = self.counter.does(card, action, self.now)
        except errors.CardActionRefused:
            assert not possible
            return
        assert possible
        assert found.state == model.state
        if action is CardAction.REPORT_TEMPORARY_LOSS:
            model.lapses = self._lapse()
            assert model.lapses == found.lapse_time

    def _lapse(self) -> datetime:
        """Return midnight after the fifth weekday that follows today."""
        day, left = self.now, 5
        while left:
            day += timedelta(days=1)
            left -= day.weekday() < 5
        day += timedelta(days=1)
        return at(day.month, day.day, 0)

    @rule(hours=st.integers(1, 150))
    def wait(self, hours: int) -> None:
        """Let time pass; losses lapse and cards expire."""
        self.now += timedelta(hours=hours)
        self.counter.today(self.now)
        for model in self.cards.values():
            model.pass_time(self.now)

    @rule(card=st.sampled_from(_CARDS))
    def present(self, card: str) -> None:
        """Settle a claim with a card at this moment."""
        self.claims += 1
        day = self.now.date()
        row = claim(self.claims, account_used=False) | {
            "person": f"P-{card}",
            "admission_date": day,
            "service_date": day,
            "credential_type": "03",
            "card": card,
            "credential_time": self.now,
        }
        row["lines"][0]["fee_date"] = day
        found = outcomes(settle(self.counter.engine, row))
        assert [_ANSWERS[self.cards[card].state]] == found

    @rule()
    def reopen(self) -> None:
        """Close and open, as a restart does."""
        self.counter.engine.ledger.close()
        self.counter.engine = self.stack.enter_context(engine_on(self.folder, self.clock))

    @invariant()
    def is_what_happened(self) -> None:
        """Each card is in the state of its model, now and after a restart."""
        for card, model in self.cards.items():
            found = self.counter.engine.cards.check(AREA, card, self.now).card
            assert (None if found is None else found.state) == model.state
            if found is not None:
                assert found.bank_active == model.bank
                assert found.state in set(CardState)


CardMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
test_card_machine = pytest.mark.slow(CardMachine.TestCase)
