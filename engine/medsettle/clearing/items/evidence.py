"""Evidence: both sides of a difference in files that others can look at.

`evidence.json` has everything, with a SHA-256 of each row as it stands in its book; `evidence.txt`
says the same in words. Neither has more of a person than the token that the books have.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import orjson

from medsettle.clearing.items.item import Event, Item, Run
from medsettle.clearing.items.reading import ItemReading
from medsettle.clearing.items.telling import (
    MARK,
    class_words,
    compared_lines,
    event_cells,
    event_json,
    item_json,
    named_rows,
    run_json,
    standing_line,
    versions_of,
)
from medsettle.core.settlement import Row
from medsettle.core.tables import plain
from medsettle.ledger.side_file import private_folder, write_whole

JSON_FILE: Final = "evidence.json"
TEXT_FILE: Final = "evidence.txt"


@dataclass(frozen=True, slots=True)
class Case:
    """All that there is to say of an item.

    Attributes:
        item: The item.
        difference: Its difference, as the last run found it.
        events: Its history.
        run: The run that found it last, with the digests of the books.
    """

    item: Item
    difference: Row
    events: Sequence[Event]
    run: Run


def case_of(store: ItemReading, named: str) -> Case:
    """Return all that a store has of an item.

    Raises:
        NotFound: There is no such item.
    """
    item = store.item(named)
    run = store.run(item.last_run)
    return Case(item, store.difference(item), store.events(item.number), run)


def evidence_of(case: Case, today: date) -> dict[str, bytes]:
    """Return the files of evidence by name; the age of the item counts from today."""
    difference = case.difference
    body = {
        "item": item_json(case.item, today),
        "run": run_json(case.run),
        "differing": [name for name, differs, _ in compared_lines(difference) if differs],
        "versions": versions_of(difference),
        "rows": [
            {"book": head, "sha256": row_digest(row), "row": row}
            for head, row in named_rows(difference)
        ],
        "history": [event_json(event) for event in case.events],
    }
    content = orjson.dumps(body, default=plain, option=orjson.OPT_INDENT_2)
    text = "\n".join(_lines(case, today)) + "\n"
    return {JSON_FILE: content + b"\n", TEXT_FILE: text.encode()}


def write_evidence(folder: Path, case: Case, today: date) -> list[Path]:
    """Write the files of evidence and return their paths.

    Args:
        folder: Where to; made where there is none, readable by its owner only.
        case: What is shown.
        today: From which its age counts.

    Raises:
        StoreUnavailable: The disk failed.
    """
    private_folder(folder)
    written = []
    for name, content in evidence_of(case, today).items():
        write_whole(folder / name, content)
        written.append(folder / name)
    return written


def row_digest(row: Row) -> str:
    """Return the SHA-256 of a row: as JSON without blanks, its keys sorted, dates as texts."""
    canonical = orjson.dumps(row, default=plain, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(canonical).hexdigest()


def _lines(case: Case, today: date) -> list[str]:
    item, difference = case.item, case.difference
    name = class_words(item.difference_class.name)
    lines = [f"item {item.number}: {int(item.difference_class)} {name}", f"  {item.explanation}"]
    lines.append(f"  {standing_line(item, today)}")
    if item.terms is not None:
        lines.append(f"  proposed: {item.action} {item.terms}; plan {item.plan}")
    if item.entry is not None:
        lines.append(f"  recorded as {item.entry}")
    lines += ["", *_side_by_side(difference), "", "what happened"]
    lines += [f"  {'  '.join(event_cells(event)).rstrip()}" for event in case.events]
    lines += ["", "next", f"  {item.next_step}", "", "versions of the rules"]
    for side, versions in versions_of(difference).items():
        told = ", ".join(f"{name} {value or 'unknown'}" for name, value in versions.items())
        lines.append(f"  {side}: {told}")
    lines += ["", "SHA-256 of the rows"]
    lines += [f"  {head}: {row_digest(row)}" for head, row in named_rows(difference)]
    lines += ["", f"books of run {case.run.number}"]
    lines += [f"  {book.side}: {book.rows} rows, digest {book.digest}" for book in case.run.books]
    return lines


def _side_by_side(difference: Row) -> list[str]:
    """Return the rows as columns beside one another, each as wide as its longest value."""
    heads = ["", *(head for head, _ in named_rows(difference))]
    rows = [
        [f"{MARK if differs else '  '}{name.removesuffix('_fen')}", *cells]
        for name, differs, cells in compared_lines(difference)
    ]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [heads, *rows]
    ]
