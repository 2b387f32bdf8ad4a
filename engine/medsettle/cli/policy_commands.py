"""`medsettle policy`: check, test, show, compare and explain rule documents."""

from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from medsettle.cli.exits import told
from medsettle.cli.options import Json, Overlays, Rules
from medsettle.cli.policy_check import check
from medsettle.cli.policy_diff import diff
from medsettle.cli.policy_explain import explain
from medsettle.cli.policy_list import policy_lines, policy_rows
from medsettle.cli.policy_test import test
from medsettle.cli.policy_words import words_command
from medsettle.core.money import rate_text, yuan_from_fen
from medsettle.policy import book as books
from medsettle.policy.area_schema import area_schema
from medsettle.policy.examples_schema import examples_schema
from medsettle.policy.json_schema import overlay_schema, rule_schema
from medsettle.policy.model import Policy, Unit
from medsettle.policy.model import Table as RuleTable

app = typer.Typer(
    no_args_is_help=True, help="Check, test, show, compare and explain rule documents."
)
app.command()(check)
app.command()(test)
app.command()(diff)
app.command()(explain)
app.command("words")(words_command)


@app.command()
def schema(
    area: Annotated[bool, typer.Option("--area", help="The schema of area.yaml instead.")] = False,
    overlay: Annotated[bool, typer.Option("--overlay", help="That of a reform instead.")] = False,
    examples: Annotated[
        bool, typer.Option("--examples", help="That of worked examples instead.")
    ] = False,
) -> None:
    """Print the JSON Schema of rule documents, for editors."""
    document = area_schema() if area else overlay_schema() if overlay else rule_schema()
    document = examples_schema() if examples else document
    Console().out(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode(), highlight=False)


@app.command()
def show(
    policy: Annotated[str, typer.Argument(help="Name of a policy; without it, a list.")] = "",
    rules: Rules = Path("rules"),
    overlay: Overlays = None,
    as_json: Json = False,
) -> None:
    """Show the loaded policies, or the tables of one with source and confidence."""
    console = Console()
    with told(console, as_json=as_json):
        book = books.load_rule_book(rules, overlays=overlay or [])
        if policy:
            shown = book.policy(policy).policy
            if as_json:
                console.out(orjson.dumps(_policy_json(shown)).decode(), highlight=False)
            else:
                _show_policy(console, shown)
            return
    rows = policy_rows(book.policies)
    if as_json:
        console.out(orjson.dumps(rows).decode(), highlight=False)
        return
    for line in policy_lines(rows):
        console.print(line, highlight=False, soft_wrap=True)


def _show_policy(console: Console, policy: Policy) -> None:
    console.print(f"[bold]{escape(policy.title)}[/] ({policy.name})")
    for rule in policy.tables.values():
        for version in rule.versions:
            source = policy.sources[version.source]
            weak = version.confidence in {"uncertain", "invented", "KM", "S3"}
            label = f"[yellow]{version.confidence}[/]" if weak else version.confidence
            console.print(f"\n[bold]{escape(rule.name)}[/] from {version.start}  {label}")
            console.print(f"  [dim]{escape(source.title)} ({escape(source.where)})[/]")
            if version.note:
                console.print(f"  [yellow]{escape(version.note)}[/]")
            console.print(_cells(policy, rule, version.limits_fen, version.cells))


def _policy_json(policy: Policy) -> dict[str, object]:
    """Return a policy's tables as a JSON object; cells are rows of the document, in its order."""
    return {
        "policy": policy.name,
        "title": policy.title,
        "tables": [
            {
                "table": rule.name,
                "by": rule.by,
                "unit": rule.unit,
                "from": version.start.isoformat(),
                "source": asdict(policy.sources[version.source]),
                "confidence": version.confidence,
                "note": version.note,
                "limits_fen": version.limits_fen if rule.banded else None,
                "cells": [_cell(rule.unit, cell) for cell in version.cells],
            }
            for rule in policy.tables.values()
            for version in rule.versions
        ],
    }


def _cells(
    policy: Policy,
    rule: RuleTable,
    bounds: tuple[int | None, ...],
    cells: tuple[object, ...],
) -> Table:
    heads = [*rule.by]
    heads += (
        ["above" if bound is None else f"to {yuan_from_fen(bound)}" for bound in bounds]
        if rule.banded
        else [rule.unit.value]
    )
    table = Table(*heads, header_style="dim")
    classes: list[list[str]] = [[]]
    for name in rule.by:
        classes = [[*row, word] for row in classes for word in policy.dimensions[name].values]
    for number, row in enumerate(classes):
        own = cells[number * len(bounds) : (number + 1) * len(bounds)]
        table.add_row(*row, *(_cell(rule.unit, cell) for cell in own))
    return table


def _cell(unit: Unit, cell: object) -> str:
    assert isinstance(cell, Fraction)
    return rate_text(cell) if unit is Unit.RATE else yuan_from_fen(int(cell))
