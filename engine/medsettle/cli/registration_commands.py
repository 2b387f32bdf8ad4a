"""`medsettle registration`: what an authority decided about a person, to route visits by."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from medsettle.cli.desks import open_desk
from medsettle.cli.exits import told
from medsettle.cli.files import read_one
from medsettle.cli.options import Data, Json, Ledger, Rules, Server
from medsettle.cli.show import print_table
from medsettle.cli.visit_words import registration_json, registrations_table
from medsettle.core import columns, schema
from medsettle.core.claim_faults import checked_row
from medsettle.core.registration_columns import REGISTRATION
from medsettle.core.visits import (
    RegistrationRequest,
    RegistrationState,
    institution_holder,
    registration_of,
)
from medsettle.errors import Fault, InvalidRequest

_COLUMNS = {column.name for column in REGISTRATION}
_OF_WHOM = [
    replace(column, required=column.name == "pooling_area")
    for column in schema.CLAIM
    if column.name in {"pooling_area", "person"}
]
_ABOUT = columns.code("about", "The institution it is about.", required=False)

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Record what an authority decided about a person, and list it.",
)


@app.command()
def add(
    file: Annotated[
        Path,
        typer.Argument(
            help="One registration with its pooling_area and person (or about), as .json."
        ),
    ],
    institution: Annotated[str, typer.Option(help="Who vouches for it.")],
    request_id: Annotated[str, typer.Option(help="A new id, stored before calling.")],
    credential_type: Annotated[
        str | None, typer.Option(help="What identifies the person; judged as for a claim now.")
    ] = None,
    card: Annotated[str | None, typer.Option(help="Token of the card presented.")] = None,
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """Record a registration: a recognised injury, a relapse, a device, a pregnancy.

    The kinds are those of the area's routing and exclusions documents. To end one, record it again
    with valid_until.
    """
    console = Console()
    with told(console, as_json=as_json):
        request = replace(
            _request(read_one(file, "registration"), institution, request_id),
            credential_type=credential_type,
            card=card,
        )
        with open_desk(server, data, rules, new=True, ledger=ledger) as desk:
            state = desk.register(request)
    _show(console, [state], as_json=as_json)
    if state.duplicate and not as_json:
        console.print(f"recorded before at {state.create_time:%Y-%m-%d %H:%M:%S} UTC")


@app.command("list")
def list_(
    area: Annotated[str, typer.Option(help="The pooling area.")],
    person: Annotated[str, typer.Option(help="The person's token.")] = "",
    about: Annotated[str, typer.Option(help="An institution's code, instead of a person.")] = "",
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """List the registrations held of a person, or about an institution, the latest of each."""
    if bool(person) == bool(about):
        raise typer.BadParameter("name either --person or --about")
    console = Console()
    with told(console, as_json=as_json), open_desk(server, data, rules, ledger=ledger) as desk:
        held = desk.registrations(area, institution_holder(about) if about else person)
    _show(console, held, as_json=as_json)
    if not held and not as_json:
        console.print(
            f"area {area} holds no registration of {about or 'this person'}", markup=False
        )


def _show(console: Console, states: list[RegistrationState], *, as_json: bool) -> None:
    if as_json:
        for state in states:
            line = orjson.dumps(registration_json(state), option=orjson.OPT_UTC_Z)
            console.out(line.decode(), highlight=False)
    elif states:
        print_table(console, registrations_table(states))


def _request(row: object, institution: str, request_id: str) -> RegistrationRequest:
    """Return the request that a row of a file makes.

    Raises:
        InvalidRequest: Columns are missing, unknown or malformed; carries all faults.
    """
    if not isinstance(row, dict):
        found = type(row).__name__
        raise InvalidRequest([Fault("registration", f"expected one, found {found}")])
    faults: list[Fault] = []
    whose = checked_row(row, [*_OF_WHOM, _ABOUT], _COLUMNS, "", faults)
    if (whose["person"] is None) == (whose["about"] is None):
        message = "state either it or `about`, the institution that the registration is about"
        faults.append(Fault("person", message))
    try:
        own = registration_of({name: row[name] for name in row if name in _COLUMNS})
    except InvalidRequest as error:
        raise InvalidRequest([*faults, *error.faults]) from error
    if faults:
        raise InvalidRequest(faults)
    person, about = str(whose["person"] or ""), str(whose["about"] or "")
    area = str(whose["pooling_area"])
    return RegistrationRequest(institution, request_id, area, person, own, about)
