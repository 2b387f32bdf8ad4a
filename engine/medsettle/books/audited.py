"""The audit tables against the ledger: each settlement's rows exactly once, in order, to the fen.

A segment says which stretch of the ledger it was made from, so segments are compared one by one,
page by page of the ledger, and memory holds a page. Rows are compared column by column with what
the records say; hashes and the chain of the manifest are the matter of `medsettle.audit.verify`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from medsettle import limits
from medsettle.audit import read_segments
from medsettle.audit.manifest import Segment
from medsettle.audit.personal import PERSONAL_COLUMNS, persons_key
from medsettle.audit.segments import (
    AUDIT_TABLES,
    CLAIM_TABLES,
    MOVES,
    Partition,
    stored_columns,
)
from medsettle.books.discrepancies import Discrepancy
from medsettle.core.columns import Kind
from medsettle.core.dates import date_of
from medsettle.core.tables import rows_of
from medsettle.ledger.entries import SETTLEMENT_KINDS, LedgerReader, Recorded
from medsettle.privacy.pseudonyms import Pseudonyms

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RECORDED_AS: Final = {
    "settlements": "settlement",
    "payers": "payers",
    "line_splits": "lines",
    "relative_shares": "relatives",
}

# What takes back moves the opposite of its original, and has no moves of its own there.
_SETTLED: Final = {"settle", "cancel"}

assert {*_RECORDED_AS, *CLAIM_TABLES, MOVES} == AUDIT_TABLES.keys()

_Row = dict[str, Any]


def audit_discrepancies(
    reader: LedgerReader, folder: Path, pseudonyms: Pseudonyms | None = None
) -> Iterator[Discrepancy]:
    """Yield every difference between the audit tables and the entries they were made from.

    Entries behind the last segment are not projected yet, and no difference. Persons and cards are
    compared by their pseudonyms, and not at all where these were made under a key that is not there
    any more.

    Raises:
        AuditCorrupt: The manifest is damaged.
        LedgerUnavailable: The ledger cannot be read.
    """
    last_seq = reader.last_seq()
    for segment in read_segments(folder):
        if segment.last_seq > last_seq:
            name, found = segment.named(), f"a ledger that ends at {last_seq}"
            yield Discrepancy("audit", segment.last_seq, "?", name, "entries of the ledger", found)
            return
        yield from _segment(reader, folder, segment, pseudonyms)


def _segment(
    reader: LedgerReader, folder: Path, segment: Segment, pseudonyms: Pseudonyms | None
) -> Iterator[Discrepancy]:
    """Compare a segment page by page of the ledger; each file is read along."""
    key = _key_of(folder, segment)
    files = [_AuditFile(folder / file.path, file.path, file.table) for file in segment.files]
    page: list[Recorded] = []
    for page in _pages(reader, segment):
        entries = {each.seq: each for each in page}
        expected = _expected([each for each in page if each.kind in SETTLEMENT_KINDS])
        if segment.tells_claims:
            expected |= _claims([each for each in page if each.kind == "settle"])
            expected |= _moves(reader, page)
        for place in sorted({*expected, *(file.place for file in files)}):
            found: list[_Row] = []
            try:
                for file in files:
                    found += file.up_to(page[-1].seq) if file.place == place else ()
            except (OSError, pa.ArrowException) as error:
                files.remove(file)
                key = f"{segment.named()}: {file.path}"
                yield Discrepancy("audit", page[0].seq, "?", key, "a Parquet file", repr(error))
                continue
            told = [_told(row, key, pseudonyms) for row in expected.get(place, [])]
            if key is not None and not _known(key, pseudonyms):
                found = [_without_persons(row) for row in found]
            yield from _compared(place[1], told, found, entries)
    for file in files:
        for row in file.up_to(limits.INT64_MAX):
            named = f"entry {row['seq']} there"
            yield Discrepancy("audit", row["seq"], "?", file.path, "no more rows", named)


def _key_of(folder: Path, segment: Segment) -> str | None:
    """Return the key under which a segment has its persons; None where they are plain."""
    for file in segment.files:
        try:
            return persons_key(folder / file.path)
        except (OSError, pa.ArrowException):
            continue  # What is wrong with the file is told when its rows are read.
    return None


def _known(key: str, pseudonyms: Pseudonyms | None) -> bool:
    return pseudonyms is not None and any(each.name == key for each in pseudonyms.keys)


def _told(row: _Row, key: str | None, pseudonyms: Pseudonyms | None) -> _Row:
    """Return a row with its persons as a segment tells them; without them where nobody can say."""
    if key is None:
        return row
    if pseudonyms is None or not _known(key, pseudonyms):
        return _without_persons(row)
    named = {
        name: pseudonyms.under(key, kind, row[name])
        for name, kind in PERSONAL_COLUMNS.items()
        if row.get(name) is not None
    }
    return row | named


def _without_persons(row: _Row) -> _Row:
    return {name: value for name, value in row.items() if name not in PERSONAL_COLUMNS}


class _AuditFile:
    """The rows of one file of a segment, in its order, a thousand of them at a time."""

    def __init__(self, whole: Path, path: str, table: str) -> None:
        parts = dict(part.split("=", 1) for part in path.split("/") if "=" in part)
        self.path = path
        self.place = Partition(parts["pooling_area"], parts["service_month"]), table
        self._rows = _rows(whole, table)
        self._next: _Row | None = None

    def up_to(self, seq: int) -> list[_Row]:
        """Return the rows that follow, up to the first one of a later entry.

        Raises:
            OSError, ArrowException: The file is missing or no Parquet.
        """
        found: list[_Row] = []
        while True:
            if self._next is None:
                self._next = next(self._rows, None)
            if self._next is None or self._next["seq"] > seq:
                return found
            found.append(self._next)
            self._next = None


def _rows(path: Path, table: str) -> Iterator[_Row]:
    """Yield the rows of a file; a column that came after it was written says nothing there."""
    columns = stored_columns(table)
    names = [column.name for column in columns]
    with pq.ParquetFile(path) as file:
        there = {*file.schema_arrow.names}
        later = {
            each.name: None for each in columns if not each.required and each.name not in there
        }
        for batch in file.iter_batches(batch_size=limits.PAGE_SIZE_MAX, columns=names):
            rows = batch.to_pylist()
            yield from ([row | later for row in rows] if later else rows)


def _pages(reader: LedgerReader, segment: Segment) -> Iterator[list[Recorded]]:
    after = segment.first_seq - 1
    while after < segment.last_seq:
        wanted = min(limits.PAGE_SIZE_MAX, segment.last_seq - after)
        page = [
            each
            for each in reader.page(after_seq=after, limit=wanted)
            if each.seq <= segment.last_seq
        ]
        if not page:
            return
        yield page
        after = page[-1].seq


def _expected(entries: Sequence[Recorded]) -> dict[tuple[Partition, str], list[_Row]]:
    """Return the rows that entries have in the tables, in ledger order."""
    found: dict[tuple[Partition, str], list[_Row]] = {}
    for entry in entries:
        record = orjson.loads(entry.record)
        month = str(record["settlement"]["service_date"])[: len("2024-05")]
        for table, name in _RECORDED_AS.items():
            rows = rows_of(record[name]) if table != "settlements" else [record[name]]
            own = {"seq": entry.seq, "settlement": entry.settlement}
            if table == "settlements":
                moment = _EPOCH + timedelta(microseconds=entry.create_time_us)
                own |= {"kind": entry.kind, "original": entry.belongs_to, "create_time": moment}
            for row in rows:
                place = Partition(entry.pooling_area, month), table
                found.setdefault(place, []).append(_typed(table, row | own))
    return found


def _claims(entries: Sequence[Recorded]) -> dict[tuple[Partition, str], list[_Row]]:
    """Return the rows of the claims of settlements; a copy may have none."""
    found: dict[tuple[Partition, str], list[_Row]] = {}
    for entry in entries:
        record = orjson.loads(entry.record)
        if (claim := record["claim"]) is None:
            continue
        own = {"seq": entry.seq, "settlement": entry.settlement}
        scope = record.get("scope")
        rows = {
            "claim_facts": [claim],
            "claim_lines": rows_of(claim["lines"]),
            "scopes": [] if scope is None else [scope],
        }
        area, month = entry.pooling_area, str(claim["service_date"])[: len("2024-05")]
        for table, each in rows.items():
            place = Partition(area, month), table
            found.setdefault(place, []).extend(_typed(table, row | own) for row in each)
    return found


def _moves(
    reader: LedgerReader, page: Sequence[Recorded]
) -> dict[tuple[Partition, str], list[_Row]]:
    """Return a row for each posting of what neither settles nor takes back."""
    others = {each.seq: each for each in page if each.kind not in _SETTLED}
    found: dict[tuple[Partition, str], list[_Row]] = {}
    for seq, key, delta in reader.postings(page[0].seq, page[-1].seq) if others else ():
        entry = others.get(seq)
        if entry is None:
            continue
        place = Partition(key.pooling_area, f"{date_of(entry.service_day):%Y-%m}"), MOVES
        own = {"seq": seq, "settlement": entry.settlement, "kind": entry.kind, "delta": delta}
        found.setdefault(place, []).append(_typed(MOVES, key._asdict() | own))
    return found


def _typed(table: str, row: Mapping[str, Any]) -> _Row:
    """Return the columns of a row of a record as they come out of Parquet."""
    typed = {}
    for column in stored_columns(table):
        value = row.get(column.name)
        if isinstance(value, str):
            if column.kind is Kind.DATE:
                value = date.fromisoformat(value)
            elif column.kind is Kind.TIMESTAMP:
                value = datetime.fromisoformat(value).astimezone(UTC)
        typed[column.name] = value
    return typed


def _compared(
    table: str, expected: list[_Row], found: list[_Row], entries: Mapping[int, Recorded]
) -> Iterator[Discrepancy]:
    """Yield what differs between the rows that should be there and those that are, by entry."""
    if expected == found:
        return
    wanted, there = _by_entry(expected), _by_entry(found)
    before = len(list(wanted))
    for seq in dict.fromkeys([*wanted, *there]):
        entry = entries[seq].settlement if seq in entries else "?"
        theirs, own = wanted.get(seq, []), there.get(seq, [])
        if len(theirs) != len(own):
            counts = f"{len(theirs)} rows", f"{len(own)} rows"
            yield Discrepancy("audit", seq, entry, table, *counts)
            before = -1
            continue
        for place, (right, row) in enumerate(zip(theirs, own, strict=True)):
            for name, value in right.items():
                if row.get(name) != value:
                    key = f"{table}[{place}].{name}"
                    yield Discrepancy("audit", seq, entry, key, str(value), str(row.get(name)))
                    before = -1
    if before >= 0:
        pairs = zip(expected, found, strict=True)
        seqs = [int(row["seq"]) for row in found]
        place = next(at for at, (one, two) in enumerate(pairs) if one != two)
        key, order = f"{table} row {place}", "ledger order"
        yield Discrepancy("audit", seqs[place], "?", key, order, f"entry {seqs[place]} there")


def _by_entry(rows: Sequence[_Row]) -> dict[int, list[_Row]]:
    found: dict[int, list[_Row]] = {}
    for row in rows:
        found.setdefault(int(row["seq"]), []).append(row)
    return found
