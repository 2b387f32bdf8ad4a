"""Books of Parquet files: of our names or of national ones, in a file or in a folder of files.

Columns that stand in the names of folders (`pooling_area=NNNNNN`, as Hive has them) are columns of
all rows below. What a column may hold is read from what the file says of itself where it says it,
and from the column elsewhere.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from medsettle import limits
from medsettle.clearing.matching.book import BESIDE, Side
from medsettle.clearing.matching.sources import COLUMNS, Book, Faults, Needed, files_of
from medsettle.clearing.matching.sources_columns import (
    Place,
    Reading,
    book_columns,
    made_columns,
    plan,
)

# A dictionary of Parquet takes a few bits a row; a text has four bytes of length before it.
_CODED_BYTES_A_ROW: Final = 4
# Of a column chunk at a time: a row group of any size is read in parts.
_BUFFER_BYTES: Final = 1024 * 1024
_BESIDE: Final = frozenset(column.name for column in BESIDE)


@dataclass(frozen=True, slots=True)
class _File:
    """One file: how its columns are read, and what its folders say of all its rows.

    `coded` are columns read with their dictionary, `direct` those that are handed on as they are,
    `whole` those that cannot be null.
    """

    path: Path
    metadata: pq.FileMetaData
    readings: tuple[Reading, ...]
    coded: frozenset[str]
    direct: frozenset[str]
    whole: frozenset[str]
    folders: dict[str, str]
    columns: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Return how many it has."""
        return int(self.metadata.num_rows)

    def physical(self, wanted: Sequence[str]) -> list[Reading]:
        """Return what has to be read for some columns of a book."""
        makers = _MAKERS if not self.direct.issuperset(wanted) else frozenset()
        return [each for each in self.readings if each.column.name in wanted or each.name in makers]

    def chunks(self, name: str) -> Iterator[pq.ColumnChunkMetaData]:
        """Yield what the file says of a column, by row group; nothing where it is a folder's."""
        for at in range(self.metadata.num_row_groups):
            group = self.metadata.row_group(at)
            for place in range(group.num_columns):
                if group.column(place).path_in_schema == name:
                    yield group.column(place)


def parquet_book(
    side: Side, path: Path, *, name: str = "", passed_over: tuple[str, ...] = ()
) -> Book:
    """Open a book of Parquet files.

    Args:
        side: Whose book it is.
        path: A file, or a folder of `.parquet` files.
        name: What messages call it, the path if nothing is said.
        passed_over: What whoever made the file left out.

    Raises:
        InvalidRequest: Something is wrong; every fault up to a bound, with file and row.
    """
    faults = Faults()
    told = list(passed_over)
    files = [_file(each, path, faults, told) for each in files_of(path, ".parquet")]
    faults.raise_if_any(str(path))
    kept = [each for each in files if each is not None and each.rows]
    columns = kept[0].columns if kept else ("settlement",)
    for each in kept:
        if each.columns != columns:
            faults.add(
                str(each.path),
                f"has the columns {', '.join(each.columns)}, and {kept[0].path} "
                f"{', '.join(columns)}; the files of a book have the same",
            )
        else:
            _check(each, faults)
    faults.raise_if_any(str(path))
    empty = _without_value(kept, columns)
    said = tuple(column for column in columns if column not in empty | _BESIDE)

    def read(wanted: Sequence[str], needed: Needed) -> Iterator[tuple[int, pa.RecordBatch]]:
        first = 0
        for each in kept:
            for row, batch in _batches(each, wanted, Faults(), _from(first, needed)):
                yield first + row, batch
            first += each.rows

    rows = sum(each.rows for each in kept)
    stated = dict.fromkeys(column for each in files if each for column in each.columns)
    beside = tuple(column for column in columns if column in _BESIDE - empty)
    return Book(side, name or str(path), said, tuple(told), rows, read, tuple(stated), beside)


def _file(path: Path, folder: Path, faults: Faults, passed_over: list[str]) -> _File | None:
    try:
        with pq.ParquetFile(path) as file:
            schema, metadata = file.schema_arrow, file.metadata
    except (OSError, pa.ArrowException) as error:
        faults.add(str(path), f"is no Parquet file that can be read: {str(error).splitlines()[0]}")
        return None
    parts = path.relative_to(folder).parts[:-1] if path != folder else ()
    folders = dict(part.split("=", 1) for part in parts if "=" in part)
    folders = {each: unquote(value) for each, value in folders.items() if each not in schema.names}
    readings, unknown = plan([*schema.names, *folders], str(path), faults)
    passed_over += [each for each in unknown if each not in passed_over]
    columns = made_columns(readings)
    types = {each.name: each.type for each in schema} | dict.fromkeys(folders, pa.string())
    direct = [
        each.name for each in readings if not each.national and _is_own(types[each.name], each)
    ]
    file_ = _File(
        path,
        metadata,
        tuple(readings),
        frozenset(),
        frozenset(direct),
        frozenset(each.name for each in schema if not each.nullable),
        folders,
        columns,
    )
    coded = [each for each in readings if pa.types.is_string(types[each.name])]
    return replace(file_, coded=frozenset(each.name for each in coded if _coded(file_, each.name)))


def _is_own(own: pa.DataType, reading: Reading) -> bool:
    wanted = reading.column.arrow_field().type
    if pa.types.is_dictionary(own):
        own = own.value_type
    return bool(own == wanted)


def _coded(file: _File, name: str) -> bool:
    """Return whether a column of texts is one of numbers into a dictionary, all through a file."""
    return name not in file.folders and all(
        chunk.has_dictionary_page
        and chunk.total_uncompressed_size < _CODED_BYTES_A_ROW * max(chunk.num_values, 1)
        for chunk in file.chunks(name)
    )


def _from(first: int, needed: Needed) -> Needed:
    return lambda row, count: needed(first + row, count)


def _batches(
    file: _File, wanted: Sequence[str], faults: Faults, needed: Needed
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield some columns of a file as those of a book; faults are told on the way."""
    readings = file.physical(wanted)
    direct = file.direct.issuperset(wanted) and not faults.checking
    physical = [each.name for each in readings if each.name not in file.folders]
    coded = [name for name in physical if name in file.coded]
    first = 0
    with pq.ParquetFile(file.path, read_dictionary=coded, buffer_size=_BUFFER_BYTES) as opened:
        for at in range(file.metadata.num_row_groups):
            count = file.metadata.row_group(at).num_rows
            if needed(first, count):
                row = first
                for batch in opened.iter_batches(
                    limits.BOOK_BATCH_ROWS, row_groups=[at], columns=physical, use_threads=False
                ):
                    arrays = _with_folders(file, batch, physical)
                    if not direct:
                        place = _place(file, row, batch.num_rows)
                        arrays = book_columns(arrays, readings, place, faults)
                    made = [arrays[name] for name in wanted]
                    yield row, pa.RecordBatch.from_arrays(made, list(wanted))
                    row += batch.num_rows
            first += count


def _place(file: _File, first: int, count: int) -> Place:
    return Place(str(file.path), np.arange(first + 1, first + count + 1))


def _with_folders(
    file: _File, batch: pa.RecordBatch, physical: Sequence[str]
) -> dict[str, pa.Array]:
    """Return the columns of a batch, texts of one type, and those that its folders say."""
    arrays = {name: _text(batch.column(name)) for name in physical}
    index = pa.array(np.zeros(batch.num_rows, np.int32))
    for name, value in file.folders.items():
        arrays[name] = pa.DictionaryArray.from_arrays(index, pa.array([value]))
    return arrays


def _text(array: pa.Array) -> pa.Array:
    """Return a column whose texts, if it has such, are of the one type that is read."""
    own = array.type
    if pa.types.is_dictionary(own):
        return pa.DictionaryArray.from_arrays(
            array.indices.cast(pa.int32()), _text(array.dictionary)
        )
    return array.cast(pa.string()) if pa.types.is_large_string(own) else array


def _check(file: _File, faults: Faults) -> None:
    """Tell what is wrong with the rows of a file, reading the columns that may have something."""
    names = [each.column.name for each in file.readings if not _proven(file, each)]
    suspects = [name for name in file.columns if name in names]
    if suspects:
        faults.checking = True
        for _ in _batches(file, suspects, faults, lambda _first, _count: True):
            pass


def _proven(file: _File, reading: Reading) -> bool:
    """Return whether what a file says of a column shows that nothing in it is wrong."""
    column = reading.column
    if reading.name not in file.direct or column.values or reading.name in file.folders:
        return False
    # The bounds of amounts are looked at when they are first added up (`totals`).
    if not column.required or reading.name in file.whole:
        return True
    told = [chunk.statistics for chunk in file.chunks(reading.name)]
    return all(each is not None and each.has_null_count and each.null_count == 0 for each in told)


def _without_value(files: Sequence[_File], columns: Sequence[str]) -> set[str]:
    """Return which columns that may be empty are so in every row.

    Where files do not say it they are read, as far as the first value.
    """
    empty = {name for name in columns if not COLUMNS[name].required} if files else set()
    for each in files:
        told = {name: _has_value(each, name) for name in empty}
        empty -= {name for name, has in told.items() if has}
        asked = [name for name in columns if name in empty and told[name] is None]
        while asked:
            found = _first_valued(each, asked)
            empty -= found
            asked = [name for name in asked if name not in found] if found else []
    return empty


def _has_value(file: _File, name: str) -> bool | None:
    """Return whether a column has a value in any row, as the file says; None if it says nothing."""
    told = [(chunk.statistics, chunk.num_values) for chunk in file.chunks(name)]
    if len(told) < file.metadata.num_row_groups or not all(
        each is not None and each.has_null_count for each, _ in told
    ):
        return None
    return any(each.null_count < count for each, count in told)


def _first_valued(file: _File, names: Sequence[str]) -> set[str]:
    """Return those of some columns that have a value in the first batch in which any has."""
    for _, batch in _batches(file, names, Faults(), lambda _first, _count: True):
        found = {name for name in names if batch.column(name).null_count < batch.num_rows}
        if found:
            return found
    return set()


# Columns of a file out of which columns of a book are made that it does not have by themselves.
_MAKERS: Final = frozenset(
    {"acct_pay", "acct_mulaid_pay", "setl_time", "refd_setl_flag", "total_fen", "medfee_sumamt"}
)
