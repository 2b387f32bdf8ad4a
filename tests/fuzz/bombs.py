"""Streams of a few kilobytes that stand for gigabytes, each in another way."""

import struct
from collections.abc import Callable
from typing import Final

import pyarrow as pa
from medsettle.core.arrow import claims_table

from tests.fuzz.streams import stream_of
from tests.service.claims import claim

_ROWS: Final = 4_000


def _repeated(make: Callable[[], pa.Array], rows: int = _ROWS) -> pa.Table:
    """Return many copies of a claim with one array in place of each text."""
    table = claims_table([claim(1)])
    columns = {
        name: make()
        if pa.types.is_string(column.type)
        else pa.concat_arrays([column.combine_chunks()] * rows)
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    return pa.table(columns)


def dictionary() -> bytes:
    """Every text of every row is one text of a hundred thousand characters, told once a column."""

    def texts() -> pa.Array:
        indices = pa.array([0] * _ROWS, pa.int8())
        return pa.DictionaryArray.from_arrays(indices, pa.array(["A" * 100_000]))

    return stream_of(_repeated(texts))


def views() -> bytes:
    """Every text of every row is a view of the same hundred thousand characters."""
    text, rows = b"A" * 50_000, 1_000
    view = struct.pack("<i4sii", len(text), text[:4], 0, 0)
    buffers = [None, pa.py_buffer(view * rows), pa.py_buffer(text)]
    return stream_of(
        _repeated(lambda: pa.Array.from_buffers(pa.string_view(), rows, buffers), rows)
    )


def compressed() -> bytes:
    """Three hundred megabytes of one letter, which compress to nearly nothing."""
    table = claims_table([claim(1)] * 6)
    place = table.column_names.index("person")
    column = pa.array(["A" * 50_000_000] * 6)
    whole = table.set_column(place, pa.field("person", column.type), column)
    return stream_of(whole, compression="zstd")


def stated() -> bytes:
    """A compressed buffer that says it will be eight exabytes."""
    whole = stream_of(claims_table([claim(1)] * 200), compression="lz4")
    (size,) = struct.unpack("<q", _first_stated(whole))
    place = whole.index(struct.pack("<q", size))
    return whole[:place] + struct.pack("<q", 2**62) + whole[place + 8 :]


def _first_stated(stream: bytes) -> bytes:
    """Return the eight bytes before the first compressed buffer of a stream."""
    for message in pa.ipc.MessageReader.open_stream(pa.py_buffer(stream)):
        if message.type == "record batch":
            return bytes(message.body.slice(0, 8).to_pybytes())
    raise AssertionError("a stream has a batch")


def empty_lines() -> bytes:
    """A claim with two thousand million lines, which have no column and so no bytes."""
    table = claims_table([claim(1)])
    nothing = pa.StructArray.from_buffers(pa.struct([]), 2**31 - 1, [None])
    offsets = pa.array([0, 2**31 - 1], pa.int32())
    lines = pa.ListArray.from_arrays(offsets, nothing)
    place = table.column_names.index("lines")
    return stream_of(table.set_column(place, pa.field("lines", lines.type), lines))


def unnamed_groups() -> bytes:
    """A claim with a million entitlements of one dictionary."""
    table = claims_table([claim(1)])
    count = 1_000_000
    indices = pa.array([0] * count, pa.int8())
    groups = pa.DictionaryArray.from_arrays(indices, pa.array(["A"]))
    lists = pa.ListArray.from_arrays(pa.array([0, count], pa.int32()), groups)
    place = table.column_names.index("benefit_groups")
    return stream_of(table.set_column(place, pa.field("benefit_groups", lists.type), lists))


BOMBS: Final[dict[str, Callable[[], bytes]]] = {
    "dictionary": dictionary,
    "views": views,
    "compressed": compressed,
    "stated": stated,
    "empty-lines": empty_lines,
    "unnamed-groups": unnamed_groups,
}
