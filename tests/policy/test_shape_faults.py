"""What the checker says of rule shapes that contradict themselves: each fault in its own words."""

import pytest

from tests.policy.documents import changed, faults

_FAULTS = {
    "whole-without-an-open-band": (
        "apply: marginal",
        "apply: whole",
        "tables.own.versions[1]: the last band ends at 100,000.00元, and with `apply: whole` an "
        "amount above it has no rate; write `open` as the last limit",
    ),
    "bands-without-apply": (
        "apply: marginal, ",
        "",
        "stages[0].bands: 'apply' (`marginal` or `whole`: what a rate is for) is missing; it has "
        "no default, so write it",
    ),
    "rates-for-points": (
        "points: [bonus, distance]",
        "points: [bonus, distance, kept]",
        "stages[3].rate.points[2]: table 'kept' holds rates, and percentage points are needed; "
        "name another table",
    ),
    "points-for-a-rate": (
        "keep_back: kept",
        "keep_back: bonus",
        "stages[0].keep_back: table 'bonus' holds percentage points, and rates are needed; name "
        "another table",
    ),
    "points-twice": (
        "points: [bonus, distance]",
        "points: [bonus, distance, bonus]",
        "stages[3].rate.points[2]: 'bonus' is listed twice; keep one of the two",
    ),
    "points-without-a-unit": (
        "young: 0分点, ",
        "young: 0, ",
        "tables.bonus.versions[0].rows.young: '0' has no unit; a number of percentage points is "
        "written like 2分点 or -10分点",
    ),
    "a-rate-of-points": (
        "value: 98%",
        "value: 98分点",
        "tables.highest.versions[0].value: '98分点' is a number of percentage points; a rate is "
        "written like 85% or 2/3",
    ),
    "points-beyond-the-whole": (
        "old: 2.5分点",
        "old: 100.01分点",
        "tables.bonus.versions[0].rows.old: '100.01分点' is more than the whole rate; correct it",
    ),
    "at-most-more-than-all": (
        "value: 98%",
        "value: 101%",
        "tables.highest.versions[0].value: 101% is above 100%, and a share is never more than the "
        "whole; correct it",
    ),
    "banded-points": (
        "points\n    by: [age]\n    versions:\n      - {",
        "points\n    by: [age]\n    bands: yes\n    versions:\n      - {limits: [open], ",
        "tables.bonus.bands: only rates have bands; delete `bands`, or write `unit: rate`",
    ),
    "share-of-a-later-stage": (
        "{plus: [total], minus: [own_expense]}",
        "[extra.paid]",
        "stages[3].deductible.share_of.base[0]: stage 'extra' is this very stage, and a stage "
        "looks only at what stands before it; change the order or name another amount",
    ),
    "share-of-without-a-rate": (
        ", rate: part}\n      factor",
        "}\n      factor",
        "stages[3].deductible.share_of: 'rate' (the table of the part) is missing; it has no "
        "default, so write it",
    ),
    "ceiling-without-per": (
        "{table: scope_cap, per: borne}",
        "{table: scope_cap}",
        "stages[3].deductible.at_most: 'per' (`settlement`, or the counter it is used up in) is "
        "missing; it has no default, so write it",
    ),
    "ceiling-of-a-count": (
        "{table: scope_cap, per: borne}",
        "{table: scope_cap, per: admissions}",
        "stages[3].deductible.at_most.per: counter 'admissions' counts settlements, and amounts "
        "are needed; name a counter with `sums`",
    ),
    "factor-in-yuan": (
        "factor: halved",
        "factor: cap",
        "stages[3].deductible.factor: table 'cap' holds amounts, and rates are needed; name "
        "another table",
    ),
    "floor-of-what-is-paid": (
        "of: [extra.net]",
        "of: [extra.paid]",
        "stages[3].rate.floor.of[0]: stage 'extra' is this very stage, and a stage looks only at "
        "what stands before it; change the order or name another amount",
    ),
    "floor-above-one": (
        "value: 45%",
        "value: 145%",
        "tables.least.versions[0].value: 145% is above 100%, and a share is never more than the "
        "whole; correct it",
    ),
    "floor-of-a-target": (
        "counting: [pool.paid]",
        "counting: [pool.paid], floor: {rate: least, of: [total]}",
        "stages[1].rate.floor: a target is met with what others pay; delete `floor`",
    ),
    "floor-that-is-solved-back": (
        "own_factor: factor}",
        "own_factor: factor, floor: {rate: least, of: [total]}}",
        "stages[0].caps[0].excess: nothing to solve back: a guaranteed payment follows no rate; "
        "write `unpaid_share`",
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), _FAULTS.values(), ids=_FAULTS)
def test_a_shape_that_contradicts_itself_is_refused(old: str, new: str, expected: str) -> None:
    """One slip is one message, with the remedy."""
    assert [expected] == faults(changed(old, new))
