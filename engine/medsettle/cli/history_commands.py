"""`medsettle history`: bring claims into the form that a replay reads, look at it, check it."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from medsettle.cli.exits import Exit, Quit, told
from medsettle.cli.history_sources import (
    Areas,
    AsOf,
    Openings,
    OrderBy,
    Sources,
    claim_sources,
    keys_of,
    wanted_of,
)
from medsettle.cli.options import Json, Ledger
from medsettle.cli.pseudonym_keys import Keys

if TYPE_CHECKING:
    from medsettle.replay.from_claims import Made
    from medsettle.replay.history import History

app = typer.Typer(
    no_args_is_help=True,
    help="Bring claims into the form that a replay reads, look at it, check it.",
)

Folder = Annotated[Path, typer.Argument(metavar="HISTORY", help="The folder of a history.")]


@app.command()
def make(
    sources: Sources,
    out: Annotated[Path, typer.Option(help="The folder of the history; it must have none.")],
    areas: Areas = None,
    as_of: AsOf = None,
    openings: Openings = None,
    order_by: OrderBy = None,
    pseudonym_keys: Keys = None,
    ledger: Ledger = None,
    as_json: Json = False,
) -> None:
    """Make a history of what engines settled, or of claims in Parquet files; sources are only read.

    Of an engine's data folder, what the audit tables do not tell yet comes from the ledger. Claims
    of Parquet files are checked as at a checkout; those with faults are left out and listed in
    refused.parquet in the folder, and the exit code is 1.
    """
    from medsettle.replay.sources import make_history  # noqa: PLC0415 - loads DuckDB

    console = Console(soft_wrap=True)
    columns = ("sorting and writing", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        told(console, as_json=as_json, refused=Exit.USAGE),
        Progress(*columns, console=Console(stderr=True), transient=True, disable=as_json) as bar,
        claim_sources(sources, ledger) as found,
    ):
        task = bar.add_task("claims", total=None)
        wanted = wanted_of(areas, as_of, openings, order_by, keys=keys_of(sources, pseudonym_keys))
        made = make_history(
            found, out, wanted, lambda done, claims: bar.update(task, completed=done, total=claims)
        )
    _say_made(console, made, as_json=as_json)
    if made.refused:
        raise Quit(Exit.FINDING)


def _say_made(console: Console, made: "Made", *, as_json: bool) -> None:
    body = _figures(made.history) | {"read": made.read, "refused": made.refused}
    if as_json:
        console.out(orjson.dumps(body | {"faults": made.examples}).decode(), highlight=False)
        return
    words = f"{body['claims']} claims with {body['lines']} lines, {_in_parts(made.history)}: "
    console.print(escape(f"{words}{made.history.folder}"), highlight=False)
    left_out = {name: count for name, count in body.items() if name.endswith("_left_out") and count}
    for name, count in left_out.items():
        console.print(f"{count} {name.replace('_', ' ')}", highlight=False)
    if made.refused:
        from medsettle.replay.from_claims import REFUSED  # noqa: PLC0415 - as above

        listed = made.history.folder / REFUSED
        console.print(f"{made.refused} of {made.read} refused; all faults: {escape(str(listed))}")
        for each in made.examples:
            console.print(f"  {escape(each)}", highlight=False)


@app.command()
def show(folder: Folder, as_json: Json = False) -> None:
    """Show what a history holds: days, areas, persons, claims, lines, and of what it was made."""
    from medsettle.replay.history import History  # noqa: PLC0415 - loads Arrow
    from medsettle.replay.history_contents import contents_of  # noqa: PLC0415 - loads Arrow

    console = Console(soft_wrap=True)
    with told(console, as_json=as_json, refused=Exit.USAGE):
        history = History.open(folder)
        made_of = _made_of(history.source)
        body = _figures(history) | asdict(contents_of(history)) | {"made_of": made_of}
    if as_json:
        console.out(orjson.dumps(body, default=str).decode(), highlight=False)
        return
    for name, value in body.items():
        shown = "; ".join(value) if name == "made_of" else _words(value)
        console.print(escape(f"{name.replace('_', ' ')}: {shown}"), highlight=False)


@app.command()
def check(folder: Folder, as_json: Json = False) -> None:
    """Check digests of files, order and numbers of claims, and counts; tell the first fault."""
    from medsettle.replay.history import History  # noqa: PLC0415 - loads Arrow
    from medsettle.replay.history_check import first_fault  # noqa: PLC0415 - loads DuckDB

    console = Console(soft_wrap=True)
    with told(console, as_json=as_json, refused=Exit.USAGE):
        history = History.open(folder)
        fault = first_fault(history)
    if as_json:
        body = _figures(history) | {"fault": None if fault is None else str(fault)}
        console.out(orjson.dumps(body).decode(), highlight=False)
    elif fault is None:
        words = f"sound: {history.rows('claims')} claims {_in_parts(history)}, digest "
        console.print(f"{words}{history.digest}", highlight=False)
    else:
        console.print(escape(str(fault)), highlight=False)
    if fault is not None:
        raise Quit(Exit.FINDING)


def _made_of(source: Mapping[str, object]) -> list[str]:
    """Return of what a history was made, in words; what was not asked for is not told."""
    return [
        _words(value) if name == "made_of" else f"{name.replace('_', ' ')} {_words(value)}"
        for name, value in source.items()
        if value not in (None, [])
    ]


def _words(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name.replace('_', ' ')} {_words(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_words, value))
    return "none" if value is None else str(value)


def _in_parts(history: "History") -> str:
    count = len(history.parts)
    return f"in {count} part{'s' * (count != 1)} of whole persons"


def _figures(history: "History") -> dict[str, Any]:
    from medsettle.replay.layout import HISTORY_TABLES  # noqa: PLC0415 - as above

    rows = {table: history.rows(table) for table in HISTORY_TABLES}
    told_of = {name: value for name, value in history.source.items() if name.endswith("_left_out")}
    return {"parts": len(history.parts), **rows, **told_of, "digest": history.digest}
