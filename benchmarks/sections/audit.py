"""Audit tables beside what pyarrow writes by itself: bytes and CPU of a line.

The files that a server wrote are read, and written again in memory twice: with pyarrow's defaults,
and with the encodings and compression that the files themselves have.
"""

import io
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.options import Options
from benchmarks.record import OURS, Measured
from benchmarks.sections import names as of

_DICTIONARIES: Final = {"PLAIN_DICTIONARY", "RLE_DICTIONARY"}
# Levels of nesting are stored in these, whatever the values are.
_LEVELS: Final = {"RLE", "BIT_PACKED"}
# zstd tells no level in its files; the fastest is what the audit tables use.
_ZSTD_LEVEL: Final = 1


def encoded(files: Sequence[Path], options: Options) -> list[Measured]:
    """Return bytes and CPU nanoseconds of a line, in turns, of the files of one table."""
    table = pa.concat_tables([pq.ParquetFile(path).read() for path in files])
    styles: dict[str, dict[str, Any]] = {OURS: _style_of(files[0]), of.DEFAULTS: {}}
    spent: dict[str, list[float]] = {name: [] for name in styles}
    sizes = {OURS: sum(path.stat().st_size for path in files)}
    for _ in range(options.rounds):
        for name, style in styles.items():
            sink = io.BytesIO()
            start = time.process_time()
            pq.write_table(table, sink, **style)
            spent[name].append((time.process_time() - start) * 1e9 / table.num_rows)
            sizes.setdefault(name, sink.tell())
    rows, facts = table.num_rows, {"raw_bytes_per_line": table.nbytes / table.num_rows}
    return [
        each
        for name in styles
        for each in (
            Measured(of.AUDIT, name, rows, of.LINE_BYTES, (sizes[name] / rows,), facts=facts),
            Measured(of.AUDIT, name, rows, of.CPU_LINE, tuple(spent[name]), facts=facts),
        )
    ]


def _style_of(path: Path) -> dict[str, Any]:
    """Return what writes a table as this file was written."""
    group = pq.ParquetFile(path).metadata.row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    dictionaries = [
        column.path_in_schema for column in columns if _DICTIONARIES & set(column.encodings)
    ]
    encodings = {}
    for column in columns:
        own = [each for each in column.encodings if each not in _LEVELS]
        if column.path_in_schema not in dictionaries and own:
            encodings[column.path_in_schema] = own[0]
    compression = columns[0].compression
    style: dict[str, Any] = {
        "use_dictionary": dictionaries,
        "column_encoding": encodings,
        "compression": compression,
    }
    return style | ({"compression_level": _ZSTD_LEVEL} if compression == "ZSTD" else {})
