"""Rows on their way to the parts of a history: dealt out as they are read, ordered part by part.

The rows of a claim lie together wherever claims come from, so nothing needs to be sorted as a
whole: a stretch of rows is dealt out to the parts of its claims, and a part, which fits into
memory, is put in the order of its claims when it is written. Each row is moved twice and compared
with none.
"""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_CLAIM: Final = "claim"
_DIGIT_BITS: Final = 16
_DIGIT: Final = 2**_DIGIT_BITS - 1
# A dictionary goes with each piece that is dealt out; one of many texts costs more than they do.
_ROWS_PER_TEXT_MIN: Final = 8


class Spool:
    """A table's rows by parts, in one file of pieces. Use it as a context manager."""

    def __init__(self, path: Path, ends: NDArray[np.int64]) -> None:
        """Begin without rows.

        Args:
            path: A file that is written over.
            ends: Of each part the number behind its last claim, rising; shape (parts,).

        Raises:
            OSError: The file cannot be made.
        """
        self.path = path
        self._ends = ends
        self._pieces: list[list[tuple[int, int]]] = [[] for _ in ends]
        self._file = path.open("w+b")
        self._schema: pa.Schema | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)

    def add(self, table: pa.Table, claim: NDArray[np.int64]) -> None:
        """Deal rows out to the parts.

        Args:
            table: n rows; those of one claim lie in their order, and all are in one call.
            claim: The number of the claim of each, shape (n,); below 0 a row is left out.

        Raises:
            OSError: The disk failed.
        """
        if (claim < 0).any():
            kept = np.flatnonzero(claim >= 0)
            table, claim = table.take(pa.array(kept)), claim[kept]
        if self._schema is None:
            self._schema = table.schema.append(pa.field(_CLAIM, pa.int64()))
        if not len(claim):
            return
        part = np.searchsorted(self._ends, claim, side="right")
        order = stable_order(part)
        dealt = _light(table).append_column(_CLAIM, pa.array(claim)).take(pa.array(order))
        counts = np.bincount(part, minlength=len(self._ends))
        ends = np.cumsum(counts)
        for number in np.flatnonzero(counts).tolist():
            piece = dealt.slice(int(ends[number] - counts[number]), int(counts[number]))
            self._pieces[number].append(self._append(piece))

    def _append(self, piece: pa.Table) -> tuple[int, int]:
        sink = pa.BufferOutputStream()
        write_stream(sink, piece)
        content = sink.getvalue()
        start = self._file.tell()
        self._file.write(content)
        return start, content.size

    def part(self, number: int) -> pa.Table:
        """Return the rows of a part in the order of their claims, and `claim` the last column.

        Raises:
            OSError: The disk failed.
        """
        pieces = [self._piece(*place) for place in self._pieces[number]]
        if not pieces:
            empty = pa.schema([(_CLAIM, pa.int64())]) if self._schema is None else self._schema
            return empty.empty_table()
        table = pa.concat_tables(_alike(pieces)).unify_dictionaries().combine_chunks()
        claim = table[_CLAIM].to_numpy()
        return table.take(pa.array(stable_order(claim - claim.min())))

    def _piece(self, start: int, size: int) -> pa.Table:
        self._file.seek(start)
        with pa.ipc.open_stream(self._file.read(size)) as reader:
            table: pa.Table = reader.read_all()
        self._file.seek(0, 2)
        return table


def write_stream(sink: pa.NativeFile, rows: pa.RecordBatch | pa.Table) -> None:
    """Write rows as a compressed Arrow stream.

    Args:
        sink: A file of Arrow; it stays open.
        rows: Each code has one dictionary, as a stream has one.

    Raises:
        OSError: The disk failed.
    """
    options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
    with pa.ipc.new_stream(sink, rows.schema, options=options) as writer:
        writer.write(rows)


def stable_order(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the positions of keys in rising order, equal ones as they lie.

    Args:
        keys: Not below 0, shape (n,). They are put in order digit by digit of 16 bits, which NumPy
            does without comparing them.

    >>> stable_order(np.array([70_000, 2, 70_000, 1]))
    array([3, 1, 0, 2])
    """
    order: NDArray[np.int64] = np.argsort((keys & _DIGIT).astype(np.uint16), kind="stable")
    most = int(keys.max(initial=0)) >> _DIGIT_BITS
    shift = _DIGIT_BITS
    while most:
        digit = (keys[order] >> shift) & _DIGIT
        order = order[np.argsort(digit.astype(np.uint16), kind="stable")]
        most >>= _DIGIT_BITS
        shift += _DIGIT_BITS
    return order


def _light(table: pa.Table) -> pa.Table:
    """Return a table without dictionaries that are large for its rows."""
    table = table.combine_chunks()
    for place, field in enumerate(table.schema):
        if not pa.types.is_dictionary(field.type):
            continue
        column = table[field.name]
        texts = sum(len(chunk.dictionary) for chunk in column.chunks)
        if texts * _ROWS_PER_TEXT_MIN > table.num_rows:
            plain = column.cast(field.type.value_type)
            table = table.set_column(place, field.with_type(field.type.value_type), plain)
    return table


def _alike(pieces: Sequence[pa.Table]) -> list[pa.Table]:
    """Return pieces with the same types: plain where one of them has a column plain."""
    plain = {
        field.name
        for piece in pieces
        for field in piece.schema
        if not pa.types.is_dictionary(field.type)
    }
    found = []
    for piece in pieces:
        fields = [
            field.with_type(field.type.value_type)
            if pa.types.is_dictionary(field.type) and field.name in plain
            else field
            for field in piece.schema
        ]
        found.append(piece.cast(pa.schema(fields)))
    return found
