"""Every transition of a card, and that every other is refused."""

import pytest
from medsettle import errors
from medsettle.core.cards import CardAction, CardKind, CardState
from medsettle.engine import Engine

from tests.cards.desks import (
    ACTIVATE,
    BANK,
    CANCEL,
    FORMAL,
    ISSUE,
    LOCK,
    REPLACE,
    RESUME,
    TEMPORARY,
    UNLOCK,
    Counter,
    at,
)
from tests.engine.engines import acts
from tests.service.claims import AREA

# Written out by hand: state before, action, state after. What is not here is not possible.
_TABLE = """
sealed           activate               active
sealed           activate_bank          sealed
sealed           report_temporary_loss  temporarily_lost
sealed           report_formal_loss     formally_lost
sealed           replace                replaced
sealed           cancel                 cancelled
active           activate_bank          active
active           lock                   locked
active           report_temporary_loss  temporarily_lost
active           report_formal_loss     formally_lost
active           replace                replaced
active           cancel                 cancelled
locked           unlock                 active
locked           report_temporary_loss  temporarily_lost
locked           report_formal_loss     formally_lost
locked           replace                replaced
locked           cancel                 cancelled
temporarily_lost report_formal_loss     formally_lost
temporarily_lost resume                 active
temporarily_lost cancel                 cancelled
formally_lost    resume                 active
formally_lost    replace                replaced
formally_lost    cancel                 cancelled
expired          replace                replaced
expired          cancel                 cancelled
"""
_POSSIBLE = {
    (CardState(before), CardAction(action)): CardState(after)
    for before, action, after in map(str.split, _TABLE.strip().splitlines())
}
_ALL = [(state, action) for state in CardState for action in CardAction]
_REFUSED = [pair for pair in _ALL if pair not in _POSSIBLE]

# The way from a card that was activated to each state; a sealed one is not activated.
_WAYS: dict[CardState, list[CardAction]] = {
    CardState.SEALED: [],
    CardState.ACTIVE: [ACTIVATE],
    CardState.LOCKED: [ACTIVATE, LOCK],
    CardState.TEMPORARILY_LOST: [ACTIVATE, TEMPORARY],
    CardState.FORMALLY_LOST: [ACTIVATE, FORMAL],
    CardState.EXPIRED: [ACTIVATE],
    CardState.REPLACED: [ACTIVATE, REPLACE],
    CardState.CANCELLED: [ACTIVATE, CANCEL],
}


def _in_state(counter: Counter, state: CardState) -> None:
    """Bring a card into a state by the afternoon of 2 May, and let it be the day after."""
    counter.today(at(5, 3))
    counter.issue("C1", at(4, 1), expires_date=at(5, 2).date() if state == "expired" else None)
    for action in _WAYS[state]:
        counter.does("C1", action, at(5, 1))


def test_the_table_is_about_every_pair() -> None:
    """Of 80 pairs of state and action, 25 are possible."""
    assert (80, 25, 55) == (len(_ALL), len(_POSSIBLE), len(_REFUSED))


@pytest.mark.parametrize(
    ("pair", "after"), _POSSIBLE.items(), ids=[f"{s}-{a}" for s, a in _POSSIBLE]
)
def test_a_transition_leads_where_the_table_says(
    counter: Counter, pair: tuple[CardState, CardAction], after: CardState
) -> None:
    """Each action of the table is recorded and makes of the card what the table says."""
    before, action = pair
    _in_state(counter, before)

    assert before is _state(counter.engine)
    assert after is counter.does("C1", action, at(5, 2, 15)).state


@pytest.mark.parametrize(("before", "action"), _REFUSED, ids=str)
def test_every_other_transition_is_refused(
    counter: Counter, before: CardState, action: CardAction
) -> None:
    """What is not in the table is refused with the state, and leaves nothing in the ledger."""
    _in_state(counter, before)
    seq = acts(counter.engine)
    issue = {"person": "P1", "kind": CardKind.PHYSICAL} if action is ISSUE else {}
    with pytest.raises(errors.CardActionRefused) as refused:
        counter.does("C1", action, at(5, 2, 15), **issue)

    assert seq == acts(counter.engine)
    assert before is _state(counter.engine)
    assert ("C1", action.value) == (
        refused.value.metadata["card"],
        refused.value.metadata["action"],
    )
    if action is not ISSUE:
        assert before.value == refused.value.metadata["state"]


def _state(engine: Engine) -> CardState:
    card = engine.cards.check(AREA, "C1", at(5, 2, 15)).card
    assert card is not None
    return card.state


@pytest.mark.parametrize("loss", [TEMPORARY, FORMAL])
@pytest.mark.parametrize(
    ("way", "state"),
    [
        ([], CardState.SEALED),
        ([ACTIVATE], CardState.ACTIVE),
        ([ACTIVATE, LOCK], CardState.LOCKED),
    ],
)
def test_a_resume_gives_back_what_the_card_was(
    counter: Counter, loss: CardAction, way: list[CardAction], state: CardState
) -> None:
    """A found card is neither activated nor unlocked by having been lost."""
    counter.today(at(5, 3))
    counter.issue("C1", at(4, 1))
    for action in [*way, loss]:
        lost = counter.does("C1", action, at(5, 1))

    assert state is lost.resumes_to
    assert state is counter.does("C1", RESUME, at(5, 2)).state


def test_a_formal_loss_after_a_temporary_one_gives_back_what_was_before_both(
    counter: Counter,
) -> None:
    """Locked, lost by telephone, lost in writing, found: locked."""
    counter.active("C1", at(4, 1))
    for action in (LOCK, TEMPORARY, FORMAL):
        counter.does("C1", action, at(5, 1))

    assert CardState.LOCKED is counter.does("C1", RESUME, at(5, 2)).state


def test_the_bank_application_is_activated_apart_and_once(counter: Counter) -> None:
    """A sealed card may have an active bank application; a second activation is refused."""
    counter.issue("C1", at(4, 1))
    card = counter.does("C1", BANK, at(4, 2))
    with pytest.raises(errors.CardActionRefused, match="active already"):
        counter.does("C1", BANK, at(4, 3))

    assert (CardState.SEALED, True) == (card.state, card.bank_active)
    assert counter.does("C1", ACTIVATE, at(4, 4)).bank_active


@pytest.mark.parametrize(("way", "action"), [([], BANK), ([ACTIVATE, LOCK], UNLOCK)])
def test_some_actions_need_the_holder(
    counter: Counter, way: list[CardAction], action: CardAction
) -> None:
    """The area lets the bank application be activated and a card unlocked in person only."""
    counter.issue("C1", at(4, 1))
    for earlier in way:
        counter.does("C1", earlier, at(4, 2))
    with pytest.raises(errors.CardActionRefused, match="must be present"):
        counter.does("C1", action, at(4, 3), in_person=False)
    counter.does("C1", action, at(4, 3))


def test_terms_of_the_day_decide(counter: Counter) -> None:
    """From 2025 an issue activates, nobody must be present, and no formal loss is taken back."""
    counter.today(at(6, 1, year=2025))
    issued = counter.issue("C1", at(5, 1, year=2025))
    counter.does("C1", BANK, at(5, 1, year=2025), in_person=False)
    counter.does("C1", FORMAL, at(5, 2, year=2025))
    with pytest.raises(errors.CardActionRefused, match="takes no formal loss back"):
        counter.does("C1", RESUME, at(5, 3, year=2025))

    assert CardState.ACTIVE is issued.state


def test_events_come_in_the_order_of_time(counter: Counter) -> None:
    """An event before the last one is refused, at the same moment it is not; none lies ahead."""
    counter.active("C1", at(5, 1))
    with pytest.raises(errors.CardActionRefused, match="lies before the last event"):
        counter.does("C1", LOCK, at(4, 30, 23, 59))
    counter.does("C1", LOCK, at(5, 1))
    with pytest.raises(errors.InvalidRequest, match="lies ahead"):
        counter.does("C1", UNLOCK, at(5, 21))
