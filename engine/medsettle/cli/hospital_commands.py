"""`medsettle hospital`: what hospitals declare, what is decided of it, and what they are paid."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from medsettle.clearing.hospitals.approvals import supply
from medsettle.clearing.hospitals.audited import audited_rows
from medsettle.clearing.hospitals.declarations import (
    Declaration,
    Status,
    declaration,
    declarations,
    declare,
    describe_differences,
    step,
)
from medsettle.clearing.hospitals.holds import confirm, free, hold
from medsettle.clearing.hospitals.read_terms import read_hospital_terms
from medsettle.clearing.hospitals.reports import report
from medsettle.clearing.hospitals.rows import flat
from medsettle.clearing.hospitals.slices import Slice, instant, month
from medsettle.cli import hospital_money, hospital_views
from medsettle.cli.clear_options import MonthText, month_named
from medsettle.cli.desks import AUDIT_FOLDER, check_is_ledger, ledger_at
from medsettle.cli.exits import Exit, Quit, told
from medsettle.cli.hospital_books import (
    applied_in,
    book_rows,
    confirmed_in,
    read_applications,
)
from medsettle.cli.hospital_options import (
    DATA,
    By,
    Day,
    Folder,
    Reason,
    Terms,
    decided,
    hospitals,
)
from medsettle.cli.hospital_options import On as OnDay
from medsettle.cli.hospital_words import declaration_json, declaration_row
from medsettle.cli.options import Json, Ledger, day_named, day_or_today
from medsettle.cli.show import print_json, show_rows
from medsettle.core.dates import day_number
from medsettle.core.settlement import Row
from medsettle.ledger.opening import open_reader

app = typer.Typer(
    no_args_is_help=True,
    help="Pay hospitals: declarations, instant and monthly slices, deductions, reserves.",
)

_STEPS = {status.name.lower(): status for status in Status}
To = Annotated[
    str, typer.Option(help="accepted, reviewing, reviewed, rejected, or applied to reopen it.")
]


@app.command(name="report")
def read_in(
    by: By,
    book: Annotated[
        Path | None, typer.Option(help="A book: .parquet, .csv, .json; else the audit tables.")
    ] = None,
    area: Annotated[
        str, typer.Option(help="Whose hospitals, of the audit tables: the area of care.")
    ] = "",
    first: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day of the audit tables.")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day; without it the first.")
    ] = None,
    data: Folder = DATA,
    as_json: Json = False,
) -> None:
    """Read settlements in, each once: what hospitals are paid for."""
    console = Console()
    if book is None and (not area or first is None):
        raise typer.BadParameter("name a --book, or --area and --first for the audit tables")
    with told(console, as_json=as_json), hospitals(data, new=True) as store:
        if book is not None:
            rows = book_rows(book)
        else:
            assert first is not None
            end = first if last is None else last
            rows = audited_rows(store, data / AUDIT_FOLDER, area, first.date(), end.date())
        found = report(store, rows, decided(by))
    if as_json:
        print_json(console, flat(found))
    else:
        console.print(
            f"{found.added} record(s) read in, {found.known} known before, "
            f"{found.deductions} audit deduction(s)"
        )


@app.command(name="declare")
def declare_month(
    what: MonthText,
    by: By,
    file: Annotated[
        Path | None, typer.Option(help="Applications as JSON; else those of the ledger (3203).")
    ] = None,
    data: Folder = DATA,
    ledger: Ledger = None,
    as_json: Json = False,
) -> None:
    """Take applications over with the settlements they cover, and tell where sums differ."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data) as store:
        named = month_named(what)
        if file is not None:
            applications = [each for each in read_applications(file) if each.month == named]
        else:
            place = ledger_at(data, ledger)
            check_is_ledger(place)
            with open_reader(place) as reader:
                applications = applied_in(reader, named)
        found = [declare(store, each, decided(by)) for each in applications]
    _show_declarations(console, found, as_json=as_json)
    if any(each.differences for each in found):
        raise Quit(Exit.FINDING)


@app.command()
def review(
    number: Annotated[str, typer.Argument(help="Number of the declaration.")],
    to: To,
    by: By,
    reason: Reason = "",
    data: Folder = DATA,
    as_json: Json = False,
) -> None:
    """Take a declaration a step further, reject it, or reopen a rejected one."""
    console = Console()
    if to not in _STEPS:
        raise typer.BadParameter(f"--to is one of {', '.join(_STEPS)}")
    with told(console, as_json=as_json), hospitals(data) as store:
        found = step(store, number, _STEPS[to], decided(by, reason))
    _show_declarations(console, [found], as_json=as_json)


@app.command(name="declarations")
def list_declarations(what: MonthText, data: Folder = DATA, as_json: Json = False) -> None:
    """List the declarations of a month."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data) as store:
        found = [declaration(store, number) for number in declarations(store, month_named(what))]
    _show_declarations(console, found, as_json=as_json)


def _show_declarations(console: Console, found: list[Declaration], *, as_json: bool) -> None:
    if as_json:
        print_json(console, [declaration_json(each) for each in found])
        return
    show_rows(console, [declaration_row(each) for each in found], "no declarations", as_json=False)
    for each in found:
        for words in describe_differences(each):
            number = each.application.declaration
            console.print(escape(f"{number} {words}"), highlight=False, soft_wrap=True)


@app.command()
def grade(
    institution: Annotated[str, typer.Argument(help="Code of the institution.")],
    to: Annotated[str, typer.Argument(help="Its performance grade, as A.")],
    start: Annotated[
        datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day it counts.")
    ],
    by: By,
    data: Folder = DATA,
    as_json: Json = False,
) -> None:
    """Record the performance grade of an institution."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data, new=True) as store:
        first = day_named(start)
        store.grade(institution, day_number(first), to, decided(by))
    row: Row = {"institution": institution, "grade": to, "from": first.isoformat()}
    show_rows(console, [row], "", as_json=as_json)


@app.command()
def confirmations(
    what: MonthText, by: By, data: Folder = DATA, ledger: Ledger = None, as_json: Json = False
) -> None:
    """Take over what institutions confirm of persons insured elsewhere; the rest is on hold."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data) as store:
        place = ledger_at(data, ledger)
        check_is_ledger(place)
        with open_reader(place) as reader:
            standing = confirmed_in(reader, month_named(what))
        found = confirm(store, standing, decided(by))
    show_rows(console, [flat(found)], "", as_json=as_json)


@app.command(name="hold")
def hold_claim(
    claim: Annotated[str, typer.Argument(help="Id of the settlement.")],
    by: By,
    reason: Reason,
    end: Annotated[bool, typer.Option("--free", help="Free it again.")] = False,
    data: Folder = DATA,
    as_json: Json = False,
) -> None:
    """Put a claim on hold, or free it: nothing of it is paid meanwhile."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data) as store:
        (free if end else hold)(store, claim, decided(by, reason))
    row: Row = {"claim": claim, "on_hold": not end}
    show_rows(console, [row], "", as_json=as_json)


@app.command(name="terms")
def supply_terms(
    file: Annotated[Path, typer.Argument(help="Document of the terms.")],
    by: By,
    data: Folder = DATA,
    as_json: Json = False,
) -> None:
    """Record who supplies terms; somebody else approves slices by them."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data, new=True) as store:
        book = read_hospital_terms(file)
        supplier = supply(store, book, decided(by))
    row: Row = {"area": book.area, "document": book.document, "supplied_by": supplier}
    show_rows(console, [row], "", as_json=as_json)


@app.command(name="instant")
def pay_instantly(
    day: Day, terms: Terms, by: By, data: Folder = DATA, as_json: Json = False
) -> None:
    """Approve what is to be paid at once up to a day."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data) as store:
        found = instant(store, read_hospital_terms(terms), day_named(day), decided(by))
    _show_slices(console, found, as_json=as_json)


@app.command(name="month")
def pay_month(
    what: MonthText,
    terms: Terms,
    by: By,
    on: OnDay = None,
    data: Folder = DATA,
    as_json: Json = False,
) -> None:
    """Approve what is left of the reviewed declarations of a month, less its reserve."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data) as store:
        named, rules = month_named(what), read_hospital_terms(terms)
        found = month(store, rules, named, day_or_today(on), decided(by))
    _show_slices(console, found, as_json=as_json)


def _show_slices(console: Console, found: list[Slice], *, as_json: bool) -> None:
    rows = [flat(each) for each in found]
    show_rows(console, rows, "nothing is due", as_json=as_json)


for _commands in (hospital_money.COMMANDS, hospital_views.COMMANDS):
    for _name, _command in _commands.items():
        app.command(name=_name)(_command)
