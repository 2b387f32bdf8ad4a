"""`medsettle prepay`: what is prepaid between provinces, how far it is used, what is due when."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from medsettle.clearing.months.calendar import MEDICAL
from medsettle.clearing.months.read_calendar import load_calendar
from medsettle.clearing.prepayments.amounts import read_amounts
from medsettle.clearing.prepayments.forecast import forecast as forecast_of
from medsettle.clearing.prepayments.increase import Increases
from medsettle.clearing.prepayments.prepayment import Level, Line, Usage, requirements
from medsettle.clearing.prepayments.terms import load_prepayment_rules
from medsettle.clearing.prepayments.years import behind_on, recalculation_due
from medsettle.cli import prepay_words as words
from medsettle.cli.desks import now
from medsettle.cli.exits import Exit, Quit, told
from medsettle.cli.options import Data, Json, day_or_today, fen_named
from medsettle.cli.prepay_increase import app as increase_app
from medsettle.cli.prepay_options import (
    Calendar,
    Cleared,
    Day,
    Holidays,
    Month,
    Terms,
    Until,
    Who,
    month_named,
    opened,
)
from medsettle.cli.show import print_json, print_lines, print_rows, show_rows

app = typer.Typer(
    no_args_is_help=True, help="Prepayments between provinces, and the calendar of clearing."
)
app.add_typer(increase_app, name="increase")

Year = Annotated[int, typer.Argument(help="The year to prepay for.", min=1999, max=2099)]


@app.command()
def compute(year: Year, cleared: Cleared, terms: Terms = None, as_json: Json = False) -> None:
    """Show what is to be prepaid for a year; nothing is recorded."""
    console = Console()
    with told(console, as_json=as_json):
        in_force = load_prepayment_rules(terms).on(date(year, 1, 1))
        found = requirements(read_amounts(cleared, "month"), year, in_force)
    rows = [words.requirement_row(each) for each in found]
    show_rows(console, rows, "no line", as_json=as_json)


@app.command()
def recalculate(
    year: Year,
    cleared: Cleared,
    by: Who,
    on: Day = None,
    terms: Terms = None,
    calendar: Calendar = None,
    holidays: Holidays = None,
    data: Data = Path("medsettle-data"),
    as_json: Json = False,
) -> None:
    """Record what is prepaid for a year, and issue notices over the differences."""
    console = Console()
    with told(console, as_json=as_json):
        in_force = load_prepayment_rules(terms).on(date(year, 1, 1))
        required = requirements(read_amounts(cleared, "month"), year, in_force)
        days = load_calendar(calendar, holidays)
        issued = day_or_today(on)
        due = recalculation_due(year, issued, in_force, days)
        with opened(data, new=True) as store:
            notices = store.recalculate(required, in_force, issued, due, by, now())
    rows = [words.notice_row(notice) for notice in notices]
    show_rows(console, rows, "no line differs; no notice was issued", as_json=as_json)


@app.command()
def pay(
    notice: Annotated[str, typer.Argument(help="Number of the notice, such as PP2026-000001.")],
    yuan: Annotated[str, typer.Option(help="What was paid, such as 5000000.00.")],
    reference: Annotated[str, typer.Option(help="What tells the payment: its EndToEndId.")],
    by: Who,
    on: Day = None,
    data: Data = Path("medsettle-data"),
    as_json: Json = False,
) -> None:
    """Register a payment on a notice; the same reference counts once."""
    console = Console()
    with told(console, as_json=as_json), opened(data) as store:
        fen = fen_named("yuan", yuan)
        found = store.pay(notice, fen, day_or_today(on), reference, by, now())
    show_rows(console, [words.notice_row(found)], "", as_json=as_json)


@app.command()
def notices(data: Data = Path("medsettle-data"), as_json: Json = False) -> None:
    """Show every notice with what is open of it; what was superseded has nothing open."""
    console = Console()
    with told(console, as_json=as_json), opened(data) as store:
        rows = [words.notice_row(notice) for notice in store.notices()]
    show_rows(console, rows, "no notice was issued", as_json=as_json)


@app.command()
def usage(
    month: Month,
    cleared: Annotated[
        Path | None, typer.Option(help="What was cleared, to be recorded; as for compute.")
    ] = None,
    pool: Annotated[
        bool, typer.Option("--pool", help="All who prepay to a place of care as one, by fund.")
    ] = False,
    terms: Terms = None,
    data: Data = Path("medsettle-data"),
    as_json: Json = False,
) -> None:
    """Show how far a month uses up each prepayment, with what it cleared so far."""
    console = Console()
    with told(console, as_json=as_json), opened(data, new=cleared is not None) as store:
        first, rules = month_named(month), load_prepayment_rules(terms)
        if cleared is not None:
            amounts = read_amounts(cleared, "month")
            own = [(line, when, fen) for (line, when), fen in amounts.items() if when == first]
            store.record_usages(own, rules, now())
        found = store.pools(first, rules) if pool else store.usages(first, rules)
    rows = [words.usage_row(each) | ({"reason": each.reason} if as_json else {}) for each in found]
    reasons = [f"{each.line}: {each.reason}" for each in found if each.level is not Level.NORMAL]
    nothing = f"no usage of {first:%Y-%m} is recorded; give --cleared"
    show_rows(console, rows, nothing, as_json=as_json, more=reasons)


@app.command()
def alarms(
    on: Day = None,
    month: Annotated[str | None, typer.Option(help="A month; the last recorded without.")] = None,
    terms: Terms = None,
    calendar: Calendar = None,
    holidays: Holidays = None,
    data: Data = Path("medsettle-data"),
    as_json: Json = False,
) -> None:
    """Show lines at yellow and red or behind, unpaid notices by age, and increases under way.

    Exits with 1 where a line is red, a notice is overdue, or the day on which notices of the year
    are due is past and a line was not recalculated for it.
    """
    console = Console()
    with told(console, as_json=as_json), opened(data) as store:
        rules, day = load_prepayment_rules(terms), day_or_today(on)
        first = store.last_month() if month is None else month_named(month)
        usages = [] if first is None else store.usages(first, rules)
        raised = [each for each in usages if each.level is not Level.NORMAL]
        pools = [] if first is None else store.pools(first, rules)
        unpaid = store.unpaid(day)
        increases = [each for each in Increases(store, rules).all() if each.under_way]
        behind = behind_on(store, day, load_calendar(calendar, holidays))
    aged = [words.aged_row(each) for each in unpaid]
    asked = [words.increase_row(each) for each in increases]
    if as_json:
        levels = [words.usage_row(each) | {"reason": each.reason} for each in raised]
        body = {"levels": levels, "pools": list(map(words.usage_row, pools))}
        body |= {"unpaid": aged, "increases": asked}
        body |= {"not_recalculated": list(map(words.behind_row, behind))}
        print_json(console, body)
    else:
        _show_alarms(console, raised, pools)
        print_lines(console, [f"{each.line}: {each.reason}" for each in behind])
        print_rows(console, aged, "no notice is unpaid")
        print_rows(console, asked, "no increase is under way")
    late = any(each.overdue_days for each in unpaid)
    if late or behind or any(each.level is Level.RED for each in raised):
        raise Quit(Exit.FINDING)


def _show_alarms(console: Console, raised: list[Usage], pools: list[Usage]) -> None:
    for each in raised:
        colour = "bold red" if each.level is Level.RED else "bold yellow"
        console.print(
            f"[{colour}]{each.level}[/] {escape(str(each.line))}: {escape(each.reason)}",
            soft_wrap=True,
            highlight=False,
        )
    if not raised:
        console.print("no line is yellow or red")
    short = {(each.line.care, each.line.fund) for each in raised}
    print_lines(
        console,
        [
            f"all that {each.line.care} holds for {each.line.fund}: {each.reason}"
            for each in pools
            if (each.line.care, each.line.fund) in short
        ],
    )


@app.command()
def forecast(
    cleared: Annotated[Path, typer.Option(help="What each day cleared: a column day, not month.")],
    until: Until,
    top_up: Annotated[str, typer.Option(help="Yuan that would be paid in: what-if.")] = "0",
    terms: Terms = None,
    holidays: Holidays = None,
    data: Data = Path("medsettle-data"),
    as_json: Json = False,
) -> None:
    """Tell on which day of the month each line turns yellow and red, and why."""
    console = Console()
    with told(console, as_json=as_json), opened(data) as store:
        today = day_or_today(until)
        # As usage has them: a month is looked at by the terms of its first day.
        in_force = load_prepayment_rules(terms).on(today.replace(day=1))
        working_days = load_calendar(holidays=holidays).working_days
        days: dict[Line, dict[date, int]] = {}
        for (line, day), fen in read_amounts(cleared, "day").items():
            days.setdefault(line, {})[day] = fen
        more = fen_named("top_up", top_up)
        found = [
            forecast_of(
                line, own, today, store.standing_fen(line, today), in_force, working_days, more
            )
            for line, own in sorted(days.items())
        ]
    rows = [
        words.forecast_row(each) | ({"reason": each.reason} if as_json else {}) for each in found
    ]
    reasons = [f"{each.line}: {each.reason}" for each in found]
    show_rows(console, rows, "no line", as_json=as_json, more=reasons)


@app.command(name="calendar")
def show_calendar(
    month: Month,
    scheme: Annotated[str, typer.Option(help="medical, work_injury, mutual_aid, prepayment.")] = (
        MEDICAL
    ),
    calendar: Calendar = None,
    holidays: Holidays = None,
    as_json: Json = False,
) -> None:
    """Show every step of clearing a month with its day, and the text that states it."""
    console = Console()
    with told(console, as_json=as_json):
        found = load_calendar(calendar, holidays).due_dates(month_named(month), scheme)
    today = day_or_today(None)
    rows = [words.due_row(due, today) for due in found]
    if as_json:
        rows = [
            row | {"source": due.rule.source, "note": due.rule.note, "warning": due.warning}
            for row, due in zip(rows, found, strict=True)
        ]
    said = [f"{due.rule.source} ({due.rule.confidence})" for due in found]
    said += [due.warning for due in found if due.warning]
    lines = list(dict.fromkeys(said))
    show_rows(console, rows, "no step", as_json=as_json, more=lines)
