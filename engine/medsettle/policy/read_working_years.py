"""Read which days of a year are worked: the holidays that the State Council announces each year."""

import re
from datetime import date

from medsettle.policy import card_keys as own
from medsettle.policy import keys, values
from medsettle.policy.card_terms import WorkingYear
from medsettle.policy.checker import Checker
from medsettle.policy.model import Source
from medsettle.policy.read_facts import cited
from medsettle.policy.tree import Value
from medsettle.policy.vocabulary import quoted


def read_working_years(
    check: Checker, value: Value | None, sources: dict[str, Source]
) -> dict[int, WorkingYear]:
    """Return the days off and the days worked of each year of a block, each year cited."""
    found = {}
    for name, place, body in check.entries(value, "years"):
        parts = check.record(body, own.WORKING_YEAR)
        check.text(parts.get("note"))
        cited(check, parts.get("source"), sources)
        check.one_of(parts.get("confidence"), keys.CONFIDENCES)
        if re.fullmatch(r"(?:19|20)[0-9]{2}", name) is None:
            check.refuse(place, f"{quoted(name)} is no year; write one such as 2026")
            continue
        year = int(name)
        found[year] = WorkingYear(
            days_off=_days(check, parts.get("days_off"), year),
            days_worked=_days(check, parts.get("days_worked"), year),
        )
    return found


def _days(check: Checker, value: Value | None, year: int) -> frozenset[date]:
    days = set()
    for item in check.items(value, "days"):
        day = check.parsed(item, values.day, date(year, 1, 1))
        if day.year != year:
            check.refuse(item.place, f"{day} lies outside {year}; move it to its year")
        days.add(day)
    return frozenset(days)
