"""Notices are numbered without a gap, move in their chain, and add up with what changes them."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from medsettle import errors, limits
from medsettle.clearing.months.month import Month
from medsettle.clearing.months.months import MonthStore
from medsettle.clearing.notices.book import Notice, Status, events, notice, notices
from medsettle.clearing.notices.deductions import DeductionKind, Taken, deduct, deductions
from medsettle.clearing.notices.notices import STEPS, advance, issue, reissue
from medsettle.clearing.notices.payments import Seen, ageing, give_back, payments, register

from tests.clearing.month_books import APRIL, MARCH, MOMENT, cancel, close, store_in
from tests.clearing.notices_made import DUE, SEEN_AT, bill, cleared, issued

pytestmark = pytest.mark.slow

_DAY = date(2024, 3, 10)
_MAY = Month(2024, 5)


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[MonthStore]:
    with store_in(tmp_path) as store:
        yield store


def _seen(reference: str = "B1") -> Seen:
    return Seen(reference, date(2024, 5, 20), "clerk C")


def _three_provinces() -> list[dict[str, Any]]:
    return [
        bill("S1", _DAY, 1_000),
        bill("S2", _DAY, 2_000, insurance_type="390"),
        bill("S3", _DAY, 3_000, pooling_area="989801", care_area="999901"),
        bill("S4", _DAY, 4_000, care_area="979701"),
        bill("S5", _DAY, 5_000, care_area="999955"),
    ]


def test_each_direction_and_line_has_a_notice(store: MonthStore) -> None:
    """Gross: what 98 owes 99 does not lessen what 99 owes 98, nor residents' money employees'."""
    found = issued(store, MARCH, _three_provinces())

    assert [
        (1, "98", "99", "employee", 3_000),
        (2, "99", "97", "employee", 4_000),
        (3, "99", "98", "employee", 1_000),
        (4, "99", "98", "resident", 2_000),
    ] == [(each.number, each.debtor, each.creditor, each.fund_line, each.due_fen) for each in found]
    assert {Status.APPLIED} == {each.status for each in found}


def test_numbers_have_no_gap(store: MonthStore) -> None:
    """Over months and notices issued anew; each copy has its own id, and issuing twice is once."""
    issued(store, MARCH, _three_provinces())
    again = issue(store, MARCH, who="clerk A", due_on=DUE, moment=MOMENT)
    advance(store, 2, Status.REJECTED, who="clerk B", moment=MOMENT, reason="wrong account")
    new = reissue(store, 2, who="clerk A", moment=MOMENT)
    issued(store, APRIL, [*_three_provinces(), bill("S9", date(2024, 4, 1), 7)])
    found = notices(store)

    assert (4, 5) == (len(again), new.number)
    assert [1, 2, 3, 4, 5, 6] == [each.number for each in found]
    ids = {each.payment_notice for each in found} | {each.receipt_notice for each in found}
    assert (12, True) == (len(ids), all(len(each) <= limits.END_TO_END_CHARS_MAX for each in ids))


def test_months_are_issued_in_turn(store: MonthStore) -> None:
    """What an earlier month carries over would be lost; a month that is open has no notices."""
    close(store, MARCH, [])
    close(store, APRIL, [])
    with pytest.raises(errors.Precondition, match="issue 2024-03 first"):
        issue(store, APRIL, who="clerk A", due_on=DUE, moment=MOMENT)
    with pytest.raises(errors.NotFound, match="2024-05 is not closed"):
        issue(store, _MAY, who="clerk A", due_on=DUE, moment=MOMENT)


_CHAIN = (Status.ACCEPTED, Status.REVIEWING, Status.REVIEWED, Status.CLEARED)


@pytest.mark.parametrize("reached", range(5))
def test_a_status_follows_only_from_the_one_before(store: MonthStore, reached: int) -> None:
    """10, 20, 30, 40, 50 in this order; rejected before it is cleared; paid by payments alone."""
    issued(store, MARCH, [bill("S1", _DAY, 1_000), bill("S2", _DAY, 1_000, insurance_type="390")])
    for number in (1, 2):
        for status in _CHAIN[:reached]:
            advance(store, number, status, who="clerk B", moment=MOMENT)
    chain = [Status(number) for number in (10, 20, 30, 40, 50)]
    follows = {chain[reached + 1], Status.REJECTED} if reached < 4 else set()
    for wanted in Status:
        if wanted not in follows:
            with pytest.raises(errors.Precondition, match="cannot become"):
                advance(store, 1, wanted, who="clerk B", moment=MOMENT, reason="because")

    assert (chain[reached], reached + 1) == (notice(store, 1).status, len(events(store, 1)))
    for number, wanted in enumerate(sorted(follows), 1):
        found = advance(store, number, wanted, who="clerk B", moment=MOMENT, reason="x")
        assert (wanted, reached + 2) == (found.status, len(events(store, number)))


def test_who_applied_does_not_review(store: MonthStore) -> None:
    """Money moves on two persons' word; a rejection says why."""
    issued(store, MARCH, [bill("S1", _DAY, 1_000)])
    for status in _CHAIN[:2]:
        advance(store, 1, status, who="clerk A", moment=MOMENT)
    for same in ("clerk A", "Clerk a"):
        with pytest.raises(errors.Precondition, match="somebody else reviews it"):
            advance(store, 1, Status.REVIEWED, who=same, moment=MOMENT)
    with pytest.raises(errors.InvalidRequest, match="reason"):
        advance(store, 1, Status.REJECTED, who="clerk B", moment=MOMENT)

    assert (
        Status.REVIEWED == advance(store, 1, Status.REVIEWED, who="clerk B", moment=MOMENT).status
    )
    assert [("clerk A", 10), ("clerk A", 20), ("clerk A", 30), ("clerk B", 40)] == [
        (each.who, each.status) for each in events(store, 1)
    ]


@pytest.mark.parametrize("more", [0, 1])
def test_a_reason_has_a_bound(store: MonthStore, more: int) -> None:
    """A line of two hundred characters, and not one more."""
    issued(store, MARCH, [bill("S1", _DAY, 1_000)])
    reason = "x" * (limits.CLEARING_TEXT_CHARS_MAX + more)
    if not more:
        advance(store, 1, Status.REJECTED, who="clerk B", moment=MOMENT, reason=reason)
    else:
        with pytest.raises(errors.InvalidRequest, match="has 201 characters"):
            advance(store, 1, Status.REJECTED, who="clerk B", moment=MOMENT, reason=reason)


def test_nothing_recorded_is_changed(store: MonthStore) -> None:
    """Steps, amounts and months can be neither updated nor deleted, whoever writes to the file."""
    issued(store, MARCH, [bill("S1", _DAY, 1_000)])
    for sql in (
        "update notice_events set status = 50",
        "delete from notice_events",
        "update notices set gross_fen = 1",
        "update months set lines_sha256 = lower(hex(randomblob(32)))",
        "delete from months",
    ):
        with pytest.raises(apsw.ConstraintError):
            store.connection.execute(sql)


def test_refunds_offset_the_next_clearing(store: MonthStore) -> None:
    """More is taken back than owed: nothing is due, and the rest lessens the next notice."""
    old = bill("S1", _DAY, 900)
    rows = [old, cancel(old, "C1", date(2024, 4, 2)), bill("S2", date(2024, 4, 3), 300)]
    rows += [bill("S3", date(2024, 5, 3), 1_000)]
    issued(store, MARCH, rows)
    (april,) = issued(store, APRIL, rows)
    (may,) = issued(store, _MAY, rows)

    assert (-600, 0, -600, 0) == (
        *(april.gross_fen, april.carried_in_fen),
        *(april.carried_out_fen, april.due_fen),
    )
    assert (1_000, -600, 0, 400) == (
        *(may.gross_fen, may.carried_in_fen),
        *(may.carried_out_fen, may.due_fen),
    )
    # With nothing due, what is cleared is paid.
    assert Status.PAID == cleared(store, april.number).status


def test_what_is_carried_over_comes_before_deductions(store: MonthStore) -> None:
    """600 carried over of 1,000 leave 400: of a deduction of 500 so much is taken, and 100 wait."""
    old = bill("S1", _DAY, 900)
    new = bill("S3", date(2024, 5, 3), 1_000)
    rows = [old, cancel(old, "C1", date(2024, 4, 2)), bill("S2", date(2024, 4, 3), 300), new]
    rows.append(cancel(new, "D3", date(2024, 5, 4), kind="deduction", pooled_fund_fen=-500))
    rows[-1]["fund_total_fen"] = -500
    issued(store, MARCH, rows)
    issued(store, APRIL, rows)
    (may,) = issued(store, _MAY, rows)

    assert (400, 0) == (may.taken_fen, may.due_fen)
    assert [(500, 400, Taken.PART)] == [
        (each.amount_fen, each.taken_fen, each.state) for each in deductions(store)
    ]


def test_what_is_carried_over_outlasts_an_older_notice_issued_anew(store: MonthStore) -> None:
    """March is issued anew after April: May still begins with what April carried over."""
    old = bill("S1", _DAY, 900)
    rows = [old, cancel(old, "C1", date(2024, 4, 2)), bill("S2", date(2024, 4, 3), 300)]
    rows.append(bill("S3", date(2024, 5, 3), 1_000))
    issued(store, MARCH, rows)
    issued(store, APRIL, rows)
    advance(store, 1, Status.REJECTED, who="clerk B", moment=MOMENT, reason="wrong account")
    reissue(store, 1, who="clerk A", moment=MOMENT)
    (may,) = issued(store, _MAY, rows)

    assert (-600, 400) == (may.carried_in_fen, may.due_fen)


def test_deductions_are_taken_as_far_as_there_is_something(store: MonthStore) -> None:
    """None 10, part 20, full 30; what is left is taken of the pair's next notice. §3.2."""
    rows = [bill("S1", _DAY, 1_000), bill("S2", date(2024, 4, 3), 500)]
    issued(store, MARCH, rows)
    reserve = deduct(
        store, 1, DeductionKind.RESERVE, 50, who="clerk C", reason="five percent", moment=MOMENT
    )
    offset = deduct(
        *(store, 1, DeductionKind.PREPAYMENT_OFFSET, 1_200),
        who="clerk C",
        reason="prepaid",
        moment=MOMENT,
        later=True,
    )
    other = deduct(
        *(store, 1, DeductionKind.OTHER, 9),
        who="clerk C",
        reason="fee",
        moment=MOMENT,
        later=True,
    )
    states = [reserve.state, offset.state, other.state]
    (april,) = issued(store, APRIL, rows)

    assert [Taken.FULL, Taken.PART, Taken.NONE] == states
    assert [30, 20, 10] == [int(state) for state in states]
    assert (950, 1_000, 0) == (
        offset.taken_fen,
        notice(store, 1).taken_fen,
        notice(store, 1).due_fen,
    )
    assert (259, 241) == (april.taken_fen, april.due_fen)
    assert {Taken.FULL} == {each.state for each in deductions(store)}


def test_audit_deductions_of_a_month_are_taken(store: MonthStore) -> None:
    """They do not correct the claim: the gross sum stands, less is paid. §2.4, class 11."""
    first = bill("S1", _DAY, 1_000)
    less = bill("D1", _DAY, -300) | {"kind": "deduction", "original": "S1"}
    (found,) = issued(store, MARCH, [first, less])
    (taken,) = deductions(store)

    assert (1_000, 300, 700) == (found.gross_fen, found.taken_fen, found.due_fen)
    assert (DeductionKind.REVIEW, 300, Taken.FULL) == (taken.kind, taken.amount_fen, taken.state)


def test_a_cleared_notice_takes_no_deduction(store: MonthStore) -> None:
    """What was agreed upon is paid; an amount below one fen is none."""
    issued(store, MARCH, [bill("S1", _DAY, 1_000)])
    most = limits.NOTICE_FEN_MAX
    for fen in (0, most + 1):
        with pytest.raises(errors.InvalidRequest, match="amount_fen"):
            deduct(store, 1, DeductionKind.OTHER, fen, who="c", reason="x", moment=MOMENT)
    deduct(store, 1, DeductionKind.OTHER, 1, who="c", reason="x", moment=MOMENT)
    assert 999 == cleared(store, 1).due_fen
    with pytest.raises(errors.Precondition, match="before a notice is cleared"):
        deduct(store, 1, DeductionKind.OTHER, most, who="c", reason="x", moment=MOMENT)


def test_a_notice_issued_anew_takes_over_its_deductions(store: MonthStore) -> None:
    """The rejected one has none of them any more, and the sums over both stay."""
    issued(store, MARCH, [bill("S1", _DAY, 1_000)])
    deduct(store, 1, DeductionKind.INSPECTION, 100, who="clerk C", reason="found", moment=MOMENT)
    with pytest.raises(errors.Precondition, match="is issued anew once"):
        reissue(store, 1, who="clerk A", moment=MOMENT)
    advance(store, 1, Status.REJECTED, who="clerk B", moment=MOMENT, reason="wrong account")
    new = reissue(store, 1, who="clerk A", moment=MOMENT)
    with pytest.raises(errors.Precondition, match="was issued anew as 2"):
        reissue(store, 1, who="clerk A", moment=MOMENT)

    assert (1_000, 100, 900, 1) == (new.gross_fen, new.taken_fen, new.due_fen, new.replaces)
    assert (0, 2) == (notice(store, 1).taken_fen, notice(store, 1).replaced_by)
    assert [100] == [each.taken_fen for each in deductions(store)]


def test_payments_come_in_parts_and_go_back(store: MonthStore) -> None:
    """Paid once all is there; a return opens it again; the same reference is one payment."""
    issued(store, MARCH, [bill("S1", _DAY, 1_000)])
    with pytest.raises(errors.Precondition, match="only a cleared one is paid"):
        register(store, 1, 400, _seen(), SEEN_AT)
    cleared(store, 1)
    first = register(store, 1, 400, _seen("B1"), SEEN_AT)
    part = notice(store, 1)
    repeated = register(store, 1, 400, _seen("B1"), SEEN_AT)
    register(store, 1, 600, _seen("B2"), SEEN_AT)
    full = notice(store, 1)
    back = give_back(store, first, _seen("B3"), "AC01 wrong account", SEEN_AT)
    opened = notice(store, 1)

    assert (first, Status.CLEARED, 600) == (repeated, part.status, part.open_fen)
    assert (Status.PAID, 0, 0) == (full.status, full.open_fen, full.over_fen)
    assert (Status.CLEARED, 400) == (opened.status, opened.open_fen)
    with pytest.raises(errors.Precondition, match=f"came back as {back}"):
        give_back(store, first, _seen("B4"), "again", SEEN_AT)
    with pytest.raises(errors.Precondition, match="stands for 600 fen of notice 1"):
        register(store, 1, 400, _seen("B2"), SEEN_AT)
    with pytest.raises(errors.NotFound):
        give_back(store, 99, _seen("B5"), "nothing", SEEN_AT)
    assert [(400, None), (600, None), (400, first)] == [
        (each.amount_fen, each.returns) for each in payments(store, 1)
    ]
    assert [50, 60, 50] == [int(each.status) for each in events(store, 1)][-3:]


def test_too_much_is_told(store: MonthStore) -> None:
    """Where somebody says so it is recorded and named, and its return leaves the notice paid."""
    issued(store, MARCH, [bill("S1", _DAY, 1_000)])
    cleared(store, 1)
    register(store, 1, 1_000, _seen("B1"), SEEN_AT)
    with pytest.raises(errors.Precondition, match=r"10\.00 is above the 0\.00 that are open"):
        register(store, 1, 1_000, _seen("B2"), SEEN_AT)
    second = register(store, 1, 1_000, _seen("B2"), SEEN_AT, over=True)
    over = notice(store, 1)
    give_back(store, second, _seen("B3"), "paid twice", SEEN_AT)

    assert (Status.PAID, 1_000, 0) == (over.status, over.over_fen, over.open_fen)
    assert (Status.PAID, 0) == (notice(store, 1).status, notice(store, 1).over_fen)


@pytest.mark.parametrize(
    ("days", "band"), [(0, 0), (1, 1), (30, 1), (31, 2), (60, 2), (61, 3), (90, 3), (91, 4)]
)
def test_what_is_unpaid_grows_old(store: MonthStore, days: int, band: int) -> None:
    """On the due day it is not late; a day, 31, 61 and 91 days later it is in the next band."""
    issued(store, APRIL, [bill("S1", date(2024, 4, 1), 1_000), bill("S2", _DAY, 5)])
    cleared(store, 1)
    register(store, 1, 5, _seen(), SEEN_AT)
    bands = ageing(notices(store), DUE + timedelta(days=days))

    assert [(1,) if at == band else () for at in range(5)] == [each.notices for each in bands]
    assert 1_000 == bands[band].open_fen


@st.composite
def _months(draw: st.DrawFn) -> list[dict[str, Any]]:
    rows = []
    for number in range(draw(st.integers(1, 8))):
        first = bill(
            f"S{number}",
            draw(st.dates(date(2024, 3, 1), date(2024, 5, 31))),
            draw(st.integers(1, 10**6)),
            insurance_type=draw(st.sampled_from(["310", "390"])),
            care_area=draw(st.sampled_from(["989801", "979701"])),
        )
        rows.append(first)
        then = draw(st.dates(first["record_date"], date(2024, 5, 31)))
        what = draw(st.sampled_from(["nothing", "cancel", "deduction"]))
        if what == "cancel":
            rows.append(cancel(first, f"C{number}", then))
        elif what == "deduction":
            rows.append(cancel(first, f"D{number}", then, kind="deduction"))
    return rows


@given(rows=_months())
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_notices_owe_what_the_book_owes(
    rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Over three months, due and what is still carried or to be deducted is the book's sum."""
    with store_in(tmp_path_factory.mktemp("notices")) as store:
        for month in (MARCH, APRIL, _MAY):
            issued(store, month, rows)
        found = notices(store)
        untaken_fen = sum(each.amount_fen - each.taken_fen for each in deductions(store))

    last: dict[tuple[str, str, str], Notice] = {}
    for each in found:
        last[each.debtor, each.creditor, each.fund_line] = each
    carried_fen = sum(each.carried_out_fen for each in last.values())
    due: dict[str, int] = defaultdict(int)
    for each in found:
        assert each.due_fen >= 0
        due[each.creditor] += each.due_fen
    assert sum(each["fund_total_fen"] for each in rows) == (
        sum(due.values()) + carried_fen - untaken_fen
    )


def test_the_chain_is_the_published_one() -> None:
    """10, 20, 30, 40, 50, 60 or 70. `clearing.md` 3.2."""
    assert [10, 20, 30, 40, 50, 60, 70] == [int(status) for status in Status]
    assert set(STEPS) == set(Status)
    assert [10, 20, 30, 40, 99] == [int(kind) for kind in DeductionKind]
