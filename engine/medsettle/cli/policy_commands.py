"""`medsettle policy`: check, test, show, compare and explain rule documents."""

from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from medsettle.cli.exits import told
from medsettle.cli.options import Json, Overlays, Rules
from medsettle.cli.page import Page
from medsettle.cli.policy_check import check
from medsettle.cli.policy_diff import diff
from medsettle.cli.policy_explain import explain
from medsettle.cli.policy_list import policy_lines, policy_rows
from medsettle.cli.policy_page import policy_json, print_policy
from medsettle.cli.policy_testing import test
from medsettle.cli.policy_words import words_command
from medsettle.policy import book as books
from medsettle.policy.area_schema import area_schema
from medsettle.policy.card_schema import card_schema
from medsettle.policy.examples_schema import examples_schema
from medsettle.policy.exclusion_schema import exclusions_schema
from medsettle.policy.json_schema import overlay_schema, rule_schema
from medsettle.policy.routing_schema import routing_schema

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
    routing: Annotated[
        bool, typer.Option("--routing", help="That of routing.yaml instead.")
    ] = False,
    card: Annotated[bool, typer.Option("--card", help="That of card.yaml instead.")] = False,
    exclusions: Annotated[
        bool, typer.Option("--exclusions", help="That of exclusions.yaml instead.")
    ] = False,
) -> None:
    """Print the JSON Schema of rule documents, for editors."""
    document = area_schema() if area else overlay_schema() if overlay else rule_schema()
    document = examples_schema() if examples else document
    document = routing_schema() if routing else document
    document = card_schema() if card else document
    document = exclusions_schema() if exclusions else document
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
    rows = policy_rows(book.policies)
    if as_json:
        console.out(orjson.dumps(rows).decode(), highlight=False)
        return
    for line in policy_lines(rows):
        console.print(line, highlight=False, soft_wrap=True)
