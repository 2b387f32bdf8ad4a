"""A file of the directory as checked columns: CSV or Parquet, a stretch of rows at a time.

Whole columns are asked for their form by regular expressions of Arrow, so that a million rows take
a second; only what does not match is looked at cell by cell, and told with its file and line.
"""

import csv
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core.columns import Kind
from medsettle.errors import Fault, InvalidRequest
from medsettle.gateway.directory_cells import DECIDING, FILES, NEEDS, SPANS, Cell

SUFFIXES: Final = (".csv", ".parquet")

_COMMENT: Final = b"#"
_ROWS_AT_ONCE: Final = 65_536
_BYTES_AT_ONCE: Final = 8 * 1024 * 1024


@dataclass(slots=True)
class Faults:
    """What is wrong with the files of a directory; past a bound it is only counted."""

    found: list[Fault] = field(default_factory=list)
    count: int = 0

    def add(self, path: str, message: str) -> None:
        """Record a fault."""
        self.count += 1
        if self.count <= limits.DIRECTORY_FAULTS_SHOWN_MAX:
            self.found.append(Fault(path, message))

    def refuse(self) -> None:
        """Do nothing where nothing is wrong.

        Raises:
            InvalidRequest: All faults, and how many more there are.
        """
        more = self.count - len(self.found)
        told = [Fault("directory", f"and {more} more faults")] if more else []
        if self.found:
            raise InvalidRequest([*self.found, *told])


@dataclass(frozen=True, slots=True)
class Sheet:
    """One file: `head` lines stand before its first row, which for CSV ends with the header."""

    name: str
    path: Path
    cells: tuple[Cell, ...]
    head: int
    header: tuple[str, ...]

    def place(self, row: int, cell: Cell | None = None) -> str:
        """Return where a row stands, counted from 0, for messages."""
        name = f" {cell.name}" if cell else ""
        if self.path.suffix == ".parquet":
            return f"{self.path} row {row + 1}{name}"
        return f"{self.path}:{self.head + row + 1}{name}"


def open_sheet(name: str, path: Path, faults: Faults) -> Sheet | None:
    """Return a file whose header is in order; None where it is not, and why is among the faults.

    Raises:
        OSError: The file cannot be read.
    """
    size = path.stat().st_size
    if size > limits.DIRECTORY_FILE_BYTES_MAX:
        most = limits.DIRECTORY_FILE_BYTES_MAX
        faults.add(str(path), f"has {size} bytes, at most {most}; leave out who has left")
        return None
    head, header, wrong = (_parquet_head if path.suffix == ".parquet" else _csv_head)(path)
    place = f"{path}:{head}" if head else str(path)
    cells = FILES[name]
    if not wrong:
        wrong = list(_header_faults(header, cells))
    for message in wrong:
        faults.add(place, message)
    return None if wrong else Sheet(name, path, cells, head, header)


def _header_faults(header: tuple[str, ...], cells: tuple[Cell, ...]) -> Iterator[str]:
    known = {cell.name for cell in cells}
    for name in sorted({each for each in header if header.count(each) > 1}):
        yield f"column {name!r} stands there twice; keep one"
    for name in header:
        if name not in known:
            yield f"unknown column {name!r}; remove it"
    for cell in cells:
        if cell.required and cell.name not in header:
            yield f"column {cell.name} is missing"


def _csv_head(path: Path) -> tuple[int, tuple[str, ...], list[str]]:
    """Return the number of the header's line, its names, and what is wrong with it."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.removeprefix(BOM_UTF8).startswith(_COMMENT):
                continue
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                (names,) = csv.reader([text.strip()])
            except UnicodeDecodeError:
                return number, (), ["the header is no UTF-8; save the file as UTF-8"]
            except (ValueError, csv.Error):
                return number, (), ["the header is no line of CSV"]
            return number, tuple(name.strip() for name in names), []
    return 0, (), ["the file has no header"]


def _parquet_head(path: Path) -> tuple[int, tuple[str, ...], list[str]]:
    try:
        columns = pa.parquet.read_schema(path)
    except pa.ArrowInvalid as error:
        return 0, (), [f"cannot be read as Parquet: {error}"]
    wrong = [
        f"column {each.name!r} is of type {each.type}; write texts, dates or whole numbers"
        for each in columns
        if pa.types.is_floating(each.type) or pa.types.is_nested(each.type)
    ]
    return 0, tuple(columns.names), wrong


def checked_rows(sheet: Sheet, faults: Faults) -> Iterator[tuple[int, list[pa.Array]]]:
    """Yield stretches of a file as texts: the number of the first row, a column for each cell.

    A blank cell is the empty text. Rows with faults are yielded too; whoever stores them stops at
    the end where there were any.
    """
    first = 0
    try:
        for batch in _parquet(sheet) if sheet.path.suffix == ".parquet" else _csv(sheet, faults):
            columns = [_texts(batch, cell) for cell in sheet.cells]
            for cell, column in zip(sheet.cells, columns, strict=True):
                _check(sheet, cell, column, first, faults)
            _check_rows(sheet, columns, first, faults)
            yield first, columns
            first += batch.num_rows
            if first > limits.DIRECTORY_ROWS_MAX:
                most = limits.DIRECTORY_ROWS_MAX
                faults.add(str(sheet.path), f"has more than {most} rows; leave out who has left")
                return
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        faults.add(str(sheet.path), f"cannot be read: {error}")


def _csv(sheet: Sheet, faults: Faults) -> Iterator[pa.RecordBatch]:
    torn = 0

    def refuse(row: pa.csv.InvalidRow) -> str:
        nonlocal torn
        torn += 1
        place = str(sheet.path) if row.number is None else f"{sheet.path}:{row.number}"
        faults.add(place, f"has {row.actual_columns} cells, expected {row.expected_columns}")
        return "skip"

    reader = pa.csv.open_csv(
        sheet.path,
        pa.csv.ReadOptions(
            use_threads=False,
            block_size=_BYTES_AT_ONCE,
            skip_rows=sheet.head,
            column_names=list(sheet.header),
        ),
        pa.csv.ParseOptions(ignore_empty_lines=False, invalid_row_handler=refuse),
        pa.csv.ConvertOptions(
            column_types=dict.fromkeys(sheet.header, pa.string()), strings_can_be_null=False
        ),
    )
    for batch in reader:
        # After a torn row the numbers of lines are no longer known, so nothing else is told.
        if not torn:
            yield batch


def _parquet(sheet: Sheet) -> Iterator[pa.RecordBatch]:
    with pa.parquet.ParquetFile(sheet.path) as file:
        yield from file.iter_batches(batch_size=_ROWS_AT_ONCE)


def _texts(batch: pa.RecordBatch, cell: Cell) -> pa.Array:
    """Return a column as texts, empty where it is missing or null."""
    if cell.name not in batch.schema.names:
        return pa.repeat("", batch.num_rows)
    column = batch.column(cell.name)
    if not pa.types.is_string(column.type):
        column = column.cast(pa.string())
    return column.fill_null("") if column.null_count else column


def _check(sheet: Sheet, cell: Cell, column: pa.Array, first: int, faults: Faults) -> None:
    pattern = f"^(?:{cell.pattern})$" if cell.required else f"^(?:{cell.pattern})?$"
    matched = pc.match_substring_regex(column, pattern)
    if cell.kind in {Kind.DATE, Kind.TIMESTAMP}:
        matched = pc.and_(matched, _calendar(column, cell.first_year))
    if pc.all(matched).as_py() is not False:
        return
    for row in _places(matched):
        text = column[row].as_py()
        if not text:
            found = "missing"
        elif cell.private:
            # What is personal is not quoted: its length says enough.
            found = f"{len(text)} characters"
        else:
            found = repr(text[: limits.VALUE_CHARS_SHOWN_MAX])
        faults.add(sheet.place(first + row, cell), f"{found}; expected {cell.expected}")


def _check_rows(sheet: Sheet, columns: Sequence[pa.Array], first: int, faults: Faults) -> None:
    """Find cells that do not go with another one of their row."""
    at = {cell.field: column for cell, column in zip(sheet.cells, columns, strict=True)}
    cells = {cell.field: cell for cell in sheet.cells}
    if sheet.name in SPANS:
        begin, end = SPANS[sheet.name]
        turned = pc.and_(pc.not_equal(at[end], ""), pc.less(at[end], at[begin]))
        for row in _places(pc.invert(turned)):
            text = f"{at[end][row]} lies before {cells[begin].name} {at[begin][row]}"
            faults.add(sheet.place(first + row, cells[end]), text)
    deciding = DECIDING.get(sheet.name, "")
    for value, needed in NEEDS.get(sheet.name, {}).items():
        decided = pc.equal(at[deciding], value)
        for name in needed:
            blank = pc.and_(decided, pc.equal(at[name], ""))
            for row in _places(pc.invert(blank)):
                text = f"missing; {cells[deciding].name} {value} needs {cells[name].expected}"
                faults.add(sheet.place(first + row, cells[name]), text)


def _places(matched: pa.Array) -> Sequence[int]:
    wrong: NDArray[np.bool_] = ~matched.to_numpy(zero_copy_only=False)
    places: list[int] = np.flatnonzero(wrong).tolist()
    return places


def _calendar(column: pa.Array, first_year: int) -> pa.Array:
    """Return which texts are a day or moment that the calendar has; a blank one passes."""
    coded = column.dictionary_encode()
    known = [_is_day(text, first_year) for text in coded.dictionary.to_pylist()]
    return pa.array(known, pa.bool_()).take(coded.indices)


def _is_day(text: str, first_year: int) -> bool:
    if not text:
        return True
    try:
        # A moment is checked whole: 24:00:00 is none.
        found = datetime.fromisoformat(text)
    except ValueError:
        return False
    return first_year <= found.year <= limits.SERVICE_YEAR_MAX
