"""Payment and receipt notices: what one province pays another for a month in one fund line.

Each pair of provinces, fund line and month has one notice in two copies, to pay (付款通知书) and
to receive (收款通知书), with a number that no other has and none is left out between. What is
owed the other way is another notice: nothing is netted (`clearing.md` 3.3).

    due = gross + carried in - carried out - deducted

`gross` is what the month's lines owe. Where refunds of earlier months are more than that, nothing
is due, and what is left is carried into the pair's next notice: it offsets the next clearing
(`clearing.md` 3.5). Deductions are taken as far as there is something to take them from
(`clearing.notices.deductions`).

The status goes from applied (10) over accepted (20), reviewing (30) and reviewed (40) to cleared
(50), and a payment makes it paid (60); it may be rejected (70) until it is cleared, and is then
issued anew. Who reviews is not who applied, and who entered a deduction that a notice takes neither
reviews nor clears it. Every step is an event that stays.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from medsettle import limits
from medsettle.clearing.months.month import Month
from medsettle.clearing.months.months import MonthStore, check_texts
from medsettle.clearing.months.table_checks import owed_of
from medsettle.clearing.notices.book import Notice, Status, add_event, events, notice, notices
from medsettle.core.dates import day_number, microseconds, service_day_of
from medsettle.core.persons import same_person
from medsettle.errors import Fault, InvalidRequest, Precondition
from medsettle.ledger.side_file import transaction

STEPS: Final[dict[Status, frozenset[Status]]] = {
    Status.APPLIED: frozenset({Status.ACCEPTED, Status.REJECTED}),
    Status.ACCEPTED: frozenset({Status.REVIEWING, Status.REJECTED}),
    Status.REVIEWING: frozenset({Status.REVIEWED, Status.REJECTED}),
    Status.REVIEWED: frozenset({Status.CLEARED, Status.REJECTED}),
    Status.CLEARED: frozenset(),
    Status.PAID: frozenset(),
    Status.REJECTED: frozenset(),
}
"""What somebody may set next. Payments make a cleared notice paid, and their return takes that
back."""


def issue(
    store: MonthStore,
    month: Month,
    *,
    who: str,
    due_on: date,
    moment: datetime,
    by_calendar: bool = False,
) -> list[Notice]:
    """Issue the notices of a closed month, all in one transaction, and return them.

    Issuing a month again issues nothing and returns what was issued.

    Args:
        store: Of the clearing centre.
        month: Closed, and issued after every earlier month.
        who: Who applies for them.
        due_on: Until when the debtor is to have paid; not before today.
        moment: Now, with a time zone.
        by_calendar: Whether that is the day of the calendar of clearing. It may have passed: a
            month that is closed late is late.

    Raises:
        InvalidRequest: The day has passed, or a text is missing or too long.
        NotFound: The month is not closed.
        Precondition: An earlier month is not issued, or a pair owes or carries over more than
            NOTICE_FEN_MAX.
        StoreUnavailable: The file of the month is not what was closed, or the store failed.
    """
    check_texts(who=who)
    owed = owed_of(store.folder, store.lines_file(month))
    with transaction(store.connection, store.path):
        if not store.rows("select 1 from issues where month = ?", month.text):
            _refuse_before_earlier(store, month)
            if not by_calendar:
                _check_due(due_on, service_day_of(moment))
            stamp = (who, microseconds(moment))
            store.rows(
                "insert into issues (month, who, due_day, time_us) values (?,?,?,?)",
                *(month.text, who, day_number(due_on), stamp[1]),
            )
            for debtor, creditor, line, gross_fen, deductions_fen in owed:
                pair = (debtor, creditor, line)
                _issue_one(store, month, pair, (gross_fen, deductions_fen), due_on, stamp)
    return notices(store, month=month)


def _check_due(due_on: date, today: date) -> None:
    if due_on < today:
        text = f"is {due_on}, before today, {today}: the notices would be late as they are issued"
        raise InvalidRequest([Fault("due", text)])


def _refuse_before_earlier(store: MonthStore, month: Month) -> None:
    missing = store.rows(
        "select month from months where month < ? and month not in (select month from issues) "
        "order by month",
        month.text,
    )
    if missing:
        raise Precondition(
            f"the notices of {missing[0][0]} are not issued, and what they carry over belongs "
            f"into those of {month.text}; issue {missing[0][0]} first",
            month=str(missing[0][0]),
        )


def _issue_one(
    store: MonthStore,
    month: Month,
    pair: tuple[str, str, str],
    owed: tuple[int, int],
    due_on: date,
    stamp: tuple[str, int],
) -> None:
    """Record a notice, what it carries, and the deductions that it takes."""
    gross_fen, deductions_fen = owed
    if deductions_fen > 0:
        # Review gave back more than it took off: that is owed, like anything else.
        gross_fen, deductions_fen = gross_fen + deductions_fen, 0
    most = limits.NOTICE_FEN_MAX
    if not -most <= gross_fen <= most or -deductions_fen > most:
        raise Precondition(
            f"{pair[0]} owes {pair[1]} {gross_fen} fen less {-deductions_fen} in line {pair[2]} "
            f"for {month.text}, and a notice has at most {most}; check the book",
            month=month.text,
        )
    carried = store.rows(
        "select carried_out_fen from notices where debtor = ? and creditor = ? and fund_line = ? "
        "order by month desc, number desc limit 1",
        *pair,
    )
    carried_in_fen = int(carried[0][0]) if carried else 0
    if gross_fen + carried_in_fen < -most:
        raise Precondition(
            f"{pair[0]} has {-gross_fen} fen back from {pair[1]} in line {pair[2]} for "
            f"{month.text} beside {-carried_in_fen} carried over, and a notice carries at most "
            f"{most}; check the refunds of the book",
            month=month.text,
        )
    who, time_us = stamp
    if deductions_fen:
        store.rows(
            "insert into deductions (debtor, creditor, fund_line, kind, amount_fen, month, who, "
            "reason, time_us) values (?,?,?,10,?,?,?,'audit deductions of the month',?)",
            *(*pair, -deductions_fen, month.text, who, time_us),
        )
    open_deductions = open_of_pair(store, pair)
    if not (gross_fen or carried_in_fen or open_deductions):
        return
    available_fen = gross_fen + carried_in_fen
    number = _insert(
        store,
        (month.text, *pair),
        (gross_fen, carried_in_fen, min(0, available_fen)),
        due_on,
        time_us,
        None,
    )
    take(store, number, open_deductions, max(0, available_fen), time_us)
    add_event(store, number, Status.APPLIED, who, "", time_us)


def _insert(
    store: MonthStore,
    key: tuple[str, str, str, str],
    amounts: tuple[int, int, int],
    due_on: date,
    time_us: int,
    replaces: int | None,
) -> int:
    """Record a notice under the next number, and return the number."""
    ((number, installation),) = store.rows(
        "select 1 + coalesce((select max(number) from notices), 0), value from meta "
        "where name = 'installation'"
    )
    store.rows(
        "insert into notices (number, payment_notice, receipt_notice, month, debtor, creditor, "
        "fund_line, gross_fen, carried_in_fen, carried_out_fen, due_day, time_us, replaces) "
        "values (?,?,?,?,?,?,?,?,?,?,?,?,?)",
        *(number, f"P{installation}-{number:08d}", f"R{installation}-{number:08d}"),
        *(*key, *amounts, day_number(due_on), time_us, replaces),
    )
    return int(number)


def open_of_pair(store: MonthStore, pair: tuple[str, str, str]) -> list[tuple[int, int]]:
    """Return the deductions of a pair and line that are not fully taken, oldest first.

    Returns:
        Id, and what is left to take in fen, greater than zero.
    """
    rows = store.rows(
        "select id, left_fen from (select id, amount_fen - coalesce((select sum(t.amount_fen) "
        "from takings t where t.deduction = d.id), 0) - coalesce((select w.amount_fen "
        "from withdrawals w where w.deduction = d.id), 0) as left_fen from deductions d "
        "where debtor = ? and creditor = ? and fund_line = ?) where left_fen > 0 order by id",
        *pair,
    )
    return [(int(name), int(left_fen)) for name, left_fen in rows]


def take(
    store: MonthStore,
    number: int,
    deductions: Sequence[tuple[int, int]],
    available_fen: int,
    time_us: int,
) -> None:
    """Take deductions of a notice, in their order, as far as there is something to take from."""
    for deduction, left_fen in deductions:
        taken_fen = min(left_fen, available_fen)
        if taken_fen == 0:
            break
        available_fen -= taken_fen
        store.rows(
            "insert into takings (deduction, notice, amount_fen, time_us) values (?,?,?,?)",
            *(deduction, number, taken_fen, time_us),
        )


def advance(
    store: MonthStore, number: int, status: Status, *, who: str, moment: datetime, reason: str = ""
) -> Notice:
    """Set the status of a notice, and return it.

    A notice with nothing due is paid as soon as it is cleared.

    Raises:
        InvalidRequest: A text is missing or too long; a rejection needs a reason.
        NotFound: There is no such notice.
        Precondition: That status does not follow, the reviewer is who applied, or who approves or
            clears entered a deduction of the notice.
    """
    check_texts(who=who, **({"reason": reason} if reason or status is Status.REJECTED else {}))
    time_us = microseconds(moment)
    with transaction(store.connection, store.path):
        found = notice(store, number)
        if status not in STEPS[found.status]:
            names = " or ".join(each.name.lower() for each in sorted(STEPS[found.status]))
            raise Precondition(
                f"notice {number} is {found.status.name.lower()} ({found.status:d}) and cannot "
                f"become {status.name.lower()} ({status:d}); "
                + (f"next is {names}" if names else "payments alone change it from here"),
                notice=str(number),
                status=str(int(found.status)),
            )
        applicant = events(store, number)[0].who
        if status is Status.REVIEWED and same_person(who, applicant):
            raise Precondition(
                f"notice {number} was applied for by {applicant}; somebody else reviews it",
                notice=str(number),
            )
        if status in {Status.REVIEWED, Status.CLEARED}:
            _refuse_own_deduction(store, number, who)
        add_event(store, number, status, who, reason, time_us)
        if status is Status.CLEARED and found.due_fen == 0:
            add_event(store, number, Status.PAID, who, "nothing is due", time_us)
        return notice(store, number)


def _refuse_own_deduction(store: MonthStore, number: int, who: str) -> None:
    """Refuse somebody to decide about a notice with a deduction which they entered or withdrew.

    Audit deductions of a month come in with its notices, and nobody entered them.
    """
    clerks = store.rows(
        "select d.id, d.who, 'entered' from deductions d where d.month is null and exists "
        "(select 1 from takings t where t.deduction = d.id and t.notice = ?) union all "
        "select w.deduction, w.who, 'withdrew' from withdrawals w where exists "
        "(select 1 from takings t where t.deduction = w.deduction and t.notice = ?) order by 1, 3",
        *(number, number),
    )
    own = [f"{did} deduction {of}" for of, clerk, did in clerks if same_person(who, clerk)]
    if own:
        raise Precondition(
            f"{who} {', '.join(own)} of notice {number}; somebody else approves its review and "
            "clears it",
            notice=str(number),
        )


def reissue(store: MonthStore, number: int, *, who: str, moment: datetime) -> Notice:
    """Issue a rejected notice anew under the next number, and return the new one.

    It has the amounts of the rejected one, and its deductions go over to it.

    Raises:
        NotFound: There is no such notice.
        Precondition: It is not rejected, or was issued anew before.
    """
    check_texts(who=who)
    time_us = microseconds(moment)
    with transaction(store.connection, store.path):
        found = notice(store, number)
        if found.status is not Status.REJECTED or found.replaced_by is not None:
            state = found.status.name.lower()
            if found.replaced_by is not None:
                state += f" and was issued anew as {found.replaced_by}"
            raise Precondition(
                f"notice {number} is {state}; what is rejected is issued anew once",
                notice=str(number),
            )
        new = _insert(
            store,
            (found.month.text, found.debtor, found.creditor, found.fund_line),
            (found.gross_fen, found.carried_in_fen, found.carried_out_fen),
            found.due_on,
            time_us,
            number,
        )
        moved = store.rows(
            "select deduction, sum(amount_fen) from takings where notice = ? "
            "group by deduction having sum(amount_fen) <> 0 order by deduction",
            number,
        )
        for deduction, fen in moved:
            for at, amount_fen in ((number, -fen), (new, fen)):
                store.rows(
                    "insert into takings (deduction, notice, amount_fen, time_us) values (?,?,?,?)",
                    *(deduction, at, amount_fen, time_us),
                )
        add_event(store, new, Status.APPLIED, who, f"in place of notice {number}", time_us)
        return notice(store, new)
