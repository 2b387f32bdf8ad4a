"""Commands and options; the work is done in the modules beside this one."""

import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from medsettle.cli import (
    audit_commands,
    card_commands,
    comparison_words,
    ledger_commands,
    payment_commands,
    person_commands,
    policy_commands,
    registration_commands,
    relatives_commands,
    request_commands,
    torture_commands,
    visit_commands,
)
from medsettle.cli.check_settlement import check_settlement as held_to_its_rules
from medsettle.cli.desks import open_desk
from medsettle.cli.embedded import ledger_at
from medsettle.cli.exits import Exit, Quit, told
from medsettle.cli.files import read_claims
from medsettle.cli.options import Data, Json, Ledger, ListKeys, Lists, Rules, Server, list_folders
from medsettle.cli.show import (
    answer_json,
    answers_table,
    print_explanation,
    remarks,
    warning_lines,
    waterfall,
)
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Settlement

_EXITS = "Exit codes: 0 done; 1 something was found wrong (a rejected claim, a faulty document); "
_EXITS += "2 the call or a file cannot be read; 3 server or ledger out of reach; 4 a bug."
_ROWS_SHOWN_MAX = 50

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Settle medical claims of China's social security card. " + _EXITS,
)
app.add_typer(policy_commands.app, name="policy")
app.add_typer(audit_commands.app, name="audit")
app.add_typer(ledger_commands.app, name="ledger")
app.add_typer(relatives_commands.app, name="relatives")
app.add_typer(card_commands.app, name="card")
app.add_typer(person_commands.app, name="person")
app.add_typer(visit_commands.app, name="visit")
app.add_typer(registration_commands.app, name="registration")
app.add_typer(payment_commands.app, name="payments")
app.command()(payment_commands.checkout)
app.add_typer(request_commands.app, name="request")
app.command()(torture_commands.torture)


@app.command()
def serve(
    rules: Rules = Path("rules"),
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    listen: Annotated[str, typer.Option(help="Host and port; port 0 chooses.")] = "127.0.0.1:50051",
    lists: Lists = None,
    list_keys: ListKeys = None,
    as_json: Json = False,
) -> None:
    """Serve settlements over gRPC until SIGINT or SIGTERM; what was accepted is finished.

    SIGHUP reads rules and invalid lists again: they replace the loaded ones between two calls, or,
    where a document has faults or a list is refused, the loaded ones stay.
    """
    from medsettle.cli.serving import serve_until_signal  # noqa: PLC0415 - gRPC loads slowly

    console = Console()
    with told(console, as_json=as_json):
        serve_until_signal(
            console,
            rules=rules,
            data=data,
            ledger=ledger_at(data, ledger),
            listen=listen,
            lists=list_folders(lists, list_keys),
            as_json=as_json,
        )


@app.command()
def settle(
    file: Annotated[Path, typer.Argument(help="Claims: .json, .jsonl, .parquet or .arrow.")],
    preview: Annotated[bool, typer.Option(help="Say what would be paid; record nothing.")] = False,
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    lists: Lists = None,
    list_keys: ListKeys = None,
    as_json: Json = False,
) -> None:
    """Settle the claims of a file, at a server or with an embedded engine."""
    console = Console()
    with told(console, as_json=as_json):
        rows = read_claims(file)
        answers: list[tuple[str, Settlement | Rejection]] = []
        folders = list_folders(lists, list_keys)
        opened = open_desk(server, data, rules, new=True, lists=folders, ledger=ledger)
        with opened as desk, _bar(as_json=as_json) as progress:
            task = progress.add_task("settling", total=len(rows))
            for row, answer in zip(rows, desk.answers(rows, preview=preview), strict=True):
                asked = row.get("request_id") if isinstance(row, dict) else None
                answers.append((str(asked), answer))
                progress.advance(task)
        _show_answers(console, answers, as_json=as_json)
    if any(isinstance(answer, Rejection) for _, answer in answers):
        raise Quit(Exit.FINDING)


def _bar(*, as_json: bool) -> Progress:
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=as_json)


def _show_answers(
    console: Console, answers: list[tuple[str, Settlement | Rejection]], *, as_json: bool
) -> None:
    if as_json:
        for request_id, answer in answers:
            line = orjson.dumps(answer_json(request_id, answer), option=orjson.OPT_UTC_Z)
            console.out(line.decode(), highlight=False)
        return
    if len(answers) == 1 and isinstance(answers[0][1], Settlement):
        only = answers[0][1]
        title = f"settlement {only.columns['settlement'] or '(preview)'}"
        if only.duplicate:
            title += f", recorded before at {only.columns['create_time']:%Y-%m-%d %H:%M:%S} UTC"
        console.print(waterfall(only, title))
        for notice in (*only.notices, *warning_lines(only)):
            console.print(f"[yellow]{escape(notice)}[/]", soft_wrap=True)
        return
    shown = answers[:_ROWS_SHOWN_MAX]
    console.print(answers_table(shown))
    for remark in remarks(shown):
        console.print(remark, highlight=False, soft_wrap=True)
    if len(answers) > _ROWS_SHOWN_MAX:
        console.print(f"… and {len(answers) - _ROWS_SHOWN_MAX} more; --json shows all of them")
    rejected = sum(isinstance(answer, Rejection) for _, answer in answers)
    console.print(f"{len(answers) - rejected} settled, {rejected} rejected")


@app.command()
def explain(
    settlement: Annotated[str, typer.Argument(help="Id of a recorded settlement.")],
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """Say why each payer pays what, with the arithmetic and the clause."""
    console = Console(soft_wrap=True)
    with told(console, as_json=as_json), open_desk(server, data, rules, ledger=ledger) as desk:
        explanation = desk.explain(settlement)
    if as_json:
        console.out(orjson.dumps(asdict(explanation)).decode(), highlight=False)
    else:
        print_explanation(console, explanation)


@app.command()
def cancel(
    settlement: Annotated[str, typer.Argument(help="Id of the settlement to take back.")],
    institution: Annotated[str, typer.Option(help="The institution that settled it.")],
    request_id: Annotated[str, typer.Option(help="A new id, stored before calling.")],
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """Take a settlement back with a linked negative one."""
    console = Console()
    with told(console, as_json=as_json), open_desk(server, data, rules, ledger=ledger) as desk:
        answer = desk.cancel(settlement, institution, request_id)
    _show_answers(console, [(request_id, answer)], as_json=as_json)


app.command()(request_commands.reverse)
app.command()(comparison_words.without)


@app.command()
def check_settlement(
    file: Annotated[Path, typer.Argument(help="A stated settlement, as a YAML document.")],
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """Say which amounts of a receipt or a page cannot be, and what can.

    The sums are held to one another and to the rules printed beside them; where the document
    states the claim, also to what its policy settles.
    """
    held_to_its_rules(Console(), file, rules, as_json=as_json)


@app.command()
def demo(
    claims: Annotated[int, typer.Option(help="How many claims the day has.")] = 300,
    rules: Rules = Path("rules"),
    fixtures: Annotated[
        Path, typer.Option(help="The project's fixtures, for the second act.")
    ] = Path("fixtures"),
    keep: Annotated[Path | None, typer.Option(help="Folder to leave the data in.")] = None,
    as_json: Json = False,
) -> None:
    """Serve, settle a day, explain, cancel and query: the whole of medsettle in a minute."""
    from medsettle.cli.tour import run_tour  # noqa: PLC0415 - gRPC loads slowly

    console = Console()
    with told(console, as_json=as_json):
        run_tour(console, rules=rules, fixtures=fixtures, count=claims, keep=keep, as_json=as_json)


def main() -> None:
    """Run the command line and end with a documented exit code."""
    try:
        app()
    except Quit as quit_:
        sys.exit(quit_.code)
    except Exception:  # The outermost edge: whatever it is, it is a bug and has an exit code.
        traceback.print_exc()
        sys.exit(Exit.BUG)
