"""Deductions that are given up, in whole or in part, after an appeal (申诉).

What was not taken yet is not taken any more. What was is restored: it is a movement of its own, out
of the fund that had it back, and the next payment pays it.
"""

from medsettle.clearing.hospitals.approvals import approved, check_another
from medsettle.clearing.hospitals.deductions import Code, Deducted, deductions
from medsettle.clearing.hospitals.store import Decision, HospitalStore
from medsettle.core.dates import day_number, service_day_of
from medsettle.core.money import plain_yuan
from medsettle.errors import Fault, InvalidRequest, NotFound, Precondition


def lift(store: HospitalStore, number: int, fen: int, decision: Decision) -> Deducted:
    """Give up some fen of a deduction, what was not taken of it first, and return it.

    Args:
        store: Where it is.
        number: Of the deduction.
        fen: How much of it, at least 1.
        decision: Who decides and why; its day is that of the movement.

    Raises:
        InvalidRequest: Less than a fen, or the decision does not say who and why.
        NotFound: There is no such deduction.
        Precondition: It is an instalment of an advance, who decides deducted it, less of it stands,
            or its claim was taken back since, so that nothing of it can be restored.
    """
    decision.check(reason=True)
    if fen < 1:
        raise InvalidRequest([Fault("fen", f"is {fen}, expected at least 1")])
    with store.change():
        found = _deduction(store, number)
        if found.code is Code.OFFSET:
            raise Precondition(
                f"deduction {number} takes advance {found.advance} back and is not given up"
            )
        check_another(found.decided_by, f"deduction {number} was decided", decision)
        standing_fen = found.fen - found.lapsed_fen - found.lifted_fen
        if fen > standing_fen:
            raise Precondition(
                f"{plain_yuan(fen)} is above the {plain_yuan(standing_fen)} of deduction {number} "
                "that stand; lift no more than that"
            )
        restored_fen = max(0, fen - found.open_fen)
        able_fen = _restorable_fen(store, found, fen)
        if restored_fen > able_fen:
            raise Precondition(
                f"{plain_yuan(restored_fen)} of deduction {number} were taken, and of its claim "
                f"{plain_yuan(able_fen)} can be restored: it was taken back or paid too much"
            )
        with approved(store, decision.by, decision):
            _record(store, found, (fen, restored_fen), decision)
        return _deduction(store, number)


def _deduction(store: HospitalStore, number: int) -> Deducted:
    found = deductions(store, "d.number = ?", number)
    if not found:
        raise NotFound(f"there is no deduction {number}; see medsettle hospital deductions --all")
    return found[0]


def _restorable_fen(store: HospitalStore, found: Deducted, fen: int) -> int:
    """Return what more may be approved of the claim of a deduction once some of it is lifted."""
    if found.claim is None:
        return fen
    part = store.part(found.claim, found.fund.payer)
    left_fen = part.declared_fen - (part.deducted_fen - fen) - part.forfeited_fen
    return max(0, max(0, left_fen) - part.held_fen - part.approved_fen)


def _record(
    store: HospitalStore, found: Deducted, amounts: tuple[int, int], decision: Decision
) -> None:
    fen, restored_fen = amounts
    day = day_number(service_day_of(decision.moment))
    store.add(
        "uses",
        {
            "kind": "lifted",
            "claim": found.claim,
            "payer": None if found.claim is None else found.fund.payer,
            "deduction": found.number,
            "fen": fen,
            "day": day,
            "why": decision.reason,
            "decided_by": decision.by,
        },
    )
    if restored_fen:
        store.add(
            "movements",
            {
                "kind": "restored",
                "institution": found.institution,
                **found.fund.row(),
                "claim": found.claim,
                "deduction": found.number,
                "fen": restored_fen,
                "day": day,
            },
        )
