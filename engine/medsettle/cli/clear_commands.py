"""`medsettle clear`: close months, say who owes whom, and see that it is paid."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from medsettle import limits
from medsettle.clearing.months.lines import NEXT_STEPS, Held
from medsettle.clearing.months.table_checks import refuse_unequal
from medsettle.clearing.months.tables import (
    TableName,
    checked,
    condensed,
    drill,
    make_tables,
    table,
    write_tables,
)
from medsettle.clearing.notices.netting import by_line, liquidity, obligations
from medsettle.clearing.notices.year_end import year_end
from medsettle.cli.clear_deductions import deduction_commands
from medsettle.cli.clear_notices import notice_commands
from medsettle.cli.clear_options import (
    DATA,
    Book,
    By,
    Data,
    Items,
    MonthText,
    Reason,
    Unreconciled,
    month_named,
    open_settlements,
    opened,
    reconciled_days,
)
from medsettle.cli.clear_words import (
    held_words,
    liquidity_json,
    liquidity_rows,
    month_row,
    notice_row,
    year_json,
)
from medsettle.cli.desks import now
from medsettle.cli.exits import Exit, Quit, told
from medsettle.cli.options import Json, day_or_today
from medsettle.cli.show import print_json, print_lines, print_rows
from medsettle.core.dates import service_day_of
from medsettle.core.money import yuan_from_fen
from medsettle.core.settlement import Row
from medsettle.errors import Fault, InvalidRequest
from medsettle.ledger.scratch import scratch

LateMonths = Annotated[int, typer.Option(help="Months a record may be late without a decision.")]

app = typer.Typer(
    no_args_is_help=True,
    help="Close months, say which province owes which, and see that it is paid.",
)
app.registered_commands += notice_commands.registered_commands
app.registered_commands += deduction_commands.registered_commands


_CONDENSED = {TableName.PAYABLE, TableName.RECEIVABLE}
_SHOWN_AS = {"insured_province": "owes", "care_province": "to"}


@app.command()
def close(
    month: MonthText,
    book: Book,
    by: By,
    items: Items = None,
    unreconciled: Unreconciled = False,
    late_months: LateMonths = limits.LATE_MONTHS_DEFAULT,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Close a month of the book of the place of insurance: its lines never change again."""
    console = Console()
    with told(console, as_json=as_json):
        named = month_named(month)
        held_open = open_settlements(data, items, unreconciled=unreconciled)
        with opened(data, new=True) as store:
            closed, held = store.close_month(
                *(named, book, held_open),
                check_days=None if unreconciled else reconciled_days(data, items, named, book),
                today=service_day_of(now()),
                who=by,
                moment=now(),
                late_months=late_months,
            )
    if as_json:
        print_json(console, month_row(closed) | {"held_why": dict(held)})
        return
    owed = yuan_from_fen(closed.owed_fen)
    print_lines(console, [f"closed {named.text}: {closed.lines} line(s) that owe {owed} yuan"])
    print_lines(console, held_words(named, held))


@app.command()
def months(data: Data = DATA, as_json: Json = False) -> None:
    """List the closed months with their digests."""
    console = Console()
    with told(console, as_json=as_json), opened(data) as store:
        rows = [month_row(each) for each in store.months()]
    if as_json:
        print_json(console, rows)
        return
    shown = ("month", "lines", "owed_fen", "held", "who")
    print_rows(console, [{name: row[name] for name in shown} for row in rows], "no month is closed")


@app.command()
def held(month: MonthText, data: Data = DATA, as_json: Json = False) -> None:
    """List what a closed month held back and why; decide about what is too late."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - loads slowly

    console = Console()
    with told(console, as_json=as_json), opened(data) as store:
        rows = pq.read_table(store.held_file(month_named(month))).to_pylist()
    steps = {str(each["held"]): NEXT_STEPS[Held(each["held"])] for each in rows}
    if as_json:
        print_json(console, [each | {"next_step": steps[each["held"]]} for each in rows])
        return
    print_rows(console, rows, f"{month} held nothing back")
    print_lines(console, [f"{why}: {step}" for why, step in sorted(steps.items())])


@app.command()
def decide(
    settlement: Annotated[str, typer.Argument(help="Id of a record.")],
    by: By,
    reason: Reason,
    take: Annotated[bool, typer.Option("--take/--leave", help="Whether a month takes it.")],
    book: Annotated[
        Path | None, typer.Option(help="The book that has it, where no closed month held it back.")
    ] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Decide whether the open month takes a record, and put a reason into its line.

    Of a late one that a month held back, or before one is closed: why something is taken back.
    """
    console = Console()
    with told(console, as_json=as_json), opened(data) as store:
        store.refuse_unknown(settlement, book)
        store.decide(settlement, included=take, who=by, reason=reason, moment=now())
    if as_json:
        print_json(console, {"settlement": settlement, "taken": take})
        return
    word = "takes" if take else "leaves out"
    print_lines(console, [f"the month that is closed next {word} {settlement}"])


@app.command()
def tables(
    month: MonthText,
    which: Annotated[TableName, typer.Option("--table", help="Which table.")] = TableName.PAYABLE,
    drill_by: Annotated[
        list[str] | None,
        typer.Option("--drill", help="NAME=VALUE: show the records behind a figure; often."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write all tables as Parquet into this folder.")
    ] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Show a clearing table of a closed month, after all its figures were checked."""
    console = Console()
    with told(console, as_json=as_json), opened(data) as store:
        lines = store.lines_file(month_named(month))
        with scratch(store.folder) as connection:
            make_tables(connection, lines)
            refuse_unequal(lines, checked(connection))
            if out is not None:
                write_tables(connection, out)
            if drill_by:
                rows = drill(connection, _key(drill_by))
            else:
                rows = table(connection, which.value).to_pylist()
            few = condensed(connection, which.value) if which in _CONDENSED else []
    if as_json:
        print_json(console, rows)
    elif which in _CONDENSED and not drill_by:
        shown = [{_SHOWN_AS.get(name, name): row[name] for name in row} for row in few]
        print_rows(console, shown, f"{month} has no such rows")
        console.print(
            f"{len(rows)} figures by city, insurance type, clearing class and month of settlement "
            "are behind these: --json, --out, --drill",
            soft_wrap=True,
        )
    else:
        print_rows(console, [_shown(row) for row in rows], f"{month} has no such rows")


def _key(texts: list[str]) -> dict[str, str]:
    """Return the key that `NAME=VALUE` texts name."""
    parts = [text.partition("=") for text in texts]
    faults = [
        Fault("--drill", f"{name!r} has no value; write NAME=VALUE")
        for name, equals, _ in parts
        if not equals
    ]
    if faults:
        raise InvalidRequest(faults)
    return {name: value for name, _, value in parts}


def _shown(row: Row) -> Row:
    """Return what of a row fits on a screen: no provinces beside areas, no codes beside payers."""
    left_out = {"insured_province", "care_province", "fund_pay_type", "care_fund_pay_type"}
    left_out |= {"clearing_month", "record_date"}
    return {name: value for name, value in row.items() if name not in left_out}


@app.command()
def netting(month: MonthText, data: Data = DATA, as_json: Json = False) -> None:
    """Show what would move of a month if provinces paid differences: a view, never posted."""
    console = Console()
    with told(console, as_json=as_json), opened(data) as store:
        owed = obligations(store.folder, store.lines_file(month_named(month)))
    views = by_line(owed)
    overall = liquidity(owed)
    if as_json:
        told_lines = {line: liquidity_json(view) for line, view in views.items()}
        print_json(console, {"lines": told_lines, "over_all": liquidity_json(overall)})
        return
    print_rows(console, liquidity_rows(views | {"over all": overall}), "nothing is owed")
    positions = [f"{name} {yuan_from_fen(fen)}" for name, fen in overall.positions]
    print_lines(console, [f"positions over all: {', '.join(positions)}"] if positions else [])


@app.command(name="year-end")
def show_year_end(
    year: Annotated[int, typer.Argument(help="A year such as 2024.")],
    book: Book,
    items: Items = None,
    unreconciled: Unreconciled = False,
    late_months: LateMonths = limits.LATE_MONTHS_DEFAULT,
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day; today without it.")
    ] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Say what of a year is not cleared; exit code 1 where that is overdue."""
    console = Console()
    with told(console, as_json=as_json):
        day = day_or_today(on)
        held_open = open_settlements(data, items, unreconciled=unreconciled)
        with opened(data) as store:
            ended = year_end(store, year, book, held_open, today=day, late_months=late_months)
    if as_json:
        print_json(console, year_json(ended))
    else:
        state = "all cleared and paid" if ended.complete else "not all cleared and paid"
        late = ", overdue" if ended.overdue and not ended.complete else ""
        owed = yuan_from_fen(ended.cleared_fen)
        print_lines(
            console,
            [
                f"{year}: {state}, due by {ended.deadline}{late}; {ended.cleared} record(s) that "
                f"owe {owed} yuan are cleared"
            ],
        )
        found = year_json(ended)
        print_rows(console, found["not_cleared"], "no record is left")  # type: ignore[arg-type]
        unissued = ", ".join(month.text for month in ended.unissued)
        print_lines(console, [f"notices of {unissued} are not issued"] if unissued else [])
        unpaid = [notice_row(each) for each in ended.unpaid]
        print_rows(console, unpaid, "no notice is unpaid")
    if ended.overdue and not ended.complete:
        raise Quit(Exit.FINDING)
