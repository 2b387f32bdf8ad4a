"""Payments of notices that somebody registers: each movement of money counts once."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from medsettle import errors
from medsettle.clearing.months.months import MonthStore
from medsettle.clearing.notices.book import notice
from medsettle.clearing.notices.payments import Seen, give_back, payments, register

from tests.clearing.month_books import MARCH, store_in
from tests.clearing.notices_made import (
    CREDITOR_ACCOUNT,
    DEBTOR_ACCOUNT,
    SEEN_AT,
    bill,
    cleared,
    issued,
)

pytestmark = pytest.mark.slow

_DAY = date(2024, 5, 20)


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[MonthStore]:
    """Return a store with one cleared notice of 10.00 from 99 to 98."""
    with store_in(tmp_path) as store:
        issued(store, MARCH, [bill("S1", date(2024, 3, 10), 1_000)])
        cleared(store, 1)
        yield store


def _seen(reference: str, account: str = "") -> Seen:
    return Seen(reference, _DAY, "clerk C", account)


@pytest.mark.parametrize(("first", "then"), [("", DEBTOR_ACCOUNT), (DEBTOR_ACCOUNT, ""), ("", "")])
def test_a_reference_without_an_account_is_any_accounts(
    store: MonthStore, first: str, then: str
) -> None:
    """Told with the account or without it, it is one payment, and so is what came back of it."""
    paid = register(store, 1, 400, _seen("B1", first), SEEN_AT)
    again = register(store, 1, 400, _seen("B1", then), SEEN_AT)
    with pytest.raises(errors.Precondition, match="B1 stands for 400 fen of notice 1"):
        register(store, 1, 600, _seen("B1", then), SEEN_AT)
    back = give_back(store, paid, _seen("B2", first), "AC01", SEEN_AT)
    back_again = give_back(store, paid, _seen("B2", then), "AC01", SEEN_AT)
    other = register(store, 1, 400, _seen("B3", first), SEEN_AT)
    with pytest.raises(errors.Precondition, match="cannot come back under that name"):
        give_back(store, other, _seen("B2", then), "AC01", SEEN_AT)

    assert (paid, back) == (again, back_again)
    assert 3 == len(payments(store))
    assert 400 == notice(store, 1).paid_fen


def test_two_banks_may_number_alike(store: MonthStore) -> None:
    """On two accounts that were told, the same reference is two payments."""
    first = register(store, 1, 400, _seen("B1", DEBTOR_ACCOUNT), SEEN_AT)
    second = register(store, 1, 600, _seen("B1", CREDITOR_ACCOUNT), SEEN_AT)
    unsaid = register(store, 1, 600, _seen("B1"), SEEN_AT)

    assert first != second == unsaid
    assert 1_000 == notice(store, 1).paid_fen
