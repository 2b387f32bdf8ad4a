"""A till that is killed anywhere loses no sealed claim and settles none twice."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from medsettle.offline.reconciling import Fate, reconciled

from tests.cli.commands import ROOT, environment
from tests.engine.engines import engine_on
from tests.offline.dying_till import CLAIMS, STEPS
from tests.offline.sealing import At, found_in, store_in


def _run(folder: Path, step: str, number: int) -> int:
    words = [sys.executable, "-m", "tests.offline.dying_till", str(folder), step, str(number)]
    return subprocess.run(words, check=False, cwd=ROOT, env=environment()).returncode


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_a_killed_till_goes_on_where_it_was(tmp_path: Path, step: str) -> None:
    """Killed at a step of each claim in turn, three times, and then left alone: each is once."""
    ends = [_run(tmp_path, step, number) for number in (1, 2, 1)]
    assert [-signal.SIGKILL] * 2 == ends[:2]
    assert 0 == _run(tmp_path, "", 0)

    with store_in(tmp_path) as store, engine_on(tmp_path) as engine:
        lines = reconciled(found_in(store), store.decided(), store.closings(), engine=At(engine))
        recorded = [str(row.columns["settlement"]) for row in engine.page()]

    assert [(number, f"R{number}", Fate.SETTLED) for number in CLAIMS] == [
        (each.seq, each.request_id, each.fate) for each in lines
    ]
    assert sorted(str(each.decided and each.decided.settlement) for each in lines) == sorted(
        recorded
    )
