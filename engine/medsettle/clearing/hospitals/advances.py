"""Advances: working capital that a fund lends an institution, and that later payments take back.

An advance is paid with the next payment of its fund. Its instalments are deductions of the code 30,
each from a day on, carried like any deduction until they are taken.

Source: fund advance (基金预付) of November 2024, for drugs and consumables alone and not for
building, daily running or debt; about one month of average spending (`clearing.md` §3.6).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import orjson

from medsettle import limits
from medsettle.clearing.hospitals.approvals import approved
from medsettle.clearing.hospitals.deductions import (
    ClaimDeduction,
    Code,
    add_row,
    check_pays,
    deductions,
)
from medsettle.clearing.hospitals.store import Decision, Fund, HospitalStore
from medsettle.clearing.hospitals.terms import HospitalTerms
from medsettle.clearing.months.month import Month
from medsettle.core.dates import MONTHS_PER_YEAR, day_number
from medsettle.core.money import plain_yuan
from medsettle.errors import Fault, InvalidRequest, Precondition


@dataclass(frozen=True, slots=True)
class Advance:
    """Working capital that a fund lends an institution: when, for what, and how it comes back.

    `instalments` are days and fen, in the order of days, that add up to `fen`.
    """

    institution: str
    fund: Fund
    fen: int
    day: date
    purpose: str
    instalments: tuple[tuple[date, int], ...]


PURPOSES: Final = ("drugs", "consumables")
"""What an advance may be for: not building, daily running or debt."""


def equal_instalments(fen: int, days: Sequence[date]) -> tuple[tuple[date, int], ...]:
    """Return an amount in parts that differ by a fen at most, the larger ones first.

    >>> [part for _, part in equal_instalments(100, [date(2026, m, 1) for m in (1, 2, 3)])]
    [34, 33, 33]
    """
    each, more = divmod(fen, len(days))
    return tuple((day, each + (at < more)) for at, day in enumerate(days))


def instalments_of(text: str, fen: int, first: date) -> tuple[tuple[date, int], ...]:
    """Return instalments as they are written: how many months, or days with fen as JSON.

    Of a number of months they are equal, and due on the first day of each month after `first`.

    Raises:
        InvalidRequest: It is neither.

    >>> instalments_of("2", 101, date(2026, 12, 31))
    ((datetime.date(2027, 1, 1), 51), (datetime.date(2027, 2, 1), 50))
    """
    most = limits.ADVANCE_INSTALMENTS_MAX
    if text.isdigit() and 1 <= int(text) <= most:
        lent = Month.of_day(first)
        days = [lent.plus(each).first_day for each in range(1, int(text) + 1)]
        return equal_instalments(fen, days)
    try:
        pairs = tuple((date.fromisoformat(day), part) for day, part in orjson.loads(text))
    except (TypeError, ValueError):
        pairs = ()
    # An amount with a point is none of fen.
    if not pairs or any(type(part) is not int for _, part in pairs):
        text = f"{text!r} is no number of months from 1 to {most}, nor days with whole fen"
        raise InvalidRequest([Fault("back", text)])
    return pairs


def advance(
    store: HospitalStore, what: Advance, terms: HospitalTerms | None, decision: Decision
) -> int:
    """Record an advance, to be paid with the next payment, and return its number.

    Raises:
        InvalidRequest: Everything that is wrong with it.
        NotFound: The store has no claim of that institution and fund.
        Precondition: The area advances nothing, or less.
    """
    decision.check()
    faults = list(_advance_faults(what))
    if faults:
        raise InvalidRequest([Fault(*fault) for fault in faults])
    day = day_number(what.day)
    with store.change(), approved(store, decision.by, decision):
        check_pays(store, what.institution, what.fund)
        _check_bound(store, what, terms)
        number = store.add(
            "advances",
            {
                "institution": what.institution,
                **what.fund.row(),
                "fen": what.fen,
                "day": day,
                "purpose": what.purpose,
                "decided_by": decision.by,
                "create_time_us": decision.moment_us,
            },
        )
        store.add(
            "movements",
            {
                "kind": "advance",
                "institution": what.institution,
                **what.fund.row(),
                "advance": number,
                "fen": what.fen,
                "day": day,
            },
        )
        back = Decision(decision.by, decision.moment, f"advance {number} is taken back")
        for due, fen in what.instalments:
            offset = ClaimDeduction(Code.OFFSET, fen, day_number(due))
            add_row(store, what.institution, what.fund, offset, back, advance=number)
    return number


def outstanding_fen(store: HospitalStore, institution: str, fund: Fund) -> int:
    """Return what an institution still has of the advances of a fund, in fen."""
    of_both = (institution, *fund.row().values())
    ((lent_fen,),) = store.rows(
        "select coalesce(sum(fen), 0) from advances where institution = ? and pooling_area = ? "
        "and insurance_type = ? and payer = ?",
        *of_both,
    )
    back = deductions(
        store,
        "d.advance is not null and d.institution = ? and d.pooling_area = ? "
        "and d.insurance_type = ? and d.payer = ?",
        *of_both,
    )
    return int(lent_fen) - sum(each.taken_fen for each in back)


def average_month_fen(store: HospitalStore, institution: str, fund: Fund, day: date) -> int:
    """Return what an institution declared to a fund in an average month, in whole fen, cut off.

    It is that of the months with records among the twelve before the month of a day; 0 without one.
    """
    last = Month.of_day(day)
    ((months, sum_fen),) = store.rows(
        "select count(distinct e.month), coalesce(sum(s.fen), 0) from entries e "
        "join claims c on c.claim = e.claim join shares s on s.claim = e.claim "
        "and s.record = e.record where e.month >= ? and e.month < ? and e.kind <> 'case' "
        "and c.institution = ? and c.pooling_area = ? and c.insurance_type = ? and s.payer = ?",
        *(last.plus(-MONTHS_PER_YEAR).text, last.text),
        institution,
        *fund.row().values(),
    )
    return max(0, int(sum_fen)) // max(1, int(months))


def _check_bound(store: HospitalStore, what: Advance, terms: HospitalTerms | None) -> None:
    months = 0 if terms is None else terms.advance_months
    if not months:
        raise Precondition(
            f"the terms of {what.day} advance nothing to hospitals; add `advance` to them first",
            institution=what.institution,
        )
    average_fen = average_month_fen(store, what.institution, what.fund, what.day)
    open_fen = outstanding_fen(store, what.institution, what.fund)
    if open_fen + what.fen > months * average_fen:
        raise Precondition(
            f"{plain_yuan(what.fen)} with {plain_yuan(open_fen)} outstanding is above {months} "
            f"month(s) of {plain_yuan(average_fen)}, what was declared in an average month of the "
            "twelve before; advance less, or wait for the instalments",
            institution=what.institution,
        )


def _advance_faults(what: Advance) -> Iterator[tuple[str, str]]:
    """Yield path and message for everything that is wrong with an advance."""
    if not 1 <= what.fen <= limits.AMOUNT_FEN_MAX:
        yield "fen", f"is {what.fen}, expected 1 to {limits.AMOUNT_FEN_MAX}"
    if what.purpose not in PURPOSES:
        yield "purpose", f"{what.purpose!r} is none of {', '.join(PURPOSES)}"
    most = limits.ADVANCE_INSTALMENTS_MAX
    if not 1 <= len(what.instalments) <= most:
        yield "instalments", f"are {len(what.instalments)}, expected 1 to {most}"
    days = [day for day, _ in what.instalments]
    if any(fen < 1 for _, fen in what.instalments):
        yield "instalments", "each is at least 1 fen; take back in fewer"
    if sum(fen for _, fen in what.instalments) != what.fen:
        came_to = sum(fen for _, fen in what.instalments)
        yield "instalments", f"come to {came_to} fen, not to the {what.fen} of the advance"
    if days and (days != sorted(set(days)) or days[0] <= what.day):
        yield "instalments", f"their days rise, from after {what.day} on"
