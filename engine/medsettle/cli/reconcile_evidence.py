"""`medsettle reconcile evidence`: both sides of a difference in files that others can look at.

`evidence.json` has everything, with a SHA-256 of each row as it stands in its book; `evidence.txt`
says the same in words. Neither has more of a person than the token that the books have.
"""

import hashlib
from collections.abc import Sequence
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Final

import orjson
from rich.console import Console

from medsettle.clearing.items.item import Event, Item, Run
from medsettle.cli.reconcile_words import (
    compared_lines,
    event_json,
    item_json,
    named_rows,
    run_json,
    show_item,
    versions_of,
)
from medsettle.core.settlement import Row
from medsettle.core.tables import plain
from medsettle.ledger.side_file import private_folder, write_whole

JSON_FILE: Final = "evidence.json"
TEXT_FILE: Final = "evidence.txt"
_WIDTH: Final = 120


def write_evidence(
    folder: Path, item: Item, difference: Row, events: Sequence[Event], run: Run, today: date
) -> list[Path]:
    """Write both files and return their paths.

    Args:
        folder: Where to; made where there is none, readable by its owner only.
        item: The item.
        difference: Its difference, as the last run found it.
        events: Its history.
        run: The run that found it last, with the digests of the books.
        today: From which its age counts.

    Raises:
        StoreUnavailable: The disk failed.
    """
    private_folder(folder)
    body = {
        "item": item_json(item, today),
        "run": run_json(run),
        "differing": [name for name, differs, _ in compared_lines(difference) if differs],
        "versions": versions_of(difference),
        "rows": [
            {"book": head, "sha256": row_digest(row), "row": row}
            for head, row in named_rows(difference)
        ],
        "history": [event_json(event) for event in events],
    }
    content = orjson.dumps(body, default=plain, option=orjson.OPT_INDENT_2)
    write_whole(folder / JSON_FILE, content + b"\n")
    write_whole(folder / TEXT_FILE, _text(item, difference, events, run, today).encode())
    return [folder / JSON_FILE, folder / TEXT_FILE]


def row_digest(row: Row) -> str:
    """Return the SHA-256 of a row: as JSON without blanks, its keys sorted, dates as texts."""
    canonical = orjson.dumps(row, default=plain, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(canonical).hexdigest()


def _text(item: Item, difference: Row, events: Sequence[Event], run: Run, today: date) -> str:
    text = StringIO()
    console = Console(width=_WIDTH, color_system=None, file=text, soft_wrap=True)
    show_item(console, item, difference, events, today)
    console.print("\nversions of the rules")
    for side, versions in versions_of(difference).items():
        told = ", ".join(f"{name} {value or 'unknown'}" for name, value in versions.items())
        console.print(f"  {side}: {told}", highlight=False)
    console.print("\nSHA-256 of the rows")
    for head, row in named_rows(difference):
        console.print(f"  {head}: {row_digest(row)}", highlight=False)
    console.print(f"\nbooks of run {run.number}")
    for book in run.books:
        console.print(f"  {book.side}: {book.rows} rows, digest {book.digest}", highlight=False)
    return text.getvalue()
