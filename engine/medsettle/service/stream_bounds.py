"""What an Arrow stream becomes, bounded before it becomes that.

Four megabytes may stand for terabytes: a compressed buffer says how large it wants to be, a
dictionary repeats one text in every row, a view shows the same bytes again and again, and a list of
empty structs may be as long as a number. Each is looked at before anything is decoded.
"""

import struct
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from medsettle import limits
from medsettle.errors import BatchTooLarge, Fault

PATH: Final = "arrow_stream"
"""Where faults of a stream as a whole are told to stand."""

# Fields of the tables of Message.fbs, by their place.
_HEADER, _BATCH_OF_DICTIONARY, _BUFFERS, _COMPRESSION = 2, 1, 2, 3
_DICTIONARY_BATCH, _RECORD_BATCH = "dictionary", "record batch"
_BUFFER: Final = struct.Struct("<qq")


def check_messages(stream: bytes) -> None:
    """Refuse a stream whose compressed buffers would be too large.

    Raises:
        BatchTooLarge: They state more than `limits.STREAM_DECODED_BYTES_MAX`.
        ArrowException, struct.error: The bytes are no messages.
    """
    decoded = 0
    for message in pa.ipc.MessageReader.open_stream(pa.py_buffer(stream)):
        if message.type in {_DICTIONARY_BATCH, _RECORD_BATCH}:
            decoded += _stated_bytes(message.metadata, message.body, message.type)
        _check_decoded(decoded)


def _stated_bytes(metadata: pa.Buffer, body: pa.Buffer, kind: str) -> int:
    """Return how large the compressed buffers of a message want to be, in bytes; 0 for others."""
    data = metadata.to_pybytes()
    table = _target(data, 0)
    batch = _target(data, _field(data, table, _HEADER))
    if kind == _DICTIONARY_BATCH:
        batch = _target(data, _field(data, batch, _BATCH_OF_DICTIONARY))
    buffers = _field(data, batch, _BUFFERS)
    if not _field(data, batch, _COMPRESSION) or not buffers:
        return 0
    first = _target(data, buffers)
    (count,) = struct.unpack_from("<I", data, first)
    total = 0
    for at in range(count):
        offset, length = _BUFFER.unpack_from(data, first + 4 + at * _BUFFER.size)
        if length:
            # The length before a compressed buffer; -1 says that it is not compressed after all.
            (stated,) = struct.unpack("<q", body.slice(offset, 8).to_pybytes())
            total += max(stated, 0)
    return total


def _target(data: bytes, at: int) -> int:
    """Return where the offset at a place leads to."""
    (offset,) = struct.unpack_from("<I", data, at)
    return at + int(offset)


def _field(data: bytes, table: int, place: int) -> int:
    """Return where a field of a flatbuffer's table stands; 0 where it is absent."""
    (back,) = struct.unpack_from("<i", data, table)
    size, _ = struct.unpack_from("<HH", data, table - back)
    at = 4 + 2 * place
    if at + 2 > size:
        return 0
    (offset,) = struct.unpack_from("<H", data, table - back + at)
    return table + int(offset) if offset else 0


def check_decoded(table: pa.Table) -> None:
    """Refuse a table that would be too large as rows.

    Args:
        table: Claims as read, validated in full.

    Raises:
        BatchTooLarge: Its texts have more than `limits.STREAM_DECODED_BYTES_MAX` bytes, or its
            lists more than `limits.STREAM_ELEMENTS_MAX` elements.
    """
    size = elements = 0
    for column in table.columns:
        for chunk in column.chunks:
            more, own = _decoded_of(chunk)
            size, elements = size + more, elements + own
    _check_decoded(size)
    if elements > limits.STREAM_ELEMENTS_MAX:
        _refuse(f"{elements} lines and list elements, more than {limits.STREAM_ELEMENTS_MAX}")


def _decoded_of(array: pa.Array) -> tuple[int, int]:
    """Return what `_decoded` does; most columns of most claims are nothing but nulls."""
    if array.null_count == len(array) and not pa.types.is_struct(array.type):
        return 0, 0
    return _decoded(array)


def _decoded(array: pa.Array) -> tuple[int, int]:
    """Return bytes of text and elements of lists that an array has as rows."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        lengths = pc.take(_lengths(array.dictionary), array.indices)
        return int(pc.sum(lengths).as_py() or 0), 0
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        elements = int(pc.sum(array.value_lengths()).as_py() or 0)
        # Beyond the bound it is refused in any case, and nothing below is looked at.
        if elements > limits.STREAM_ELEMENTS_MAX:
            return 0, elements
        size, inner = _decoded_of(array.flatten())
        return size, elements + inner
    if pa.types.is_struct(kind):
        parts = [_decoded_of(array.field(at)) for at in range(kind.num_fields)]
        return sum(size for size, _ in parts), sum(elements for _, elements in parts)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return int(pc.sum(_lengths(array)).as_py() or 0), 0
    return 0, 0


def _lengths(texts: pa.Array) -> pa.Array:
    """Return the bytes of each text."""
    if not pa.types.is_string_view(texts.type):
        return pc.cast(pc.binary_length(texts), pa.int64())
    # Arrow does not count those of views; the first four bytes of each view are its length.
    views = texts.buffers()[1].to_pybytes()
    at = texts.offset
    lengths = [
        max(0, *struct.unpack_from("<i", views, 16 * (at + row))) for row in range(len(texts))
    ]
    return pa.array(lengths, pa.int64())


def _check_decoded(size: int) -> None:
    if size > limits.STREAM_DECODED_BYTES_MAX:
        _refuse(f"{size} bytes once decoded, more than {limits.STREAM_DECODED_BYTES_MAX}")


def _refuse(found: str) -> None:
    raise BatchTooLarge([Fault(PATH, f"{found}; send them in several calls")])
