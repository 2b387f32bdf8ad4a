"""From ledger entries to Parquet files in partitioned folders.

    settlements/pooling_area=NNNNNN/service_month=YYYY-MM/000000000001-000000001000.parquet

The month is that of the day for which the ledger keeps the entry: the day of service of what is
settled, taken back or adjusted, the day of recording of an opening. The area is that of the person
whose row it is, which for a move may be another one than the entry's.

A file's name is the stretch of the ledger it was made from. The partition columns stand in the path
and not in the file, as in Hive: with both, pyarrow refuses the folder, because it finds text in the
file and a number in the path, and DuckDB silently takes the one from the path.

Amounts are split by byte, which puts the zero bytes of small int64 next to one another; codes have
dictionaries, except those that differ in every row
([0025](../../decisions/0025-bulk-ledger-and-audit.md)).
"""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, TypeAlias
from urllib.parse import quote, unquote

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from medsettle import durable
from medsettle.audit.columns import UNIQUE_CODES, ColumnFault, Gathered
from medsettle.audit.manifest import SegmentFile
from medsettle.audit.personal import PERSONS_KEY, told_by, told_key
from medsettle.core.columns import Column, Kind
from medsettle.core.counters import CounterKey
from medsettle.core.dates import date_of
from medsettle.core.schema import TABLES, arrow_schema
from medsettle.errors import InternalError
from medsettle.privacy.pseudonyms import Pseudonyms

PARTITION_COLUMNS: Final[tuple[str, ...]] = ("pooling_area", "service_month")
CLAIM_TABLES: Final = ("claim_facts", "claim_lines", "scopes")
"""What tells the claim of a settlement, beside what was made of it."""

MOVES: Final = "moves"

AUDIT_TABLES: Final[dict[str, tuple[Column, ...]]] = {
    name: TABLES[name]
    for name in (
        *("settlements", "payers", "line_splits", "relative_shares"),
        *CLAIM_TABLES,
        MOVES,
    )
}

RECORDED_AS: Final = {
    "payers": "payers",
    "line_splits": "lines",
    "relative_shares": "relatives",
}
"""Under which name the record of a settlement has the rows of a table."""

_ENCODINGS: Final = {Kind.FEN: "BYTE_STREAM_SPLIT", Kind.INTEGER: "DELTA_BINARY_PACKED"}
# Prices and quantities come back as their items do.
_COMING_BACK: Final = {"quantity_e4", "unit_price_e6"}
# The least and greatest of a row group let a reader skip it where rows come in that order. Amounts
# and codes do not; theirs would cost a third of writing the file.
_STATISTICS: Final = {"seq", "create_time", "service_date"}
# Where Arrow's readers look for the types that a file was written from.
_ARROW_SCHEMA: Final = b"ARROW:schema"

_SETTLING: Final = {"settle", "cancel", "adjust"}
_MOVING: Final = {"opening", "relation", "adjust"}

Posted: TypeAlias = tuple[int, CounterKey, int]
"""A posting as a ledger keeps it: the seq of its entry, the counter, and the change."""


class LedgerRow(Protocol):
    """What the audit tables need of a recorded ledger entry."""

    @property
    def seq(self) -> int:
        """Place in the ledger, from 1."""
        ...

    @property
    def create_time_us(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        ...

    @property
    def kind(self) -> str:
        """`settle`, `cancel` or `adjust`; of any other kind there are rows of moves at most."""
        ...

    @property
    def settlement(self) -> str:
        """Id of the entry."""
        ...

    @property
    def original(self) -> str | None:
        """The settlement a cancel takes back."""
        ...

    @property
    def belongs_to(self) -> str | None:
        """The settlement that a cancel takes back or an adjustment adds to."""
        ...

    @property
    def pooling_area(self) -> str:
        """统筹区 of the insured person."""
        ...

    @property
    def service_day(self) -> int:
        """The day that it counts for, in days since 1970-01-01."""
        ...

    @property
    def record(self) -> bytes:
        """JSON with `settlement`, and `payers`, `lines` and `relatives` as rows or as tables."""
        ...


class Partition(NamedTuple):
    """Where a row belongs: the area, and the month of its service date (`YYYY-MM`)."""

    pooling_area: str
    service_month: str

    def path(self, table: str) -> str:
        """Return the folder of this partition of a table, below the audit folder."""
        values = zip(PARTITION_COLUMNS, self, strict=True)
        return "/".join((table, *(f"{name}={quote(value, safe='')}" for name, value in values)))


def partition_of(path: str) -> Partition:
    """Return where the rows of a file belong, by its path below the audit folder.

    Raises:
        ValueError: It is the path of no file of an audit table.

    >>> partition_of("moves/pooling_area=999902/service_month=2024-06/1-2.parquet")
    Partition(pooling_area='999902', service_month='2024-06')
    """
    found = re.fullmatch(r"\w+/pooling_area=([^/]*)/service_month=([^/]*)/[^/]+", path)
    if found is None:
        raise ValueError(f"{path} is no file of an audit table")
    return Partition(unquote(found[1]), unquote(found[2]))


def in_leaf_order(files: Sequence[SegmentFile]) -> list[SegmentFile]:
    """Return the files of a segment in the order in which an entry's rows stand in its leaf."""
    return sorted(files, key=lambda each: (partition_of(each.path), each.table))


def read_parquet(content: bytes) -> pa.Table:
    """Return the rows of a file, whose pages are held to their checksums where they have any.

    Raises:
        OSError, pyarrow.ArrowException: It cannot be decoded.
    """
    file = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
    # A thread of Arrow that lets go of these bytes while Python ends would abort the process.
    return file.read(use_threads=False)


Tables: TypeAlias = dict[tuple[Partition, str], pa.Table]


def stored_columns(table: str) -> tuple[Column, ...]:
    """Return the columns that stand in the files of an audit table."""
    return tuple(column for column in AUDIT_TABLES[table] if column.name not in PARTITION_COLUMNS)


def moving_stretches(entries: Sequence[LedgerRow]) -> Iterator[tuple[int, int]]:
    """Yield the stretches of entries whose postings `segment_tables` is to be given.

    What settles and what takes back is most of a ledger, and its postings are not asked for.

    Args:
        entries: Entries in ledger order, without gaps.

    Yields:
        First and last seq of each stretch, both within.
    """
    first = None
    for entry in entries:
        if entry.kind in _MOVING:
            first = entry.seq if first is None else first
        elif first is not None:
            yield first, entry.seq - 1
            first = None
    if first is not None:
        yield first, entries[-1].seq


def segment_tables(
    entries: Sequence[LedgerRow],
    postings: Sequence[Posted] = (),
    pseudonyms: Pseudonyms | None = None,
) -> Tables:
    """Return the rows of these entries by partition and table, in ledger order.

    Settlements, cancels and adjustments have rows, and so has what else moves counters. What the
    ledger numbers besides, such as a refusal, lies in the stretch of a segment without one, so that
    every number is in exactly one segment.

    Args:
        entries: Entries in ledger order.
        postings: Those of the `moving_stretches` of the entries, by seq and key.
        pseudonyms: What persons and cards are told by; None tells them as they are.

    Raises:
        InternalError: A record lacks a column or holds something else in it; the entry is named.
    """
    gathered: dict[Partition, dict[str, Gathered]] = {}
    for entry in entries:
        if entry.kind not in _SETTLING:
            continue
        try:
            _gather(entry, gathered)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InternalError(
                f"the record of ledger entry {entry.seq} is not a settlement: {error!r}",
                seq=str(entry.seq),
            ) from error
    _gather_moves(entries, postings, gathered)
    return {
        (partition, table): _table(table, rows, pseudonyms)
        for partition, tables in gathered.items()
        for table, rows in tables.items()
        if len(rows)
    }


def _gather(entry: LedgerRow, gathered: dict[Partition, dict[str, Gathered]]) -> None:
    record = orjson.loads(entry.record)
    # The ledger decides who and when an entry is, whatever the record repeats of it.
    settlement = record["settlement"]
    settlement["kind"], settlement["original"] = entry.kind, entry.belongs_to
    settlement["create_time"] = entry.create_time_us
    partition = Partition(entry.pooling_area, settlement["service_date"][: len("YYYY-MM")])
    tables = _tables_of(partition, gathered)
    tables["settlements"].add(entry.seq, entry.settlement, [settlement])
    for table, name in RECORDED_AS.items():
        tables[table].add(entry.seq, entry.settlement, record[name])
    for table, rows in claim_rows(record).items():
        tables[table].add(entry.seq, entry.settlement, rows)


def _tables_of(
    partition: Partition, gathered: dict[Partition, dict[str, Gathered]]
) -> dict[str, Gathered]:
    tables = gathered.get(partition)
    if tables is None:
        tables = {table: Gathered(stored_columns(table)) for table in AUDIT_TABLES}
        gathered[partition] = tables
    return tables


def claim_rows(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rows that a record has in `CLAIM_TABLES`, each as a list or a table of records.

    What takes back and what adjusts has no claim, and a copy may have none.
    """
    claim = record.get("claim")
    if claim is None:
        return {}
    scope = record.get("scope")
    split = [] if scope is None else [scope]
    return {"claim_facts": [claim], "claim_lines": claim["lines"], "scopes": split}


def _gather_moves(
    entries: Sequence[LedgerRow],
    postings: Sequence[Posted],
    gathered: dict[Partition, dict[str, Gathered]],
) -> None:
    if not postings:
        return
    by_seq = {entry.seq: entry for entry in entries if entry.kind in _MOVING}
    for seq, key, delta in postings:
        entry = by_seq[seq]
        partition = move_partition(key, entry.service_day)
        row = {"kind": entry.kind, **key._asdict(), "delta": delta}
        _tables_of(partition, gathered)[MOVES].add(seq, entry.settlement, [row])


def move_partition(key: CounterKey, service_day: int) -> Partition:
    """Return where the move of a counter belongs: to the area of its person, and the entry's day.

    >>> move_partition(CounterKey("999902", "P1", "account", 0), 19_875)
    Partition(pooling_area='999902', service_month='2024-06')
    """
    return Partition(key.pooling_area, f"{date_of(service_day):%Y-%m}")


def _table(table: str, rows: Gathered, pseudonyms: Pseudonyms | None) -> pa.Table:
    try:
        made = rows.table()
        if pseudonyms is None:
            return made
        named = told_by(made, pseudonyms.of)
        return named.replace_schema_metadata({PERSONS_KEY: pseudonyms.newest.encode()})
    except ColumnFault as fault:
        column = f"{table}.{fault.column}"
        first, last = fault.ends
        raise InternalError(
            f"ledger entries {first} to {last}: column {column} cannot be written: {fault}",
            column=column,
        ) from fault


def write_segment(
    folder: Path, first_seq: int, last_seq: int, tables: Mapping[tuple[Partition, str], pa.Table]
) -> tuple[SegmentFile, ...]:
    """Write the files of one segment durably and return what the manifest says of them.

    Files of the same names are replaced: without a line in the manifest they never existed.

    Raises:
        OSError: A file or folder could not be written or synced.
    """
    files = []
    for partition, table in sorted(tables):
        rows = tables[partition, table]
        content = parquet_bytes(stored_columns(table), rows)
        path = f"{partition.path(table)}/{first_seq:012d}-{last_seq:012d}.parquet"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        durable.put(folder / path, content)
        digest = sha256(content).hexdigest()
        files.append(SegmentFile(table, path, rows.num_rows, len(content), digest))
    touched = {parent for file in files for parent in Path(file.path).parents}
    for parent in sorted(touched):
        durable.sync_folder(folder / parent)
    return tuple(files)


def parquet_bytes(
    columns: tuple[Column, ...], rows: pa.Table, key: str | None = None
) -> memoryview:
    """Return the bytes of a file; a reader finds texts in it, and no dictionary of Arrow's.

    Args:
        columns: Of the file.
        rows: As `segment_tables` has them.
        key: Under which persons stand in them; that of `rows` itself where it is not said.
    """
    key = key or told_key(rows.schema.metadata)
    sink = pa.BufferOutputStream()
    writer = pq.ParquetWriter(
        sink,
        rows.schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=[
            column.name
            for column in columns
            if (column.kind in {Kind.CODE, Kind.DATE} and column.name not in UNIQUE_CODES)
            or column.name in _COMING_BACK
        ],
        column_encoding={
            column.name: _ENCODINGS[column.kind]
            for column in columns
            if column.kind in _ENCODINGS and column.name not in _COMING_BACK
        },
        write_statistics=[column.name for column in columns if column.name in _STATISTICS],
        store_schema=False,
        # A flipped byte is found before its page is decoded, and placed by its column.
        write_page_checksum=True,
    )
    with writer:
        writer.write_table(rows)
        told = {_ARROW_SCHEMA: b64encode(arrow_schema(columns).serialize())}
        if key is not None:
            told[PERSONS_KEY] = key.encode()
        writer.add_key_value_metadata(told)
    return memoryview(sink.getvalue())
