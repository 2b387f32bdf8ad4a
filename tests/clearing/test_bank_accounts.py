"""A payment moves two accounts: what one bank tells late is not taken for another payment."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from medsettle.clearing.months.months import MonthStore
from medsettle.clearing.notices.bank import Finding, match
from medsettle.clearing.notices.book import Status, notice
from medsettle.clearing.notices.payment_files import pay
from medsettle.clearing.notices.payments import Seen, give_back, payments, register, unregister
from medsettle.clearing.notices.under_way import under_way_fen
from medsettle.errors import Precondition

from tests.clearing.bank_messages import Line, Message
from tests.clearing.month_books import MARCH, MOMENT, store_in
from tests.clearing.notices_made import (
    CREDITOR_ACCOUNT,
    DEBTOR_ACCOUNT,
    SEEN_AT,
    bill,
    cleared,
    fiscal_accounts,
    issued,
)

pytestmark = pytest.mark.slow

_FEN, _YUAN, _TODAY = 104_150_000, "1041500.00", date(2024, 5, 20)


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[MonthStore]:
    """Return a store with one cleared notice of 1,041,500.00 from 99 to 98."""
    with store_in(tmp_path) as store:
        issued(store, MARCH, [bill("S1", date(2024, 3, 10), _FEN)])
        cleared(store, 1)
        yield store


def _pay(store: MonthStore) -> int:
    out = store.folder.parent / "out"
    return len(
        pay(*(store, fiscal_accounts(), out), initiator="Invented", moment=MOMENT, today=_TODAY)
    )


def _told(
    store: MonthStore, account: str, reference: str, indicator: str, returned: str = ""
) -> Finding:
    """Return what becomes of a line on an account, in a message of its own."""
    name = notice(store, 1).payment_notice
    line = Line(_YUAN, name, reference, indicator, returned=returned)
    message = Message((line,), message=f"M{account}{reference}", account=account)
    found = match(
        *(store, message.xml(), fiscal_accounts()), name="st.xml", who="clerk C", moment=MOMENT
    )
    (matched,) = found.matched
    return matched.finding


def _came_back(store: MonthStore) -> None:
    """Have a first payment told and given back on the account of the debtor, and a second asked."""
    assert 1 == _pay(store)
    assert Finding.BOOKED is _told(store, DEBTOR_ACCOUNT, "D1", "DBIT")
    assert Finding.BOOKED is _told(store, DEBTOR_ACCOUNT, "D2", "CRDT", "AC04")
    assert 1 == _pay(store)


def test_a_return_takes_back_a_payment_of_its_own_account(store: MonthStore) -> None:
    """The second payment stands where the creditor's bank tells the return of the first."""
    _came_back(store)
    second = _told(store, DEBTOR_ACCOUNT, "D3", "DBIT")
    late = _told(store, CREDITOR_ACCOUNT, "C2", "DBIT", "AC04")

    assert (Finding.BOOKED, Finding.NOTHING_TO_RETURN) == (second, late)
    assert (Status.PAID, 3) == (notice(store, 1).status, len(payments(store)))


def test_a_late_credit_of_a_payment_that_came_back_pays_nothing(store: MonthStore) -> None:
    """The creditor's bank tells the first credit once it is gone: it is not the second payment."""
    _came_back(store)
    late = _told(store, CREDITOR_ACCOUNT, "C1", "CRDT")
    gone = _told(store, CREDITOR_ACCOUNT, "C2", "DBIT", "AC04")
    before = (notice(store, 1).status, under_way_fen(store))
    second = _told(store, DEBTOR_ACCOUNT, "D3", "DBIT")

    assert (Finding.CAME_BACK, Finding.NOTHING_TO_RETURN) == (late, gone)
    assert (Status.CLEARED, {1: _FEN}) == before
    assert (Finding.BOOKED, Status.PAID) == (second, notice(store, 1).status)


@pytest.mark.parametrize(
    ("account", "finding"),
    [
        (CREDITOR_ACCOUNT, Finding.SEEN_ELSEWHERE),
        ("", Finding.SEEN_ELSEWHERE),
        (DEBTOR_ACCOUNT, Finding.BOOKED),
    ],
)
def test_a_part_that_stands_is_not_paid_again(
    store: MonthStore, account: str, finding: Finding
) -> None:
    """Half was registered by hand; the line of the other half, or the same half told once more.

    On its own account it has another reference, so it is another payment; elsewhere who knows.
    """
    half = Seen("H1", _TODAY, "clerk C", account)
    register(store, 1, _FEN // 2, half, SEEN_AT)
    name = notice(store, 1).payment_notice
    message = Message((Line("520750.00", name, "D1", "DBIT"),), account=DEBTOR_ACCOUNT)
    (matched,) = match(
        *(store, message.xml(), fiscal_accounts()), name="st.xml", who="clerk C", moment=MOMENT
    ).matched

    paid = finding is Finding.BOOKED
    assert finding is matched.finding
    assert (Status.PAID if paid else Status.CLEARED) is notice(store, 1).status


def test_a_late_return_takes_no_payment_of_an_unknown_account(store: MonthStore) -> None:
    """The second payment was registered without its account; the late return is not its own."""
    _came_back(store)
    register(store, 1, _FEN, Seen("H3", _TODAY, "clerk C"), SEEN_AT)
    late = _told(store, CREDITOR_ACCOUNT, "C2", "DBIT", "AC04")

    assert (Finding.CAME_BACK, Status.PAID) == (late, notice(store, 1).status)


def test_a_return_is_of_a_payment_that_was_registered_without_an_account(
    store: MonthStore,
) -> None:
    """Nothing else came back, so it is that payment on either account."""
    register(store, 1, _FEN, Seen("H1", _TODAY, "clerk C"), SEEN_AT)

    assert Finding.BOOKED is _told(store, CREDITOR_ACCOUNT, "C2", "DBIT", "AC04")
    assert Status.CLEARED is notice(store, 1).status


def test_a_return_without_an_account_may_be_any(store: MonthStore) -> None:
    """Registered by hand, payment and return: the line that fits is listed on both accounts."""
    paid = register(store, 1, _FEN, Seen("H1", _TODAY, "clerk C"), SEEN_AT)
    give_back(store, paid, Seen("H2", _TODAY, "clerk C"), "AC04", SEEN_AT)

    assert [Finding.CAME_BACK] * 2 == [
        _told(store, DEBTOR_ACCOUNT, "D1", "DBIT"),
        _told(store, CREDITOR_ACCOUNT, "C1", "CRDT"),
    ]


def test_a_mistake_stands_in_no_lines_way(store: MonthStore) -> None:
    """Registered and taken back as wrong: the line with that very reference is booked."""
    assert 1 == _pay(store)
    wrong = register(store, 1, _FEN, Seen("D1", _TODAY, "clerk C"), SEEN_AT)
    unregister(store, wrong, who="clerk C", reason="not yet there", moment=MOMENT)

    assert Finding.BOOKED is _told(store, DEBTOR_ACCOUNT, "D1", "DBIT")
    assert (Status.PAID, {}) == (notice(store, 1).status, under_way_fen(store))


@pytest.mark.parametrize("account", [DEBTOR_ACCOUNT, ""])
def test_what_a_bank_confirmed_is_no_mistake(store: MonthStore, account: str) -> None:
    """It was registered by hand, and the bank told it too: it moved, so it stays."""
    payment = register(store, 1, _FEN, Seen("D1", _TODAY, "clerk C", account), SEEN_AT)
    assert Finding.SEEN_BEFORE is _told(store, DEBTOR_ACCOUNT, "D1", "DBIT")

    with pytest.raises(Precondition, match="the bank told of payment 1 in a statement as well"):
        unregister(store, payment, who="clerk C", reason="typed wrongly", moment=MOMENT)

    assert Status.PAID is notice(store, 1).status


@pytest.mark.parametrize(
    ("end_to_end", "yuan", "currency", "finding"),
    [
        pytest.param("PN-OF-NOBODY", _YUAN, "CNY", Finding.UNKNOWN_ID, id="unknown-id"),
        pytest.param("", _YUAN, "CNY", Finding.UNKNOWN_ID, id="no-id"),
        pytest.param(None, "1041499.99", "CNY", Finding.OTHER_AMOUNT, id="other-amount"),
        pytest.param(None, _YUAN, "USD", Finding.OTHER_CURRENCY, id="other-currency"),
    ],
)
@pytest.mark.parametrize("account", [DEBTOR_ACCOUNT, ""])
def test_a_listed_line_that_was_registered_wrongly_is_taken_back(
    store: MonthStore, account: str, end_to_end: str | None, yuan: str, currency: str, finding: str
) -> None:
    """The line does not say what was registered of it, so its reference is free for what it is."""
    name = notice(store, 1).payment_notice if end_to_end is None else end_to_end
    message = Message((Line(yuan, name, "D1", currency=currency),))
    found = match(
        *(store, message.xml(), fiscal_accounts()), name="st.xml", who="clerk C", moment=MOMENT
    )
    wrong = register(store, 1, _FEN, Seen("D1", _TODAY, "clerk C", account), SEEN_AT)
    unregister(store, wrong, who="clerk C", reason="another notice", moment=MOMENT)

    assert [finding] == [each.finding for each in found.matched]
    assert (Status.CLEARED, _FEN) == (notice(store, 1).status, notice(store, 1).open_fen)
    right = register(store, 1, 100, Seen("D1", _TODAY, "clerk C", account), SEEN_AT)
    assert [True, False] == [each.unregistered for each in payments(store, 1)]
    assert right != wrong


def test_a_line_that_says_the_same_stands_whatever_was_listed_beside_it(store: MonthStore) -> None:
    """Of two accounts with that reference the one confirms it: nobody told on which it was seen."""
    stranger = Message((Line("1.00", "PN-OF-NOBODY", "D1"),), account="OTHER")
    match(*(store, stranger.xml(), {}), name="st.xml", who="clerk C", moment=MOMENT)
    payment = register(store, 1, _FEN, Seen("D1", _TODAY, "clerk C"), SEEN_AT)
    assert Finding.SEEN_BEFORE is _told(store, DEBTOR_ACCOUNT, "D1", "DBIT")

    with pytest.raises(Precondition, match="the bank told of payment 1 in a statement as well"):
        unregister(store, payment, who="clerk C", reason="typed wrongly", moment=MOMENT)


def test_a_mistake_is_not_given_back(store: MonthStore) -> None:
    """A return of the bank finds nothing where the payment was none; nor is its own line one."""
    wrong = register(store, 1, _FEN, Seen("H1", _TODAY, "clerk C"), SEEN_AT)
    unregister(store, wrong, who="clerk C", reason="another notice", moment=MOMENT)

    assert Finding.NOTHING_TO_RETURN is _told(store, DEBTOR_ACCOUNT, "D2", "CRDT", "AC04")
