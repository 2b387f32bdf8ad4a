"""`medsettle request` and `medsettle reverse`: what became of a request, and its reversal."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import orjson
import typer
from rich.console import Console
from rich.markup import escape

from medsettle.cli.desks import open_desk
from medsettle.cli.exits import told
from medsettle.cli.options import Data, Json, Ledger, Rules, Server
from medsettle.core.request_states import RequestState

Institution = Annotated[str, typer.Option(help="The institution that sent the request.")]

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Ask what became of a request, by its id."
)


@app.command()
def show(
    institution: Institution,
    request_id: Annotated[str, typer.Option(help="The id it was sent with.")],
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """Say what became of a request: unknown, committed, rejected, cancelled, reversed, tombstone.

    For a till whose answer got lost. Every answer says what to do next.
    """
    console = Console()
    with told(console, as_json=as_json), open_desk(server, data, rules, ledger=ledger) as desk:
        state = desk.requests.find_request(institution, request_id)
    if as_json:
        _print_json(console, _state_json(state))
    else:
        _print_state(console, state)


def reverse(
    institution: Institution,
    request_id: Annotated[str, typer.Option(help="The id of the original, which is reversed.")],
    own_request_id: Annotated[
        str | None,
        typer.Option(
            help="A new id for the negative record; without it one is drawn, since an original is "
            "reversed once under whatever id."
        ),
    ] = None,
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """Reverse a request whose answer got lost (冲正): take back what it recorded, if anything.

    Where nothing is recorded, the request never settles, should it arrive later. Safe to repeat.
    """
    console = Console()
    own = own_request_id or f"rev-{uuid4().hex[:28]}"
    with (
        told(console, as_json=as_json),
        open_desk(server, data, rules, new=True, ledger=ledger) as desk,
    ):
        reversal = desk.requests.reverse(institution, request_id, own)
    if as_json:
        _print_json(
            console,
            {"original": _state_json(reversal.original), "duplicate": reversal.duplicate},
        )
        return
    _print_state(console, reversal.original)
    if reversal.duplicate:
        console.print("  It was so before; nothing was recorded now.", highlight=False)


def _print_json(console: Console, found: dict[str, object]) -> None:
    console.out(orjson.dumps(found, option=orjson.OPT_UTC_Z).decode(), highlight=False)


def _state_json(state: RequestState) -> dict[str, object]:
    return asdict(state) | {"advice": state.advice}


def _print_state(console: Console, state: RequestState) -> None:
    lines = [f"request {state.request_id} of {state.institution}: [bold]{state.status}[/]"]
    if state.create_time is not None:
        moment = f"{state.create_time:%Y-%m-%d %H:%M:%S} UTC"
        entry = f" {state.entry}" if state.entry else ""
        lines.append(f"  {state.kind}{entry}, recorded at {moment} as entry {state.seq}")
    if state.taken_back_by:
        lines.append(f"  taken back by {state.taken_back_by}")
    if state.refusal is not None:
        lines.append(f"  {state.refusal.reason}: {escape(state.refusal.message)}")
    lines.append(f"  {state.advice}")
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False)
