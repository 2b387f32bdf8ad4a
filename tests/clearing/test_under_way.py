"""A notice is asked of the bank again once the bank is done with it, and never while it may pay."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from shutil import copytree

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from medsettle import errors, limits
from medsettle.clearing.months.months import MonthStore
from medsettle.clearing.notices.book import Status, events, notice
from medsettle.clearing.notices.payment_files import pay
from medsettle.clearing.notices.payments import Seen, give_back, payments, register, unregister
from medsettle.clearing.notices.under_way import (
    asked_of,
    refuse,
    sum_under_way_fen,
    under_way_fen,
)

from tests.clearing.month_books import MARCH, MOMENT, store_in
from tests.clearing.notices_made import SEEN_AT, bill, cleared, fiscal_accounts, issued
from tests.payments.reading import read

pytestmark = pytest.mark.slow

_DAY, _TODAY, _DUE = date(2024, 3, 10), date(2024, 5, 20), 1_000


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[MonthStore]:
    """Return a store with one cleared notice of 10.00 from 99 to 98."""
    with store_in(tmp_path) as store:
        issued(store, MARCH, [bill("S1", _DAY, _DUE)])
        cleared(store, 1)
        yield store


def _pay(store: MonthStore) -> list[int]:
    """Write payment files, and return what each asks for in fen."""
    out = store.folder.parent / "out"
    files = pay(*(store, fiscal_accounts(), out), initiator="Invented", moment=MOMENT, today=_TODAY)
    asked = [int(paid.amount * 100) for each in files for paid in read(each.file).transfers]
    assert asked == [each.sum_fen for each in files]
    return asked


def _paid(store: MonthStore, fen: int, reference: str) -> int:
    return register(store, 1, fen, Seen(reference, _TODAY, "clerk C"), SEEN_AT, over=True)


def _back(store: MonthStore, payment: int, reference: str) -> int:
    return give_back(store, payment, Seen(reference, _TODAY, "clerk C"), "AC01", SEEN_AT)


def _mistake(store: MonthStore, payment: int) -> None:
    unregister(store, payment, who="clerk D", reason="another notice", moment=MOMENT)


def _refused(store: MonthStore, file: int, number: int | None = 1) -> None:
    refuse(store, file, number, who="clerk C", reason="AC04 closed", moment=MOMENT)


def test_a_mistake_does_not_take_the_file_from_the_bank(store: MonthStore) -> None:
    """File of 10.00, registered by hand, taken back as wrong: the bank still has the 10.00."""
    asked = _pay(store)
    wrong = _paid(store, _DUE, "B1")
    status = notice(store, 1).status
    _mistake(store, wrong)

    assert ([_DUE], Status.PAID, Status.CLEARED) == (asked, status, notice(store, 1).status)
    assert ({1: _DUE}, []) == (under_way_fen(store), _pay(store))
    assert [50, 60, 50] == [int(each.status) for each in events(store, 1)][-3:]
    assert [True] == [each.unregistered for each in payments(store, 1)]
    assert _DUE == notice(store, 1).open_fen


def test_what_the_bank_gave_back_is_asked_for_again(store: MonthStore) -> None:
    """File, paid, came back: the bank is done with it, and the second file is under way alone."""
    _pay(store)
    _back(store, _paid(store, _DUE, "B1"), "B2")
    left = under_way_fen(store)

    assert ({}, [_DUE], []) == (left, _pay(store), _pay(store))
    assert [0, _DUE] == [each.left_fen for each in asked_of(store, 1)]


def test_a_second_file_waits_for_its_own_payment(store: MonthStore) -> None:
    """What came back of the first file and was a mistake of the second leave the second alone."""
    _pay(store)
    _back(store, _paid(store, _DUE, "B1"), "B2")
    _pay(store)
    _mistake(store, _paid(store, _DUE, "B3"))

    assert ({1: _DUE}, []) == (under_way_fen(store), _pay(store))
    _paid(store, _DUE, "B4")
    assert ({}, Status.PAID) == (under_way_fen(store), notice(store, 1).status)


def test_a_part_that_comes_back_waits_for_the_file(store: MonthStore) -> None:
    """4.00 paid, a file of 6.00, the 4.00 come back: 10.00 are open and the bank has 6.00."""
    part = _paid(store, 400, "B1")
    asked = _pay(store)
    _back(store, part, "B2")

    assert ([600], {1: 600}, _DUE) == (asked, under_way_fen(store), notice(store, 1).open_fen)
    assert [] == _pay(store)
    _paid(store, 600, "B3")
    assert [400] == _pay(store)


def test_a_part_that_is_paid_leaves_the_rest_under_way(store: MonthStore) -> None:
    """4.00 of the 10.00 that the bank has: 6.00 are under way, and no file asks for them."""
    _pay(store)
    _paid(store, 400, "B1")

    assert ({1: 600}, []) == (under_way_fen(store), _pay(store))
    assert (600, 0) == (sum_under_way_fen({1: 600}), sum_under_way_fen({}))


def test_what_the_bank_refused_is_asked_for_again(store: MonthStore) -> None:
    """It was never paid, so nothing comes back; somebody says that the bank refused it, once."""
    _pay(store)
    _refused(store, 1)
    _refused(store, 1, None)
    (found,) = asked_of(store, 1)

    assert (0, "AC04 closed", [_DUE]) == (found.left_fen, found.refused, _pay(store))
    _paid(store, _DUE, "B1")
    with pytest.raises(errors.Precondition, match="was paid since, so it did not refuse it"):
        _refused(store, 2)
    for file, number in ((3, None), (1, 2)):
        with pytest.raises(errors.NotFound, match=f"no payment file {file}"):
            _refused(store, file, number)


def test_a_file_that_was_paid_is_not_the_one_that_was_refused(store: MonthStore) -> None:
    """File 1 was paid and came back, file 2 is refused: the number of the first is a slip."""
    _pay(store)
    _back(store, _paid(store, _DUE, "B1"), "B2")
    _pay(store)
    first, second = asked_of(store, 1)
    told = (
        rf"in file 1 \({first.message_id}, 10\.00 yuan\) was paid since, so it did not refuse it; "
        r"under way of the notice is 10\.00 of file 2\. Name the file"
    )
    for number in (1, None):
        with pytest.raises(errors.Precondition, match=told):
            _refused(store, 1, number)
        assert [first, second] == asked_of(store, 1)
    _refused(store, 2)

    assert ({}, [_DUE]) == (under_way_fen(store), _pay(store))


def test_the_first_of_two_files_at_the_bank_is_refused(store: MonthStore) -> None:
    """Both are under way, for what let the second be written was a mistake; the second is paid.

    The payment covers the oldest until somebody says that the bank refused it.
    """
    _pay(store)
    wrong = _paid(store, _DUE, "B1")
    back = _back(store, wrong, "B2")
    _pay(store)
    _mistake(store, back)
    _mistake(store, wrong)
    _paid(store, _DUE, "B3")
    before = [each.left_fen for each in asked_of(store, 1)]
    _refused(store, 1)

    assert ([0, _DUE], {}) == (before, under_way_fen(store))


def test_a_refused_file_leaves_what_was_paid_beside_it(store: MonthStore) -> None:
    """4.00 by another way while the bank has 10.00, which it refuses: 6.00 are asked for."""
    _pay(store)
    _paid(store, 400, "B1")
    _refused(store, 1)

    assert ({}, [600]) == (under_way_fen(store), _pay(store))


def test_a_mistake_is_no_return(store: MonthStore) -> None:
    """Its reference is free, the bank's lines are no mistakes, and what came back was paid."""
    wrong = _paid(store, 400, "B1")
    _mistake(store, wrong)
    _mistake(store, wrong)
    right = _paid(store, 600, "B1")
    with pytest.raises(errors.Precondition, match="was registered wrongly and never paid"):
        _back(store, wrong, "B2")
    back = _back(store, right, "B2")
    with pytest.raises(errors.Precondition, match=f"came back as {back}.*unregister {back} first"):
        _mistake(store, right)
    _mistake(store, back)

    assert 600 == notice(store, 1).paid_fen
    assert back != _back(store, right, "B2")
    assert 0 == notice(store, 1).paid_fen
    with pytest.raises(errors.NotFound, match="no payment 9"):
        _mistake(store, 9)
    for text in ("", "x" * (limits.CLEARING_TEXT_CHARS_MAX + 1)):
        with pytest.raises(errors.InvalidRequest, match="reason: has"):
            unregister(store, right, who="clerk D", reason=text, moment=MOMENT)
        with pytest.raises(errors.InvalidRequest, match="reason: has"):
            refuse(store, 1, None, who="clerk D", reason=text, moment=MOMENT)


def test_a_return_that_was_a_mistake_leaves_its_notice_paid(store: MonthStore) -> None:
    """Nothing came back, so the notice is paid as before."""
    back = _back(store, _paid(store, _DUE, "B1"), "B2")
    opened = notice(store, 1).status
    _mistake(store, back)

    assert (Status.CLEARED, Status.PAID) == (opened, notice(store, 1).status)
    assert [] == _pay(store)


_ROW: dict[str, int | str | None] = {
    "notice": 1,
    "amount_fen": 400,
    "returns": None,
    "account": "",
    "reference": "B9",
    "value_day": 1,
    "source": "hand",
    "who": "x",
    "reason": "",
    "time_us": 1,
}
_REFUSED_ROWS: dict[str, tuple[dict[str, int | str | None], str]] = {
    "same-reference": ({"reference": "B1"}, "stands for one payment"),
    "same-reference-elsewhere": ({"reference": "B1", "account": "A"}, "stands for one payment"),
    "came-back-before": ({"returns": 1}, "comes back whole and once"),
    "in-part": ({"returns": 2, "amount_fen": 399}, "comes back whole and once"),
    "a-mistake": ({"returns": 3}, "comes back whole and once"),
    "a-return": ({"returns": 4}, "comes back whole and once"),
}


@pytest.mark.parametrize("case", _REFUSED_ROWS)
def test_the_file_itself_keeps_what_moved(store: MonthStore, case: str) -> None:
    """Whatever program writes to it: a reference is of one payment, which comes back once."""
    first = _paid(store, 400, "B1")
    _paid(store, 400, "B2")
    _mistake(store, _paid(store, 400, "B3"))
    _back(store, first, "B4")
    changes, says = _REFUSED_ROWS[case]
    row = _ROW | changes
    sql = f"insert into payments ({', '.join(row)}) values ({', '.join('?' * len(row))})"

    with pytest.raises(apsw.ConstraintError, match=says):
        store.connection.execute(sql, tuple(row.values()))
    store.connection.execute(sql, tuple(_ROW.values()))
    wrongly = "insert into unregistered values (?, 'x', 'y', 1)"
    with pytest.raises(apsw.ConstraintError, match="registered by hand and stands"):
        store.connection.execute(wrongly, (first,))


class _Bank:
    """What an invented bank has of a notice, counted by itself: orders, and what it paid."""

    def __init__(self, store: MonthStore) -> None:
        self.store = store
        self.orders: list[tuple[int, int]] = []
        self.standing: list[tuple[int, int]] = []
        self.files = self.references = 0

    def ask(self) -> None:
        """Have files written: all that is open, and only where the bank has nothing."""
        open_fen = _DUE - sum(fen for _, fen in self.standing)
        expected = [open_fen] if open_fen > 0 and not self.orders else []
        assert expected == _pay(self.store)
        for fen in expected:
            self.files += 1
            self.orders.append((self.files, fen))

    def _told(self, fen: int) -> int:
        self.references += 1
        return _paid(self.store, fen, f"B{self.references}")

    def execute(self) -> None:
        """Pay the order, which somebody registers."""
        for _, fen in self.orders:
            self.standing.append((self._told(fen), fen))
        self.orders.clear()

    def part(self) -> None:
        """Pay 3.00 by another way, where the bank has nothing to do."""
        if not self.orders and sum(fen for _, fen in self.standing) + 300 <= _DUE:
            self.standing.append((self._told(300), 300))

    def give_back(self) -> None:
        """Give the oldest payment back."""
        if self.standing:
            self.references += 1
            _back(self.store, self.standing.pop(0)[0], f"B{self.references}")

    def err(self) -> None:
        """Register something that the bank never did, and take it back."""
        if notice(self.store, 1).status in {Status.CLEARED, Status.PAID}:
            _mistake(self.store, self._told(_DUE))

    def refuse(self) -> None:
        """Refuse the order."""
        for file, _ in self.orders:
            _refused(self.store, file)
        self.orders.clear()


_STEPS: dict[str, Callable[[_Bank], None]] = {
    "ask": _Bank.ask,
    "execute": _Bank.execute,
    "part": _Bank.part,
    "give-back": _Bank.give_back,
    "err": _Bank.err,
    "refuse": _Bank.refuse,
}


@pytest.fixture(name="ready", scope="module")
def _ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a store as that of `store`, to be copied."""
    folder = tmp_path_factory.mktemp("ready")
    with store_in(folder) as store:
        issued(store, MARCH, [bill("S1", _DAY, _DUE)])
        cleared(store, 1)
    return folder


@given(steps=st.lists(st.sampled_from(list(_STEPS)), min_size=4, max_size=16))
@settings(max_examples=30)
def test_no_order_of_events_asks_twice(
    steps: list[str], ready: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A file asks for all that is open exactly where the bank has nothing to pay any more."""
    folder = tmp_path_factory.mktemp("bank")
    copytree(ready, folder, dirs_exist_ok=True)
    with store_in(folder) as store:
        bank = _Bank(store)
        for step in [*steps, "ask"]:
            _STEPS[step](bank)
        assert sum(fen for _, fen in bank.orders) == sum(under_way_fen(store).values())
        assert sum(fen for _, fen in bank.standing) == notice(store, 1).paid_fen
