"""What a change of policy means in yuan, for a first settlement of the year."""

from fractions import Fraction
from functools import cache
from pathlib import Path

from medsettle.policy.book import load_rule_book
from medsettle.policy.compiled import compile_policy
from medsettle.policy.difference import Change, Topic, moments
from medsettle.policy.difference_classes import Classes
from medsettle.policy.difference_stages import differences
from medsettle.policy.rule_book import RuleBook
from medsettle.settle.effects import Bill, Effects, effects

from tests.policy.documents import GOOD, area_of, good

_ROOT = Path(__file__).parents[2]
_REFORM = _ROOT / "fixtures" / "policies" / "overlays" / "outpatient-2027.yaml"
_PLAIN: Classes = (
    ("person", ("active",)),
    ("place", ("hospital",)),
    ("employer_supplement", ("no",)),
)


@cache
def _book() -> RuleBook:
    return load_rule_book(_ROOT / "rules", overlays=[_REFORM])


def _compared(old: str, new: str) -> tuple[list[Change], Effects]:
    """Return the changes between two loaded policies, and the effects of the first moment."""
    before, after = _book().policy(old), _book().policy(new)
    (first, *_) = moments(before.policy, after.policy)
    return differences(before.policy, after.policy), effects(before, after, first)


def test_equal_documents_cost_the_same() -> None:
    """Nobody gains or loses where nothing changed, and everybody is told together."""
    compiled = compile_policy(good(GOOD), area_of(), "0" * 12)
    found = effects(compiled, compiled, moments(compiled.policy, compiled.policy)[0])

    assert ((), ((),)) == (found.changed, found.unchanged)


def test_the_end_of_a_cap_costs_and_saves() -> None:
    """Without cap and with 60 % above 20,000, a middle bill loses and a large one gains.

    Up to 21,800, 1,800 and 30 % of the rest are borne before and after. Of 30,371.42, 28,571.42 lie
    above the deductible: 70 % is 19,999.99, and 14,000 + 60 % of 8,571.42 is 19,142.85. At 31,800
    both pay 20,000. Of 200,000, 14,000 + 60 % of 178,200 is 120,920, and it was 20,000.
    """
    _, found = _compared("beijing-employee-outpatient-2022", "beijing-employee-outpatient")

    own = {effect.classes: effect.bills for effect in found.changed}
    assert (
        Bill(2_180_000, 780_000, 780_000),
        Bill(3_037_142, 1_037_143, 1_122_857),
        Bill(3_180_000, 1_180_000, 1_180_000),
        Bill(20_000_000, 18_000_000, 7_908_000),
    ) == own[_PLAIN]


def test_a_reform_is_told_like_any_other_policy() -> None:
    """An overlay's cap, deductible and lost stage are all there, from its first day."""
    changes, found = _compared(
        "beijing-employee-outpatient", "beijing-employee-outpatient-reform-2027"
    )

    said = {
        (change.stage, change.what): (change.before, change.after)
        for change in changes
        if change.topic is not Topic.EVIDENCE and change.classes in {(), _PLAIN[:1]}
    }
    assert (None,) == said["employer_relief", "stage"][1:]
    assert (Fraction(180_000), Fraction(150_000)) == said["large_amount", "deductible"]
    assert (None, Fraction(3_000_000)) == said["large_amount", "cap on payment per outpatient_paid"]
    assert "2027-01-01" == found.since.isoformat()
    # A first bill of 1,800 was borne whole; 70 % of 300 is paid above a deductible of 1,500.
    own = {effect.classes: effect.bills for effect in found.changed}
    assert Bill(180_000, 180_000, 159_000) in own[_PLAIN]
