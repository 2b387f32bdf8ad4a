"""The reserve of an institution and year: withheld, released or forfeited after the assessment.

It is withheld claim by claim and stays money of its fund until the yearly assessment, whose grade
says how much of it goes to the institution with the next payments. What is not released is
forfeited: it was part of what was due, and is no more. One person proposes, another approves.
What is withheld of the year after that is settled by the same assessment in the run that withholds.

Source: contracts of agencies with hospitals, reserve of about 5 % (code 40), `clearing.md` §3.6.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from medsettle import limits
from medsettle.clearing.hospitals.approvals import approved
from medsettle.clearing.hospitals.deductions import use_reserve
from medsettle.clearing.hospitals.shares import parts_of
from medsettle.clearing.hospitals.store import (
    OF_PARTS,
    Decision,
    Fund,
    HospitalStore,
    Part,
)
from medsettle.clearing.hospitals.terms import HospitalTerms
from medsettle.core.dates import day_number
from medsettle.core.money import Rounding
from medsettle.core.persons import same_person
from medsettle.errors import Fault, InvalidRequest, NotFound, Precondition


@dataclass(frozen=True, slots=True)
class ReserveAccount:
    """The reserve of an institution out of one fund and of the claims settled in a year, in fen.

    `used_fen` settled what was deducted or taken back of its claims. `grade` and `approved_by` are
    those of the assessment, empty before it.
    """

    institution: str
    year: int
    fund: Fund
    withheld_fen: int
    used_fen: int
    released_fen: int
    forfeited_fen: int
    grade: str
    approved_by: str

    @property
    def held_fen(self) -> int:
        """What is left in it."""
        return self.withheld_fen - self.used_fen - self.released_fen - self.forfeited_fen


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the assessment of a year comes to: by whom approved, grade, and how much is released."""

    institution: str
    year: int
    grade: str
    approved_by: str


def reserves(
    store: HospitalStore, year: int, institution: str | None = None
) -> list[ReserveAccount]:
    """Return the reserve accounts of a year by institution and fund, all or those of one."""
    first, last = _days(year)
    rows = store.rows(
        "with moved as ("
        "select claim, payer, -fen as withheld, 0 as used, 0 as released, 0 as forfeited "
        "from movements where kind = 'withheld' union all "
        "select claim, payer, 0, 0, fen, 0 from movements where kind = 'release' union all "
        "select claim, payer, 0, fen, 0, 0 from uses where kind in ('reserve', 'returned') "
        "union all select claim, payer, 0, 0, 0, fen from uses where kind = 'forfeited') "
        "select c.institution, c.pooling_area, c.insurance_type, m.payer, sum(withheld), "
        "sum(used), sum(released), sum(forfeited), coalesce(a.grade, ''), "
        "coalesce(a.approved_by, '') from moved m join claims c on c.claim = m.claim "
        "left join assessments a on a.institution = c.institution and a.year = ? "
        "where c.record_day between ? and ? and (? is null or c.institution = ?) "
        "group by 1, 2, 3, 4 order by 1, 2, 3, 4",
        *(year, first, last, institution, institution),
    )
    return [
        ReserveAccount(name, year, Fund(area, insurance, payer), *rest)
        for name, area, insurance, payer, *rest in rows
    ]


def _days(year: int) -> tuple[int, int]:
    return day_number(date(year, 1, 1)), day_number(date(year, 12, 31))


def assess(
    store: HospitalStore,
    what: Assessment,
    terms: HospitalTerms | None,
    day: date,
    decision: Decision,
) -> list[ReserveAccount]:
    """Release the reserve of a year as its grade says, forfeit the rest, and return the accounts.

    What of a claim was paid too much and is to come back is settled with its reserve first.

    Args:
        store: Where the reserve is.
        what: The assessment. One approves what another proposes.
        terms: Those by which it is assessed, mostly of the last day of the year.
        day: The day of the release; the next payment pays it.
        decision: Who proposes it.

    Raises:
        InvalidRequest: The decision does not say who, nobody else approves, or no such year is.
        NotFound: The institution has no reserve of that year.
        Precondition: The terms release nothing by that grade, or the year was assessed before.
    """
    decision.check()
    faults = list(_faults(what, decision))
    if faults:
        raise InvalidRequest([Fault(*fault) for fault in faults])
    if terms is None or what.grade not in terms.released_bps:
        known = ", ".join(terms.released_bps) if terms is not None else "none"
        raise Precondition(
            f"the terms say not what grade {what.grade} gets back; they know {known}",
            institution=what.institution,
        )
    with store.change():
        if not reserves(store, what.year, what.institution):
            raise NotFound(
                f"institution {what.institution!r} has no reserve of {what.year}; see medsettle "
                "hospital reserve",
                institution=what.institution,
            )
        if store.rows(
            "select 1 from assessments where institution = ? and year = ?",
            *(what.institution, what.year),
        ):
            raise Precondition(
                f"{what.year} of institution {what.institution} was assessed before",
                institution=what.institution,
            )
        store.add(
            "assessments",
            {
                "institution": what.institution,
                "year": what.year,
                "grade": what.grade,
                "released_bps": terms.released_bps[what.grade],
                "rounding": terms.rounding.value,
                "approved_by": what.approved_by,
                "decided_by": decision.by,
                "create_time_us": decision.moment_us,
            },
        )
        with approved(store, what.approved_by, decision):
            settle_late(store, what.institution, day)
        return reserves(store, what.year, what.institution)


def _faults(what: Assessment, decision: Decision) -> Iterator[tuple[str, str]]:
    """Yield path and message for everything that is wrong with an assessment."""
    most = limits.HOSPITAL_NAME_CHARS_MAX
    if not 1 <= len(what.approved_by) <= most:
        yield "approved_by", f"expected 1 to {most} characters"
    if same_person(what.approved_by, decision.by):
        yield "approved_by", f"is {decision.by}, who proposes it; have somebody else approve"
    years = (limits.SERVICE_YEAR_MIN, limits.SERVICE_YEAR_MAX)
    if not years[0] <= what.year <= years[1]:
        yield "year", f"is {what.year}, expected {years[0]} to {years[1]}"


def settle_late(store: HospitalStore, institution: str, day: date) -> None:
    """Settle, inside a change, what reserve is held of years that were assessed, as they were.

    It is withheld after the assessment where a claim is declared, freed, priced or corrected late.
    """
    for number, year, released_bps, rounding in store.rows(
        "select number, year, released_bps, rounding from assessments where institution = ? "
        "order by year",
        institution,
    ):
        for fund, parts in _held(store, institution, year):
            held = [part.held_fen for part in parts]
            released = parts_of(held, released_bps, Rounding(rounding))
            for part, fen in zip(parts, released, strict=True):
                _release(store, (institution, fund, part), fen, number, day)


def _held(store: HospitalStore, institution: str, year: int) -> Iterator[tuple[Fund, list[Part]]]:
    """Yield the parts of which reserve is held, by fund."""
    first, last = _days(year)
    found: dict[Fund, list[Part]] = {}
    for area, insurance, *values in store.rows(
        f"select c.pooling_area, c.insurance_type, {OF_PARTS} "  # noqa: S608 - our own names
        "from claims c join parts p on p.claim = c.claim where c.institution = ? "
        "and c.record_day between ? and ? and p.held_fen > 0 order by p.claim, p.payer",
        *(institution, first, last),
    ):
        part = Part(*values)
        found.setdefault(Fund(area, insurance, part.payer), []).append(part)
    yield from sorted(found.items())


def _release(
    store: HospitalStore, whose: tuple[str, Fund, Part], fen: int, assessment: int, day: date
) -> None:
    institution, fund, part = whose
    today = day_number(day)
    if part.held_fen > fen:
        store.add(
            "uses",
            {
                "kind": "forfeited",
                "claim": part.claim,
                "payer": part.payer,
                "assessment": assessment,
                "fen": part.held_fen - fen,
                "day": today,
            },
        )
    used_fen = min(fen, max(0, -part.rest_fen))
    if used_fen:
        use_reserve(store, part, used_fen, today)
    if fen > used_fen:
        store.add(
            "movements",
            {
                "kind": "release",
                "institution": institution,
                **fund.row(),
                "claim": part.claim,
                "fen": fen - used_fen,
                "day": today,
            },
        )
