"""From ledger entries to Parquet files in partitioned folders.

    settlements/pooling_area=NNNNNN/service_month=YYYY-MM/000000000001-000000001000.parquet

A file's name is the stretch of the ledger it was made from. The partition columns stand in the path
and not in the file, as in Hive: with both, pyarrow refuses the folder, because it finds text in the
file and a number in the path, and DuckDB silently takes the one from the path.

Amounts are split by byte, which puts the zero bytes of small int64 next to one another; codes have
dictionaries, except those that differ in every row.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple, Protocol, TypeAlias
from urllib.parse import quote

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from medsettle import durable
from medsettle.audit.manifest import SegmentFile
from medsettle.core.columns import Column, Kind
from medsettle.core.schema import TABLES, arrow_schema
from medsettle.core.tables import rows_of
from medsettle.errors import InternalError

PARTITION_COLUMNS: Final[tuple[str, ...]] = ("pooling_area", "service_month")
AUDIT_TABLES: Final[dict[str, tuple[Column, ...]]] = {
    name: TABLES[name] for name in ("settlements", "payers", "line_splits", "relative_shares")
}

# A dictionary of values that never come back only adds its own size.
_UNIQUE_CODES: Final = {
    *("settlement", "original", "reversed_request", "request_id", "institution_settlement"),
}

_SETTLING: Final = {"settle", "cancel"}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_Row: TypeAlias = dict[str, object]


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
        """`settle` or `cancel`; of any other kind the audit tables have no row."""
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
    def pooling_area(self) -> str:
        """统筹区 of the insured person."""
        ...

    @property
    def record(self) -> bytes:
        """JSON with `settlement`, `payers`, `lines` and `relatives`."""
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

    Only settlements and cancels have rows. What else the ledger numbers, such as a refusal, lies in
    the stretch of a segment without one, so that every number is in exactly one segment.

    Raises:
        InternalError: A record lacks a column or holds something else in it; the entry is named.
    """
    rows: dict[tuple[Partition, str], list[_Row]] = {}
    for entry in entries:
        if entry.kind not in _SETTLING:
            continue
        try:
            partition, found = _rows(entry)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InternalError(
                f"the record of ledger entry {entry.seq} is not a settlement: {error!r}",
                seq=str(entry.seq),
            ) from error
        for table, of_table in found.items():
            if of_table:
                rows.setdefault((partition, table), []).extend(of_table)
    return {key: _table(key[1], of_table) for key, of_table in rows.items()}


def _rows(entry: LedgerRow) -> tuple[Partition, dict[str, list[_Row]]]:
    record = orjson.loads(entry.record)
    # The ledger decides who and when an entry is, whatever the record repeats of it.
    name = {"seq": entry.seq, "settlement": entry.settlement}
    settlement = {
        **record["settlement"],
        **name,
        "kind": entry.kind,
        "original": entry.original,
        "create_time": entry.create_time_us,
    }
    partition = Partition(entry.pooling_area, settlement["service_date"][: len("YYYY-MM")])
    return partition, {
        "settlements": [settlement],
        "payers": [{**row, **name} for row in rows_of(record["payers"])],
        "line_splits": [{**row, **name} for row in rows_of(record["lines"])],
        "relative_shares": [{**row, **name} for row in record["relatives"]],
    }


def _table(table: str, rows: Sequence[_Row]) -> pa.Table:
    columns = stored_columns(table)
    schema = arrow_schema(columns)
    arrays = [
        _array(table, column, field.type, rows)
        for column, field in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _array(table: str, column: Column, arrow_type: pa.DataType, rows: Sequence[_Row]) -> pa.Array:
    values = [row.get(column.name) for row in rows]
    try:
        return _typed(column, arrow_type, values)
    except (OverflowError, TypeError, ValueError) as error:
        raise InternalError(
            f"ledger entries {rows[0]['seq']} to {rows[-1]['seq']}: "
            f"column {table}.{column.name} cannot be written: {error}",
            column=f"{table}.{column.name}",
        ) from error


def _typed(column: Column, arrow_type: pa.DataType, values: list[object]) -> pa.Array:
    if column.required and None in values:
        raise ValueError("a value is missing")
    if column.kind is Kind.DATE:
        return pa.array(values, pa.string()).cast(arrow_type)
    if column.kind is Kind.TIMESTAMP:
        return pa.array([_microseconds(value) for value in values], pa.int64()).cast(arrow_type)
    if column.kind in {Kind.FEN, Kind.INTEGER}:
        # Told the type, Arrow would take 1.0 for 1; an amount that was ever a float is a bug.
        inferred = pa.array(values)
        if inferred.type not in {pa.int64(), pa.null()}:
            raise TypeError(f"{inferred.type} among the integers")
        return inferred.cast(arrow_type)
    return pa.array(values, arrow_type)


def _microseconds(value: object) -> object:
    """Return a moment of a record, which writes it as text, as the ledger counts its own."""
    if not isinstance(value, str):
        return value
    return (datetime.fromisoformat(value) - _EPOCH) // timedelta(microseconds=1)


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
        content = _parquet(stored_columns(table), rows)
        path = f"{partition.path(table)}/{first_seq:012d}-{last_seq:012d}.parquet"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        durable.put(folder / path, content)
        digest = sha256(content).hexdigest()
        files.append(SegmentFile(table, path, rows.num_rows, len(content), digest))
    touched = {parent for file in files for parent in Path(file.path).parents}
    for parent in sorted(touched):
        durable.sync_folder(folder / parent)
    return tuple(files)


def _parquet(columns: tuple[Column, ...], rows: pa.Table) -> memoryview:
    names: dict[Kind, list[str]] = {kind: [] for kind in Kind}
    for column in columns:
        if column.name not in _UNIQUE_CODES:
            names[column.kind].append(column.name)
    sink = pa.BufferOutputStream()
    pq.write_table(
        rows,
        sink,
        compression="zstd",
        compression_level=1,
        use_dictionary=[*names[Kind.CODE], *names[Kind.DATE]],
        use_byte_stream_split=names[Kind.FEN],
        column_encoding=dict.fromkeys(names[Kind.INTEGER], "DELTA_BINARY_PACKED"),
    )
    return memoryview(sink.getvalue())
