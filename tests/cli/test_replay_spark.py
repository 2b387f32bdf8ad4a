"""`medsettle replay --spark`: what the command says and writes, and what it refuses."""

import sys
from pathlib import Path

import pytest
from medsettle.cli.exits import Exit
from medsettle.errors import Precondition
from medsettle.replay.history import History
from medsettle.replay.layout import BASELINE
from medsettle.replay.part import PartOptions
from medsettle.replay.run import replay
from medsettle.replay.spark import replay_on_spark
from medsettle.replay.worlds import worlds_of
from medsettle.settle.run import Settler

from tests.cli.commands import run
from tests.engine.engines import RULES
from tests.replay.lived import assert_same, life_of
from tests.replay.made import history_of
from tests.replay.years import overlay_in
from tests.spark_cluster import skip_without_java

pytestmark = pytest.mark.slow


@pytest.fixture
def history(tmp_path: Path) -> History:
    """Write lives of six persons in two parts."""
    settler = Settler(worlds_of(RULES, [overlay_in(tmp_path)])[1].book)
    lives = [life_of(number, settler) for number in range(6)]
    return history_of(tmp_path / "history", lives[:2], lives[2:])


def test_without_pyspark_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The base package does without; who asks for Spark is told what to install."""
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)

    with pytest.raises(Precondition, match=r"replay on Spark .*run pip install 'medsettle\[spark"):
        replay_on_spark(tmp_path, [], tmp_path, master="local[1]")


def test_the_command_replays_on_spark(history: History, tmp_path: Path) -> None:
    """`--spark local[1]` needs no cluster; it says what a replay here says."""
    skip_without_java()
    out, alone = tmp_path / "out", tmp_path / "alone"
    overlay = overlay_in(tmp_path)
    replay(history, worlds_of(RULES, [overlay]), alone, PartOptions(lines=True))

    words = ("--policy", RULES, "--reform", overlay, "--lines", "--spark", "local[1]")
    told = run("replay", history.folder, *words, "--out", out, "--json")

    assert Exit.OK == told.code, told.err
    assert history.rows("claims") == told.json["claims"]
    assert [BASELINE, "higher-rate"] == told.json["worlds"]
    assert_same(alone, out)


def test_without_java_the_command_says_how_to_get_it(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where none runs, the message names a package that has it."""
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "none"))
    words = ("--policy", RULES, "--spark", "local[1]")

    told = run("replay", history.folder, *words, "--out", tmp_path / "out", "--json")

    assert Exit.USAGE == told.code
    (message,) = told.json["messages"]
    assert message.startswith("Spark does not start: ")
    assert "install Java 17 or later (apt-get install openjdk-17-jre-headless)" in message


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--spark", "local[1]", "--threads", "2"), "--spark: a cluster has the tasks that its"),
        (("--out", "s3a://bucket/out"), "--out: s3a://bucket/out is read by Spark alone"),
    ],
)
def test_the_command_keeps_ways_apart(
    history: History, words: tuple[str, ...], expected: str
) -> None:
    """Threads are of one machine, and addresses of a cluster."""
    told = run("replay", history.folder, "--policy", RULES, *words, "--json")

    assert Exit.USAGE == told.code
    (message,) = told.json["messages"]
    assert message.startswith(expected)
