"""What is approved of claims: the instant slice, and the month's slice with its reserve.

Every slice is a movement of its own, and what of it is in payments is paid to date; nothing is ever
marked as paid. A slice of several claims is a rate of their sum, rounded once, so what is stated of
a run is to the fen what its claims get.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from medsettle import limits
from medsettle.clearing.hospitals.approvals import approved, check_reviewed, check_supplied
from medsettle.clearing.hospitals.declarations import (
    STANDING,
    Declaration,
    Status,
    carry_on,
    declaration,
    declarations,
)
from medsettle.clearing.hospitals.deductions import take_unpaid
from medsettle.clearing.hospitals.reserves import settle_late
from medsettle.clearing.hospitals.schema import ON_HOLD
from medsettle.clearing.hospitals.shares import parts_of
from medsettle.clearing.hospitals.store import (
    OF_PARTS,
    Decision,
    Fund,
    HospitalStore,
    Part,
)
from medsettle.clearing.hospitals.terms import (
    Claimed,
    HospitalTerms,
    InstantRule,
    TermsBook,
    rule_of,
)
from medsettle.clearing.months.month import Month
from medsettle.core.dates import date_of, day_number
from medsettle.core.money import Rounding
from medsettle.errors import NotFound, Precondition

_OF_CLAIMS: Final = (
    "c.institution, c.pooling_area, c.insurance_type, c.clearing_class, c.record_day"
)

# What was on hold when its declaration was cleared, or has got a price since, and is due now.
_FREED: Final = (
    "and (exists (select 1 from holds o where o.claim = c.claim) or exists ("
    "select 1 from entries x where x.claim = c.claim and x.kind = 'case')) and max(0, "
    "p.declared_fen - p.deducted_fen - p.forfeited_fen) - p.held_fen > p.approved_fen"
)


class Group(NamedTuple):
    """Claims that are a slice together."""

    institution: str
    fund: Fund
    clearing_class: str
    rate_bps: int
    rounding: Rounding


@dataclass(frozen=True, slots=True)
class Slice:
    """What a run approved for an institution out of a fund, of one clearing class, in fen.

    `base_fen` is what a rate is a part of and `rate_bps` that rate: of the instant slice, or of the
    reserve. `slices_fen` is what `claims` claims get, and `withheld_fen` what of it is a reserve.
    """

    institution: str
    fund: Fund
    clearing_class: str
    claims: int
    base_fen: int
    rate_bps: int
    slices_fen: int
    withheld_fen: int = 0


def instant(store: HospitalStore, book: TermsBook, day: date, decision: Decision) -> list[Slice]:
    """Approve what is to be paid at once up to a day, and return it by institution, fund and rate.

    A claim gets one instant slice at most, by the terms of the day on which it was settled, and
    none once its month was paid or its declaration rejected. Running it again approves what has
    come in since.

    Args:
        store: Where the claims are.
        book: The terms of the area.
        day: The day of the run; what may not be paid yet waits.
        decision: Who runs it.

    Raises:
        InvalidRequest: The decision does not say who.
        Precondition: Nobody else supplied these terms.
    """
    decision.check()
    with store.change(), approved(store, decision.by, decision):
        check_supplied(store, book, decision)
        groups: dict[Group, list[Part]] = {}
        for each in promised(store, book, day):
            if each.due <= day_number(day):
                groups.setdefault(each.group, []).append(each.part)
        return [_instant_of(store, group, groups[group], day) for group in sorted(groups)]


class InstantRules:
    """The rules of an area by which claims are paid at once, with the grades of institutions."""

    def __init__(self, store: HospitalStore, book: TermsBook) -> None:
        self._store = store
        self._book = book
        self._grades: dict[tuple[str, int], str] = {}

    def of(
        self, group: Sequence[str], payer: str, day: int
    ) -> tuple[HospitalTerms, InstantRule] | None:
        """Return the rule that pays a claim at once, with its terms; None where none does.

        Args:
            group: Institution, pooling area, insurance type and clearing class of the claim.
            payer: Whose share of it.
            day: The number of the day on which it was settled.
        """
        institution, area, insurance, clearing_class = group
        settled = date_of(day)
        terms = self._book.on(settled)
        if terms is None:
            return None
        asked = (institution, day)
        if asked not in self._grades:
            self._grades[asked] = self._store.grade_of(*asked)
        elsewhere, grade = area != self._book.area, self._grades[asked]
        rule = rule_of(terms, Claimed(insurance, clearing_class, payer, elsewhere, settled, grade))
        return None if rule is None else (terms, rule)


class Promised(NamedTuple):
    """A part of which a slice is to be paid at once, settled and due on these day numbers."""

    group: Group
    part: Part
    settled: int
    due: int


def promised(
    store: HospitalStore, book: TermsBook, day: date, only: str = "true", *values: str
) -> Iterator[Promised]:
    """Yield the parts of which a slice is to be approved at once by a day or later, and none was.

    Args:
        store: Where they are.
        book: The terms of the area.
        day: The last day of settlement.
        only: A condition on rows `c` of claims, of our own making.
        values: Those that stand for its marks.
    """
    today = day_number(day)
    rows = store.rows(
        f"select {_OF_CLAIMS}, {OF_PARTS} from claims c "  # noqa: S608 - our own names
        "join parts p on p.claim = c.claim where c.record_day between ? and ? "
        f"and {only} and {ON_HOLD} = 0 "
        "and p.approved_fen = 0 and p.held_fen = 0 and p.declared_fen > p.deducted_fen "
        "and not exists (select 1 from movements m where m.claim = p.claim and m.payer = p.payer) "
        "and (not exists (select 1 from declared r where r.record = c.claim) or exists ("
        "select 1 from declared r join declarations d on d.declaration = r.declaration "
        f"where r.record = c.claim and {STANDING})) order by c.claim, p.payer",
        *(today - limits.INSTANT_WINDOW_DAYS, today),
        *values,
    )
    rules = InstantRules(store, book)
    for institution, area, insurance, clearing_class, settled, *part_of_row in rows:
        part = Part(*part_of_row)
        found = rules.of((institution, area, insurance, clearing_class), part.payer, settled)
        if found is None:
            continue
        terms, rule = found
        fund = Fund(area, insurance, part.payer)
        own = Group(institution, fund, clearing_class, rule.rate_bps, terms.rounding)
        yield Promised(own, part, settled, settled + rule.days_after)


def _instant_of(store: HospitalStore, group: Group, parts: list[Part], day: date) -> Slice:
    due = [part.due_fen for part in parts]
    slices = parts_of(due, group.rate_bps, group.rounding)
    moves = [("instant", part, fen) for part, fen in zip(parts, slices, strict=True) if fen]
    _move(store, group, moves, day)
    return Slice(
        institution=group.institution,
        fund=group.fund,
        clearing_class=group.clearing_class,
        claims=sum(fen > 0 for fen in slices),
        base_fen=sum(due),
        rate_bps=group.rate_bps,
        slices_fen=sum(slices),
    )


def _move(
    store: HospitalStore, group: Group, moves: list[tuple[str, Part, int]], day: date
) -> None:
    """Record movements of claims, each of a kind and with fen, in order."""
    fund = group.fund.row()
    today = day_number(day)
    store.add_all(
        "movements",
        f"kind,institution,{','.join(fund)},claim,fen,day",
        (
            (kind, group.institution, *fund.values(), part.claim, fen, today)
            for kind, part, fen in moves
        ),
    )


def month(
    store: HospitalStore, book: TermsBook, what: Month, day: date, decision: Decision
) -> list[Slice]:
    """Approve what is left of the reviewed declarations of a month less its reserve; return it.

    The declarations are cleared by it. A claim that has its month already, and of which more is
    due since, gets the rest, and so do claims of cleared declarations that were on hold or got a
    price by the case after their month. Deductions that come about by not paying count as taken.
    Reserve of a year that was assessed before is settled as that assessment said.

    Args:
        store: Where the claims are.
        book: The terms of the area; those of the last day of a declaration count.
        what: The month.
        day: The day of the run.
        decision: Who runs it.

    Raises:
        InvalidRequest: The decision does not say who.
        NotFound: No declaration of that month is reviewed.
        Precondition: The terms begin later than a declaration, nobody else supplied them, or who
            runs it accepted or reviewed one of these declarations.
    """
    decision.check()
    with store.change(), approved(store, decision.by, decision):
        check_supplied(store, book, decision)
        found: list[Slice] = []
        reviewed = declarations(store, what, Status.REVIEWED)
        for number in reviewed:
            of = declaration(store, number)
            check_reviewed(of, decision)
            found += _month_of(store, book, of, day)
            carry_on(store, number, Status.CLEARED, decision)
        for status in (Status.CLEARED, Status.PAID):
            for number in declarations(store, what, status):
                of = declaration(store, number)
                late = _month_of(store, book, of, day, freed=_FREED)
                if late:
                    check_reviewed(of, decision)
                found += late
        for institution in sorted({each.institution for each in found if each.withheld_fen}):
            settle_late(store, institution, day)
        if not reviewed and not found:
            raise NotFound(
                f"no declaration of {what.text} is reviewed; see medsettle hospital declarations",
                month=what.text,
            )
        return found


def _month_of(
    store: HospitalStore, book: TermsBook, of: Declaration, day: date, freed: str = ""
) -> list[Slice]:
    terms = book.on(of.application.last)
    if terms is None:
        raise Precondition(
            f"no terms of {book.area} are in force on {of.application.last}, the last day of "
            f"declaration {of.application.declaration}; add a version that begins earlier",
            clr_appy_evt_id=of.application.declaration,
        )
    groups: dict[Group, list[tuple[Part, bool]]] = {}
    for *facts, paid_before, part in _of_declaration(store, of.application.declaration, freed):
        institution, area, insurance, clearing_class, _ = facts
        fund = Fund(area, insurance, part.payer)
        group = Group(institution, fund, clearing_class, terms.reserve_bps, terms.rounding)
        groups.setdefault(group, []).append((part, bool(paid_before)))
    return [
        each
        for group in sorted(groups)
        if (each := _month_slice(store, group, groups[group], day)) is not None
    ]


def _of_declaration(store: HospitalStore, number: str, freed: str) -> Iterator[tuple[Any, ...]]:
    """Yield the facts, whether the month was paid before, and the part of what is not on hold."""
    rows = store.rows(
        f"select {_OF_CLAIMS}, exists (select 1 from movements m "  # noqa: S608 - our own names
        "where m.claim = p.claim and m.payer = p.payer and m.kind = 'month'), "
        f"{OF_PARTS} from parts p join claims c on c.claim = p.claim where p.claim in ("
        "select e.claim from declared r join entries e on e.record = r.record "
        f"where r.declaration = ?) and {ON_HOLD} = 0 {freed} order by p.claim, p.payer",
        number,
    )
    facts = len(_OF_CLAIMS.split(",")) + 1
    for row in rows:
        yield (*row[:facts], Part(*row[facts:]))


def _month_slice(
    store: HospitalStore, group: Group, parts: list[tuple[Part, bool]], day: date
) -> Slice | None:
    """Approve the rest of some parts, with the reserve of what they are worth withheld."""
    owed = [(part, before) for part, before in parts if part.rest_fen > 0]
    # What came later has a reserve of its own; before it, the instant slice had none.
    bases = [part.rest_fen if before else part.worth_fen for part, before in owed]
    reserves = parts_of(bases, group.rate_bps, group.rounding)
    withheld_fen = 0
    moves = []
    for (part, _), reserve_fen in zip(owed, reserves, strict=True):
        moves.append(("month", part, part.rest_fen))
        # Where nearly all was paid at once, no more can be withheld than is left.
        held_fen = min(reserve_fen, part.rest_fen)
        if held_fen:
            moves.append(("withheld", part, -held_fen))
        withheld_fen += held_fen
    _move(store, group, moves, day)
    for part, _ in parts:
        if part.deducted_fen:
            take_unpaid(store, store.part(part.claim, part.payer), day_number(day))
    if not owed:
        return None
    return Slice(
        institution=group.institution,
        fund=group.fund,
        clearing_class=group.clearing_class,
        claims=len(owed),
        base_fen=sum(bases),
        rate_bps=group.rate_bps,
        slices_fen=sum(part.rest_fen for part, _ in owed),
        withheld_fen=withheld_fen,
    )
