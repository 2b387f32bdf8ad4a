"""Two areas and a hub, each of them and each link failing in turn; their books agree afterwards."""

from pathlib import Path

import pytest
from medsettle.torture.named_steps import COMMIT_STEPS
from medsettle.torture.provinces import province_rounds
from medsettle.torture.provinces_servers import NAMES
from medsettle.torture.provinces_workload import AREAS

pytestmark = pytest.mark.slow

_RULES = Path(__file__).parents[2] / "fixtures" / "provinces"
# Faults are dealt from a deck of thirty; the long form goes through it many times:
# `medsettle torture --provinces --rounds 200`.
_ROUNDS = 8


def test_whatever_fails_between_areas_three_books_agree() -> None:
    """Processes killed, frozen, dead at a commit; links dropped, stalled and cut: no difference."""
    report = province_rounds(_RULES, _ROUNDS, seed=1)

    assert [] == report.violations
    assert (0, 0, 0) == (report.lost, report.doubled, report.unresolved)
    whole = {f"{kind} {name}" for kind in ("kill", "freeze", *COMMIT_STEPS) for name in NAMES}
    whole |= {f"{kind} {area}" for kind in ("drop", "stall", "cut") for area in AREAS}
    assert set(report.faults) <= whole
    assert _ROUNDS == report.rounds == report.faults.total()
    assert 0 < report.elsewhere < report.settled <= report.acknowledged
