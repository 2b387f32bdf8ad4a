"""What a card was at a moment: its events in order, and what time alone does to it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, time

from medsettle.cards.transitions import FINAL
from medsettle.core.cards import Card, CardAction, CardEvent, CardState
from medsettle.core.dates import CHINA_STANDARD_TIME

_LOSSES = {CardState.TEMPORARILY_LOST, CardState.FORMALLY_LOST}


def card_at(events: Iterable[CardEvent], moment: datetime) -> Card | None:
    """Return a card at a moment; None where it had not been issued.

    Args:
        events: The recorded events of the card, in the order of the ledger.
        moment: Events count from their own moment on.
    """
    card: Card | None = None
    for event in events:
        assert event.effective_time is not None, "a recorded event has its moment"
        if event.effective_time > moment:
            break
        card = _issued(event) if card is None else _after(card, event)
    return None if card is None else passed(card, moment)


def passed(card: Card, moment: datetime) -> Card:
    """Return a card when time has passed: losses have lapsed, and the card may have expired."""
    lapse = card.lapse_time
    if card.state is CardState.TEMPORARILY_LOST and lapse is not None and lapse <= moment:
        assert card.resumes_to is not None
        card = replace(card, state=card.resumes_to, since=lapse, lapse_time=None, resumes_to=None)
    if card.expires_date is not None and card.state not in {*FINAL, CardState.EXPIRED}:
        end = day_start(card.expires_date)
        if end <= moment:
            card = replace(
                card, state=CardState.EXPIRED, since=end, lapse_time=None, resumes_to=None
            )
    return card


def day_start(day: date) -> datetime:
    """Return the moment a day begins in China Standard Time."""
    return datetime.combine(day, time(), CHINA_STANDARD_TIME)


def _issued(event: CardEvent) -> Card:
    assert event.person is not None
    assert event.kind is not None
    assert event.state is not None
    assert event.effective_time is not None
    return Card(
        pooling_area=event.pooling_area,
        card=event.card,
        person=event.person,
        kind=event.kind,
        state=event.state,
        since=event.effective_time,
        expires_date=event.expires_date,
        replaces=event.replaces,
        bound_to=event.bound_to,
    )


def _after(card: Card, event: CardEvent) -> Card:
    """Return a card after an event that was recorded for it."""
    assert event.effective_time is not None
    assert event.state is not None
    card = passed(card, event.effective_time)
    if event.action is CardAction.ACTIVATE_BANK:
        return replace(card, bank_active=True)
    # A formal loss after a temporary one gives back what the card was before both.
    before = card.resumes_to if card.state in _LOSSES else card.state
    return replace(
        card,
        state=event.state,
        since=event.effective_time,
        lapse_time=event.lapse_time,
        resumes_to=before if event.state in _LOSSES else None,
    )
