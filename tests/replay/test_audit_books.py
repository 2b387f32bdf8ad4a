"""What audit tables lack is told, or comes from the ledger; a finished history is left alone."""

from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from medsettle.audit import Projector
from medsettle.audit.manifest import Manifest
from medsettle.errors import AuditCorrupt, InvalidRequest, Precondition
from medsettle.replay.audit_books import AuditBook
from medsettle.replay.from_audit import history_from_audit
from medsettle.replay.history import COLUMNS, History

from tests.audit.records import made_before_claims
from tests.replay.made_year import Made


@pytest.fixture(name="copied")
def _copied(made: Made, tmp_path: Path) -> Path:
    with Projector(made.engine.ledger, tmp_path / "audit") as projector:
        while projector.run_once(max_rows=20):
            pass
    return tmp_path / "audit"


def test_older_audit_tables_are_told_and_their_ledger_tells_the_rest(
    made: Made, copied: Path, tmp_path: Path
) -> None:
    """Segments of before have no claims: alone they are refused, with the ledger it is made."""
    made_before_claims(copied)
    with pytest.raises(Precondition) as caught:
        AuditBook.in_folder(copied)
    assert "segment 4 (seq 61 to 72)" in caught.value.message
    assert "Name the data folder with the ledger" in caught.value.message

    book = AuditBook.of_ledger(made.engine.ledger, copied, tmp_path / "rest")
    assert made.history.digest == history_from_audit([book], tmp_path / "history").digest


@pytest.mark.parametrize("segments", [0, 1, 3])
def test_what_is_not_projected_comes_from_the_ledger(
    made: Made, copied: Path, segments: int, tmp_path: Path
) -> None:
    """Whatever the tables hold, the history is that of the whole ledger; nothing is written."""
    manifest = copied / "manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    manifest.write_bytes(b"".join(lines[:segments]))
    before = {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()}

    book = AuditBook.of_ledger(made.engine.ledger, copied, tmp_path / "rest")
    history = history_from_audit([book], tmp_path / "history")

    assert made.history.digest == history.digest
    assert before == {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()}


def test_a_settlement_without_its_claim_is_told(copied: Path, tmp_path: Path) -> None:
    """A file of facts that lacks a row is damage, whatever its hash says."""
    book = AuditBook.in_folder(copied)
    path = book.files["claim_facts"][0]
    with pq.ParquetFile(path) as file:
        rows = file.read()
    pq.write_table(rows.slice(1), path)

    seq = rows["seq"][0].as_py()
    with pytest.raises(AuditCorrupt, match=f"settlement at seq {seq} has no claim"):
        history_from_audit([book], tmp_path / "history")
    with pytest.raises(AuditCorrupt, match="has SHA-256"):
        AuditBook.in_folder(copied)


def test_lines_that_are_not_those_of_the_splits_are_told(copied: Path, tmp_path: Path) -> None:
    """Two tables of the same lines are put side by side, or not at all."""
    book = AuditBook.in_folder(copied)
    path = book.files["claim_lines"][0]
    with pq.ParquetFile(path) as file:
        rows = file.read()
    pq.write_table(rows.slice(1), path)

    with pytest.raises(AuditCorrupt, match="have not the same rows"):
        history_from_audit([book], tmp_path / "history")


def test_a_file_that_is_no_parquet_is_told(copied: Path, tmp_path: Path) -> None:
    """Also one that went bad after it was verified."""
    book = AuditBook.in_folder(copied)
    book.files["payers"][0].write_bytes(b"PAR1")

    with pytest.raises(AuditCorrupt, match="audit tables cannot be read"):
        history_from_audit([book], tmp_path / "history")


def test_a_folder_without_segments_is_refused(tmp_path: Path) -> None:
    """A misspelt folder is no empty history."""
    Manifest(tmp_path).close()

    with pytest.raises(Precondition, match="has no segments of audit tables"):
        AuditBook.in_folder(tmp_path)


def test_a_finished_history_is_left_alone(made: Made) -> None:
    """What was finished is not written over, and what is kept beside it is gone."""
    folder = made.history.folder
    with pytest.raises(InvalidRequest, match="has a history already"):
        history_from_audit([AuditBook.in_folder(made.audit)], folder)

    assert {*COLUMNS, "history.json"} == {path.name for path in folder.iterdir()}
    assert made.history == History.open(folder)
    told = orjson.loads((folder / "history.json").read_bytes())
    assert [{"last_seq": 72, "last_entry": AuditBook.in_folder(made.audit).digest}] == told[
        "source"
    ]["ledgers"]


def test_codes_are_dictionaries_and_files_plain(made: Made) -> None:
    """Any reader finds texts: how a part was made shows nowhere in it."""
    for path in made.history.folder.rglob("*.parquet"):
        for field in pq.read_schema(path):
            assert not pa.types.is_dictionary(field.type)
