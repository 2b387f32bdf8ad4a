"""Read the cells of a workbook exactly, whoever saved it last.

What a person's spreadsheet saved has shared texts, other part names and numbers with the noise of
doubles; all of that is read. A number counts with the 15 digits that spreadsheets keep. A file that
declares entities or unpacks to more than the bound is refused before it is taken apart.
"""

import io
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from decimal import Context, Decimal, DecimalException
from typing import Final, NamedTuple
from xml.parsers import expat

from medsettle import limits
from medsettle.clearing.statements.cells import CellKind, Cells, StatedColumn
from medsettle.clearing.statements.csv import UnreadableStatementFile
from medsettle.clearing.statements.excel import COVER_SHEET, ROWS_SHEET
from medsettle.core.workbook import DIGITS_EXACT
from medsettle.policy.vocabulary import quoted

# What the standard library raises of an entry that is damaged, encrypted or cut off.
_BROKEN: Final = (
    *(zipfile.BadZipFile, zlib.error, struct.error, OSError, RuntimeError, EOFError, ValueError),
)
# How workbooks are packed; others have errors of their own.
_PACKED: Final = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_CONTEXT: Final = Context(prec=DIGITS_EXACT)
_PLACE: Final = re.compile(r"([A-Z]{1,3})[0-9]{1,7}")
_COUNT: Final = re.compile(r"[0-9]{1,7}")
_YUAN: Final = re.compile(r"-?[0-9]{1,13}\.[0-9]{2}")
_EMPTY: Final = ("text", "")


class _Parts:
    """The parts of a workbook, unpacked within the bound."""

    def __init__(self, content: bytes) -> None:
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content))
        except _BROKEN as error:
            raise UnreadableStatementFile(f"is no workbook: {error}") from error
        if not {entry.compress_type for entry in self._archive.infolist()} <= _PACKED:
            raise UnreadableStatementFile("is packed as no workbook is")
        size = sum(entry.file_size for entry in self._archive.infolist())
        if size > limits.STATED_FILE_BYTES_MAX:
            most = limits.STATED_FILE_BYTES_MAX
            raise UnreadableStatementFile(f"unpacks to {size:,} bytes; at most {most:,}")

    def read(self, name: str) -> bytes:
        """Return a part; what its entry says of its size is not believed."""
        try:
            with self._archive.open(name) as part:
                found = part.read(limits.STATED_FILE_BYTES_MAX + 1)
        except KeyError:
            raise UnreadableStatementFile(f"has no part {name}") from None
        except _BROKEN as error:
            raise UnreadableStatementFile(f"{name} cannot be unpacked: {error}") from error
        if len(found) > limits.STATED_FILE_BYTES_MAX:
            raise UnreadableStatementFile(f"{name} unpacks to more than its bound")
        return found

    def has(self, name: str) -> bool:
        """Return whether there is such a part."""
        return name in self._archive.namelist()


class Book(NamedTuple):
    """What a workbook says: the rows of its cover, heads and cells, and what other sheets it has.

    The row of the sheet is two more than the place of a row here, for the head is the first.
    """

    cover: list[list[str]]
    heads: list[str]
    rows: list[Cells]
    others: list[str]


def read_excel(content: bytes, columns: Sequence[StatedColumn]) -> Book:
    """Return what a workbook says, whatever became of it.

    A cell that cannot be one of its column is returned as it stands, and then differs.

    Raises:
        UnreadableStatementFile: It is no workbook with the two sheets of a statement.
    """
    parts = _Parts(content)
    names, sheets = _sheet_parts(parts)
    missing = [name for name in (COVER_SHEET, ROWS_SHEET) if name not in sheets]
    if missing:
        raise UnreadableStatementFile(f"has no sheet named {' and none named '.join(missing)}")
    shared = _shared_texts(parts)
    cover = _rows(parts.read(sheets[COVER_SHEET]), shared, ())
    rows = _rows(parts.read(sheets[ROWS_SHEET]), shared, columns)
    heads = rows.pop(0) if rows else []
    texts = [[cell or "" for cell in row] for row in (*cover, heads)]
    for name in (COVER_SHEET, ROWS_SHEET):
        # One of each is stated, and a second of the same name is not.
        names.remove(name)
    return Book(texts[:-1], texts[-1], rows, names)


def _sheet_parts(parts: _Parts) -> tuple[list[str], dict[str, str]]:
    """Return the names of all sheets, and the part of each by its name."""
    names: list[str] = []
    ids: dict[str, str] = {}
    targets: dict[str, str] = {}

    def sheet(name: str, attributes: dict[str, str]) -> None:
        if name == "sheet":
            relation = next(
                (v for k, v in attributes.items() if k.endswith("relationships id")), ""
            )
            names.append(attributes.get("name", ""))
            ids[names[-1]] = relation

    def relation(name: str, attributes: dict[str, str]) -> None:
        if name == "Relationship":
            targets[attributes.get("Id", "")] = attributes.get("Target", "")

    _parse(parts.read("xl/workbook.xml"), sheet)
    _parse(parts.read("xl/_rels/workbook.xml.rels"), relation)
    found = {name: targets[key] for name, key in ids.items() if key in targets}
    return names, {
        name: target[1:] if target.startswith("/") else posixpath.normpath(f"xl/{target}")
        for name, target in found.items()
    }


def _shared_texts(parts: _Parts) -> list[str]:
    if not parts.has("xl/sharedStrings.xml"):
        return []
    found: list[str] = []
    inside: list[str] = []

    def start(name: str, _: dict[str, str]) -> None:
        inside.append(name)
        if name == "si":
            found.append("")

    def text(data: str) -> None:
        # A reading aid (rPh) is not part of the text.
        if found and inside[-1] == "t" and "rPh" not in inside:
            found[-1] += data

    _parse(parts.read("xl/sharedStrings.xml"), start, text, lambda _: inside.pop())
    return found


class _Sheet:
    """Builds the rows of a sheet from the events of the parser."""

    def __init__(self, shared: Sequence[str], columns: Sequence[StatedColumn]) -> None:
        self._shared, self._columns = shared, columns
        self.rows: dict[int, Cells] = {}
        self._row, self._column = -1, -1
        self._cells: dict[int, tuple[str, str]] = {}
        self._kind, self._inside = "", ""
        self._value, self._formula = "", ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take the start of an element."""
        if name == "row":
            # A row that does not say its number follows the last.
            self._row = _row(attributes["r"]) if "r" in attributes else self._row + 1
            self._column, self._cells = -1, {}
        elif name == "c":
            found = _PLACE.fullmatch(attributes.get("r", ""))
            self._column = self._column + 1 if found is None else _column_of(found[1])
            self._kind = attributes.get("t", "n")
            self._value = self._formula = ""
        if name in {"v", "t", "f"}:
            self._inside = name

    def text(self, data: str) -> None:
        """Take text."""
        if self._inside == "f":
            self._formula += data
        elif self._inside:
            self._value += data

    def end(self, name: str) -> None:
        """Take the end of an element."""
        if name in {"v", "t", "f"}:
            self._inside = ""
        elif name == "c" and (self._value or self._formula):
            if self._row > limits.STATED_ROWS_MAX or self._column > limits.STATED_COLUMNS_MAX:
                raise UnreadableStatementFile(f"row {self._row + 1} lies beyond any statement")
            self._cells[self._column] = self._cell()
        elif name == "row" and self._cells:
            # The first row has the heads, which are texts whatever they name.
            columns = self._columns if self._row else ()
            self.rows[self._row] = _cells(columns, self._cells)

    def _cell(self) -> tuple[str, str]:
        if self._formula:
            return "formula", f"={self._formula}"
        if self._kind == "s":
            known = _COUNT.fullmatch(self._value) and int(self._value) < len(self._shared)
            return "text", self._shared[int(self._value)] if known else f"#{self._value}"
        if self._kind == "b":
            return "text", "true" if self._value == "1" else "false"
        return ("number" if self._kind == "n" else "text"), self._value


def _row(text: str) -> int:
    if _COUNT.fullmatch(text) is None or not int(text):
        raise UnreadableStatementFile(f"{quoted(text)} is no number of a row")
    return int(text) - 1


def _column_of(letters: str) -> int:
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1


def _rows(raw: bytes, shared: Sequence[str], columns: Sequence[StatedColumn]) -> list[Cells]:
    """Return every row up to the last that has a cell."""
    sheet = _Sheet(shared, columns)
    _parse(raw, sheet.start, sheet.text, sheet.end)
    empty = [None] * len(columns)
    return [sheet.rows.get(at, empty) for at in range(max(sheet.rows, default=-1) + 1)]


def _parse(
    raw: bytes,
    start: Callable[[str, dict[str, str]], None],
    text: Callable[[str], None] | None = None,
    end: Callable[[str], object] | None = None,
) -> None:
    def refuse(*_: object) -> None:
        raise UnreadableStatementFile("declares a document type, which no workbook does")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = lambda name, found: start(name.rpartition(" ")[2], found)
    if text is not None:
        parser.CharacterDataHandler = text
    if end is not None:
        parser.EndElementHandler = lambda name: end(name.rpartition(" ")[2])
    try:
        parser.Parse(raw, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        # The last two are of an encoding that is unknown, or that expat does not read.
        raise UnreadableStatementFile(f"a part of it is no XML: {error}") from error


def _cells(columns: Sequence[StatedColumn], found: Mapping[int, tuple[str, str]]) -> Cells:
    cells = [_cell(column, *found.get(at, _EMPTY)) for at, column in enumerate(columns)]
    more = range(len(columns), max(found) + 1)
    return [*cells, *(found.get(at, _EMPTY)[1] or None for at in more)]


def _cell(column: StatedColumn, kind: str, text: str) -> str | None:
    if not text:
        return None
    if kind == "number" and column.kind is CellKind.FEN and _YUAN.fullmatch(text):
        # What a statement writes and most programs keep: no more than 15 digits, two decimals.
        return str(int(text.replace(".", "")))
    if kind == "number" or (kind == "text" and column.kind is CellKind.FEN):
        parts = {CellKind.FEN: 2, CellKind.INTEGER: 0}.get(column.kind)
        return text if parts is None else _whole(text, parts, exact=kind == "text")
    return text


def _whole(text: str, decimals: int, *, exact: bool) -> str:
    """Return a number in its smallest parts, as it stands where it has still smaller ones."""
    try:
        value = Decimal(text) if exact else _CONTEXT.create_decimal(text)
    except DecimalException:
        return text
    if not value.is_finite() or abs(value.adjusted()) > limits.STATED_DIGITS_MAX:
        return text
    scaled = value.scaleb(decimals, Context(prec=limits.STATED_DIGITS_MAX * 2))
    whole = int(scaled)
    return str(whole) if whole == scaled else text
