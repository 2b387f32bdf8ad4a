"""Whoever changes what a notice pays does not have it paid."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from medsettle import errors
from medsettle.clearing.months.months import MonthStore
from medsettle.clearing.notices.book import Notice, Status
from medsettle.clearing.notices.deductions import DeductionKind, deduct
from medsettle.clearing.notices.notices import advance

from tests.clearing.month_books import APRIL, MARCH, MOMENT, store_in
from tests.clearing.notices_made import bill, issued

pytestmark = pytest.mark.slow

_DAY = date(2024, 3, 10)
_CHAIN = (Status.ACCEPTED, Status.REVIEWING)


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[MonthStore]:
    with store_in(tmp_path) as store:
        yield store


def test_who_entered_a_deduction_neither_approves_nor_clears(store: MonthStore) -> None:
    """Else one alone would change what is paid and have it paid; nor of a later month's notice."""
    rows = [bill("S1", _DAY, 1_000), bill("S2", date(2024, 4, 3), 1_000)]
    issued(store, MARCH, rows)

    def deducted(number: int, fen: int, who: str) -> None:
        deduct(
            *(store, number, DeductionKind.REVIEW, fen),
            who=who,
            reason="x",
            moment=MOMENT,
            later=True,
        )

    def refused(number: int, status: Status, who: str) -> None:
        with pytest.raises(
            errors.Precondition, match=f"{who} entered deduction .*; somebody else approves"
        ):
            advance(store, number, status, who=who, moment=MOMENT)

    deducted(1, 300, "clerk B")
    for status in _CHAIN:
        advance(store, 1, status, who="clerk B", moment=MOMENT)
    refused(1, Status.REVIEWED, "clerk B")
    refused(1, Status.REVIEWED, "Clerk b")
    advance(store, 1, Status.REVIEWED, who="clerk C", moment=MOMENT)
    deducted(1, 900, "clerk D")
    refused(1, Status.CLEARED, "clerk B")
    refused(1, Status.CLEARED, "clerk D")
    assert Status.PAID is advance(store, 1, Status.CLEARED, who="clerk C", moment=MOMENT).status

    (april,) = issued(store, APRIL, rows)
    assert 800 == april.due_fen
    for status in _CHAIN:
        advance(store, april.number, status, who="clerk D", moment=MOMENT)
    refused(april.number, Status.REVIEWED, "clerk D")
    assert Status.CLEARED is _cleared_from_review(store, april.number).status


def _cleared_from_review(store: MonthStore, number: int) -> Notice:
    """Approve and clear a notice that is under review, by somebody who entered no part of it."""
    advance(store, number, Status.REVIEWED, who="clerk B", moment=MOMENT)
    return advance(store, number, Status.CLEARED, who="clerk B", moment=MOMENT)
