"""Items, events and runs as JSON objects, and rows of a difference side by side.

The command line, evidence and the console say the same of an item by these.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from medsettle.clearing.items.deadlines import due_day, overdue
from medsettle.clearing.items.item import Event, Item, Run
from medsettle.clearing.items.terms import rows_at
from medsettle.clearing.matching.book import BOOK, VERSIONS, Side
from medsettle.core.dates import CHINA_STANDARD_TIME
from medsettle.core.money import yuan_from_fen
from medsettle.core.settlement import Row

MARK: Final = "≠ "
"""Stands before a column in which rows differ."""


def item_json(item: Item, today: date) -> Row:
    """Return an item as a JSON object, with its age and next step."""
    return {
        "number": item.number,
        "item": item.item,
        "reconciliation": item.reconciliation,
        "settlement": item.settlement,
        "class": int(item.difference_class),
        "class_name": item.difference_class.name.lower(),
        "state": str(item.state),
        "held": item.held,
        "standing": item.standing,
        "owner": str(item.owner),
        "action": str(item.action),
        "term": item.term,
        "due": None if (due := due_day(item)) is None else due.isoformat(),
        "overdue": overdue(item, today),
        "terms": None if item.terms is None else str(item.terms),
        "plan": item.plan,
        "at_risk_fen": item.at_risk_fen,
        "pooling_area": item.pooling_area,
        "care_area": item.care_area,
        "record_date": item.record_date.isoformat(),
        "age_days": item.age_days(today),
        "opened_run": item.opened_run,
        "last_run": item.last_run,
        "proposed_by": item.proposer,
        "approved_by": item.approver,
        "entry": item.entry,
        "next_step": item.next_step,
        "explanation": item.explanation,
    }


def event_json(event: Event) -> Row:
    """Return an event as a JSON object."""
    return {
        "time": event.moment.isoformat(),
        "happened": str(event.happened),
        "class": int(event.difference_class),
        "action": str(event.action),
        "at_risk_fen": event.at_risk_fen,
        "run": event.run,
        "by": event.person,
        "terms": None if event.terms is None else str(event.terms),
        "entry": event.entry,
        "reason": event.reason,
    }


def run_json(run: Run) -> Row:
    """Return a run as a JSON object."""
    return {
        "run": run.number,
        "reconciliation": run.reconciliation,
        "first_day": run.first_day.isoformat(),
        "last_day": run.last_day.isoformat(),
        "time": run.moment.isoformat(),
        "by": run.by,
        "books": [
            {"side": str(each.side), "name": each.name, "rows": each.rows, "digest": each.digest}
            for each in run.books
        ],
        "matched": run.matched,
        "differences": run.differences,
        "at_risk_fen": run.at_risk_fen,
        "classes": [
            {
                "class": int(each.difference_class),
                "class_name": each.difference_class.name.lower(),
                "differences": each.differences,
                "at_risk_fen": each.at_risk_fen,
            }
            for each in run.counted
        ],
        "alarms": list(run.alarms),
        "notes": list(run.notes),
        "opened": run.opened,
        "closed": run.closed,
        "superseded_by": run.superseded_by,
    }


def named_rows(difference: Row) -> list[tuple[str, Row]]:
    """Return the rows that books have, each with its heading: the side, numbered where several."""
    found = []
    for side in Side:
        held = rows_at(difference, side)
        for at, row in enumerate(held, 1):
            found.append((f"{side} {at}" if len(held) > 1 else str(side), row))
    return found


def compared_lines(difference: Row) -> list[tuple[str, bool, list[str]]]:
    """Return each column that a row has: its name, whether rows differ in it, and the values."""
    rows = [row for _, row in named_rows(difference)]
    listed = difference["differing"]
    assert isinstance(listed, list)
    found = []
    for column in BOOK:
        values = [row.get(column.name) for row in rows]
        if all(value is None for value in values):
            continue
        stated = {value for value in values if value is not None}
        differs = column.name in listed or (
            len(stated) > 1 and column.name not in {"record_time", "settlement", "original"}
        )
        if not differs and column.name.endswith("_fen") and stated <= {0}:
            continue
        found.append((column.name, differs, [_cell(column.name, value) for value in values]))
    return found


def versions_of(difference: Row) -> Mapping[str, Mapping[str, object]]:
    """Return by side the versions of the rules that its first row names."""
    names = [column.name for column in VERSIONS]
    return {
        str(side): {name: rows[0].get(name) for name in names}
        for side in Side
        if (rows := rows_at(difference, side))
    }


def _cell(name: str, value: object) -> str:
    if value is None:
        return "–"
    if name.endswith("_fen") and isinstance(value, int):
        return yuan_from_fen(value)
    if isinstance(value, datetime):
        return f"{value.astimezone(CHINA_STANDARD_TIME):%Y-%m-%d %H:%M:%S}"
    return str(value)


def standing_line(item: Item, today: date) -> str:
    """Return in a sentence what an item is about, how old it is, and until when it is due."""
    age, due = item.age_days(today), due_day(item)
    until = f"{item.term.replace('_', ' ')}{'' if due is None else f', {due}'}"
    until += ", overdue" if overdue(item, today) else ""
    return (
        f"settlement {item.settlement} of {item.record_date}, {age} day(s) old, insured in "
        f"{item.pooling_area}, care in {item.care_area}; {yuan_from_fen(item.at_risk_fen)} yuan at "
        f"risk; {item.state}{', on hold' if item.held else ''}; until: {until}"
    )


def event_cells(event: Event) -> list[str]:
    """Return when something happened, what, by whom, and what was said of it."""
    moment = f"{event.moment.astimezone(CHINA_STANDARD_TIME):%Y-%m-%d %H:%M}"
    who = f"run {event.run}" if event.person is None else f"by {event.person}"
    told = [str(event.action)] if event.person is not None else []
    told += [str(event.terms)] if event.terms is not None else []
    told += [f"recorded as {event.entry}"] if event.entry is not None else []
    told += [event.reason] if event.reason else []
    return [moment, str(event.happened), who, ": ".join(told)]


def class_words(name: str) -> str:
    """Return the name of a class or an action in words."""
    return name.lower().replace("_", " ")
