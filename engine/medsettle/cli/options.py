"""Options that several commands share, and what they are read as."""

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medsettle import limits
from medsettle.cli.desks import now
from medsettle.core.dates import service_day_of
from medsettle.core.money import fen_from_yuan
from medsettle.errors import Fault, InvalidRequest

if TYPE_CHECKING:
    from medsettle.engine.list_folder import ListFolders

Rules = Annotated[Path, typer.Option(help="Folder of the rule documents.")]
RulesBeside = Annotated[
    Path | None,
    typer.Option("--rules", help="Folder of the rule documents; without it that of the examples."),
]
Paths = Annotated[list[Path], typer.Argument(help="Documents, or folders of them.")]
Data = Annotated[Path, typer.Option(help="Folder of ledger and audit tables.")]
Ledger = Annotated[
    str | None,
    typer.Option(
        envvar="MEDSETTLE_LEDGER",
        help="A ledger in PostgreSQL, as postgresql://USER@HOST/DATABASE, or another file; without "
        "it the one in --data.",
    ),
]
Overlays = Annotated[
    list[Path] | None,
    typer.Option("--overlay", help="A reform to apply to the rules; may be given several times."),
]
Server = Annotated[
    str | None, typer.Option(help="Address of a server; without it the engine is embedded.")
]
PROXY = "127.0.0.1"
Hosts = Annotated[
    list[str] | None,
    typer.Option(
        "--host",
        help="Another name by which browsers may ask the console; may be given several times.",
    ),
]
Behind = Annotated[
    list[str] | None,
    typer.Option(
        "--behind",
        help="Name, and port where it is not 443, at which a proxy speaks HTTPS before the "
        "console: browsers then keep to HTTPS. May be given several times.",
    ),
]
Proxy = Annotated[
    str,
    typer.Option("--proxy", help="Address of that proxy, which is believed who asks and how."),
]
Lists = Annotated[
    Path | None, typer.Option("--lists", help="Folder of invalid lists of cards, with --list-keys.")
]
ListKeys = Annotated[
    Path | None, typer.Option("--list-keys", help="Folder of the public keys of their keepers.")
]
Tokens = Annotated[
    Path | None,
    typer.Option(
        help="JSON file of clients, their tokens and institutions; requests must be signed.",
    ),
]
NoSignIn = Annotated[
    bool, typer.Option("--no-sign-in", help="Take requests of operators who have not signed in.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def list_folders(lists: Path | None, keys: Path | None) -> "ListFolders | None":
    """Return the folders that two options name; None where they name none.

    Raises:
        typer.BadParameter: One is given without the other.
    """
    if lists is None and keys is None:
        return None
    if lists is None or keys is None:
        raise typer.BadParameter("--lists and --list-keys go together; give both")
    from medsettle.engine.list_folder import ListFolders  # noqa: PLC0415 - loads cryptography

    return ListFolders(lists, keys)


def fen_named(name: str, yuan: str) -> int:
    """Return the fen of an option in yuan, `name` in messages.

    Raises:
        InvalidRequest: The text is no amount.
    """
    try:
        return fen_from_yuan(yuan)
    except ValueError as error:
        raise InvalidRequest([Fault(name, str(error))]) from error


def day_or_today(given: datetime | None) -> date:
    """Return the day of an option, or today in China Standard Time.

    Raises:
        InvalidRequest: It lies outside the years that medsettle serves.
    """
    return service_day_of(now()) if given is None else day_named(given)


def day_named(given: datetime) -> date:
    """Return the day of an option.

    Raises:
        InvalidRequest: It lies outside the years that medsettle serves.
    """
    first, last = limits.SERVICE_YEAR_MIN, limits.SERVICE_YEAR_MAX
    if not first <= given.year <= last:
        text = f"{given.date()} lies outside the years {first} to {last}; correct it"
        raise InvalidRequest([Fault("day", text)])
    return given.date()
