"""What is stated of a person who asks what is left."""

from datetime import date

import pytest
from medsettle import limits
from medsettle.core.enquiries import StatedFacts, facts_of
from medsettle.errors import InvalidRequest

_OLDEST = limits.SERVICE_YEAR_MIN - limits.AGE_YEARS_MAX


def _stated(**facts: object) -> StatedFacts:
    nothing = {"insurance_type": None, "person_type": None, "institution_level": None}
    return facts_of(nothing | {"birth_date": None, "benefit_groups": None} | facts)


def test_a_birth_is_long_ago() -> None:
    """Long before the first day that is served; a claim says so of the same person."""
    assert date(_OLDEST, 1, 1) == _stated(birth_date=f"{_OLDEST}-01-01").birth_date
    with pytest.raises(InvalidRequest, match=rf"outside the years {_OLDEST} to"):
        _stated(birth_date=f"{_OLDEST - 1}-12-31")
