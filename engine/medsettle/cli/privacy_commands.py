"""`medsettle privacy`: the keys by which audit tables tell persons and cards."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from rich.console import Console

from medsettle.cli.desks import check_is_ledger, ledger_at
from medsettle.cli.exits import told
from medsettle.cli.options import Data, Json, Ledger
from medsettle.cli.pseudonym_keys import Keys, keys_folder
from medsettle.errors import NotFound, Precondition
from medsettle.privacy.key_files import SUFFIX

if TYPE_CHECKING:
    from medsettle.audit.following import LedgerFeed
    from medsettle.privacy.pseudonyms import Personal, Pseudonyms

app = typer.Typer(
    no_args_is_help=True, help="Pseudonyms of persons and cards in audit tables, and their keys."
)


@app.command()
def show(
    data: Data = Path("medsettle-data"), pseudonym_keys: Keys = None, as_json: Json = False
) -> None:
    """Show which keys there are, the newest first; never what is in them."""
    console = Console(soft_wrap=True)
    with told(console, as_json=as_json):
        pseudonyms = _opened(data, pseudonym_keys)
        keys = [
            {
                "key": key.name,
                "algorithm": key.algorithm,
                "made": _made(pseudonyms.folder, key.name),
                "used_for": "writing and looking up" if place == 0 else "looking up",
            }
            for place, key in enumerate(pseudonyms.keys)
        ]
    if as_json:
        body = {"folder": str(pseudonyms.folder), "keys": keys}
        console.out(orjson.dumps(body).decode(), highlight=False)
        return
    console.print(f"keys in {pseudonyms.folder}", markup=False, highlight=False)
    for each in keys:
        line = f"{each['key']}  {each['algorithm']}  made {each['made']}  {each['used_for']}"
        console.print(line, markup=False, highlight=False)


@app.command(name="key")
def make_first_key(
    pseudonym_keys: Annotated[Path, typer.Option(help="Folder of the keys.")], as_json: Json = False
) -> None:
    """Make the first key of a folder that a server may read and not write; it has none yet."""
    from medsettle.privacy.pseudonyms import Pseudonyms  # noqa: PLC0415 - loads ciphers

    console = Console(soft_wrap=True)
    with told(console, as_json=as_json):
        found = Pseudonyms(pseudonym_keys)
        if found.keys:
            raise Precondition(
                f"{found.folder} has key {found.newest}; `medsettle privacy rotate` makes the next"
            )
        made = Pseudonyms.opened(pseudonym_keys)
    path = pseudonym_keys / f"{made.newest}{SUFFIX}"
    if as_json:
        console.out(orjson.dumps({"key": str(path)}).decode(), highlight=False)
    else:
        console.print(f"{path} (keep it to yourself)", markup=False, highlight=False)


@app.command()
def pseudonym(
    person: Annotated[str, typer.Argument(help="The number of a person, or of a card.")],
    card: Annotated[bool, typer.Option("--card", help="It is a card.")] = False,
    data: Data = Path("medsettle-data"),
    pseudonym_keys: Keys = None,
    as_json: Json = False,
) -> None:
    """Tell under which pseudonyms audit tables have a person, one for each key, newest first."""
    from medsettle.privacy.pseudonyms import Kind  # noqa: PLC0415 - as the other commands

    console = Console(soft_wrap=True)
    with told(console, as_json=as_json):
        found = _opened(data, pseudonym_keys).looked_up(Kind.CARD if card else Kind.PERSON, person)
    if as_json:
        console.out(orjson.dumps({"pseudonyms": found[:-1]}).decode(), highlight=False)
        return
    for each in found[:-1]:
        console.print(each, markup=False, highlight=False)


@app.command()
def rotate(
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    algorithm: Annotated[
        str, typer.Option(help="Of the new key: HMAC-SHA-256, or the national HMAC-SM3.")
    ] = "HMAC-SHA-256",
    pseudonym_keys: Keys = None,
    as_json: Json = False,
) -> None:
    """Make a new key, by which audit tables tell persons from the next segment on.

    Old keys stay for looking up, and a file beside the keys links the pseudonyms of everybody in
    the ledger, so that replays follow a person across keys. A server that runs takes the new key up
    by itself. Who removes an old key and the links makes what was written under it nobody's.
    """
    from medsettle.ledger.opening import open_reader  # noqa: PLC0415 - as the other commands
    from medsettle.privacy.links import rotate as new_key  # noqa: PLC0415 - loads Arrow

    console = Console(soft_wrap=True)
    with told(console, as_json=as_json):
        place = ledger_at(data, ledger)
        check_is_ledger(place)
        with open_reader(place) as reader:
            key, links = new_key(
                keys_folder(data, pseudonym_keys), algorithm, lambda: _everybody(reader)
            )
    if as_json:
        body = {"key": key.name, "algorithm": key.algorithm, "links": links}
        console.out(orjson.dumps(body).decode(), highlight=False)
        return
    words = f"key {key.name} ({key.algorithm}) tells persons from now on; {links} links to it"
    console.print(words, markup=False, highlight=False)


def _opened(data: Path, named: Path | None) -> "Pseudonyms":
    """Return the pseudonyms of a data folder.

    Raises:
        NotFound: It has no keys.
    """
    from medsettle.privacy.pseudonyms import Pseudonyms  # noqa: PLC0415 - as the other commands

    found = Pseudonyms(keys_folder(data, named))
    if not found.keys:
        raise NotFound(
            f"{found.folder} has no keys of pseudonyms: the first command that settles makes one; "
            "name the folder with --data or --pseudonym-keys"
        )
    return found


def _made(folder: Path, key: str) -> str:
    moment = datetime.fromtimestamp((folder / f"{key}{SUFFIX}").stat().st_mtime, UTC)
    return f"{moment:%Y-%m-%d}"


def _everybody(reader: "LedgerFeed") -> "Iterator[Personal]":
    """Yield the persons and cards that audit tables of a ledger may have, stretch by stretch."""
    from medsettle import limits  # noqa: PLC0415 - as the other commands
    from medsettle.audit.personal import PERSONAL_COLUMNS  # noqa: PLC0415 - loads Arrow
    from medsettle.audit.projector import moves_of, next_entries  # noqa: PLC0415 - as above
    from medsettle.audit.segments import segment_tables  # noqa: PLC0415 - as above
    from medsettle.core.relatives import named_relative  # noqa: PLC0415 - as above
    from medsettle.privacy.pseudonyms import Kind  # noqa: PLC0415 - as above

    last_seq = 0
    while entries := next_entries(reader, last_seq, limits.AUDIT_SEGMENT_ROWS_MAX):
        last_seq = entries[-1].seq
        for table in segment_tables(entries, moves_of(reader, entries)).values():
            for name, kind in PERSONAL_COLUMNS.items():
                if name not in table.column_names:
                    continue
                values = [each for each in table[name].unique().to_pylist() if each is not None]
                if kind is Kind.COUNTER:
                    named = (named_relative(value) for value in values)
                    yield from ((Kind.PERSON, person) for person in named if person is not None)
                else:
                    yield from ((kind, value) for value in values)
