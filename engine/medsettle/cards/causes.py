"""Why something cannot happen to a card, as codes, and the error that says so."""

from enum import StrEnum

from medsettle.core.cards import CardEvent
from medsettle.errors import CardActionRefused


class Cause(StrEnum):
    """Why an event was refused: `cause` in the metadata of the error, whose text has the remedy."""

    STATE = "state"
    """Nothing of that kind happens to a card in its state."""
    BEFORE_LAST_EVENT = "before_last_event"
    NOT_IN_PERSON = "not_in_person"
    FORMAL_LOSS_FINAL = "formal_loss_final"
    BANK_ACTIVE = "bank_active"
    NO_BANK = "no_bank"
    """Only a physical card has a bank application."""
    ISSUED_BEFORE = "issued_before"
    HOLDS_ANOTHER = "holds_another"
    """A person has one usable card of a kind."""
    NOT_REPLACED = "not_replaced"
    """The card that is to be replaced is no replaced card of this person and kind."""
    REPLACED_BEFORE = "replaced_before"
    NO_PHYSICAL_CARD = "no_physical_card"
    """An electronic credential belongs to a usable physical card of its holder."""
    NO_TEMPORARY_CARDS = "no_temporary_cards"
    TOO_LONG = "too_long"
    """A temporary card would count for longer than the area lets one."""
    NO_TERMS = "no_terms"
    TOO_MANY_EVENTS = "too_many_events"
    """Only its end can still happen to the card."""


def refusal(event: CardEvent, cause: Cause, why: str, state: str = "") -> CardActionRefused:
    """Return the error of an event that cannot happen to a card.

    Args:
        event: What was asked for.
        cause: Its code.
        why: What was found, and the next step.
        state: The state of the card, where it has one.
    """
    found = f" in state {state}" if state else ""
    return CardActionRefused(
        f"{event.action} of card {event.card}{found}: {why}",
        card=event.card,
        action=event.action.value,
        state=state,
        cause=cause.value,
        pooling_area=event.pooling_area,
    )
