"""Which days of settlement were paid late, or are late and not paid yet, and by how many days.

An agency owes the instant slice some days of the calendar after the settlement, as its terms say,
and what is left of the month by the step `hospitals_paid`: 20 working days after hospitals declare.
Nothing of a month is owed before it is declared, and disputes have an age of their own
(`hospital_holds`), so claims that are or were on hold are left out.

Source: immediate settlement, `clearing.md` §3.1 and §3.6.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Final, NamedTuple

from medsettle.clearing.hospitals.declarations import STANDING
from medsettle.clearing.hospitals.shares import parts_of
from medsettle.clearing.hospitals.slices import Group, InstantRules, Promised, promised
from medsettle.clearing.hospitals.store import Fund, HospitalStore
from medsettle.clearing.hospitals.terms import TermsBook
from medsettle.clearing.months.calendar import ClearingCalendar, Step
from medsettle.clearing.months.fund_lines import WORK_INJURY, line_of
from medsettle.clearing.months.month import Month
from medsettle.core.dates import date_of, day_number

INSTANT: Final = "instant"
MONTH: Final = "month"


@dataclass(frozen=True, slots=True)
class Late:
    """What of a day's settlements was late: which slice, when due, for how many claims and fen.

    `paid_on` is None of what is not paid yet; `days_late` then counts to the day that was asked
    for. What was never approved at once is told as that slice, and with its month once that is due.
    """

    day: date
    institution: str
    fund: Fund
    slice: str
    due: date
    paid_on: date | None
    days_late: int
    claims: int
    fen: int


@dataclass(frozen=True, slots=True)
class Promises:
    """By when what is owed: the calendar, and the terms of the area, without which no slice is."""

    calendar: ClearingCalendar
    terms: TermsBook | None


class _Owed(NamedTuple):
    """Something of one claim that was paid, or is to be; the days are numbers."""

    settled: int
    institution: str
    fund: Fund
    slice: str
    due: int
    paid_on: int | None
    fen: int
    claim: str


class _Asked(NamedTuple):
    """Of which claims it is asked, as a condition on rows `c` with what stands for its marks."""

    store: HospitalStore
    only: str
    values: tuple[str, ...]
    promises: Promises


_FACTS: Final = "c.institution, c.pooling_area, c.insurance_type"
_UNDISPUTED: Final = "not exists (select 1 from holds h where h.claim = c.claim)"
# What of these movements is in a payment, and on which day.
_PAID: Final = (
    "left join paid_for_good d on d.movement = m.number "
    "left join payments y on y.payment = d.payment left join batches b on b.number = y.batch"
)
_DECLARED: Final = (
    "from entries e join declared r on r.record = e.record "
    f"join declarations d on d.declaration = r.declaration where e.claim = c.claim and {STANDING}"
)


def late_payments(
    store: HospitalStore, what: Month | str, promises: Promises, today: date
) -> list[Late]:
    """Return what was or is late, by day of settlement, institution, fund and slice.

    Args:
        store: Where the claims are.
        what: The month of the settlements, or one claim.
        promises: By when what is owed.
        today: The day up to which is counted.

    Raises:
        NotFound: The calendar does not begin before the month of a claim.
    """
    if isinstance(what, Month):
        days = (day_number(what.first_day), day_number(what.last_day))
        only = f"c.record_day between {days[0]} and {days[1]} and {_UNDISPUTED}"
        values: tuple[str, ...] = ()
    else:
        only, values = f"c.claim = ? and {_UNDISPUTED}", (what,)
    asked = _Asked(store, only, values, promises)
    owed = [*_instant(asked, today), *_months(asked)]
    now = day_number(today)
    late = [each for each in owed if (now if each.paid_on is None else each.paid_on) > each.due]
    return [_late(list(group), now) for _, group in groupby(sorted(late, key=_key), _key)]


def _instant(asked: _Asked, today: date) -> Iterator[_Owed]:
    """Yield the slices that were to be paid at once: approved ones, and such as never were."""
    store, terms = asked.store, asked.promises.terms
    if terms is None:
        return
    rules = InstantRules(store, terms)
    # Of what waits of a claim that fell since, no more is owed than is due.
    for *whose, payer, settled, paid_on, fen, claim in store.rows(
        f"select {_FACTS}, c.clearing_class, m.payer, c.record_day, b.day, "  # noqa: S608
        "case when b.day is null then min(m.fen, p.due_fen - p.paid_fen) else m.fen end, m.claim "
        "from movements m join claims c on c.claim = m.claim "
        f"join standing p on p.claim = m.claim and p.payer = m.payer {_PAID} "
        f"where m.kind = 'instant' and {asked.only} order by m.claim, m.payer",
        *asked.values,
    ):
        found = rules.of(whose, payer, settled)
        if found is not None and fen > 0:
            institution, area, insurance, _ = whose
            due = settled + found[1].days_after
            fund = Fund(area, insurance, payer)
            yield _Owed(settled, institution, fund, INSTANT, due, paid_on, fen, claim)
    open_ones = promised(store, terms, today, asked.only, *asked.values)
    for (group, settled, due), some in groupby(sorted(open_ones, key=_of_slice), _of_slice):
        parts = [each.part for each in some]
        slices = parts_of([part.due_fen for part in parts], group.rate_bps, group.rounding)
        for part, fen in zip(parts, slices, strict=True):
            own = (settled, group.institution, group.fund, INSTANT, due)
            if fen:
                yield _Owed(*own, None, fen, part.claim)


def _of_slice(owed: Promised) -> tuple[Group, int, int]:
    return owed.group, owed.settled, owed.due


def _months(asked: _Asked) -> Iterator[_Owed]:
    """Yield what was paid of claims with their month, and what is left to be paid of it."""
    paid = asked.store.rows(
        f"select {_FACTS}, m.payer, c.record_day, b.day, sum(m.fen), m.claim, "  # noqa: S608
        f"(select max(e.month) {_DECLARED} and e.record_day <= m.day) "
        f"from movements m join claims c on c.claim = m.claim {_PAID} "
        f"where m.kind in ('month', 'withheld') and b.day is not null and {asked.only} "
        "group by m.claim, m.payer, b.day, m.day order by m.claim, m.payer",
        *asked.values,
    )
    # What waits of a slice is told as that slice.
    waiting = (
        f"(select coalesce(sum(m.fen), 0) from movements m {_PAID} where m.kind = 'instant' "  # noqa: S608
        "and m.claim = p.claim and m.payer = p.payer and b.day is null)"
    )
    left = waiting if asked.promises.terms is not None else "0"
    undeclared = (
        "max(0, (select coalesce(sum(s.fen), 0) from shares s join entries e "  # noqa: S608
        "on e.record = s.record where s.claim = p.claim and s.payer = p.payer "
        "and e.kind <> 'case' and not exists (select 1 from declared r join declarations d "
        f"on d.declaration = r.declaration where r.record = e.record and {STANDING})))"
    )
    unpaid = asked.store.rows(
        f"select {_FACTS}, p.payer, c.record_day, null, "  # noqa: S608
        f"p.due_fen - p.paid_fen - {left} - {undeclared}, p.claim, "
        f"(select max(e.month) {_DECLARED}) from claims c join standing p on p.claim = c.claim "
        f"where p.due_fen > p.paid_fen and {asked.only} order by p.claim, p.payer",
        *asked.values,
    )
    due: dict[str, int] = {}
    for *names, payer, settled, paid_on, fen, claim, month in [*paid, *unpaid]:
        institution, area, insurance = names
        # The calendar of work injury says nothing of hospitals.
        if month is None or fen <= 0 or line_of(payer, insurance) == WORK_INJURY:
            continue
        if month not in due:
            first = Month.of(month).first_day
            due[month] = day_number(asked.promises.calendar.day_of(Step.HOSPITALS_PAID, first))
        own = (settled, institution, Fund(area, insurance, payer), MONTH, due[month])
        yield _Owed(*own, paid_on, fen, claim)


def _key(owed: _Owed) -> tuple[object, ...]:
    unpaid = owed.paid_on is None
    return (*owed[:5], unpaid, owed.paid_on or 0)


def _late(owed: list[_Owed], now: int) -> Late:
    first = owed[0]
    until = now if first.paid_on is None else first.paid_on
    return Late(
        day=date_of(first.settled),
        institution=first.institution,
        fund=first.fund,
        slice=first.slice,
        due=date_of(first.due),
        paid_on=None if first.paid_on is None else date_of(first.paid_on),
        days_late=until - first.due,
        claims=len({each.claim for each in owed}),
        fen=sum(each.fen for each in owed),
    )
