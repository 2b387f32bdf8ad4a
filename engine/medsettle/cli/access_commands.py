"""`medsettle access`: certificates for development, tokens, and who asked for what."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
import orjson
import typer
from rich.console import Console
from rich.markup import escape

from medsettle import limits
from medsettle.cli.desks import now
from medsettle.cli.exits import told, visible
from medsettle.cli.options import Data, Json
from medsettle.cli.show import tell_paths
from medsettle.errors import Fault, InvalidRequest
from medsettle.identity.access_log import FOLDER, Access, read_accesses
from medsettle.identity.authority import DOMAIN, Wanted, add_certificates
from medsettle.identity.certificates import spiffe_id
from medsettle.identity.principals import principal_faults
from medsettle.identity.roles import Role
from medsettle.identity.tokens import Token, new_token, read_tokens, revoke_token
from medsettle.peers.config import is_name

app = typer.Typer(no_args_is_help=True, help="Say who may ask a server, and see who did.")
token_app = typer.Typer(no_args_is_help=True, help="Make, list and revoke tokens.")
app.add_typer(token_app, name="token")

File = Annotated[Path, typer.Option("--file", help="File of tokens, as `serve --access-tokens`.")]
_FILE = Path("medsettle-data/tokens.json")


@app.command()
def certificates(
    out: Annotated[Path, typer.Option(help="Folder for the files, and for the authority.")],
    server: Annotated[
        list[str] | None, typer.Option(help="Name of a server; may be given often.")
    ] = None,
    institution: Annotated[
        list[str] | None,
        typer.Option(help="Code of an institution, or CODE@AREA; may be given often."),
    ] = None,
    role: Annotated[
        list[str] | None,
        typer.Option(help="A role, or ROLE@AREA for one pooling area; may be given often."),
    ] = None,
    days: Annotated[int, typer.Option(help="How long they hold.")] = limits.CERTIFICATE_DAYS,
    as_json: Json = False,
) -> None:
    """Write certificates for development: of servers, institutions and roles.

    The first call makes an authority, ca.pem, and keeps its key beside it; later ones add to it.
    Who reads that key can say to be anybody. Where it matters, let an authority of yours sign.
    """
    console = Console(soft_wrap=True)
    with told(console, as_json=as_json):
        wanted = wanted_certificates(server or [], institution or [], role or [], days)
        made = add_certificates(out, wanted, now(), days=days)
    tell_paths(console, made, as_json=as_json)


def wanted_certificates(
    servers: list[str], institutions: list[str], roles: list[str], days: int
) -> list[Wanted]:
    """Return the certificates that options name.

    Raises:
        InvalidRequest: Everything that is wrong with them.
    """
    faults = [
        Fault("--server", f"{each[:40]!r} is no name; small letters, digits and hyphens are")
        for each in servers
        if not is_name(each)
    ]
    wanted = [Wanted(each) for each in servers]
    for option, stated in (("--institution", institutions), ("--role", roles)):
        for each in stated:
            word, _, area = each.partition("@")
            is_role = option == "--role"
            of = () if is_role else (word,)
            name = each.replace("@", "-")
            called = word if is_role else Role.INSTITUTION.value
            wrong = principal_faults(name, called, of, area)
            faults += [Fault(f"{option} {each[:60]}", str(fault)) for fault in wrong]
            if not wrong:
                uri = spiffe_id(DOMAIN, Role(called), "" if is_role else word, area)
                wanted.append(Wanted(name, uri))
    names = [each.name for each in wanted]
    if not wanted and not faults:
        faults.append(Fault("", "name a --server, an --institution or a --role"))
    if len(set(names)) < len(names):
        faults.append(Fault("", "each name once"))
    if len(names) > limits.CERTIFICATES_MADE_MAX:
        faults.append(Fault("", f"{len(names)} names; at most {limits.CERTIFICATES_MADE_MAX}"))
    if not 1 <= days <= limits.CERTIFICATE_DAYS:
        faults.append(Fault("--days", f"{days}; 1 to {limits.CERTIFICATE_DAYS} are allowed"))
    if faults:
        raise InvalidRequest(faults)
    return wanted


@token_app.command()
def new(
    name: Annotated[str, typer.Option(help="Who it is for, as the log of accesses shows it.")],
    role: Annotated[str, typer.Option(help=f"One of {', '.join(Role)}.")],
    institution: Annotated[
        list[str] | None,
        typer.Option(help="Code of the institution of that role; may be given often."),
    ] = None,
    area: Annotated[str, typer.Option(help="The one pooling area of that role.")] = "",
    days: Annotated[int, typer.Option(help="How long it holds.")] = 90,
    file: File = _FILE,
    as_json: Json = False,
) -> None:
    """Make a token and show it once: only a digest of it is kept."""
    console = Console(soft_wrap=True)
    with told(console, as_json=as_json):
        made = new_token(
            *(file, name, role),
            moment=now(),
            days=days,
            institutions=tuple(institution or ()),
            area=area,
        )
    if as_json:
        console.out(orjson.dumps({"token": made.secret, **_row(made.token)}).decode())
        return
    console.out(made.secret, highlight=False)
    told_once = f"token {made.token.id} of {name} until {made.token.expires:%Y-%m-%d}; it is "
    Console(stderr=True, soft_wrap=True).print(
        escape(f"{told_once}shown this once. Give it as MEDSETTLE_TOKEN or --token"),
        highlight=False,
    )


@token_app.command(name="list")
def list_tokens(file: File = _FILE, as_json: Json = False) -> None:
    """List the tokens of a file, without their secrets, which nobody has."""
    console = Console(soft_wrap=True)
    with told(console, as_json=as_json):
        kept = read_tokens(file).by_id.values()
    for each in kept:
        if as_json:
            console.out(orjson.dumps(_row(each)).decode(), highlight=False)
            continue
        whose = ", ".join(each.institutions) or each.area or "every area"
        state = "revoked" if each.revoked is not None else f"until {each.expires:%Y-%m-%d}"
        line = f"{each.id}  {each.role} ({whose})  {state}  {visible(each.name)}"
        console.print(escape(line), highlight=False)


@token_app.command()
def revoke(
    token: Annotated[str, typer.Argument(help="Id of a token, as `list` shows it.")],
    file: File = _FILE,
    as_json: Json = False,
) -> None:
    """Let a token count no more; a running server finds out within a second."""
    console = Console(soft_wrap=True)
    with told(console, as_json=as_json):
        gone = revoke_token(file, token, now())
    if as_json:
        console.out(orjson.dumps(_row(gone)).decode(), highlight=False)
    else:
        console.print(escape(f"token {gone.id} of {visible(gone.name)} is revoked"))


@app.command()
def log(
    data: Data = Path("medsettle-data"),
    newest: Annotated[
        int, typer.Option(min=0, help="So many of the last; 0 shows all that are kept.")
    ] = 100,
    who: Annotated[str | None, typer.Option(help="Those of somebody of this name.")] = None,
    refused: Annotated[bool, typer.Option("--refused", help="Those that were not done.")] = False,
    as_json: Json = False,
) -> None:
    """Show who asked a server for what, and what came of it."""
    console = Console(soft_wrap=True)
    with told(console, as_json=as_json):
        found = [
            each
            for each in read_accesses(data / FOLDER)
            if (who is None or each.who == who) and not (refused and each.outcome == "OK")
        ]
    _tell_accesses(console, found[-newest:] if newest else found, as_json=as_json)


def _tell_accesses(console: Console, found: Iterable[Access], *, as_json: bool) -> None:
    for each in found:
        if as_json:
            console.out(msgspec.json.encode(each).decode(), highlight=False)
            continue
        whose = f"{each.who} ({each.role or 'no role'})"
        line = f"{each.moment:%Y-%m-%d %H:%M:%S.%f} {whose} {each.method} {each.resource}"
        console.print(escape(f"{visible(line)} {each.outcome}"), highlight=False)


def _row(token: Token) -> dict[str, object]:
    return {
        "id": token.id,
        "name": token.name,
        "role": token.role,
        "institutions": token.institutions,
        "area": token.area,
        "expires": token.expires,
        "revoked": token.revoked,
    }
