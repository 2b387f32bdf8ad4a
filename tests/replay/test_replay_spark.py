"""A history replayed by a real cluster of Spark: the rows of one machine, whatever happens."""

import shutil
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from medsettle import limits
from medsettle.cluster.frames import Batches, mapped
from medsettle.errors import InvalidRequest, NotFound
from medsettle.replay.history import MANIFEST as HISTORY_MANIFEST
from medsettle.replay.history import History, HistoryWriter
from medsettle.replay.layout import BASELINE, HISTORY_LINE, SPLIT, arrow_schema
from medsettle.replay.layout import RESULTS_MANIFEST as MANIFEST
from medsettle.replay.part import PartOptions, replay_part
from medsettle.replay.run import replay
from medsettle.replay.spark import replay_in
from medsettle.replay.whole_persons import BatchSize
from medsettle.replay.worlds import World, worlds_of
from medsettle.settle.run import Settler

from tests.engine.engines import RULES
from tests.replay.lived import assert_same, life_of
from tests.replay.made import (
    Claim,
    Event,
    Life,
    Move,
    checked,
    examples_of,
    expected,
    history_of,
    rows_of,
    rules_of,
    tables_of,
    whose,
)
from tests.replay.years import overlay_in
from tests.spark_cluster import Cluster, killed_worker, session_on, skip_without_java

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow

_SHIPPED = Path(__file__).parents[2] / "rules"
_PERSONS = 24
_ENCODED = {"use_dictionary": ["item_code"], "store_schema": False}


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
    return worlds_of(RULES, [overlay_in(tmp_path_factory.mktemp("reform"))])


@pytest.fixture(scope="module")
def lives(worlds: Sequence[World]) -> list[Life]:
    """Return what happened to the persons, as recorded under the reform."""
    settler = Settler(worlds[1].book)
    return [life_of(number, settler) for number in range(_PERSONS)]


@pytest.fixture(scope="module")
def history(lives: list[Life], tmp_path_factory: pytest.TempPathFactory) -> History:
    """Write them in three parts; the lines of one have narrower numbers and no empty columns.

    Its digest is written anew.
    """
    folder = tmp_path_factory.mktemp("history")
    made = history_of(folder, lives[:4], lives[4:15], lives[15:])
    path = folder / "lines" / "part-00001.parquet"
    lines = pq.read_table(path).drop_columns(["earmark", "diagnosis"])
    at = lines.schema.names.index("amount_fen")
    narrow = lines.set_column(at, "amount_fen", lines["amount_fen"].cast(pa.int32()))
    (before,) = (file for file in made.parts[1].files if file.table == "lines")
    pq.write_table(narrow, path, column_encoding={"amount_fen": "BYTE_STREAM_SPLIT"}, **_ENCODED)
    manifest = folder / HISTORY_MANIFEST
    now = sha256(path.read_bytes()).hexdigest()
    manifest.write_text(manifest.read_text().replace(before.sha256, now))
    return History.open(folder)


@pytest.fixture(scope="module")
def alone(
    history: History, worlds: Sequence[World], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Replay it on this machine."""
    out = tmp_path_factory.mktemp("alone")
    replay(history, worlds, out, PartOptions(lines=True))
    return out


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
    assert_same(alone, tmp_path)


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

    assert_same(alone, tmp_path)


def test_shipped_areas_come_out_as_settled_one_by_one(
    session: "SparkSession", tmp_path: Path
) -> None:
    """Examples of every area, with all that a claim may state; one claim was split elsewhere."""
    world = World(BASELINE, rules_of(_SHIPPED))
    found: list[list[Event]] = []
    for area in sorted(examples_of(_SHIPPED)):
        for example in examples_of(_SHIPPED)[area][:5]:
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
    assert_same(alone, tmp_path)
    with pytest.raises(InvalidRequest, match=r"options\.lines is True there and False now"):
        replay_in(session, place, worlds, out)
    next((tmp_path / "claims" / BASELINE).glob("part-*.parquet")).unlink()
    assert 0 == replay_in(session, place, worlds, out, PartOptions(lines=True)).resumed
    assert_same(alone, tmp_path)
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
    """Lines or claims that are missing, a person in two parts, a file that is gone, none at all."""
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

    ahead = tmp_path / "ahead"
    shutil.copytree(tmp_path / "twice", ahead)
    told = orjson.loads((ahead / HISTORY_MANIFEST).read_bytes())
    told["parts"] = told["parts"][:1]
    told["parts"][0]["files"][0]["rows"] += 1
    (ahead / HISTORY_MANIFEST).write_bytes(orjson.dumps(told))
    with pytest.raises(InvalidRequest, match=r"claims: are not the .* that its manifest tells of"):
        replay_in(session, ahead, worlds, tmp_path / "out5", partitions=1)

    (history.folder / history.parts[1].files[0].path).unlink()
    with pytest.raises(NotFound, match=r"part-00001\.parquet.*; make the history again"):
        replay_in(session, tmp_path / "twice", worlds, tmp_path / "out3")
    with pytest.raises(NotFound, match=r"history\.json is not there: no history was finished"):
        replay_in(session, tmp_path / "none", worlds, tmp_path / "out4")
    with pytest.raises(InvalidRequest, match=r"has a history \(history\.json\); name another"):
        replay_in(session, tmp_path / "short", worlds, tmp_path / "ahead")


@pytest.mark.parametrize("partitions", [0, limits.REPLAY_PARTITIONS_MAX + 1])
def test_partitions_are_bounded(session: "SparkSession", tmp_path: Path, partitions: int) -> None:
    """One step either side of both bounds; within them it is the history that is missing."""
    most = limits.REPLAY_PARTITIONS_MAX
    with pytest.raises(InvalidRequest, match=f"are {partitions}; ask for 1 to {most}"):
        replay_in(session, tmp_path, [], tmp_path, partitions=partitions)
    for fits in (1, most):
        with pytest.raises(NotFound):
            replay_in(session, tmp_path, [], tmp_path, partitions=fits)


class _Made:
    """Makes pieces of a quarter of what comes to Python at a time."""

    def __call__(self, batches: Batches) -> Batches:
        content = bytes(limits.REPLAY_ARROW_BYTES // 4)
        for batch in batches:
            for _ in range(batch.num_rows):
                yield pa.record_batch({"content": [content]})


class _Sizes:
    """Tells the bytes of each batch."""

    def __call__(self, batches: Batches) -> Batches:
        for batch in batches:
            sizes = [len(each.as_buffer()) for each in batch.column("content")]
            yield pa.record_batch({"bytes": [sum(sizes)]})


def test_pieces_come_to_python_a_few_at_a_time(
    session: "SparkSession", history: History, worlds: Sequence[World], tmp_path: Path
) -> None:
    """However many there are: Spark ends a batch with the row that passes the bound."""
    replay_in(session, history.folder, worlds, tmp_path, PartOptions(check=True))
    from pyspark.sql.functions import lit  # noqa: PLC0415 - skipped where it is missing

    one = pa.schema([pa.field("content", pa.binary())])
    rows = mapped(session.range(0, 12, 1, 1), _Made(), one).repartitionById(1, lit(0))

    found = mapped(rows, _Sizes(), pa.schema([pa.field("bytes", pa.int64())])).toArrow()["bytes"]

    most = limits.REPLAY_ARROW_BYTES
    assert 12 * (most // 4) == sum(found.to_pylist())
    assert most <= max(found.to_pylist()) <= most + most // 4


def test_a_history_without_claims_comes_to_nothing(
    session: "SparkSession", worlds: Sequence[World], tmp_path: Path
) -> None:
    """Finished at once, with a manifest and tables without rows."""
    HistoryWriter(tmp_path / "history", {}).finish()

    found = replay_in(session, tmp_path / "history", worlds, tmp_path / "out")

    assert (0, 0, 0) == (found.parts, found.claims, found.differences)
    assert [] == orjson.loads((tmp_path / "out" / MANIFEST).read_bytes())["finished"]
