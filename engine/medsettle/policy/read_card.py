"""Read a `card.yaml`: the terms of an area's cards, each cited, all faults at once."""

import re
from datetime import date
from pathlib import Path

from medsettle.core.cards import CardAction, CardKind, CardState, CardUse
from medsettle.errors import Violation
from medsettle.policy import card_keys as own
from medsettle.policy import keys, tree, values
from medsettle.policy.card_terms import (
    CardRules,
    CardTerms,
    Lapse,
    TemporaryCards,
    Validity,
)
from medsettle.policy.checker import Checker
from medsettle.policy.key_types import Shape
from medsettle.policy.model import Source
from medsettle.policy.read_facts import cited, read_sources
from medsettle.policy.read_working_years import read_working_years
from medsettle.policy.tree import Map, Sequence, Value
from medsettle.policy.vocabulary import canonical, quoted

CARD_FILE = "card.yaml"


def read_card_file(path: Path) -> tuple[CardRules | None, list[Violation]]:
    """Return the terms of a `card.yaml`, or None with every violation found."""
    document, violations = tree.read(path)
    return read_card(document, path.parent.name, violations)


def read_card(
    document: Map, folder: str, violations: list[Violation]
) -> tuple[CardRules | None, list[Violation]]:
    """Return the terms of a document that lies in a folder, or None with every violation found."""
    reader = _Reader(violations)
    rules = reader.rules(document, folder)
    found = sorted(reader.check.violations, key=lambda fault: (fault.line, fault.column))
    return (None if found else rules), found


class _Reader:
    """Reads one document; every block it reads is cited."""

    def __init__(self, violations: list[Violation]) -> None:
        self.check = Checker(violations)
        self._sources: dict[str, Source] = {}
        self._confidences: list[str] = []

    def rules(self, document: Map, folder: str) -> CardRules:
        """Return the terms, with stand-ins where there are faults."""
        check = self.check
        parts = check.record(document, own.CARD)
        check.one_of(parts.get("format"), [keys.FORMAT])
        check.text(parts.get("note"))
        self._area(parts.get("area"), folder)
        self._sources = read_sources(check, parts.get("sources"))
        return CardRules(
            area=folder,
            versions=self._versions(parts.get("versions")),
            working_years=read_working_years(check, parts.get("working_years"), self._sources),
        )

    def _area(self, value: Value | None, folder: str) -> None:
        code = self.check.text(value)
        if value is not None and code and code != folder:
            message = f"area {code} lies in the folder {quoted(folder)}; rename one"
            self.check.refuse(value.place, message)

    def _block(self, value: Value | None, shape: Shape) -> dict[str, Value]:
        """Return the values of a cited block."""
        parts = self.check.record(value, shape)
        self.check.text(parts.get("note"))
        cited(self.check, parts.get("source"), self._sources)
        confidence = self.check.one_of(parts.get("confidence"), keys.CONFIDENCES)
        self._confidences.append(confidence or "uncertain")
        return parts

    def _versions(self, value: Value | None) -> tuple[CardTerms, ...]:
        found: list[CardTerms] = []
        items = value.items if isinstance(value, Sequence) else ()
        if value is not None and not items:
            self.check.refuse(
                value.place, "no version stands here; begin with `- from: 2024-01-01`"
            )
        for item in items:
            terms = self._terms(item)
            if found and terms.start <= found[-1].start:
                late = f"{terms.start} does not come after {found[-1].start}; order them by date"
                self.check.refuse(item.place, late)
            found.append(terms)
        return tuple(found)

    def _terms(self, item: Value) -> CardTerms:
        check = self.check
        self._confidences = []
        parts = check.record(item, own.TERMS)
        check.text(parts.get("note"))
        start = check.parsed(parts.get("from"), values.day, date.min)
        required, types = self._credentials(parts.get("credentials"))
        by_issue, in_person = self._activation(parts.get("activation"))
        lapse = self._lapse(parts.get("temporary_loss"))
        formal = self._block(parts.get("formal_loss"), own.FORMAL_LOSS)
        resume = check.one_of(formal.get("resume"), (own.UNTIL_REPLACEMENT, own.NEVER))
        electronic = self._block(parts.get("electronic"), own.ELECTRONIC)
        uses = self._uses(parts.get("uses"))
        temporary_cards = self._temporary_cards(parts.get("temporary_card"))
        return CardTerms(
            start=start,
            credential_required=required,
            credentials=types,
            activated_by_issue=by_issue,
            in_person=in_person,
            lapse=lapse,
            formal_loss_resumable=resume == own.UNTIL_REPLACEMENT,
            electronic_follows_card=self._yes(electronic.get("follows_card")),
            uses=uses,
            temporary_cards=temporary_cards,
            confidence=max(self._confidences, key=keys.CONFIDENCES.index),
        )

    def _yes(self, value: Value | None) -> bool:
        return self.check.one_of(value, own.YES_NO) == "yes"

    def _credentials(self, value: Value | None) -> tuple[bool, dict[str, CardKind | None]]:
        parts = self._block(value, own.CREDENTIALS)
        types: dict[str, CardKind | None] = {}
        for code, place, presents in self.check.entries(parts.get("types"), "credential types"):
            if re.fullmatch(r"[0-9A-Za-z]{1,50}", code) is None:
                self.check.refuse(place, f"{quoted(code)} is no code; write one such as 03")
            kind = self.check.one_of(presents, own.KINDS)
            types[code] = None if kind in {None, own.NOTHING} else CardKind(str(kind))
        return self._yes(parts.get("required")), types

    def _activation(self, value: Value | None) -> tuple[bool, frozenset[CardAction]]:
        parts = self._block(value, own.ACTIVATION)
        by = self.check.one_of(parts.get("social_by"), (own.ISSUE, own.FIRST_PASSWORD))
        actions = self._chosen(parts.get("in_person"), own.ACTIONS)
        return by == own.ISSUE, frozenset(CardAction(action) for action in actions)

    def _lapse(self, value: Value | None) -> Lapse | None:
        parts = self._block(value, own.TEMPORARY_LOSS)
        after = self.check.parsed(parts.get("lapses_after"), _span, None)
        begins = self.check.one_of(parts.get("counted_from"), (own.NEXT_DAY, own.REPORT_DAY))
        if after is None:
            return None
        return Lapse(after[0], after[1], begins == own.NEXT_DAY)

    def _uses(self, value: Value | None) -> dict[CardState, frozenset[CardUse]]:
        parts = self._block(value, own.USES)
        uses = {
            CardState(state): frozenset(
                CardUse(use) for use in self._chosen(parts.get(state), own.USE_NAMES)
            )
            for state in own.STATES
        }
        active = parts.get(CardState.ACTIVE)
        if active is not None and not {CardUse.SETTLE, CardUse.ACCOUNT} <= uses[CardState.ACTIVE]:
            self.check.refuse(active.place, "an active card settles; write `settle` and `account`")
        return uses

    def _temporary_cards(self, value: Value | None) -> TemporaryCards | None:
        if value is None:
            return None
        parts = self._block(value, own.TEMPORARY_CARD)
        usual = self.check.parsed(parts.get("valid_for"), _validity, Validity(1, months=False))
        most_value = parts.get("at_most")
        most = self.check.parsed(most_value, _validity, usual)
        if most_value is not None and usual.can_outlast(most):
            longer = (
                "it is shorter than what a card counts for by itself; raise it or lower `valid_for`"
            )
            self.check.refuse(most_value.place, longer)
        return TemporaryCards(usual, most)

    def _chosen(self, value: Value | None, choices: tuple[str, ...]) -> list[str]:
        """Return the words of a list, none where `none` stands alone."""
        items = self.check.items(value, "words, or write `none`")
        words = choices if len(items) > 1 else (*choices, own.NOTHING)
        found = [word for item in items if (word := self.check.one_of(item, words)) is not None]
        return [] if found == [own.NOTHING] else found


def _span(text: str) -> tuple[int, bool] | None:
    """Return days and whether only working days count; None for a loss that never lapses.

    >>> _span("7工作日"), _span("10 days"), _span("never")
    ((7, True), (10, False), None)
    """
    if canonical(text) == own.NEVER:
        return None
    found = re.fullmatch(own.SPAN_PATTERN, text)
    if found is None or not int(re.sub("[^0-9]", "", text)):
        raise ValueError(
            f"{quoted(text)} is no number of days from 1 on; write 7天, 7工作日 or never"
        )
    return int(re.sub("[^0-9]", "", text)), "工作日" in text or "working" in text


def _validity(text: str) -> Validity:
    """Return how long a temporary card counts.

    >>> _validity("60天"), _validity("6 months")
    (Validity(count=60, months=False), Validity(count=6, months=True))
    """
    found = re.fullmatch(own.VALIDITY_PATTERN, text)
    count = int(re.sub("[^0-9]", "", text)) if found is not None else 0
    if not count:
        raise ValueError(f"{quoted(text)} is no time from 1 day on; write 60天 or 6个月")
    return Validity(count, months="月" in text or "month" in text)
