"""The commands about what persons set aside for their relatives."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from medsettle.cli.desks import open_desk
from medsettle.cli.exits import told
from medsettle.cli.options import Data, Json, Ledger, Rules, Server
from medsettle.cli.relation_words import person_of, relation_json, relations_table
from medsettle.cli.show import print_table
from medsettle.core.money import fen_from_yuan
from medsettle.core.relatives import (
    Dissolution,
    DissolveReason,
    InsuranceNotice,
    LimitChange,
    RelationState,
)
from medsettle.errors import Fault, InvalidRequest

app = typer.Typer(
    no_args_is_help=True, help="Let accounts pay for relatives: limits, and who is bound to whom."
)

Giver = Annotated[str, typer.Argument(help="Whose account pays: area/person.")]
Receiver = Annotated[str, typer.Argument(help="For whom it pays: area/person.")]
Yuan = Annotated[str, typer.Argument(help="An amount in yuan, such as 1500 or 1,500.00.")]
Institution = Annotated[str, typer.Option(help="Who vouches for the request.")]
RequestId = Annotated[str, typer.Option(help="A new id, stored before calling.")]


@app.command()
def grant(
    giver: Giver,
    receiver: Receiver,
    yuan: Yuan,
    institution: Institution,
    request_id: RequestId,
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """Set money of an account aside for a relative; binds the two who are not bound yet."""
    console = Console()
    with told(console, as_json=as_json):
        change = _change(giver, receiver, yuan, institution, request_id)
        with open_desk(server, data, rules, ledger=ledger) as desk:
            state = desk.relatives.grant(change)
    _show(console, [state], as_json=as_json)


@app.command()
def lower(
    giver: Giver,
    receiver: Receiver,
    yuan: Yuan,
    institution: Institution,
    request_id: RequestId,
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """Give money that a relative has not used back to the account."""
    console = Console()
    with told(console, as_json=as_json):
        change = _change(giver, receiver, yuan, institution, request_id)
        with open_desk(server, data, rules, ledger=ledger) as desk:
            state = desk.relatives.lower(change)
    _show(console, [state], as_json=as_json)


@app.command()
def dissolve(
    giver: Giver,
    receiver: Receiver,
    institution: Institution,
    request_id: RequestId,
    by: Annotated[str, typer.Option(help="Who wishes it: giver or receiver.")] = "giver",
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """End a relation; what was not used goes back to the account of the giver."""
    console = Console()
    with told(console, as_json=as_json):
        dissolution = Dissolution(
            institution,
            request_id,
            person_of(giver, "giver"),
            person_of(receiver, "receiver"),
            _reason(by),
        )
        with open_desk(server, data, rules, ledger=ledger) as desk:
            state = desk.relatives.dissolve(dissolution)
    _show(console, [state], as_json=as_json)


@app.command()
def end_insurance(
    person: Annotated[str, typer.Argument(help="Whose insurance relation ended: area/person.")],
    institution: Institution,
    request_id: RequestId,
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """End all relations of a person, as giver and as receiver."""
    console = Console()
    with told(console, as_json=as_json):
        notice = InsuranceNotice(institution, request_id, person_of(person, "person"))
        with open_desk(server, data, rules, ledger=ledger) as desk:
            state = desk.relatives.end_insurance(notice)
    _show(console, state.ended, as_json=as_json)


@app.command()
def begin_insurance(
    person: Annotated[str, typer.Argument(help="Who is insured again: area/person.")],
    institution: Institution,
    request_id: RequestId,
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """Let a person whose insurance had ended give and receive again; what ended stays so."""
    console = Console()
    with told(console, as_json=as_json):
        notice = InsuranceNotice(institution, request_id, person_of(person, "person"))
        with open_desk(server, data, rules, ledger=ledger) as desk:
            state = desk.relatives.begin_insurance(notice)
    if as_json:
        row = {"person": person, "insured": state.insured, "duplicate": state.duplicate}
        console.out(orjson.dumps(row).decode(), highlight=False)
    else:
        console.print("insured" if state.insured else "not insured: it ended again since")


@app.command(name="list")
def list_relations(
    person: Annotated[str, typer.Argument(help="A giver or receiver: area/person.")],
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """Show the relations of a person: those that pay for them in order, then those they pay for."""
    console = Console()
    with told(console, as_json=as_json):
        asked = person_of(person, "person")
        with open_desk(server, data, rules, ledger=ledger) as desk:
            states = desk.relatives.relations(asked)
    _show(console, states, as_json=as_json)


def _change(giver: str, receiver: str, yuan: str, institution: str, request_id: str) -> LimitChange:
    """Return the change that the arguments of a command ask for.

    Raises:
        InvalidRequest: A person or the amount cannot be read.
    """
    sides = person_of(giver, "giver"), person_of(receiver, "receiver")
    try:
        fen = fen_from_yuan(yuan)
    except ValueError as error:
        raise InvalidRequest([Fault("yuan", str(error))]) from error
    return LimitChange(institution, request_id, *sides, fen)


def _reason(by: str) -> DissolveReason:
    if by == "giver":
        return "giver"
    if by == "receiver":
        return "receiver"
    raise InvalidRequest([Fault("by", f"found {by!r}; expected giver or receiver")])


def _show(console: Console, states: Sequence[RelationState], *, as_json: bool) -> None:
    if as_json:
        for state in states:
            console.out(orjson.dumps(relation_json(state)).decode(), highlight=False)
        return
    if states:
        print_table(console, relations_table(states))
    else:
        console.print("no relations")
