"""`medsettle visit`: one visit settled over several schemes, shown and taken back as a whole."""

from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from medsettle.cli.desks import open_desk
from medsettle.cli.exits import told
from medsettle.cli.files import read_one
from medsettle.cli.options import Data, Json, Ledger, ListKeys, Lists, Rules, Server, list_folders
from medsettle.cli.visit_words import print_visit, visit_json
from medsettle.core.visits import Visit

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Settle one visit over several schemes, show it, and take it back as a whole.",
)


@app.command()
def settle(
    file: Annotated[Path, typer.Argument(help="One claim: .json, .jsonl, .parquet or .arrow.")],
    preview: Annotated[bool, typer.Option(help="Say what would be paid; record nothing.")] = False,
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    lists: Lists = None,
    list_keys: ListKeys = None,
    as_json: Json = False,
) -> None:
    """Route the lines of a visit to their schemes and settle each scheme's part.

    The claim has the insurance type of the person's basic insurance. The parts are recorded
    together or not at all.
    """
    console = Console()
    with told(console, as_json=as_json):
        row = read_one(file, "visit")
        folders = list_folders(lists, list_keys)
        with open_desk(server, data, rules, new=True, lists=folders, ledger=ledger) as desk:
            visit = desk.visit(row, preview=preview)
    _show(console, visit, as_json=as_json)


@app.command()
def show(
    visit: Annotated[str, typer.Argument(help="Id of a recorded visit.")],
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """Show a recorded visit: who pays what in each scheme, and why each line is there."""
    console = Console()
    with told(console, as_json=as_json), open_desk(server, data, rules, ledger=ledger) as desk:
        found = desk.recorded_visit(visit)
    _show(console, found, as_json=as_json)


@app.command()
def cancel(
    visit: Annotated[str, typer.Argument(help="Id of the visit to take back.")],
    institution: Annotated[str, typer.Option(help="The institution that settled it.")],
    request_id: Annotated[str, typer.Option(help="A new id, stored before calling.")],
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """Take a whole visit back with a linked negative settlement for each scheme."""
    console = Console()
    with told(console, as_json=as_json), open_desk(server, data, rules, ledger=ledger) as desk:
        answer = desk.cancel_visit(visit, institution, request_id)
    _show(console, answer, as_json=as_json)


def _show(console: Console, visit: Visit, *, as_json: bool) -> None:
    if as_json:
        text = orjson.dumps(visit_json(visit), option=orjson.OPT_UTC_Z).decode()
        console.out(text, highlight=False)
    else:
        print_visit(console, visit)
