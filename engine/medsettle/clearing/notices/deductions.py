"""Deductions: what a notice pays less, for which reason, and how much of it was really deducted.

A deduction is agreed upon once and taken of notices of the same pair and fund line until it is
fully taken: of the notice that it is entered against, if that is not cleared, and of later ones as
they are issued. Audit deductions of a month come in with its notices (kind 10).

One that was entered by mistake is withdrawn: notices that are not cleared give back what they took
of it, and nothing more of it is taken. What a cleared notice took stays.

Source: kinds and states of the national platform, `clearing.md` 3.2.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from medsettle import limits
from medsettle.clearing.months.months import MonthStore, check_texts
from medsettle.clearing.notices.book import PAYABLE, Notice, Status, notice
from medsettle.clearing.notices.notices import open_of_pair, take
from medsettle.core.dates import microseconds
from medsettle.core.money import yuan_from_fen
from medsettle.errors import Fault, InvalidRequest, NotFound, Precondition
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
    """A deduction between two provinces in a fund line; amounts in fen.

    `withdrawn_fen` of `amount_fen` were given up, and are not taken of any notice. `by_hand` says
    whether somebody entered it; an audit deduction came in with the notices of a month.
    """

    deduction: int
    debtor: str
    creditor: str
    fund_line: str
    kind: DeductionKind
    amount_fen: int
    taken_fen: int
    who: str
    reason: str
    withdrawn_fen: int
    by_hand: bool

    @property
    def may_be_withdrawn(self) -> bool:
        """Whether somebody entered it and nobody has withdrawn it."""
        return self.by_hand and not self.withdrawn_fen

    @property
    def state(self) -> Taken:
        """How much of it was deducted."""
        if self.taken_fen == 0:
            return Taken.NONE
        whole = self.taken_fen + self.withdrawn_fen == self.amount_fen
        return Taken.FULL if whole else Taken.PART


def deduct(
    store: MonthStore,
    number: int,
    kind: DeductionKind,
    amount_fen: int,
    *,
    who: str,
    reason: str,
    moment: datetime,
    later: bool = False,
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
        later: Whether more than what is due is meant, the rest of it to be taken of later notices.

    Raises:
        InvalidRequest: The amount or a text is out of bounds, or more than what is due and not
            meant so.
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
        if (rest_fen := beyond_due_fen(found, amount_fen)) and not later:
            raise InvalidRequest(
                [
                    Fault(
                        "later",
                        f"nothing was entered: {yuan_from_fen(found.due_fen)} yuan are due of "
                        f"notice {number}, and {yuan_from_fen(rest_fen)} would wait for notices of "
                        "later months; say so where that is meant",
                    )
                ]
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
        return _one(store, entered)


def beyond_due_fen(found: Notice, amount_fen: int) -> int:
    """Return how much of a deduction a notice cannot bear, which later ones would."""
    return max(0, amount_fen - found.due_fen)


def withdraw(
    store: MonthStore, deduction: int, *, who: str, reason: str, moment: datetime
) -> Deduction:
    """Withdraw a deduction that somebody entered, as far as no cleared notice took it; return it.

    What is free again goes to other deductions of the pair that wait, oldest first. Who
    withdraws it neither approves the review of those notices nor clears them.

    Args:
        store: Of the clearing centre.
        deduction: Its number.
        who: Who withdraws it.
        reason: In words.
        moment: Now, with a time zone.

    Raises:
        InvalidRequest: A text is missing or too long.
        NotFound: There is no such deduction.
        Precondition: It came in with the notices of a month, was withdrawn before, or is wholly
            taken of notices that are cleared.
    """
    check_texts(who=who, reason=reason)
    time_us = microseconds(moment)
    with transaction(store.connection, store.path):
        found = _withdrawable(store, deduction)
        pair = (found.debtor, found.creditor, found.fund_line)
        free = _given_back(store, deduction, time_us)
        kept_fen = _one(store, deduction).taken_fen
        if kept_fen == found.amount_fen:
            raise Precondition(
                f"deduction {deduction} is wholly taken of notices that are cleared; what was "
                "deducted too much is offset in a later month",
                deduction=str(deduction),
            )
        store.rows(
            "insert into withdrawals (deduction, amount_fen, who, reason, time_us) "
            "values (?,?,?,?,?)",
            *(deduction, found.amount_fen - kept_fen, who, reason, time_us),
        )
        for number, fen in free.items():
            take(store, number, open_of_pair(store, pair), fen, time_us)
        return _one(store, deduction)


def _withdrawable(store: MonthStore, deduction: int) -> Deduction:
    """Return a deduction that somebody entered and nobody has withdrawn."""
    found = _one(store, deduction)
    if not found.by_hand:
        raise Precondition(
            f"deduction {deduction} came in with the notices of a month; put its cause right in "
            "the books, which offsets it in a later month",
            deduction=str(deduction),
        )
    if found.withdrawn_fen:
        raise Precondition(
            f"deduction {deduction} was withdrawn before; nothing was changed",
            deduction=str(deduction),
        )
    return found


def _given_back(store: MonthStore, deduction: int, time_us: int) -> dict[int, int]:
    """Let notices that are not cleared, or are rejected, give back a deduction.

    Returns:
        The fen that are free again, by notice; a rejected one has nothing to take from.
    """
    taken = store.rows(
        "select notice, sum(amount_fen) from takings where deduction = ? "
        "group by notice having sum(amount_fen) <> 0 order by notice",
        deduction,
    )
    free: dict[int, int] = {}
    for number, fen in taken:
        status = notice(store, number).status
        if status in PAYABLE:
            continue
        store.rows(
            "insert into takings (deduction, notice, amount_fen, time_us) values (?,?,?,?)",
            *(deduction, number, -fen, time_us),
        )
        if status is not Status.REJECTED:
            free[number] = fen
    return free


def _one(store: MonthStore, deduction: int) -> Deduction:
    for each in deductions(store):
        if each.deduction == deduction:
            return each
    raise NotFound(f"there is no deduction {deduction}; clear notices tells all of them")


def deductions(store: MonthStore, pair: tuple[str, str, str] | None = None) -> list[Deduction]:
    """Return deductions, oldest first: all, or those of a debtor, creditor and fund line."""
    where = "" if pair is None else "where debtor = ? and creditor = ? and fund_line = ? "
    rows = store.rows(
        "select id, debtor, creditor, fund_line, kind, amount_fen, coalesce((select "  # noqa: S608
        "sum(t.amount_fen) from takings t where t.deduction = d.id), 0), who, reason, coalesce("
        "(select w.amount_fen from withdrawals w where w.deduction = d.id), 0), "
        "month is null "
        f"from deductions d {where}order by id",
        *(pair or ()),
    )
    return [
        Deduction(
            deduction=name,
            debtor=debtor,
            creditor=creditor,
            fund_line=line,
            kind=DeductionKind(kind),
            amount_fen=amount_fen,
            taken_fen=taken_fen,
            who=who,
            reason=reason,
            withdrawn_fen=withdrawn_fen,
            by_hand=bool(by_hand),
        )
        for name, debtor, creditor, line, kind, *fen, who, reason, withdrawn_fen, by_hand in rows
        for amount_fen, taken_fen in (fen,)
    ]


def check_amount(amount_fen: int) -> None:
    """Check an amount of a notice.

    Raises:
        InvalidRequest: It is none of 1..NOTICE_FEN_MAX.
    """
    if not 1 <= amount_fen <= limits.NOTICE_FEN_MAX:
        most = limits.NOTICE_FEN_MAX
        raise InvalidRequest([Fault("amount_fen", f"is {amount_fen}; expected 1 to {most}")])
