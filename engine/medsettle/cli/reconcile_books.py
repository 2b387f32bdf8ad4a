"""Books as the options of `medsettle reconcile` name them: by path, with what is known beside."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.book_files import BookFile
from medsettle.clearing.matching.sources import COLUMNS, Book
from medsettle.clearing.matching.sources_audit import Wanted
from medsettle.clearing.matching.sources_files import opened_book
from medsettle.clearing.matching.sources_parquet import parquet_book
from medsettle.errors import Fault, InvalidRequest


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
    wanted = Wanted(not only.local, only.first or date.min, only.last or date.max)
    book = opened_book(side, path, scratch, wanted=wanted, stated=stated)
    return _only(book, scratch, only, str(path))


def left_out(book: Book, only: Only) -> int:
    """Return how many rows of these areas a book lacks, because their care was in their own."""
    return sum(
        rows
        for area, rows in book.left_out.items()
        if only.pooling_area in {None, area} and only.care_area in {None, area}
    )


def days_of(book: Book) -> tuple[date, date] | None:
    """Return the first and the last day of the records of a book; None for one without any."""
    found: list[date] = []
    for batch in book.batches(("record_date",)):
        ends = pc.min_max(batch.column(0)).as_py()
        found += [day for day in ends.values() if day is not None]
    return (min(found), max(found)) if found else None


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
    return replace(kept, stated=book.stated, persons=book.persons, left_out=book.left_out)


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
