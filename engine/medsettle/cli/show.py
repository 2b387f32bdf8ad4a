"""Settlements and explanations as tables that a person wants to read."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from medsettle.cli.exits import visible
from medsettle.core import codes
from medsettle.core.codes import BILL
from medsettle.core.money import yuan_from_fen
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Explanation, Row, Settlement
from medsettle.policy.vocabulary import in_chinese

_PAYER_WORDS = {payer.name: payer.chinese for payer in codes.PAYERS}

_CHARACTERS_WIDE_MAX = 1_000
# Below this a column of words cannot be read, and the table is wider than the screen instead.
_WORDS_WIDE_MIN = 12
_ROWS_SHOWN_MAX = 50

_ANSWERED = ("total", "fund_total", "accounts", "cash")


def tell_paths(console: Console, made: Iterable[Path], *, as_json: bool) -> None:
    """Print the files that a command wrote, one a line or as a JSON list."""
    if as_json:
        console.out(orjson.dumps([str(path) for path in made]).decode(), highlight=False)
        return
    for path in made:
        console.print(escape(str(path)), highlight=False)


def yuan(row: Row, column: str) -> str:
    """Return an amount column in yuan; nothing for zero, so that what matters stands out."""
    value = row[column]
    assert isinstance(value, int)
    return yuan_from_fen(value) if value else "·"


def grid(*heads: str, title: str | None = None) -> Table:
    """Return an airy table for a terminal of eighty columns; numbers are added right-justified."""
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="dim",
        box=SIMPLE_HEAD,
        padding=(0, 1),
        pad_edge=False,
    )
    for head in heads:
        table.add_column(head)
    return table


def rows_table(rows: Sequence[Row]) -> Table:
    """Return the rows of a query, at least one; columns that end in `_fen` are shown in yuan."""
    table = grid()
    for name, value in rows[0].items():
        number = isinstance(value, int)
        justify: JustifyMethod = "right" if number else "left"
        table.add_column(escape(name.removesuffix("_fen")), justify=justify, no_wrap=number)
    for row in rows:
        cells = (
            yuan_from_fen(value)
            if name.endswith("_fen") and isinstance(value, int)
            else escape(visible("" if value is None else str(value)))
            for name, value in row.items()
        )
        table.add_row(*cells)
    return table


def print_table(console: Console, table: Table) -> None:
    """Print a table; wider than the screen where that is too narrow for its amounts.

    No amount loses a digit: words make room first, then a terminal breaks the line.
    """
    widest = [column.max_width for column in table.columns]
    for column in table.columns:
        if not column.no_wrap:
            column.max_width = min(column.max_width or _WORDS_WIDE_MIN, _WORDS_WIDE_MIN)
    least = _measured(console, table).minimum
    for column, width in zip(table.columns, widest, strict=True):
        column.max_width = width
    _print_in(console, table, least)


def print_rows_table(console: Console, rows: Sequence[Row]) -> None:
    """Print the rows of a query as wide as they are."""
    table = rows_table(rows)
    _print_in(console, table, _measured(console, table).maximum)


def _measured(console: Console, table: Table) -> Measurement:
    unbounded = console.options.update(max_width=_CHARACTERS_WIDE_MAX)
    return console.measure(table, options=unbounded)


def _print_in(console: Console, table: Table, width: int) -> None:
    if width <= console.width:
        console.print(table)
    else:
        Console(file=console.file, width=width).print(table)


def print_json(console: Console, value: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    """Print a value for programs."""
    console.out(orjson.dumps(value, default=str).decode(), highlight=False)


def print_lines(console: Console, lines: Iterable[str]) -> None:
    """Print lines as they are, whatever a file that they tell of would do to a terminal."""
    for line in lines:
        console.print(escape(visible(line)), soft_wrap=True, highlight=False)


def print_told(console: Console, body: object, lines: Iterable[str], *, as_json: bool) -> None:
    """Print what a command came to: a value for programs, or lines for people."""
    if as_json:
        print_json(console, body)
    else:
        print_lines(console, lines)


def print_rows(console: Console, rows: Sequence[Row], nothing: str) -> None:
    """Print rows as a table, the first of many, or what it means that there is none."""
    if not rows:
        print_lines(console, [nothing])
        return
    filled = [
        {name: "" if value is None else value for name, value in row.items()}
        for row in rows[:_ROWS_SHOWN_MAX]
    ]
    print_rows_table(console, filled)
    if len(rows) > _ROWS_SHOWN_MAX:
        print_lines(
            console, [f"… and {len(rows) - _ROWS_SHOWN_MAX} more; --json shows all of them"]
        )


def show_rows(
    console: Console, rows: Sequence[Row], nothing: str, *, as_json: bool, more: Iterable[str] = ()
) -> None:
    """Print rows as JSON, or for people: as a table, and what more there is to say."""
    if as_json:
        print_json(console, list(rows))
        return
    print_rows(console, rows, nothing)
    print_lines(console, more)


def waterfall(settlement: Settlement, title: str) -> Table:
    """Return the waterfall of one settlement: the bill, each stage, and what is left in cash."""
    columns = settlement.columns
    table = grid(title=title)
    table.add_column("yuan 元", max_width=20)
    for name in ("base", "deductible", "left over", "above cap", "pays"):
        table.add_column(name, justify="right", no_wrap=True, min_width=10)
    for pot in codes.POTS:
        table.add_row(f"{pot.name} {pot.chinese}", yuan(columns, f"{pot.name}_fen"))
    table.add_row("total 医疗费总额", yuan(columns, "total_fen"), end_section=True, style="bold")
    for row in _of(settlement, beside=False):
        amounts = ("base", "deductible", "own_share", "over_cap", "paid")
        cells = [yuan(row, f"{name}_fen") for name in amounts]
        style = None if row["base_fen"] else "dim"
        name = f"{row['stage']} {_PAYER_WORDS[str(row['payer'])]}{_owed(row)}"
        table.add_row(escape(name), *cells, style=style)
    table.add_section()
    table.add_row("cash 个人现金", *[""] * 4, yuan(columns, "cash_fen"), style="bold")
    payouts = _of(settlement, beside=True)
    if payouts:
        table.add_section()
    for row in payouts:
        name = f"{row['stage']} → {row['payee']} {_PAYER_WORDS[str(row['payer'])]}拨付{_owed(row)}"
        cells = [yuan(row, "base_fen"), *[""] * 3, yuan(row, "paid_fen")]
        table.add_row(escape(name), *cells, style=None if row["paid_fen"] else "dim")
    return table


def _owed(row: Row) -> str:
    """Return by whom an advance is owed back; nothing for what a payer owes itself."""
    debtor = row.get("debtor") if row["paid_fen"] else None
    return f" ← {debtor} {in_chinese(str(debtor))}偿还" if debtor else ""


def _of(settlement: Settlement, *, beside: bool) -> list[Row]:
    """Return the rows of the bill's stages, or those of the payouts beside it."""
    return [row for row in settlement.payers if (row["payee"] != BILL) is beside]


def answers_table(rows: Sequence[tuple[str, Settlement | Rejection]]) -> Table:
    """Return one row for each claim: what it was settled to, or that it was not."""
    table = grid("request", "")
    for name in ("total", "funds", "accounts", "cash"):
        table.add_column(name, justify="right", no_wrap=True)
    for request_id, answer in rows:
        if isinstance(answer, Rejection):
            table.add_row(escape(request_id), "[red]rejected[/]")
            continue
        columns = answer.columns
        accounts: Row = {
            "accounts_fen": sum(answer.fen(f"{name}_fen") for name in codes.PERSONAL_NAMES)
        }
        state = "recorded before" if answer.duplicate else "settled"
        table.add_row(
            escape(request_id),
            state if columns["settlement"] else "preview",
            *(yuan(columns | accounts, f"{name}_fen") for name in _ANSWERED),
        )
    return table


def remarks(rows: Sequence[tuple[str, Settlement | Rejection]]) -> list[str]:
    """Return a line for everything to be said of single claims: faults with paths, notices."""
    lines = []
    for request_id, answer in rows:
        if isinstance(answer, Rejection):
            faults = [str(fault) for fault in answer.faults] or [answer.message]
            before = ", as it was answered before" if answer.duplicate else ""
            lines.append(f"[bold]{escape(request_id)}[/] [red]{answer.outcome.name}[/]{before}")
            lines += [f"  {escape(fault)}" for fault in faults]
        elif said := [*answer.notices, *warning_lines(answer)]:
            lines.append(f"[bold]{escape(request_id)}[/]")
            lines += [f"  [yellow]{escape(notice)}[/]" for notice in said]
    return lines


def warning_lines(settlement: Settlement) -> list[str]:
    """Return a line in each language for everything found that did not stop payment."""
    return [
        line
        for each in settlement.warnings
        for line in (f"{each.code}: {each}", f"{each.reason_zh}。{each.remedy_zh}")
    ]


def print_explanation(console: Console, explanation: Explanation) -> None:
    """Print every sentence of an explanation with its clause and arithmetic."""
    lines = []
    for sentence in explanation.sentences:
        lines += [f"[bold]{escape(sentence.text_zh)}[/]", f"  {escape(sentence.text_en)}"]
        lines.append(f"  [dim]{escape(sentence.clause)}[/]")
        for step in sentence.steps:
            amount = "" if step.amount_fen is None else yuan_from_fen(step.amount_fen)
            lines.append(f"  {amount:>14}  {step.label}: [dim]{escape(step.text)}[/]")
        lines.append("")
    total = explanation.total_fen()
    what = "what is taken back" if total < 0 else "the total of the bill"
    lines.append(f"  {yuan_from_fen(total):>14}  in all, {what}")
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def answer_json(request_id: str, answer: Settlement | Rejection) -> dict[str, object]:
    """Return an answer as a JSON object."""
    if isinstance(answer, Rejection):
        return {
            "request_id": request_id,
            "outcome": answer.outcome.name,
            "duplicate": answer.duplicate,
            "message": answer.message,
            "faults": [{"path": fault.path, "message": fault.message} for fault in answer.faults],
        }
    return {
        "request_id": request_id,
        "outcome": "SETTLED",
        "duplicate": answer.duplicate,
        "notices": list(answer.notices),
        "warnings": [asdict(each) for each in answer.warnings],
        "settlement": answer.columns,
        "payers": list(answer.payers),
        "lines": list(answer.lines),
        "amounts": answer.amounts,
    }
