"""Commands of `medsettle hospital` that look: claims, remittances, reserves, months, targets."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape

from medsettle.clearing.hospitals.cases import case_differences
from medsettle.clearing.hospitals.holds import held
from medsettle.clearing.hospitals.lateness import Promises, late_payments
from medsettle.clearing.hospitals.read_terms import read_hospital_terms
from medsettle.clearing.hospitals.remittances import Remittance, remittances
from medsettle.clearing.hospitals.reserves import reserves
from medsettle.clearing.hospitals.rows import flat, remittance_rows
from medsettle.clearing.hospitals.status import (
    TARGET_BPS,
    claim_status,
    statements,
    targets,
    verify,
)
from medsettle.clearing.months.read_calendar import load_calendar
from medsettle.cli.clear_options import MonthText, month_named
from medsettle.cli.exits import Exit, Quit, told
from medsettle.cli.hospital_options import (
    DATA,
    Folder,
    On,
    OneInstitution,
    OptionalTerms,
    Out,
    hospitals,
)
from medsettle.cli.hospital_words import (
    late_row,
    remittance_json,
    status_json,
    write_rows,
)
from medsettle.cli.options import Json, day_or_today
from medsettle.cli.prepay_options import Calendar, Holidays
from medsettle.cli.show import print_json, show_rows
from medsettle.core.money import BPS, rate_text, yuan_from_fen
from medsettle.core.settlement import Row
from medsettle.errors import NotFound


def status(
    claim: Annotated[str, typer.Argument(help="Id of the settlement.")],
    terms: OptionalTerms = None,
    on: On = None,
    data: Folder = DATA,
    as_json: Json = False,
) -> None:
    """Tell where a claim stands: paid to date, what is left or late, and all recorded of it."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data) as store:
        found = claim_status(store, claim)
        try:
            late = late_payments(store, claim, _promises(terms), day_or_today(on))
            unknown = ""
        except NotFound as error:
            late, unknown = None, f"what is late is not known: {error}"
    if as_json:
        print_json(console, status_json(found, late))
        return
    line = f"{found.claim} of {found.institution}, {found.day}: {found.stage}"
    line += ", on hold" if found.on_hold else ""
    console.print(escape(line), highlight=False, soft_wrap=True)
    rows = [
        {
            "payer": part.payer,
            "declared_fen": part.declared_fen,
            "deducted_fen": part.deducted_fen,
            "held_fen": part.held_fen,
            "paid_to_date_fen": part.paid_fen,
            "rest_fen": part.rest_fen,
        }
        for part in found.parts
    ]
    show_rows(console, rows, "no fund pays any of it", as_json=False)
    show_rows(
        console,
        [
            {
                "day": row.day.isoformat(),
                "kind": row.kind,
                "payer": row.payer,
                "amount_fen": row.fen,
                "payment": row.payment or "",
                "why": row.why,
            }
            for row in found.ledger
        ],
        "",
        as_json=False,
    )
    if late or unknown:
        show_rows(console, [late_row(each) for each in late or []], unknown, as_json=False)


def _promises(
    terms: Path | None, calendar: Path | None = None, holidays: Path | None = None
) -> Promises:
    rules = None if terms is None else read_hospital_terms(terms)
    return Promises(load_calendar(calendar, holidays), rules)


def list_late(
    what: MonthText,
    terms: OptionalTerms = None,
    on: On = None,
    calendar: Calendar = None,
    holidays: Holidays = None,
    data: Folder = DATA,
    as_json: Json = False,
) -> None:
    """List the days of settlement of a month that were paid late, or are late, with the days."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data) as store:
        promises = _promises(terms, calendar, holidays)
        found = late_payments(store, month_named(what), promises, day_or_today(on))
    rows = [flat(each) for each in found] if as_json else [late_row(each) for each in found]
    show_rows(console, rows, f"nothing of {what} is late", as_json=as_json)


def list_held(data: Folder = DATA, as_json: Json = False) -> None:
    """List the claims on hold, the oldest first."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data) as store:
        rows = [flat(each) for each in held(store, day_or_today(None))]
    show_rows(console, rows, "no claim is on hold", as_json=as_json)


def remittance(
    batch: Annotated[int, typer.Argument(help="Number of the batch.")],
    institution: OneInstitution = None,
    out: Out = None,
    data: Folder = DATA,
    as_json: Json = False,
) -> None:
    """Tell what the payments of a batch are of: slices of claims, and adjustments."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data) as store:
        found = remittances(store, batch, institution)
        if out is not None:
            write_rows(out, [row for each in found for row in remittance_rows(each)])
    if as_json:
        print_json(console, [remittance_json(each) for each in found])
        return
    for each in found:
        _show_remittance(console, each)


def _show_remittance(console: Console, found: Remittance) -> None:
    payment = found.payment
    whose = f"{payment.fund.payer} of {payment.fund.insurance_type} in {payment.fund.pooling_area}"
    head = f"{payment.payment} to {payment.institution} out of {whose}, {payment.day}"
    console.print(escape(head), highlight=False, soft_wrap=True)
    rows = [
        {"claim": row["claim"] or "", "kind": row["kind"], "why": row["reason"]}
        | {"amount_fen": row["fen"]}
        for row in remittance_rows(found)
    ]
    show_rows(console, rows, "", as_json=False)
    sums = [found.claims_fen, found.adjustments_fen, payment.fen]
    claims, adjustments, paid = map(yuan_from_fen, sums)
    console.print(f"claims {claims} + adjustments {adjustments} = {paid}", highlight=False)


def reserve(
    year: Annotated[int, typer.Argument(help="Year of the settlements.")],
    institution: OneInstitution = None,
    data: Folder = DATA,
    as_json: Json = False,
) -> None:
    """List the reserve accounts of a year."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data) as store:
        found = reserves(store, year, institution)
    rows = [flat(each) | {"held_fen": each.held_fen} for each in found]
    show_rows(console, rows, f"no reserve of {year}", as_json=as_json)


def statement(
    what: MonthText,
    institution: OneInstitution = None,
    out: Out = None,
    data: Folder = DATA,
    as_json: Json = False,
) -> None:
    """List what institutions had of each fund for the settlements of a month."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data) as store:
        rows = [flat(each) for each in statements(store, month_named(what), institution)]
        if out is not None:
            write_rows(out, rows)
    show_rows(console, rows, f"no settlements of {what}", as_json=as_json)


def cases(what: MonthText, data: Folder = DATA, as_json: Json = False) -> None:
    """List gains and losses of paying by the case, priced in a month."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data) as store:
        found = case_differences(store, month_named(what))
    rows = [flat(each) for each in found]
    show_rows(console, rows, f"no case was priced in {what}", as_json=as_json)


def targets_of(
    what: MonthText,
    designated: Annotated[
        int | None, typer.Option(help="Designated institutions; without it those that settled.")
    ] = None,
    data: Folder = DATA,
    as_json: Json = False,
) -> None:
    """Tell how much of a month was settled instantly, beside the reform's targets."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data) as store:
        found = targets(store, month_named(what), designated)
    if as_json:
        row = flat(found) | {
            "fund_bps": found.fund_bps,
            "institutions_bps": found.institutions_bps,
            "target_bps": TARGET_BPS,
            "met": found.met,
        }
        print_json(console, row)
        return
    rows: list[Row] = [
        {
            "of": "fund amount",
            "instant": yuan_from_fen(found.instant_fund_fen),
            "all": yuan_from_fen(found.fund_fen),
            "share": _percent(found.fund_bps),
            "target": _percent(TARGET_BPS),
        },
        {
            "of": "institutions",
            "instant": str(found.instant_institutions),
            "all": str(found.institutions),
            "share": _percent(found.institutions_bps),
            "target": _percent(TARGET_BPS),
        },
    ]
    show_rows(console, rows, "", as_json=False)
    console.print("both targets are met" if found.met else "not both targets are met")


def _percent(bps: int) -> str:
    return rate_text(Fraction(bps, BPS))


def verify_store(data: Folder = DATA, as_json: Json = False) -> None:
    """Work every sum out again from its rows."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data) as store:
        found = verify(store)
    rows: list[Row] = [{"finding": each} for each in found]
    show_rows(console, rows, "verified", as_json=as_json)
    if found:
        raise Quit(Exit.FINDING)


COMMANDS: Final[dict[str, Callable[..., Any]]] = {
    "remittance": remittance,
    "status": status,
    "late": list_late,
    "held": list_held,
    "reserve": reserve,
    "statement": statement,
    "cases": cases,
    "targets": targets_of,
    "verify": verify_store,
}
