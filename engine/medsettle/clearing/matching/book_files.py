"""A book as a Parquet file, stored as the audit tables are (`audit.segments`).

Amounts are split by byte, which puts the zero bytes of small int64 next to one another; codes that
come back have dictionaries, ids do not: a dictionary of values that never come back is only larger.
A reader finds texts in the file and no dictionary of Arrow's. Only days have least and greatest
values in a row group, since rows come in the order of days.
"""

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from medsettle.core.columns import Column, Kind

IDS: Final = frozenset(
    {
        *("settlement", "original", "request_id", "institution_settlement", "encounter"),
        *("person", "card"),
    }
)
"""Codes of a book that are ids: they differ in every row, or nearly."""

_STATISTICS: Final = {"record_time", "record_date", "service_date"}
# Where Arrow's readers look for the types that a file was written from.
_ARROW_SCHEMA: Final = b"ARROW:schema"


def book_schema(columns: Sequence[Column]) -> pa.Schema:
    """Return the Arrow schema of a book that has these columns."""
    return pa.schema([column.arrow_field() for column in columns])


class BookFile:
    """A Parquet file that grows by row groups, so that a book need not fit into memory.

    A context manager. The file is written beside its name and gets it at the end: what stops on
    the way leaves no book that could be taken for a whole one.
    """

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._path = path
        self._columns = tuple(columns)
        self._unfinished = path.with_name(f"{path.name}.tmp")
        self._writer = pq.ParquetWriter(
            self._unfinished,
            book_schema(columns),
            compression="zstd",
            compression_level=1,
            use_dictionary=[
                column.name
                for column in columns
                if column.kind in {Kind.CODE, Kind.DATE} and column.name not in IDS
            ],
            column_encoding={
                column.name: "BYTE_STREAM_SPLIT" for column in columns if column.kind is Kind.FEN
            },
            write_statistics=[column.name for column in columns if column.name in _STATISTICS],
            store_schema=False,
        )

    def __enter__(self) -> "BookFile":
        return self

    def write(self, rows: pa.Table) -> None:
        """Write rows, which have at least the columns of the book, as one row group."""
        chosen = rows.select([column.name for column in self._columns])
        self._writer.write_table(
            chosen.cast(book_schema(self._columns)), row_group_size=max(1, rows.num_rows)
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            told = b64encode(book_schema(self._columns).serialize())
            self._writer.add_key_value_metadata({_ARROW_SCHEMA: told})
        self._writer.close()
        if kind is None:
            self._unfinished.replace(self._path)
        else:
            self._unfinished.unlink(missing_ok=True)
