"""Where a file of a statement differs from its manifest: which rows, and in which columns.

Rows are found by their digests. What both have at the beginning and at the end is set aside; what
is left was altered where there are as many rows, moved where they are the same rows in another
order, and else some are missing and some were added.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from medsettle.clearing.statement_cells import Cells, Digests, StatedColumn
from medsettle.clearing.statements import EXCEL_FILE, Manifest

_SHOWN_CHARS: Final = 60


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
    """One thing that is not as it was signed: in which file, at which row and column, and what."""

    file: str
    message: str
    row: int | None = None
    column: str = ""

    def __str__(self) -> str:
        places = [self.file]
        places += [] if self.row is None else [f"row {self.row}"]
        places += [self.column] if self.column else []
        return f"{' '.join(places)}: {self.message}"


@dataclass(frozen=True, slots=True)
class StatedFile:
    """What a file says: its heads, its cells, and the digests of them."""

    name: str
    heads: tuple[str, ...]
    rows: Sequence[Cells]
    digests: Digests

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


def findings_of(
    file: StatedFile, manifest: Manifest, heads: Sequence[str], intact: StatedFile | None
) -> list[Finding]:
    """Return where a file differs from the manifest, each place on its own.

    Args:
        file: What the file says.
        manifest: What was signed.
        heads: The heads of its columns, as they are to be.
        intact: Another file that says what the manifest does, where there is one: then single
            cells are told with both values, and not only by the digests of their columns.
    """
    found = _head_findings(file, heads)
    changes = row_changes(manifest.digests.rows, file.digests.rows)
    stated = zip(manifest.columns, manifest.digests.columns, file.digests.columns, strict=True)
    suspects = [column for column, was, now in stated if was != now]
    for change in changes:
        found += _change_findings(change, file, manifest, suspects, intact)
    if not changes:
        text = "its digest is another one, and those of all rows are not: the manifest was edited"
        found += [Finding(file.name, text, None, column.name) for column in suspects]
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


def _change_findings(
    change: RowChange,
    file: StatedFile,
    manifest: Manifest,
    suspects: Sequence[StatedColumn],
    intact: StatedFile | None,
) -> list[Finding]:
    if change.kind is ChangeKind.MISSING:
        return [Finding(file.name, f"the row is missing{_shown(intact, change.row)}", change.row)]
    if change.kind is ChangeKind.ADDED:
        return [Finding(file.name, f"a row was added{_shown(file, change.row)}", change.row)]
    if change.kind is ChangeKind.MOVED:
        text = f"it stands where row {change.other} was signed: rows were swapped or moved"
        return [Finding(file.name, text, change.row)]
    own = file.rows[change.row - 1]
    if intact is None:
        names = ", ".join(column.name for column in suspects)
        text = f"the row was altered, in one of the columns {names}"
        column = names if len(suspects) == 1 else ""
        return [Finding(file.name, text, change.row, column)]
    signed = intact.rows[change.row - 1]
    found = [
        Finding(file.name, _both(column, cell, was), change.row, column.name)
        for column, cell, was in zip(
            manifest.columns, _filled(own, len(signed)), signed, strict=True
        )
        if cell != was
    ]
    if len(own) > len(signed):
        extra = _quoted(own[len(signed)])
        found.append(Finding(file.name, f"a cell was added: {extra}", change.row))
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


def _shown(file: StatedFile | None, row: int) -> str:
    """Return a part of the row that tells it from others."""
    if file is None or not 1 <= row <= len(file.rows):
        return ""
    first = next((cell for cell in file.rows[row - 1] if cell is not None), None)
    return f": the one of {_quoted(first)}"


def _quoted(text: str | None) -> str:
    shown = " ".join(str(text).split())
    return f"'{shown[:_SHOWN_CHARS]}{'…' if len(shown) > _SHOWN_CHARS else ''}'"


def cover_findings(cover: Sequence[Sequence[str]], manifest: Manifest) -> list[Finding]:
    """Return where the cover of the workbook differs from the manifest."""
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
    return found
