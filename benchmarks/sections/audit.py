"""Audit tables beside what pyarrow writes by itself: bytes and CPU of a line.

Both are given the same Arrow table: the rows that a server wrote, as its projector has them before
it writes them, with a dictionary for each column of codes. Medsettle writes it by the function that
wrote the server's files. A second pair begins with plain texts, and finding the dictionaries
counts for medsettle; pyarrow finds its own while it writes.
"""

import io
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from medsettle.audit.segments import parquet_bytes, stored_columns

from benchmarks.options import Options
from benchmarks.record import OURS, Measured
from benchmarks.sections import names as of

_TABLE: Final = "line_splits"


def encoded(files: Sequence[Path], options: Options) -> list[Measured]:
    """Return bytes and CPU nanoseconds of a line, in turns, of the files of the line table."""
    plain = pa.concat_tables([pq.ParquetFile(path).read() for path in files]).combine_chunks()
    codes = _codes(plain)
    table = _with_dictionaries(plain, codes)
    columns = stored_columns(_TABLE)
    writers: dict[str, Callable[[], object]] = {
        OURS: partial(parquet_bytes, columns, table),
        of.DEFAULTS: partial(_by_default, table),
        of.OURS_PLAIN: lambda: parquet_bytes(columns, _with_dictionaries(plain, codes)),
        of.DEFAULTS_PLAIN: partial(_by_default, plain),
    }
    spent: dict[str, list[float]] = {name: [] for name in writers}
    for _ in range(options.rounds):
        for name, write in writers.items():
            start = time.process_time()
            write()
            spent[name].append((time.process_time() - start) * 1e9 / table.num_rows)
    sizes = {
        OURS: sum(path.stat().st_size for path in files),
        of.OURS_PLAIN: len(parquet_bytes(columns, table)),
        of.DEFAULTS: _by_default(table),
        of.DEFAULTS_PLAIN: _by_default(plain),
    }
    rows, facts = table.num_rows, {"raw_bytes_per_line": plain.nbytes / table.num_rows}
    return [
        each
        for name in writers
        for each in (
            Measured(of.AUDIT, name, rows, of.LINE_BYTES, (sizes[name] / rows,), facts=facts),
            Measured(of.AUDIT, name, rows, of.CPU_LINE, tuple(spent[name]), facts=facts),
        )
    ]


def _codes(table: pa.Table) -> frozenset[str]:
    """Return the columns of texts, which the projector hands over with dictionaries."""
    return frozenset(field.name for field in table.schema if pa.types.is_string(field.type))


def _with_dictionaries(plain: pa.Table, codes: frozenset[str]) -> pa.Table:
    columns = [
        plain[name].dictionary_encode() if name in codes else plain[name]
        for name in plain.column_names
    ]
    fields = [field.with_type(own.type) for field, own in zip(plain.schema, columns, strict=True)]
    return pa.table(columns, schema=pa.schema(fields))


def _by_default(table: pa.Table) -> int:
    """Write a table with nothing said of how; return its bytes."""
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.tell()
