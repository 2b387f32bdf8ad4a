"""Segments written before a column was added are read beside those that have it."""

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from medsettle.audit import Projector, connect, manifest, read_segments, verify
from medsettle.audit.manifest import FORMAT_VERSION, MANIFEST_NAME
from medsettle.audit.segments import AUDIT_TABLES
from medsettle.books.audited import audit_discrepancies
from medsettle.core.schema import TABLES, arrow_schema
from medsettle.errors import AuditCorrupt
from medsettle.ledger import SqliteLedger

from tests.audit.records import audited_rows, fill, made_before_claims

_ADDED = {"settlements": "side", "payers": "care_fund_pay_type"}


def _project(ledger: SqliteLedger, folder: Path, first: int, last: int) -> None:
    fill(ledger, first, last)
    with Projector(ledger, folder) as projector:
        projector.run_once()


def _age(folder: Path) -> None:
    """Leave out of every file what an earlier version did not write."""
    for table, column in _ADDED.items():
        for path in folder.glob(f"{table}/**/*.parquet"):
            rows = pq.ParquetFile(path).read()
            pq.write_table(rows.drop_columns([column]), path)


@pytest.mark.parametrize("later", [5, 9])
def test_what_was_not_written_is_null(ledger: SqliteLedger, folder: Path, later: int) -> None:
    """With later segments or without, every row is there, and what is new is null in old ones."""
    _project(ledger, folder, 1, 5)
    before = {table: audited_rows(folder, table) for table in _ADDED}
    _age(folder)
    if later > 5:
        _project(ledger, folder, 6, later)

    for table, column in _ADDED.items():
        rows = audited_rows(folder, table)
        old = [row for row in rows if int(str(row["seq"])) <= 5]
        assert [row | {column: None} for row in before[table]] == old
        assert all(row[column] is not None for row in rows if row not in old)
    assert {*range(1, later + 1)} == {row["seq"] for row in audited_rows(folder, "settlements")}


@pytest.mark.parametrize("table", [*_ADDED, "line_splits"])
def test_old_segments_have_the_columns_of_the_schema(
    ledger: SqliteLedger, folder: Path, table: str
) -> None:
    """Names, types and order are those of the schema, whatever stands in the files."""
    _project(ledger, folder, 1, 5)
    _age(folder)

    found = connect(folder).sql(f"from {table}")
    assert found is not None
    expected = [(field.name, field.type) for field in arrow_schema(TABLES[table])]
    schema = found.to_arrow_table().schema
    assert expected == [(field.name, field.type) for field in schema][: len(expected)]


def test_months_of_old_segments_are_skipped_too(ledger: SqliteLedger, folder: Path) -> None:
    """A condition on the partition opens no file of another one."""
    _project(ledger, folder, 1, 5)
    _age(folder)
    connection = connect(folder)
    found = connection.execute("select distinct service_month from settlements").fetchall()
    # Of each stretch of files the first one is opened, for its columns.
    wanted = min(month for (month,) in found)
    for path in folder.glob("settlements/**/*.parquet"):
        if f"service_month={wanted}" not in str(path):
            path.write_bytes(path.read_bytes()[:-8] + b"damaged!")

    counted = connection.execute(
        "select count(*) from settlements where service_month = ?", [wanted]
    ).fetchall()

    assert 2 == len(found)
    assert 0 < counted[0][0] < 5


def test_segments_without_claims_stay_what_they_are(ledger: SqliteLedger, folder: Path) -> None:
    """Written before tables of claims were added, they are verified, read and gone on from."""
    _project(ledger, folder, 1, 6)
    before = {table: audited_rows(folder, table) for table in AUDIT_TABLES}
    made_before_claims(folder)
    old = {"settlements", "payers", "line_splits", "relative_shares"}
    assert {table: rows if table in old else [] for table, rows in before.items()} == {
        table: audited_rows(folder, table) for table in AUDIT_TABLES
    }

    _project(ledger, folder, 7, 12)

    assert 12 == verify(folder).last_seq
    assert [2, 3] == [segment.version for segment in read_segments(folder)]
    assert [] == list(audit_discrepancies(ledger, folder))
    for table in AUDIT_TABLES:
        seqs = {int(str(row["seq"])) for row in audited_rows(folder, table)}
        assert table in old or min(seqs, default=7) > 6
        assert not seqs or max(seqs) > 6


def test_claims_are_told_whatever_version_comes_next(
    ledger: SqliteLedger, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version 3 brought them: the version after it takes them from nobody."""
    _project(ledger, folder, 1, 6)
    (segment,) = read_segments(folder)
    monkeypatch.setattr(manifest, "FORMAT_VERSION", 4)

    told = [replace(segment, version=version).tells_claims for version in (2, 3, 4)]

    assert [False, True, True] == told


def test_a_later_version_is_refused(ledger: SqliteLedger, folder: Path) -> None:
    """What this program does not know it does not read in part."""
    _project(ledger, folder, 1, 6)
    (segment,) = read_segments(folder)
    line = replace(segment, version=FORMAT_VERSION + 1).line()
    (folder / MANIFEST_NAME).write_bytes(line)

    with pytest.raises(AuditCorrupt, match="no manifest line of this version"):
        verify(folder)
