"""Closed months with issued notices between invented provinces, and invented fiscal accounts."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from medsettle.clearing.months.month import Month
from medsettle.clearing.months.months import MonthStore
from medsettle.clearing.notices.book import Notice, Status
from medsettle.clearing.notices.notices import advance, issue
from medsettle.clearing.notices.payment_files import fiscal
from medsettle.payments.accounts import BankAccount
from medsettle.payments.orders import Party

from tests.clearing.month_books import MOMENT, close, row

DUE = date(2024, 5, 31)
SEEN_AT = datetime(2024, 6, 1, 1, 2, 3, tzinfo=UTC)
DEBTOR_ACCOUNT, CREDITOR_ACCOUNT = "FISCAL99employee", "FISCAL98employee"


def bill(
    settlement: str,
    day: date,
    fen: int,
    **changes: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """Return a settlement of which the pooled fund pays so many fen and nobody anything else."""
    return row(settlement, day, total_fen=fen, pooled_fund=fen, **changes)


def issued(store: MonthStore, month: Month, rows: list[dict[str, Any]]) -> list[Notice]:
    """Close a month of a book of these rows and issue its notices, due at the end of the next."""
    close(store, month, rows)
    due_on = month.plus(2).first_day - timedelta(days=1)
    moment = min(MOMENT, datetime.combine(due_on, time(1), UTC))
    return issue(store, month, who="clerk A", due_on=due_on, moment=moment)


def cleared(store: MonthStore, number: int) -> Notice:
    """Take a notice from applied to cleared, reviewed by another than who applied."""
    steps = (Status.ACCEPTED, Status.REVIEWING, Status.REVIEWED, Status.CLEARED)
    for status in steps:
        found = advance(store, number, status, who="clerk B", moment=MOMENT)
    return found


def fiscal_accounts() -> dict[Party, BankAccount]:
    """Return accounts of the provinces 97, 98 and 99 for the employee and the resident line."""
    return {
        fiscal(province, line): BankAccount(
            f"FISCAL{province}{line}",
            f"虚构省{province}社会保障基金财政专户",
            f"10{province}00000000",
        )
        for province in ("97", "98", "99")
        for line in ("employee", "resident")
    }
