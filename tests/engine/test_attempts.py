"""Attempts to settle one bill are counted in the ledger, whatever became of each."""

import pytest
from medsettle import limits
from medsettle.core.outcome import Outcome
from medsettle.core.settlement import Attempt
from medsettle.engine import Engine
from medsettle.engine.attempts import attempt_number

from tests.engine.engines import id_of, outcomes, settle, settled
from tests.service.claims import INSTITUTION, claim

pytestmark = pytest.mark.both_stores

_STEM = "V1.B1"


def _attempt(engine: Engine, number: int, **changes: object) -> str:
    row = claim(100 + number, institution_settlement=attempt_number(_STEM, number))
    return id_of(settled(engine, row | changes))


def test_a_bill_that_was_never_settled_has_none(engine: Engine) -> None:
    """Neither other bills nor other institutions count."""
    settled(engine, claim(1, institution_settlement="V1.B2.0"))
    settled(engine, claim(2, institution_settlement="V1.B1.0", institution="H2"))

    assert [] == engine.attempts.of(INSTITUTION, _STEM)


def test_each_attempt_says_whether_it_stands(engine: Engine) -> None:
    """The first was cancelled, the second stands; the next one is the third."""
    first = _attempt(engine, 0)
    cancel = id_of(engine.cancel(INSTITUTION, "X1", first))
    second = _attempt(engine, 1)

    assert [Attempt(0, first, cancel), Attempt(1, second, None)] == engine.attempts.of(
        INSTITUTION, _STEM
    )


def test_an_attempt_is_made_once(engine: Engine) -> None:
    """Whoever comes second with the number of an attempt is refused, also after its cancel."""
    first = _attempt(engine, 0)
    engine.cancel(INSTITUTION, "X1", first)
    late = claim(7, institution_settlement=attempt_number(_STEM, 0))

    assert [Outcome.DUPLICATE_SETTLEMENT] == outcomes(settle(engine, late))
    assert [first] == [each.settlement for each in engine.attempts.of(INSTITUTION, _STEM)]


@pytest.mark.parametrize("count", [limits.ATTEMPTS_READ + step for step in (-1, 0, 1)])
def test_more_attempts_than_one_statement_reads(engine: Engine, count: int) -> None:
    """All are found, and what comes behind a gap in the numbers is none."""
    made = [_attempt(engine, number) for number in range(count)]
    _attempt(engine, count + 1)

    found = engine.attempts.of(INSTITUTION, _STEM)
    assert made == [each.settlement for each in found]
    assert list(range(count)) == [each.number for each in found]
