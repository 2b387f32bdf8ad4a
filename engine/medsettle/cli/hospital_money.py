"""Commands of `medsettle hospital` that deduct, release, advance, price and pay."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from medsettle.clearing.hospitals import advances, bank, batches
from medsettle.clearing.hospitals import deductions as cuts
from medsettle.clearing.hospitals.appeals import lift
from medsettle.clearing.hospitals.cases import CasePrice, price
from medsettle.clearing.hospitals.read_terms import read_hospital_terms
from medsettle.clearing.hospitals.reserves import Assessment, assess
from medsettle.clearing.hospitals.rows import flat
from medsettle.clearing.hospitals.store import Fund
from medsettle.cli.desks import now
from medsettle.cli.exits import told
from medsettle.cli.hospital_options import (
    DATA,
    POOL,
    Area,
    By,
    Day,
    Folder,
    Institution,
    Insurance,
    On,
    PayerName,
    Reason,
    Terms,
    Yuan,
    decided,
    hospitals,
)
from medsettle.cli.options import Json, day_named, day_or_today, fen_named
from medsettle.cli.show import print_json, show_rows
from medsettle.core.dates import day_number
from medsettle.errors import Fault, InvalidRequest
from medsettle.ledger.side_file import private_folder, write_whole
from medsettle.payments.accounts import read_accounts


def deduct(
    yuan: Yuan,
    by: By,
    reason: Reason,
    claim: Annotated[str | None, typer.Option(help="Of this claim.")] = None,
    institution: Annotated[str | None, typer.Option(help="Of no claim, of this one.")] = None,
    code: Annotated[int, typer.Option(help="10 review, 20 inspection, 99 other.")] = 10,
    payer: PayerName = POOL,
    area: Area = "",
    insurance_type: Insurance = "",
    on: On = None,
    data: Folder = DATA,
    as_json: Json = False,
) -> None:
    """Deduct of a claim, or of an institution's next payments out of a fund."""
    console = Console()
    if (claim is None) == (institution is None):
        raise typer.BadParameter("name a --claim or an --institution")
    with told(console, as_json=as_json), hospitals(data) as store:
        what = cuts.ClaimDeduction(
            _code(code), fen_named("yuan", yuan), day_number(day_or_today(on))
        )
        why = decided(by, reason)
        if claim is not None:
            number = cuts.deduct(store, claim, payer, what, why)
        else:
            assert institution is not None
            of = Fund(area, insurance_type, payer)
            number = cuts.deduct_from_institution(store, institution, of, what, why)
        found = cuts.deductions(store, "d.number = ?", number)
    _show_deductions(console, found, as_json=as_json)


def _code(number: int) -> cuts.Code:
    try:
        return cuts.Code(number)
    except ValueError as error:
        raise InvalidRequest([Fault("code", f"{number} is none of 10, 20, 99")]) from error


def lift_deduction(
    number: Annotated[int, typer.Argument(help="Number of the deduction.")],
    yuan: Yuan,
    by: By,
    reason: Reason,
    data: Folder = DATA,
    as_json: Json = False,
) -> None:
    """Give up a deduction after an appeal; what was taken of it is paid again."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data) as store:
        found = lift(store, number, fen_named("yuan", yuan), decided(by, reason))
    _show_deductions(console, [found], as_json=as_json)


def list_deductions(
    institution: Annotated[str | None, typer.Option(help="Only this institution.")] = None,
    all_of_them: Annotated[
        bool, typer.Option("--all", help="Those too of which nothing is left to be taken.")
    ] = False,
    data: Folder = DATA,
    as_json: Json = False,
) -> None:
    """List deductions with what was really taken of them."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data) as store:
        found = [
            each
            for each in cuts.deductions(store)
            if institution in {None, each.institution} and (all_of_them or each.open_fen)
        ]
    _show_deductions(console, found, as_json=as_json)


def _show_deductions(console: Console, found: list[cuts.Deducted], *, as_json: bool) -> None:
    rows = [flat(each) | {"state": int(each.state), "open_fen": each.open_fen} for each in found]
    if not as_json:
        shown = ("number", "institution", "code", "claim", "taken_fen", "open_fen", "state")
        rows = [
            {name: row[name] for name in shown} | {"decided_fen": row["fen"], "why": row["reason"]}
            for row in rows
        ]
    show_rows(console, rows, "nothing is to be deducted", as_json=as_json)


def case(
    claim: Annotated[str, typer.Argument(help="The claim that is paid by the case.")],
    way: Annotated[str, typer.Option(help="clr_way: 40 DRG, 30 points.")],
    yuan: Yuan,
    by: By,
    payer: PayerName = POOL,
    reason: Reason = "",
    data: Folder = DATA,
    as_json: Json = False,
) -> None:
    """Record that a claim is paid by the case; the difference is booked apart."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data) as store:
        what = CasePrice(claim, payer, way, fen_named("yuan", yuan))
        difference_fen = price(store, what, decided(by, reason))
    row = {"claim": claim, "price_fen": what.price_fen, "difference_fen": difference_fen}
    show_rows(console, [row], "", as_json=as_json)


def release(
    institution: Annotated[str, typer.Argument(help="Code of the institution.")],
    year: Annotated[int, typer.Argument(help="The year that was assessed.")],
    grade: Annotated[str, typer.Option(help="What the assessment gave.")],
    approved_by: Annotated[str, typer.Option(help="Who approves it; somebody else.")],
    terms: Terms,
    by: By,
    on: On = None,
    data: Folder = DATA,
    as_json: Json = False,
) -> None:
    """Release the reserve of a year as its grade says, and forfeit the rest."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data) as store:
        what = Assessment(institution, year, grade, approved_by)
        rules = read_hospital_terms(terms).on(date(min(max(year, 1), 9999), 12, 31))
        found = assess(store, what, rules, day_or_today(on), decided(by))
    rows = [flat(each) | {"held_fen": each.held_fen} for each in found]
    show_rows(console, rows, "", as_json=as_json)


def advance(
    institution: Institution,
    area: Area,
    insurance_type: Insurance,
    yuan: Yuan,
    back: Annotated[
        str, typer.Option(help='In how many months, or [["2026-07-01", 50000], …] in fen.')
    ],
    terms: Terms,
    by: By,
    purpose: Annotated[str, typer.Option(help="drugs or consumables.")] = "drugs",
    payer: PayerName = POOL,
    on: On = None,
    data: Folder = DATA,
    as_json: Json = False,
) -> None:
    """Lend an institution working capital out of a fund, and take it back in instalments."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data) as store:
        fen, day = fen_named("yuan", yuan), day_or_today(on)
        instalments = advances.instalments_of(back, fen, day)
        of = Fund(area, insurance_type, payer)
        what = advances.Advance(institution, of, fen, day, purpose, instalments)
        number = advances.advance(store, what, read_hospital_terms(terms).on(day), decided(by))
        outstanding_fen = advances.outstanding_fen(store, institution, of)
    row = {"advance": number, "institution": institution, "outstanding_fen": outstanding_fen}
    show_rows(console, [row], "", as_json=as_json)


def pay(day: Day, by: By, data: Folder = DATA, as_json: Json = False) -> None:
    """Pay what is approved up to a day, less what is to come back."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data) as store:
        batch = batches.pay(store, day_named(day), decided(by))
    if batch is None:
        show_rows(console, [], "nothing waits to be paid", as_json=as_json)
        return
    _show_batch(console, batch, as_json=as_json)


def _show_batch(console: Console, batch: batches.Batch, *, as_json: bool) -> None:
    rows = [flat(each) for each in batch.payments]
    if not as_json:
        rows = [row | {"paid_fen": row.pop("fen")} for row in rows]
    show_rows(console, rows, "", as_json=as_json)


def returned(
    payment: Annotated[str, typer.Argument(help="Id of the payment, the bank's end-to-end id.")],
    by: By,
    reason: Reason,
    on: On = None,
    data: Folder = DATA,
    as_json: Json = False,
) -> None:
    """Record that a bank returned a payment: what it was of is paid with the next one."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data) as store:
        found = bank.returned(store, payment, day_or_today(on), decided(by, reason))
    row = flat(found) | {"returned_fen": found.fen}
    del row["fen"]
    show_rows(console, [row], "", as_json=as_json)


def list_batches(data: Folder = DATA, as_json: Json = False) -> None:
    """List the batches of payments."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data) as store:
        found = batches.batches(store)
    rows = [
        {
            "batch": each.number,
            "day": each.day.isoformat(),
            "payments": len(each.payments),
            "sum_fen": each.sum_fen,
        }
        for each in found
    ]
    show_rows(console, rows, "nothing was paid yet", as_json=as_json)


def export(
    batch: Annotated[int, typer.Argument(help="Number of the batch.")],
    insurance_type: Annotated[str, typer.Option(help="Whose funds pay, as 310.")],
    accounts: Annotated[Path, typer.Option(help="Accounts of these funds and of institutions.")],
    out: Annotated[Path, typer.Option(help="Folder for the file to the bank.")],
    initiator: Annotated[str, typer.Option(help="Who asks the bank.")] = "medsettle",
    data: Folder = DATA,
    as_json: Json = False,
) -> None:
    """Write the payments of a batch out of one insurance's funds as ISO 20022 pain.001."""
    console = Console()
    with told(console, as_json=as_json), hospitals(data) as store:
        asking = bank.Asking(initiator, now(), read_accounts(accounts))
        content = bank.message_of(store, batch, insurance_type, asking)
        file = private_folder(out) / f"hospitals-{batch:06d}-{insurance_type}.xml"
        write_whole(file, content)
    if as_json:
        print_json(console, {"file": str(file)})
    else:
        console.print(f"wrote {file}", soft_wrap=True, highlight=False)


COMMANDS: Final[dict[str, Callable[..., Any]]] = {
    "deduct": deduct,
    "lift": lift_deduction,
    "deductions": list_deductions,
    "case": case,
    "release": release,
    "advance": advance,
    "pay": pay,
    "returned": returned,
    "batches": list_batches,
    "export": export,
}
