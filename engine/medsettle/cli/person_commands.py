"""`medsettle person`: what a cardholder asks of account, limits, cards and settlements."""

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
from medsettle.core.enquiries import facts_of
from medsettle.core.relatives import Relation
from medsettle.core.statements import Movement

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Ask what is held of a person, what is left of limits, and how the account moved.",
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
    else:
        console.print(movements_table(found, *heads) if found else nothing)
