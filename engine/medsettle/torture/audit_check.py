"""Whether the audit tables hold the ledger, every settlement and cancel exactly once."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from medsettle.audit import verify
from medsettle.audit.manifest import read_segments
from medsettle.audit.projector import moves_of
from medsettle.audit.segments import segment_tables, stored_columns
from medsettle.core.schema import arrow_schema
from medsettle.errors import AuditCorrupt
from medsettle.ledger.entries import LedgerReader, Recorded

_SHOWN: Final = 200


def audit_faults(folder: Path, ledger: LedgerReader, entries: Sequence[Recorded]) -> Iterator[str]:
    """Yield where audit tables that were written to the end are not the ledger.

    Args:
        folder: The audit folder.
        ledger: What it was made from.
        entries: Every entry of the ledger, in seq order.
    """
    try:
        head = verify(folder)
    except AuditCorrupt as error:
        yield f"the audit tables are damaged: {error.message}"
        return
    if head.last_seq != len(entries):
        yield f"the audit tables end at {head.last_seq}, the ledger at {len(entries)}"
    yield from segment_faults(folder, ledger, entries)


def segment_faults(
    folder: Path, ledger: LedgerReader, entries: Sequence[Recorded], after_seq: int = 0
) -> Iterator[str]:
    """Yield where segments differ from the entries that they were made of.

    Args:
        folder: The audit folder, whose chain is whole.
        ledger: What it was made from.
        entries: Every entry of the ledger, in seq order.
        after_seq: Segments up to this entry are left out.
    """
    segments = [each for each in read_segments(folder) if each.first_seq > after_seq]
    last_seq = segments[-1].last_seq if segments else after_seq
    made_of = entries[after_seq:last_seq]
    rows = segment_tables(made_of, moves_of(ledger, made_of))
    due = _by_table((key[1], table) for key, table in rows.items())
    found = _by_table(
        (file.table, pq.ParquetFile(folder / file.path).read())
        for segment in segments
        for file in segment.files
    )
    for table in sorted(due.keys() | found.keys()):
        ours, theirs = due.get(table, []), found.get(table, [])
        # Alike in most runs; naming the rows that differ is slow.
        if not (ours and theirs and _rows(table, ours).equals(_rows(table, theirs))):
            yield from _differences(table, ours, theirs)


def _by_table(tables: Iterator[tuple[str, pa.Table]]) -> dict[str, list[pa.Table]]:
    found: dict[str, list[pa.Table]] = {}
    for name, table in tables:
        found.setdefault(name, []).append(table)
    return found


def _rows(table: str, parts: list[pa.Table]) -> pa.Table:
    """Return parts as one table of plain types, whatever dictionaries one was made with."""
    plain = arrow_schema(stored_columns(table))
    return pa.concat_tables([each.cast(plain) for each in parts])


def _differences(table: str, due: list[pa.Table], found: list[pa.Table]) -> Iterator[str]:
    """Yield rows that are missing and rows too many; rows in another order are the same rows."""
    left = Counter(repr(row) for each in found for row in each.to_pylist())
    for row in (row for each in due for row in each.to_pylist()):
        shown = repr(row)
        if left[shown]:
            left[shown] -= 1
        else:
            yield f"audit table {table} lacks the row of seq {row['seq']}"
    for shown in left.elements():
        yield f"audit table {table} has a row too many: {shown[:_SHOWN]}"
