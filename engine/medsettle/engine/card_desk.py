"""Cards at this engine: what happens to them is recorded, and claims are judged by what they are.

Events of cards are entries of the ledger like settlements: idempotent by institution and request
id, in one order with everything else, and never edited. A card is what its events make of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Final

from medsettle import errors, limits
from medsettle.cards.causes import Cause, refusal
from medsettle.cards.invalid_list import InvalidLists
from medsettle.cards.judge import Judge
from medsettle.cards.life import card_at
from medsettle.cards.register import completed, completed_issue, event_faults
from medsettle.cards.transitions import ENDS
from medsettle.core.cards import Card, CardAction, CardEvent, CardInquiry
from medsettle.core.claims import ClaimBatch
from medsettle.core.dates import day_number, service_day_of
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Row
from medsettle.engine.request_log import Asked, RequestLog
from medsettle.engine.requests import code_faults, content_digest, sender_faults, settlement_id
from medsettle.ledger.entries import Entry, LedgerReader
from medsettle.ledger.records import decode_card_event, encode_card_event
from medsettle.policy.card_terms import CardRules
from medsettle.policy.rule_book import RuleBook
from medsettle.policy.vocabulary import suggestion

_JUDGED_WITHOUT_CARD: Final = (
    *("pooling_area", "service_date", "credential_time", "credential_type"),
)
"""What a claim is judged by that presents no card (`medsettle.cards.judge.Judge.columns`)."""


class CardDesk:
    """Records events of cards, says what a card is, and judges the cards of claims."""

    def __init__(self, rulebook: RuleBook, ledger: LedgerReader, log: RequestLog) -> None:
        self._rulebook = rulebook
        self._ledger = ledger
        self._log = log
        self.lists = InvalidLists()

    def replace_rules(self, rulebook: RuleBook) -> None:
        """Work by another rule book from the next call on."""
        self._rulebook = rulebook

    def replace_lists(self, lists: InvalidLists) -> None:
        """Look cards up in other lists from the next call on."""
        self.lists = lists

    # --- recording -------------------------------------------------------------------------

    def record(self, event: CardEvent) -> Card:
        """Return a card as it is now, after recording what happened to it once per request id.

        `duplicate` says that the same request had been recorded before.

        Raises:
            InvalidRequest: Fields are missing, malformed or do not go together.
            NotFound: No such card was issued in the area.
            CardActionRefused: The card is in no state that allows it; nothing was recorded.
            RequestIdReused: The request id was used before with other content.
            LedgerUnavailable: Nothing was recorded.
        """
        now = self._log.now()
        rules = self._checked(event, now)
        digest = content_digest("card", _content(event))
        area, card = event.pooling_area, event.card

        def record() -> Card:
            timed = replace(event, effective_time=event.effective_time or now)
            self._append(self._completed(timed, rules), digest)
            return self.get(area, card)

        asked = Asked(event.institution, event.request_id, digest, area, event.person or "")
        return self._log.answer(
            asked, record, lambda _: replace(self.get(area, card), duplicate=True)
        )

    def _checked(self, event: CardEvent, now: datetime) -> CardRules:
        faults = sender_faults(event.institution, event.request_id)
        for name in ("card", "person", "replaces", "bound_to"):
            value = getattr(event, name)
            if value is not None or name == "card":
                faults += code_faults(name, value, limits.PERSON_CHARS_MAX)
        faults += event_faults(event, now)
        rules = self._rulebook.cards.get(event.pooling_area)
        if rules is None:
            known = suggestion(event.pooling_area, self._rulebook.cards)
            faults.append(errors.Fault("pooling_area", f"keeps no cards here; {known}"))
        if faults or rules is None:
            raise errors.InvalidRequest(faults)
        return rules

    def _completed(self, event: CardEvent, rules: CardRules) -> CardEvent:
        assert event.effective_time is not None
        events = self.events(event.pooling_area, event.card)
        if event.action is CardAction.ISSUE:
            if events:
                text = "it was issued before, and a card is issued once; take another token"
                raise refusal(event, Cause.ISSUED_BEFORE, text)
            assert event.person is not None
            owned = self.owned(event.pooling_area, event.person, event.effective_time)
            return completed_issue(event, rules, owned)
        if not events:
            raise _no_card(event.pooling_area, event.card)
        if len(events) >= limits.CARD_EVENTS_MAX and event.action not in ENDS:
            text = f"it has {len(events)} events, the most there can be; replace or cancel it"
            raise refusal(event, Cause.TOO_MANY_EVENTS, text)
        return completed(event, rules, events)

    def _append(self, event: CardEvent, digest: bytes) -> None:
        assert event.effective_time is not None
        person = event.person
        if person is None:
            person = self.get(event.pooling_area, event.card).person
        entry = Entry(
            kind="card",
            settlement=settlement_id(event.pooling_area, event.institution, event.request_id),
            original=None,
            institution=event.institution,
            request_id=event.request_id,
            institution_settlement=None,
            pooling_area=event.pooling_area,
            person=person,
            service_day=day_number(service_day_of(event.effective_time)),
            content_digest=digest,
            record=encode_card_event(event),
            subject=event.card,
        )
        self._log.commit([entry])

    # --- reading ---------------------------------------------------------------------------

    def events(self, pooling_area: str, card: str) -> list[CardEvent]:
        """Return what happened to a card, in the order in which it was recorded."""
        key = (pooling_area, card)
        found = self._ledger.card_events([key]).get(key, [])
        return [decode_card_event(recorded) for recorded in found]

    def get(self, pooling_area: str, card: str) -> Card:
        """Return a card as it is now.

        Raises:
            NotFound: No such card was issued in the area.
        """
        found = card_at(self.events(pooling_area, card), self._log.now())
        if found is None:
            raise _no_card(pooling_area, card)
        return found

    def owned(self, pooling_area: str, person: str, moment: datetime) -> list[Card]:
        """Return every card of a person as it is at a moment, by token; none for one never seen."""
        found: dict[str, list[CardEvent]] = {}
        for recorded in self._ledger.events([(pooling_area, person)], "card"):
            found.setdefault(str(recorded.subject), []).append(decode_card_event(recorded))
        cards = (card_at(found[token], moment) for token in sorted(found))
        return [card for card in cards if card is not None]

    def check(self, pooling_area: str, card: str, moment: datetime | None = None) -> CardInquiry:
        """Return whether a card is valid at a moment, now by default; see `CardInquiry`."""
        at = self._log.now() if moment is None else moment.astimezone(UTC)
        return self._judge({}).inquire(pooling_area, card, at)

    # --- judging ---------------------------------------------------------------------------

    def judged_of(
        self, claims: ClaimBatch, rows: Sequence[int]
    ) -> dict[int, Rejection | Mapping[str, object]]:
        """Return what `judged` says of each claim at `rows` that it has something to say about."""
        columns = [claims.column(name) for name in _JUDGED_WITHOUT_CARD]
        cards, areas = claims.column("card"), claims.column("pooling_area")
        alike: dict[tuple[object, ...], list[int]] = {}
        for row in rows:
            if cards[row] is not None:
                alike[cards[row], row] = [row]
            elif areas[row] in self._rulebook.cards:
                alike.setdefault(tuple(column[row] for column in columns), []).append(row)
        asked: list[Row] = []
        for first, *_ in alike.values():
            if cards[first] is not None:
                asked.append(claims.rows[first])
            else:
                stated = {name: claims.column(name)[first] for name in _JUDGED_WITHOUT_CARD}
                asked.append({**stated, "card": None})
        found = self.judged(asked)
        return {row: each for each, own in zip(found, alike.values(), strict=True) for row in own}

    def judged(self, claims: Sequence[Row]) -> list[Rejection | Mapping[str, object]]:
        """Return the columns that each claim's settlement gains, or why its card does not count."""
        rules = self._rulebook.cards
        presented = {
            (str(claim["pooling_area"]), str(claim["card"]))
            for claim in claims
            if claim["card"] is not None and claim["pooling_area"] in rules
        }
        found = self._ledger.card_events(sorted(presented)) if presented else {}
        held = {
            key: [decode_card_event(recorded) for recorded in found.get(key, [])]
            for key in presented
        }
        judge = self._judge(held)
        return [judge.columns(claim) for claim in claims]

    def _judge(self, held: dict[tuple[str, str], list[CardEvent]]) -> Judge:
        """Return a judge that knows the events of some cards and reads those of others."""

        def history(area: str, token: str) -> list[CardEvent]:
            if (area, token) not in held:
                held[area, token] = self.events(area, token)
            return held[area, token]

        return Judge(self._rulebook.cards, self.lists, history)


def _content(event: CardEvent) -> Row:
    """Return what was asked for, by which a repetition is told from a reuse.

    A field that has its default is left out: it says no more than one that does not exist yet.
    """
    return {
        field.name: value
        for field in fields(event)
        if field.name not in {"institution", "request_id", "state", "lapse_time"}
        and (value := getattr(event, field.name)) != field.default
    }


def _no_card(pooling_area: str, card: str) -> errors.NotFound:
    return errors.NotFound(
        f"no card {card} was issued in area {pooling_area}; check the token",
        card=card,
        pooling_area=pooling_area,
    )
