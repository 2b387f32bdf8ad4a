"""`medsettle population`: an invented population as a history, to try replays and reforms on."""

import re
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from medsettle import limits
from medsettle.cli.exits import Exit, told
from medsettle.cli.options import Json, Rules
from medsettle.cli.progress_lines import ForPrograms, ProgressLines
from medsettle.errors import Fault, InvalidRequest
from medsettle.replay.population import making
from medsettle.replay.population.making import Population, Wanted
from medsettle.replay.population.marginals import load_marginals
from medsettle.rule_cache import rule_book


def population(
    area: Annotated[str, typer.Option(help="The pooling area, one of the rules.")],
    out: Annotated[Path, typer.Option(help="Folder for the history; made if need be.")],
    years: Annotated[str, typer.Option(help="A year, or the first and last as 2024-2025.")],
    rules: Rules = Path("rules"),
    persons: Annotated[int, typer.Option(help="How many persons; 100 for a try.")] = 10_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = making.SEED,
    refunds: Annotated[
        float, typer.Option(help="Share of bills with a line that takes back a part of another.")
    ] = 0.0,
    marginals: Annotated[
        Path | None,
        typer.Option(help="Document of what the population looks like; else the nation's figures."),
    ] = None,
    threads: Annotated[int, typer.Option(help="Parts that are drawn at once.")] = 2,
    progress: ForPrograms = False,
    as_json: Json = False,
) -> None:
    """Make an invented population: persons, conditions, visits and fee lines over years.

    What it looks like follows published statistics, each cited in the document of marginals; what
    an area settles, by which items, is read from its rules. Nobody in it exists.
    """
    console = Console(soft_wrap=True)
    with told(console, as_json=as_json, refused=Exit.USAGE):
        first_year, last_year = _years(years)
        wanted = Wanted(area, persons, first_year, last_year, seed, refunds)
        wanted.check(threads)
        book, figures = rule_book(rules), load_marginals(marginals)
        with _bar(as_json=as_json) as bar:
            task = bar.add_task("persons", total=persons)
            lines = ProgressLines("persons drawn", wanted=progress)

            def drawn(done: int) -> None:
                bar.update(task, completed=done)
                lines.tell(done, persons)

            made = making.make_population(
                book,
                wanted,
                out,
                marginals=figures,
                threads=threads,
                progress=drawn,
            )
    if as_json:
        console.out(orjson.dumps(_body(made)).decode(), highlight=False)
        return
    rows = {table: made.history.rows(table) for table in ("claims", "lines", "moves")}
    words = f"{made.persons:,} persons with {rows['claims']:,} claims, {rows['lines']:,} lines and "
    words += f"{rows['moves']:,} moves of accounts in {made.history.folder}"
    console.print(escape(words), highlight=False)
    words = f"{made.cancelled:,} claims are taken back later; {made.left_out:,} visits that no "
    words += f"document settles were left out. Digest {made.history.digest}"
    console.print(escape(words), highlight=False)


def _years(text: str) -> tuple[int, int]:
    """Return the first and the last year of an option.

    Raises:
        InvalidRequest: The text is neither a year nor two.
    """
    found = re.fullmatch(r"([0-9]{4})(?:-([0-9]{4}))?", text)
    if found is None:
        shown = text[: limits.VALUE_CHARS_SHOWN_MAX]
        message = f"{shown!r} is no year; write one like 2025, or two like 2024-2025"
        raise InvalidRequest([Fault("years", message)])
    return int(found[1]), int(found[2] or found[1])


def _bar(*, as_json: bool) -> Progress:
    columns = BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=as_json)


def _body(made: Population) -> dict[str, object]:
    return {
        "history": str(made.history.folder),
        "digest": made.history.digest,
        "source": dict(made.history.source),
        "persons": made.persons,
        "rows": {table: made.history.rows(table) for table in ("claims", "lines", "moves")},
        "cancelled": made.cancelled,
        "left_out": made.left_out,
    }
