"""Deductions: what a notice pays less, for which reason, and how much of it was really deducted.

A deduction is agreed upon once and taken of notices of the same pair and fund line until it is
fully taken: of the notice that it is entered against, if that is not cleared, and of later ones as
they are issued. Audit deductions of a month come in with its notices (kind 10).

Source: kinds and states of the national platform, `clearing.md` 3.2.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from medsettle import limits
from medsettle.clearing.months.months import MonthStore, check_texts
from medsettle.clearing.notices.book import Status, notice
from medsettle.clearing.notices.notices import open_of_pair, take
from medsettle.core.dates import microseconds
from medsettle.errors import Fault, InvalidRequest, Precondition
from medsettle.ledger.side_file import transaction


class DeductionKind(IntEnum):
    """Why less is paid."""

    REVIEW = 10
    INSPECTION = 20
    PREPAYMENT_OFFSET = 30
    RESERVE = 40
    OTHER = 99


class Taken(IntEnum):
    """How much of a deduction was really deducted (实际扣款状态)."""

    NONE = 10
    PART = 20
    FULL = 30


@dataclass(frozen=True, slots=True)
class Deduction:
    """A deduction between two provinces in a fund line; amounts in fen."""

    deduction: int
    debtor: str
    creditor: str
    fund_line: str
    kind: DeductionKind
    amount_fen: int
    taken_fen: int
    who: str
    reason: str

    @property
    def state(self) -> Taken:
        """How much of it was deducted."""
        if self.taken_fen == 0:
            return Taken.NONE
        return Taken.FULL if self.taken_fen == self.amount_fen else Taken.PART


def deduct(
    store: MonthStore,
    number: int,
    kind: DeductionKind,
    amount_fen: int,
    *,
    who: str,
    reason: str,
    moment: datetime,
) -> Deduction:
    """Enter a deduction against a notice, take what can be taken of it, and return it.

    Args:
        store: Of the clearing centre.
        number: A notice that is not cleared; later ones of the pair take what is left.
        kind: Why.
        amount_fen: In 1..NOTICE_FEN_MAX.
        who: Who enters it.
        reason: In words.
        moment: Now, with a time zone.

    Raises:
        InvalidRequest: The amount or a text is out of bounds.
        NotFound: There is no such notice.
        Precondition: It is cleared or rejected.
    """
    check_texts(who=who, reason=reason)
    check_amount(amount_fen)
    time_us = microseconds(moment)
    with transaction(store.connection, store.path):
        found = notice(store, number)
        if found.status >= Status.CLEARED:
            raise Precondition(
                f"notice {number} is {found.status.name.lower()}; a deduction is entered before a "
                "notice is cleared, or against a later one",
                notice=str(number),
            )
        pair = (found.debtor, found.creditor, found.fund_line)
        store.rows(
            "insert into deductions (debtor, creditor, fund_line, kind, amount_fen, month, who, "
            "reason, time_us) values (?,?,?,?,?,null,?,?,?)",
            *(*pair, int(kind), amount_fen, who, reason, time_us),
        )
        # Of older ones nothing is left to take, or this notice has nothing left to take them from.
        take(store, number, open_of_pair(store, pair), found.due_fen, time_us)
        ((entered,),) = store.rows("select max(id) from deductions")
        return next(each for each in deductions(store) if each.deduction == entered)


def deductions(store: MonthStore, pair: tuple[str, str, str] | None = None) -> list[Deduction]:
    """Return deductions, oldest first: all, or those of a debtor, creditor and fund line."""
    where = "" if pair is None else "where debtor = ? and creditor = ? and fund_line = ? "
    rows = store.rows(
        "select id, debtor, creditor, fund_line, kind, amount_fen, coalesce((select "  # noqa: S608
        "sum(t.amount_fen) from takings t where t.deduction = d.id), 0), who, reason "
        f"from deductions d {where}order by id",
        *(pair or ()),
    )
    return [
        Deduction(name, debtor, creditor, line, DeductionKind(kind), *rest)
        for name, debtor, creditor, line, kind, *rest in rows
    ]


def check_amount(amount_fen: int) -> None:
    """Check an amount of a notice.

    Raises:
        InvalidRequest: It is none of 1..NOTICE_FEN_MAX.
    """
    if not 1 <= amount_fen <= limits.NOTICE_FEN_MAX:
        most = limits.NOTICE_FEN_MAX
        raise InvalidRequest([Fault("amount_fen", f"is {amount_fen}; expected 1 to {most}")])
