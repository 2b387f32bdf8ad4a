"""Random alterations of the files of a statement: of bytes, of JSON, of sheets and of columns."""

import io
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

_PIECES = (
    *(b"9" * 5_000, b"-", b"\0", b"\xff", b'"', b"\n", b",", b"<", b">", b"&#0;", b"1e999", b"0"),
    *(b"\xed\xa0\x80", b"<!DOCTYPE a>", "中".encode()),
)
_VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**63, 1e308, 1.5, "", "a", "0" * 64, "9" * 5_000, "\0", "\x1b[2J", "-"),
    *([], {}, [[]], {"a": 1}, "2026-13", "999901", [None] * 3, "中" * 2_000),
)
_ENCODINGS = (b"UTF-16", b"latin-1", b"nope", b"utf-7", b"gb18030", b"cp500")
_PACKINGS = (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def bytes_altered(random: Random, content: bytes) -> bytes:
    """Return bytes of which some were flipped, cut, repeated or put in."""
    altered = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 3))):
        if not altered:
            break
        at = random.randrange(len(altered))
        end = at + random.choice((1, 2, 4, 8, 30, 200))
        way = random.randrange(6)
        if way == 0:
            altered[at] ^= random.randrange(1, 256)
        elif way == 1:
            del altered[at:end]
        elif way == 2:
            altered[at:at] = altered[at:end] * random.choice((1, 2, 5))
        elif way == 3:
            altered[at:at] = random.choice(_PIECES)
        elif way == 4:
            altered[at:end] = random.choice(_PIECES)
        else:
            del altered[at:]
    return bytes(altered)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 - any JSON
    """Yield every place inside a JSON value: what holds it, and its key or number there."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in inside:
        yield value, key
        if isinstance(part, dict | list):
            yield from _places(part)


def json_altered(random: Random, content: bytes) -> bytes:
    """Return a JSON object in which values were replaced, left out, repeated or added."""
    said = orjson.loads(content)
    for _ in range(random.choice((1, 1, 2))):
        places = list(_places(said))
        if not places:
            break
        holder, key = random.choice(places)
        way = random.randrange(4)
        if way == 0:
            del holder[key]
        elif way == 1 and isinstance(holder, list):
            holder.insert(key, holder[key])
        elif way == 1:
            holder[random.choice(("x", "", f"{key}_fen", "\0"))] = holder[key]
        else:
            holder[key] = random.choice(_VALUES)
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


def workbook_altered(random: Random, content: bytes) -> bytes:
    """Return a workbook of which a part was altered, lost or doubled, packed in any way."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = random.choice(list(parts))
    way = random.randrange(6)
    if way == 0:
        del parts[name]
    elif way == 1:
        parts[random.choice(list(parts))] = parts[name]
    elif way == 2:
        parts[name] = parts[name].replace(b"UTF-8", random.choice(_ENCODINGS))
    elif way == 3:
        found = random.choice((b"1234.56", b'r="2"', b'r="B2"', b't="inlineStr"'))
        put = random.choice((b"9" * 5_000, b't="s"', b'r="' + b"9" * 5_000 + b'"', b'r="ZZZ1"'))
        parts = {each: part.replace(found, put) for each, part in parts.items()}
    else:
        parts[name] = bytes_altered(random, parts[name])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", random.choice(_PACKINGS)) as archive:
        for each, part in parts.items():
            archive.writestr(each, part)
    return packed.getvalue()


def _column(random: Random, rows: int) -> Any:  # noqa: ANN401 - pyarrow comes without types
    value, kind = random.choice(
        (
            *((1.5, pa.float64()), (b"\xff", pa.binary()), ([1], pa.list_(pa.int64()))),
            *((Decimal("1.23"), pa.decimal128(5, 2)), (2**40 + 1, pa.timestamp("ns"))),
            *((1, pa.timestamp("us", "Nowhere/X")), (2**62, pa.timestamp("us", "UTC"))),
            *((-(2**62), pa.timestamp("us", "UTC")), (1, pa.timestamp("us", "+99:99"))),
            *((5, pa.time64("ns")), (5, pa.duration("ns")), (None, pa.null()), (1, pa.int8())),
            *(("x", pa.large_string()), ({"a": 1}, pa.struct([("a", pa.int64())]))),
            *((2**63, pa.uint64()), (1, pa.date64())),
        )
    )
    return pa.array([value] * rows, kind)


def columns_altered(random: Random, content: bytes) -> bytes:
    """Return a Parquet file in which columns stand twice, are missing, or are of another type."""
    table = pq.read_table(io.BytesIO(content))
    columns, names = list(table.columns), list(table.column_names)
    for _ in range(random.choice((1, 1, 2))):
        at = random.randrange(len(columns))
        way = random.randrange(4)
        if way == 0:
            columns.insert(at, columns[at])
            names.insert(at, names[at])
        elif way == 1 and len(columns) > 1:
            del columns[at], names[at]
        elif way == 2:
            names[at] = random.choice(("", "x", names[0], "\0", "a\x1b"))
        else:
            columns[at] = _column(random, table.num_rows)
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(columns, names=names), sink)
    return sink.getvalue()
