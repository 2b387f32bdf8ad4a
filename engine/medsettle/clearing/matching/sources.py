"""Books of settlements, opened from whatever files a side has.

A book is read several times, in batches: nothing of it is held in memory but the batch in hand.
What opens one reads and checks all of it first, so that nothing is compared with half a book.

    audit tables   the folder of an engine; its chain is verified first      `audited_book`
    Parquet        a file, or a folder of files                              `parquet_book`
    CSV            a header of our names or of national ones                 `csv_book`
    3202           the text that institutions send for reconciliation        `statement_book`

Texts are checked once and kept as a Parquet file in a folder that the caller gives and clears away.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medsettle import limits
from medsettle.clearing.matching.book import BESIDE, BOOK, Side
from medsettle.core.columns import Column
from medsettle.errors import Fault, InvalidRequest

COLUMNS: Final[dict[str, Column]] = {column.name: column for column in (*BOOK, *BESIDE)}
"""The columns of a book by name, in their order, and behind them what may stand beside one."""


Needed: TypeAlias = Callable[[int, int], bool]
"""Says whether any of so many rows from a row on is needed; what is not may be left out."""


@dataclass(frozen=True, slots=True)
class Book:
    """The book of one side.

    Attributes:
        side: Whose it is.
        name: What messages call it.
        columns: The columns of `book.BOOK` that it has, in their order. One without any value is
            none that it has.
        passed_over: Columns of its files that no book has, and that were not read.
        rows: How many it has.
        read: What `batches` is made of: yields the number of the first row of each batch with it.
        stated: The columns that its files have, those without any value among them.
        beside: The columns of `book.BESIDE` that it has; `batches` yields them too.
        persons: Under which keys persons and cards stand in it, None among them where some are
            plain; None as a whole where its files do not say.
        left_out: How many rows of audit tables are none of it, for care in the area of insurance,
            by that area.
    """

    side: Side
    name: str
    columns: tuple[str, ...]
    passed_over: tuple[str, ...]
    rows: int
    read: Callable[[Sequence[str], Needed], Iterator[tuple[int, pa.RecordBatch]]] = field(
        repr=False
    )
    stated: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    persons: frozenset[str | None] | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield some columns of all rows, in the same order at every call.

        Args:
            columns: Names among `columns`, and of what is beside.

        Yields:
            At most `limits.BOOK_BATCH_ROWS` rows with these columns, of the types of `book.BOOK`;
            codes may have a dictionary.
        """
        for _, batch in self.read(columns, _every):
            yield batch

    def rows_at(self, places: NDArray[np.int64], columns: Sequence[str]) -> pa.Table:
        """Return some rows, in the order of the book.

        Args:
            places: The numbers of the rows, from 0, in order.
            columns: Names among `columns`.

        Returns:
            A table of `schema`.
        """

        def needed(first: int, count: int) -> bool:
            begin, end = np.searchsorted(places, [first, first + count])
            return bool(begin < end)

        schema = self.schema(columns)
        parts = [schema.empty_table()]
        for first, batch in self.read(columns, needed):
            begin, end = np.searchsorted(places, [first, first + batch.num_rows])
            if begin < end:
                taken = batch.take(pa.array(places[begin:end] - first))
                parts.append(pa.Table.from_batches([taken]).cast(schema))
        return pa.concat_tables(parts)

    def schema(self, columns: Sequence[str]) -> pa.Schema:
        """Return the Arrow schema of some columns, without dictionaries; any may be null."""
        return pa.schema([COLUMNS[name].arrow_field().with_nullable(True) for name in columns])

    def reader(self, columns: Sequence[str]) -> pa.RecordBatchReader:
        """Return some columns of all rows as a stream of `schema`."""
        schema = self.schema(columns)
        plain = (
            pa.RecordBatch.from_arrays(
                [batch.column(each.name).cast(each.type) for each in schema], schema=schema
            )
            for batch in self.batches(columns)
        )
        return pa.RecordBatchReader.from_batches(schema, plain)


def _every(_first: int, _count: int) -> bool:
    return True


@dataclass(slots=True)
class Faults:
    """What is wrong with the files of a book; past a bound it is only counted.

    `checking` says that somebody wants to know, where reading alone would pass it over.
    """

    checking: bool = False
    found: list[Fault] = field(default_factory=list)
    count: int = 0

    def add(self, path: str, message: str, times: int = 1) -> None:
        """Add a fault at a path such as `day.csv:17.total_fen`, or count it so many times."""
        self.count += times
        if len(self.found) < limits.FILE_FAULTS_SHOWN_MAX:
            self.found.append(Fault(path, message))

    def raise_if_any(self, path: str) -> None:
        """Raise what was added.

        Raises:
            InvalidRequest: Something was.
        """
        if not self.count:
            return
        more = self.count - len(self.found)
        told = [Fault(path, f"{more} more faults")] if more else []
        raise InvalidRequest([*self.found, *told])


def files_of(path: Path, *suffixes: str) -> list[Path]:
    """Return a file, or what ends so in a folder and in those within it, by name.

    Raises:
        InvalidRequest: There is none.
    """
    if path.is_file():
        return [path]
    found = sorted(each for each in path.rglob("*") if each.suffix in suffixes and each.is_file())
    if not found:
        kinds = " or ".join(suffixes)
        raise InvalidRequest(
            [Fault(str(path), f"is no file, and no folder with {kinds} files; name one of them")]
        )
    return found
