"""SQL over the audit tables sees the segments of the manifest and nothing else."""

import shutil
from pathlib import Path

import pytest
from medsettle.audit import Projector, connect
from medsettle.audit.segments import AUDIT_TABLES
from medsettle.core.schema import TABLES, arrow_schema
from medsettle.errors import AuditCorrupt
from medsettle.ledger import SqliteLedger

from tests.audit.records import CREATE_TIME_US, audited_entry, fill

_TABLES = tuple(AUDIT_TABLES)


@pytest.mark.parametrize("table", _TABLES)
@pytest.mark.parametrize("count", [0, 5])
def test_views_have_the_columns_of_the_schema(
    ledger: SqliteLedger, folder: Path, table: str, count: int
) -> None:
    """Names and types are those of the schema, then the partition, with and without rows."""
    fill(ledger, 1, count)
    with Projector(ledger, folder) as projector:
        projector.run_once()

    connection = connect(folder)
    relation = connection.sql(f"from {table}")
    assert relation is not None
    found = relation.to_arrow_table().schema
    expected = [(field.name, field.type) for field in arrow_schema(TABLES[table])]
    assert expected == [(field.name, field.type) for field in found][: len(expected)]
    added = {"settlements": ["service_month"]}.get(table, ["pooling_area", "service_month"])
    assert added == found.names[len(expected) :]


@pytest.mark.parametrize("table", _TABLES)
def test_a_folder_that_is_not_there_has_empty_views(tmp_path: Path, table: str) -> None:
    """Before anything was projected the views are there and empty."""
    found = connect(tmp_path / "nowhere").execute(f"select count(*) from {table}").fetchall()

    assert [(0,)] == found


def test_files_outside_the_manifest_are_not_seen(ledger: SqliteLedger, folder: Path) -> None:
    """A copy of a file under another name does not count twice."""
    fill(ledger, 1, 5)
    with Projector(ledger, folder) as projector:
        projector.run_once()
    for path in folder.rglob("*.parquet"):
        path.with_name("000000000006-000000000010.parquet").write_bytes(path.read_bytes())

    assert [(5,)] == connect(folder).execute("select count(*) from settlements").fetchall()


def test_odd_folder_names_are_harmless(ledger: SqliteLedger, tmp_path: Path) -> None:
    """Quotes, glob characters and equal signs in the path above mean nothing."""
    parent = tmp_path / "it's run=7 [x]*"
    parent.mkdir()
    fill(ledger, 1, 5)
    with Projector(ledger, parent / "audit") as projector:
        projector.run_once()
    # What the name would stand for as a pattern is not read beside it.
    shutil.copytree(parent, tmp_path / "it's run=7 xy")
    shutil.copytree(parent, tmp_path / "it's run=7 [x]yz")

    found = connect(parent / "audit").execute("select count(*) from settlements").fetchall()
    assert [(5,)] == found


def test_areas_stay_text(ledger: SqliteLedger, folder: Path) -> None:
    """The pooling area comes back as the code it is, whichever table it is asked of."""
    fill(ledger, 1, 12)
    ledger.append([audited_entry(13, "opening")], CREATE_TIME_US)
    with Projector(ledger, folder) as projector:
        projector.run_once()

    for table in _TABLES:
        found = connect(folder).execute(f"select distinct pooling_area from {table} order by 1")
        assert [("999900",), ("999901",)] == found.fetchall()


def test_a_damaged_manifest_is_not_queried(ledger: SqliteLedger, folder: Path) -> None:
    """Views are made from a whole manifest or not at all."""
    fill(ledger, 1, 5)
    with Projector(ledger, folder) as projector:
        projector.run_once()
    (folder / "manifest.jsonl").write_bytes(b"{}\n")

    with pytest.raises(AuditCorrupt):
        connect(folder)
