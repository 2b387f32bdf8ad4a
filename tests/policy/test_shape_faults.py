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
}


@pytest.mark.parametrize(("old", "new", "expected"), _FAULTS.values(), ids=_FAULTS)
def test_a_shape_that_contradicts_itself_is_refused(old: str, new: str, expected: str) -> None:
    """One slip is one message, with the remedy."""
    assert [expected] == faults(changed(old, new))
