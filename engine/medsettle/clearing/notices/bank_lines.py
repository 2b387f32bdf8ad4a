"""What is recorded of the bank's messages: statements, their lines, and what became of them."""

from dataclasses import dataclass
from datetime import date

from medsettle import limits
from medsettle.clearing.months.months import MonthStore
from medsettle.clearing.notices.bank import Finding
from medsettle.core.dates import date_of
from medsettle.errors import NotFound


@dataclass(frozen=True, slots=True)
class ToldStatement:
    """A statement that was imported: whose account, under which ids, by whom and when.

    `lines` counts its lines and `listed` those of them that were not booked.
    """

    number: int
    account: str
    message: str
    statement: str
    who: str
    time_us: int
    lines: int
    listed: int


@dataclass(frozen=True, slots=True)
class ToldLine:
    """A line of a statement with what became of it; `notice` is what it was booked for."""

    statement: int
    place: int
    account: str
    reference: str
    end_to_end: str
    direction: str
    returned: bool
    amount: str
    currency: str
    value_date: date
    reason: str
    finding: Finding
    notice: int | None


_STATEMENTS = (
    "select id, account, message, statement, who, time_us, "
    "(select count(*) from bank_entries e where e.statement = s.id), "
    "(select count(*) from bank_entries e where e.statement = s.id and finding <> 'booked') "
    "from statements s"
)
_LINES = (
    "select statement, place, account, reference, end_to_end, direction, returned, amount, "
    "currency, value_day, reason, finding, (select notice from payments p where p.id = e.payment) "
    "from bank_entries e"
)


def told_statements(
    store: MonthStore, *, below: int = limits.INT64_MAX, most: int
) -> list[ToldStatement]:
    """Return the newest statements with a number below one, the newest first."""
    rows = store.rows(f"{_STATEMENTS} where id < ? order by id desc limit ?", below, most)
    return [ToldStatement(*row) for row in rows]


def told_statement(store: MonthStore, number: int) -> ToldStatement:
    """Return a statement by its number.

    Raises:
        NotFound: There is none.
    """
    rows = store.rows(f"{_STATEMENTS} where id = ?", number)
    if not rows:
        raise NotFound(f"there is no bank statement {number}", statement=str(number))
    return ToldStatement(*rows[0])


def told_lines(store: MonthStore, number: int, *, after: int = 0, most: int) -> list[ToldLine]:
    """Return the first lines of a statement behind a place, in their order."""
    rows = store.rows(
        f"{_LINES} where statement = ? and place > ? order by place limit ?", number, after, most
    )
    return [_line(row) for row in rows]


def lines_about(store: MonthStore, payment_notice: str, *, most: int) -> list[ToldLine]:
    """Return the newest lines that carry the id of a notice, booked or not, oldest first."""
    rows = store.rows(
        f"{_LINES} where end_to_end = ? order by statement desc, place desc limit ?",
        payment_notice,
        most,
    )
    return [_line(row) for row in reversed(rows)]


def _line(row: tuple[object, ...]) -> ToldLine:
    statement, place, account, reference, end, direction, returned, amount, *rest = row
    currency, value_day, reason, finding, notice = rest
    return ToldLine(
        int(str(statement)),
        int(str(place)),
        *(str(account), str(reference), str(end), str(direction)),
        bool(returned),
        *(str(amount), str(currency), date_of(int(str(value_day))), str(reason)),
        Finding(str(finding)),
        None if notice is None else int(str(notice)),
    )
