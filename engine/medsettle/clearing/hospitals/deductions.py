"""Deductions: what is decided upon, what of it was really taken, and what is open.

A deduction is decided once and taken over time. Of a claim that was not paid for its month it is
taken by not paying it; of one that was, by the next payments of the same fund to the institution,
as far as they go; what is left of it is carried. So its state follows from what was taken: 10
nothing, 20 a part, 30 all.

Source: codes of deductions and of the actual-deduction state, `clearing.md` §3.2.
"""

from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Final

from medsettle import limits
from medsettle.clearing.hospitals.store import Decision, Fund, HospitalStore, Part
from medsettle.core.dates import date_of
from medsettle.core.money import plain_yuan
from medsettle.errors import Fault, InvalidRequest, NotFound, Precondition


class Code(IntEnum):
    """Why money is kept back (扣款类型)."""

    REVIEW = 10
    """审核扣款."""
    INSPECTION = 20
    """稽核扣款."""
    OFFSET = 30
    """预付冲抵: an advance is taken back."""
    RESERVE = 40
    """质量保证金: withheld of the month, see `hospital_reserves`."""
    OTHER = 99


class Taken(IntEnum):
    """How much of a deduction was really taken (实际扣款状态)."""

    NONE = 10
    PART = 20
    FULL = 30


@dataclass(frozen=True, slots=True)
class ClaimDeduction:
    """A deduction of a claim: why, how many fen, from which day number on it is taken.

    `source` names the record that says so; with the same source it is recorded once.
    """

    code: Code
    fen: int
    from_day: int
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Deducted:
    """A deduction with what became of it, in fen.

    `taken_fen` was kept from payments or the reserve, or never paid, and not restored; `lapsed_fen`
    has nothing left to be taken from, since the claim was taken back; `lifted_fen` was given up.
    """

    number: int
    institution: str
    fund: Fund
    code: Code
    claim: str | None
    advance: int | None
    fen: int
    taken_fen: int
    lapsed_fen: int
    lifted_fen: int
    from_day: date
    reason: str
    decided_by: str

    @property
    def open_fen(self) -> int:
        """What is still to be taken."""
        return self.fen - self.taken_fen - self.lapsed_fen - self.lifted_fen

    @property
    def state(self) -> Taken:
        """How much of it was taken, by the code of the interface."""
        if self.taken_fen == 0:
            return Taken.NONE
        return Taken.PART if self.open_fen else Taken.FULL


_DEDUCTED: Final = """
    select d.number, d.institution, d.pooling_area, d.insurance_type, d.payer, d.code, d.claim,
      d.advance, d.fen,
      (select coalesce(-sum(fen), 0) from movements where deduction = d.number)
        + (select coalesce(sum(fen), 0) from uses
           where deduction = d.number and kind not in ('lapsed', 'lifted')),
      (select coalesce(sum(fen), 0) from uses where deduction = d.number and kind = 'lapsed'),
      (select coalesce(sum(fen), 0) from uses where deduction = d.number and kind = 'lifted'),
      d.from_day, d.reason, d.decided_by
    from deductions d where {} order by d.from_day, d.number limit {}"""

OPEN: Final = (
    "d.fen + (select coalesce(sum(fen), 0) from movements where deduction = d.number) "
    "> (select coalesce(sum(fen), 0) from uses where deduction = d.number)"
)
"""Whether something of the deduction of a row `d` is still to be taken."""


def deductions(
    store: HospitalStore,
    where: str = "true",
    *values: str | int,
    most: int = limits.INT64_MAX,
) -> list[Deducted]:
    """Return deductions by the day from which they are taken, those that a condition picks.

    Args:
        store: Where they are.
        where: A condition on columns of the table `deductions`, as `d`, of our own making.
        values: Those that stand for its marks.
        most: How many at most.
    """
    return [
        Deducted(
            number=row[0],
            institution=row[1],
            fund=Fund(*row[2:5]),
            code=Code(row[5]),
            claim=row[6],
            advance=row[7],
            fen=row[8],
            taken_fen=row[9],
            lapsed_fen=row[10],
            lifted_fen=row[11],
            from_day=date_of(row[12]),
            reason=row[13],
            decided_by=row[14],
        )
        for row in store.rows(_DEDUCTED.format(where, most), *values)
    ]


def open_of_part(store: HospitalStore, claim: str, payer: str) -> list[Deducted]:
    """Return the deductions of a part of which something is still to be taken, oldest first."""
    found = deductions(store, "d.claim = ? and d.payer = ?", claim, payer)
    return [each for each in found if each.open_fen]


def deduct(
    store: HospitalStore, claim: str, payer: str, what: ClaimDeduction, decision: Decision
) -> int:
    """Record a deduction of a claim, and return its number.

    Raises:
        InvalidRequest: No reason, an amount below 1 fen, or a code that is of no claim.
        NotFound: This payer owes nothing of such a claim.
        Precondition: It is above what is left of the claim.
    """
    decision.check(reason=True)
    faults = []
    if what.code in {Code.OFFSET, Code.RESERVE}:
        faults.append(Fault("code", f"{what.code} is of no claim; use 10, 20 or 99"))
    if not 1 <= what.fen <= limits.AMOUNT_FEN_MAX:
        faults.append(Fault("fen", f"is {what.fen}, expected 1 to {limits.AMOUNT_FEN_MAX}"))
    if faults:
        raise InvalidRequest(faults)
    with store.change():
        part = store.part(claim, payer)
        if what.fen > part.worth_fen:
            raise Precondition(
                f"{plain_yuan(what.fen)} is above the {plain_yuan(part.worth_fen)} that is left of "
                f"{payer} of claim {claim}; deduct no more than that",
                claim=claim,
            )
        return add_deduction(store, part, what, decision)


def add_deduction(
    store: HospitalStore, part: Part, what: ClaimDeduction, decision: Decision
) -> int:
    """Record a deduction of no more than a part is worth, inside a change; return its number.

    What is left of the claim may not bear the reserve withheld of it: that is used first.
    """
    ((number,),) = store.rows("select coalesce(max(number), 0) + 1 from deductions")
    reserve_fen = max(0, part.held_fen - (part.worth_fen - what.fen))
    if reserve_fen:
        use = _use("reserve", part, reserve_fen, what.from_day)
        store.add("uses", use | {"deduction": number})
    ((institution, area, insurance),) = store.rows(
        "select institution, pooling_area, insurance_type from claims where claim = ?", part.claim
    )
    fund = Fund(area, insurance, part.payer)
    return add_row(store, institution, fund, what, decision, claim=part.claim)


def deduct_from_institution(
    store: HospitalStore, institution: str, fund: Fund, what: ClaimDeduction, decision: Decision
) -> int:
    """Record a deduction of no one claim, and return its number.

    Raises:
        InvalidRequest: No reason, an amount below 1 fen, or a code that is recorded otherwise.
        NotFound: The store has no claim of that institution and fund.
    """
    decision.check(reason=True)
    faults = []
    if what.code in {Code.OFFSET, Code.RESERVE}:
        faults.append(Fault("code", f"{what.code} follows from an advance or the month's reserve"))
    if not 1 <= what.fen <= limits.AMOUNT_FEN_MAX:
        faults.append(Fault("fen", f"is {what.fen}, expected 1 to {limits.AMOUNT_FEN_MAX}"))
    if faults:
        raise InvalidRequest(faults)
    with store.change():
        check_pays(store, institution, fund)
        return add_row(store, institution, fund, what, decision)


def check_pays(store: HospitalStore, institution: str, fund: Fund) -> None:
    """Check that money of a fund ever goes to an institution: a misspelt one would wait for ever.

    Raises:
        NotFound: There is no claim of both.
    """
    if not store.rows(
        "select 1 from claims c join parts p on p.claim = c.claim where c.institution = ? "
        "and c.pooling_area = ? and c.insurance_type = ? and p.payer = ? limit 1",
        *(institution, fund.pooling_area, fund.insurance_type, fund.payer),
    ):
        raise NotFound(
            f"no claim of institution {institution!r} is paid by {fund.payer} of insurance type "
            f"{fund.insurance_type} in {fund.pooling_area}; check all four",
            institution=institution,
        )


def add_row(
    store: HospitalStore,
    institution: str,
    fund: Fund,
    what: ClaimDeduction,
    decision: Decision,
    *,
    claim: str | None = None,
    advance: int | None = None,
) -> int:
    """Record a deduction as it is, inside a change, and return its number."""
    return store.add(
        "deductions",
        {
            "institution": institution,
            **fund.row(),
            "code": int(what.code),
            "claim": claim,
            "advance": advance,
            "fen": what.fen,
            "from_day": what.from_day,
            "reason": decision.reason,
            "source": what.source,
            "decided_by": decision.by,
            "create_time_us": decision.moment_us,
        },
    )


def _use(kind: str, part: Part, fen: int, day: int) -> dict[str, str | int | None]:
    return {"kind": kind, "claim": part.claim, "payer": part.payer, "fen": fen, "day": day}


def give_way(store: HospitalStore, part: Part, less_fen: int, day: int) -> None:
    """Undo, inside a change, what a part does not bear when less of it is declared.

    Deductions that were not taken lapse as far as nothing is left to deduct from; reserve withheld
    of what is gone returns to its fund.
    """
    declared_fen = part.declared_fen - less_fen
    excess_fen = max(0, part.deducted_fen - declared_fen)
    lapsed_fen = 0
    for each in reversed(open_of_part(store, part.claim, part.payer)):
        fen = min(each.open_fen, excess_fen - lapsed_fen)
        if fen:
            use = _use("lapsed", part, fen, day)
            store.add("uses", use | {"deduction": each.number})
            lapsed_fen += fen
    worth_fen = max(0, declared_fen - (part.deducted_fen - lapsed_fen) - part.forfeited_fen)
    if part.held_fen > worth_fen:
        store.add("uses", _use("returned", part, part.held_fen - worth_fen, day))


def use_reserve(store: HospitalStore, part: Part, fen: int, day: int) -> None:
    """Settle, inside a change, what was paid too much of a part with reserve withheld of it."""
    for each in open_of_part(store, part.claim, part.payer):
        taken_fen = min(each.open_fen, fen)
        if taken_fen:
            use = _use("reserve", part, taken_fen, day)
            store.add("uses", use | {"deduction": each.number})
            fen -= taken_fen
    if fen:
        store.add("uses", _use("returned", part, fen, day))


def take_unpaid(store: HospitalStore, part: Part, day: int) -> None:
    """Record, inside a change, deductions as taken that come about by not paying a part.

    It is for a part that is paid for its month. Only what it was paid too much is left to be taken.
    """
    waiting = open_of_part(store, part.claim, part.payer)
    fen = sum(each.open_fen for each in waiting) - max(0, -part.rest_fen)
    for each in waiting:
        unpaid_fen = min(each.open_fen, fen)
        if unpaid_fen > 0:
            use = _use("unpaid", part, unpaid_fen, day)
            store.add("uses", use | {"deduction": each.number})
            fen -= unpaid_fen
