"""Where a file of a statement differs from its manifest: which rows, and in which columns.

Rows are found by their digests. What both have at the beginning and at the end is set aside; what
is left was altered where there are as many rows, moved where they are the same rows in another
order, and else some are missing and some were added.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from medsettle.clearing.statements.cells import CellKind, Cells, Digests, StatedColumn
from medsettle.clearing.statements.statements import EXCEL_FILE, Manifest

_SHOWN_CHARS: Final = 60
_WHOLE: Final = re.compile(r"-?[0-9]{1,19}")
# As many as it takes to tell a row of any table of clearing from others.
_SHOWN_COLUMNS: Final = 12


class ChangeKind(StrEnum):
    """What became of a row."""

    ALTERED = "altered"
    MOVED = "moved"
    MISSING = "missing"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row that differs: `row` counts from 1 in the statement, for one that was added in the file.

    A row that was moved stands in the file where the statement has the row `other`.
    """

    kind: ChangeKind
    row: int
    other: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was signed: in which file, at which row and column, and what.

    The column is named as the file has it. Rows count from 1 without the head, as the statement
    has them; `line` is the same row as the CSV file or the sheet counts, with the head.
    """

    file: str
    message: str
    row: int | None = None
    column: str = ""
    line: int | None = None

    def __str__(self) -> str:
        row = "" if self.row is None else f"row {self.row}"
        if self.line is not None:
            line = f"{'sheet row' if self.file == EXCEL_FILE else 'line'} {self.line}"
            row = f"{line} ({row})" if row else line
        return f"{' '.join(filter(None, (self.file, row, self.column)))}: {self.message}"


@dataclass(frozen=True, slots=True)
class StatedFile:
    """What a file says: its heads, its cells, and the digests of them."""

    name: str
    heads: tuple[str, ...]
    rows: Sequence[Cells]
    digests: Digests
    lines: Sequence[int] | None = None
    """Where each row stands as the file itself counts, if it does."""

    def line(self, row: int) -> int | None:
        """Return where a row, counted from 1, stands as the file itself counts."""
        return None if self.lines is None else self.lines[row - 1]

    def agrees(self, manifest: Manifest, heads: Sequence[str]) -> bool:
        """Return whether it says what the manifest does, cell for cell."""
        return self.heads == tuple(heads) and self.digests == manifest.digests


def row_changes(stated: Sequence[bytes], found: Sequence[bytes]) -> list[RowChange]:
    """Return how the rows of a file differ from those of a statement, in the order of rows.

    Args:
        stated: The digests of the statement.
        found: The digests of the file.
    """
    start = 0
    while start < min(len(stated), len(found)) and stated[start] == found[start]:
        start += 1
    end = 0
    while end < min(len(stated), len(found)) - start and stated[-1 - end] == found[-1 - end]:
        end += 1
    old, new = stated[start : len(stated) - end], found[start : len(found) - end]
    if Counter(old) == Counter(new):
        return _moved(old, new, start)
    if len(old) == len(new):
        return [
            RowChange(ChangeKind.ALTERED, start + at)
            for at, (was, now) in enumerate(zip(old, new, strict=True), 1)
            if was != now
        ]
    changes = [RowChange(ChangeKind.MISSING, row) for row in _without(old, new, start)]
    changes += [RowChange(ChangeKind.ADDED, row) for row in _without(new, old, start)]
    return sorted(changes, key=lambda change: change.row)


def _moved(old: Sequence[bytes], new: Sequence[bytes], start: int) -> list[RowChange]:
    places: dict[bytes, list[int]] = {}
    for at, digest in enumerate(old, start + 1):
        places.setdefault(digest, []).append(at)
    changes = []
    for at, (was, now) in enumerate(zip(old, new, strict=True), start + 1):
        if was != now:
            changes.append(RowChange(ChangeKind.MOVED, places[now].pop(0), at))
    return changes


def _without(rows: Sequence[bytes], others: Sequence[bytes], start: int) -> list[int]:
    """Return which rows, counted from 1, the others have not, equal ones taken in order."""
    left = Counter(others)
    found = []
    for at, digest in enumerate(rows, start + 1):
        if left[digest]:
            left[digest] -= 1
        else:
            found.append(at)
    return found


def cell_findings(file: StatedFile, manifest: Manifest, heads: Sequence[str]) -> list[Finding]:
    """Return which cells of a file cannot be cells of a statement, though its digests hold."""
    width = len(manifest.columns)
    numbers = [
        (at, head)
        for at, (column, head) in enumerate(zip(manifest.columns, heads, strict=True))
        if column.kind in {CellKind.FEN, CellKind.INTEGER}
    ]
    found = []
    for row, cells in enumerate(file.rows, 1):
        if len(cells) != width:
            text = f"has {len(cells)} cells, and there are {width} columns: nobody stated it so"
            found.append(Finding(file.name, text, row, line=file.line(row)))
            continue
        found += [
            Finding(file.name, f"{_quoted(cell)} is no whole number", row, head, file.line(row))
            for at, head in numbers
            if (cell := cells[at]) is not None and _WHOLE.fullmatch(cell) is None
        ]
    return found


def findings_of(
    file: StatedFile, manifest: Manifest, heads: Sequence[str], intact: StatedFile | None
) -> list[Finding]:
    """Return where a file differs from the manifest, each place on its own.

    Args:
        file: What the file says.
        manifest: What was signed.
        heads: The heads of its columns, as they are to be; columns are named by them.
        intact: Another file that says what the manifest does, where there is one: then single
            cells are told with both values, and not only by the digests of their columns.
    """
    found = _head_findings(file, heads)
    changes = row_changes(manifest.digests.rows, file.digests.rows)
    stated = zip(manifest.columns, manifest.digests.columns, file.digests.columns, strict=True)
    suspects = [head for head, (_, was, now) in zip(heads, stated, strict=True) if was != now]
    for change in changes:
        if change.kind is ChangeKind.ALTERED:
            found += _altered(change.row, file, manifest, heads, suspects, intact)
        else:
            found.append(_out_of_place(change, file, manifest, intact))
    if not changes:
        text = "its digest is another one, and those of all rows are not: the manifest was edited"
        found += [Finding(file.name, text, None, head) for head in suspects]
    return found


def _head_findings(file: StatedFile, heads: Sequence[str]) -> list[Finding]:
    if file.heads == tuple(heads):
        return []
    for at, head in enumerate(heads):
        own = file.heads[at] if at < len(file.heads) else ""
        if own != head:
            text = f"the head of column {at + 1} is {_quoted(own)}, and {_quoted(head)} was signed"
            return [Finding(file.name, text, None, head)]
    text = f"there are {len(file.heads)} columns, and {len(heads)} were signed"
    return [Finding(file.name, text)]


def _out_of_place(
    change: RowChange, file: StatedFile, manifest: Manifest, intact: StatedFile | None
) -> Finding:
    row = change.row
    if change.kind is ChangeKind.MISSING:
        return Finding(file.name, f"the row is missing{_shown(intact, row, manifest)}", row)
    if change.kind is ChangeKind.ADDED:
        line = file.line(row)
        text = f"a row was added{_shown(file, row, manifest)}"
        return Finding(file.name, text, row if line is None else None, line=line)
    text = f"it stands where row {change.other} was signed: rows were swapped or moved"
    return Finding(file.name, text, row, line=file.line(change.other))


def _altered(
    row: int,
    file: StatedFile,
    manifest: Manifest,
    heads: Sequence[str],
    suspects: Sequence[str],
    intact: StatedFile | None,
) -> list[Finding]:
    own, line = file.rows[row - 1], file.line(row)
    if intact is None:
        names = ", ".join(suspects)
        text = f"the row was altered, in one of the columns {names}"
        return [Finding(file.name, text, row, names if len(suspects) == 1 else "", line)]
    signed = intact.rows[row - 1]
    found = [
        Finding(file.name, _both(column, cell, was), row, head, line)
        for column, head, cell, was in zip(
            manifest.columns, heads, _filled(own, len(signed)), signed, strict=True
        )
        if cell != was
    ]
    if len(own) > len(signed):
        text = f"a cell was added: {_quoted(own[len(signed)])}"
        found.append(Finding(file.name, text, row, line=line))
    elif len(own) < len(signed) and not any(signed[len(own) :]):
        text = f"has {len(own)} cells, and {len(signed)} were signed"
        found.append(Finding(file.name, text, row, line=line))
    return found


def _filled(row: Cells, width: int) -> list[str | None]:
    return [*row[:width], *[None] * (width - len(row))]


def _both(column: StatedColumn, cell: str | None, signed: str | None) -> str:
    return f"{_people(column, cell)} stands here, and {_people(column, signed)} was signed"


def _people(column: StatedColumn, cell: str | None) -> str:
    try:
        return "nothing" if cell is None else _quoted(column.for_people(cell))
    except ValueError:
        return _quoted(cell)


def _shown(file: StatedFile | None, row: int, manifest: Manifest) -> str:
    """Return what tells a row of a file from others: its settlement, or its first columns."""
    if file is None:
        return ""
    cells = list(zip(manifest.columns, file.rows[row - 1], strict=False))
    key = [each for each in cells if each[0].name == "settlement"] or [
        each for each in cells if each[0].kind in {CellKind.TEXT, CellKind.DATE}
    ]
    said = [f"{column.head} {_people(column, cell)}" for column, cell in key or cells if cell]
    return f": {', '.join(said[:_SHOWN_COLUMNS])}" if said else ""


def _quoted(text: str | None) -> str:
    shown = " ".join(str(text).split())
    return f"'{shown[:_SHOWN_CHARS]}{'…' if len(shown) > _SHOWN_CHARS else ''}'"


def book_findings(
    cover: Sequence[Sequence[str]], others: Sequence[str], manifest: Manifest
) -> list[Finding]:
    """Return where the cover of the workbook differs from the manifest, and the sheets added."""
    signed = manifest.cover()
    own: Mapping[int, Sequence[str]] = dict(enumerate(cover))
    found = []
    for at in range(max(len(signed), len(cover))):
        was = signed[at] if at < len(signed) else ("", "")
        now = tuple(own.get(at, ())) or ("", "")
        if now != was:
            text = (
                f"the cover says {_quoted(' '.join(now))}, and {_quoted(' '.join(was))} is stated"
            )
            found.append(Finding(EXCEL_FILE, text, None, was[0] or f"cover row {at + 1}"))
    text = "has a sheet {} that the statement does not state"
    return found + [Finding(EXCEL_FILE, text.format(_quoted(name))) for name in others]
