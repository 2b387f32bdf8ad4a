"""Until when an item is to be resolved, and whether that day is past.

Source: the terms of `clearing.md` 2.4 by the calendar that comes with medsettle (3.1).
"""

from datetime import date

from medsettle.clearing.items.item import Item
from medsettle.clearing.matching.classes import Term
from medsettle.clearing.months.read_calendar import load_calendar
from medsettle.errors import NotFound


def due_day(item: Item) -> date | None:
    """Return until when an item is to be resolved; None where no day is set, or known."""
    return due_of(item.term, item.record_date)


def due_of(term: str, record_date: date) -> date | None:
    """Return until when what was recorded on a day is to be resolved by a term.

    None where no day is set, or known.
    """
    try:
        return load_calendar().resolution_day(Term(term), record_date)
    except NotFound:
        # Records may be older than the calendar.
        return None


def overdue(item: Item, today: date) -> bool:
    """Return whether an item is open after its day."""
    due = due_day(item)
    return item.standing and due is not None and today > due
