"""Double entry: the bookings of every entry, their sums, and the audit tables beside them."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path

import apsw
import pytest
from medsettle.audit import connect
from medsettle.books.double_entry import Title
from medsettle.books.trial_balance import (
    BooksReader,
    bookings_of,
    entries_with_moves,
    trial_balance,
)
from medsettle.core.counters import ACCOUNT
from medsettle.core.relatives import LIMIT_PREFIX
from medsettle.errors import InternalError
from medsettle.ledger import SqliteReader
from medsettle.ledger.entries import SETTLEMENT_KINDS

from tests.books.histories import PAYOUTS_AREA, lived
from tests.books.sums import audited_sums, booked_sums
from tests.engine import visits
from tests.engine.relatives import AREA, ELSEWHERE


@pytest.fixture(scope="module", name="whole")
def _whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("whole")
    return folder, lived(folder)


@pytest.fixture(scope="module", name="reader")
def _reader(whole: tuple[Path, dict[str, str]]) -> Iterator[BooksReader]:
    with SqliteReader(whole[0] / "ledger.db") as reader:
        yield reader


def _bookings(reader: BooksReader, entry: str) -> list[tuple[str, str, int]]:
    """Return title, holder and fen of the bookings of an entry that are not zero."""
    ((recorded, moves),) = [
        each for each in entries_with_moves(reader) if each[0].settlement == entry
    ]
    found = bookings_of(recorded, moves)
    return [(account.title, account.holder, fen) for account, fen in found if fen]


def test_a_relative_pays_from_the_limit(
    reader: BooksReader, whole: tuple[Path, dict[str, str]]
) -> None:
    """A bill of 1,000 yuan that a relative pays is owed to the hospital, from the limit."""
    first, cancel = (_bookings(reader, whole[1][name]) for name in ("first", "cancel"))

    assert [("institution", "H1", 100_000), ("relative_limit", "B", -100_000)] == first
    assert [("institution", "H1", -100_000), ("relative_limit", "B", 100_000)] == cancel


def test_what_a_dissolved_limit_paid_goes_back_to_the_giver(
    reader: BooksReader, whole: tuple[Path, dict[str, str]]
) -> None:
    """After the end of a relation a cancel books on the giver's own account."""
    taken = _bookings(reader, whole[1]["late cancel"])

    assert ("personal_account", "A", 29_999) in taken
    assert ("personal_account", "B", 50_000) in taken


def test_money_of_two_areas_is_owed_between_them(
    reader: BooksReader, whole: tuple[Path, dict[str, str]]
) -> None:
    """What goes back to a giver of another area is owed by the area of the receiver."""
    assert [
        ("institution", "H1", -20_000),
        ("personal_account", "G", 20_000),
        ("between_areas", AREA, -20_000),
        ("between_areas", ELSEWHERE, 20_000),
    ] == _bookings(reader, whole[1]["elsewhere"])


def test_a_payout_stands_beside_the_share_it_replaces(
    reader: BooksReader, whole: tuple[Path, dict[str, str]]
) -> None:
    """A package of 5,000 in place of a share of 3,700, and 800 of food: the fund owes 5,800."""
    assert [
        ("institution", "H1", 400_000),
        ("fund", "390/pooled_fund/310100", -370_000),
        ("fund", "390/pooled_fund/310100", -130_000),
        ("payout", "institution", 500_000),
        ("replaced_share", "institution", -370_000),
        ("fund", "390/pooled_fund/310100", -80_000),
        ("payout", "person", 80_000),
        ("cash", "P1", -30_000),
    ] == _bookings(reader, whole[1]["payout"])


def test_a_credit_names_the_fund_it_comes_from(
    reader: BooksReader, whole: tuple[Path, dict[str, str]]
) -> None:
    """Two in a hundred of a wage of 8,000 go into the account, from the fund."""
    credit = _bookings(reader, whole[1]["credit"])

    assert ("personal_account", "P1", 16_000) in credit
    assert 16_000 == -sum(fen for title, _, fen in credit if title == Title.FUND)


def test_an_advance_is_kept_apart_with_its_debtor(
    reader: BooksReader, whole: tuple[Path, dict[str, str]]
) -> None:
    """What the injury fund pays for an employer is an advance of 8,250 yuan that is owed back."""
    advances = [each for each in _bookings(reader, whole[1]["advance"]) if each[0] == "advance"]

    assert {"410/other_fund/999900/employer"} == {holder for _, holder, _ in advances}
    assert -825_000 == sum(fen for _, _, fen in advances)


@pytest.mark.parametrize("by", ["day", "area", "account"])
def test_debits_are_credits(reader: BooksReader, by: str) -> None:
    """However it is summed, each day and each area of a trial balance adds up to zero."""
    rows = trial_balance(reader, by).rows()  # type: ignore[arg-type]
    left: Counter[tuple[date | None, str]] = Counter()
    for row in rows:
        left[row.day, row.pooling_area] += row.debit_fen - row.credit_fen

    assert {AREA, ELSEWHERE, PAYOUTS_AREA, visits.AREA} == {area for _, area in left}
    assert {0} == set(left.values())
    assert all(one != two for one, two in pairwise(rows))


def test_the_books_of_persons_hold_what_their_counters_hold(reader: BooksReader) -> None:
    """The balance of a personal account and of a limit is the value of its counter."""
    held: Counter[tuple[str, str, str]] = Counter()
    for key, value in reader.counters_after(None, limit=1_000):
        if key.counter == ACCOUNT:
            held[Title.PERSONAL_ACCOUNT, key.pooling_area, key.person] += value
        elif key.counter.startswith(LIMIT_PREFIX):
            held[Title.RELATIVE_LIMIT, key.pooling_area, key.person] += value
    rows = trial_balance(reader, "account").rows()
    booked = {
        (row.title, row.pooling_area, row.holder): row.debit_fen - row.credit_fen
        for row in rows
        if row.title in {Title.PERSONAL_ACCOUNT, Title.RELATIVE_LIMIT}
    }

    assert len(held) > 4
    assert dict(held) == booked


def test_sums_of_the_books_are_those_of_the_audit_tables(
    reader: BooksReader, whole: tuple[Path, dict[str, str]]
) -> None:
    """By day and area: bills, hospitals' shares, cash and what funds owe, from two sources."""
    audited, booked = audited_sums(whole[0] / "audit"), booked_sums(reader)

    assert len(audited) > 15
    assert audited == booked


def test_the_view_of_the_audit_tables_books_the_same(
    reader: BooksReader, whole: tuple[Path, dict[str, str]]
) -> None:
    """Booking by booking, SQL over the audit tables says what the ledger says."""
    with connect(whole[0] / "audit") as connection:
        viewed = connection.execute(
            "select seq, account_area, title, holder, fen::bigint from bookings order by all"
        ).fetchall()
    booked = sorted(
        (recorded.seq, account.pooling_area, str(account.title), account.holder, fen)
        for recorded, moves in entries_with_moves(reader)
        if recorded.kind in SETTLEMENT_KINDS
        for account, fen in bookings_of(recorded, moves)
        if fen
    )

    assert len(booked) > 50
    assert booked == viewed


def test_an_entry_that_leaves_something_is_named(tmp_path: Path) -> None:
    """A trial balance is refused where a record does not add up, and says which."""
    lived(tmp_path)
    connection = apsw.Connection(str(tmp_path / "ledger.db"))
    connection.execute("drop trigger entries_are_never_changed")
    connection.execute(
        """update entries set record = cast(
             replace(cast(record as text), '"cash_fen":30000', '"cash_fen":29999') as blob)
           where seq = 1"""
    )
    connection.close()
    with (
        SqliteReader(tmp_path / "ledger.db") as reader,
        pytest.raises(InternalError, match=r"entry 1 \(.*\) leave 1 fen instead of 0"),
    ):
        trial_balance(reader, "day")
