"""Books as the options of `medsettle reconcile` name them: by path, with what is known beside."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from medsettle.audit.manifest import MANIFEST_NAME
from medsettle.clearing.book import Side
from medsettle.clearing.book_files import BookFile
from medsettle.clearing.sources import COLUMNS, Book
from medsettle.clearing.sources_audit import Wanted, audited_book
from medsettle.clearing.sources_parquet import parquet_book
from medsettle.clearing.sources_text import csv_book, statement_book
from medsettle.cli.desks import AUDIT_FOLDER
from medsettle.errors import Fault, InvalidRequest

_SUFFIXES: Final = (".parquet", ".csv", ".txt", ".zip")


@dataclass(frozen=True, slots=True)
class Only:
    """Which records of the books are compared; None for all.

    `local` also takes what was treated in the area of insurance, which only one book has.
    """

    first: date | None = None
    last: date | None = None
    pooling_area: str | None = None
    care_area: str | None = None
    local: bool = False

    @property
    def whole(self) -> bool:
        """Whether nothing is left out of a file."""
        return (self.first, self.last, self.pooling_area, self.care_area) == (None,) * 4


def open_book(side: Side, path: Path, scratch: Path, only: Only, stated: Mapping[str, str]) -> Book:
    """Open the book at a path: audit tables, Parquet, CSV or the text of 3202.

    Args:
        side: Whose it is.
        path: A data or audit folder of an engine, a file, or a folder of files of one kind.
        scratch: An empty folder for copies; the caller clears it away.
        only: Which of its records.
        stated: What is known of all rows of a text file and stands in none.

    Raises:
        FileNotFoundError: There is nothing under that path.
        InvalidRequest: It is no book, or something in it is wrong; with file and row.
        AuditCorrupt: The chain of the audit tables is broken.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; name the book of the {side} side")
    folder = audit_folder(path)
    if folder is not None:
        wanted = Wanted(not only.local, only.first or date.min, only.last or date.max)
        return _only(audited_book(side, [folder], wanted), scratch, only, str(path))
    return _only(_file_book(side, path, scratch, stated), scratch, only, str(path))


def audit_folder(path: Path) -> Path | None:
    """Return the folder of audit tables that a path names; None where it names none."""
    folders = (path, path / AUDIT_FOLDER)
    return next((each for each in folders if (each / MANIFEST_NAME).is_file()), None)


def days_of(book: Book) -> tuple[date, date] | None:
    """Return the first and the last day of the records of a book; None for one without any."""
    found: list[date] = []
    for batch in book.batches(("record_date",)):
        ends = pc.min_max(batch.column(0)).as_py()
        found += [day for day in ends.values() if day is not None]
    return (min(found), max(found)) if found else None


def _file_book(side: Side, path: Path, scratch: Path, stated: Mapping[str, str]) -> Book:
    suffix = path.suffix.lower() if path.is_file() else _suffix_in(path)
    unknown = [name for name in stated if name not in COLUMNS]
    if unknown:
        text = f"no column of a book; known are {', '.join(COLUMNS)}"
        raise InvalidRequest([Fault(f"stated.{name}", text) for name in unknown])
    made: dict[str, Callable[[], Book]] = {
        ".parquet": lambda: parquet_book(side, path),
        ".csv": lambda: csv_book(side, path, scratch, stated=stated),
        ".txt": lambda: statement_book(side, path, scratch, stated=stated),
    }
    made[".zip"] = made[".txt"]
    if suffix not in made:
        text = f"ends in {suffix!r}; expected audit tables, or one of {', '.join(_SUFFIXES)}"
        raise InvalidRequest([Fault(str(path), text)])
    return made[suffix]()


def _suffix_in(folder: Path) -> str:
    found = {each.suffix.lower() for each in folder.rglob("*") if each.is_file()}
    known = sorted(found & set(_SUFFIXES))
    if len(known) != 1:
        listed = ", ".join(known) or "none"
        text = f"is a folder without {MANIFEST_NAME}; expected files of one kind, found {listed}"
        raise InvalidRequest([Fault(str(folder), text)])
    return known[0]


def _only(book: Book, scratch: Path, only: Only, name: str) -> Book:
    """Return a book with the records that are wanted, written anew where it has others."""
    if only.whole:
        return book
    lacking = [
        column
        for column, value in (
            ("record_date", only.first or only.last),
            ("pooling_area", only.pooling_area),
            ("care_area", only.care_area),
        )
        if value is not None and column not in book.columns
    ]
    if lacking:
        text = f"has no {', '.join(lacking)}, by which records were to be chosen; state it"
        raise InvalidRequest([Fault(name, text)])
    path = scratch / f"only-{book.side}.parquet"
    with BookFile(path, [COLUMNS[column] for column in book.columns]) as file:
        for batch in book.reader(book.columns):
            rows = pa.Table.from_batches([batch])
            chosen = rows.filter(_chosen(rows, only))
            if chosen.num_rows:
                file.write(chosen)
    kept = parquet_book(book.side, path, name=name, passed_over=book.passed_over)
    # What no row of these days has a value in is in the book all the same.
    return replace(kept, stated=book.stated)


def _chosen(rows: pa.Table, only: Only) -> pa.Array:
    chosen = pa.array([True] * rows.num_rows)
    if only.first is not None:
        chosen = pc.and_(chosen, pc.greater_equal(rows["record_date"], pa.scalar(only.first)))
    if only.last is not None:
        chosen = pc.and_(chosen, pc.less_equal(rows["record_date"], pa.scalar(only.last)))
    for name in ("pooling_area", "care_area"):
        if (value := getattr(only, name)) is not None:
            chosen = pc.and_(chosen, pc.equal(rows[name], value))
    return pc.fill_null(chosen, fill_value=False)
