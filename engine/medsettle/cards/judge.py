"""Whether what was presented with a claim counts, by the card's state at the time of service.

The time of service is `credential_time`, when the credential was presented, or the end of the
service date where it is not stated: whatever happened to the card on that day then counts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final, TypeAlias

from medsettle.cards.invalid_list import InvalidLists
from medsettle.cards.life import card_at, day_start
from medsettle.cards.remedies import (
    LIST_REMEDY,
    OUTSIDE_REMEDY,
    STATE_REMEDIES,
    UNKNOWN_REMEDY,
    Remedy,
)
from medsettle.core.cards import (
    Card,
    CardEvent,
    CardInquiry,
    CardKind,
    CardState,
    CardUse,
    Listing,
)
from medsettle.core.dates import service_day_of
from medsettle.core.outcome import Outcome, Rejection, invalid
from medsettle.errors import Fault
from medsettle.policy.card_terms import CardRules, CardTerms

Row: TypeAlias = Mapping[str, object]
History: TypeAlias = Callable[[str, str], list[CardEvent]]
"""Returns the recorded events of a card of an area, none for a card that was never issued."""

OUTCOMES: Final = {
    CardState.SEALED: Outcome.CARD_NOT_ACTIVATED,
    CardState.LOCKED: Outcome.CARD_LOCKED,
    CardState.TEMPORARILY_LOST: Outcome.CARD_LOST,
    CardState.FORMALLY_LOST: Outcome.CARD_LOST,
    CardState.EXPIRED: Outcome.CARD_EXPIRED,
    CardState.REPLACED: Outcome.CARD_REPLACED,
    CardState.CANCELLED: Outcome.CARD_CANCELLED,
}
"""What a claim is refused with where a state does not allow what it asks for."""

_LEAST = timedelta(microseconds=1)


def service_moment(claim: Row) -> datetime:
    """Return the moment at which a claim's card is judged."""
    moment = claim["credential_time"]
    if isinstance(moment, datetime):
        return moment
    day = claim["service_date"]
    assert isinstance(day, date)
    return day_start(day + timedelta(days=1)) - _LEAST


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges cards by the terms of areas, the events of cards and the invalid lists."""

    rules: Mapping[str, CardRules]
    lists: InvalidLists
    history: History

    def columns(self, claim: Row) -> Rejection | Row:
        """Return the list versions that a settlement of a claim records, or why there is none."""
        area, token = str(claim["pooling_area"]), claim["card"]
        rules = self.rules.get(area)
        if token is None and rules is None:
            return {}
        moment = service_moment(claim)
        terms = rules.on(service_day_of(moment)) if rules is not None else None
        if terms is not None:
            refusal = _credential_refusal(claim, terms)
            if refusal is not None:
                return refusal
        if token is None:
            return {}
        tokens = [str(token)]
        if terms is not None:
            found = self._presented(claim, terms, moment)
            if isinstance(found, Rejection):
                return found
            tokens = [card.card for card in found]
        for each in tokens:
            listing = self.lists.find(area, each, moment)
            if listing is not None:
                return _listed(area, each, listing)
        return self.lists.columns(area)

    def _presented(
        self, claim: Row, terms: CardTerms, moment: datetime
    ) -> Rejection | tuple[Card, ...]:
        """Return the card of a claim and those it depends on, or why they do not count."""
        area, token = str(claim["pooling_area"]), str(claim["card"])
        kind = terms.credentials[str(claim["credential_type"])]
        card = card_at(self.history(area, token), moment)
        if card is None or (card.kind is not kind and not _stands_in(card, kind)):
            return Rejection(
                Outcome.CARD_UNKNOWN,
                f"no {kind} card {token} had been issued in area {area} by {moment.isoformat()}; "
                f"{UNKNOWN_REMEDY.english}",
                metadata={"card": token, "pooling_area": area, "kind": str(kind)},
            )
        if card.person != claim["person"]:
            return Rejection(
                Outcome.CARD_OF_ANOTHER_PERSON,
                f"card {token} of area {area} belongs to another person than this claim; check who "
                "is treated, and keep the card if it was borrowed",
                metadata={"card": token, "pooling_area": area},
            )
        asked = {CardUse.SETTLE, *([CardUse.ACCOUNT] if claim["account_used"] else [])}
        cards = self.with_bound(card, terms, moment)
        for each in cards:
            missing = asked - uses_of(each, terms)
            if missing:
                return _refused(each, missing, moment)
        care_area = claim["care_area"]
        if card.kind is CardKind.TEMPORARY and care_area not in {None, area}:
            return Rejection(
                Outcome.CARD_OUTSIDE_AREA,
                f"temporary card {token} of area {area} does not count for care in {care_area}; "
                f"{OUTSIDE_REMEDY.english}",
                metadata={"card": token, "pooling_area": area, "care_area": str(care_area)},
            )
        return cards

    def with_bound(self, card: Card, terms: CardTerms, moment: datetime) -> tuple[Card, ...]:
        """Return a card, and the physical one where the area lets it decide as well."""
        if card.kind is not CardKind.ELECTRONIC or not terms.electronic_follows_card:
            return (card,)
        assert card.bound_to is not None
        bound = card_at(self.history(card.pooling_area, card.bound_to), moment)
        assert bound is not None, "an electronic credential is bound to a card that was issued"
        return (card, bound)

    def inquire(self, area: str, token: str, moment: datetime) -> CardInquiry:
        """Return whether a card is valid at a moment; see `CardInquiry`.

        An area that keeps no cards here has lists only: what stands on none of them is valid.
        """
        rules = self.rules.get(area)
        terms = rules.on(service_day_of(moment)) if rules is not None else None
        card = card_at(self.history(area, token), moment)
        cards: tuple[Card, ...] = ()
        uses = frozenset(CardUse) if terms is None else frozenset[CardUse]()
        if card is not None and terms is not None:
            cards = self.with_bound(card, terms, moment)
            uses = frozenset.intersection(*(uses_of(each, terms) for each in cards))
            uses -= frozenset() if card.bank_active else {CardUse.BANK}
        answer = CardInquiry(
            valid=True,
            moment=moment,
            card=card,
            uses=tuple(use for use in CardUse if use in uses),
            list_versions=dict(self.lists.versions(area)),
        )
        for each in cards:
            if terms is not None and CardUse.SETTLE not in uses_of(each, terms):
                remedy = STATE_REMEDIES[each.state]
                return _invalid(answer, CARD_LEVEL, each.since, each.state, remedy)
        for named in (token, *(bound.card for bound in cards[1:])):
            listing = self.lists.find(area, named, moment)
            if listing is not None:
                remedy = LIST_REMEDY[listing.reason]
                return _invalid(answer, listing.level, listing.since, listing.reason, remedy)
        if terms is not None and card is None:
            return _invalid(answer, CARD_LEVEL, None, "unknown", UNKNOWN_REMEDY)
        return answer


def _stands_in(card: Card, kind: CardKind | None) -> bool:
    """Return whether a card is presented as one of another kind: a temporary for a physical one."""
    return card.kind is CardKind.TEMPORARY and kind is CardKind.PHYSICAL


CARD_LEVEL: Final = "card"
"""The level that an inquiry names where the card's own state, or its absence, is the reason."""


def uses_of(card: Card, terms: CardTerms) -> frozenset[CardUse]:
    """Return what an area's terms let a card in its state be used for."""
    return terms.uses.get(card.state, frozenset())


def _invalid(
    answer: CardInquiry, level: str, since: datetime | None, reason: str, remedy: Remedy
) -> CardInquiry:
    return replace(
        answer,
        valid=False,
        uses=(),
        level=level,
        since=since,
        reason=reason,
        remedy=remedy.english,
        remedy_zh=remedy.chinese,
    )


def _credential_refusal(claim: Row, terms: CardTerms) -> Rejection | None:
    """Return why a claim's credential does not do, whatever card it presents."""
    code, token = claim["credential_type"], claim["card"]
    if code is None:
        if terms.credential_required:
            known = ", ".join(terms.credentials)
            missing = f"missing; area {claim['pooling_area']} asks for one of {known}"
            return invalid((Fault("credential_type", missing),))
        return None
    if code not in terms.credentials:
        area, known = str(claim["pooling_area"]), ", ".join(terms.credentials)
        return Rejection(
            Outcome.CREDENTIAL_NOT_ACCEPTED,
            f"area {area} settles nothing with credential {code}; present one of {known}",
            metadata={"credential_type": str(code), "pooling_area": area},
        )
    kind = terms.credentials[str(code)]
    if kind is not None and token is None:
        missing = f"missing; credential {code} is a {kind} card, so send its identification code"
        return invalid((Fault("card", missing),))
    if kind is None and token is not None:
        return invalid((Fault("card", f"credential {code} presents no card; remove it"),))
    return None


def _refused(card: Card, missing: set[CardUse], moment: datetime) -> Rejection:
    """Return the rejection of a claim whose card is in a state that does not allow it."""
    what = "the personal account" if CardUse.SETTLE not in missing else "a settlement"
    lapses = f" and lapses at {card.lapse_time.isoformat()}" if card.lapse_time else ""
    return Rejection(
        OUTCOMES[card.state],
        f"card {card.card} of area {card.pooling_area} is {card.state} since "
        f"{card.since.isoformat()}{lapses}, which at {moment.isoformat()} does not allow {what}; "
        f"{STATE_REMEDIES[card.state].english}",
        metadata={
            "card": card.card,
            "pooling_area": card.pooling_area,
            "state": card.state.value,
            "since": card.since.isoformat(),
        },
    )


def _listed(area: str, token: str, listing: Listing) -> Rejection:
    """Return the rejection of a claim whose card stands on an invalid list."""
    return Rejection(
        Outcome.CARD_ON_INVALID_LIST,
        f"card {token} of area {area} is invalid since {listing.since.isoformat()} ("
        f"{listing.reason}) by version {listing.version} of the {listing.level} list; "
        f"{LIST_REMEDY[listing.reason].english}",
        metadata={
            "card": token,
            "pooling_area": area,
            "level": listing.level.value,
            "since": listing.since.isoformat(),
            "reason": listing.reason.value,
            "list_version": str(listing.version),
        },
    )
