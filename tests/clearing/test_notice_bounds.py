"""How much a notice owes, and carries over, at most."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from medsettle import errors, limits
from medsettle.clearing.months.months import MonthStore
from medsettle.clearing.notices.book import notices
from medsettle.clearing.notices.notices import issue

from tests.clearing.month_books import APRIL, MARCH, MOMENT, cancel, close, store_in
from tests.clearing.notices_made import DUE, bill, issued

pytestmark = pytest.mark.slow

_DAY = MARCH.first_day


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[MonthStore]:
    with store_in(tmp_path) as store:
        yield store


def test_the_largest_notice_has_a_bound(store: MonthStore) -> None:
    """A hundred billion yuan between two provinces for a month, and not a fen more."""
    most = limits.NOTICE_FEN_MAX
    (found,) = issued(store, MARCH, [bill("S1", _DAY, most)])
    close(store, APRIL, [bill("S2", date(2024, 4, 1), most), bill("S3", date(2024, 4, 1), 1)])

    assert most == found.due_fen
    with pytest.raises(errors.Precondition, match="a notice has at most"):
        issue(store, APRIL, who="clerk A", due_on=DUE, moment=MOMENT)
    assert [found] == notices(store)


def test_what_is_carried_over_has_the_bound_of_a_notice(store: MonthStore) -> None:
    """All of the largest notice comes back, and is carried; one fen more is told with its pair."""
    most = limits.NOTICE_FEN_MAX
    large, small = bill("S1", _DAY, most), bill("S2", date(2024, 4, 1), 1)
    issued(store, MARCH, [large])
    issued(store, APRIL, [small])
    may, june = APRIL.plus(1), APRIL.plus(2)
    (back,) = issued(store, may, [cancel(large, "C1", may.first_day)])
    close(store, june, [cancel(small, "C2", june.first_day)])

    assert (-most, 0) == (back.carried_out_fen, back.due_fen)
    told = f"99 has 1 fen back from 98 in line employee for 2024-06 beside {most} carried over"
    with pytest.raises(errors.Precondition, match=told):
        issue(store, june, who="clerk A", due_on=DUE, moment=MOMENT)
    assert [] == notices(store, month=june)
