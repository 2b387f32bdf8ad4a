"""A history replayed by a real cluster of Spark: the rows of one machine, whatever happens."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from medsettle import limits
from medsettle.cli.exits import Exit
from medsettle.errors import InvalidRequest, NotFound, Precondition
from medsettle.replay.history import History, HistoryWriter
from medsettle.replay.layout import BASELINE, HISTORY_LINE, SPLIT, arrow_schema
from medsettle.replay.manifest import MANIFEST
from medsettle.replay.part import PartOptions, replay_part
from medsettle.replay.run import replay
from medsettle.replay.spark import replay_in, replay_on_spark
from medsettle.replay.whole_persons import BatchSize
from medsettle.replay.worlds import World, worlds_of
from medsettle.settle.run import Settled, Settler

from tests.engine.engines import RULES
from tests.replay.made import (
    Cancel,
    Claim,
    Event,
    Life,
    Move,
    checked,
    expected,
    history_of,
    one_by_one,
    real_examples,
    real_rules,
    recorded,
    rows_of,
    tables_of,
    whose,
)
from tests.service.claims import claim
from tests.spark_cluster import Cluster, killed_worker, session_on, skip_without_java

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow

_ROOT = Path(__file__).parents[2]
_PERSONS = 24
_LONG = 5
"""A person with more claims than a batch."""
_HIGHER = """
format: 1
overlay: higher-rate
changes: example-outpatient
from: 2024-07-01
title: 80 % become 90 %
set:
  tables:
    fund_rate:
      versions:
        - from: 2024-07-01
          source: notice
          value: 90%
"""


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
def worlds(tmp_path_factory: pytest.TempPathFactory) -> list[World]:
    """Return the rules of the example area, and a reform of its outpatient rate."""
    return worlds_of(RULES, [_overlay(tmp_path_factory.mktemp("reform"))])


def _overlay(folder: Path) -> Path:
    path = folder / "overlay.yaml"
    path.write_text(_HIGHER, encoding="utf-8")
    return path


def _life(number: int, settler: Settler) -> Life:
    """Return visits of a person over a year as the reform would have settled them.

    Every second person has an account, every third takes back their first visit, and every fourth
    has a line that takes back half of another.
    """
    count = 20 if number == _LONG else 3 + number % 4
    life: list[Event] = [Move("account", 0, 30_000)] if number % 2 else []
    visits = []
    for at in range(count):
        day = date(2024, 1 + at * 12 // count, 3)
        row = claim(100 * number + at, 10_000 + 777 * at + number, person=f"P{number:02d}")
        lines = [{**line, "fee_date": day} for line in row["lines"]]
        if number % 4 == 0:
            (bill,) = lines
            half = {"quantity_e4": -5_000, "amount_fen": -(bill["amount_fen"] // 2)}
            lines.append({**bill, **half, "line_id": "back", "original_line": bill["line_id"]})
        dates = {"admission_date": day, "service_date": day}
        visits.append(len(life))
        life.append(Claim(checked({**row, **dates, "lines": lines})))
        if at == 1 and number % 3 == 0:
            life.append(Cancel(visits[0]))
    results = one_by_one(settler, life)
    known: list[Event] = []
    for event in life:
        if not isinstance(event, Claim):
            known.append(event)
            continue
        found = next(results)
        assert isinstance(found, Settled)
        known.append(recorded(event.row, found.settlement))
    return known


@pytest.fixture(scope="module")
def lives(worlds: Sequence[World]) -> list[Life]:
    """Return what happened to the persons, as recorded under the reform."""
    settler = Settler(worlds[1].book)
    return [_life(number, settler) for number in range(_PERSONS)]


@pytest.fixture(scope="module")
def history(lives: list[Life], tmp_path_factory: pytest.TempPathFactory) -> History:
    """Write them in three parts; a code of one part is nowhere else."""
    folder = tmp_path_factory.mktemp("history")
    return history_of(folder, lives[:4], lives[4:15], lives[15:])


@pytest.fixture(scope="module")
def alone(
    history: History, worlds: Sequence[World], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Replay it on this machine."""
    out = tmp_path_factory.mktemp("alone")
    replay(history, worlds, out, PartOptions(lines=True))
    return out


_TABLES = ("claims/baseline", "claims/higher-rate", "lines/baseline", "differences")


def _assert_same(expected_: Path, found: Path) -> None:
    """Hold all tables to be the same rows in the same order, and the manifests to say the same."""
    for name in _TABLES:
        one, other = (pq.read_table(folder / name) for folder in (expected_, found))
        assert one.num_rows
        assert one.schema.names == other.schema.names
        assert one.to_pylist() == other.to_pylist()
    one, other = (orjson.loads((folder / MANIFEST).read_bytes()) for folder in (expected_, found))
    assert {**one, "written_by": "spark"} == other


@pytest.mark.parametrize(
    ("partitions", "size"),
    [
        pytest.param(1, BatchSize(), id="one partition and batch"),
        pytest.param(3, BatchSize(7, 9), id="batches of some persons, and one person with more"),
        pytest.param(_PERSONS + 6, BatchSize(1, 1), id="a partition a person, and empty ones"),
    ],
)
def test_a_cluster_gives_the_rows_of_one_machine(
    session: "SparkSession",
    history: History,
    worlds: Sequence[World],
    alone: Path,
    tmp_path: Path,
    partitions: int,
    size: BatchSize,
) -> None:
    """Claims of both worlds, lines and differences, row for row, and who decided by digest."""
    found = replay_in(
        session,
        history.folder,
        worlds,
        tmp_path,
        PartOptions(lines=True),
        partitions=partitions,
        size=size,
    )

    assert (3, history.rows("claims"), 0) == (found.parts, found.claims, found.resumed)
    assert found.differences == pq.read_table(alone / "differences").num_rows
    _assert_same(alone, tmp_path)


def test_one_machine_and_each_claim_by_itself_say_the_same(
    lives: list[Life], worlds: Sequence[World], alone: Path
) -> None:
    """What the cluster is held to is what the settler says of one claim after another."""
    for world in worlds:
        rows = rows_of(pq.read_table(alone / "claims" / world.name))
        assert expected(Settler(world.book), lives) == rows


def test_a_worker_that_is_killed_changes_nothing(
    cluster: Cluster,
    session: "SparkSession",
    history: History,
    worlds: Sequence[World],
    alone: Path,
    tmp_path: Path,
) -> None:
    """A worker and its executor are killed while persons are replayed; the other does its work."""
    with killed_worker(cluster, session, tasks=20):
        replay_in(session, history.folder, worlds, tmp_path, PartOptions(lines=True), partitions=20)

    _assert_same(alone, tmp_path)


def test_shipped_areas_come_out_as_settled_one_by_one(
    session: "SparkSession", tmp_path: Path
) -> None:
    """Examples of every area, with all that a claim may state; one claim was split elsewhere."""
    world = World(BASELINE, real_rules())
    found: list[list[Event]] = []
    for area in sorted(real_examples()):
        for example in real_examples()[area][:5]:
            own = {"person": f"P{len(found):03d}"}
            rows = [checked(visit.claim) for visit in example.visits if visit.cancels is None]
            life: list[Event] = [Move("account", 0, 100_00)]
            for at, row in enumerate(rows):
                life.append(Claim({**row, **own, "request_id": f"R{len(found)}-{at}"}))
            found.append(life)
    lives = sorted(found, key=whose)
    aside = next(at for at, life in enumerate(lives) if _settles_elsewhere(life, world))
    number = sum(isinstance(event, Claim) for life in lives[:aside] for event in life)
    splits = _split_elsewhere(lives[aside], number)
    history = HistoryWriter(tmp_path / "history", {"made by": "a test"})
    history.add({**tables_of(lives), "splits": splits})
    replay(history.finish(), [world], tmp_path / "alone")

    replay_in(
        *(session, tmp_path / "history", [world], tmp_path / "out"),
        partitions=5,
        size=BatchSize(40, 60),
    )

    claims = pq.read_table(tmp_path / "out" / "claims" / BASELINE)
    assert pq.read_table(tmp_path / "alone" / "claims" / BASELINE).to_pylist() == claims.to_pylist()
    rows = rows_of(claims)
    assert ("settled", 1) == (rows[number]["outcome"], rows[number]["in_scope_fen"])
    settler = Settler(world.book)
    count = sum(isinstance(event, Claim) for event in lives[aside])
    assert expected(settler, lives[:aside]) == rows[:number]
    assert expected(settler, lives[aside + 1 :]) == rows[number + count :]


def _split_elsewhere(life: list[Event], number: int) -> pa.Table:
    """Let the first claim of a life state care elsewhere; return a split of its lines.

    A fen of the first line is in scope alone, whatever the catalogue of the insured area says.
    """
    at, event = next((at, each) for at, each in enumerate(life) if isinstance(each, Claim))
    life[at] = Claim({**event.row, "care_area": "999777"})
    bill = event.row["lines"]
    rows = [
        {
            **dict.fromkeys(arrow_schema(SPLIT).names, 0),
            **{"claim": number, "position": at, "item_class": "01", "outside": False},
            **{"catalogue_digest": "0" * 64, "charge_types": [] if at else ["01"] * len(bill)},
            **{"in_scope_fen": int(at == 0), "own_expense_fen": line["amount_fen"] - int(at == 0)},
        }
        for at, line in enumerate(bill)
    ]
    return pa.Table.from_pylist(rows, schema=arrow_schema(SPLIT))


def _settles_elsewhere(life: Life, world: World) -> bool:
    """Return whether the first claim of a life has lines, and settles when they are split so."""
    own = [*life]
    splits = _split_elsewhere(own, 0)
    if not splits.num_rows:
        return False
    found = replay_part({**tables_of([own]), "splits": splits}, [world])[f"claims/{BASELINE}"]
    return bool(found["outcome"][0].as_py() == "settled")


def test_addresses_are_read_and_written_by_spark(
    session: "SparkSession", history: History, worlds: Sequence[World], alone: Path, tmp_path: Path
) -> None:
    """History and results at an address; the same again is not computed again; others not at all.

    One machine does not go on with what a cluster wrote, whose files are others.
    """
    place, out = history.folder.as_uri(), tmp_path.as_uri() + "/"

    first = replay_in(session, place, worlds, out, PartOptions(lines=True))
    written = sorted(path.stat().st_mtime_ns for path in tmp_path.rglob("*"))
    again = replay_in(session, place, worlds, out, PartOptions(lines=True))

    assert (0, 3) == (first.resumed, again.resumed)
    assert first.differences == again.differences > 0
    assert written == sorted(path.stat().st_mtime_ns for path in tmp_path.rglob("*"))
    _assert_same(alone, tmp_path)
    with pytest.raises(InvalidRequest, match=r"options\.lines is True there and False now"):
        replay_in(session, place, worlds, out)
    with pytest.raises(InvalidRequest, match="written_by is 'spark' there and None now"):
        replay(history, worlds, tmp_path, PartOptions(lines=True))


def test_a_check_writes_differences_alone(
    session: "SparkSession", history: History, worlds: Sequence[World], alone: Path, tmp_path: Path
) -> None:
    """A replay that was ended in the middle is begun again, over what it left."""
    left = tmp_path / "differences" / "part-00000-left.parquet"
    left.parent.mkdir()
    left.write_bytes(b"torn")

    replay_in(session, history.folder, worlds, tmp_path, PartOptions(check=True))

    found = pq.read_table(tmp_path / "differences").to_pylist()
    assert pq.read_table(alone / "differences").to_pylist() == found
    assert {"pooled_fund"} == {row["stage"] for row in found}
    assert not left.exists()
    assert not (tmp_path / "claims").exists()


def test_a_history_that_is_not_in_order_is_told(
    session: "SparkSession", worlds: Sequence[World], lives: list[Life], tmp_path: Path
) -> None:
    """Lines that are missing, a person in two parts, a file that is gone, and no history."""
    tables = tables_of(lives[:2])
    short = HistoryWriter(tmp_path / "short", {})
    short.add({**tables, "lines": arrow_schema(HISTORY_LINE).empty_table()})
    short.finish()
    with pytest.raises(InvalidRequest, match=r"history\.lines: the claims of a part state"):
        replay_in(session, tmp_path / "short", worlds, tmp_path / "out", partitions=1)

    twice = HistoryWriter(tmp_path / "twice", {})
    for part in (lives[:2], lives[:2]):
        twice.add(tables_of(part, twice.claims))
    history = twice.finish()
    with pytest.raises(InvalidRequest, match="of the person of claim 0 are not numbered one after"):
        replay_in(session, tmp_path / "twice", worlds, tmp_path / "out2")

    (history.folder / history.parts[1].files[0].path).unlink()
    with pytest.raises(NotFound, match=r"part-00001\.parquet.*; make the history again"):
        replay_in(session, tmp_path / "twice", worlds, tmp_path / "out3")
    with pytest.raises(NotFound, match=r"history\.json is not there: no history was finished"):
        replay_in(session, tmp_path / "none", worlds, tmp_path / "out4")


@pytest.mark.parametrize("partitions", [0, limits.REPLAY_PARTITIONS_MAX + 1])
def test_partitions_are_bounded(session: "SparkSession", tmp_path: Path, partitions: int) -> None:
    """One step either side of both bounds; within them it is the history that is missing."""
    most = limits.REPLAY_PARTITIONS_MAX
    with pytest.raises(InvalidRequest, match=f"are {partitions}; ask for 1 to {most}"):
        replay_in(session, tmp_path, [], tmp_path, partitions=partitions)
    for fits in (1, most):
        with pytest.raises(NotFound):
            replay_in(session, tmp_path, [], tmp_path, partitions=fits)


def test_a_history_without_claims_comes_to_nothing(
    session: "SparkSession", worlds: Sequence[World], tmp_path: Path
) -> None:
    """Finished at once, with a manifest and tables without rows."""
    HistoryWriter(tmp_path / "history", {}).finish()

    found = replay_in(session, tmp_path / "history", worlds, tmp_path / "out")

    assert (0, 0, 0) == (found.parts, found.claims, found.differences)
    assert [] == orjson.loads((tmp_path / "out" / MANIFEST).read_bytes())["finished"]


def test_without_pyspark_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The base package does without; who asks for Spark is told what to install."""
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)

    with pytest.raises(Precondition, match=r"replay on Spark .*run pip install 'medsettle\[spark"):
        replay_on_spark(tmp_path, [], tmp_path, master="local[1]")


def _command(history: Path, out: Path, *words: str, **environment: str) -> Any:  # noqa: ANN401
    """Run the command in a process of its own, since this one has a session."""
    call = [sys.executable, "-m", "medsettle.cli", "replay", str(history), "--policy", str(RULES)]
    paths = os.pathsep.join([str(_ROOT / "engine"), str(_ROOT)])
    return subprocess.run(
        [*call, "--out", str(out), "--json", *words],
        env={**os.environ, "PYTHONPATH": paths, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_replays_on_spark(history: History, alone: Path, tmp_path: Path) -> None:
    """`--spark local[1]` needs no cluster; it says what a replay here says."""
    out = tmp_path / "out"

    ended = _command(
        history.folder,
        out,
        *("--reform", str(_overlay(tmp_path)), "--lines", "--spark", "local[1]"),
    )

    assert Exit.OK == ended.returncode, ended.stderr
    told = orjson.loads(ended.stdout)
    assert history.rows("claims") == told["claims"]
    assert [BASELINE, "higher-rate"] == told["worlds"]
    _assert_same(alone, out)


def test_without_java_the_command_says_how_to_get_it(history: History, tmp_path: Path) -> None:
    """Where none runs, the message names a package that has it."""
    words = ("--spark", "local[1]")
    ended = _command(history.folder, tmp_path, *words, JAVA_HOME=str(tmp_path / "none"))

    assert Exit.USAGE == ended.returncode
    (message,) = orjson.loads(ended.stdout)["messages"]
    assert message.startswith("Spark does not start: ")
    assert "install Java 17 or later (apt-get install openjdk-17-jre-headless)" in message


def test_the_command_keeps_ways_apart(history: History, tmp_path: Path) -> None:
    """Threads are of one machine, and addresses of a cluster."""
    for words, told in (
        (("--spark", "local[1]", "--threads", "2"), "--spark: a cluster has the tasks"),
        (("--out", "s3a://bucket/out"), "--out: s3a://bucket/out is read by Spark alone"),
    ):
        ended = _command(history.folder, tmp_path, *words)
        assert Exit.USAGE == ended.returncode
        (message,) = orjson.loads(ended.stdout)["messages"]
        assert told in message
