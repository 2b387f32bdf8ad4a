"""The terms of prepayments through time: multiple, months, rounding and levels, each cited."""

import re
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Final

from medsettle import limits
from medsettle.clearing.months import calendar_keys as own
from medsettle.clearing.months.read_calendar import in_order, shipped_document
from medsettle.core.money import BPS, Rounding
from medsettle.errors import NotFound, PolicyRejected, Violation
from medsettle.policy import keys, tree, values
from medsettle.policy.checker import Checker
from medsettle.policy.model import Source
from medsettle.policy.read_facts import cited, read_sources
from medsettle.policy.tree import Map, Sequence, Value
from medsettle.policy.vocabulary import quoted

PREPAYMENT_FILE: Final = "prepayments/prepayment.yaml"


@dataclass(frozen=True, slots=True)
class PrepaymentTerms:
    """The terms of prepayments from a day on.

    `multiple_e4` is in 1/10,000 of the average of `months` of the year before; `yellow_bps` and
    `red_bps` are usages in 1/10,000; `increase_days` are working days.
    """

    start: date
    multiple_e4: int
    months: tuple[int, ...]
    rounding: Rounding
    yellow_bps: int
    red_bps: int
    increase_days: int
    source: str


@dataclass(frozen=True, slots=True)
class PrepaymentRules:
    """The terms of prepayments through time."""

    versions: tuple[PrepaymentTerms, ...]

    def on(self, day: date) -> PrepaymentTerms:
        """Return the terms in force on a day.

        Raises:
            NotFound: None is in force by then.
        """
        begun = [terms for terms in self.versions if terms.start <= day]
        if not begun:
            first = self.versions[0].start
            raise NotFound(
                f"the terms of prepayments begin on {first}; for {day} add an earlier version",
                day=str(day),
            )
        return begun[-1]


def load_prepayment_rules(path: Path | None = None) -> PrepaymentRules:
    """Return the terms of a document, or those that come with medsettle.

    Raises:
        PolicyRejected: All faults, each with file, line and column.
        OSError: The file cannot be read.
    """
    if path is None:
        return _shipped()
    return _loaded(path.read_bytes(), str(path))


@cache
def _shipped() -> PrepaymentRules:
    return _loaded(shipped_document(PREPAYMENT_FILE), PREPAYMENT_FILE)


def _loaded(raw: bytes, name: str) -> PrepaymentRules:
    rules, violations = read_rules(*tree.parse(raw, name))
    if violations:
        raise PolicyRejected(violations)
    return rules


def read_rules(
    document: Map, violations: list[Violation]
) -> tuple[PrepaymentRules, list[Violation]]:
    """Return the terms of a document, with every violation found."""
    check = Checker(violations)
    parts = check.record(document, own.PREPAYMENT)
    check.one_of(parts.get("format"), [keys.FORMAT])
    check.text(parts.get("note"))
    sources = read_sources(check, parts.get("sources"))
    value = parts.get("versions")
    items = value.items if isinstance(value, Sequence) else ()
    if value is not None and not items:
        check.refuse(value.place, "no version stands here; begin with `- from: 2023-01-01`")
    found: list[PrepaymentTerms] = []
    for item in items:
        terms = _terms(check, item, sources)
        if found and terms.start <= found[-1].start:
            late = f"{terms.start} does not come after {found[-1].start}; order them by date"
            check.refuse(item.place, late)
        found.append(terms)
    return PrepaymentRules(tuple(found)), in_order(check)


def _terms(check: Checker, item: Value, sources: dict[str, Source]) -> PrepaymentTerms:
    parts = check.record(item, own.PREPAYMENT_TERMS)
    check.text(parts.get("note"))
    check.one_of(parts.get("confidence"), keys.CONFIDENCES)
    source = cited(check, parts.get("source"), sources)
    yellow = check.parsed(parts.get("yellow"), _level_bps, 1)
    red_value = parts.get("red")
    red = check.parsed(red_value, _level_bps, BPS)
    if red_value is not None and red <= yellow:
        check.refuse(red_value.place, "red begins above yellow; raise it or lower `yellow`")
    return PrepaymentTerms(
        start=check.parsed(parts.get("from"), values.day, date.min),
        multiple_e4=check.parsed(parts.get("multiple"), _multiple_e4, BPS),
        months=_months(check, parts.get("average_of")),
        rounding=check.choice(parts.get("rounding"), Rounding, Rounding.HALF_UP),
        yellow_bps=yellow,
        red_bps=red,
        increase_days=check.parsed(parts.get("increase_paid_within"), _working_days, 1),
        source=sources[source].title if source in sources else "",
    )


def _months(check: Checker, value: Value | None) -> tuple[int, ...]:
    items = check.items(value, "months")
    months = [check.parsed(item, _month, 0) for item in items]
    if months != sorted(set(months)):
        assert value is not None
        check.refuse(value.place, "the months are not in order, or one stands twice; mend the list")
    return tuple(months)


def _month(text: str) -> int:
    if re.fullmatch(r"[1-9]|1[0-2]", text) is None:
        raise ValueError(f"{quoted(text)} is no month; write 1 to 12")
    return int(text)


def _multiple_e4(text: str) -> int:
    """Return a decimal number of months in 1/10,000.

    >>> _multiple_e4("2"), _multiple_e4("1.5")
    (20000, 15000)
    """
    if re.fullmatch(r"[0-9]{1,2}(?:\.[0-9]{1,4})?", text) is None:
        raise ValueError(f"{quoted(text)} is no number of months; write it like 2 or 1.5")
    found = int(Fraction(text) * BPS)
    if not 1 <= found <= limits.PREPAYMENT_MULTIPLE_E4_MAX:
        most = limits.PREPAYMENT_MULTIPLE_E4_MAX // BPS
        raise ValueError(f"{quoted(text)} is not above 0 and up to {most}; correct it")
    return found


def _level_bps(text: str) -> int:
    """Return a percentage in 1/10,000.

    >>> _level_bps("70%"), _level_bps("92.55%")
    (7000, 9255)
    """
    found = values.rate(text) * BPS
    if found.denominator != 1 or not 0 < found <= BPS:
        raise ValueError(
            f"{quoted(text)} is no usage; write more than 0%, up to 100%, with two decimals at most"
        )
    return found.numerator


def _working_days(text: str) -> int:
    """Return a number of working days.

    >>> _working_days("10工作日"), _working_days("10 working days")
    (10, 10)
    """
    found = re.fullmatch(r"([0-9]{1,4})(?:个?工作日| working days?)", text)
    if found is None or not 1 <= int(found[1]) <= limits.CALENDAR_DAYS_MAX:
        raise ValueError(
            f"{quoted(text)} is no number of working days from 1 to {limits.CALENDAR_DAYS_MAX}; "
            "write it like 10工作日"
        )
    return int(found[1])
