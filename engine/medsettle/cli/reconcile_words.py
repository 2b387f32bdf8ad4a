"""Items and runs of a reconciliation in words, tables and JSON."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from medsettle.clearing.items.item import Event, Item, Run
from medsettle.clearing.items.terms import rows_at
from medsettle.clearing.matching.book import BOOK, VERSIONS, Side
from medsettle.clearing.matching.classes import Term
from medsettle.clearing.months.read_calendar import load_calendar
from medsettle.cli.page import Page
from medsettle.cli.show import grid, rows_table
from medsettle.core.dates import CHINA_STANDARD_TIME
from medsettle.core.money import yuan_from_fen
from medsettle.core.settlement import Row
from medsettle.errors import NotFound

ROWS_SHOWN_MAX = 50
_MARK = "≠ "


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


def due_day(item: Item) -> date | None:
    """Return until when an item is to be resolved; None where no day is set, or known.

    Source: the terms of `clearing.md` 2.4 by the calendar that comes with medsettle (3.1).
    """
    try:
        return load_calendar().resolution_day(Term(item.term), item.record_date)
    except NotFound:
        # Records may be older than the calendar.
        return None


def overdue(item: Item, today: date) -> bool:
    """Return whether an item is open after its day."""
    due = due_day(item)
    return item.standing and due is not None and today > due


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
        "opened": run.opened,
        "closed": run.closed,
        "superseded_by": run.superseded_by,
    }


def show_run(console: Console, run: Run, notes: Sequence[str] = ()) -> None:
    """Print what a run found, and what it could not look for."""
    days = str(run.first_day)
    if run.last_day != run.first_day:
        days += f" to {run.last_day}"
    page = Page(console)
    page.head(f"run {run.number} of {run.reconciliation}: {days}", space=False)
    page.text(
        f"{run.matched} records agree; {run.differences} differ, with "
        f"{yuan_from_fen(run.at_risk_fen)} yuan at risk; {run.opened} item(s) opened, "
        f"{run.closed} closed"
    )
    for alarm in run.alarms:
        page.text(f"ALARM: {alarm}", style="bold red")
    for note in notes:
        page.text(note)
    if run.counted:
        console.print(
            rows_table(
                [
                    {
                        "class": int(each.difference_class),
                        "what": _class_words(each.difference_class.name),
                        "differences": each.differences,
                        "at_risk_fen": each.at_risk_fen,
                    }
                    for each in run.counted
                ]
            )
        )


def show_runs(console: Console, runs: Sequence[Run]) -> None:
    """Print runs, the latest last."""
    table = grid("run", "reconciliation", "days", "by")
    for name in ("agree", "differ", "at risk"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("stands")
    for run in runs[-ROWS_SHOWN_MAX:]:
        days = str(run.first_day)
        if run.last_day != run.first_day:
            days += f" – {run.last_day}"
        stands = "yes" if run.superseded_by is None else f"no: run {run.superseded_by}"
        table.add_row(
            str(run.number),
            escape(run.reconciliation),
            days,
            escape(run.by),
            str(run.matched),
            str(run.differences),
            yuan_from_fen(run.at_risk_fen),
            stands,
        )
    console.print(table if runs else "no runs")
    _tell_rest(console, len(runs))


def show_items(console: Console, items: Sequence[Item], today: date) -> None:
    """Print items, with the money at risk in all of them."""
    table = grid("item", "class", "whose turn", "state", "proposed")
    table.add_column("days", justify="right", no_wrap=True)
    table.add_column("at risk", justify="right", no_wrap=True)
    table.add_column("settlement")
    for item in items[:ROWS_SHOWN_MAX]:
        table.add_row(
            str(item.number),
            f"{int(item.difference_class)} {_class_words(item.difference_class.name)}",
            str(item.owner),
            "on hold" if item.held else str(item.state),
            _class_words(item.action),
            str(item.age_days(today)),
            yuan_from_fen(item.at_risk_fen),
            escape(item.settlement),
        )
    if items:
        console.print(table)
    _tell_rest(console, len(items))
    risk_fen = sum(each.at_risk_fen for each in items)
    console.print(f"{len(items)} item(s), {yuan_from_fen(risk_fen)} yuan at risk", highlight=False)


def show_item(
    console: Console, item: Item, difference: Row, events: Sequence[Event], today: date
) -> None:
    """Print an item: the rows side by side, the versions, the history, and what is next."""
    page = Page(console)
    name = _class_words(item.difference_class.name)
    page.head(f"item {item.number}: {int(item.difference_class)} {name}", space=False)
    page.text(item.explanation)
    age, due = item.age_days(today), due_day(item)
    until = f"{item.term.replace('_', ' ')}{'' if due is None else f', {due}'}"
    until += ", overdue" if overdue(item, today) else ""
    page.text(
        f"settlement {item.settlement} of {item.record_date}, {age} day(s) old, insured in "
        f"{item.pooling_area}, care in {item.care_area}; {yuan_from_fen(item.at_risk_fen)} yuan at "
        f"risk; {item.state}{', on hold' if item.held else ''}; until: {until}"
    )
    if item.terms is not None:
        page.text(f"proposed: {item.action} {item.terms}; plan {item.plan}")
    if item.entry is not None:
        page.text(f"recorded as {item.entry}")
    console.print(_side_by_side(difference))
    page.head("what happened")
    page.rows([_event_cells(event) for event in events])
    page.head("next")
    page.text(item.next_step)


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


def _side_by_side(difference: Row) -> Table:
    table = grid("")
    for head, _ in named_rows(difference):
        table.add_column(head, overflow="fold")
    for name, differs, cells in compared_lines(difference):
        mark, style = (_MARK, "bold") if differs else ("  ", "")
        table.add_row(
            escape(f"{mark}{name.removesuffix('_fen')}"), *map(escape, cells), style=style
        )
    return table


def _cell(name: str, value: object) -> str:
    if value is None:
        return "–"
    if name.endswith("_fen") and isinstance(value, int):
        return yuan_from_fen(value)
    if isinstance(value, datetime):
        return f"{value.astimezone(CHINA_STANDARD_TIME):%Y-%m-%d %H:%M:%S}"
    return str(value)


def _event_cells(event: Event) -> list[str]:
    moment = f"{event.moment.astimezone(CHINA_STANDARD_TIME):%Y-%m-%d %H:%M}"
    who = f"run {event.run}" if event.person is None else f"by {event.person}"
    told = [str(event.action)] if event.person is not None else []
    told += [str(event.terms)] if event.terms is not None else []
    told += [f"recorded as {event.entry}"] if event.entry is not None else []
    told += [event.reason] if event.reason else []
    return [moment, str(event.happened), who, ": ".join(told)]


def _class_words(name: str) -> str:
    return name.lower().replace("_", " ")


def _tell_rest(console: Console, count: int) -> None:
    if count > ROWS_SHOWN_MAX:
        console.print(f"… and {count - ROWS_SHOWN_MAX} more; --json shows all of them")
