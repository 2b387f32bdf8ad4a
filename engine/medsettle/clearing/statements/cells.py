"""The cells of a statement: one text for each, whichever file it was read from.

Three files that say the same have the same cells, so everything that is compared or digested is a
cell: an amount as its fen, a day as 2026-03-17, nothing as None. A *row digest* is eight bytes and
finds the row; a *column digest* is whole and finds the column, and no other table has the same.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from medsettle import limits
from medsettle.core.money import plain_yuan
from medsettle.errors import Fault, InvalidRequest

Cells: TypeAlias = Sequence[str | None]

ROW_DIGEST_BYTES: Final = 8
_FEN, _YUAN = "_fen", "_yuan"
_ABSENT: Final = "-"


class CellKind(StrEnum):
    """What a column holds."""

    FEN = "fen"
    INTEGER = "integer"
    TEXT = "text"
    DATE = "date"
    BOOLEAN = "boolean"
    MOMENT = "moment"


_ARROW: Final = {
    CellKind.FEN: pa.int64(),
    CellKind.INTEGER: pa.int64(),
    CellKind.TEXT: pa.string(),
    CellKind.DATE: pa.date32(),
    CellKind.BOOLEAN: pa.bool_(),
    CellKind.MOMENT: pa.timestamp("us", tz="UTC"),
}


@dataclass(frozen=True, slots=True)
class StatedColumn:
    """A column of a statement; `head` is its name in the files for people."""

    name: str
    kind: CellKind

    @property
    def head(self) -> str:
        """The name in files for people, where amounts are yuan: `fund_total_yuan`."""
        return self.name.removesuffix(_FEN) + _YUAN if self.kind is CellKind.FEN else self.name

    def arrow_field(self) -> Any:  # noqa: ANN401 - pyarrow comes without types
        """Return the field of the column in the file for machines."""
        return pa.field(self.name, _ARROW[self.kind])

    def for_people(self, cell: str | None) -> str:
        """Return a cell as files for people show it: amounts in yuan, nothing as an empty text."""
        if cell is None:
            return ""
        return plain_yuan(int(cell)) if self.kind is CellKind.FEN else cell


def stated_columns(schema: Any) -> tuple[StatedColumn, ...]:  # noqa: ANN401
    """Return the columns of an Arrow schema.

    Raises:
        InvalidRequest: A column has a type that no cell shows exactly, has no name or the head of
            another; or there are too many or none.
    """
    found = []
    faults = []
    for field in schema:
        kind = _kind_of(field)
        if kind is None:
            text = f"has the type {field.type}; a statement has texts, whole numbers, dates, "
            faults.append(Fault(str(field.name), text + "booleans and moments in UTC"))
        else:
            found.append(StatedColumn(field.name, kind))
    if faults:
        raise InvalidRequest(faults)
    check_columns(found)
    return tuple(found)


def check_columns(columns: Sequence[StatedColumn]) -> None:
    """Refuse columns that no statement has.

    Raises:
        InvalidRequest: A column has no name or the head of another; or there are too many or none.
    """
    most = limits.CODE_CHARS_MAX
    faults = [
        Fault(repr(column.name), f"is no name of 1 to {most} printable characters")
        for column in columns
        if not is_plain(column.name) or len(column.name) > most
    ]
    heads = Counter(column.head for column in columns)
    faults += [
        Fault(column.name, "has the head of another column; rename one")
        for column in columns
        if heads[column.head] > 1
    ]
    if not faults and not 1 <= len(columns) <= limits.STATED_COLUMNS_MAX:
        text = f"are {len(columns)}; 1 to {limits.STATED_COLUMNS_MAX} are allowed"
        faults.append(Fault("columns", text))
    if faults:
        raise InvalidRequest(faults)


def _kind_of(field: Any) -> CellKind | None:  # noqa: ANN401
    kind = field.type
    if pa.types.is_integer(kind) and kind != pa.uint64():
        return CellKind.FEN if field.name.endswith(_FEN) else CellKind.INTEGER
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return CellKind.TEXT
    if pa.types.is_date32(kind):
        return CellKind.DATE
    if pa.types.is_boolean(kind):
        return CellKind.BOOLEAN
    utc = pa.types.is_timestamp(kind) and kind.tz == "UTC" and kind.unit != "ns"
    return CellKind.MOMENT if utc else None


def normal_table(table: Any, columns: Sequence[StatedColumn]) -> Any:  # noqa: ANN401
    """Return an Arrow table with exactly the types of its columns, and nothing beside its values.

    Raises:
        InvalidRequest: A text is empty, has a character that no file shows, or is too long; a day
            or a moment is of no year from 1 to 9999; a row says nothing, which sheets forget; or
            there are too many rows.
    """
    most = limits.STATED_ROWS_MAX
    if table.num_rows > most:
        text = f"are {table.num_rows:,}, more than a sheet's {most:,}; state fewer days or areas"
        raise InvalidRequest([Fault("rows", text)])
    schema = pa.schema([column.arrow_field() for column in columns])
    arrays = [_cast(table.column(column.name), column) for column in columns]
    faults = [
        fault
        for column, array in zip(columns, arrays, strict=True)
        if column.kind is CellKind.TEXT
        for fault in _text_faults(column.name, array)
    ]
    faults += _blank_faults(arrays)
    if faults:
        raise InvalidRequest(faults)
    return pa.Table.from_arrays(arrays, schema=schema)


def _cast(array: Any, column: StatedColumn) -> Any:  # noqa: ANN401
    try:
        found = array.cast(column.arrow_field().type)
        if column.kind in {CellKind.DATE, CellKind.MOMENT}:
            # Python has the years that files for people can show.
            pc.min_max(found).as_py()
    except (pa.ArrowInvalid, ValueError, OverflowError) as error:
        text = f"has a value that no file shows, such as a day beyond the year 9999: {error}"
        raise InvalidRequest([Fault(column.name, text)]) from error
    return found


def _blank_faults(arrays: Sequence[Any]) -> list[Fault]:
    blank = arrays[0].is_null()
    for array in arrays[1:]:
        blank = pc.and_(blank, array.is_null())
    row = pc.index(blank, value=True).as_py()
    return [] if row < 0 else [Fault(f"row {row + 1}", "has no value at all; leave the row out")]


def _text_faults(name: str, array: Any) -> list[Fault]:  # noqa: ANN401
    most = limits.STATED_TEXT_CHARS_MAX
    bad = {
        text
        for text in array.unique().to_pylist()
        if text is not None and (len(text) > most or not is_plain(text))
    }
    if not bad:
        return []
    row = next(at for at, text in enumerate(array.to_pylist(), 1) if text in bad)
    why = f"needs 1 to {most} printable characters without a blank at its ends; leave it null, or"
    return [Fault(f"row {row} {name}", f"{why} mend the text")]


def is_plain(text: str) -> bool:
    """Return whether a text shows the same in every file: printable, and no blank at its ends."""
    return bool(text) and text.isprintable() and text == text.strip()


def cells_of(table: Any, columns: Sequence[StatedColumn]) -> list[Cells]:  # noqa: ANN401
    """Return the cells of a normal table, row by row."""
    by_column = [
        _column_cells(column, table.column(at).to_pylist()) for at, column in enumerate(columns)
    ]
    return list(zip(*by_column, strict=True)) if by_column else []


def _column_cells(column: StatedColumn, values: Iterable[Any]) -> list[str | None]:
    if column.kind is CellKind.BOOLEAN:
        return [None if value is None else str(value).lower() for value in values]
    if column.kind is CellKind.MOMENT:
        return [None if value is None else moment_text(value) for value in values]
    return [None if value is None else str(value) for value in values]


def moment_text(moment: datetime) -> str:
    """Return a moment as cells have it.

    >>> moment_text(datetime(2026, 3, 1, 8, tzinfo=UTC))
    '2026-03-01T08:00:00.000000Z'
    """
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True)
class Digests:
    """What finds a row, one for each, and what finds a column."""

    rows: tuple[bytes, ...]
    columns: tuple[str, ...]


def digests_of(rows: Sequence[Cells], width: int) -> Digests:
    """Return the digests of rows and of the first `width` columns.

    A row that is shorter has nothing in the columns that it lacks; one that is longer has a digest
    of all its cells.

    >>> digests_of([("a", None)], 2).rows[0].hex()
    '90f1254ff827d659'
    """
    framed = [list(map(_framed, row)) for row in rows]
    by_row = tuple(sha256("".join(row).encode()).digest()[:ROW_DIGEST_BYTES] for row in framed)
    by_column = tuple(
        sha256("".join(row[at] if at < len(row) else _ABSENT for row in framed).encode())
        for at in range(width)
    )
    return Digests(by_row, tuple(digest.hexdigest() for digest in by_column))


def _framed(cell: str | None) -> str:
    """Return a cell with its length before it, so that no two rows are written alike."""
    return _ABSENT if cell is None else f"{len(cell)}:{cell}"


def sums_of(rows: Sequence[Cells], columns: Sequence[StatedColumn]) -> dict[str, str]:
    """Return the sum of each column of amounts, in fen, as text: it may be beyond an int64."""
    return {
        column.name: str(sum(int(cell) for row in rows if (cell := row[at]) is not None))
        for at, column in enumerate(columns)
        if column.kind is CellKind.FEN
    }
