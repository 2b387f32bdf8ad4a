"""Read the documents of the calendar: steps and holidays, each cited, all faults at once."""

from collections.abc import Sequence as Listed
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from medsettle.clearing.months import calendar_keys as own
from medsettle.clearing.months.calendar import (
    ClearingCalendar,
    DayOff,
    Due,
    Rule,
    SchemeCalendar,
    Step,
    Version,
    due_of,
)
from medsettle.clearing.months.working_days import WorkingDays
from medsettle.errors import PolicyRejected, Violation
from medsettle.policy import keys, tree, values
from medsettle.policy.card_terms import WorkingYear
from medsettle.policy.checker import Checker
from medsettle.policy.model import Source
from medsettle.policy.read_facts import cited, read_sources
from medsettle.policy.read_working_years import read_working_years
from medsettle.policy.tree import Map, Sequence, Value

CALENDAR_FILE: Final = "months/calendar.yaml"
HOLIDAYS_FILE: Final = "months/holidays.yaml"

_UNREAD: Final = due_of("T+0")


def load_calendar(calendar: Path | None = None, holidays: Path | None = None) -> ClearingCalendar:
    """Return the calendar of two documents.

    Args:
        calendar: A document of steps; without it the one that comes with medsettle.
        holidays: A document of working years; without it the one that comes with medsettle.

    Raises:
        PolicyRejected: All faults of both, each with file, line and column.
        OSError: A file cannot be read.
    """
    if calendar is None and holidays is None:
        return _shipped()
    return _loaded(_bytes(calendar, CALENDAR_FILE), _bytes(holidays, HOLIDAYS_FILE))


@cache
def _shipped() -> ClearingCalendar:
    return _loaded(_bytes(None, CALENDAR_FILE), _bytes(None, HOLIDAYS_FILE))


def _bytes(path: Path | None, shipped: str) -> tuple[bytes, str]:
    if path is not None:
        return path.read_bytes(), str(path)
    return shipped_document(shipped), shipped


def shipped_document(name: str) -> bytes:
    """Return the bytes of a document that comes with medsettle."""
    return files("medsettle.clearing").joinpath(name).read_bytes()


def _loaded(calendar: tuple[bytes, str], holidays: tuple[bytes, str]) -> ClearingCalendar:
    schemes, found = read_schemes(*tree.parse(*calendar))
    years, more = read_holidays(*tree.parse(*holidays))
    if found or more:
        raise PolicyRejected([*found, *more])
    return ClearingCalendar(schemes, WorkingDays(years))


def read_holidays(
    document: Map, violations: Listed[Violation]
) -> tuple[dict[int, WorkingYear], list[Violation]]:
    """Return the working years of a document, with every violation found."""
    check = Checker(violations)
    parts = check.record(document, own.HOLIDAYS)
    check.one_of(parts.get("format"), [keys.FORMAT])
    check.text(parts.get("note"))
    sources = read_sources(check, parts.get("sources"))
    years = read_working_years(check, parts.get("working_years"), sources)
    return years, in_order(check)


def read_schemes(
    document: Map, violations: Listed[Violation]
) -> tuple[dict[str, SchemeCalendar], list[Violation]]:
    """Return the calendars of a document by name, with every violation found."""
    reader = _Reader(Checker(violations))
    schemes = reader.schemes(document)
    return schemes, in_order(reader.check)


def in_order(check: Checker) -> list[Violation]:
    """Return what a checker found, in the order of the document."""
    return sorted(check.violations, key=lambda fault: (fault.line, fault.column))


class _Reader:
    """Reads one document; what it returns beside violations is not to be used."""

    def __init__(self, check: Checker) -> None:
        self.check = check
        self._sources: dict[str, Source] = {}

    def schemes(self, document: Map) -> dict[str, SchemeCalendar]:
        check = self.check
        parts = check.record(document, own.CALENDARS)
        check.one_of(parts.get("format"), [keys.FORMAT])
        check.text(parts.get("note"))
        self._sources = read_sources(check, parts.get("sources"))
        found = {}
        for name, _, body in check.named(parts.get("calendars"), "calendars"):
            block = check.record(body, own.CALENDAR)
            check.text(block.get("note"))
            title = check.text(block.get("title"))
            versions = self._versions(block.get("versions"))
            found[name] = SchemeCalendar(name, title, versions)
        return found

    def _versions(self, value: Value | None) -> tuple[Version, ...]:
        found: list[Version] = []
        items = value.items if isinstance(value, Sequence) else ()
        if value is not None and not items:
            self.check.refuse(
                value.place, "no version stands here; begin with `- from: 2023-01-01`"
            )
        for item in items:
            version = self._version(item)
            if found and version.start <= found[-1].start:
                late = f"{version.start} does not come after {found[-1].start}; order them by date"
                self.check.refuse(item.place, late)
            found.append(version)
        return tuple(found)

    def _version(self, item: Value) -> Version:
        check = self.check
        parts = check.record(item, own.VERSION)
        check.text(parts.get("note"))
        start_value = parts.get("from")
        start = check.parsed(start_value, values.day, date.min)
        if start_value is not None and start.day != 1:
            text = f"{start} is within a month; a calendar changes with a month, so write its first"
            check.refuse(start_value.place, f"{text} day")
        day_off = check.choice(parts.get("day_off"), DayOff, DayOff.STAY)
        return Version(start, day_off, self._rules(parts.get("steps")))

    def _rules(self, value: Value | None) -> tuple[Rule, ...]:
        check = self.check
        found: list[Rule] = []
        entries = check.entries(value, "steps")
        if isinstance(value, Map) and value.readable and not entries:
            check.refuse(value.place, "no step stands here; write at least one")
        for name, place, body in entries:
            rule = self._rule(name, body, [rule.step.value for rule in found])
            if name not in set(Step):
                check.known(tree.Text(place, name), [step.value for step in Step], "step")
            elif rule is not None:
                found.append(rule)
        return tuple(found)

    def _rule(self, name: str, body: Value, before: list[str]) -> Rule | None:
        check = self.check
        parts = check.record(body, own.STEP)
        note = check.text(parts.get("note"))
        source = cited(check, parts.get("source"), self._sources)
        confidence = check.one_of(parts.get("confidence"), keys.CONFIDENCES)
        due_value = parts.get("due")
        due: Due = check.parsed(due_value, due_of, _UNREAD)
        if due_value is not None and due.after and due.after not in before:
            known = f"the steps above are {', '.join(before)}" if before else "no step is above it"
            check.refuse(due_value.place, f"{due.after} is no step above this one; {known}")
        if name not in set(Step) or due is _UNREAD:
            return None
        title = self._sources[source].title if source in self._sources else ""
        return Rule(Step(name), due, title, confidence or "uncertain", note)
