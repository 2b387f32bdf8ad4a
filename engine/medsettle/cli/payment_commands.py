"""`medsettle payments`: what is to be paid beside bills, the bank's files, and the tills."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from medsettle.cli.checkout import Place, run_checkout, run_collect, run_resume, run_take_back
from medsettle.cli.desks import ledger_at
from medsettle.cli.exits import told
from medsettle.cli.options import Data, Json, Ledger, ListKeys, Lists, Rules, Server, list_folders
from medsettle.cli.payment_orders import (
    run_export,
    run_export_again,
    run_open,
    run_orders,
)
from medsettle.cli.sandbox import run_sandbox
from medsettle.payments.sandbox_bank import EVERY_ACCOUNT, Mode
from medsettle.payments.till_journal import IfDeclined

Bank = Annotated[Path, typer.Option(help="Folder of the sandbox bank.")]
app = typer.Typer(
    no_args_is_help=True, help="Pay what is due beside bills, and finish what tills began."
)


@app.command()
def orders(
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    pay_on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="First day to pay what is new; today without it."),
    ] = None,
    reimburse: Annotated[
        list[str] | None,
        typer.Option(help="A settlement whose bill the person has paid; may be given often."),
    ] = None,
    refund: Annotated[
        list[str] | None,
        typer.Option(help="A cancelled settlement whose cash goes back; may be given often."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make payment orders of what the ledger has recorded since, and list all of them."""
    console = Console()
    with told(console, as_json=as_json):
        run_orders(
            console,
            data,
            rules,
            ledger_at(data, ledger),
            pay_on=None if pay_on is None else pay_on.date(),
            reimburse=reimburse or [],
            refund=refund or [],
            as_json=as_json,
        )


@app.command()
def export(
    out: Annotated[Path, typer.Option(help="Folder for the files to the bank.")],
    accounts: Annotated[
        Path | None, typer.Option(help="CSV: payee_type,pooling_area,payee,account,name,bank.")
    ] = None,
    again: Annotated[
        int | None, typer.Option(help="Write the file of this batch anew, and nothing else.")
    ] = None,
    initiator: Annotated[str, typer.Option(help="Who asks the bank.")] = "medsettle",
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """Write what can be paid as ISO 20022 pain.001 files, each order in one of them."""
    console = Console()
    with told(console, as_json=as_json):
        if again is not None:
            run_export_again(console, data, out, again, as_json=as_json)
            return
        if accounts is None:
            raise typer.BadParameter("name the accounts file with --accounts")
        kept = ledger_at(data, ledger)
        run_export(console, data, rules, kept, out, accounts, initiator, as_json=as_json)


@app.command(name="open")
def open_items(
    accounts: Annotated[
        Path | None, typer.Option(help="Whose accounts are known; without it, nobody's.")
    ] = None,
    data: Data = Path("medsettle-data"),
    as_json: Json = False,
) -> None:
    """List what is not paid: orders without account, receivables, debts, checkouts that wait."""
    console = Console()
    with told(console, as_json=as_json):
        run_open(console, data, accounts, as_json=as_json)


@app.command()
def resume(
    bank: Bank,
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """Carry on with checkouts that have not ended, or whose settlement was cancelled since."""
    console = Console()
    with told(console, as_json=as_json):
        run_resume(console, Place(server, data, rules, bank, ledger), as_json=as_json)


@app.command()
def collect(
    checkout: Annotated[str, typer.Argument(help="Id of a checkout that ended as a debt.")],
    bank: Bank,
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """Charge the account of an open debt once more."""
    console = Console()
    with told(console, as_json=as_json):
        run_collect(console, Place(server, data, rules, bank, ledger), checkout, as_json=as_json)


@app.command()
def take_back(
    checkout: Annotated[str, typer.Argument(help="Id of a checkout that has ended.")],
    bank: Bank,
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """Cancel the settlement of a checkout and give its charge back."""
    console = Console()
    with told(console, as_json=as_json):
        run_take_back(console, Place(server, data, rules, bank, ledger), checkout, as_json=as_json)


@app.command()
def sandbox(
    bank: Bank,
    account: Annotated[
        str, typer.Option(help="An account; without it, the whole bank.")
    ] = EVERY_ACCOUNT,
    deposit: Annotated[str | None, typer.Option(help="Yuan to pay in, such as 5000.00.")] = None,
    mode: Annotated[Mode | None, typer.Option(help="How it behaves from now on.")] = None,
    script: Annotated[
        list[Mode] | None, typer.Option(help="How it behaves first, a call each.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Keep a bank for trying things out: pay in, set its bad days, list its accounts."""
    console = Console()
    with told(console, as_json=as_json):
        run_sandbox(console, bank, account, deposit, mode, script or [], as_json=as_json)


def checkout(
    file: Annotated[Path, typer.Argument(help="One claim: .json, .jsonl, .parquet or .arrow.")],
    pay_from: Annotated[str, typer.Option(help="The bank account to charge.")],
    if_declined: Annotated[
        IfDeclined,
        typer.Option(help="When the bank declines: cancel the settlement, or leave a debt."),
    ],
    bank: Bank,
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    lists: Lists = None,
    list_keys: ListKeys = None,
    as_json: Json = False,
) -> None:
    """Settle a claim and take its cash from a bank account: both, or what is stated."""
    console = Console()
    with told(console, as_json=as_json):
        place = Place(server, data, rules, bank, ledger, list_folders(lists, list_keys))
        run_checkout(console, place, file, pay_from, if_declined, as_json=as_json)
