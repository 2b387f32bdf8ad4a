"""A card, what happens to it, and what it may be used for: values only.

A card has two applications on one chip. The social one pays medical claims and has the states of
this file; the bank one is activated apart, in person, and is usable only while the card is. What a
state allows, and how long a temporary loss lasts, is said by the area's `card.yaml`.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class CardKind(StrEnum):
    """What carries the card: plastic with a chip, or the electronic credential bound to it.

    A temporary card (临时卡) stands in for a physical one until that is made: it lasts a few months
    at most, has no bank application, and counts for care inside its area only.
    """

    PHYSICAL = "physical"
    ELECTRONIC = "electronic"
    TEMPORARY = "temporary"


class CardState(StrEnum):
    """State of the social application at a moment.

    Issuers number five of them: 0 sealed, 1 active, 2 formally lost, 3 locked, 4 temporarily lost,
    and 9 cancelled. Replaced and expired cards are told apart here because their remedies differ.
    """

    SEALED = "sealed"
    ACTIVE = "active"
    LOCKED = "locked"
    TEMPORARILY_LOST = "temporarily_lost"
    FORMALLY_LOST = "formally_lost"
    EXPIRED = "expired"
    REPLACED = "replaced"
    CANCELLED = "cancelled"


class CardAction(StrEnum):
    """What happens to a card, as its issuer, bank or holder reports it."""

    ISSUE = "issue"
    ACTIVATE = "activate"
    ACTIVATE_BANK = "activate_bank"
    REPORT_TEMPORARY_LOSS = "report_temporary_loss"
    REPORT_FORMAL_LOSS = "report_formal_loss"
    RESUME = "resume"
    LOCK = "lock"
    UNLOCK = "unlock"
    REPLACE = "replace"
    CANCEL = "cancel"


class CardUse(StrEnum):
    """What a card can be used for: the funds, the personal account, the bank account on it."""

    SETTLE = "settle"
    ACCOUNT = "account"
    BANK = "bank"


class ListLevel(StrEnum):
    """Who keeps an invalid list; where several name a card, the first of these is told."""

    NATIONAL = "national"
    PROVINCIAL = "provincial"
    CITY = "city"


class InvalidReason(StrEnum):
    """Why a card stands on an invalid list."""

    LOST = "lost"
    REPLACED = "replaced"
    EXPIRED = "expired"
    DAMAGED = "damaged"
    CANCELLED = "cancelled"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardEvent:
    """One thing that happened to a card.

    `effective_time` is when it holds from; absent, when it is recorded. `person`, `kind`,
    `expires_date` (the first day on which it is no longer valid), `replaces` and `bound_to` are
    stated by an issue and by nothing else: the card that a new one replaces, and the physical card
    that an electronic credential belongs to.

    `state` is where it led, and `lapse_time` when that temporary loss ends by itself, never where
    it is absent. Both are worked out when the event is recorded and not again, so that a change of
    an area's terms changes nothing that has happened.
    """

    institution: str
    request_id: str
    pooling_area: str
    card: str
    action: CardAction
    effective_time: datetime | None = None
    in_person: bool = False
    person: str | None = None
    kind: CardKind | None = None
    expires_date: date | None = None
    replaces: str | None = None
    bound_to: str | None = None
    state: CardState | None = None
    lapse_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card at a moment.

    `since` is when its state began; `lapse_time` is stated while a temporary loss that will lapse
    lasts. `resumes_to` is the state that the end of a loss gives back. `bank_active` says that the
    bank application was activated, not that it may be used at this moment. `duplicate` marks an
    answer, not the card: the event it answers had been recorded before.
    """

    pooling_area: str
    card: str
    person: str
    kind: CardKind
    state: CardState
    since: datetime
    bank_active: bool = False
    expires_date: date | None = None
    lapse_time: datetime | None = None
    resumes_to: CardState | None = None
    replaces: str | None = None
    bound_to: str | None = None
    duplicate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """An entry of an invalid list: at which level, since when and why, by which version."""

    level: ListLevel
    version: int
    since: datetime
    reason: InvalidReason


@dataclass(frozen=True, slots=True, kw_only=True)
class CardInquiry:
    """Whether a card is valid at a moment; where it is not: who says so, since when, why.

    `card` is absent where no card of that token was issued in the area. `uses` is what the card may
    be used for. `level` is `card` where its own state is the reason, else that of the list. The
    list versions are those asked, by level.
    """

    valid: bool
    moment: datetime
    card: Card | None
    uses: tuple[CardUse, ...]
    level: str | None = None
    since: datetime | None = None
    reason: str | None = None
    remedy: str = ""
    remedy_zh: str = ""
    list_versions: dict[ListLevel, int]
