"""Items and runs of a reconciliation in words, tables and JSON."""

from collections.abc import Sequence
from datetime import date

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from medsettle.clearing.items.item import Event, Item, Run
from medsettle.clearing.items.telling import (
    MARK,
    class_words,
    compared_lines,
    event_cells,
    named_rows,
    standing_line,
)
from medsettle.cli.page import Page
from medsettle.cli.show import grid, print_rows_table, print_table
from medsettle.core.money import yuan_from_fen
from medsettle.core.settlement import Row

ROWS_SHOWN_MAX = 50


def show_run(console: Console, run: Run) -> None:
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
    for note in run.notes:
        page.text(note)
    if run.counted:
        counted: list[Row] = [
            {
                "class": int(each.difference_class),
                "what": class_words(each.difference_class.name),
                "differences": each.differences,
                "at_risk_fen": each.at_risk_fen,
            }
            for each in run.counted
        ]
        print_rows_table(console, counted)


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
    if runs:
        print_table(console, table)
    else:
        console.print("no runs")
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
            f"{int(item.difference_class)} {class_words(item.difference_class.name)}",
            str(item.owner),
            "on hold" if item.held else str(item.state),
            class_words(item.action),
            str(item.age_days(today)),
            yuan_from_fen(item.at_risk_fen),
            escape(item.settlement),
        )
    if items:
        print_table(console, table)
    _tell_rest(console, len(items))
    risk_fen = sum(each.at_risk_fen for each in items)
    console.print(f"{len(items)} item(s), {yuan_from_fen(risk_fen)} yuan at risk", highlight=False)


def show_item(
    console: Console, item: Item, difference: Row, events: Sequence[Event], today: date
) -> None:
    """Print an item: the rows side by side, the versions, the history, and what is next."""
    page = Page(console)
    name = class_words(item.difference_class.name)
    page.head(f"item {item.number}: {int(item.difference_class)} {name}", space=False)
    page.text(item.explanation)
    page.text(standing_line(item, today))
    if item.terms is not None:
        page.text(f"proposed: {item.action} {item.terms}; plan {item.plan}")
    if item.entry is not None:
        page.text(f"recorded as {item.entry}")
    print_table(console, _side_by_side(difference))
    page.head("what happened")
    page.rows([event_cells(event) for event in events])
    page.head("next")
    page.text(item.next_step)


def _side_by_side(difference: Row) -> Table:
    table = grid("")
    for head, _ in named_rows(difference):
        table.add_column(head, overflow="fold")
    for name, differs, cells in compared_lines(difference):
        mark, style = (MARK, "bold") if differs else ("  ", "")
        table.add_row(
            escape(f"{mark}{name.removesuffix('_fen')}"), *map(escape, cells), style=style
        )
    return table


def _tell_rest(console: Console, count: int) -> None:
    if count > ROWS_SHOWN_MAX:
        console.print(f"… and {count - ROWS_SHOWN_MAX} more; --json shows all of them")
