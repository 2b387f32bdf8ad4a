"""`medsettle person`: what is held of a person, what it brings along, and how the account moved."""

import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from medsettle.cli.desks import open_desk
from medsettle.cli.enquiry_words import movements_table, overview_json, print_overview
from medsettle.cli.exits import told
from medsettle.cli.options import Data, Json, Ledger, Rules, Server
from medsettle.cli.relation_words import person_of
from medsettle.cli.show import print_table
from medsettle.core.enquiries import facts_of
from medsettle.core.money import fen_from_yuan, yuan_from_fen
from medsettle.core.relatives import Relation
from medsettle.core.settlement import Opening
from medsettle.core.statements import Movement
from medsettle.errors import Fault, InvalidRequest

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Ask what is held of a person and what is left of limits; bring a person along.",
)

Whom = Annotated[str, typer.Argument(help="The person: area/person.")]


@app.command()
def show(
    person: Whom,
    insurance_type: Annotated[str, typer.Option(help="Only policies of this scheme.")] = "",
    person_type: Annotated[str, typer.Option(help="Such as 1101 employee, 1201 retired.")] = "",
    institution_level: Annotated[str, typer.Option(help="Of the hospital that is meant.")] = "",
    birth_date: Annotated[str, typer.Option(help="A day like 1980-05-01.")] = "",
    benefit_group: Annotated[
        list[str] | None, typer.Option(help="May be given several times; none for no group.")
    ] = None,
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """Show account, insurance, what is left of limits, cards, registrations, relatives, bills.

    What is left is told for what is stated of the person; where a limit depends on more, it is
    told on what.
    """
    console = Console()
    with told(console, as_json=as_json):
        asked = person_of(person, "person")
        facts = facts_of(
            {
                "insurance_type": insurance_type,
                "person_type": person_type,
                "institution_level": institution_level,
                "birth_date": birth_date or None,
                "benefit_groups": benefit_group,
            }
        )
        with open_desk(server, data, rules, ledger=ledger) as desk:
            overview = desk.enquiries.overview(asked, facts)
    if as_json:
        line = orjson.dumps(overview_json(overview), option=orjson.OPT_UTC_Z)
        console.out(line.decode(), highlight=False)
    else:
        print_overview(console, overview)


@app.command("open")
def open_(
    person: Whom,
    institution: Annotated[str, typer.Option(help="Who vouches for the figures.")],
    request_id: Annotated[str, typer.Option(help="A new id, stored before calling.")],
    account: Annotated[str, typer.Option(help="Balance brought along, in yuan.")] = "0",
    counter: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME:PERIOD=VALUE such as 310.pooled_paid:2026=1200000: fen, or how many; may be "
            "given several times. `person show` has the names."
        ),
    ] = None,
    server: Server = None,
    data: Data = Path("medsettle-data"),
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """Add what a person brings along to account and counters, once per request id."""
    console = Console()
    with told(console, as_json=as_json):
        whose = person_of(person, "person")
        opening = Opening(
            institution,
            request_id,
            whose.pooling_area,
            whose.person,
            _fen(account),
            tuple(_counter(text) for text in counter or ()),
        )
        with open_desk(server, data, rules, new=True) as desk:
            state = desk.open_person(opening)
    if as_json:
        console.out(orjson.dumps(asdict(state)).decode(), highlight=False)
    else:
        console.print(f"{person}: account {yuan_from_fen(state.account_fen)}", markup=False)
        for name, period, value in state.counters:
            console.print(f"{name}:{period} = {value}", markup=False, highlight=False)


def _fen(text: str) -> int:
    try:
        return fen_from_yuan(text)
    except ValueError as error:
        raise InvalidRequest([Fault("account", str(error))]) from error


def _counter(text: str) -> tuple[str, int, int]:
    found = re.fullmatch(r"([^:=]+):(\d{1,18})=(\d{1,18})", text, re.ASCII)
    if found is None:
        raise InvalidRequest(
            [Fault("counter", f"found {text!r}; expected NAME:PERIOD=VALUE, both whole numbers")]
        )
    name, period, value = found.groups()
    return name, int(period), int(value)


@app.command()
def movements(
    person: Whom,
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """List every movement of a person's account with the balance it led to."""
    console = Console()
    with told(console, as_json=as_json):
        asked = person_of(person, "person")
        with open_desk(server, data, rules, ledger=ledger) as desk:
            found = list(desk.enquiries.account_movements(asked))
    _show(console, found, ("moved", "balance"), "the account never moved", as_json=as_json)


@app.command()
def limit_uses(
    giver: Annotated[str, typer.Argument(help="Whose account pays: area/person.")],
    receiver: Annotated[str, typer.Argument(help="For whom it pays: area/person.")],
    number: Annotated[int, typer.Argument(help="Of the relation, as `relatives list` says.")],
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """List who used a limit that was set aside, when and where; a cancel is a negative use."""
    console = Console()
    with told(console, as_json=as_json):
        sides = person_of(giver, "giver"), person_of(receiver, "receiver")
        with open_desk(server, data, rules, ledger=ledger) as desk:
            found = list(desk.enquiries.limit_uses(Relation(*sides, number)))
    _show(console, found, ("used", "used in all"), "the limit was never used", as_json=as_json)


def _show(
    console: Console,
    found: Sequence[Movement],
    heads: tuple[str, str],
    nothing: str,
    *,
    as_json: bool,
) -> None:
    if as_json:
        for each in found:
            line = orjson.dumps(asdict(each), option=orjson.OPT_UTC_Z)
            console.out(line.decode(), highlight=False)
    elif found:
        print_table(console, movements_table(found, *heads))
    else:
        console.print(nothing)
