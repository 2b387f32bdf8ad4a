r"""What an entry of the ledger is in the Merkle tree: bytes that follow from its audit rows alone.

A row of a file is, one after another,

1. 32 bytes: SHA-256 of `medsettle audit row 1\n` and the JSON array of table, area, month and the
   [name, kind] of each column in the order of the file;
2. a bit for each column, the first the highest of the first byte: whether it has a value;
3. 8 bytes for each column, big-endian: a number as it is in two's complement, a date in days and a
   moment in microseconds since 1970, a yes as 1, a text as its length in bytes; 0 for no value;
4. the texts in UTF-8, in the order of columns. A list of texts is one text: of each its length in
   bytes in decimal, a colon and itself.

The digest of a row is the SHA-256 of that. An entry is its seq in 8 bytes, then the digests of its
rows, ordered by area, by month, by the name of the table, by place in the file. Its leaf is that
under RFC 6962. How entries were cut into segments is not in it.

Columns are gone through as columns; only the hashing is done row by row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from medsettle.audit.segments import PARTITION_COLUMNS, Partition
from medsettle.audit.tree import HASH_BYTES

LOCATOR_BYTES: Final = 4
"""The first bytes of the digest of a row, by which an altered one is found again among its file."""
COLUMN_BYTES: Final = 8
_PURPOSE: Final = b"medsettle audit row 1\n"
_WIDTH: Final = 8

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RowDigests:
    """What the rows of one file come to.

    `seqs` has the entry of each row; `rows` the digest of each, n by 32 bytes; `columns` the first
    8 bytes of a SHA-256 over all values of each column, by name.
    """

    seqs: Numbers
    rows: Bytes
    columns: dict[str, bytes]

    def locators(self) -> NDArray[np.uint32]:
        """Return the first 4 bytes of each row's digest as a number."""
        first = np.ascontiguousarray(self.rows[:, :LOCATOR_BYTES])
        return first.view(">u4")[:, 0].astype(np.uint32)


def row_digests(table: str, partition: Partition, rows: pa.Table) -> RowDigests:
    """Return the digests of the rows of one file.

    Args:
        table: The audit table.
        partition: Where the file lies.
        rows: What is in it; `seq` is among the columns.

    Raises:
        ValueError: A column is of a kind that no audit table has, or seq is missing somewhere.
    """
    count, names = rows.num_rows, rows.schema.names
    columns = [_Column.of(rows.column(name)) for name in names]
    shape = _shape(table, partition, [(n, c.kind) for n, c in zip(names, columns, strict=True)])
    bits = np.zeros((count, len(names)), dtype=np.uint8)
    numbers = np.zeros((count, len(names)), dtype=">i8")
    for at, column in enumerate(columns):
        bits[:, at] = column.present
        numbers[:, at] = column.numbers
    fixed = np.concatenate(
        (
            np.broadcast_to(np.frombuffer(shape, np.uint8), (count, HASH_BYTES)),
            np.packbits(bits, axis=1),
            numbers.view(np.uint8).reshape(count, len(names) * _WIDTH),
        ),
        axis=1,
    )
    digests = _hashed(fixed, [column.texts for column in columns if column.texts is not None])
    told = {name: column.digest() for name, column in zip(names, columns, strict=True)}
    seq = columns[names.index("seq")] if "seq" in names else None
    if seq is None or not seq.present.all():
        raise ValueError("seq is missing in some row")
    return RowDigests(np.asarray(seq.numbers, dtype=np.int64), digests, told)


def _shape(table: str, partition: Partition, columns: list[tuple[str, str]]) -> bytes:
    return sha256(_PURPOSE + orjson.dumps([table, *partition, columns])).digest()


@dataclass(frozen=True, slots=True)
class _Column:
    """A column as numbers, with the texts whose lengths these are where it has texts."""

    kind: str
    present: NDArray[np.bool_]
    numbers: Numbers
    texts: pa.Array | None = None

    @classmethod
    def of(cls, values: pa.ChunkedArray) -> "_Column":
        found = values.combine_chunks()
        if isinstance(found, pa.ChunkedArray):
            found = pa.concat_arrays(found.chunks) if found.num_chunks else found
        if pa.types.is_dictionary(found.type):
            found = found.dictionary_decode()
        present = np.asarray(pc.is_valid(found).to_numpy(zero_copy_only=False), dtype=np.bool_)
        of_type = found.type
        if pa.types.is_list(of_type):
            found, kind = _joined_lists(found), "list"
        elif pa.types.is_string(of_type) or pa.types.is_large_string(of_type):
            found, kind = found.cast(pa.large_binary()), "text"
        else:
            return cls(*_whole_numbers(found, present))
        texts = pc.fill_null(found, b"")
        lengths = pc.binary_length(texts).to_numpy(zero_copy_only=False).astype(np.int64)
        return cls(kind, present, lengths, texts)

    def digest(self) -> bytes:
        """Return 8 bytes by which the column as a whole is told from another."""
        found = sha256(self.kind.encode())
        found.update(np.packbits(self.present).tobytes())
        found.update(self.numbers.astype(">i8").tobytes())
        if self.texts is not None:
            found.update(_text_bytes(self.texts)[1])
        return found.digest()[:COLUMN_BYTES]


def _whole_numbers(
    values: pa.Array, present: NDArray[np.bool_]
) -> tuple[str, NDArray[np.bool_], Numbers]:
    """Return the kind of a column without texts, where it has values, and these as int64."""
    of_type = values.type
    if pa.types.is_date32(of_type):
        kind, values = "date", values.cast(pa.int32())
    elif pa.types.is_timestamp(of_type) and of_type.unit == "us":
        kind, values = "moment", values.cast(pa.int64())
    elif pa.types.is_boolean(of_type):
        kind, values = "yes", values.cast(pa.int8())
    elif pa.types.is_int64(of_type):
        kind = "number"
    else:
        raise ValueError(f"no audit table has a column of {of_type}")
    filled = pc.fill_null(values, 0).to_numpy(zero_copy_only=False)
    return kind, present, filled.astype(np.int64)


def _joined_lists(values: pa.Array) -> pa.Array:
    """Return lists of texts as one text each."""
    each = values.flatten().cast(pa.large_binary())
    lengths = pc.binary_length(each).cast(pa.string()).cast(pa.large_binary())
    # No list has a gap; one that somebody made must not come out as an empty text.
    told = pc.fill_null(pc.binary_join_element_wise(lengths, each, _large(b":")), b"-")
    counts = pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
    ends = pc.binary_length(told).to_numpy(zero_copy_only=False).astype(np.int64)
    starts = np.concatenate(([0], np.cumsum(ends)))
    joined = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(),
        len(values),
        [None, pa.py_buffer(starts[offsets].astype(np.int64)), pa.py_buffer(_text_bytes(told)[1])],
    )
    return pc.if_else(pc.is_valid(values), joined, _large(None))


def _large(content: bytes | None) -> pa.Scalar:
    return pa.scalar(content, pa.large_binary())


def _text_bytes(texts: pa.Array) -> tuple[Numbers, memoryview]:
    """Return the offsets of texts, and their bytes from the first on."""
    _, offsets_buffer, content = texts.buffers()
    offsets = np.frombuffer(offsets_buffer, dtype=np.int64)
    offsets = offsets[texts.offset : texts.offset + len(texts) + 1]
    if content is None or len(offsets) == 0:
        return np.zeros(len(texts) + 1, dtype=np.int64), memoryview(b"")
    return offsets - offsets[0], memoryview(content)[offsets[0] : offsets[-1]]


def _hashed(fixed: Bytes, texts: Sequence[pa.Array]) -> Bytes:
    """Return the SHA-256 of each row: its fixed bytes, then its texts."""
    count, width = fixed.shape
    content = fixed.tobytes()
    if texts and count:
        joined = pc.binary_join_element_wise(*texts, _large(b""))
        offsets, rest = _text_bytes(joined)
        ends = offsets.tolist()
        behind = bytes(rest)
        found = b"".join(
            sha256(
                content[row * width : (row + 1) * width] + behind[ends[row] : ends[row + 1]]
            ).digest()
            for row in range(count)
        )
    else:
        found = b"".join(
            sha256(content[row * width : (row + 1) * width]).digest() for row in range(count)
        )
    return np.frombuffer(found, dtype=np.uint8).reshape(count, HASH_BYTES)


def entry_leaves(first_seq: int, last_seq: int, files: Sequence[RowDigests]) -> list[bytes]:
    """Return the leaf hash of each entry of a stretch, one without rows among them.

    Args:
        first_seq: The first entry.
        last_seq: The last one.
        files: Of the files that hold them, by partition and table; rows of others are left out.
    """
    count = last_seq - first_seq + 1
    seqs = np.concatenate([np.zeros(0, np.int64), *(each.seqs for each in files)])
    rows = np.concatenate([np.zeros((0, HASH_BYTES), np.uint8), *(each.rows for each in files)])
    inside = (seqs >= first_seq) & (seqs <= last_seq)
    seqs, rows = seqs[inside] - first_seq, rows[inside]
    order = np.argsort(seqs, kind="stable")
    content = rows[order].tobytes()
    ends = np.cumsum(np.bincount(seqs, minlength=count)) * HASH_BYTES
    stops = [0, *ends.tolist()]
    return [
        sha256(
            b"\x00" + (first_seq + at).to_bytes(8, "big") + content[stops[at] : stops[at + 1]]
        ).digest()
        for at in range(count)
    ]


def rows_as_json(table: str, partition: Partition, rows: pa.Table) -> dict[str, Any]:
    """Return rows of one file so that `rows_of_json` makes the same of them again."""
    told = [_told(column.combine_chunks()) for column in rows.columns]
    kinds = [str(_decoded(field.type)) for field in rows.schema]
    return {
        "table": table,
        **dict(zip(PARTITION_COLUMNS, partition, strict=True)),
        "columns": [[name, kind] for name, kind in zip(rows.schema.names, kinds, strict=True)],
        "rows": [list(row) for row in zip(*told, strict=True)],
    }


def _decoded(of_type: pa.DataType) -> pa.DataType:
    return of_type.value_type if pa.types.is_dictionary(of_type) else of_type


def _told(values: pa.Array) -> list[object]:
    if pa.types.is_date32(values.type):
        values = values.cast(pa.int32())
    elif pa.types.is_timestamp(values.type):
        values = values.cast(pa.int64())
    told: list[object] = values.to_pylist()
    return told


_TYPES: Final = {
    str(each): each
    for each in (
        *(pa.string(), pa.int64(), pa.bool_(), pa.date32(), pa.timestamp("us", tz="UTC")),
        # As the field inside of a list is called, which differs by who wrote the file.
        *(pa.list_(pa.field(name, pa.string())) for name in ("item", "element")),
    )
}


def rows_of_json(told: Mapping[str, Any]) -> tuple[str, Partition, pa.Table]:
    """Return table, partition and rows that `rows_as_json` told.

    Raises:
        ValueError: It is not what that tells.
    """
    try:
        partition = Partition(*(str(told[name]) for name in PARTITION_COLUMNS))
        names = [name for name, _ in told["columns"]]
        types = [_TYPES[kind] for _, kind in told["columns"]]
        by_column = list(zip(*told["rows"], strict=True))
        arrays = [
            _array_of(values, of_type) for values, of_type in zip(by_column, types, strict=True)
        ]
        return str(told["table"]), partition, pa.Table.from_arrays(arrays, names=names)
    except (KeyError, TypeError, ValueError, OverflowError, pa.ArrowException) as error:
        raise ValueError(f"these are no rows of an audit table: {error}") from error


def _array_of(values: Sequence[object], of_type: pa.DataType) -> pa.Array:
    if pa.types.is_date32(of_type):
        return pa.array(values, pa.int32()).cast(of_type)
    if pa.types.is_timestamp(of_type):
        return pa.array(values, pa.int64()).cast(of_type)
    return pa.array(values, of_type)
