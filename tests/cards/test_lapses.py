"""When a temporary loss lapses and a card expires: a moment before, and the moment itself."""

from datetime import date, datetime, timedelta

import pytest
from medsettle import errors
from medsettle.core.cards import CardState
from medsettle.policy.card_terms import CardRules, Lapse, WorkingYear

from tests.cards.desks import RESUME, TEMPORARY, Counter, at
from tests.service.claims import AREA

_MOMENT = timedelta(microseconds=1)
_YEAR = WorkingYear(
    days_off=frozenset({date(2024, 5, 1), date(2024, 5, 2), date(2024, 5, 3)}),
    days_worked=frozenset({date(2024, 4, 28), date(2024, 5, 11)}),
)
_RULES = CardRules("999900", (), {2024: _YEAR})


@pytest.mark.parametrize(
    ("lapse", "reported", "lapsed"),
    [
        # Sunday 28 April is worked; 29 and 30 April, 6 and 7 May follow.
        pytest.param(Lapse(5, True, True), date(2024, 4, 27), date(2024, 5, 8), id="holidays"),
        # Reported on a Saturday that is worked: it counts where the day of the report does.
        pytest.param(Lapse(1, True, False), date(2024, 5, 11), date(2024, 5, 12), id="same-day"),
        pytest.param(Lapse(1, True, True), date(2024, 5, 11), date(2024, 5, 14), id="next-day"),
        pytest.param(Lapse(7, False, True), date(2024, 4, 27), date(2024, 5, 5), id="calendar"),
        pytest.param(Lapse(7, False, False), date(2024, 4, 27), date(2024, 5, 4), id="with-report"),
        # 31 December 2024 is a Tuesday; of 2025 nothing is stated.
        pytest.param(Lapse(1, True, True), date(2024, 12, 30), date(2025, 1, 1), id="year-end"),
        pytest.param(Lapse(2, True, True), date(2024, 12, 30), None, id="unknown-year"),
        pytest.param(Lapse(2, False, True), date(2024, 12, 30), date(2025, 1, 2), id="any-year"),
    ],
)
def test_days_are_counted_in_full(lapse: Lapse, reported: date, lapsed: date | None) -> None:
    """The first day on which a loss has lapsed, counted by hand; none where days are unknown."""
    assert lapsed == _RULES.lapse_day(lapse, reported)


def _state(counter: Counter, moment: datetime) -> CardState:
    card = counter.engine.cards.check(AREA, "C1", moment).card
    assert card is not None
    return card.state


def test_a_temporary_loss_lapses_at_midnight(counter: Counter) -> None:
    """Five working days after 27 April end with 7 May: a moment before lost, then active."""
    counter.today(at(4, 28))
    counter.active("C1", at(4, 1))
    lost = counter.does("C1", TEMPORARY, at(4, 27, 23, 59))

    assert at(5, 8, 0) == lost.lapse_time
    assert CardState.ACTIVE is _state(counter, at(4, 27, 23, 59) - _MOMENT)
    assert CardState.TEMPORARILY_LOST is _state(counter, at(4, 27, 23, 59))
    assert CardState.TEMPORARILY_LOST is _state(counter, at(5, 8, 0) - _MOMENT)
    assert CardState.ACTIVE is _state(counter, at(5, 8, 0))


def test_a_lapsed_loss_can_be_reported_again(counter: Counter) -> None:
    """After the lapse there is nothing to resume, and a second loss counts its own days."""
    counter.active("C1", at(4, 1))
    counter.does("C1", TEMPORARY, at(4, 27))
    with pytest.raises(errors.CardActionRefused, match="possible now"):
        counter.does("C1", RESUME, at(5, 8))
    # 9 and 10 May, the worked Saturday, 13 and 14 May.
    counter.does("C1", TEMPORARY, at(5, 8))

    assert CardState.TEMPORARILY_LOST is _state(counter, at(5, 15, 0) - _MOMENT)
    assert CardState.ACTIVE is _state(counter, at(5, 15, 0))


def test_a_loss_into_unknown_days_stays(counter: Counter) -> None:
    """Where the working days of a year are not stated the loss does not end by itself."""
    counter.today(at(1, 30, year=2026))
    counter.active("C1", at(4, 1))
    lost = counter.does("C1", TEMPORARY, at(12, 30))

    assert (CardState.TEMPORARILY_LOST, None) == (lost.state, lost.lapse_time)
    assert CardState.ACTIVE is counter.does("C1", RESUME, at(12, 31)).state


def test_a_card_expires_at_midnight(counter: Counter) -> None:
    """The first day on which it is not valid begins at midnight; a loss ends with it."""
    counter.active("C1", at(4, 1), expires_date=date(2024, 5, 2))
    counter.does("C1", TEMPORARY, at(4, 30))

    assert CardState.TEMPORARILY_LOST is _state(counter, at(5, 2, 0) - _MOMENT)
    assert CardState.EXPIRED is _state(counter, at(5, 2, 0))
    assert CardState.EXPIRED is _state(counter, at(5, 19, 0))
