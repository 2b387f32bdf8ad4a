"""A statement as CSV for people: UTF-8 with a byte order mark, amounts in yuan.

Spreadsheets run a cell that begins like a formula. So such a text gets an apostrophe before it,
which they do not show, and so does one that begins with an apostrophe; reading takes it off again.
"""

import csv
import io
import re
from collections.abc import Sequence
from typing import Final

from medsettle.clearing.statements.cells import CellKind, Cells, StatedColumn

BOM: Final = b"\xef\xbb\xbf"
_FORMULAS: Final = ("=", "+", "-", "@", "'")
_YUAN: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,16})\.[0-9]{2}")


class UnreadableStatementFile(OSError):
    """A file of a statement, or of a key, is not what its name says; the message says why."""


def csv_bytes(columns: Sequence[StatedColumn], rows: Sequence[Cells]) -> bytes:
    """Return the CSV file of a statement."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([column.head for column in columns])
    for row in rows:
        writer.writerow([_shown(column, cell) for column, cell in zip(columns, row, strict=True)])
    return BOM + text.getvalue().encode()


def _shown(column: StatedColumn, cell: str | None) -> str:
    shown = column.for_people(cell)
    formula = column.kind is CellKind.TEXT and shown.startswith(_FORMULAS)
    return f"'{shown}" if formula else shown


def read_csv(
    content: bytes, columns: Sequence[StatedColumn]
) -> tuple[list[str], list[Cells], list[int]]:
    """Return the heads, the cells and the line of each row of a CSV file, whatever became of it.

    A cell that cannot be one of its column is returned as it stands, and then differs.

    Raises:
        UnreadableStatementFile: It is no CSV in UTF-8.
    """
    try:
        text = content.removeprefix(BOM).decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableStatementFile(f"line {line} is not UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        heads = next(reader, [])
        rows: list[Cells] = []
        lines: list[int] = []
        # A text with a line end in it takes more than one line.
        line = reader.line_num + 1
        for row in reader:
            rows.append(_cells(columns, row))
            lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        raise UnreadableStatementFile(f"line {reader.line_num} is no CSV: {error}") from error
    return heads, rows, lines


def _cells(columns: Sequence[StatedColumn], row: list[str]) -> Cells:
    cells: list[str | None] = [
        _cell(column, text) for column, text in zip(columns, row, strict=False)
    ]
    # What is beyond the columns is kept, so that the row differs.
    return [*cells, *row[len(columns) :]]


def _cell(column: StatedColumn, text: str) -> str | None:
    if not text:
        return None
    if column.kind is CellKind.TEXT:
        return text[1:] if text[0] == "'" and text[1:].startswith(_FORMULAS) else text
    return fen_text(text) if column.kind is CellKind.FEN else text


def fen_text(yuan: str) -> str:
    """Return an amount in yuan as the cell that it is, or as it stands where it is none.

    Any amount of an int64 of fen is one here, for a table may have sums beyond those of a claim.

    >>> fen_text("-1234.56"), fen_text("1,234.56"), fen_text("12.3")
    ('-123456', '1,234.56', '12.3')
    """
    return str(int(yuan.replace(".", ""))) if _YUAN.fullmatch(yuan) else yuan
