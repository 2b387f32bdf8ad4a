"""Many claims settled one by one, as a till would have met them, come to what a replay says.

`pytest tests/replay/test_replayed_claims.py --replayed-claims 100000` for a hundred thousand.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import CounterKey
from medsettle.core.outcome import Rejection
from medsettle.replay.history import History
from medsettle.replay.layout import AMOUNTS, BASELINE
from medsettle.replay.population.making import Wanted, make_population
from medsettle.replay.run import replay
from medsettle.replay.worlds import World, worlds_of
from medsettle.settle.run import Settler

from tests.replay.populations import CAPITAL, ROOT, Lived, Row, plain_claim, rules

pytestmark = pytest.mark.slow

_REFORM = ROOT / "fixtures" / "replay" / "outpatient-july-2025.yaml"
_NAME = "outpatient-july-2025"
_CLAIMS_A_PERSON = 5
_NOTHING = (0,) * len(AMOUNTS)

Found = tuple[str, str | None, tuple[int, ...]]


@dataclass
class _OneByOne(Lived):
    """Keeps what each claim came to, by its number: outcome, policy and all amounts."""

    found: dict[int, Found] = field(default_factory=dict)

    def _settle(self, settler: Settler, row: Row) -> list[tuple[CounterKey, int]]:
        batch = ClaimBatch.from_rows([plain_claim(row)])
        assert not batch.rejections
        number = row["claim"]
        assert isinstance(number, int)
        result = settler.run(batch, [0], self._values, refuse_gaps=True)[0]
        if isinstance(result, Rejection):
            self.found[number] = result.outcome.name, None, _NOTHING
            return []
        amounts = tuple(result.settlement.fen(name) for name in AMOUNTS)
        self.found[number] = "settled", str(result.settlement.columns["policy"]), amounts
        self._add(result.moved, 1)
        return [*result.moved]


@dataclass(frozen=True)
class _Replayed:
    history: History
    worlds: Sequence[World]
    results: Path


@pytest.fixture(scope="module", name="replayed")
def _replayed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> _Replayed:
    """Return a population with as many claims as asked for, replayed under rules and a reform."""
    asked: int = request.config.getoption("--replayed-claims")
    folder = tmp_path_factory.mktemp("many")
    wanted = Wanted(CAPITAL, asked // _CLAIMS_A_PERSON, 2025, 2025, refunds=0.02)
    history = make_population(rules(), wanted, folder / "history").history
    assert history.rows("claims") >= asked
    worlds = worlds_of(ROOT / "rules", [_REFORM])
    replay(history, worlds, folder / "results")
    return _Replayed(history, worlds, folder / "results")


@pytest.mark.parametrize(("at", "name"), [(0, BASELINE), (1, _NAME)])
def test_claims_one_by_one_are_the_replay(replayed: _Replayed, at: int, name: str) -> None:
    """Outcome, policy and every amount to the fen, with moves and cancels in between."""
    world = replayed.worlds[at]
    assert name == world.name
    compared = 0
    for part in replayed.history.parts:
        alone = _OneByOne(world.book)
        alone.go_through(replace(replayed.history, parts=(part,)))
        path = replayed.results / "claims" / name / f"part-{part.number:05d}.parquet"
        columns = ["claim", "outcome", "policy", *AMOUNTS]
        for row in pq.read_table(path, columns=columns).to_pylist():
            amounts = tuple(row[each] for each in AMOUNTS)
            assert alone.found.pop(row["claim"]) == (row["outcome"], row["policy"], amounts)
            compared += 1
        assert not alone.found
    assert compared == replayed.history.rows("claims")
