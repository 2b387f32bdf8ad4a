"""Writing audit segments: ours beside pyarrow's defaults, of the same rows, in CPU time."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

import pyarrow as pa
import pyarrow.parquet as pq
from medsettle import limits
from medsettle.audit.segments import parquet_bytes, segment_tables, stored_columns
from medsettle.core.schema import arrow_schema
from medsettle.ledger import Recorded

from benchmarks.bulk.claims import streams
from benchmarks.bulk.stages import Stages

_ROUNDS = 7


def compare(folder: Path, claims: int, lines: int) -> Iterator[str]:
    """Yield what a row of each table costs both, alternately, and how many bytes it takes."""
    stages = Stages(folder)
    stages.run(streams(claims, claims // 2, lines))
    entries: list[Recorded] = []
    while page := stages.ledger.page(after_seq=len(entries), limit=limits.PAGE_SIZE_MAX):
        entries += page
    stages.close()
    for (_, table), rows in segment_tables(entries).items():
        columns = stored_columns(table)
        plain = rows.cast(arrow_schema(columns))
        ours, theirs = [], []
        for _ in range(_ROUNDS):
            ours.append(_seconds(partial(parquet_bytes, columns, rows)))
            theirs.append(_seconds(partial(pq.write_table, plain, _sink())))
        sink = _sink()
        pq.write_table(plain, sink)
        count = rows.num_rows
        yield (
            f"{table:16} {1e9 * median(ours) / count:6.0f} ns a row, ×"
            f"{median(ours) / median(theirs):.2f} of pyarrow's defaults; "
            f"{len(parquet_bytes(columns, rows)) / count:.1f} bytes a row, "
            f"theirs {sink.getvalue().size / count:.1f}, raw {plain.nbytes / count:.0f}"
        )


def _sink() -> pa.BufferOutputStream:
    return pa.BufferOutputStream()


def _seconds(work: Callable[[], object]) -> float:
    start = time.thread_time()
    work()
    return time.thread_time() - start
