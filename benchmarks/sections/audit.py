"""Audit tables beside what pyarrow writes by itself: bytes and CPU of a line.

Both are given the same Arrow tables: the rows that a server wrote into every audit table, as its
projector has them before it writes them, with a dictionary for each column of codes. Medsettle
writes them by the function that wrote the server's files. A second pair begins with plain texts,
and finding the dictionaries counts for medsettle; pyarrow finds its own while it writes. What all
tables take together counts, by the lines of the claims: settlements, payers and facts among it.
"""

import io
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from medsettle.audit.segments import AUDIT_TABLES, parquet_bytes, stored_columns

from benchmarks.options import Options
from benchmarks.record import OURS, Measured
from benchmarks.sections import names as of

_LINES: Final = "line_splits"


def encoded(folder: Path, options: Options) -> list[Measured]:
    """Return bytes and CPU nanoseconds of a line, in turns, of all tables of an audit folder."""
    files = {table: sorted((folder / table).rglob("*.parquet")) for table in AUDIT_TABLES}
    plain = {
        table: pa.concat_tables([pq.ParquetFile(path).read() for path in paths]).combine_chunks()
        for table, paths in files.items()
        if paths
    }
    coded = {table: _with_dictionaries(rows) for table, rows in plain.items()}
    writers: dict[str, Callable[[], int]] = {
        OURS: lambda: sum(len(parquet_bytes(stored_columns(t), r)) for t, r in coded.items()),
        of.DEFAULTS: lambda: sum(map(_by_default, coded.values())),
        of.OURS_PLAIN: lambda: sum(
            len(parquet_bytes(stored_columns(t), _with_dictionaries(r))) for t, r in plain.items()
        ),
        of.DEFAULTS_PLAIN: lambda: sum(map(_by_default, plain.values())),
    }
    lines = plain[_LINES].num_rows
    spent: dict[str, list[float]] = {name: [] for name in writers}
    sizes: dict[str, int] = {}
    for _ in range(options.rounds):
        for name, write in writers.items():
            start = time.process_time()
            sizes[name] = write()
            spent[name].append((time.process_time() - start) * 1e9 / lines)
    sizes[OURS] = sum(path.stat().st_size for paths in files.values() for path in paths)
    raw = sum(rows.nbytes for rows in plain.values())
    measured = partial(Measured, of.AUDIT, facts={"raw_bytes_per_line": raw / lines})
    return [
        each
        for name in writers
        for each in (
            measured(name, lines, of.LINE_BYTES, (sizes[name] / lines,)),
            measured(name, lines, of.CPU_LINE, tuple(spent[name])),
        )
    ]


def _with_dictionaries(plain: pa.Table) -> pa.Table:
    """Return a table with dictionaries of its texts, as the projector hands it over."""
    codes = {field.name for field in plain.schema if pa.types.is_string(field.type)}
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
