"""One small replay and its comparison, made once for all tests that only look at them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from medsettle.replay.compare import Comparison, compare
from medsettle.replay.compare_folders import Results

from tests.replay_report.compared_worlds import Told, made_replay


@dataclass(frozen=True)
class Replayed:
    """A folder with `history` and `results`, what its worlds settled, and the comparison."""

    folder: Path
    told: Told
    comparison: Comparison

    @property
    def out(self) -> Path:
        """The folder of the comparison."""
        return self.comparison.out


@pytest.fixture(scope="session")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replayed]:
    """Yield a replay of some hundred claims with two reforms; nobody may change it."""
    folder = tmp_path_factory.mktemp("replayed")
    told = made_replay(folder)
    results = Results.open(folder / "results", folder / "history")
    yield Replayed(folder, told, compare(results, folder / "comparison"))
