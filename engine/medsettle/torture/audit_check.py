"""Whether the audit tables hold the ledger, every settlement and cancel exactly once."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from medsettle.audit import verify
from medsettle.audit.manifest import Segment, read_segments
from medsettle.audit.personal import persons_key
from medsettle.audit.projector import moves_of
from medsettle.audit.segments import segment_tables, stored_columns
from medsettle.core.schema import arrow_schema
from medsettle.errors import AuditCorrupt
from medsettle.ledger.entries import LedgerReader, Recorded
from medsettle.privacy.pseudonyms import KEYS_FOLDER, Pseudonyms

_SHOWN: Final = 200


def audit_faults(
    folder: Path, ledger: LedgerReader, entries: Sequence[Recorded], *, went_back: bool = False
) -> Iterator[str]:
    """Yield where audit tables that were written to the end are not the ledger.

    Args:
        folder: The audit folder.
        ledger: What it was made from.
        entries: Every entry of the ledger, in seq order.
        went_back: Whether a version of before there were pseudonyms wrote some of them; else one
            segment with plain persons, where there are keys, is a fault.
    """
    try:
        head = verify(folder)
    except AuditCorrupt as error:
        yield f"the audit tables are damaged: {error.message}"
        return
    if head.last_seq != len(entries):
        yield f"the audit tables end at {head.last_seq}, the ledger at {len(entries)}"
    yield from segment_faults(folder, ledger, entries, went_back=went_back)


def segment_faults(
    folder: Path,
    ledger: LedgerReader,
    entries: Sequence[Recorded],
    after_seq: int = 0,
    *,
    went_back: bool = False,
) -> Iterator[str]:
    """Yield where segments differ from the entries that they were made of.

    Args:
        folder: The audit folder, whose chain is whole; the keys lie beside it, if it has any.
        ledger: What it was made from.
        entries: Every entry of the ledger, in seq order.
        after_seq: Segments up to this entry are left out.
        went_back: As above.
    """
    segments = [each for each in read_segments(folder) if each.first_seq > after_seq]
    due = _by_table(_due(folder, ledger, segments, entries, went_back=went_back))
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


def _due(
    folder: Path,
    ledger: LedgerReader,
    segments: Sequence[Segment],
    entries: Sequence[Recorded],
    *,
    went_back: bool,
) -> Iterator[tuple[str, pa.Table]]:
    """Yield what segments are to hold: persons by the newest key, if there is any."""
    keys = Pseudonyms(folder.parent / KEYS_FOLDER)
    for segment in segments:
        part = entries[segment.first_seq - 1 : segment.last_seq]
        plain = not keys.keys or (went_back and not _named(folder, segment))
        rows = segment_tables(part, moves_of(ledger, part), None if plain else keys)
        yield from ((key[1], table) for key, table in rows.items())


def _named(folder: Path, segment: Segment) -> bool:
    return any(persons_key(folder / file.path) for file in segment.files)


def _by_table(tables: Iterator[tuple[str, pa.Table]]) -> dict[str, list[pa.Table]]:
    found: dict[str, list[pa.Table]] = {}
    for name, table in tables:
        found.setdefault(name, []).append(table)
    return found


def _rows(table: str, parts: list[pa.Table]) -> pa.Table:
    """Return parts as one table of plain types, whatever dictionaries one was made with.

    A column that came after a part was written says nothing there.
    """
    plain = arrow_schema(stored_columns(table))
    return pa.concat_tables([_completed(each, plain).cast(plain) for each in parts])


def _completed(part: pa.Table, plain: pa.Schema) -> pa.Table:
    for place, column in enumerate(plain):
        if column.nullable and column.name not in part.column_names:
            part = part.add_column(place, column, pa.nulls(part.num_rows, column.type))
    return part


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
