"""`medsettle prepay increase`: ask for more at red, review it, and issue its notice."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from medsettle.clearing.months.read_calendar import load_calendar
from medsettle.clearing.prepayments.increase import Increase, Increases
from medsettle.clearing.prepayments.prepayment import line_of
from medsettle.clearing.prepayments.terms import load_prepayment_rules
from medsettle.cli import prepay_words as words
from medsettle.cli.desks import now
from medsettle.cli.exits import told
from medsettle.cli.options import Data, Json, day_or_today, fen_named
from medsettle.cli.prepay_options import (
    Care,
    Day,
    Fund,
    Holidays,
    Insured,
    Month,
    Terms,
    Who,
    month_named,
    opened,
)
from medsettle.cli.show import print_json, print_lines, print_rows, show_rows

app = typer.Typer(no_args_is_help=True, help="Urgent increases of a red line, step by step.")

Number = Annotated[int, typer.Argument(help="Number of the increase.")]


@app.command()
def request(
    month: Month,
    insured: Insured,
    care: Care,
    fund: Fund,
    yuan: Annotated[str, typer.Option(help="By how much, such as 5000000.00.")],
    by: Who,
    on: Day = None,
    terms: Terms = None,
    data: Data = Path("medsettle-data"),
    as_json: Json = False,
) -> None:
    """Ask for an increase, as the place of care; the month must be red on the line."""
    console = Console()
    with told(console, as_json=as_json), opened(data) as store:
        increases = Increases(store, load_prepayment_rules(terms))
        line, fen = line_of(insured, care, fund), fen_named("yuan", yuan)
        found = increases.request(line, month_named(month), fen, day_or_today(on), by, now())
    _show(console, found, as_json=as_json)


@app.command()
def review(
    increase: Number,
    why: Annotated[str, typer.Option(help="The reason, for the record.")],
    by: Who,
    approve: Annotated[bool, typer.Option("--approve/--refuse", help="What is decided.")],
    on: Day = None,
    terms: Terms = None,
    data: Data = Path("medsettle-data"),
    as_json: Json = False,
) -> None:
    """Approve or refuse a request, as the national centre."""
    console = Console()
    with told(console, as_json=as_json), opened(data) as store:
        increases = Increases(store, load_prepayment_rules(terms))
        found = increases.review(
            increase, approved=approve, why=why, day=day_or_today(on), who=by, now=now()
        )
    _show(console, found, as_json=as_json)


@app.command()
def notice(
    increase: Number,
    by: Who,
    on: Day = None,
    terms: Terms = None,
    holidays: Holidays = None,
    data: Data = Path("medsettle-data"),
    as_json: Json = False,
) -> None:
    """Issue the notice of an approved increase; it is paid with `prepay pay`."""
    console = Console()
    with told(console, as_json=as_json), opened(data) as store:
        increases = Increases(store, load_prepayment_rules(terms))
        working_days = load_calendar(holidays=holidays).working_days
        found = increases.notice(increase, day_or_today(on), by, working_days, now())
    show_rows(console, [words.notice_row(found)], "", as_json=as_json)


@app.command()
def show(increase: Number, data: Data = Path("medsettle-data"), as_json: Json = False) -> None:
    """Show an increase with every step, who took it and why."""
    console = Console()
    with told(console, as_json=as_json), opened(data) as store:
        found = Increases(store, load_prepayment_rules()).get(increase)
    _show(console, found, as_json=as_json)


def _show(console: Console, increase: Increase, *, as_json: bool) -> None:
    if as_json:
        body = words.increase_row(increase) | {"steps": words.steps_of(increase)}
        print_json(console, body)
        return
    lines = [f"{s['day']} {s['state']} by {s['who']}: {s['why']}" for s in words.steps_of(increase)]
    row = {
        name: value
        for name, value in words.increase_row(increase).items()
        if name not in {"since", "who", "why"}
    }
    print_rows(console, [row], "")
    print_lines(console, lines)
