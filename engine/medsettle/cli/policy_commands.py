"""`medsettle policy`: check, test, show, compare and explain rule documents."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from medsettle.cli.exits import Exit, Quit, told
from medsettle.cli.options import Json, Overlays, Rules
from medsettle.cli.page import Page
from medsettle.cli.policy_check import check_documents, checked_lines
from medsettle.cli.policy_diff import diff
from medsettle.cli.policy_explain import explain
from medsettle.cli.policy_page import policy_json, print_policy
from medsettle.errors import PolicyRejected, SettlementError
from medsettle.policy import book as books
from medsettle.policy.area_schema import area_schema
from medsettle.policy.examples import Example, read_examples
from medsettle.policy.json_schema import overlay_schema, rule_schema
from medsettle.settle.prove import prove
from medsettle.settle.run import Settler

app = typer.Typer(
    no_args_is_help=True, help="Check, test, show, compare and explain rule documents."
)
app.command()(diff)
app.command()(explain)

Paths = Annotated[list[Path], typer.Argument(help="Documents, or folders of them.")]


@app.command()
def check(paths: Paths, overlay: Overlays = None, as_json: Json = False) -> None:
    """Check documents and list every fault with file, line, column and remedy.

    Remarks say what a document leaves out, which may be meant: they are shown beside the faults,
    and are none. With overlays, folders are checked as they are with the reforms applied.
    """
    console = Console(soft_wrap=True)
    with told(console, as_json=as_json):
        checked = check_documents(paths, overlay or [])
    if as_json:
        console.out(orjson.dumps(asdict(checked)).decode(), highlight=False)
    else:
        for line in checked_lines(checked):
            console.print(line, highlight=False)
    if checked.violations:
        raise Quit(Exit.FINDING)


@app.command()
def test(
    paths: Paths,
    rules: Rules = Path("rules"),
    overlay: Overlays = None,
    as_json: Json = False,
) -> None:
    """Settle the worked examples beside the policies and compare every amount."""
    console = Console(soft_wrap=True)
    with told(console, as_json=as_json):

        @cache
        def settler(known_on: date | None) -> Settler:
            book = books.load_rule_book(rules, overlays=overlay or [], known_on=known_on)
            return Settler(book)

        settler(None)
        files = [file for path in paths for file in _example_files(path)]
        results = [result for file in files for result in _proved(settler, file)]
    failed = [result for result in results if result[1]]
    if as_json:
        body = [{"example": each.name, "faults": faults} for each, faults in results]
        console.out(orjson.dumps(body).decode(), highlight=False)
    else:
        for each, faults in results:
            mark = "[red]fails[/]" if faults else "[green]ok[/]"
            console.print(f"{mark} {each.policy} {escape(each.name)} ({each.kind})")
            for fault in faults:
                console.print(f"     {escape(fault)}", highlight=False)
        console.print(f"{len(results) - len(failed)} of {len(results)} examples come out")
    if failed or not results:
        raise Quit(Exit.FINDING)


def _example_files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.rglob(f"*{books.EXAMPLES_SUFFIX}"))


def _proved(
    settler: Callable[[date | None], Settler], file: Path
) -> list[tuple[Example, list[str]]]:
    examples, violations = read_examples(file)
    if violations:
        raise PolicyRejected(violations)
    found = []
    for example in examples:
        try:
            faults = [str(difference) for difference in prove(settler(example.known_on), example)]
        except SettlementError as error:
            faults = [f"{error.reason}: {error}"]
        found.append((example, faults))
    return found


@app.command()
def schema(
    area: Annotated[bool, typer.Option("--area", help="The schema of area.yaml instead.")] = False,
    overlay: Annotated[bool, typer.Option("--overlay", help="That of a reform instead.")] = False,
) -> None:
    """Print the JSON Schema of rule documents, for editors."""
    document = area_schema() if area else overlay_schema() if overlay else rule_schema()
    Console().out(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode(), highlight=False)


@app.command()
def show(
    policy: Annotated[str, typer.Argument(help="Name of a policy; without it, a list.")] = "",
    rules: Rules = Path("rules"),
    overlay: Overlays = None,
    as_json: Json = False,
) -> None:
    """Show the loaded policies, or one as tables to lay beside the official text."""
    console = Console()
    with told(console, as_json=as_json):
        book = books.load_rule_book(rules, overlays=overlay or [])
        if policy:
            shown = book.policy(policy)
            if as_json:
                console.out(orjson.dumps(policy_json(shown)).decode(), highlight=False)
            else:
                print_policy(Page(console), shown)
            return
    rows = [
        {
            "policy": each.policy.name,
            "title": each.policy.title,
            "area": each.policy.pooling_area,
            "insurance_type": each.policy.insurance_type,
            "visit_types": " ".join(each.policy.visit_types),
            "from": each.policy.in_force_from.isoformat(),
            "digest": each.digest,
            "confidence": each.confidence,
        }
        for each in book.policies
    ]
    if as_json:
        console.out(orjson.dumps(rows).decode(), highlight=False)
        return
    table = Table(*rows[0], header_style="dim")
    for row in rows:
        table.add_row(*map(escape, row.values()))
    console.print(table)
