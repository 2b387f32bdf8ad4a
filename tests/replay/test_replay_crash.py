"""A replay that is killed goes on where it was, and loses the part at hand alone."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from medsettle.replay.history import History
from medsettle.replay.layout import BASELINE
from medsettle.replay.run import replay
from medsettle.replay.worlds import worlds_of

from tests.engine.engines import RULES
from tests.replay.dying_replayer import STEPS
from tests.replay.made import Claim, checked, files_in, history_of
from tests.replay.years import overlay_in
from tests.service.claims import claim

_ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", name="history")
def _history(tmp_path_factory: pytest.TempPathFactory) -> History:
    parts = [
        [[Claim(checked(claim(4 * part + at, 50_000 + at)))] for at in range(4)]
        for part in range(3)
    ]
    return history_of(tmp_path_factory.mktemp("killed") / "history", *parts)


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_loses_the_part_at_hand_alone(history: History, step: str, tmp_path: Path) -> None:
    """Whenever the second part dies, the first is not made again, and all comes out the same."""
    out = tmp_path / "out"
    words = [sys.executable, "-m", "tests.replay.dying_replayer", str(history.folder), str(out)]
    died = subprocess.run([*words, step], cwd=_ROOT, check=False)
    assert -signal.SIGKILL == died.returncode
    first = out / "claims" / BASELINE / "part-00000.parquet"
    made = first.stat().st_mtime_ns

    worlds = worlds_of(RULES, [overlay_in(tmp_path)])
    found = replay(history, worlds, out, threads=1)

    # The name of the last manifest is there once it was replaced, which is after both steps.
    assert 1 == found.resumed
    assert made == first.stat().st_mtime_ns
    replay(history, worlds, tmp_path / "whole", threads=1)
    assert files_in(tmp_path / "whole") == files_in(out)
