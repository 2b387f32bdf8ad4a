"""`medsettle settle`, `explain` and `cancel`: what is done with claims and settlements."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from medsettle.cli.desks import open_desk
from medsettle.cli.exits import Exit, Quit, told
from medsettle.cli.files import read_claims
from medsettle.cli.options import Data, Json, Ledger, ListKeys, Lists, Rules, Server, list_folders
from medsettle.cli.show import (
    answer_json,
    answers_table,
    print_explanation,
    print_table,
    remarks,
    warning_lines,
    waterfall,
)
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Settlement

_ROWS_SHOWN_MAX = 50


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
        print_table(console, waterfall(only, title))
        for notice in (*only.notices, *warning_lines(only)):
            console.print(f"[yellow]{escape(notice)}[/]", soft_wrap=True)
        return
    shown = answers[:_ROWS_SHOWN_MAX]
    print_table(console, answers_table(shown))
    for remark in remarks(shown):
        console.print(remark, highlight=False, soft_wrap=True)
    if len(answers) > _ROWS_SHOWN_MAX:
        console.print(f"… and {len(answers) - _ROWS_SHOWN_MAX} more; --json shows all of them")
    rejected = sum(isinstance(answer, Rejection) for _, answer in answers)
    console.print(f"{len(answers) - rejected} settled, {rejected} rejected")


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
        body = asdict(explanation)
        for sentence in body["sentences"]:
            # An exact fraction, which only the national interface tells, with its four decimals.
            del sentence["rate"]
        console.out(orjson.dumps(body).decode(), highlight=False)
    else:
        print_explanation(console, explanation)


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
