"""What is recorded of notices: their amounts, their steps, and how they stand.

`clearing.notices.notices` issues them and moves them on.
"""

from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Any, Final

from medsettle.clearing.months.month import Month
from medsettle.clearing.months.months import MonthStore
from medsettle.core.dates import date_of, day_number
from medsettle.errors import NotFound


class Status(IntEnum):
    """Where a notice stands; the numbers are those of the national platform (`clearing.md` 3.2)."""

    APPLIED = 10
    ACCEPTED = 20
    REVIEWING = 30
    REVIEWED = 40
    CLEARED = 50
    PAID = 60
    REJECTED = 70


PAYABLE: Final = (Status.CLEARED, Status.PAID)
"""Where a notice stands that money is received for; once paid, what comes is too much."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice as it stands. Amounts are in fen.

    `payment_notice` is the id of the debtor's copy and the end-to-end id at the bank. `taken_fen`
    is what deductions have taken of it, `paid_fen` what was paid and not returned.
    """

    number: int
    payment_notice: str
    receipt_notice: str
    month: Month
    debtor: str
    creditor: str
    fund_line: str
    gross_fen: int
    carried_in_fen: int
    carried_out_fen: int
    taken_fen: int
    paid_fen: int
    due_on: date
    replaces: int | None
    replaced_by: int | None
    status: Status

    @property
    def due_fen(self) -> int:
        """What is to be paid in all; never below zero."""
        return self.gross_fen + self.carried_in_fen - self.carried_out_fen - self.taken_fen

    @property
    def open_fen(self) -> int:
        """What is still to be paid."""
        return max(0, self.due_fen - self.paid_fen)

    @property
    def over_fen(self) -> int:
        """What was paid too much."""
        return max(0, self.paid_fen - self.due_fen)


@dataclass(frozen=True, slots=True)
class NoticeEvent:
    """A step of a notice: its status from then on, who made it so, why and when."""

    status: Status
    who: str
    reason: str
    time_us: int


def add_event(
    store: MonthStore, number: int, status: Status, who: str, reason: str, time_us: int
) -> None:
    """Record a step of a notice, inside a transaction."""
    store.rows(
        "insert into notice_events (notice, seq, status, who, reason, time_us) select ?, "
        "1 + coalesce(max(seq), 0), ?, ?, ?, ? from notice_events where notice = ?",
        *(number, int(status), who, reason, time_us, number),
    )


_STATUS: Final = (
    "(select status from notice_events where notice = number order by seq desc limit 1)"
)
_TAKEN: Final = "coalesce((select sum(amount_fen) from takings where notice = number), 0)"
_PAID: Final = (
    "coalesce((select sum(case when returns is null then amount_fen else -amount_fen end) "
    "from moved where notice = number), 0)"
)
_DUE: Final = f"(gross_fen + carried_in_fen - carried_out_fen - {_TAKEN})"
_SELECT: Final = f"""
    select number, payment_notice, receipt_notice, month, debtor, creditor, fund_line, gross_fen,
      carried_in_fen, carried_out_fen, {_TAKEN}, {_PAID},
      due_day, replaces, (select later.number from notices later where later.replaces = n.number),
      {_STATUS}
    from notices n
"""  # noqa: S608 - our own names


def notice(store: MonthStore, number: int) -> Notice:
    """Return a notice by its number.

    Raises:
        NotFound: There is none.
    """
    found = store.rows(f"{_SELECT} where number = ?", number)
    if not found:
        raise NotFound(
            f"there is no notice {number}; see medsettle clear notices", notice=str(number)
        )
    return _notice(found[0])


def notice_named(store: MonthStore, payment_notice: str) -> Notice | None:
    """Return the notice whose debtor's copy has this id; None if none has."""
    found = store.rows(f"{_SELECT} where payment_notice = ?", payment_notice)
    return _notice(found[0]) if found else None


def notices(store: MonthStore, *, month: Month | None = None) -> list[Notice]:
    """Return notices by number: all of them, or those of a month."""
    where, values = ("", ()) if month is None else (" where month = ?", (month.text,))
    return [_notice(row) for row in store.rows(f"{_SELECT}{where} order by number", *values)]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which notices are looked for; what is empty does not matter.

    `overdue_on` asks for those of which something was to be paid before that day. `returned` asks
    for those that are open again because a payment came back.
    """

    month: str = ""
    debtor: str = ""
    creditor: str = ""
    fund_line: str = ""
    statuses: tuple[Status, ...] = ()
    overdue_on: date | None = None
    returned: bool = False


def notices_wanted(store: MonthStore, wanted: Wanted, *, after: int, most: int) -> list[Notice]:
    """Return the first notices with a number above one that are looked for, by number."""
    conditions, values = ["number > ?"], [after]
    for name in ("month", "debtor", "creditor", "fund_line"):
        if value := getattr(wanted, name):
            conditions.append(f"{name} = ?")
            values.append(value)
    if wanted.statuses:
        listed = ",".join(str(int(each)) for each in wanted.statuses)
        conditions.append(f"{_STATUS} in ({listed})")
    if wanted.overdue_on is not None:
        conditions.append(f"due_day < ? and {_STATUS} not in (60, 70)")
        values.append(day_number(wanted.overdue_on))
    if wanted.returned:
        conditions.append(
            f"{_STATUS} = 50 and exists (select 1 from moved m "  # noqa: S608 - our own names
            "where m.notice = number and m.returns is not null)"
        )
    rows = store.rows(
        f"{_SELECT} where {' and '.join(conditions)} order by number limit ?", *values, most
    )
    return [_notice(row) for row in rows]


def counted(
    store: MonthStore, first: Month, last: Month
) -> dict[tuple[Month, Status], tuple[int, int]]:
    """Return how many notices of some months are at each status, with the fen that are open."""
    rows = store.rows(
        "select month, status, count(*), sum(max(0, due - paid)) from (select month, "  # noqa: S608
        f"{_STATUS} as status, {_DUE} as due, {_PAID} as paid from notices n "
        "where month between ? and ?) group by 1, 2",
        *(first.text, last.text),
    )
    return {(Month.of(month), Status(status)): (n, fen) for month, status, n, fen in rows}


def issued_months(store: MonthStore) -> set[Month]:
    """Return the months whose notices were issued, those that have none among them."""
    return {Month.of(month) for (month,) in store.rows("select month from issues")}


def events(store: MonthStore, number: int) -> list[NoticeEvent]:
    """Return the steps of a notice, in their order."""
    rows = store.rows(
        "select status, who, reason, time_us from notice_events where notice = ? order by seq",
        number,
    )
    return [NoticeEvent(Status(status), *rest) for status, *rest in rows]


def _notice(row: tuple[Any, ...]) -> Notice:
    number, payment, receipt, month, *rest, due_day, replaces, replaced_by, status = row
    debtor, creditor, line, gross_fen, carried_in_fen, carried_out_fen, taken_fen, paid_fen = rest
    return Notice(
        number=number,
        payment_notice=payment,
        receipt_notice=receipt,
        month=Month.of(month),
        debtor=debtor,
        creditor=creditor,
        fund_line=line,
        gross_fen=gross_fen,
        carried_in_fen=carried_in_fen,
        carried_out_fen=carried_out_fen,
        taken_fen=taken_fen,
        paid_fen=paid_fen,
        due_on=date_of(due_day),
        replaces=replaces,
        replaced_by=replaced_by,
        status=Status(status),
    )
