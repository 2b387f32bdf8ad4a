"""Books of text files: CSV with a header, and the lines of 3202.

A file is read in blocks of whole lines, so that its size does not matter, every fault is found with
its line, and what is right is written to a Parquet file for the passes to come. A row is a line:
nothing that a book holds has a line break in it.
"""

import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from medsettle import limits
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.sources import COLUMNS, Book, Faults, Needed, files_of
from medsettle.clearing.matching.sources_columns import (
    Place,
    Reading,
    book_columns,
    made_columns,
    plan,
)
from medsettle.clearing.matching.sources_parquet import parquet_book
from medsettle.core import statement_lines
from medsettle.core.columns import Kind
from medsettle.errors import Fault, InvalidRequest

_BOM: Final = b"\xef\xbb\xbf"
# Codes that differ in nearly every row: a dictionary of values that do not come back is larger.
_UNLIKE: Final = frozenset(
    {"settlement", "original", "request_id", "institution_settlement", "encounter", "person"}
    | {"card"}
)


@dataclass(frozen=True, slots=True)
class _Form:
    """How lines are cut into cells, and what stands for nothing."""

    delimiter: str
    quote: str | bool
    nothing: tuple[str, ...]
    widths: tuple[int, ...]


def csv_book(
    side: Side, path: Path, scratch: Path, *, stated: Mapping[str, str] | None = None
) -> Book:
    """Open a book of CSV files in UTF-8, each with a header of our names or of national ones.

    Args:
        side: Whose book it is.
        path: A file, or a folder of `.csv` files.
        scratch: Where it is kept as Parquet; the caller clears it away.
        stated: What is known of all rows and stands in no file, by our names.

    Raises:
        InvalidRequest: Something is wrong; every fault up to a bound, with file and line.
    """
    return _text_book(side, files_of(path, ".csv"), path, scratch, stated or {}, headed=True)


def statement_book(
    side: Side,
    path: Path,
    scratch: Path,
    *,
    stated: Mapping[str, str] | None = None,
    relatives_apart: bool = False,
) -> Book:
    """Open a book of the text files of 3202, packed in a ZIP archive or not.

    Such a file says neither where nor when: `stated` gives what the question it was sent with said,
    such as `pooling_area`, `insurance_type`, `clearing_class` and, for a single day, `record_date`.

    Args:
        side: Whose book it is.
        path: A file, or a folder of `.txt` and `.zip` files.
        scratch: Where it is kept as Parquet; the caller clears it away.
        stated: What is known of all rows, by our names.
        relatives_apart: The sender's `acct_pay` is without what relatives pay, so that it is our
            `account_fen`. National `acct_pay` has both in one; then it is not compared.

    Raises:
        InvalidRequest: Something is wrong; every fault up to a bound, with file and line.
    """
    given = stated or {}
    return _text_book(
        side,
        files_of(path, ".txt", ".zip"),
        path,
        scratch,
        given,
        headed=False,
        relatives_apart=relatives_apart,
    )


def _text_book(
    side: Side,
    files: Sequence[Path],
    path: Path,
    scratch: Path,
    stated: Mapping[str, str],
    *,
    headed: bool,
    relatives_apart: bool = False,
) -> Book:
    faults = Faults()
    constants = _constants(stated, faults)
    target = scratch / f"{side}.parquet"
    passed_over: list[str] = []
    stated_by_files: list[str] = []
    writer = _Writer(target)
    try:
        for file in files:
            with _opened(file) as stream:
                reader = _Reader(
                    file, stream, faults, headed=headed, relatives_apart=relatives_apart
                )
                passed_over += [name for name in reader.passed_over if name not in passed_over]
                stated_by_files += [*reader.made_columns(), *constants]
                for columns in reader.batches():
                    if not faults.count:
                        writer.write({**columns, **_repeated(constants, columns)}, file, faults)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        text = f"is no ZIP archive that can be read ({error}); pack and send it again"
        raise InvalidRequest([Fault(str(path), text)]) from error
    finally:
        writer.close()
    faults.raise_if_any(str(path))
    if not writer.made:
        names = tuple(dict.fromkeys(stated_by_files))
        return Book(side, str(path), ("settlement",), tuple(passed_over), 0, _nothing, names)
    return parquet_book(side, target, name=str(path), passed_over=tuple(passed_over))


def _nothing(_columns: Sequence[str], _needed: Needed) -> Iterator[tuple[int, pa.RecordBatch]]:
    return iter(())


def _constants(stated: Mapping[str, str], faults: Faults) -> dict[str, pa.Array]:
    """Return what is stated of all rows, each as one value of its column."""
    readings, unknown = plan(["settlement", *stated], "stated", faults)
    for name in unknown:
        faults.add("stated", f"a book has no column {name}; state {', '.join(COLUMNS)}")
    texts = {name: pa.array([text], pa.string()) for name, text in stated.items()}
    place = Place("stated", np.ones(1, np.int64))
    kept = [reading for reading in readings if reading.name in texts]
    return book_columns(texts, kept, place, faults)


def _repeated(
    constants: Mapping[str, pa.Array], columns: Mapping[str, pa.Array]
) -> dict[str, pa.Array]:
    count = len(next(iter(columns.values())))
    index = pa.array(np.zeros(count, np.int32))
    return {name: value.take(index) for name, value in constants.items() if name not in columns}


class _Writer:
    """The Parquet file that the rows of a book are kept in."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None
        self._names: list[str] = []

    @property
    def made(self) -> bool:
        return self._writer is not None

    def write(self, columns: Mapping[str, pa.Array], file: Path, faults: Faults) -> None:
        names = [name for name in COLUMNS if name in columns]
        fields = [COLUMNS[name].arrow_field().with_nullable(True) for name in names]
        arrays = [columns[name].cast(each.type) for name, each in zip(names, fields, strict=True)]
        table = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
        if self._writer is None:
            self._names = names
            self._writer = _parquet_writer(self._path, table.schema)
        if names != self._names:
            faults.add(
                str(file),
                f"makes {', '.join(names)}, and the files before it {', '.join(self._names)}; "
                "one book has one header",
            )
            return
        self._writer.write_table(table, row_group_size=4 * limits.BOOK_BATCH_ROWS)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def _parquet_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    kinds = {name: COLUMNS[name].kind for name in schema.names}
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=[
            name
            for name, kind in kinds.items()
            if kind in {Kind.CODE, Kind.DATE} and name not in _UNLIKE
        ],
        column_encoding={
            name: "BYTE_STREAM_SPLIT" for name, kind in kinds.items() if kind is Kind.FEN
        },
    )


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, unpacked if it is an archive of one file."""
    with path.open("rb") as stream:
        packed = stream.read(2) == b"PK"
        stream.seek(0)
        if not packed:
            yield stream
            return
        with (
            zipfile.ZipFile(stream) as archive,
            archive.open(statement_lines.sole_file(archive, str(path))) as inner,
        ):
            yield inner


class _Reader:
    """One file, read in blocks of whole lines."""

    def __init__(
        self,
        path: Path,
        stream: IO[bytes],
        faults: Faults,
        *,
        headed: bool,
        relatives_apart: bool,
    ) -> None:
        self._path, self._stream, self._faults = str(path), stream, faults
        self._rest, self._line = b"", 1
        start = stream.read(len(_BOM))
        self._rest = start if start != _BOM else b""
        before = faults.count
        if headed:
            self._names = self._header()
            self._form = _Form(",", '"', ("",), (len(self._names),))
        else:
            self._names = list(statement_lines.FIELDS)
            width = len(self._names)
            widths = tuple(range(width, width + statement_lines.EXTENSIONS_MAX + 1))
            self._form = _Form("\t", False, ("", statement_lines.NULL), widths)
        self._readings: list[Reading] = []
        self.passed_over: list[str] = []
        if self._names:
            self._readings, self.passed_over = plan(
                self._names, self._path, faults, relatives_apart=relatives_apart
            )
        self._unreadable = faults.count > before

    def _header(self) -> list[str]:
        line = self._rest + self._stream.readline(limits.BOOK_LINE_BYTES_MAX)
        self._rest, self._line = b"", 2
        try:
            text = line.decode().strip("\r\n")
        except UnicodeDecodeError:
            self._faults.add(f"{self._path}:1", "is no UTF-8; save the file as UTF-8")
            return []
        if not text.strip():
            self._faults.add(f"{self._path}:1", "has no header; name the columns in the first line")
            return []
        return [name.strip().strip('"') for name in text.split(",")]

    def made_columns(self) -> tuple[str, ...]:
        """Return the columns of a book that its rows make."""
        return () if self._unreadable else made_columns(self._readings)

    def batches(self) -> Iterator[dict[str, pa.Array]]:
        """Yield the rows of each block as columns of a book; faults are told on the way."""
        if self._unreadable:
            return
        for block in self._blocks():
            first, self._line = self._line, self._line + block.count(b"\n")
            try:
                block.decode()
            except UnicodeDecodeError as error:
                line = first + block.count(b"\n", 0, error.start)
                self._faults.add(f"{self._path}:{line}", "is no UTF-8; save the file as UTF-8")
                continue
            for width in self._form.widths:
                arrays, lines = self._cut(block, first, width)
                if len(lines):
                    place = Place(self._path, lines)
                    yield book_columns(arrays, self._readings, place, self._faults)

    def _blocks(self) -> Iterator[bytes]:
        """Yield blocks that end with a line."""
        while True:
            read = self._stream.read(limits.BOOK_BLOCK_BYTES)
            block = self._rest + read
            if not read:
                self._rest = b""
                if block.strip():
                    yield block if block.endswith(b"\n") else block + b"\n"
                return
            end = block.rfind(b"\n") + 1
            if not end and len(block) > limits.BOOK_LINE_BYTES_MAX:
                self._faults.add(
                    f"{self._path}:{self._line}",
                    f"is longer than {limits.BOOK_LINE_BYTES_MAX} bytes; is this a text file?",
                )
                return
            self._rest = block[end:]
            if end:
                yield block[:end]

    def _cut(
        self, block: bytes, first: int, width: int
    ) -> tuple[dict[str, pa.Array], NDArray[np.int64]]:
        """Return the cells of the lines that have so many, and where these lines stand."""
        others: list[int] = []
        names = [*self._names, *(f"extension {n}" for n in range(width - len(self._names)))]

        def pass_over(row: pacsv.InvalidRow) -> str:
            others.append(row.number - 1)
            told = width == self._form.widths[0] and row.actual_columns not in self._form.widths
            if told and row.text.strip():
                counts = " or ".join(map(str, self._form.widths))
                self._faults.add(
                    f"{self._path}:{first + row.number - 1}",
                    f"has {row.actual_columns} cells, not {counts}",
                )
            return "skip"

        table = pacsv.read_csv(
            pa.BufferReader(block),
            read_options=pacsv.ReadOptions(
                use_threads=False, column_names=names, block_size=len(block) + 1
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=self._form.delimiter,
                quote_char=self._form.quote,
                ignore_empty_lines=False,
                invalid_row_handler=pass_over,
            ),
            convert_options=pacsv.ConvertOptions(
                check_utf8=False, column_types=dict.fromkeys(names, pa.string())
            ),
        )
        kept = np.ones(table.num_rows + len(others), bool)
        kept[np.array(others, np.int64)] = False
        lines = np.flatnonzero(kept) + first
        cells = {
            name: _trimmed(table[name].combine_chunks(), self._form.nothing) for name in self._names
        }
        blank = np.ones(len(lines), bool)
        for cell in cells.values():
            blank &= cell.is_null().to_numpy(zero_copy_only=False)
        if not blank.any():
            return cells, lines
        told = pa.array(~blank)
        return {name: cell.filter(told) for name, cell in cells.items()}, lines[~blank]


def _trimmed(array: pa.Array, nothing: tuple[str, ...]) -> pa.Array:
    """Return cells without space around them; what says nothing is null."""
    texts = pc.utf8_trim_whitespace(array)
    empty = pc.is_in(texts, pa.array(nothing, pa.string()))
    return pc.if_else(empty, pa.scalar(None, pa.string()), texts)
