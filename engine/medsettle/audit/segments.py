"""From ledger entries to Parquet files in partitioned folders.

    settlements/pooling_area=NNNNNN/service_month=YYYY-MM/000000000001-000000001000.parquet

A file's name is the stretch of the ledger it was made from. The partition columns stand in the path
and not in the file, as in Hive: with both, pyarrow refuses the folder, because it finds text in the
file and a number in the path, and DuckDB silently takes the one from the path.

Amounts are split by byte, which puts the zero bytes of small int64 next to one another; codes have
dictionaries, except those that differ in every row
([0025](../../decisions/0025-bulk-ledger-and-audit.md)).
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple, Protocol, TypeAlias
from urllib.parse import quote

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from medsettle import durable
from medsettle.audit.columns import UNIQUE_CODES, ColumnFault, Gathered
from medsettle.audit.manifest import SegmentFile
from medsettle.core.columns import Column, Kind
from medsettle.core.schema import TABLES, arrow_schema
from medsettle.errors import InternalError

PARTITION_COLUMNS: Final[tuple[str, ...]] = ("pooling_area", "service_month")
AUDIT_TABLES: Final[dict[str, tuple[Column, ...]]] = {
    name: TABLES[name] for name in ("settlements", "payers", "line_splits", "relative_shares")
}

_RECORDED_AS: Final = {
    "payers": "payers",
    "line_splits": "lines",
    "relative_shares": "relatives",
}

_ENCODINGS: Final = {Kind.FEN: "BYTE_STREAM_SPLIT", Kind.INTEGER: "DELTA_BINARY_PACKED"}
# The least and greatest of a row group let a reader skip it where rows come in that order. Amounts
# and codes do not; theirs would cost a third of writing the file.
_STATISTICS: Final = {"seq", "create_time", "service_date"}
# Where Arrow's readers look for the types that a file was written from.
_ARROW_SCHEMA: Final = b"ARROW:schema"

_SETTLING: Final = {"settle", "cancel", "adjust"}


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
        """`settle`, `cancel` or `adjust`; of any other kind the audit tables have no row."""
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


Tables: TypeAlias = dict[tuple[Partition, str], pa.Table]


def stored_columns(table: str) -> tuple[Column, ...]:
    """Return the columns that stand in the files of an audit table."""
    return tuple(column for column in AUDIT_TABLES[table] if column.name not in PARTITION_COLUMNS)


def segment_tables(entries: Sequence[LedgerRow]) -> Tables:
    """Return the rows of these entries by partition and table, in ledger order.

    Only settlements, cancels and adjustments have rows. What else the ledger numbers, such as a
    refusal, lies in the stretch of a segment without one, so that every number is in exactly one
    segment.

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
    return {
        (partition, table): _table(table, rows)
        for partition, tables in gathered.items()
        for table, rows in tables.items()
        if len(rows)
    }


def _gather(entry: LedgerRow, gathered: dict[Partition, dict[str, Gathered]]) -> None:
    record = orjson.loads(entry.record)
    # The ledger decides who and when an entry is, whatever the record repeats of it.
    settlement = {
        **record["settlement"],
        "kind": entry.kind,
        "original": entry.belongs_to,
        "create_time": entry.create_time_us,
    }
    partition = Partition(entry.pooling_area, settlement["service_date"][: len("YYYY-MM")])
    tables = gathered.get(partition)
    if tables is None:
        tables = {table: Gathered(stored_columns(table)) for table in AUDIT_TABLES}
        gathered[partition] = tables
    tables["settlements"].add(entry.seq, entry.settlement, [settlement])
    for table, name in _RECORDED_AS.items():
        tables[table].add(entry.seq, entry.settlement, record[name])


def _table(table: str, rows: Gathered) -> pa.Table:
    try:
        return rows.table()
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


def parquet_bytes(columns: tuple[Column, ...], rows: pa.Table) -> memoryview:
    """Return the bytes of a file; a reader finds texts in it, and no dictionary of Arrow's."""
    sink = pa.BufferOutputStream()
    writer = pq.ParquetWriter(
        sink,
        rows.schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=[
            column.name
            for column in columns
            if column.kind in {Kind.CODE, Kind.DATE} and column.name not in UNIQUE_CODES
        ],
        column_encoding={
            column.name: _ENCODINGS[column.kind] for column in columns if column.kind in _ENCODINGS
        },
        write_statistics=[column.name for column in columns if column.name in _STATISTICS],
        store_schema=False,
    )
    with writer:
        writer.write_table(rows)
        told = b64encode(arrow_schema(columns).serialize())
        writer.add_key_value_metadata({_ARROW_SCHEMA: told})
    return memoryview(sink.getvalue())
