"""Whether something can happen to a card, and what comes of it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime

from medsettle.cards.causes import Cause, refusal
from medsettle.cards.life import card_at, day_start
from medsettle.cards.transitions import BEFORE_LOSS, FINAL, SAME, TRANSITIONS
from medsettle.core.cards import Card, CardAction, CardEvent, CardKind, CardState
from medsettle.core.dates import service_day_of
from medsettle.errors import CardActionRefused, Fault
from medsettle.policy.card_terms import CardRules, CardTerms

_ISSUE_ONLY = ("person", "kind", "expires_date", "replaces", "bound_to")
_UNUSABLE = FINAL | {CardState.EXPIRED}


def event_faults(event: CardEvent, now: datetime) -> list[Fault]:
    """Return what is wrong with the form of an event, whatever the card is."""
    faults = []
    if event.effective_time is not None and event.effective_time > now:
        moment = event.effective_time.isoformat()
        faults.append(Fault("effective_time", f"{moment} lies ahead; leave it out for now"))
    if event.action is not CardAction.ISSUE:
        stated = [name for name in _ISSUE_ONLY if getattr(event, name) is not None]
        return [*faults, *(Fault(name, "only an issue states it; remove it") for name in stated)]
    if event.person is None:
        faults.append(Fault("person", "missing; a card is issued to somebody"))
    if event.kind is None:
        faults.append(Fault("kind", f"missing; one of {', '.join(CardKind)}"))
    if (event.kind is CardKind.ELECTRONIC) != (event.bound_to is not None):
        faults.append(
            Fault("bound_to", "an electronic credential names its physical card, and no other does")
        )
    day = service_day_of(event.effective_time or now)
    if event.expires_date is not None and event.expires_date <= day:
        faults.append(Fault("expires_date", f"{event.expires_date} does not lie after {day}"))
    return faults


def completed_issue(event: CardEvent, rules: CardRules, owned: Iterable[Card]) -> CardEvent:
    """Return an issue with the state it leads to, and the last day that a temporary card has.

    Args:
        event: The issue, with its moment.
        rules: The terms of the area.
        owned: Every card of the person in the area at that moment.

    Raises:
        CardActionRefused: The person has a usable card of that kind, a card it refers to is not
            what it should be, or the area issues no temporary card, or none for so long.
    """
    cards = {card.card: card for card in owned}
    for card in cards.values():
        if card.kind is event.kind and card.state not in _UNUSABLE:
            kind = f"{card.kind} card {card.card}"
            text = f"the person has {kind}; replace or cancel it first"
            raise _refused(event, card, Cause.HOLDS_ANOTHER, text)
    if event.replaces is not None:
        old = cards.get(event.replaces)
        if old is None or old.kind is not event.kind or old.state is not CardState.REPLACED:
            text = f"{event.replaces} is no replaced card of this person; record the replacement"
            raise _refused(event, old, Cause.NOT_REPLACED, text)
        if any(card.replaces == event.replaces for card in cards.values()):
            text = f"{event.replaces} has been replaced by another card before; name no other"
            raise _refused(event, old, Cause.REPLACED_BEFORE, text)
    if event.bound_to is not None:
        bound = cards.get(event.bound_to)
        if bound is None or bound.kind is not CardKind.PHYSICAL or bound.state in _UNUSABLE:
            text = f"{event.bound_to} is no usable physical card of this person; name one that is"
            raise _refused(event, bound, Cause.NO_PHYSICAL_CARD, text)
    terms = _terms(event, rules)
    if event.kind is CardKind.TEMPORARY:
        event = replace(event, expires_date=_temporary_end(event, terms))
    state = CardState.ACTIVE if terms.activated_by_issue else CardState.SEALED
    return replace(event, state=state)


def _temporary_end(event: CardEvent, terms: CardTerms) -> date:
    """Return the first day on which a temporary card no longer counts."""
    allowed = terms.temporary_cards
    if allowed is None:
        text = f"area {event.pooling_area} issues no temporary card; issue a physical one"
        raise _refused(event, None, Cause.NO_TEMPORARY_CARDS, text)
    assert event.effective_time is not None
    issued = service_day_of(event.effective_time)
    latest = allowed.most.end(issued)
    end = event.expires_date or allowed.usual.end(issued)
    if end > latest:
        text = f"it would count until {end}, and a temporary card ends by {latest}; state that day"
        raise _refused(event, None, Cause.TOO_LONG, text)
    return end


def completed(event: CardEvent, rules: CardRules, events: Iterable[CardEvent]) -> CardEvent:
    """Return an event, other than an issue, with the state it leads to and when that lapses.

    Args:
        event: The event, with its moment.
        rules: The terms of the area.
        events: The recorded events of its card, in the order of the ledger; at least its issue.

    Raises:
        CardActionRefused: The card is in no state that allows it, it comes before what is recorded
            already, or the area's terms ask for more.
    """
    moment = event.effective_time
    assert moment is not None
    history = list(events)
    last = history[-1].effective_time
    assert last is not None
    if moment < last:
        text = f"{moment.isoformat()} lies before the last event, {last.isoformat()}; report later"
        raise _refused(event, None, Cause.BEFORE_LAST_EVENT, text)
    card = card_at(history, moment)
    assert card is not None
    target = TRANSITIONS.get((card.state, event.action))
    if target is None:
        possible = [action for state, action in TRANSITIONS if state is card.state]
        text = f"possible now: {', '.join(possible) or 'nothing, this state is final'}"
        raise _refused(event, card, Cause.STATE, text)
    terms = _terms(event, rules)
    _check_terms(event, card, terms)
    if event.action is CardAction.ACTIVATE_BANK:
        _check_bank(event, card)
    if target == BEFORE_LOSS:
        assert card.resumes_to is not None
        return replace(event, state=card.resumes_to)
    if target == SAME:
        return replace(event, state=card.state)
    return replace(event, state=CardState(target), lapse_time=_lapse_time(event, terms, rules))


def _terms(event: CardEvent, rules: CardRules) -> CardTerms:
    assert event.effective_time is not None
    day = service_day_of(event.effective_time)
    terms = rules.on(day)
    if terms is None:
        text = f"area {rules.area} states no terms for {day}; load them"
        raise _refused(event, None, Cause.NO_TERMS, text)
    return terms


def _check_terms(event: CardEvent, card: Card, terms: CardTerms) -> None:
    if event.action in terms.in_person and not event.in_person:
        text = "the holder must be present; say `in_person` where they are"
        raise _refused(event, card, Cause.NOT_IN_PERSON, text)
    formal = card.state is CardState.FORMALLY_LOST
    if event.action is CardAction.RESUME and formal and not terms.formal_loss_resumable:
        text = "this area takes no formal loss back; replace the card"
        raise _refused(event, card, Cause.FORMAL_LOSS_FINAL, text)


def _check_bank(event: CardEvent, card: Card) -> None:
    if card.kind is not CardKind.PHYSICAL:
        text = f"only a physical card has a bank application, and this one is {card.kind}; use that"
        raise _refused(event, card, Cause.NO_BANK, text)
    if card.bank_active:
        text = "the bank application is active already; nothing is left to do"
        raise _refused(event, card, Cause.BANK_ACTIVE, text)


def _lapse_time(event: CardEvent, terms: CardTerms, rules: CardRules) -> datetime | None:
    if event.action is not CardAction.REPORT_TEMPORARY_LOSS or terms.lapse is None:
        return None
    assert event.effective_time is not None
    day = rules.lapse_day(terms.lapse, service_day_of(event.effective_time))
    return None if day is None else day_start(day)


def _refused(event: CardEvent, card: Card | None, cause: Cause, why: str) -> CardActionRefused:
    return refusal(event, cause, why, "" if card is None else card.state.value)
