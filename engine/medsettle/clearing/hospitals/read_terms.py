"""Read a document of terms by which hospitals are paid: each block cited, all faults at once."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Final

from medsettle import limits
from medsettle.clearing.hospitals import keys as own
from medsettle.clearing.hospitals.terms import (
    EVERY_MONTH,
    HospitalTerms,
    InstantRule,
    TermsBook,
)
from medsettle.core import codes
from medsettle.core.code_words import INSURANCE_TYPE_WORDS
from medsettle.core.money import BPS, Rounding, rate_text
from medsettle.errors import PolicyRejected, Violation
from medsettle.policy import keys, tree, values
from medsettle.policy.checker import Checker
from medsettle.policy.key_types import Shape
from medsettle.policy.model import Source
from medsettle.policy.read_facts import cited, read_codes, read_sources, read_start
from medsettle.policy.tree import Map, Sequence, Value
from medsettle.policy.vocabulary import quoted

_CODE: Final = r"[0-9]{2,6}"
_GRADE: Final = r"[0-9A-Za-z]{1,8}"


def read_hospital_terms(path: Path) -> TermsBook:
    """Return the terms of a document.

    Raises:
        PolicyRejected: Everything that is wrong with it, in document order.
        OSError: It cannot be read.
    """
    document, violations = tree.read(path)
    reader = _Reader(violations)
    book = reader.book(document)
    found = sorted(reader.check.violations, key=lambda fault: (fault.line, fault.column))
    if found:
        raise PolicyRejected(found)
    return replace(book, document=sha256(path.read_bytes()).hexdigest())


class _Reader:
    """Reads one document, with stand-ins where there are faults."""

    def __init__(self, violations: list[Violation]) -> None:
        self.check = Checker(violations)
        self._sources: dict[str, Source] = {}

    def book(self, document: Map) -> TermsBook:
        """Return what the document says."""
        check = self.check
        parts = check.record(document, own.TERMS)
        check.one_of(parts.get("format"), [keys.FORMAT])
        check.text(parts.get("note"))
        area = check.text(parts.get("area"))
        if area and re.fullmatch(keys.AREA_PATTERN, area) is None:
            check.refuse(parts["area"].place, f"{quoted(area)} is no area; write its six digits")
        self._sources = read_sources(check, parts.get("sources"))
        return TermsBook(area, self._versions(parts.get("versions")))

    def _versions(self, value: Value | None) -> tuple[HospitalTerms, ...]:
        found: list[HospitalTerms] = []
        items = value.items if isinstance(value, Sequence) else ()
        if value is not None and not items:
            self.check.refuse(
                value.place, "no version stands here; begin with `- from: 2026-01-01`"
            )
        for item in items:
            found.append(self._terms(item, [each.start for each in found]))
        return tuple(found)

    def _terms(self, item: Value, before: list[date]) -> HospitalTerms:
        check = self.check
        parts = check.record(item, own.VERSION)
        check.text(parts.get("note"))
        start = read_start(check, item, parts, before)
        rounding = check.choice(parts.get("rounding"), Rounding, Rounding.HALF_UP)
        reserve_bps, released_bps = self._reserve(parts.get("reserve"))
        return HospitalTerms(
            start=start,
            rounding=rounding,
            instant=self._instant(parts.get("instant")),
            reserve_bps=reserve_bps,
            released_bps=released_bps,
            advance_months=self._advance(parts.get("advance")),
        )

    def _block(self, value: Value | None, shape: Shape) -> dict[str, Value]:
        """Return the values of a block, which cites a known source."""
        parts = self.check.record(value, shape)
        self.check.text(parts.get("note"))
        cited(self.check, parts.get("source"), self._sources)
        self.check.one_of(parts.get("confidence"), keys.CONFIDENCES)
        return parts

    def _instant(self, value: Value | None) -> tuple[InstantRule, ...]:
        if value is None:
            return ()
        items = value.items if isinstance(value, Sequence) else ()
        if not items:
            self.check.refuse(value.place, "no rule stands here; list one or delete the key")
        found: list[InstantRule] = []
        for item in items:
            rule = self._rule(item)
            for number, other in enumerate(found, 1):
                if rule.meets(other):
                    self.check.refuse(
                        item.place,
                        f"claims of rule {number} fall under this one too; tell them apart by "
                        "insurance type, class, payer, grade or month",
                    )
            found.append(rule)
        return tuple(found)

    def _rule(self, item: Value) -> InstantRule:
        check = self.check
        parts = self._block(item, own.INSTANT)
        insured = check.codes(parts.get("insurance_types"), "insurance type", INSURANCE_TYPE_WORDS)
        classes = read_codes(check, parts.get("clearing_classes"), "clearing classes", _CODE)
        grades = read_codes(check, parts.get("grades"), "grades", _GRADE)
        payers = check.known_all(parts.get("payers"), codes.FUND_NAMES, "fund")
        months = self._numbers(parts.get("months"), "month", 12)
        elsewhere = check.one_of(parts.get("elsewhere"), ("yes", "no"))
        days = check.parsed(parts.get("days_after"), _days_after, 1)
        return InstantRule(
            insurance_types=frozenset(insured),
            clearing_classes=frozenset(classes),
            grades=frozenset(grades),
            payers=frozenset(payers),
            months=frozenset(months) or EVERY_MONTH,
            elsewhere=elsewhere == "yes",
            rate_bps=self._bps(parts.get("rate"), least=1),
            days_after=days,
        )

    def _reserve(self, value: Value | None) -> tuple[int, dict[str, int]]:
        if value is None:
            return 0, {}
        parts = self._block(value, own.RESERVE)
        released = {}
        for grade, place, rate in self.check.entries(parts.get("released"), "grades"):
            if re.fullmatch(_GRADE, grade) is None:
                self.check.refuse(place, f"{quoted(grade)} is no grade; write one such as A")
            released[grade] = self._bps(rate, least=0)
        return self._bps(parts.get("rate"), least=1), released

    def _advance(self, value: Value | None) -> int:
        if value is None:
            return 0
        parts = self._block(value, own.ADVANCE)
        months = self._numbers(parts.get("months"), "number of months", 12)
        return months[0] if months else 0

    def _numbers(self, value: Value | None, what: str, most: int) -> list[int]:
        found = []
        for text in self.check.texts(value, f"{what}s"):
            number = int(text) if re.fullmatch(r"[0-9]{1,2}", text) else 0
            if not 1 <= number <= most:
                assert value is not None
                self.check.refuse(
                    value.place, f"{quoted(text)} is no {what}; write one from 1 to {most}"
                )
            found.append(number)
        return found

    def _bps(self, value: Value | None, *, least: int) -> int:
        return self.check.parsed(value, _bps_from(least), least)


def _bps_from(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        exact = values.rate(text) * BPS
        if exact.denominator != 1:
            raise ValueError(f"{quoted(text)} is finer than a ten-thousandth; write like 62.5%")
        if not least <= exact <= BPS:
            lowest = rate_text(Fraction(least, BPS))
            raise ValueError(f"{quoted(text)} is out of bounds; expected {lowest} to 100%")
        return int(exact)

    return parse


def _days_after(text: str) -> int:
    most = limits.INSTANT_DAYS_MAX
    number = int(text) if re.fullmatch(r"[0-9]{1,3}", text) else -1
    if not 0 <= number <= most:
        raise ValueError(f"{quoted(text)} is no number of days; write one from 0 to {most}")
    return number
