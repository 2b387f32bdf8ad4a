"""Audit columns: made of rows and of tables alike, and plain to every reader of Parquet."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from medsettle.audit import Projector
from medsettle.audit.segments import AUDIT_TABLES, segment_tables, stored_columns
from medsettle.core.schema import arrow_schema
from medsettle.errors import InternalError
from medsettle.ledger import Entry, Recorded, SqliteLedger

from tests.audit.records import CREATE_TIME_US, audited_entry, fill


def _recorded(seq: int, entry: Entry, record: dict[str, Any]) -> Recorded:
    names = [name for name in Recorded.__slots__ if name not in {"seq", "create_time_us"}]
    given = {name: getattr(entry, name) for name in names} | {"record": orjson.dumps(record)}
    return Recorded(seq=seq, create_time_us=CREATE_TIME_US, **given)


def _table(rows: list[dict[str, Any]]) -> dict[str, Any]:
    columns = {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}
    for name, values in columns.items():
        if values.count(values[0]) == len(values):
            columns[name] = values[0]
    return {"rows": len(rows), "columns": columns}


def test_rows_and_tables_of_records_make_the_same_columns() -> None:
    """A record may keep rows as a table, in which a value that all rows have stands once."""
    entries = [audited_entry(number) for number in range(1, 12)]
    records = [orjson.loads(entry.record) for entry in entries]
    as_rows = [_recorded(*each) for each in zip(range(1, 12), entries, records, strict=True)]
    tables = [
        record | {name: _table(record[name]) for name in ("payers", "lines")} for record in records
    ]
    as_tables = [_recorded(*each) for each in zip(range(1, 12), entries, tables, strict=True)]

    assert segment_tables(as_rows) == segment_tables(as_tables)


@pytest.mark.parametrize(
    "lines", [{"rows": 2, "columns": {"line_id": ["1"]}}, {"rows": 1}, "none", 7]
)
def test_what_are_no_rows_is_refused(lines: object) -> None:
    """A table whose columns are of unlike length, or none at all, is a record of no settlement."""
    entry = audited_entry(1)
    record = orjson.loads(entry.record) | {"lines": lines}
    with pytest.raises(InternalError, match="ledger entry 5 is not a settlement"):
        segment_tables([_recorded(5, replace(entry), record)])


def test_a_moment_without_a_zone_is_refused() -> None:
    """It would be another moment wherever it is read, so the entry and the column are told."""
    entry = audited_entry(1)
    record = orjson.loads(entry.record)
    record["settlement"] |= {"credential_time": "2024-05-01T09:30:00"}
    with pytest.raises(
        InternalError,
        match=r"entries 5 to 5: column settlements.credential_time .* has no time zone",
    ):
        segment_tables([_recorded(5, entry, record)])


def test_files_have_the_plain_types_of_the_schema(ledger: SqliteLedger, folder: Path) -> None:
    """How a file was made shows nowhere in it: texts are texts, with their national names."""
    fill(ledger, 1, 6)
    with Projector(ledger, folder) as projector:
        projector.run_once()

    for table in AUDIT_TABLES:
        expected = arrow_schema(stored_columns(table))
        for path in folder.glob(f"{table}/**/*.parquet"):
            found = pq.read_schema(path)
            # The one name that differs is that of what a list has, which Parquet settles.
            assert expected == found
            assert [each.metadata for each in expected] == [each.metadata for each in found]


def test_what_rows_are_in_order_of_can_be_skipped(ledger: SqliteLedger, folder: Path) -> None:
    """Positions, moments and days have their least and greatest; amounts and codes do not."""
    fill(ledger, 1, 6)
    with Projector(ledger, folder) as projector:
        projector.run_once()

    path = next(folder.glob("settlements/**/*.parquet"))
    group = pq.ParquetFile(path).metadata.row_group(0)
    columns = [group.column(at) for at in range(group.num_columns)]
    told = {each.path_in_schema for each in columns if each.is_stats_set}
    assert {"seq", "create_time", "service_date"} == told
