"""How much is registered of a notice, on which day, and until when a notice may be due."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from medsettle import errors
from medsettle.clearing.months.months import MonthStore
from medsettle.clearing.notices.book import notice, notices
from medsettle.clearing.notices.notices import issue
from medsettle.clearing.notices.payments import Seen, give_back, payments, register

from tests.clearing.month_books import MARCH, MOMENT, close, store_in
from tests.clearing.notices_made import SEEN_AT, bill, cleared, issued

_DAY = date(2024, 3, 10)


def _seen(reference: str) -> Seen:
    return Seen(reference, date(2024, 5, 20), "clerk C")


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[MonthStore]:
    with store_in(tmp_path) as store:
        yield store


@pytest.mark.parametrize("more", [0, 1])
def test_no_more_is_paid_than_is_open(store: MonthStore, more: int) -> None:
    """All that is open after a part makes it paid; a fen more is refused with what is open."""
    issued(store, MARCH, [bill("S1", _DAY, 1_000)])
    cleared(store, 1)
    register(store, 1, 400, _seen("B1"), SEEN_AT)
    if more:
        with pytest.raises(errors.Precondition, match=r"6\.01 is above the 6\.00 that are open"):
            register(store, 1, 601, _seen("B2"), SEEN_AT)
    else:
        register(store, 1, 600, _seen("B2"), SEEN_AT)
    assert (400 if more else 1_000) == notice(store, 1).paid_fen


@pytest.mark.parametrize("later", [0, 1])
def test_money_is_seen_by_today(store: MonthStore, later: int) -> None:
    """A payment of today counts and one of tomorrow does not, and so what comes back."""
    issued(store, MARCH, [bill("S1", _DAY, 1_000)])
    cleared(store, 1)
    today = Seen("B1", date(2024, 6, 1), "clerk C")
    there = Seen("B2", date(2024, 6, 1 + later), "clerk C")
    first = register(store, 1, 400, today, SEEN_AT)
    if not later:
        register(store, 1, 600, there, SEEN_AT)
        return
    with pytest.raises(errors.InvalidRequest, match="on: is 2024-06-02, after today, 2024-06"):
        register(store, 1, 600, there, SEEN_AT)
    with pytest.raises(errors.InvalidRequest, match="on: is 2024-06-02, after today, 2024-06"):
        give_back(store, first, there, "AC01", SEEN_AT)
    assert 1 == len(payments(store, 1))


@pytest.mark.parametrize("early", [0, 1])
def test_notices_are_not_late_as_they_are_issued(store: MonthStore, early: int) -> None:
    """Due today is right and yesterday is not, unless the calendar of clearing says so."""
    close(store, MARCH, [bill("S1", _DAY, 1_000)])
    due_on = date(2024, 5, 3 - early)
    if early:
        with pytest.raises(errors.InvalidRequest, match="due: is 2024-05-02, before today"):
            issue(store, MARCH, who="clerk A", due_on=due_on, moment=MOMENT)
        assert [] == notices(store)
        issue(store, MARCH, who="clerk A", due_on=due_on, moment=MOMENT, by_calendar=True)
    else:
        issue(store, MARCH, who="clerk A", due_on=due_on, moment=MOMENT)
    assert [due_on] == [each.due_on for each in notices(store)]
