"""The audit tables hold what the ledger holds, once, whatever happened on the way."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow.dataset as ds
import pytest
from medsettle import limits
from medsettle.audit import Projector, read_segments, verify
from medsettle.audit.segments import AUDIT_TABLES, Posted
from medsettle.errors import AuditCorrupt, InternalError, Precondition
from medsettle.ledger import Entry, EntryKind, Recorded, SqliteLedger

from tests.audit.records import (
    CREATE_TIME_US,
    audited_entry,
    audited_rows,
    expected_rows,
    fill,
    record,
)
from tests.full_disk import disk_full_after

_TABLES = tuple(AUDIT_TABLES)


def _assert_projected(folder: Path, entries: Sequence[Entry]) -> None:
    """The tables hold exactly these entries, the first of them recorded at 1."""
    expected = [expected_rows(entry, seq) for seq, entry in enumerate(entries, 1)]
    for table in _TABLES:
        rows = [row for of_entry in expected for row in of_entry.get(table, [])]
        assert rows == audited_rows(folder, table), table


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_entries_become_rows(ledger: SqliteLedger, folder: Path) -> None:
    """Every column of settlements, payers and lines arrives, cancels with their original."""
    entries = [
        *(audited_entry(number) for number in range(1, 30)),
        audited_entry(30, kind="cancel", original="S1"),
    ]
    # The cancel is of the same area as its original.
    entries[-1] = replace(entries[-1], pooling_area=entries[0].pooling_area)
    entries[-1] = replace(entries[-1], record=record(30, pooling_area=entries[0].pooling_area))
    ledger.append(entries, CREATE_TIME_US)

    with Projector(ledger, folder) as projector:
        assert 30 == projector.run_once()
        assert 30 == projector.last_seq

    _assert_projected(folder, entries)


def test_nothing_new_writes_nothing(ledger: SqliteLedger, folder: Path) -> None:
    """At the end of the ledger a run projects 0 entries and adds no segment."""
    fill(ledger, 1, 3)
    with Projector(ledger, folder) as projector:
        assert 3 == projector.run_once()
        assert 0 == projector.run_once()

    assert 1 == len(read_segments(folder))


def test_segments_follow_one_another(ledger: SqliteLedger, folder: Path) -> None:
    """Runs of limited size, a restart and a growing ledger give each entry one segment."""
    fill(ledger, 1, 10)
    with Projector(ledger, folder) as projector:
        assert [4, 4, 2, 0] == [projector.run_once(max_rows=4) for _ in range(4)]
    fill(ledger, 11, 12)
    with Projector(ledger, folder) as projector:
        assert 10 == projector.last_seq
        assert 2 == projector.run_once()

    stretches = [(one.first_seq, one.last_seq) for one in read_segments(folder)]
    assert [(1, 4), (5, 8), (9, 10), (11, 12)] == stretches
    _assert_projected(folder, [audited_entry(number) for number in range(1, 13)])


@pytest.mark.parametrize("kind", ["opening", "refusal", "tombstone", "message"])
def test_what_settles_nothing_has_no_rows_but_counts(
    ledger: SqliteLedger, folder: Path, kind: EntryKind
) -> None:
    """A segment of refusals only moves on in the ledger and has no files; openings have moves."""
    entries = [audited_entry(1, kind), audited_entry(2, kind), audited_entry(3)]
    ledger.append(entries, CREATE_TIME_US)
    with Projector(ledger, folder) as projector:
        assert 2 == projector.run_once(max_rows=2)
        assert 1 == projector.run_once()

    assert [0, 2] == [
        len({file.table for file in one.files} & {"settlements", "payers"})
        for one in read_segments(folder)
    ]
    first = {file.table for file in read_segments(folder)[0].files}
    assert ({"moves"} if kind == "opening" else set()) == first
    _assert_projected(folder, entries)


def test_the_same_ledger_gives_the_same_bytes(ledger: SqliteLedger, tmp_path: Path) -> None:
    """Two projections in the same steps agree to the last byte, so their seals agree."""
    fill(ledger, 1, 20)
    heads = []
    for name in ("one", "two"):
        with Projector(ledger, tmp_path / name) as projector:
            while projector.run_once(max_rows=7):
                pass
        heads.append(verify(tmp_path / name))

    assert heads[0] == heads[1]
    assert (3, 20) == (heads[0].segments, heads[0].last_seq)


def test_any_engine_reads_the_folder(ledger: SqliteLedger, folder: Path) -> None:
    """PyArrow and DuckDB read the folders as Hive partitions, without the manifest."""
    fill(ledger, 1, 22)
    with Projector(ledger, folder) as projector:
        projector.run_once()

    for table in {*_TABLES} - {"moves"}:
        count = len(audited_rows(folder, table))
        found = ds.dataset(folder / table, partitioning="hive").to_table()
        assert count == found.num_rows
        assert {"2024-04", "2024-05"} == set(found["service_month"].to_pylist())
        rows = duckdb.execute(
            f"select count(*), count(distinct pooling_area), count(distinct service_month) "
            f"from '{folder}/{table}/**/*.parquet'"
        ).fetchall()
        assert [(count, 2, 2)] == rows


def test_national_names_travel_with_the_files(ledger: SqliteLedger, folder: Path) -> None:
    """A Parquet file says which field of the national interface a column is."""
    fill(ledger, 1, 1)
    with Projector(ledger, folder) as projector:
        projector.run_once()

    schema = ds.dataset(folder / "settlements", partitioning="hive").schema
    assert b"medfee_sumamt" == schema.field("total_fen").metadata[b"alias"]


def test_leftovers_of_a_crash_are_removed(ledger: SqliteLedger, folder: Path) -> None:
    """Files of the segment that a crash interrupted go at the next start, listed ones stay."""
    fill(ledger, 1, 20)
    with Projector(ledger, folder) as projector:
        projector.run_once(max_rows=10)
        before = _names(folder)
    partition = folder / "payers" / "pooling_area=999900" / "service_month=2024-04"
    (partition / "000000000011-000000000017.parquet").write_bytes(b"whole or not")
    (partition / "000000000011-000000000020.parquet.tmp").write_bytes(b"half")

    with Projector(ledger, folder) as projector:
        assert before == _names(folder)
        projector.run_once()
    _assert_projected(folder, [audited_entry(number) for number in range(1, 21)])


@pytest.mark.parametrize("name", ["000000000001-000000000002.parquet", "mine.parquet"])
def test_files_that_no_crash_explains_stop_the_projector(
    ledger: SqliteLedger, folder: Path, name: str
) -> None:
    """A file elsewhere in the sequence, or of another name, is reported and left in place."""
    fill(ledger, 1, 20)
    with Projector(ledger, folder) as projector:
        projector.run_once(max_rows=10)
    foreign = folder / "payers" / name
    foreign.write_bytes(b"")

    with pytest.raises(AuditCorrupt, match=name):
        Projector(ledger, folder)
    assert foreign.exists()


def test_a_lost_manifest_loses_no_segments(ledger: SqliteLedger, folder: Path) -> None:
    """Without its manifest, or with an empty one, a folder of segments is left as it is."""
    fill(ledger, 1, 20)
    with Projector(ledger, folder) as projector:
        projector.run_once(max_rows=10)
        projector.run_once(max_rows=10)
    manifest = folder / "manifest.jsonl"
    parquet = set(folder.rglob("*.parquet"))

    manifest.write_bytes(b"")
    with pytest.raises(AuditCorrupt, match="not in the manifest"):
        Projector(ledger, folder)
    manifest.unlink()
    with pytest.raises(AuditCorrupt, match="is missing"):
        Projector(ledger, folder)
    assert parquet == set(folder.rglob("*.parquet"))


@pytest.mark.slow
def test_a_torn_manifest_line_counts_for_nothing(ledger: SqliteLedger, folder: Path) -> None:
    """However much of the last line reached the disk, its segment is written again, once."""
    fill(ledger, 1, 8)
    with Projector(ledger, folder) as projector:
        projector.run_once(max_rows=4)
        projector.run_once(max_rows=4)
    manifest = folder / "manifest.jsonl"
    whole = manifest.read_bytes()
    first_line = whole.index(b"\n") + 1
    for length in range(first_line, len(whole), 97):
        manifest.write_bytes(whole[:length])
        with Projector(ledger, folder) as projector:
            assert 4 == projector.last_seq
            assert first_line == manifest.stat().st_size
            assert 4 == projector.run_once(max_rows=4)
        assert whole == manifest.read_bytes()


def test_a_ledger_behind_its_audit_log_is_refused(
    ledger: SqliteLedger, folder: Path, tmp_path: Path
) -> None:
    """An older ledger put back under a newer audit log stops the projector."""
    fill(ledger, 1, 3)
    with Projector(ledger, folder) as projector:
        projector.run_once()
    with SqliteLedger(tmp_path / "older.sqlite") as older:
        fill(older, 1, 2)
        with pytest.raises(AuditCorrupt, match=r"up to 3.*ends at 2"):
            Projector(older, folder)


def test_a_ledger_that_went_another_way_is_refused(
    ledger: SqliteLedger, folder: Path, tmp_path: Path
) -> None:
    """Also where the last segment has no row, and where the same request was recorded again."""
    refusal = replace(audited_entry(2), kind="refusal", institution_settlement=None)
    ledger.append([audited_entry(1)], CREATE_TIME_US)
    ledger.append([refusal], CREATE_TIME_US)
    with Projector(ledger, folder) as projector:
        projector.run_once(1)
        projector.run_once(1)
    for moment, second in [(0, audited_entry(4)), (1, refusal)]:
        with SqliteLedger(tmp_path / f"other-{moment}.db") as other:
            other.append([audited_entry(1)], CREATE_TIME_US)
            other.append([second, audited_entry(5)], CREATE_TIME_US + moment)
            with pytest.raises(AuditCorrupt, match="another ledger, or went another way"):
                Projector(other, folder)


def test_a_folder_has_one_projector(ledger: SqliteLedger, folder: Path) -> None:
    """A second projector is refused until the first is closed."""
    with Projector(ledger, folder), pytest.raises(Precondition, match="another projector"):
        Projector(ledger, folder)
    with Projector(ledger, folder):
        pass


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        pytest.param(b"no JSON", "ledger entry 2", id="not-json"),
        pytest.param(b"[]", "ledger entry 2", id="not-an-object"),
        pytest.param(b'{"settlement": {}}', "ledger entry 2", id="no-columns"),
        pytest.param(record(2, total_fen=1.0), "settlements.total_fen", id="float-amount"),
        pytest.param(record(2, total_fen="1"), "settlements.total_fen", id="text-amount"),
        pytest.param(record(2, total_fen=None), "settlements.total_fen", id="missing-amount"),
        pytest.param(record(2, total_fen=2**63), "settlements.total_fen", id="amount-too-large"),
        pytest.param(record(2, service_date="2024-13-01"), "service_date", id="no-such-day"),
        pytest.param(record(2, policy=7), "settlements.policy", id="number-for-a-code"),
    ],
)
def test_a_record_that_is_no_settlement_writes_nothing(
    ledger: SqliteLedger, folder: Path, bad: bytes, message: str
) -> None:
    """A bug in a record is named by entry or column, and the audit tables stay as they were."""
    ledger.append([audited_entry(1), replace(audited_entry(2), record=bad)], CREATE_TIME_US)
    with Projector(ledger, folder) as projector:
        projector.run_once(max_rows=1)
        before = _names(folder)
        with pytest.raises(InternalError, match=message):
            projector.run_once()
        assert before == _names(folder)
        assert 1 == projector.last_seq


class _Feed:
    """A ledger that says what it is told to."""

    def __init__(self, entries: Sequence[Recorded]) -> None:
        self._entries = entries

    def page(self, *, after_seq: int, limit: int) -> Sequence[Recorded]:
        """Return the entries after `after_seq`."""
        return [entry for entry in self._entries if entry.seq > after_seq][:limit]

    def postings(self, first_seq: int, last_seq: int) -> Sequence[Posted]:
        """Return that nothing was moved."""
        assert 1 <= first_seq <= last_seq
        return []

    def last_seq(self) -> int:
        """Return the highest number."""
        return max(entry.seq for entry in self._entries)


def _opening(seq: int, content: bytes) -> Recorded:
    return Recorded(
        seq=seq,
        create_time_us=CREATE_TIME_US,
        kind="opening",
        settlement=f"S{seq}",
        original=None,
        institution="H1",
        request_id=f"R{seq}",
        institution_settlement=None,
        pooling_area="999900",
        person="P1",
        service_day=0,
        content_digest=b"",
        record=content,
    )


def test_a_segment_is_bounded_in_bytes(folder: Path) -> None:
    """Large records end a segment early; each entry is still projected once."""
    half = bytes(limits.AUDIT_SEGMENT_BYTES_MAX // 2)
    with Projector(_Feed([_opening(seq, half) for seq in range(1, 6)]), folder) as projector:
        assert [2, 2, 1, 0] == [projector.run_once() for _ in range(4)]


def test_a_gap_in_the_ledger_is_not_projected(folder: Path) -> None:
    """When a number is missing, nothing is written that would hide it."""
    with (
        Projector(_Feed([_opening(1, b""), _opening(3, b"")]), folder) as projector,
        pytest.raises(InternalError, match="gap after seq 0"),
    ):
        projector.run_once()
    assert [] == read_segments(folder)


def test_a_run_has_bounds(ledger: SqliteLedger, folder: Path) -> None:
    """No run is asked for nothing, or for more than a segment holds."""
    with Projector(ledger, folder) as projector:
        for max_rows in (0, limits.AUDIT_SEGMENT_ROWS_MAX + 1):
            with pytest.raises(AssertionError):
                projector.run_once(max_rows=max_rows)


def test_a_failing_disk_closes_the_projector(ledger: SqliteLedger, folder: Path) -> None:
    """After a failed write the projector does no more; the next one does the work, once."""
    fill(ledger, 1, 20)
    with Projector(ledger, folder) as projector:
        projector.run_once(max_rows=10)
        with disk_full_after(2_000), pytest.raises(OSError, match="File too large"):
            projector.run_once()
        with pytest.raises(InternalError, match="closed"):
            projector.run_once()

    with Projector(ledger, folder) as projector:
        assert 10 == projector.run_once()
    _assert_projected(folder, [audited_entry(number) for number in range(1, 21)])
