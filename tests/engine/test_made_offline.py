"""The moment at which a claim was made offline can be true, or the claim is refused."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from medsettle import limits
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine
from medsettle.ledger.entries import Recorded

from tests.engine.engines import settle, stay
from tests.service.serving import Ticking

# The clock of these engines begins here and moves a second each time it is asked.
_BEGIN = datetime(2024, 5, 2, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_AHEAD = timedelta(seconds=limits.OFFLINE_AHEAD_SECONDS_MAX)
_OLDEST = timedelta(days=limits.OFFLINE_DAYS_MAX)


def _stay_of(day: datetime, moment: datetime) -> dict[str, object]:
    row = stay(1, offline_time=moment, admission_date=day.date(), service_date=day.date())
    row["lines"][0]["fee_date"] = day.date()
    return row


@pytest.mark.parametrize(
    ("moment", "day", "said"),
    [
        pytest.param(_BEGIN + _SECOND + _AHEAD, _BEGIN, "", id="ahead"),
        pytest.param(_BEGIN + 2 * _SECOND + _AHEAD, _BEGIN, "set the clock of the till", id="more"),
        pytest.param(_BEGIN + _SECOND - _OLDEST, datetime(2024, 1, 31, tzinfo=UTC), "", id="old"),
        pytest.param(
            *(_BEGIN - _OLDEST, datetime(2024, 1, 31, tzinfo=UTC)), "in on paper", id="older"
        ),
        pytest.param(
            *(datetime(2024, 4, 30, 16, tzinfo=UTC), datetime(2024, 5, 1, tzinfo=UTC)), "", id="day"
        ),
        pytest.param(
            *(datetime(2024, 4, 30, 15, 59, tzinfo=UTC), datetime(2024, 5, 1, tzinfo=UTC)),
            *("before the service date 2024-05-01",),
            id="day-before",
        ),
    ],
)
def test_the_moment_can_be_true(engine: Engine, moment: datetime, day: datetime, said: str) -> None:
    """Not ahead of the clock, not too old, and not before the day of care; one step either side."""
    (answer,) = settle(engine, _stay_of(day, moment))

    if not said:
        assert isinstance(answer, Settlement)
        return
    assert isinstance(answer, Rejection)
    assert Outcome.INVALID_REQUEST is answer.outcome
    assert [("offline_time", True)] == [(each.path, said in each.message) for each in answer.faults]


def test_a_recorded_answer_outlives_the_bound(engine: Engine) -> None:
    """The same claim sent again when it has become too old is answered from the record."""
    row = stay(1, offline_time=_BEGIN)
    (first,) = settle(engine, row)
    assert isinstance(engine.clock, Ticking)
    engine.clock.moment += 2 * _OLDEST
    (again,) = settle(engine, row)

    assert isinstance(first, Settlement)
    assert isinstance(again, Settlement)
    assert again.duplicate


def test_offline_is_content(engine: Engine) -> None:
    """A claim that was settled online and sealed as well has two contents under one id."""
    settle(engine, stay(1))
    (answer,) = settle(engine, stay(1, offline_time=_BEGIN))

    assert isinstance(answer, Rejection)
    assert Outcome.REQUEST_ID_REUSED is answer.outcome


def test_a_claim_that_was_made_online_is_recorded_as_before(engine: Engine) -> None:
    """The column stands in the record where it is stated only: older versions read the rest."""
    settle(engine, stay(1), stay(2, offline_time=_BEGIN))
    told = ["offline_time" in orjson.loads(each.record)["claim"] for each in _entries(engine)]

    assert [False, True] == told


def _entries(engine: Engine) -> list[Recorded]:
    return engine.ledger.page(after_seq=0, limit=9)
