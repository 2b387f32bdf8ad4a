"""What is left of counted limits, from the shapes' documents; every figure is theirs."""

from datetime import date

import pytest
from medsettle.core.counters import CounterKey
from medsettle.core.enquiries import LimitKind, LimitLeft, StatedFacts
from medsettle.core.relatives import Person
from medsettle.settle.limits_left import limits_left

from tests.engine.engines import REAL_RULES, rule_book
from tests.engine.relatives import RULES as SHAPES

_TODAY = date(2024, 5, 2)
_LEVELS = {"07": 20_000, "04": 40_000, "01": 80_000}


def _left(
    policy: str, facts: StatedFacts, *counted: tuple[str, int, int], day: date = _TODAY
) -> list[LimitLeft]:
    """Return the limits of a policy for P, of whom these counters, periods and values are known."""
    compiled = rule_book(SHAPES).policy(policy)
    person = Person(compiled.policy.pooling_area, "P")
    held = {CounterKey(*person, name, period): value for name, period, value in counted}
    return list(limits_left(compiled, person, facts, day, lambda _: held))


@pytest.mark.parametrize("level", _LEVELS)
def test_the_stated_class_has_its_limit_and_its_counter(level: str) -> None:
    """200, 400 or 800 yuan by level, each level counted apart; the sum of 1,000 by itself.

    By hand: 150 yuan were met at level 1 and nothing elsewhere, so 150 of the sum are used.
    """
    facts = StatedFacts(institution_level=level)
    counted = (("310.at_level.level_1", 2024, 15_000), ("310.all_levels", 2024, 15_000))
    own, ceiling = _left("shapes-by-level", facts, *counted)

    used = 15_000 if level == "07" else 0
    assert (_LEVELS[level], used, _LEVELS[level] - used) == (
        own.limit_fen,
        own.used_fen,
        own.left_fen,
    )
    assert (100_000, 15_000, 85_000, ()) == (
        ceiling.limit_fen,
        ceiling.used_fen,
        ceiling.left_fen,
        ceiling.needs,
    )
    assert (LimitKind.DEDUCTIBLE, LimitKind.DEDUCTIBLE_CEILING) == (own.kind, ceiling.kind)


def test_what_is_not_stated_is_named_and_no_number_is_given() -> None:
    """Without the level neither the deductible nor its counter is known; the sum of all is."""
    own, ceiling = _left("shapes-by-level", StatedFacts())

    assert (None, None, None, None) == (own.limit_fen, own.used_fen, own.left_fen, own.period)
    assert ("institution_level",) == own.needs
    assert (100_000, 0, 100_000) == (ceiling.limit_fen, ceiling.used_fen, ceiling.left_fen)


@pytest.mark.parametrize(
    ("policy", "needs"),
    [
        ("shapes-by-hospital", ("institution",)),
        ("shapes-treatment-year", ("approval_date",)),
        ("shapes-year-of-admission", ("admission_date",)),
    ],
)
def test_a_limit_whose_counter_is_not_known_is_told_without_what_is_left(
    policy: str, needs: tuple[str, ...]
) -> None:
    """Hospital, begin of a treatment or day of admission decide which counter it is."""
    (told,) = (each for each in _left(policy, StatedFacts()) if each.needs)

    assert told.limit_fen is not None
    assert (needs, None, None) == (told.needs, told.used_fen, told.left_fen)


def test_a_limit_made_of_quantities_names_them() -> None:
    """Years of enrolment and years without a claim make the cap; nothing says how many."""
    (cap,) = _left("shapes-enrolment", StatedFacts())

    assert (None, ("enrolment_years", "claim_free_years")) == (cap.limit_fen, cap.needs)


def test_the_period_is_that_of_today() -> None:
    """A year and a quarter later the counters of the old periods are none."""
    facts = StatedFacts(institution_level="07")
    counted = ("310.all_levels", 2024, 15_000)
    _, ceiling = _left("shapes-by-level", facts, counted, day=date(2025, 1, 1))
    assert (2025, 0, 100_000) == (ceiling.period, ceiling.used_fen, ceiling.left_fen)
    *_, quarter = _left("shapes-by-hospital", StatedFacts(), ("390.in_quarter", 20242, 14_900))
    assert (20242, 100) == (quarter.period, quarter.left_fen)


def test_more_used_than_the_limit_leaves_nothing() -> None:
    """A counter may stand above a limit that was higher before; what is left is never below 0."""
    _, ceiling = _left("shapes-by-level", StatedFacts(), ("310.all_levels", 2024, 100_001))

    assert (100_001, 0) == (ceiling.used_fen, ceiling.left_fen)


def test_a_limit_that_is_not_for_the_stated_class_is_left_out() -> None:
    """A relief fund of a group is asked for while nothing is said, and not told to others."""
    compiled = rule_book(REAL_RULES).policy("beijing-employee-outpatient")
    person = Person(compiled.policy.pooling_area, "P")

    def stages(*groups: str) -> dict[str, tuple[str, ...]]:
        facts = StatedFacts(person_type="1101", benefit_groups=groups)
        found = limits_left(compiled, person, facts, date(2026, 7, 1), lambda _: {})
        return {each.stage: each.needs for each in found}

    assert ("benefit_groups",) == stages()["employer_relief"]
    assert {"large_amount": ()} == stages("none")
    assert () == stages("employer_supplement")["employer_relief"]


def test_every_loaded_limit_is_told_one_way_or_the_other() -> None:
    """In all real documents a limit has what is left of it, or the facts that would say so."""
    count = 0
    for compiled in rule_book(REAL_RULES).policies:
        person = Person(compiled.policy.pooling_area, "P")
        day = max(compiled.policy.in_force_from, _TODAY)
        for each in limits_left(compiled, person, StatedFacts(), day, lambda _: {}):
            count += 1
            assert (each.left_fen is None) == bool(each.needs), each
    assert count > 100
