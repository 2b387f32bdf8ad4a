"""One difference as it is found, before it becomes a row of the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.classes import REMEDIES, Action, DifferenceClass, Term
from medsettle.clearing.matching.doubles import Twin, doubled_at
from medsettle.clearing.matching.odd_records import Record


@dataclass(frozen=True, slots=True)
class Found:
    """What is found about one record.

    Attributes:
        record: What it is about: of a state the settlement, or the cancel of one that is not odd.
        difference_class: How the books differ.
        item: What the difference is called.
        settlement: Which settlement is told.
        held_by: Sides that have the record; of a state, that have taken it back.
        missing_at: Sides that have none of it; of a state, where it still stands.
        differing: Columns that differ.
        standing: Sides in whose books it stands.
        odd_one_out: The side that two others, who agree, differ from.
        shown: Records whose rows are told beside.
        twin: What it repeats.
        at_risk_fen: Money at risk.
    """

    record: Record
    difference_class: DifferenceClass
    item: str
    settlement: str
    held_by: tuple[Side, ...]
    missing_at: tuple[Side, ...]
    differing: tuple[str, ...] = ()
    standing: tuple[Side, ...] = ()
    odd_one_out: Side | None = None
    shown: Sequence[Record] = field(default_factory=tuple)
    twin: Twin | None = None
    at_risk_fen: int = 0


@dataclass(frozen=True, slots=True)
class Proposal:
    """Who is to do what until when."""

    owner: Side
    action: Action
    term: Term


_MISSING = {
    *(DifferenceClass.ONLY_CARE, DifferenceClass.NOT_INSURED),
    *(DifferenceClass.NOT_CARE, DifferenceClass.NOT_NATIONAL),
}


def proposal(found: Found, message_ids: Mapping[Side, str]) -> Proposal:
    """Return what is proposed against a difference: `REMEDIES`, turned to whom it concerns.

    Args:
        found: The difference.
        message_ids: The message id of the record at each side that has one.

    The owner is:

    - of DUPLICATE the one book that has it twice, else the place of care, who sent it twice;
    - of STATE whoever still has it: the place of care, then insurance, then the nation;
    - of HALF_REVERSED where it stands;
    - of NOT_CARE the place of care where a message id is known to reverse it by, else insurance;
    - of DEDUCTION and of an adjustment the first that lacks it;
    - of AMOUNT, SPLIT, FACT and VERSION the one that differs from two who agree.

    A service that looks paid at two places is held: both may be real. What a book lacks of what it
    has taken back, or of an adjustment, is recorded there.
    """
    remedy = REMEDIES[found.difference_class]
    owner, action = remedy.owner, remedy.action
    match found.difference_class:
        case DifferenceClass.DUPLICATE:
            twice_in = doubled_at(found.record) or found.held_by
            owner = twice_in[0] if len(twice_in) == 1 else owner
            if found.twin is not None and found.twin.elsewhere:
                action = Action.HOLD
        case DifferenceClass.STATE:
            order = (Side.CARE, Side.INSURED, Side.NATIONAL)
            owner = next(side for side in order if side in found.standing)
        case DifferenceClass.HALF_REVERSED:
            owner = found.standing[0]
        case missing if missing in _MISSING and not found.standing:
            owner, action = found.missing_at[0], Action.INSERT
        case DifferenceClass.NOT_CARE if not message_ids:
            owner = Side.INSURED
        case DifferenceClass.DEDUCTION if found.missing_at:
            owner = found.missing_at[0]
        case DifferenceClass.AMOUNT | DifferenceClass.SPLIT if found.missing_at:
            owner, action = found.missing_at[0], Action.INSERT
        case (
            DifferenceClass.AMOUNT
            | DifferenceClass.SPLIT
            | DifferenceClass.FACT
            | DifferenceClass.VERSION
        ):
            owner = found.odd_one_out or owner
    return Proposal(owner, action, remedy.term)
