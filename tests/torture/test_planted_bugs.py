"""The simulation finds bugs: each is planted alone, and must be found within a few seeds."""

import pytest
from medsettle.engine import cancels
from medsettle.torture.parts import REAL, Parts

from tests.torture import planted
from tests.torture.simulating import first_found, run

pytestmark = pytest.mark.slow

_SEEDS = range(30)
"""Every bug is found within these, and the engine as it is passes all of them."""


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param(planted.ANSWERS_EARLY, "was acknowledged and is lost", id="answer-first"),
        pytest.param(planted.FORGETS_THE_BATCH, "record is .* due is", id="lost-update-in-a-batch"),
        pytest.param(planted.CANCELS_TWICE, "was taken back twice", id="cancelled-twice"),
        pytest.param(planted.LOCKS_IN_ANY_ORDER, "^deadlock: process", id="lock-order"),
        pytest.param(planted.LOCKS_NOBODY, "record is .* due is", id="no-lock"),
        pytest.param(planted.FORGETS_TOMBSTONES, "let it never settle", id="tombstone-forgotten"),
        pytest.param(planted.FORGETS_REFUSALS, "refused .* is lost", id="refusal-forgotten"),
        pytest.param(planted.SKIPS_A_ROW, "lacks the row", id="audit-row-skipped-after-restart"),
    ],
)
def test_a_bug_of_one_part_is_found(parts: Parts, expected: str) -> None:
    """A wrong engine, store or projector shows as the promise that it breaks."""
    assert first_found(_SEEDS, parts, expected)


def test_a_counter_that_a_cancel_does_not_restore_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The model has the bug as well, being the same engine; the law of cancels has not."""
    monkeypatch.setattr(cancels, "cancel_entry", planted.keeps_counters)

    assert first_found(_SEEDS, REAL, "holds .* the records add up to")


def test_the_system_as_it_is_passes_the_same_seeds() -> None:
    """What finds the bugs finds nothing where none is planted."""
    assert [] == [(seed, fault) for seed in _SEEDS for fault in run(seed).violations]
