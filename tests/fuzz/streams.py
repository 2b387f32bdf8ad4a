"""Hostile Arrow streams: valid ones damaged, and valid ones that no claims are."""

import random
from collections.abc import Callable
from typing import Any

import pyarrow as pa
from medsettle.core.arrow import claims_table
from medsettle.core.schema import claim_schema


def stream_of(table: pa.Table, **options: Any) -> bytes:  # noqa: ANN401 - options of Arrow
    """Return a table as an IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def stream_of_claims(rows: list[dict[str, Any]]) -> bytes:
    """Return claims as an IPC stream."""
    return stream_of(claims_table(rows))


def hostile(draw: random.Random, rows: list[dict[str, Any]]) -> bytes:
    """Return a stream made of claims that somebody damaged, or that never were any."""
    table = claims_table(rows)
    whole = stream_of(table)
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: whole[: draw.randrange(len(whole))],
        lambda: _flipped(draw, whole, draw.randint(1, 8)),
        lambda: _flipped(draw, whole[:2_000], 1) + whole[2_000:],
        lambda: whole + whole,
        lambda: whole + draw.randbytes(100),
        lambda: draw.randbytes(draw.randint(0, 500)),
        lambda: stream_of(table, compression=draw.choice(["lz4", "zstd"])),
        lambda: _flipped(draw, stream_of(table, compression="lz4"), 4),
        lambda: stream_of(table.slice(0, 0)),
        _no_batches,
        lambda: stream_of(_bomb(rows)),
        lambda: stream_of(_dictionaries(table)),
        lambda: stream_of(_other_types(draw, table)),
        lambda: stream_of(_deep(draw.randint(2, 20))),
        lambda: stream_of(table.append_column("person", table["person"])),
        lambda: stream_of(table.drop_columns([draw.choice(table.column_names)])),
        lambda: stream_of(_spliced(draw, table)),
        lambda: stream_of(_uncalendared(draw, table)),
        # The length of a message, as large and as negative as it can be.
        lambda: b"\xff\xff\xff\xff\xff\xff\xff\x7f" + whole[8:],
        lambda: b"\xff\xff\xff\xff\x00\x00\x00\x80" + whole[8:],
    )
    return draw.choice(ways)()


def _flipped(draw: random.Random, data: bytes, bits: int) -> bytes:
    changed = bytearray(data)
    for _ in range(bits):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _no_batches() -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, claim_schema()):
        pass
    return bytes(sink.getvalue())


def _bomb(rows: list[dict[str, Any]]) -> pa.Table:
    """Return four thousand claims, each text of which is one text of 100,000 characters."""
    table = claims_table(rows[:1])
    count = 4_000
    columns = {}
    for name in table.column_names:
        if pa.types.is_string(table[name].type):
            indices = pa.array([0] * count, pa.int8())
            columns[name] = pa.DictionaryArray.from_arrays(indices, pa.array(["A" * 100_000]))
        else:
            columns[name] = pa.concat_arrays([table[name].combine_chunks()] * count)
    return pa.table(columns)


def _dictionaries(table: pa.Table) -> pa.Table:
    columns = {
        name: column.dictionary_encode() if pa.types.is_string(column.type) else column
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    return pa.table(columns)


def _other_types(draw: random.Random, table: pa.Table) -> pa.Table:
    """Return the table with some columns of types that no claim has."""
    others = (
        *(pa.float64(), pa.binary(), pa.decimal128(38, 2), pa.duration("ns"), pa.time64("us")),
        *(pa.list_(pa.list_(pa.int64())), pa.map_(pa.string(), pa.int64()), pa.date64()),
        *(pa.timestamp("ns", "Mars/Olympus"), pa.large_string(), pa.uint64(), pa.null()),
        *(pa.dictionary(pa.int8(), pa.float64()), pa.struct([("a", pa.int8())]), pa.bool_()),
        *(pa.run_end_encoded(pa.int32(), pa.string()), pa.string_view(), pa.int8()),
    )
    columns = {name: table[name] for name in table.column_names}
    for name in draw.sample(table.column_names, 3):
        columns[name] = pa.nulls(table.num_rows, draw.choice(others))
    return pa.table(columns)


def _deep(depth: int) -> pa.Table:
    kind: pa.DataType = pa.int64()
    for _ in range(depth):
        kind = pa.list_(pa.struct([("lines", kind)]))
    return pa.table({"lines": pa.nulls(1, kind)})


def _uncalendared(draw: random.Random, table: pa.Table) -> pa.Table:
    """Return the table with a day or a moment at the edges of what Arrow can hold."""
    name, kind = draw.choice(
        [
            ("service_date", pa.date32()),
            ("birth_date", pa.date32()),
            ("credential_time", pa.timestamp("ns", "UTC")),
            ("credential_time", pa.timestamp("s", "UTC")),
            ("credential_time", pa.timestamp("us", "Mars/Olympus")),
        ]
    )
    bits = 31 if kind == pa.date32() else 62
    value = draw.choice([1, -1, 2**bits - 1, -(2**bits), 10**6])
    column = pa.array([value] * table.num_rows, pa.int32() if bits == 31 else pa.int64())
    place = table.column_names.index(name)
    return table.set_column(place, pa.field(name, kind), column.view(kind))


def _spliced(draw: random.Random, table: pa.Table) -> pa.Table:
    """Return the table with values at the edges of their types."""
    columns = {name: table[name] for name in table.column_names}
    for name in draw.sample(table.column_names, 4):
        kind = table[name].type
        if pa.types.is_integer(kind):
            value: Any = draw.choice([2**63 - 1, -(2**63), 0, -1])
        elif pa.types.is_string(kind):
            value = draw.choice(["", "\0", "9" * 10_000, "\u202e", "9999-99-99"])
        else:
            value = None
        columns[name] = pa.array([value] * table.num_rows, kind)
    return pa.table(columns)
