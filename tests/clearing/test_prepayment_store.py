"""The store of prepayments: notices, payments, ages, increases, and money that is conserved."""

import tempfile
from datetime import date
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle import limits
from medsettle.clearing.months.read_calendar import load_calendar
from medsettle.clearing.prepayments.notices import NoticeKind
from medsettle.clearing.prepayments.prepayment import Level, requirements
from medsettle.clearing.prepayments.store import PrepaymentStore
from medsettle.clearing.prepayments.years import behind_on, lines_behind
from medsettle.errors import InvalidRequest, NotFound, Precondition

from tests.clearing.prepaying import (
    DUE,
    ISSUED,
    LINE,
    MARCH,
    NOW,
    OTHER,
    QUARTER,
    RULES,
    TERMS,
    prepaid,
    recalculated,
)


@pytest.fixture
def store(tmp_path: Path) -> PrepaymentStore:
    """Return an empty store."""
    return PrepaymentStore(tmp_path)


def test_what_is_required_is_noticed_and_paid_in_parts(store: PrepaymentStore) -> None:
    """The first notice is over the whole prepayment; what stands is what was paid."""
    (number,) = recalculated(store, (LINE, 1_000))
    assert "PP2026-000001" == number
    assert 0 == store.standing_fen(LINE)
    store.pay(number, 400, date(2026, 2, 10), "E2E-1", "finance", NOW)
    store.pay(f"{number}-P", 600, date(2026, 2, 20), "E2E-2", "finance", NOW)

    (notice,) = store.notices()
    assert (NoticeKind.PREPAYMENT, 1_000, 0) == (notice.kind, notice.paid_fen, notice.open_fen)
    assert ("999901", "999902") == (notice.payer, notice.payee)
    assert (400, 1_000) == (store.standing_fen(LINE, date(2026, 2, 19)), store.standing_fen(LINE))


def test_a_payment_is_registered_once(store: PrepaymentStore) -> None:
    """The same reference with the same payment is one; with another it is refused."""
    (number,) = recalculated(store, (LINE, 1_000))
    store.pay(number, 400, DUE, "E2E-1", "finance", NOW)
    store.pay(number, 400, DUE, "E2E-1", "finance", NOW)

    assert 400 == store.standing_fen(LINE)
    with pytest.raises(Precondition, match="that of another payment"):
        store.pay(number, 401, DUE, "E2E-1", "finance", NOW)
    with pytest.raises(Precondition, match=r"6\.00 yuan are open, not 6\.01"):
        store.pay(number, 601, DUE, "E2E-2", "finance", NOW)
    with pytest.raises(Precondition, match="was issued on 2026-01-31, after 2026-01-30"):
        store.pay(number, 1, date(2026, 1, 30), "E2E-3", "finance", NOW)
    with pytest.raises(NotFound, match="no notice 'PP2026-000009'"):
        store.pay("PP2026-000009", 1, DUE, "E2E-4", "finance", NOW)
    with pytest.raises(InvalidRequest, match="amount: 0 fen are outside 1 to"):
        store.pay(number, 0, DUE, "E2E-5", "finance", NOW)
    most = limits.PREPAYMENT_FEN_MAX
    with pytest.raises(InvalidRequest, match=f"outside 1 to {most}"):
        store.pay(number, most + 1, DUE, "E2E-6", "finance", NOW)
    with pytest.raises(InvalidRequest, match="who: ''"):
        store.pay(number, 1, DUE, "E2E-7", "", NOW)


def test_two_that_register_the_same_payment_register_one(tmp_path: Path) -> None:
    """Two processes have the store open; the second finds what the first recorded."""
    with PrepaymentStore(tmp_path) as one, PrepaymentStore(tmp_path) as other:
        (number,) = recalculated(one, (LINE, 1_000))
        for store in (one, other, one):
            store.pay(number, 1_000, DUE, "E2E-1", "finance", NOW)
        assert 1_000 == other.standing_fen(LINE)
        with pytest.raises(Precondition, match=r"0\.00 yuan are open"):
            other.pay(number, 1, DUE, "E2E-2", "finance", NOW)


def test_texts_of_the_record_have_their_bound(store: PrepaymentStore) -> None:
    """200 characters name who did it, 201 do not, and neither does a line end."""
    (number,) = recalculated(store, (LINE, 1_000))
    most = limits.CLEARING_TEXT_CHARS_MAX
    store.pay(number, 1, DUE, "E" * most, "x" * most, NOW)
    for who in ("x" * (most + 1), "a\nb", " ", "a ", " a"):
        with pytest.raises(InvalidRequest, match=f"who: .* must be 1 to {most} printable"):
            store.pay(number, 1, DUE, "E2E-2", who, NOW)


def test_a_year_is_settled_by_its_difference(store: PrepaymentStore) -> None:
    """2026 had 26.4 million; 2027 needs 30 and 2028 needs 20: 3.6 are paid in, 10 come back."""
    prepaid(store)
    (more,) = recalculated(store, (LINE, 3_000_000_000), year=2027)
    store.pay(more, 360_000_000, date(2027, 2, 1), "E2E-2027", "finance", NOW)
    (less,) = recalculated(store, (LINE, 2_000_000_000), year=2028)
    found = {notice.number: notice for notice in store.notices()}

    assert (NoticeKind.ADJUSTMENT, 360_000_000) == (found[more].kind, found[more].amount_fen)
    assert (-1_000_000_000, "999902") == (found[less].amount_fen, found[less].payer)
    store.pay(less, 1_000_000_000, date(2028, 2, 1), "E2E-2028", "finance", NOW)
    assert 2_000_000_000 == store.standing_fen(LINE)


def test_recalculating_again_issues_nothing(store: PrepaymentStore) -> None:
    """The same requirement is recorded once; another one supersedes what was not paid."""
    (first,) = recalculated(store, (LINE, 1_000))
    assert [] == recalculated(store, (LINE, 1_000))
    store.pay(first, 300, DUE, "E2E-1", "finance", NOW)
    (second,) = recalculated(store, (LINE, 1_200))

    found = {notice.number: notice for notice in store.notices()}
    assert found[first].superseded
    assert (900, 0) == (found[second].open_fen, found[first].open_fen)
    with pytest.raises(Precondition, match="superseded by the recalculation"):
        store.pay(first, 1, DUE, "E2E-2", "finance", NOW)
    recalculated(store, (LINE, 1_300), year=2027)
    with pytest.raises(Precondition, match="has been recalculated for 2027; 2026 is over"):
        recalculated(store, (LINE, 1_200))


def test_a_due_day_before_the_notice_is_refused(store: PrepaymentStore) -> None:
    """Nothing is recorded then."""
    required = requirements({(LINE, month): fen for month, fen in QUARTER.items()}, 2026, TERMS)
    with pytest.raises(InvalidRequest, match="lies before the notice"):
        store.recalculate(required, TERMS, DUE, ISSUED, "centre", NOW)
    assert [] == store.notices()


@given(
    st.lists(
        st.tuples(st.integers(0, 5_000), st.lists(st.integers(1, 3_000), max_size=3)),
        min_size=1,
        max_size=5,
    )
)
def test_money_is_conserved_over_recalculations(years: list[tuple[int, list[int]]]) -> None:
    """What stands is all that was paid in less all that came back, and with what is open the need.

    So the place of insurance and the place of care book the same, whatever was paid of whatever.
    """
    with tempfile.TemporaryDirectory() as folder, PrepaymentStore(Path(folder)) as store:
        paid_in = came_back = 0
        for at, (average, payments) in enumerate(years):
            required = average // 2 * 2
            recalculated(store, (LINE, required), year=2026 + at)
            for number, fen in enumerate(payments):
                for notice in store.notices(LINE):
                    part = min(fen, notice.open_fen)
                    if not part:
                        continue
                    day = notice.issue_day
                    store.pay(notice.number, part, day, f"{at}-{number}-{notice.id}", "x", NOW)
                    paid_in += part if notice.amount_fen > 0 else 0
                    came_back += part if notice.amount_fen < 0 else 0
            open_fen = sum(
                notice.open_fen if notice.amount_fen > 0 else -notice.open_fen
                for notice in store.notices(LINE)
            )
            assert paid_in - came_back == store.standing_fen(LINE)
            assert required == store.standing_fen(LINE) + open_fen


def test_unpaid_notices_age(store: PrepaymentStore) -> None:
    """A notice is not due until its day, and then late by days; one that is paid is not told."""
    recalculated(store, (LINE, 1_000), (OTHER, 2_000))
    store.pay("PP2026-000002", 2_000, DUE, "E2E-1", "finance", NOW)
    ages = [
        (date(2026, 2, 28), 0, "not due"),
        (date(2026, 3, 1), 1, "1 to 30 days"),
        (date(2026, 3, 30), 30, "1 to 30 days"),
        (date(2026, 3, 31), 31, "31 to 60 days"),
        (date(2026, 4, 30), 61, "61 to 90 days"),
        (date(2026, 5, 30), 91, "over 90 days"),
    ]

    for on, overdue_days, age in ages:
        (found,) = store.unpaid(on)
        assert "PP2026-000001" == found.notice.number
        assert (overdue_days, age) == (found.overdue_days, found.age)
    assert [] == store.unpaid(date(2026, 1, 30))


def test_what_was_unpaid_on_a_day_is_what_was_paid_until_then(store: PrepaymentStore) -> None:
    """4.00 of 10.00 on 10 February, the rest on 5 March; another is superseded a year later."""
    (number,) = recalculated(store, (LINE, 1_000))
    store.pay(number, 400, date(2026, 2, 10), "E2E-1", "finance", NOW)
    store.pay(number, 600, date(2026, 3, 5), "E2E-2", "finance", NOW)
    recalculated(store, (OTHER, 2_000))
    recalculated(store, (OTHER, 3_000), year=2027)
    found = {
        on: [(each.notice.id, each.notice.open_fen) for each in store.unpaid(on)]
        for on in (
            *(date(2026, 2, 9), date(2026, 2, 10), date(2026, 3, 4), date(2026, 3, 5)),
            *(date(2027, 1, 30), date(2027, 1, 31)),
        )
    }

    assert {
        date(2026, 2, 9): [(1, 1_000), (2, 2_000)],
        date(2026, 2, 10): [(1, 600), (2, 2_000)],
        date(2026, 3, 4): [(1, 600), (2, 2_000)],
        date(2026, 3, 5): [(2, 2_000)],
        date(2027, 1, 30): [(2, 2_000)],
        date(2027, 1, 31): [(3, 3_000)],
    } == found


def test_usage_is_recorded_and_the_last_counts(store: PrepaymentStore) -> None:
    """A month is looked at again as it goes on, against what stands by then."""
    prepaid(store, fen=1_000)
    store.record_usages([(LINE, MARCH, 600)], RULES, NOW)
    (later,) = store.record_usages([(LINE, MARCH, 900)], RULES, NOW)

    assert Level.RED is later.level
    assert [later] == store.usages(MARCH, RULES)
    assert MARCH == store.last_month()
    assert [LINE] == store.lines()
    assert store.usage(OTHER, MARCH, RULES) is None


def test_a_pool_counts_what_stands_on_lines_that_cleared_nothing(store: PrepaymentStore) -> None:
    """950 of 1,000 is red on its line; with 1,000 of another province it is 47.5 % of all."""
    prepaid(store, LINE, 1_000)
    prepaid(store, OTHER, 1_000)
    (own,) = store.record_usages([(LINE, MARCH, 950)], RULES, NOW)
    (pool,) = store.pools(MARCH, RULES)

    assert Level.RED is own.level
    assert (Level.NORMAL, "47.5 %", 2_000) == (pool.level, pool.shown, pool.standing_fen)


def test_a_line_that_a_year_left_out_is_behind(store: PrepaymentStore) -> None:
    """2027 was computed of a table without the other line: its 1,000 would stand for ever."""
    prepaid(store, LINE, 1_000)
    prepaid(store, OTHER, 1_000)
    assert [] == lines_behind(store, 2026)
    recalculated(store, (LINE, 1_200), year=2027)
    (behind,) = lines_behind(store, 2027)
    assert (OTHER, 2027, 2026, 1_000) == (
        *(behind.line, behind.year, behind.last, behind.standing_fen),
    )
    assert behind.reason == (
        "last recalculated for 2026, and 10.00 yuan stand; recalculate it for 2027, with 0 for "
        "months that cleared nothing"
    )
    (back,) = recalculated(store, (OTHER, 0), year=2027)
    assert [] == lines_behind(store, 2027)
    store.pay(back, 1_000, date(2027, 2, 1), "E2E-back", "finance", NOW)
    assert [LINE] == [each.line for each in lines_behind(store, 2028)]


def test_what_stands_on_a_line_is_that_of_the_day(store: PrepaymentStore) -> None:
    """4.00 until 5 March 2027 and 10.00 after; notices of a year are due by the end of January.

    Before anything was paid no line is behind, as no notice is unpaid before it was issued.
    """
    (number,) = recalculated(store, (LINE, 1_000))
    store.pay(number, 400, date(2026, 2, 10), "E2E-1", "finance", NOW)
    store.pay(number, 600, date(2027, 3, 5), "E2E-2", "finance", NOW)
    calendar = load_calendar()
    found = {
        day: [each.standing_fen for each in behind_on(store, day, calendar)]
        for day in (
            *(date(2025, 12, 31), date(2027, 1, 31), date(2027, 2, 1), date(2027, 3, 4)),
            date(2027, 3, 5),
        )
    }

    assert {
        date(2025, 12, 31): [],
        date(2027, 1, 31): [],
        date(2027, 2, 1): [400],
        date(2027, 3, 4): [400],
        date(2027, 3, 5): [1_000],
    } == found
    assert [] == lines_behind(store, 2027, date(2026, 2, 9))


# --- urgent increases ----------------------------------------------------------------------------


def test_nothing_of_a_store_is_changed_or_deleted(store: PrepaymentStore) -> None:
    """The file itself refuses to forget what was recorded."""
    prepaid(store)
    for table in ("payments", "notices", "requirements"):
        for sql in (f"delete from {table}", f"update {table} set id = id + 1"):
            with pytest.raises(apsw.ConstraintError, match="are never"):
                store.connection.execute(sql)
