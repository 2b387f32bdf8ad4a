"""`medsettle reconcile make-books`: three invented books with planted differences, to try it on."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.markup import escape

from medsettle.clearing.made.books import MadeBooks, make_books
from medsettle.cli.exits import told
from medsettle.cli.options import Json


def make_books_command(
    folder: Annotated[Path, typer.Argument(help="Folder for the books; made if need be.")],
    rows: Annotated[int, typer.Option(help="Settlements; cancels and deductions come on top.")] = (
        100_000
    ),
    differences: Annotated[
        int, typer.Option(help="How many are planted, over all classes and causes.")
    ] = 2_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same books.")] = 0,
    first_day: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="First day of the books.")
    ] = datetime(2026, 3, 1),  # noqa: DTZ001 - a date of typer's
    days: Annotated[int, typer.Option(help="How many days they span.")] = 31,
    as_json: Json = False,
) -> None:
    """Make books of insured, care and national side in which known differences are planted.

    Everything in them is invented. `truth.parquet` says what is to be found, by which cause.
    """
    console = Console(soft_wrap=True)
    with told(console, as_json=as_json):
        made = make_books(
            folder,
            rows=rows,
            differences=differences,
            seed=seed,
            first_day=first_day.date(),
            days=days,
        )
    if as_json:
        console.out(orjson.dumps(_body(made)).decode(), highlight=False)
        return
    for side, path in made.books.items():
        console.print(escape(f"{side}: {made.rows[side]} rows in {path}"), highlight=False)
    planted = sum(made.differences.values())
    words = f"truth: {planted} differences of {len(made.differences)} causes, and {made.traps} "
    console.print(escape(f"{words}cases that are none, in {made.truth}"), highlight=False)


def _body(made: MadeBooks) -> dict[str, object]:
    return {
        "books": {str(side): str(path) for side, path in made.books.items()},
        "truth": str(made.truth),
        "rows": {str(side): rows for side, rows in made.rows.items()},
        "differences": dict(made.differences),
        "traps": made.traps,
    }
