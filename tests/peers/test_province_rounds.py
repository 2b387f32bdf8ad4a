"""Two areas and a hub, each of them and each link failing in turn; their books agree afterwards."""

from pathlib import Path

import pytest
from medsettle.torture.named_steps import COMMIT_STEPS
from medsettle.torture.provinces import province_rounds
from medsettle.torture.provinces_servers import NAMES
from medsettle.torture.provinces_workload import AREAS

pytestmark = pytest.mark.slow

_RULES = Path(__file__).parents[2] / "fixtures" / "provinces"
# Faults are dealt from a deck: each of each at a moment and at a count, and deaths at a commit.
_DECK = 30


def test_whatever_fails_between_areas_three_books_agree() -> None:
    """Thirty faults: processes killed, frozen, dead at a commit; links dropped, stalled and cut."""
    report = province_rounds(_RULES, _DECK, seed=1)

    assert [] == report.violations
    assert (0, 0, 0) == (report.lost, report.doubled, report.unresolved)
    whole = [f"{kind} {name}" for kind in ("kill", "freeze") for name in NAMES]
    whole += [f"{kind} {area}" for kind in ("drop", "stall", "cut") for area in AREAS]
    at_commits = [f"{step} {name}" for step in COMMIT_STEPS for name in NAMES]
    assert dict.fromkeys(whole, 2) | dict.fromkeys(at_commits, 1) == report.faults
    assert 0 < report.elsewhere < report.settled <= report.acknowledged
