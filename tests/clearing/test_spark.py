"""Books compared by a real cluster of Spark: the same bytes as by sketch and by join."""

import re
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from medsettle import limits
from medsettle.clearing.made.books import MadeBooks, make_books
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.reconcile import By, Reconciliation, reconcile
from medsettle.clearing.matching.sources_parquet import parquet_book
from medsettle.clearing.spark.books import Part
from medsettle.clearing.spark.job import SPARK, reconcile_in, reconcile_on_spark
from medsettle.cli.reconcile_spark import days_of, found_on_spark
from medsettle.errors import InvalidRequest, Precondition
from medsettle.replay.spark import replay_in

from tests.clearing.books import DAY, Row, row, table
from tests.spark_cluster import Cluster, killed_worker, session_on, skip_without_java

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start a master and two workers."""
    skip_without_java()
    with Cluster(tmp_path_factory.mktemp("spark"), workers=2) as started:
        yield started


@pytest.fixture(scope="module")
def session(cluster: Cluster) -> Iterator["SparkSession"]:
    """Open a session on them."""
    with session_on(cluster) as opened:
        yield opened


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeBooks:
    """Make three books of 4,000 settlements with 120 differences of every cause."""
    return make_books(tmp_path_factory.mktemp("books"), rows=4_000, differences=120)


@pytest.fixture(scope="module")
def tables(made: MadeBooks, tmp_path_factory: pytest.TempPathFactory) -> dict[Side, Path]:
    """Write them as tables that are partitioned by the area of insurance, a folder each."""
    folder = tmp_path_factory.mktemp("tables")
    for side, path in made.books.items():
        book = pq.read_table(path)
        parts = ds.partitioning(pa.schema([("pooling_area", pa.string())]), flavor="hive")
        ds.write_dataset(book, folder / side, format="parquet", partitioning=parts)
    return {side: folder / side for side in made.books}


@pytest.fixture(scope="module")
def expected(
    tables: Mapping[Side, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[By, Reconciliation]:
    """Reconcile them on this machine alone."""
    return {by: _alone(tmp_path_factory.mktemp(by), tables, by) for by in By}


def _alone(scratch: Path, paths: Mapping[Side, Path], by: By) -> Reconciliation:
    books = {side: parquet_book(side, path) for side, path in paths.items()}
    return reconcile(books, scratch=scratch, by=by)


def _on(session: "SparkSession", paths: Mapping[Side, Path]) -> Reconciliation:
    return reconcile_in(session, {side: [path] for side, path in paths.items()})


def _stream(found: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, found.schema) as writer:
        writer.write_table(found.combine_chunks())
    written: bytes = sink.getvalue().to_pybytes()
    return written


def _file(found: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(found, sink, compression="zstd")
    written: bytes = sink.getvalue().to_pybytes()
    return written


def _assert_same(expected: Reconciliation, found: Reconciliation) -> None:
    for name in ("differences", "totals"):
        own, other = getattr(expected, name), getattr(found, name)
        assert _stream(own) == _stream(other)
        assert _file(own) == _file(other)
    assert expected.agreeing == found.agreeing
    assert expected.odd.columns == found.odd.columns
    assert all(rows.equals(found.odd.rows[side]) for side, rows in expected.odd.rows.items())
    assert [(each.rows, each.columns, each.digest) for each in expected.books.values()] == [
        (each.rows, each.columns, each.digest) for each in found.books.values()
    ]


def test_a_cluster_gives_the_bytes_of_one_machine(
    session: "SparkSession",
    tables: Mapping[Side, Path],
    made: MadeBooks,
    expected: Mapping[By, Reconciliation],
) -> None:
    """Differences, totals and digests are those by sketch and by join, and all that was planted."""
    found = _on(session, tables)

    assert (SPARK, 0) == (found.found_by, found.cells)
    for each in expected.values():
        _assert_same(each, found)
    truth = pq.read_table(made.truth).to_pylist()
    planted = {
        each["item"]: each["difference_class"]
        for each in truth
        if each["difference_class"] is not None and not each["repeated"]
    }
    items = found.differences.select(["item", "difference_class"]).to_pylist()
    assert planted == {each["item"]: each["difference_class"] for each in items}


def test_a_worker_that_is_killed_changes_nothing(
    cluster: Cluster,
    session: "SparkSession",
    tables: Mapping[Side, Path],
    expected: Mapping[By, Reconciliation],
) -> None:
    """A worker and its executor are killed while rows are hashed; the other does their work."""
    # Reading what all books hold takes a task for each part, and no other stage so many.
    with killed_worker(cluster, session, tasks=5):
        found = _on(session, tables)

    _assert_same(expected[By.JOIN], found)


def _written(folder: Path, books: Mapping[Side, Sequence[Row]]) -> dict[Side, Path]:
    paths = {side: folder / f"{side}.parquet" for side in books}
    for side, rows in books.items():
        pq.write_table(table(rows), paths[side])
    return paths


def _many(count: int, **values: str) -> list[Row]:
    return [row(f"s{number}", request_id=f"r{number}", **values) for number in range(count)]


def test_what_a_book_does_not_know_is_no_difference(
    session: "SparkSession", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More rows than are classified lack a policy in one book; one of all differs, and is found."""
    monkeypatch.setattr(limits, "ODD_ROWS_MAX", 5)
    insured = _many(9, policy="p")
    care = [*_many(7), row("s7", request_id="r7", policy="p"), row("s8", request_id="r8")]
    care[3] |= {"cash_fen": 2_999}
    paths = _written(tmp_path, {Side.INSURED: insured, Side.CARE: care})

    found = _on(session, paths)

    assert ["s3"] == found.odd.rows[Side.CARE]["settlement"].to_pylist()
    assert 8 == found.agreeing
    _assert_same(_alone(tmp_path, paths, By.JOIN), found)


def test_too_many_odd_rows_are_refused(
    session: "SparkSession", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many rows as the bound are classified, one more is refused and says what to do."""
    monkeypatch.setattr(limits, "ODD_ROWS_MAX", 5)
    enough = _written(tmp_path, {Side.INSURED: _many(5), Side.CARE: []})

    assert 5 == _on(session, enough).odd.rows[Side.INSURED].num_rows

    more = _written(tmp_path, {Side.INSURED: _many(6), Side.CARE: []})
    with pytest.raises(Precondition, match=r"more than 5 rows of the books differ.*fewer days"):
        _on(session, more)


def test_national_names_mean_yuan(session: "SparkSession", tmp_path: Path) -> None:
    """A book under national names is read as it is on one machine: 100.00 yuan are 10,000 fen."""
    ours = [row("s1"), row("s2", total_fen=10_001)]
    theirs = pa.table(
        {
            "setl_id": ["s1", "s2"],
            "medfee_sumamt": pa.array([Decimal("100.00")] * 2, pa.decimal128(16, 2)),
            "fund_pay_sumamt": ["70.00", "70.00"],
            "setl_time": ["2026-03-31 09:10:00"] * 2,
        }
    )
    paths = _written(tmp_path, {Side.INSURED: ours}) | {Side.CARE: tmp_path / "theirs.parquet"}
    pq.write_table(theirs, paths[Side.CARE])

    found = _on(session, paths)

    assert ["s2"] == found.odd.rows[Side.INSURED]["settlement"].to_pylist()
    assert ["total_fen"] == found.differences["differing"][0].as_py()
    _assert_same(_alone(tmp_path, paths, By.SKETCH), found)


def test_a_part_of_the_books_is_compared(session: "SparkSession", tmp_path: Path) -> None:
    """Of two days the first is compared, also in a book that tells days by national moments."""
    ours = [row("s1", record_date=DAY), row("s2", record_date=DAY + timedelta(days=1))]
    # 23:59:59 and 00:00:00 in China, whatever the zone of this machine.
    moments = ["2026-03-31 23:59:59", "2026-04-01 00:00:00"]
    theirs = pa.table({"setl_id": ["s1", "s3"], "setl_time": moments})
    paths = _written(tmp_path, {Side.INSURED: ours}) | {Side.CARE: tmp_path / "theirs.parquet"}
    pq.write_table(theirs, paths[Side.CARE])
    books = {side: [path] for side, path in paths.items()}

    found = reconcile_in(session, books, part=Part(DAY, DAY))

    assert (1, 0) == (found.agreeing, found.differences.num_rows)
    assert [1, 1] == [each.rows for each in found.books.values()]
    with pytest.raises(InvalidRequest, match="has no care_area, by which records were to be"):
        reconcile_in(session, books, part=Part(care_area="999002"))


def test_what_is_wrong_is_told_with_its_place(session: "SparkSession", tmp_path: Path) -> None:
    """A code that is none, and an amount beyond its bound, are found by the executors."""
    most = limits.AMOUNT_FEN_MAX
    wrong = [row("s1"), row("s2", kind="paid"), row("s3", total_fen=most + 1)]
    right = [row("s1"), row("s2"), row("s3", total_fen=most)]
    paths = _written(tmp_path, {Side.INSURED: right, Side.CARE: wrong})

    with pytest.raises(InvalidRequest) as refused:
        _on(session, paths)

    care = paths[Side.CARE].as_uri().replace("file:///", "file:/")
    places = [each.path.replace("file:///", "file:/") for each in refused.value.faults]
    assert [f"{care}:2.kind", f"{care}:3.total_fen"] == places
    assert f"{most + 1} fen is beyond {most} fen" == refused.value.faults[1].message


def test_a_column_of_the_wrong_type_is_refused(session: "SparkSession", tmp_path: Path) -> None:
    """An amount in a float is refused before a row is read."""
    paths = _written(tmp_path, {Side.INSURED: _many(2), Side.CARE: _many(2)})
    floats = pa.table({"settlement": ["s1"], "total_fen": [1.5]})
    pq.write_table(floats, paths[Side.CARE])

    with pytest.raises(
        InvalidRequest, match=r"total_fen: double holds no amounts; write whole fen"
    ):
        _on(session, paths)


def test_a_missing_folder_is_refused(session: "SparkSession", tmp_path: Path) -> None:
    """Where nothing is, the message names the path and what to name instead."""
    paths = _written(tmp_path, {Side.INSURED: _many(2)}) | {Side.CARE: tmp_path / "nowhere"}

    with pytest.raises(InvalidRequest, match=r"nowhere: cannot be read: .*name Parquet files"):
        _on(session, paths)


def test_one_book_is_compared_with_nothing(session: "SparkSession", tmp_path: Path) -> None:
    """Two books are needed, whichever they are."""
    with pytest.raises(Precondition, match="1 book is compared with nothing; open two or three"):
        _on(session, _written(tmp_path, {Side.CARE: _many(2)}))


def test_a_second_session_is_refused(session: "SparkSession", tmp_path: Path) -> None:
    """Spark would hand out the first, whatever master is named; so it is said."""
    paths = _written(tmp_path, {side: _many(2) for side in Side})
    books = {side: [path] for side, path in paths.items()}

    with pytest.raises(
        Precondition, match="a session of Spark runs in this process already"
    ) as caught:
        reconcile_on_spark(books, master="local[1]")
    named = re.findall(r"[a-z_]+(?:\.[a-z_]+)+", caught.value.message)
    taking = [resolve_name(f"medsettle.{name}") for name in named]
    assert [reconcile_in, replay_in] == taking


def test_a_master_that_does_not_answer_is_told_at_once() -> None:
    """A port that nobody listens at is named."""
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(ConnectionError, match=f"127.0.0.1:{port}.*start it, or name another"):
            found_on_spark(f"spark://127.0.0.1:{port}", {Side.CARE: "care.parquet"})


def test_executors_without_packages_are_told(
    session: "SparkSession", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Python that has nothing installed cannot hash; the message says what is missing."""
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    bare.chmod(0o700)
    monkeypatch.setattr(session.sparkContext, "pythonExec", str(bare))
    paths = _written(tmp_path, {side: _many(2) for side in Side})

    with pytest.raises(Precondition, match=r"No module named .*; install medsettle for the Python"):
        _on(session, paths)


def test_groups_of_totals_have_a_bound(
    session: "SparkSession", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two days are two groups: as many as may be, and one more."""
    days = [row("s1"), row("s2", record_date=DAY + timedelta(days=1))]
    paths = _written(tmp_path, {Side.INSURED: days, Side.CARE: days})

    monkeypatch.setattr(limits, "TOTAL_GROUPS_MAX", 2)
    found = _on(session, paths)
    assert [True, True] == found.totals["flat"].to_pylist()
    assert (DAY, DAY + timedelta(days=1)) == days_of(found)

    monkeypatch.setattr(limits, "TOTAL_GROUPS_MAX", 1)
    with pytest.raises(Precondition, match="has more than 1 groups of record_date"):
        _on(session, paths)

    # The other book keeps within the bound; not all of its groups need be here by then.
    many = [row(f"s{n}", record_date=DAY + timedelta(days=n)) for n in range(9)]
    paths = _written(tmp_path, {Side.INSURED: days[:1], Side.CARE: many})
    with pytest.raises(Precondition, match=r"care\.parquet has more than 1 groups"):
        _on(session, paths)


def test_without_pyspark_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The base package does without; who asks for Spark is told what to install."""
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)

    with pytest.raises(Precondition, match=r"run pip install 'medsettle\[spark\]'"):
        reconcile_on_spark({}, master="local[1]")
