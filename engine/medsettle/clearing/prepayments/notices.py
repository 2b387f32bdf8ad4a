"""Notices of prepayments: who is to pay whom how much until when, and how late that is.

Each notice is a pair: a payment notice for who pays and a receipt notice for who is paid. An amount
above 0 goes from the place of insurance to the place of care; one below 0 comes back.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from medsettle.clearing.months.ages import Band, band_of, overdue_days
from medsettle.clearing.prepayments.prepayment import CARE_ACCOUNT, INSURED_ACCOUNT, Line


class NoticeKind(StrEnum):
    """Why a notice was issued."""

    PREPAYMENT = "prepayment"
    """The first of a line."""
    ADJUSTMENT = "adjustment"
    """The difference of the yearly recalculation, either way."""
    INCREASE = "increase"
    """An urgent increase that was approved."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A pair of notices.

    `paid_fen` has the sign of `amount_fen`; `increase` is the one that it was issued for, if any.
    """

    id: int
    line: Line
    year: int
    kind: NoticeKind
    amount_fen: int
    issue_day: date
    due_day: date
    increase: int | None
    paid_fen: int
    superseded: bool

    @property
    def number(self) -> str:
        """The number of the pair; the payment notice ends with `-P`, the receipt with `-R`."""
        return notice_number(self.year, self.id)

    @property
    def payer(self) -> str:
        """Which area pays."""
        return self.line.insured if self.amount_fen > 0 else self.line.care

    @property
    def payee(self) -> str:
        """Which area is paid."""
        return self.line.care if self.amount_fen > 0 else self.line.insured

    @property
    def open_fen(self) -> int:
        """What is still to be paid, never negative; 0 of a superseded notice."""
        return 0 if self.superseded else abs(self.amount_fen) - abs(self.paid_fen)

    @property
    def accounts(self) -> str:
        """What both sides book it as: never as expenditure."""
        return f"{self.line.insured} {INSURED_ACCOUNT}, {self.line.care} {CARE_ACCOUNT}"


def notice_number(year: int, number: int) -> str:
    """Return the number of a pair of notices.

    >>> notice_number(2026, 17)
    'PP2026-000017'
    """
    return f"PP{year}-{number:06d}"


@dataclass(frozen=True, slots=True)
class Aged:
    """An unpaid notice with its age on a day; `overdue_days` is 0 until it is due."""

    notice: Notice
    overdue_days: int
    age: str


def aged(notice: Notice, on: date) -> Aged:
    """Return how old a notice is on a day."""
    overdue = overdue_days(notice.due_day, on)
    return Aged(notice, overdue, _words(band_of(overdue)))


def _words(band: Band) -> str:
    if band.last_days is None:
        return f"over {band.first_days - 1} days"
    return f"{band.first_days} to {band.last_days} days" if band.last_days else "not due"
