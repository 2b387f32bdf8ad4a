"""`medsettle clear issue`, `notices`, `pay`, `register`, `match` and what else moves a notice."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from medsettle.clearing.months.calendar import Step
from medsettle.clearing.months.read_calendar import load_calendar
from medsettle.clearing.notices.bank import match
from medsettle.clearing.notices.book import Notice, Status, events, notice, notices
from medsettle.clearing.notices.deductions import deductions
from medsettle.clearing.notices.notices import advance, issue, reissue
from medsettle.clearing.notices.payment_files import pay, without_account
from medsettle.clearing.notices.payments import (
    Seen,
    ageing,
    give_back,
    payment_of,
    payments,
    register,
    unregister,
)
from medsettle.clearing.notices.under_way import (
    asked_of,
    refuse,
    sum_under_way_fen,
    under_way_fen,
)
from medsettle.cli.clear_options import (
    DATA,
    Accounts,
    By,
    Data,
    Day,
    FileNumber,
    MonthText,
    Number,
    OfNotice,
    PaymentId,
    Reason,
    month_named,
    opened,
)
from medsettle.cli.clear_words import (
    SHOWN_OF_NOTICE,
    asked_row,
    band_row,
    deduction_row,
    file_row,
    imported_json,
    matched_row,
    notice_row,
    payment_row,
)
from medsettle.cli.desks import now
from medsettle.cli.exits import Exit, Quit, told
from medsettle.cli.options import Json, day_named, fen_named
from medsettle.cli.show import print_json, print_lines, print_rows
from medsettle.core.dates import service_day_of
from medsettle.core.money import yuan_from_fen
from medsettle.core.settlement import Row
from medsettle.errors import Fault, InvalidRequest
from medsettle.payments.accounts import read_accounts

_STATUSES = {status.name.lower(): status for status in Status}

notice_commands = typer.Typer()


@notice_commands.command(name="issue")
def issue_notices(
    month: MonthText,
    by: By,
    due: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Until when to pay; without it the day of the transfer in the calendar.",
        ),
    ] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Issue the notices of a closed month: each direction and fund line one, gross."""
    console = Console()
    with told(console, as_json=as_json), opened(data) as store:
        named = month_named(month)
        if due is None:
            due_on = load_calendar().day_of(Step.TRANSFERRED, named.first_day)
        else:
            due_on = day_named(due)
        found = issue(store, named, who=by, due_on=due_on, moment=now(), by_calendar=due is None)
    _show(console, found, as_json=as_json)


@notice_commands.command(name="notices")
def list_notices(
    month: Annotated[
        str | None, typer.Argument(metavar="[MONTH]", help="Only those of this month.")
    ] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """List notices, deductions, and how old what is unpaid is."""
    console = Console()
    with told(console, as_json=as_json), opened(data) as store:
        found = notices(store, month=None if month is None else month_named(month))
        taken = [deduction_row(each) for each in deductions(store)]
        bands = [band_row(band) for band in ageing(found, service_day_of(now()))]
    if as_json:
        rows = [notice_row(each) for each in found]
        print_json(console, {"notices": rows, "deductions": taken, "ageing": bands})
        return
    _show(console, found, as_json=False)
    print_rows(console, taken, "no deduction")
    print_rows(console, bands, "")


@notice_commands.command(name="notice")
def show_notice(number: Number, data: Data = DATA, as_json: Json = False) -> None:
    """Show a notice with each of its steps, its payments, and what the bank was asked for."""
    console = Console()
    with told(console, as_json=as_json), opened(data) as store:
        found = notice(store, number)
        steps: list[Row] = [
            {
                "status": int(each.status),
                "state": each.status.name.lower(),
                "who": each.who,
                "reason": each.reason,
                "time_us": each.time_us,
            }
            for each in events(store, number)
        ]
        moved = [payment_row(each) for each in payments(store, number)]
        asked = [asked_row(each) for each in asked_of(store, number)]
    if as_json:
        print_json(
            console, {**notice_row(found), "steps": steps, "payments": moved, "files": asked}
        )
        return
    _show(console, [found], as_json=False)
    print_rows(console, steps, "")
    print_rows(console, moved, "no payment")
    print_rows(console, asked, "in no payment file")


@notice_commands.command(name="advance")
def advance_notice(
    number: Number,
    status: Annotated[str, typer.Argument(help=f"One of {', '.join(_STATUSES)}.")],
    by: By,
    reason: Reason = "",
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Set the next status of a notice, or reject it with a reason."""
    console = Console()
    with told(console, as_json=as_json), opened(data) as store:
        if status not in _STATUSES:
            names = ", ".join(_STATUSES)
            raise InvalidRequest([Fault("status", f"{status!r} is none of {names}")])
        found = advance(store, number, _STATUSES[status], who=by, moment=now(), reason=reason)
    _show(console, [found], as_json=as_json)


@notice_commands.command(name="reissue")
def reissue_notice(number: Number, by: By, data: Data = DATA, as_json: Json = False) -> None:
    """Issue a rejected notice anew, under the next number."""
    console = Console()
    with told(console, as_json=as_json), opened(data) as store:
        found = reissue(store, number, who=by, moment=now())
    _show(console, [found], as_json=as_json)


@notice_commands.command(name="register")
def register_payment(
    number: Number,
    yuan: Annotated[str, typer.Argument(help="Yuan such as 1041500.00.")],
    reference: Annotated[str, typer.Option(help="The bank's reference.")],
    on: Day,
    by: By,
    account: Annotated[str, typer.Option(help="The account that it was seen on.")] = "",
    over: Annotated[bool, typer.Option("--over", help="More came than is open.")] = False,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Register a payment of a cleared notice, whole or a part; the same again is one."""
    console = Console()
    with told(console, as_json=as_json), opened(data) as store:
        seen = Seen(reference, day_named(on), by, account)
        payment = register(store, number, fen_named("yuan", yuan), seen, now(), over=over)
        found = notice(store, number)
    _told_payment(console, payment, found, as_json=as_json)


@notice_commands.command(name="give-back")
def register_return(
    payment: PaymentId,
    reference: Annotated[str, typer.Option(help="The bank's reference of the return.")],
    on: Day,
    by: By,
    reason: Reason,
    account: Annotated[str, typer.Option(help="The account that it was seen on.")] = "",
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Register that the bank gave a payment back; its notice is open again.

    What was never paid is taken back with `unregister`.
    """
    console = Console()
    with told(console, as_json=as_json), opened(data) as store:
        seen = Seen(reference, day_named(on), by, account)
        back = give_back(store, payment, seen, reason, now())
        found = notice(store, payment_of(store, back).notice)
    _told_payment(console, back, found, as_json=as_json)


@notice_commands.command(name="unregister")
def unregister_payment(
    payment: PaymentId,
    by: By,
    reason: Reason,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Take back what was registered by mistake: no money moved, and the bank may still be at it."""
    console = Console()
    with told(console, as_json=as_json), opened(data) as store:
        wrong = unregister(store, payment, who=by, reason=reason, moment=now())
        found = notice(store, wrong.notice)
    _told_payment(console, payment, found, as_json=as_json)


@notice_commands.command(name="refused")
def register_refusal(
    file: FileNumber,
    by: By,
    reason: Reason,
    number: OfNotice = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Register that the bank refused a payment file, so that its notices go into another."""
    console = Console()
    with told(console, as_json=as_json), opened(data) as store:
        found = refuse(store, file, number, who=by, reason=reason, moment=now())
    rows = [asked_row(each) for each in found]
    if as_json:
        print_json(console, rows)
    else:
        print_rows(console, rows, "")


@notice_commands.command(name="pay")
def write_payments(
    accounts: Accounts,
    out: Annotated[Path, typer.Option(help="Folder for the files to the bank.")],
    initiator: Annotated[str, typer.Option(help="Who asks the bank.")] = "medsettle",
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Write what is open of cleared notices as ISO 20022 pain.001 files.

    A notice is in one of them until the bank has executed or refused it.
    """
    console = Console()
    with told(console, as_json=as_json):
        known = read_accounts(accounts)
        with opened(data) as store:
            moment = now()
            files = pay(
                *(store, known, out),
                initiator=initiator,
                moment=moment,
                today=service_day_of(moment),
            )
            waiting = [
                f"notice {each.number} waits for the account of "
                + ", ".join(f"{party.pooling_area} {party.token}" for party in missing)
                for each, missing in without_account(store, known)
            ]
            under_way = under_way_fen(store)
    if as_json:
        told_files = [file_row(each) for each in files]
        left = [{"notice": name, "under_way_fen": fen} for name, fen in under_way.items()]
        body = {"files": told_files, "waiting": waiting, "under_way": left}
        print_json(console, body)
        return
    for file in files:
        sum_text = yuan_from_fen(file.sum_fen)
        print_lines(console, [f"{file.payments} payment(s), {sum_text} yuan: {file.file}"])
    sum_text = yuan_from_fen(sum_under_way_fen(under_way))
    bank_has = f"{len(under_way)} notice(s), {sum_text} yuan, are under way at the bank"
    print_lines(console, [*waiting, *([] if files else ["nothing to pay"])])
    print_lines(console, [bank_has] if under_way else [])


@notice_commands.command(name="match")
def match_statement(
    statement: Annotated[Path, typer.Argument(help="A camt.053 or camt.054 message, XML.")],
    accounts: Accounts,
    by: By,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Book what the bank says of notices; exit code 1 where lines are listed and not booked."""
    console = Console()
    with told(console, as_json=as_json):
        content = statement.read_bytes()
        known = read_accounts(accounts)
        with opened(data) as store:
            found = match(store, content, known, name=statement.name, who=by, moment=now())
    if as_json:
        print_json(console, imported_json(found))
    else:
        before = ", as when it was first imported" if found.repeated else ""
        booked, listed = len(found.booked), len(found.listed)
        print_lines(console, [f"{booked} line(s) booked, {listed} listed{before}"])
        if found.listed:
            print_rows(console, [matched_row(each) for each in found.listed], "")
    if found.listed:
        raise Quit(Exit.FINDING)


def _told_payment(console: Console, payment: int, found: Notice, *, as_json: bool) -> None:
    if as_json:
        print_json(console, notice_row(found) | {"payment": payment})
        return
    _show(console, [found], as_json=False)
    if found.over_fen:
        over = yuan_from_fen(found.over_fen)
        print_lines(console, [f"payment {payment}: {over} yuan more than is due"])


def _show(console: Console, found: list[Notice], *, as_json: bool) -> None:
    rows = [notice_row(each) for each in found]
    if as_json:
        print_json(console, rows)
        return
    shown = [{name: row[name] for name in SHOWN_OF_NOTICE} for row in rows]
    print_rows(console, shown, "no notice")
