"""`medsettle reconcile`: compare books, and see each difference through to its end."""

from collections.abc import Callable
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from medsettle.clearing.items.evidence import case_of, write_evidence
from medsettle.clearing.items.item import Item
from medsettle.clearing.items.store import ItemStore
from medsettle.clearing.items.telling import event_json, item_json, named_rows, run_json
from medsettle.clearing.items.terms import terms_told
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.classes import Action
from medsettle.cli.desks import now
from medsettle.cli.exits import Exit, told
from medsettle.cli.made_books_command import make_books_command
from medsettle.cli.options import Json, Ledger, Rules, Server
from medsettle.cli.reconcile_acts import At, apply, class_of, open_items, stated_told
from medsettle.cli.reconcile_spark import OnSpark, refuse_beside
from medsettle.cli.reconcile_words import show_item, show_items, show_run, show_runs
from medsettle.core.dates import service_day_of
from medsettle.core.tables import plain
from medsettle.errors import Fault, InvalidRequest

Clearing = Annotated[
    Path, typer.Option("--data", help="Data folder; runs and items are in its clearing folder.")
]
Named = Annotated[str, typer.Argument(metavar="ITEM", help="Number or full name of an item.")]
By = Annotated[str, typer.Option("--by", help="Who does this: a code without spaces.")]
Reason = Annotated[str, typer.Option(help="Why, in a sentence.")]
Plan = Annotated[str, typer.Option(help="The plan that was looked at, as show prints it.")]
_FOLDER = Path("medsettle-data")
_DAYS = ["%Y-%m-%d"]
Day = Annotated[
    datetime | None, typer.Option("--day", formats=_DAYS, help="Only this day of recording.")
]
First = Annotated[datetime | None, typer.Option("--from", formats=_DAYS, help="The first day.")]
Last = Annotated[datetime | None, typer.Option("--to", formats=_DAYS, help="The last day.")]
Repeats = Annotated[bool, typer.Option("--repeats", help="Also what all books have twice.")]
SideOfTables = Annotated[Side, typer.Option(help="Whose book audit tables are read as.")]


class Ways(StrEnum):
    """The ways of finding odd rows; `reconcile.By` says the same, and loads numba."""

    SKETCH = "sketch"
    JOIN = "join"


app = typer.Typer(
    no_args_is_help=True,
    help="Compare books of settlements, and see each difference through to its end.",
)

app.command(name="make-books")(make_books_command)


@app.command()
def run(
    insured: Annotated[Path | None, typer.Option(help="Book of the place of insurance.")] = None,
    care: Annotated[Path | None, typer.Option(help="Book of the place of care.")] = None,
    national: Annotated[Path | None, typer.Option(help="Book of the nation.")] = None,
    day: Day = None,
    first: First = None,
    last: Last = None,
    pooling_area: Annotated[str | None, typer.Option(help="Only persons insured there.")] = None,
    care_area: Annotated[str | None, typer.Option(help="Only care given there.")] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Also care in the area of insurance of audit tables.")
    ] = False,
    stated: Annotated[
        list[str] | None,
        typer.Option(help="COLUMN=VALUE of all rows of text files; may be given often."),
    ] = None,
    by: Annotated[Ways, typer.Option("--by", help="How odd rows are found.")] = Ways.SKETCH,
    name: Annotated[
        str, typer.Option(help="What is compared: runs of one name and day supersede one another.")
    ] = "default",
    data: Annotated[
        Path | None, typer.Option("--data", help="Data folder to keep runs and items in.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for what is found, as Parquet.")] = None,
    spark: OnSpark = None,
    repeats: Repeats = False,
    as_json: Json = False,
) -> None:
    """Compare two or three books and class what differs; exits with 1 where anything does.

    What cannot be compared ends with 2.

    A book is a data or audit folder of an engine, Parquet, CSV, or the text files of 3202.
    """
    from medsettle.clearing.matching.reconcile import By  # noqa: PLC0415
    from medsettle.cli.reconcile_books import Only  # noqa: PLC0415 - loads numba
    from medsettle.cli.reconcile_runs import Asked, run_reconciliation  # noqa: PLC0415

    console = Console()
    with told(console, as_json=as_json, refused=Exit.USAGE):
        begin, end = _days(day, first, last)
        refuse_beside(spark, others=bool(stated) or local or by is not Ways.SKETCH)
        paths = {Side.INSURED: insured, Side.CARE: care, Side.NATIONAL: national}
        asked = Asked(
            name=name,
            paths={side: path for side, path in paths.items() if path is not None},
            only=Only(begin, end, pooling_area, care_area, local=local),
            by=By(by),
            stated=dict(map(stated_told, stated or [])),
            data=data,
            out=out,
            spark=spark,
            repeats=repeats,
        )
        found = run_reconciliation(asked, now)
    if as_json:
        _print_json(console, run_json(found))
    else:
        show_run(console, found)
    if found.differences:
        raise typer.Exit(Exit.FINDING)


@app.command()
def sketch(
    book: Annotated[Path, typer.Argument(help="A book.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File for the sketch.")],
    side: SideOfTables = Side.CARE,
    columns: Annotated[
        str | None, typer.Option(help="Compared columns, with commas; all without it.")
    ] = None,
    cells: Annotated[int | None, typer.Option(help="Cells; more differ, more are needed.")] = None,
    day: Day = None,
    first: First = None,
    last: Last = None,
    as_json: Json = False,
) -> None:
    """Write the sketch of a book: a few megabytes that say what differs and nothing of any row."""
    from medsettle.cli.reconcile_books import Only  # noqa: PLC0415 - loads numba
    from medsettle.cli.reconcile_runs import make_sketch  # noqa: PLC0415

    console = Console()
    with told(console, as_json=as_json):
        chosen = tuple(columns.split(",")) if columns else ()
        found = make_sketch(side, book, out, chosen, cells, Only(*_days(day, first, last)))
    if as_json:
        _print_json(console, found)
    else:
        line = f"{found['rows']} rows in {found['cells']} cells, {found['bytes']} bytes: {out}"
        console.print(line, soft_wrap=True, highlight=False)


@app.command()
def compare_sketches(
    one: Annotated[Path, typer.Argument(help="A sketch.")],
    other: Annotated[Path, typer.Argument(help="Another one, made of the same columns.")],
    book: Annotated[
        Path | None, typer.Option(help="A book whose settlements are named that differ.")
    ] = None,
    side: SideOfTables = Side.CARE,
    as_json: Json = False,
) -> None:
    """Say how many rows two books differ in, by their sketches; exits with 1 where any do."""
    from medsettle.cli.reconcile_books import Only  # noqa: PLC0415 - loads numba
    from medsettle.cli.reconcile_runs import compare_sketches as compared  # noqa: PLC0415

    console = Console()
    with told(console, as_json=as_json, refused=Exit.USAGE):
        found = compared(one, other, book, side, Only())
    if as_json:
        _print_json(console, found)
    else:
        only_one, only_other = found["only_in_first"], found["only_in_second"]
        console.print(
            f"{found['keys']} settlement(s) differ: {only_one} row(s) only in the first, "
            f"{only_other} only in the second",
            highlight=False,
        )
        for settlement in found.get("settlements", []):  # type: ignore[attr-defined]
            console.print(f"  {settlement}", highlight=False)
    if found["keys"]:
        raise typer.Exit(Exit.FINDING)


@app.command()
def runs(
    data: Clearing = _FOLDER,
    reconciliation: Annotated[str | None, typer.Option("--name", help="Only these runs.")] = None,
    as_json: Json = False,
) -> None:
    """List the runs, superseded ones among them, the latest last."""
    console = Console()
    with told(console, as_json=as_json), open_items(data) as store:
        found = store.runs(reconciliation=reconciliation)
    if as_json:
        _print_json(console, [run_json(run) for run in found])
    else:
        show_runs(console, found)


@app.command()
def items(
    data: Clearing = _FOLDER,
    reconciliation: Annotated[str | None, typer.Option("--name", help="Only of these.")] = None,
    owner: Annotated[Side | None, typer.Option(help="Whose turn it is.")] = None,
    difference_class: Annotated[
        int | None, typer.Option("--class", help="Number of the class.")
    ] = None,
    min_age: Annotated[int, typer.Option(help="Only of so many days and older.")] = 0,
    ended: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    as_json: Json = False,
) -> None:
    """List what is open, with its age, the money at risk and what is to be done."""
    console = Console()
    today = service_day_of(now())
    with told(console, as_json=as_json), open_items(data) as store:
        found = [
            item
            for item in store.items(
                reconciliation=reconciliation,
                owner=owner,
                difference_class=class_of(difference_class),
                standing=not ended,
            )
            if item.age_days(today) >= min_age
        ]
    if as_json:
        _print_json(console, [item_json(item, today) for item in found])
    else:
        show_items(console, found, today)


@app.command()
def show(named: Named, data: Clearing = _FOLDER, as_json: Json = False) -> None:
    """Show an item: the rows side by side, the versions, the history and the next step."""
    console = Console()
    today = service_day_of(now())
    with told(console, as_json=as_json), open_items(data) as store:
        item = store.item(named)
        difference, events = store.difference(item), store.events(item.number)
    if as_json:
        rows = [{"book": head, "row": row} for head, row in named_rows(difference)]
        history = [event_json(event) for event in events]
        body = {"item": item_json(item, today), "rows": rows, "history": history}
        _print_json(console, body)
    else:
        show_item(console, item, difference, events, today)


@app.command()
def evidence(
    named: Named,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the files.")],
    data: Clearing = _FOLDER,
    as_json: Json = False,
) -> None:
    """Write both rows, both versions, the digests and the history as JSON and as text."""
    console = Console()
    with told(console, as_json=as_json), open_items(data) as store:
        written = write_evidence(out, case_of(store, named), service_day_of(now()))
    if as_json:
        _print_json(console, [str(path) for path in written])
    else:
        console.print("\n".join(map(str, written)), soft_wrap=True, highlight=False)


# --- what is done about an item ----------------------------------------------------------------


@app.command()
def propose(
    named: Named,
    action: Annotated[Action, typer.Option(help="What to do.")],
    by: By,
    reason: Reason,
    side: Annotated[
        Side | None, typer.Option(help="Whose book gets the record, where several may.")
    ] = None,
    like: Annotated[
        Side | None, typer.Option(help="Whose amounts an adjustment makes it have.")
    ] = None,
    move: Annotated[
        list[str] | None,
        typer.Option(help="COUNTER/PERIOD=FEN that an adjustment moves; may be given often."),
    ] = None,
    data: Clearing = _FOLDER,
    as_json: Json = False,
) -> None:
    """Propose what to do about an item; what moves money takes another person's approval."""

    def act(store: ItemStore) -> Item:
        terms = terms_told(side, like, move or [])
        return store.propose(named, action, by, reason, now(), terms)

    _decided(data, act, as_json=as_json)


@app.command()
def approve(
    named: Named,
    by: By,
    reason: Reason,
    plan: Plan,
    data: Clearing = _FOLDER,
    as_json: Json = False,
) -> None:
    """Agree with what another person proposed: with the very plan, should it change meanwhile."""
    _decided(data, lambda store: store.approve(named, plan, by, reason, now()), as_json=as_json)


@app.command()
def hold(
    named: Named, by: By, reason: Reason, data: Clearing = _FOLDER, as_json: Json = False
) -> None:
    """Keep an item from being paid until somebody has looked into it."""
    _decided(data, lambda store: store.hold(named, by, reason, now()), as_json=as_json)


@app.command()
def write_off(
    named: Named, by: By, reason: Reason, data: Clearing = _FOLDER, as_json: Json = False
) -> None:
    """Propose to give an item up; short for propose --action write_off."""
    _decided(
        data,
        lambda store: store.propose(named, Action.WRITE_OFF, by, reason, now()),
        as_json=as_json,
    )


@app.command(name="apply")
def apply_action(
    named: Named,
    by: By,
    data: Clearing = _FOLDER,
    engine: Annotated[
        Path | None, typer.Option(help="Data folder of the engine whose book gets the record.")
    ] = None,
    server: Server = None,
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    source: Annotated[
        Path | None, typer.Option(help="Data folder of a side that has what is to be inserted.")
    ] = None,
    source_rules: Annotated[
        Path | None, typer.Option(help="Its rules; without it those of --rules.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make the record that was approved. Safe to repeat: it is made once."""
    at = At(server, engine, ledger, rules, source, source_rules)
    _decided(data, lambda store: apply(store, named, by, at, now), as_json=as_json)


def _decided(data: Path, act: Callable[[ItemStore], Item], *, as_json: bool) -> None:
    """Do something about an item, and say where it stands."""
    console = Console()
    with told(console, as_json=as_json), open_items(data) as store:
        item = act(store)
    if as_json:
        _print_json(console, item_json(item, service_day_of(now())))
        return
    terms = "" if item.terms is None else f" {item.terms}"
    recorded = "" if item.entry is None else f", recorded as {item.entry}"
    line = f"item {item.number} is {item.state}: {item.action}{terms}{recorded}"
    console.print(line, soft_wrap=True, highlight=False)
    console.print(f"  next: {item.next_step}", soft_wrap=True, highlight=False)


def _days(
    day: datetime | None, first: datetime | None, last: datetime | None
) -> tuple[date | None, date | None]:
    """Return the first and the last day that options name; None for no bound."""
    if day is not None and (first is not None or last is not None):
        raise InvalidRequest([Fault("day", "is one day; give it, or --from and --to")])
    ends = (day, day) if day is not None else (first, last)
    begin, end = (None if each is None else each.date() for each in ends)
    return begin, end


def _print_json(console: Console, body: object) -> None:
    console.out(orjson.dumps(body, default=plain).decode(), highlight=False)
