"""A catalogue file as cells with positions: CSV is read strictly, nothing is guessed.

A pooling area's catalogue has a hundred thousand rows that somebody edits in a spreadsheet. A
fault is therefore named with the file, line and column an editor shows, and all faults of a file
come together.
"""

import csv
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from medsettle import limits
from medsettle.errors import Violation
from medsettle.policy.vocabulary import suggestion

T = TypeVar("T")

COMMENT = "#"
"""Lines at the top of the file that begin with this say where the entries come from."""


@dataclass(slots=True)
class Sheet:
    """The records of a CSV file by column, and the faults found so far.

    `columns[name][i]` is the text of one cell of record i, without blanks at its ends; `lines[i]`
    the number of the line it stands on, from 1; `digest` the SHA-256 of the file's bytes.
    """

    file: str
    source: list[str]
    digest: str = ""
    header: tuple[str, ...] = ()
    header_line: int = 1
    lines: list[int] = field(default_factory=list)
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)

    def refuse_line(self, line: int, message: str) -> None:
        """Record a violation of a whole line."""
        self.violations.append(Violation(self.file, line, 1, "", message))

    def refuse_header(self, position: int, message: str) -> None:
        """Record a violation of a column name in the header."""
        place = _cell_column(self.source[self.header_line - 1], position)
        name = self.header[position]
        self.violations.append(Violation(self.file, self.header_line, place, name, message))

    def refuse(self, record: int, name: str, message: str) -> None:
        """Record a violation of one cell."""
        line = self.lines[record]
        place = _cell_column(self.source[line - 1], self.header.index(name))
        self.violations.append(Violation(self.file, line, place, name, message))

    def parsed(self, name: str, parse: Callable[[str], T]) -> list[T | None]:
        """Return each cell of a column as `parse` reads it; None where it raises ValueError.

        A column of a catalogue has few different texts, so each is read once.
        """
        known: dict[str, T | None] = {}
        problems: dict[str, str] = {}
        values: list[T | None] = []
        for record, text in enumerate(self.columns[name]):
            if text not in known:
                try:
                    known[text] = parse(text)
                except ValueError as error:
                    known[text], problems[text] = None, str(error)
            if text in problems:
                self.refuse(record, name, problems[text])
            values.append(known[text])
        return values


def _cell_column(line: str, index: int) -> int:
    """Return the character, from 1, at which a cell of a line of CSV begins."""
    quoted = False
    for position, character in enumerate(line):
        if index == 0:
            return position + 1
        if character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            index -= 1
    return len(line) + 1


def read_sheet(path: Path, known: Iterable[str], families: Iterable[str]) -> Sheet:
    """Return the sheet of a file, with every fault of its shape.

    Args:
        path: UTF-8 CSV, with or without a byte order mark: spreadsheets write one.
        known: The names that must stand in the header, in any order.
        families: More names that may stand there.

    Raises:
        OSError: The file cannot be read.
    """
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        sheet = Sheet(str(path), [])
        line = raw.count(b"\n", 0, error.start) + 1
        sheet.refuse_line(line, f"not UTF-8 at byte {error.start}; save the file as UTF-8")
        return sheet
    sheet = Sheet(str(path), text.replace("\r\n", "\n").split("\n"))
    sheet.digest = hashlib.sha256(raw).hexdigest()
    top = 0
    while top < len(sheet.source) and sheet.source[top].startswith(COMMENT):
        top += 1
    records = _records(sheet, top)
    if not records:
        sheet.refuse_line(1, "the catalogue is empty; begin with a header and one entry below it")
        return sheet
    sheet.header_line, header = records[0]
    sheet.header = tuple(cell.strip() for cell in header)
    if _header_is_complete(sheet, list(known), list(families)):
        _fill(sheet, records[1:])
    return sheet


def _records(sheet: Sheet, top: int) -> list[tuple[int, list[str]]]:
    """Return line number and cells of each record; blank lines are skipped."""
    reader = csv.reader(sheet.source[top:], strict=True)
    records: list[tuple[int, list[str]]] = []
    line = top + 1
    try:
        for cells in reader:
            if reader.line_num + top > line:
                sheet.refuse_line(line, "a cell runs over the end of its line; close the quote")
            elif any(cell.strip() for cell in cells):
                records.append((line, cells))
            line = reader.line_num + top + 1
    except csv.Error as error:
        sheet.refuse_line(line, f"not valid CSV: {error}; check the quotes of this line")
    return records


def _header_is_complete(sheet: Sheet, known: list[str], families: list[str]) -> bool:
    """Check the header; the records can only be read when every column has one name."""
    before = len(sheet.violations)
    missing = [name for name in known if name not in sheet.header]
    for position, name in enumerate(sheet.header):
        if name in sheet.header[:position]:
            sheet.refuse_header(position, f"the column {name!r} stands twice; keep one of the two")
        elif name not in known and name not in families:
            hint = suggestion(name, missing or [*known, *families])
            sheet.refuse_header(position, f"unknown column {name!r}; {hint}")
    for name in missing:
        place = Violation(
            sheet.file, sheet.header_line, 1, name, f"the column {name!r} is missing; add it"
        )
        sheet.violations.append(place)
    return len(sheet.violations) == before


def _fill(sheet: Sheet, records: list[tuple[int, list[str]]]) -> None:
    """Put the cells of all records with the right number of cells into columns."""
    width = len(sheet.header)
    whole: list[list[str]] = []
    for line, cells in records:
        if len(cells) == width:
            whole.append(cells)
            sheet.lines.append(line)
        else:
            sheet.refuse_line(
                line, f"{len(cells)} cells, but the header has {width}; add or remove commas"
            )
    if len(whole) > limits.CATALOGUE_ENTRIES_MAX:
        sheet.refuse_line(
            sheet.header_line,
            f"{len(whole)} entries, more than {limits.CATALOGUE_ENTRIES_MAX}; split the area",
        )
    if not records and not sheet.violations:
        sheet.refuse_line(sheet.header_line, "the catalogue has no entries; add one line for each")
    cells_by_column = zip(*whole, strict=True) if whole else ((),) * width
    for name, column in zip(sheet.header, cells_by_column, strict=True):
        sheet.columns[name] = tuple(cell.strip() for cell in column)
