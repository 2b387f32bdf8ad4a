"""The classes of differences between books, with their remedy, owner and term (`clearing.md` §2.4).

Classes 1 to 11 are the field's. 12 to 14 are what the data show beside them: the amounts agree and
the versions of the rules, or another fact of the claim, do not; the national book alone lacks it.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from medsettle.clearing.matching.book import Side


class DifferenceClass(IntEnum):
    """How books differ; where several apply, the table of `classify` says which is told."""

    ONLY_CARE = 1
    """Only the place of care has it: the answer was lost before the national book."""
    NOT_INSURED = 2
    """Care and national have it, the place of insurance not: it rolled back or timed out."""
    NOT_CARE = 3
    """Insurance (and national) have it, care not: the hospital saw a time-out (长款)."""
    HALF_REVERSED = 4
    """Only insurance or only the national book has it: a reversal stopped half way."""
    AMOUNT = 5
    """Amounts differ."""
    SPLIT = 6
    """The amounts agree, what each payer pays does not."""
    STATE = 7
    """Settled in one book and taken back in another."""
    PERIOD = 8
    """Recorded on different days."""
    DUPLICATE = 9
    """The same service is in a book twice."""
    PERSON = 10
    """Another person, card or credential."""
    DEDUCTION = 11
    """An audit deduction that not all books have, or not alike."""
    VERSION = 12
    """The amounts agree, the versions of policy or catalogue do not."""
    FACT = 13
    """The amounts agree, another fact of the claim does not."""
    NOT_NATIONAL = 14
    """Care and insurance have it, the national book not: nobody clears what it does not list."""


class Action(StrEnum):
    """What is proposed against a difference. Each becomes a new record; nothing is edited."""

    REVERSE = "reverse"
    """Take the record back where it stands alone."""
    INSERT = "insert"
    """Record it where it is missing, by the rules of the time of settlement."""
    ADJUST = "adjust"
    """Record the difference of the amounts as a correction."""
    COMPLETE_CANCEL = "complete_cancel"
    """Take it back where it still stands."""
    ROLL_FORWARD = "roll_forward"
    """Leave it in the month of the place of insurance; it moves nowhere."""
    HOLD = "hold"
    """Do not pay until somebody has looked into it."""
    ACKNOWLEDGE = "acknowledge"
    """Take over the deduction, or the fact that was recorded otherwise."""
    WRITE_OFF = "write_off"
    """Give it up, with a second person's approval."""


class Term(StrEnum):
    """Until when a difference is to be resolved; the calendar says which day that is."""

    NEXT_DAY = "next_day"
    CLOSE_OF_DAYS = "close_of_days"
    """The day on which the place of insurance closes reconciliation of the month (3rd)."""
    DECLARATION = "declaration"
    """The day on which the month is declared into clearing (20th)."""
    MONTHLY = "monthly"
    CASE = "case"
    """No day: it takes an investigation."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """Who does what against a class of differences, and until when."""

    owner: Side
    action: Action
    term: Term


REMEDIES: Final[dict[DifferenceClass, Remedy]] = {
    DifferenceClass.ONLY_CARE: Remedy(Side.CARE, Action.REVERSE, Term.NEXT_DAY),
    DifferenceClass.NOT_INSURED: Remedy(Side.INSURED, Action.INSERT, Term.NEXT_DAY),
    DifferenceClass.NOT_CARE: Remedy(Side.CARE, Action.REVERSE, Term.NEXT_DAY),
    DifferenceClass.HALF_REVERSED: Remedy(Side.INSURED, Action.REVERSE, Term.NEXT_DAY),
    DifferenceClass.AMOUNT: Remedy(Side.INSURED, Action.ADJUST, Term.CLOSE_OF_DAYS),
    DifferenceClass.SPLIT: Remedy(Side.INSURED, Action.ADJUST, Term.CLOSE_OF_DAYS),
    DifferenceClass.STATE: Remedy(Side.CARE, Action.COMPLETE_CANCEL, Term.NEXT_DAY),
    DifferenceClass.PERIOD: Remedy(Side.INSURED, Action.ROLL_FORWARD, Term.DECLARATION),
    DifferenceClass.DUPLICATE: Remedy(Side.CARE, Action.REVERSE, Term.NEXT_DAY),
    DifferenceClass.PERSON: Remedy(Side.INSURED, Action.HOLD, Term.CASE),
    DifferenceClass.DEDUCTION: Remedy(Side.INSURED, Action.ACKNOWLEDGE, Term.MONTHLY),
    DifferenceClass.VERSION: Remedy(Side.INSURED, Action.ACKNOWLEDGE, Term.CLOSE_OF_DAYS),
    DifferenceClass.FACT: Remedy(Side.CARE, Action.ACKNOWLEDGE, Term.CLOSE_OF_DAYS),
    DifferenceClass.NOT_NATIONAL: Remedy(Side.NATIONAL, Action.INSERT, Term.NEXT_DAY),
}
"""What is proposed against each class; the owner may differ by who lacks what, see `classify`."""
