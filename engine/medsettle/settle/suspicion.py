"""What is found in a claim before it is paid, from the claim and what is known beside it.

No store and no clock: the settlements and the registrations to compare with are handed in. A claim
is compared with others as *care*: what was done for a person, where, on which days, under which
insurance.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.settlement import Finding
from medsettle.core.visits import Registration
from medsettle.policy.exclusions import (
    Action,
    Check,
    ExclusionVersion,
    Finds,
    HeldOn,
    Institutions,
    Span,
    TransferDay,
)
from medsettle.settle.care import Care, Ground
from medsettle.settle.suspicion_phrases import reason

PRECEDENCE = {finds: place for place, finds in enumerate(Finds)}
_MONTHS = {Span.MONTH: 1, Span.QUARTER: 3, Span.YEAR: 12}
_DECEMBER = 12


@dataclass(frozen=True, slots=True)
class Known:
    """What a claim is compared with: care settled before, registrations by kind."""

    others: Sequence[Care] = ()
    registrations: Mapping[str, Sequence[Registration]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """What one check found, and the care it was found by, if any."""

    check: Check
    finding: Finding
    by: Care | None = None


def suspicions(version: ExclusionVersion, claim: Care, known: Known) -> list[Found]:
    """Return what the checks of a version find in a claim, in order of precedence.

    Each check finds one thing at most, the earliest of those it could name.
    """
    found = []
    for check in version.checks:
        if not check.concerns(claim.visit_type, claim.insurance_type):
            continue
        ground = _ground(version, check, claim, known)
        if ground is None:
            continue
        reason_en, reason_zh = reason(check, ground)
        finding = Finding(
            code=check.finds.name,
            check=check.name,
            reason_en=reason_en,
            reason_zh=reason_zh,
            remedy_en=check.remedy_en,
            remedy_zh=check.remedy_zh,
            clause=check.clause,
            beside=ground.record,
        )
        found.append(Found(check, finding, ground.care))
    return sorted(found, key=lambda each: PRECEDENCE[each.check.finds])


def refusal(found: Iterable[Found]) -> Rejection | None:
    """Return the rejection by the first finding that refuses, naming all that do; None for none."""
    refused = [each.finding for each in found if each.check.action is Action.REFUSE]
    if not refused:
        return None
    first = refused[0]
    return Rejection(
        Outcome[first.code],
        "; ".join(str(finding) for finding in refused),
        metadata={
            "check": first.check,
            "beside": first.beside,
            "reason_zh": first.reason_zh,
            "remedy_en": first.remedy_en,
            "remedy_zh": first.remedy_zh,
        },
    )


def warned(found: Iterable[Found]) -> tuple[Finding, ...]:
    """Return the findings that only warn."""
    return tuple(each.finding for each in found if each.check.action is Action.WARN)


def day_needed(check: Check, claim: Care) -> date:
    """Return the first service day of settlements that a check may compare a claim with.

    A settlement that ends before the claim begins shares no day with it.
    """
    if check.finds is Finds.DOUBLE_INSURANCE:
        return min(claim.first, _period(check.period, claim.last)[0])
    return claim.first


# --- what each check finds ----------------------------------------------------------------------


def _ground(version: ExclusionVersion, check: Check, claim: Care, known: Known) -> Ground | None:
    """Return by what a check finds something in a claim, None where it finds nothing."""
    finds = check.finds
    if finds in {Finds.LIABILITY_UNANSWERED, Finds.OTHER_LIABLE}:
        given = version.answer(claim.liability) if claim.liability else None
        wanted = check.answers if finds is Finds.OTHER_LIABLE else (None,)
        return Ground(liability=claim.liability, answer=given) if given in wanted else None
    if finds is Finds.REPEATED_ITEM:
        above = [key for key, most in claim.quantities.items() if most > check.most_e4]
        return _by_item(check, above)
    if check.registration:
        held = known.registrations.get(check.registration, ())
        concerned = (each for each in held if _concerned(check, claim, each))
        return next((Ground(registration=each) for each in concerned), None)
    for other in known.others:
        if _compared(check, claim, other):
            ground = _conflict(check, claim, other)
            if ground is not None:
                return ground
    return None


def _by_item(
    check: Check, keys: Iterable[tuple[str, date]], care: Care | None = None
) -> Ground | None:
    """Return the first day and item of those that a check looks at."""
    seen = sorted((day, item) for item, day in keys if check.looks_at(item))
    return Ground(care=care, item=seen[0][1], day=seen[0][0]) if seen else None


def _concerned(check: Check, claim: Care, registration: Registration) -> bool:
    """Return whether a registration is about a claim: its institution, items and days."""
    if registration.institution not in {None, claim.institution}:
        return False
    if registration.items and not any(item in registration.items for item, _ in claim.quantities):
        return False
    if check.held_on is HeldOn.ADMISSION_DATE:
        return registration.holds_on(claim.first)
    if check.held_on is HeldOn.SERVICE_DATE:
        return registration.holds_on(claim.last)
    until = registration.valid_until
    never = until is not None and until <= registration.valid_from
    begun = registration.valid_from <= claim.last
    return begun and not never and (until is None or claim.first < until)


def _compared(check: Check, claim: Care, other: Care) -> bool:
    """Return whether a check compares a claim with other care at all."""
    if check.institutions is Institutions.OTHERS and other.institution == claim.institution:
        return False
    visit_types = check.beside or check.visit_types
    return not visit_types or other.visit_type in visit_types


def _conflict(check: Check, claim: Care, other: Care) -> Ground | None:
    if check.finds is Finds.DUPLICATE_ITEM:
        return _by_item(check, claim.quantities.keys() & other.quantities.keys(), other)
    if check.finds is Finds.OVERLAPPING_STAY:
        found = _overlap(check.transfer_day, claim, other)
    else:
        first, last = _period(check.period, claim.last)
        another = other.insurance_type != claim.insurance_type
        found = another and other.insurance_type in check.insurance_types
        found = found and first <= other.last <= last
    return Ground(care=other) if found else None


def _overlap(transfer_day: TransferDay, claim: Care, other: Care) -> bool:
    """Return whether two stays share a day that they may not share.

    Settlements of one encounter at one institution are interim ones of one stay. On a day of
    transfer one stay ends and the other begins.
    """
    one_stay = claim.encounter is not None and (claim.institution, claim.encounter) == (
        other.institution,
        other.encounter,
    )
    if one_stay or claim.first > other.last or other.first > claim.last:
        return False
    transfer = claim.first == other.last or other.first == claim.last
    return not (transfer and transfer_day is TransferDay.ALLOWED)


def _period(span: Span, day: date) -> tuple[date, date]:
    """Return the first and the last day of the calendar period of a day.

    >>> [str(each) for each in _period(Span.QUARTER, date(2024, 5, 20))]
    ['2024-04-01', '2024-06-30']
    """
    if span is Span.DAY:
        return day, day
    months = _MONTHS[span]
    begin = (day.month - 1) // months * months + 1
    end = begin + months
    after = date(day.year + 1, 1, 1) if end > _DECEMBER else date(day.year, end, 1)
    return date(day.year, begin, 1), after - timedelta(days=1)
