"""`medsettle peers`: check a file of peers, and make certificates for development."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.markup import escape

from medsettle.cli.desks import now
from medsettle.cli.exits import told
from medsettle.cli.options import Data, Json
from medsettle.cli.show import tell_paths
from medsettle.identity.authority import make_certificates
from medsettle.peers.config import EVERY_OTHER, PeerConfig, is_name, read_peers
from medsettle.peers.open_cases import FILE_NAME, open_rows

app = typer.Typer(no_args_is_help=True, help="Check whom an engine is bound to in other areas.")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A file of peers, as TOML.")],
    as_json: Json = False,
) -> None:
    """Show through whom each area is reached, or every fault of the file."""
    console = Console(soft_wrap=True)
    with told(console, as_json=as_json):
        config = read_peers(file)
    if as_json:
        console.out(orjson.dumps(_body(config)).decode(), highlight=False)
        return
    console.print(_first_line(config), highlight=False)
    for each in config.neighbours:
        areas = ", ".join("every other area" if a == EVERY_OTHER else a for a in each.areas)
        line = f"  {areas}: through {each.name} ({each.role}) at {each.address}"
        console.print(escape(line), highlight=False)


@app.command()
def cases(data: Data = Path("medsettle-data"), as_json: Json = False) -> None:
    """Show what is open between this engine and others; exits with 1 while anything is.

    Whatever is open is being resolved by the server of the data folder, while that runs.
    """
    console = Console(soft_wrap=True)
    with told(console, as_json=as_json):
        # A misspelt folder must not pass as one in which nothing is open.
        if not data.is_dir():
            raise FileNotFoundError(f"{data} is not there; name the data folder with --data")
        found = list(open_rows(data / FILE_NAME, now()))
    if as_json:
        console.out(orjson.dumps(found).decode(), highlight=False)
    else:
        for row in found:
            console.print(escape(_case_line(row)), highlight=False)
        console.print(f"{len(found)} open" if found else "nothing is open", highlight=False)
    if found:
        raise typer.Exit(1)


def _case_line(row: Mapping[str, object]) -> str:
    which = f"{row['kind']} {row['record']}"
    tried = f"tried {row['attempts']} times in {row['seconds']} s"
    return f"{which} with area {row['area']}: {tried}; {row['trouble'] or 'not answered yet'}"


@app.command()
def certificates(
    name: Annotated[list[str], typer.Option(help="Name of an engine; may be given often.")],
    out: Annotated[Path, typer.Option(help="Folder for the files.")],
    as_json: Json = False,
) -> None:
    """Write an authority and a certificate for each name, for engines on this machine only."""
    console = Console(soft_wrap=True)
    for each in name:
        if not is_name(each):
            raise typer.BadParameter(f"{each!r} is no name; small letters, digits and hyphens are")
    if len(set(name)) < len(name):
        raise typer.BadParameter("each name once")
    with told(console, as_json=as_json):
        made = make_certificates(out, name, now())
    tell_paths(console, made, as_json=as_json)


def _first_line(config: PeerConfig) -> str:
    decides = ", ".join(config.areas) or "no area"
    how = (
        f"peers reach it at {config.listen} under TLS" if config.tls is not None else "without TLS"
    )
    return f"{config.name} ({config.role}) decides {decides}; {how}"


def _body(config: PeerConfig) -> dict[str, object]:
    return {
        "name": config.name,
        "role": config.role,
        "areas": config.areas,
        "tls": config.tls is not None,
        "listen": config.listen or None,
        "peers": [
            {"name": each.name, "role": each.role, "address": each.address, "areas": each.areas}
            for each in config.neighbours
        ],
    }
