"""An open difference says until when it is to be resolved. `clearing.md` 2.4 and 3.1."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from medsettle.clearing.items.store import ItemStore
from medsettle.clearing.items.telling import item_json
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.classes import DifferenceClass
from medsettle.cli.reconcile_words import show_item
from rich.console import Console

from tests.clearing.differences import (
    DAY,
    MOMENT,
    book_row,
    difference,
    only_care,
    scope,
    table,
    unequal_amount,
)


def _told(tmp_path: Path, row: dict[str, Any], today: date) -> tuple[Any, Any, str]:
    """Return the day of an item of a difference, whether it is overdue, and its page."""
    with ItemStore(tmp_path / "clearing") as store:
        store.record_run(scope(row["record_date"]), table(row), 9, MOMENT)
        (item,) = store.items()
        told = item_json(item, today)
        console = Console(width=200)
        with console.capture() as page:
            show_item(console, item, store.difference(item), store.events(1), today)
    return told["due"], told["overdue"], page.get()


@pytest.mark.parametrize(("day", "late"), [(3, False), (4, True)])
def test_what_one_side_lacks_is_due_on_the_next_day(tmp_path: Path, day: int, late: bool) -> None:
    """Of 2 March 2026, class 1: T+1, and overdue a day later."""
    due, overdue, page = _told(tmp_path, only_care("S1"), date(2026, 3, day))

    assert ("2026-03-03", late) == (due, overdue)
    assert ("until: next day, 2026-03-03, overdue" in page) is late
    assert "until: next day, 2026-03-03" in page


def test_amounts_are_due_by_the_third(tmp_path: Path) -> None:
    """Class 5, of any day of March: when the province closes the month, on 3 April."""
    due, overdue, page = _told(tmp_path, unequal_amount("S1"), date(2026, 4, 3))

    assert ("2026-04-03", False) == (due, overdue)
    assert "until: close of days, 2026-04-03" in page


@pytest.mark.parametrize(
    ("of_class", "day"),
    [(DifferenceClass.PERSON, DAY), (DifferenceClass.ONLY_CARE, date(2022, 12, 31))],
    ids=["a-case", "before-the-calendar"],
)
def test_without_a_day_nothing_is_overdue(
    tmp_path: Path, of_class: DifferenceClass, day: date
) -> None:
    """A case has no day, and of records before January 2023 the calendar knows none."""
    row = difference(of_class, {Side.CARE: [book_row("S1", record_date=day)]})
    due, overdue, _ = _told(tmp_path, row, date(2026, 12, 1))

    assert (None, False) == (due, overdue)
