"""Whoever runs a printed query in DuckDB gets the figure, over all parts at once."""

import shutil
from pathlib import Path

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from medsettle import limits
from medsettle.errors import InvalidRequest, NotFound, Precondition, StoreUnavailable
from medsettle.replay.compare import compare
from medsettle.replay.compare_folders import Results
from medsettle.replay.compare_options import CompareOptions
from medsettle.replay.layout import BASELINE, RESULTS_MANIFEST, WRITTEN_BY

from tests.replay_report.compared_worlds import REFORMS
from tests.replay_report.conftest import Replayed


def _statements(path: Path) -> dict[str, str]:
    """Return the statements of a file of queries, by the names that stand before them."""
    found = {}
    for text in path.read_text(encoding="utf-8").split(";\n"):
        if text.strip():
            name, _, statement = text.strip().partition("\n")
            found[name.removeprefix("-- ")] = statement
    return found


@pytest.mark.parametrize("reform", REFORMS)
def test_the_queries_of_a_file_give_the_figures(
    replayed: Replayed, reform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run anew in a copy of the folder, claims and persons made over again by their queries."""
    shutil.copytree(replayed.folder, tmp_path / "copy")
    folder = tmp_path / "copy" / "comparison"
    (folder / reform / "claims.parquet").unlink()
    (folder / reform / "persons.parquet").unlink()
    monkeypatch.chdir(folder)
    statements = _statements(folder / reform / "queries.sql")
    (figures,) = [each for each in replayed.comparison.reforms if each.reform == reform]

    assert ["claims", "persons", *figures.figures] == [*statements]
    with duckdb.connect(":memory:") as connection:
        for name, statement in statements.items():
            answer = connection.sql(statement)
            if name in figures.figures:
                expected = figures.figures[name].table.to_pylist()
                assert expected == answer.to_arrow_table().to_pylist()
                kept = pq.read_table(folder / reform / "figures" / f"{name}.parquet")
                assert expected == kept.to_pylist()
    for name in ("claims", "persons"):
        again = pq.read_table(folder / reform / f"{name}.parquet")
        first = pq.read_table(replayed.out / reform / f"{name}.parquet")
        assert first.to_pylist() == again.to_pylist()


def test_parts_may_be_narrower(replayed: Replayed, tmp_path: Path) -> None:
    """A first part with amounts in 32 bits, and a history part without what no claim states."""
    shutil.copytree(replayed.folder, tmp_path / "copy")
    copy = tmp_path / "copy"
    for path in sorted((copy / "results" / "claims").rglob("part-00000.parquet")):
        table = pq.read_table(path, partitioning=None)
        narrow = [
            pa.field(each.name, pa.int32() if each.type == pa.int64() else each.type)
            for each in table.schema
        ]
        pq.write_table(table.cast(pa.schema(narrow)), path)
    path = copy / "history" / "claims" / "part-00001.parquet"
    table = pq.read_table(path, partitioning=None)
    standing = table.column("taken_back").null_count == table.num_rows
    pq.write_table(table.drop_columns(["benefit_groups", *(["taken_back"] * standing)]), path)
    results = Results.open(copy / "results", copy / "history")

    again = compare(results, copy / "comparison")

    for first, other in zip(replayed.comparison.reforms, again.reforms, strict=True):
        for name in set(first.figures) - {"by_benefit_group"}:
            assert first.figures[name].table.equals(other.figures[name].table), name
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"set file_search_path = '{copy / 'comparison'}'")
        text = again.reforms[0].figures["left_out"].form.sql
        answer = connection.sql(text).to_arrow_table().to_pylist()
        assert answer == again.reforms[0].figures["left_out"].rows()


def test_results_of_an_older_program_are_refused(replayed: Replayed, tmp_path: Path) -> None:
    """One world lacks a column that comparisons ask for."""
    shutil.copytree(replayed.folder / "results", tmp_path / "results")
    for path in (tmp_path / "results" / "claims" / "july").iterdir():
        table = pq.read_table(path, partitioning=None).drop_columns(["past_caps"])
        pq.write_table(table, path)

    with pytest.raises(InvalidRequest, match="lacks the columns past_caps; replay again"):
        Results.open(tmp_path / "results", replayed.folder / "history")


@pytest.fixture
def copied(replayed: Replayed, tmp_path: Path) -> Path:
    """Return a copy of the results that a test may spoil."""
    shutil.copytree(replayed.folder / "results", tmp_path / "results")
    return tmp_path / "results"


def _said(folder: Path, history: Path, kind: type[Exception]) -> str:
    with pytest.raises(kind) as caught:
        Results.open(folder, history)
    return str(caught.value)


def test_a_replay_that_has_not_finished_is_told(replayed: Replayed, copied: Path) -> None:
    """The first part that is missing is named, and what goes on with it."""
    path = copied / "claims" / "july" / "part-00001.parquet"
    path.unlink()

    said = _said(copied, replayed.folder / "history", Precondition)
    assert f"{path} is not there: the replay has not finished" in said


def test_files_of_a_cluster_are_counted_together(
    replayed: Replayed, copied: Path, tmp_path: Path
) -> None:
    """A cluster cuts and calls its files as it likes; all of them have every claim once."""
    manifest = copied / RESULTS_MANIFEST
    told = orjson.loads(manifest.read_bytes()) | {WRITTEN_BY: "spark"}
    manifest.write_bytes(orjson.dumps(told))
    history = replayed.folder / "history"
    for world in (copied / "claims").iterdir():
        parts = sorted(world.iterdir())
        rows = pa.concat_tables(pq.read_table(path, partitioning=None) for path in parts)
        for path in parts:
            path.unlink()
        for number, piece in enumerate((rows.slice(0, 3), rows.slice(3), rows.slice(0, 0))):
            pq.write_table(piece, world / f"part-0000{number}-0f3c.snappy.parquet")

    results = Results.open(copied, history)
    assert tuple(sorted(REFORMS)) == results.reforms
    again = compare(results, tmp_path / "out")
    for first, other in zip(replayed.comparison.reforms, again.reforms, strict=True):
        for name, figure in first.figures.items():
            assert figure.table.equals(other.figures[name].table), name
    (copied / "claims" / BASELINE / "part-00000-0f3c.snappy.parquet").unlink()
    said = _said(copied, history, Precondition)
    assert "the job has not finished. Give `medsettle replay` again; it begins anew" in said


def test_a_baseline_alone_is_told(replayed: Replayed, copied: Path) -> None:
    """There is nothing to compare; without claims, nothing was kept."""
    for reform in REFORMS:
        shutil.rmtree(copied / "claims" / reform)
    said = _said(copied, replayed.folder / "history", Precondition)
    assert "has the worlds baseline; a comparison needs baseline and a reform" in said
    shutil.rmtree(copied / "claims")
    said = _said(copied, replayed.folder / "history", Precondition)
    assert "kept differences only" in said


def test_reforms_up_to_a_bound(replayed: Replayed, copied: Path) -> None:
    """A page compares so many reforms and not one more."""
    claims = copied / "claims"
    for at in range(limits.COMPARE_REFORMS_MAX - len(REFORMS)):
        shutil.copytree(claims / "july", claims / f"more-{at}")
    found = Results.open(copied, replayed.folder / "history")
    assert limits.COMPARE_REFORMS_MAX == len(found.reforms)
    shutil.copytree(claims / "july", claims / "one-more")
    said = _said(copied, replayed.folder / "history", InvalidRequest)
    assert f"a page compares at most {limits.COMPARE_REFORMS_MAX}" in said


def test_files_of_something_else_are_told(replayed: Replayed, copied: Path) -> None:
    """A manifest, a history and a part that are not what they should be."""
    history = replayed.folder / "history"
    part = copied / "claims" / BASELINE / "part-00000.parquet"
    table = pq.read_table(part, partitioning=None)
    pq.write_table(table.slice(1), part)
    assert "rows, and the history has" in _said(copied, history, InvalidRequest)
    pq.write_table(table.drop_columns(["cash_fen", "outcome"]), part)
    assert "lacks the columns cash_fen, outcome" in _said(copied, history, InvalidRequest)
    part.write_bytes(b"PAR1")
    assert "is no Parquet file of results" in _said(copied, history, InvalidRequest)
    manifest = copied / "replay.json"
    raw = manifest.read_text().replace('"digest":"', '"digest":"0')
    manifest.write_text(raw)
    assert "name the history that was replayed" in _said(copied, history, InvalidRequest)
    manifest.write_text("{}")
    assert "the replay was of None" in _said(copied, history, InvalidRequest)
    manifest.write_text("[]")
    assert "is no JSON object" in _said(copied, history, InvalidRequest)
    manifest.write_text("{")
    assert "is no JSON" in _said(copied, history, InvalidRequest)
    manifest.unlink()
    assert "no replay wrote into this folder" in _said(copied, history, NotFound)


def test_the_history_beside_the_results_is_found(replayed: Replayed, copied: Path) -> None:
    """That of a replay which made it itself; without it, one has to be named."""
    shutil.copytree(replayed.folder / "history", copied / "history")

    assert copied / "history" == Results.open(copied).history.folder
    shutil.rmtree(copied / "history")
    with pytest.raises(NotFound, match="name the one that was replayed with --history"):
        Results.open(copied)


def test_nothing_settled_in_both_worlds_is_told(
    replayed: Replayed, copied: Path, tmp_path: Path
) -> None:
    """A page of nothing would look like no change."""
    for path in (copied / "claims" / "july").iterdir():
        table = pq.read_table(path, partitioning=None)
        refused = pa.array(["class_not_covered"] * table.num_rows)
        at = table.schema.get_field_index("outcome")
        pq.write_table(table.set_column(at, "outcome", refused), path)
    results = Results.open(copied, replayed.folder / "history")

    with pytest.raises(Precondition) as caught:
        compare(results, tmp_path / "out")
    assert "no claim is settled in both july and the baseline" in str(caught.value)
    assert not list((tmp_path / "out").rglob("*.tmp"))


def test_a_part_that_is_damaged_is_told(replayed: Replayed, copied: Path, tmp_path: Path) -> None:
    """The foot of the file is whole, and what stands before it is not."""
    path = copied / "claims" / "july" / "part-00000.parquet"
    raw = bytearray(path.read_bytes())
    raw[4 : len(raw) // 2] = bytes(len(raw) // 2 - 4)
    path.write_bytes(raw)
    results = Results.open(copied, replayed.folder / "history")

    with pytest.raises((InvalidRequest, StoreUnavailable)) as caught:
        compare(results, tmp_path / "out")
    assert "july" in str(caught.value)
    assert not (tmp_path / "out" / "july" / "claims.parquet").exists()


def test_what_a_killed_comparison_left_is_removed(replayed: Replayed, tmp_path: Path) -> None:
    """It could not remove what it had spilled; nothing else would ever."""
    left = tmp_path / ".spill-killed"
    left.mkdir()
    (left / "duckdb_temp_storage-0.tmp").write_bytes(bytes(10))
    results = Results.open(replayed.folder / "results", replayed.folder / "history")

    compare(results, tmp_path)

    assert [BASELINE, *REFORMS] == sorted(path.name for path in tmp_path.iterdir())


def test_other_thresholds_are_counted(replayed: Replayed, tmp_path: Path) -> None:
    """Those of the options, and no others."""
    options = CompareOptions(change_fen=(1,), burden_percent=(5, 99), burden_fen=(1_00,))
    results = Results.open(replayed.folder / "results", replayed.folder / "history")
    for each in compare(results, tmp_path, options).reforms:
        (change,) = each.figures["large_changes"].rows()
        sides = {row["side"]: row["person_years"] for row in each.figures["winners"].rows()}
        assert (1, sides.get("gains", 0), sides.get("loses", 0)) == (
            change["threshold_fen"],
            change["winners"],
            change["losers"],
        )
        burden = [(row["percent"], row["threshold_fen"]) for row in each.figures["burden"].rows()]
        assert [(5, None), (99, None), (None, 100)] == burden
