"""Reading the book of the place of insurance for a month, and refusing one that adds up to nothing.

Columns that clearing needs must be there; others are absent where the book does not keep them
(`clearing.matching.book`). DuckDB reads Parquet under our names as it is; any other book is copied
first, by the reader that compares it, so that a month is closed of whatever was reconciled.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from medsettle import limits
from medsettle.clearing.matching.book import BOOK, SHARES, RecordKind, Side
from medsettle.clearing.matching.book_files import BookFile
from medsettle.clearing.matching.sources import Faults, files_of
from medsettle.clearing.matching.sources_audit import BETWEEN_AREAS, audit_folder
from medsettle.clearing.matching.sources_columns import plan
from medsettle.clearing.matching.sources_files import TEXT_SUFFIXES, opened_book, suffix_of
from medsettle.clearing.months.fund_lines import OWED
from medsettle.core import codes
from medsettle.core.sql_text import SQL_TYPES, literally, quoted
from medsettle.errors import Fault, InvalidRequest
from medsettle.ledger.scratch import scratch, spill_folder

if TYPE_CHECKING:
    import duckdb

NEEDED: Final[tuple[str, ...]] = (
    *("settlement", "kind", "original", "record_date", "pooling_area", "care_area"),
    *("insurance_type", "clearing_class", "total_fen", "fund_total_fen"),
    *(column.name for column in SHARES),
)
"""Columns without which a month cannot be cleared."""

OWED_SQL: Final = " + ".join(f"{payer.name}_fen" for payer in OWED)
"""What the place of insurance owes of a record."""

# What a book states may be anything: it is added up without overflow before it is held to bounds.
_FUNDS_SQL: Final = " + ".join(f"{payer.name}_fen::hugeint" for payer in codes.PAYERS if payer.fund)
_SHARES_SQL: Final = " + ".join(f"{payer.name}_fen::hugeint" for payer in OWED)
_VALUED: Final = tuple(name for name in NEEDED if name != "original")
_AMOUNTS: Final = tuple(name for name in NEEDED if name.endswith("_fen"))
_TAKING: Final = f"kind in ('{RecordKind.CANCEL}', '{RecordKind.DEDUCTION}')"
_MOST: Final = limits.AMOUNT_FEN_MAX

# What is wrong with a row, and what is said of it; the first of the rows is named.
_CHECKS: Final[tuple[tuple[str, str, str], ...]] = (
    *((f"{name} is null", name, "is unknown") for name in _VALUED),
    (
        f"kind not in ({', '.join(quoted(kind) for kind in RecordKind)})",
        "kind",
        f"is none of {', '.join(RecordKind)}",
    ),
    *(
        (f"not regexp_full_match({name}, '[0-9]{{6}}')", name, "is not six digits")
        for name in ("pooling_area", "care_area")
    ),
    *(
        (f"{name} not between -{_MOST} and {_MOST}", name, f"is beyond {_MOST} fen")
        for name in _AMOUNTS
    ),
    (f"fund_total_fen <> {_FUNDS_SQL}", "fund_total_fen", "is not the sum of the funds"),
    (
        f"(original is null) <> (kind = '{RecordKind.SETTLE}')",
        "original",
        "stands with what takes back, corrects or deducts, and with nothing else",
    ),
    (
        f"kind = '{RecordKind.SETTLE}' and ({_SHARES_SQL} < 0 or total_fen < 0)",
        "kind",
        "is a settlement below zero",
    ),
    (f"{_TAKING} and ({_SHARES_SQL} > 0 or total_fen > 0)", "kind", "takes back less than nothing"),
)


def _files(connection: "duckdb.DuckDBPyConnection", path: Path) -> list[Path]:
    """Return the Parquet files of a book under our names, made of it where it has others.

    Raises:
        InvalidRequest: Nothing or no book is there, or rows are wrong; with file and row.
    """
    if not path.exists():
        text = "does not exist; name the book of the place of insurance"
        raise InvalidRequest([Fault(str(path), text)])
    if _is_plain(path):
        return files_of(path, ".parquet")
    spilled = spill_folder(connection)
    book = opened_book(Side.INSURED, path, spilled, wanted=BETWEEN_AREAS)
    columns = [column for column in BOOK if column.name in book.stated]
    copied = spilled / "book.parquet"
    with BookFile(copied, columns) as file:
        for batch in book.reader([column.name for column in columns]):
            file.write(pa.Table.from_batches([batch]))
    return [copied]


def _is_plain(path: Path) -> bool:
    """Return whether a book is in Parquet files that have our names and all columns themselves."""
    if audit_folder(path) is not None or suffix_of(path) in TEXT_SUFFIXES:
        return False
    files = files_of(path, ".parquet")
    if any("=" in part for each in files for part in each.relative_to(path).parts[:-1]):
        return False
    try:
        readings, _ = plan(pq.read_schema(files[0]).names, str(path), Faults())
    except (pa.ArrowException, OSError):
        # DuckDB says what is wrong with it.
        return True
    return not any(reading.national for reading in readings)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what DuckDB finds damaged into InvalidRequest, while it reads a book and nothing else.

    Raises:
        InvalidRequest: The book is damaged.
    """
    import duckdb  # noqa: PLC0415 - as in `scratch`

    try:
        yield
    except duckdb.Error as error:
        # What a damaged page is told by has no class of its own; our own mistakes have.
        if type(error) not in {duckdb.Error, duckdb.InvalidInputException}:
            raise
        message = f"is damaged: {str(error).splitlines()[0]}; have it written again"
        raise InvalidRequest([Fault(str(path), message)]) from error


def attach_book(connection: "duckdb.DuckDBPyConnection", path: Path, last: date) -> None:
    """Make the view `stated` of the rows of a book up to a day, null where it keeps no column.

    Raises:
        InvalidRequest: No book is there, columns that clearing needs are missing or of another
            type, or rows are wrong: each kind of fault with how many and the first settlement.
    """
    import duckdb  # noqa: PLC0415 - as in `scratch`

    listed = ", ".join(quoted(literally(each)) for each in _files(connection, path))
    source = f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"
    try:
        described = connection.execute(f"describe select * from {source}").fetchall()  # noqa: S608
    except duckdb.Error as error:
        message = f"cannot be read as Parquet: {str(error).splitlines()[0]}"
        raise InvalidRequest([Fault(str(path), message)]) from error
    found = {str(name): str(kind).lower() for name, kind, *_ in described}
    if faults := _column_faults(path, found):
        raise InvalidRequest(faults)
    columns = ", ".join(
        f"{column.name}::{SQL_TYPES[column.kind]} as {column.name}"
        if column.name in found
        else f"null::{SQL_TYPES[column.kind]} as {column.name}"
        for column in BOOK
    )
    # A row without a day is kept, so that it is refused rather than lost.
    days = f"record_date is null or record_date <= date '{last}'"
    connection.execute(f"create view stated as select {columns} from {source} where {days}")  # noqa: S608
    _refuse_faulty_rows(connection, path)


def has_record(folder: Path, path: Path, settlement: str) -> bool:
    """Return whether a book has a record, whatever its day; it is copied below `folder` if need be.

    Raises:
        InvalidRequest: As for `attach_book`, or the book is damaged.
    """
    with scratch(folder) as connection, reading(path):
        attach_book(connection, path, date.max)
        found = connection.execute("select 1 from stated where settlement = ?", [settlement])
        return found.fetchone() is not None


def _column_faults(path: Path, found: dict[str, str]) -> list[Fault]:
    faults = []
    whole = {"bigint", "integer", "smallint", "tinyint"}
    for column in BOOK:
        kind = found.get(column.name)
        if kind is None and column.name in NEEDED:
            faults.append(Fault(f"{path} {column.name}", "is missing; clearing needs it"))
        elif kind is not None and column.name in _AMOUNTS and kind not in whole:
            faults.append(Fault(f"{path} {column.name}", f"is {kind}; amounts are whole fen"))
        elif kind is not None and column.name == "record_date" and kind != "date":
            faults.append(Fault(f"{path} {column.name}", f"is {kind}; expected a date"))
    return faults


def _refuse_faulty_rows(connection: "duckdb.DuckDBPyConnection", path: Path) -> None:
    counted = ", ".join(
        f"count(*) filter ({wrong}), min(settlement) filter ({wrong})" for wrong, _, _ in _CHECKS
    )
    (row,) = connection.execute(f"select {counted} from stated").fetchall()  # noqa: S608
    if faults := _row_faults(path, row):
        raise InvalidRequest(faults)


def _row_faults(path: Path, row: tuple[Any, ...]) -> list[Fault]:
    return [
        Fault(
            f"{path} {column}",
            f"{message}: {row[2 * at]} row(s), first settlement {row[2 * at + 1]}; "
            "correct the book",
        )
        for at, (_, column, message) in enumerate(_CHECKS)
        if row[2 * at]
    ]
