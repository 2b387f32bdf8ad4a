"""What became of one claim of a batch, in order of precedence.

A claim has exactly one outcome: the first that applies, in the order of this list. Some faults of
form come later than their place: whether an item is listed is known only once the catalogue of a
policy is, and whether an area asks for a credential once its terms are, so a claim is told of
earlier trouble first.

A refusal is an answer too. One whose reason may pass is recorded under its request id (`recorded`)
and repeated whenever that id comes again, whatever has been loaded or recorded since: a till that
was told no must never learn later that it was yes. Whoever wants to try again sends a new request
with a new id; `transient` outcomes may then differ. What is malformed, or wants an id or a number
that another request has, is not recorded: nothing that happens later makes the same bytes right.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from medsettle import errors


class Outcome(IntEnum):
    """Result code of one claim, in order of precedence. Zero is success.

    Values are never renumbered, so what came later stands in its place with a higher one.
    """

    SETTLED = 0
    INVALID_REQUEST = 1
    REQUEST_ID_REUSED = 2
    REQUEST_REVERSED = 29
    DUPLICATE_SETTLEMENT = 3
    CREDENTIAL_NOT_ACCEPTED = 9
    CARD_UNKNOWN = 10
    CARD_OF_ANOTHER_PERSON = 11
    CARD_CANCELLED = 12
    CARD_REPLACED = 13
    CARD_EXPIRED = 14
    CARD_LOST = 15
    CARD_LOCKED = 16
    CARD_NOT_ACTIVATED = 17
    CARD_OUTSIDE_AREA = 19
    CARD_ON_INVALID_LIST = 18
    # What is found before payment comes after request and card, before any policy is asked.
    LIABILITY_UNANSWERED = 20
    OTHER_LIABLE = 21
    SUSPENDED_PERSON = 22
    SUSPENDED_INSTITUTION = 23
    PAID_BY_HAND = 24
    OVERLAPPING_STAY = 25
    DOUBLE_INSURANCE = 26
    DUPLICATE_ITEM = 27
    REPEATED_ITEM = 28
    POLICY_NOT_FOUND = 4
    POLICY_NOT_IN_FORCE = 5
    CLASS_NOT_COVERED = 6
    POLICY_GAP = 7
    COUNTER_FULL = 8

    @property
    def transient(self) -> bool:
        """Whether what is loaded or recorded later can make a new request, with a new id, settle.

        Under the same id a recorded refusal stays as it is.
        """
        return self in _TRANSIENT

    @property
    def recorded(self) -> bool:
        """Whether a refusal with this outcome is recorded under its request id."""
        return self not in _NOT_RECORDED


DUPLICATE: Final = {"duplicate": "true"}
"""Metadata of an error that is the recorded answer of an earlier request."""

_NOT_RECORDED = frozenset(
    {
        Outcome.SETTLED,
        Outcome.INVALID_REQUEST,
        Outcome.REQUEST_ID_REUSED,
        Outcome.REQUEST_REVERSED,
        Outcome.DUPLICATE_SETTLEMENT,
    }
)

_TRANSIENT = frozenset(
    {
        Outcome.CREDENTIAL_NOT_ACCEPTED,
        Outcome.CARD_UNKNOWN,
        Outcome.CARD_ON_INVALID_LIST,
        Outcome.POLICY_NOT_FOUND,
        Outcome.POLICY_NOT_IN_FORCE,
        Outcome.CLASS_NOT_COVERED,
        Outcome.POLICY_GAP,
    }
)

_ERRORS: dict[Outcome, type[errors.SettlementError]] = {
    Outcome.REQUEST_ID_REUSED: errors.RequestIdReused,
    Outcome.REQUEST_REVERSED: errors.RequestReversed,
    Outcome.DUPLICATE_SETTLEMENT: errors.DuplicateSettlement,
    Outcome.CREDENTIAL_NOT_ACCEPTED: errors.CredentialNotAccepted,
    Outcome.CARD_UNKNOWN: errors.CardUnknown,
    Outcome.CARD_OF_ANOTHER_PERSON: errors.CardOfAnotherPerson,
    Outcome.CARD_CANCELLED: errors.CardCancelled,
    Outcome.CARD_REPLACED: errors.CardReplaced,
    Outcome.CARD_EXPIRED: errors.CardExpired,
    Outcome.CARD_LOST: errors.CardLost,
    Outcome.CARD_LOCKED: errors.CardLocked,
    Outcome.CARD_NOT_ACTIVATED: errors.CardNotActivated,
    Outcome.CARD_OUTSIDE_AREA: errors.CardOutsideArea,
    Outcome.CARD_ON_INVALID_LIST: errors.CardOnInvalidList,
    Outcome.POLICY_NOT_FOUND: errors.PolicyNotFound,
    Outcome.POLICY_NOT_IN_FORCE: errors.PolicyNotInForce,
    Outcome.CLASS_NOT_COVERED: errors.ClassNotCovered,
    Outcome.POLICY_GAP: errors.PolicyGap,
    Outcome.COUNTER_FULL: errors.CounterFull,
    Outcome.LIABILITY_UNANSWERED: errors.LiabilityUnanswered,
    Outcome.OTHER_LIABLE: errors.OtherLiable,
    Outcome.SUSPENDED_PERSON: errors.SuspendedPerson,
    Outcome.SUSPENDED_INSTITUTION: errors.SuspendedInstitution,
    Outcome.PAID_BY_HAND: errors.PaidByHand,
    Outcome.OVERLAPPING_STAY: errors.OverlappingStay,
    Outcome.DOUBLE_INSURANCE: errors.DoubleInsurance,
    Outcome.DUPLICATE_ITEM: errors.DuplicateItem,
    Outcome.REPEATED_ITEM: errors.RepeatedItem,
}


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why one claim was not settled: outcome, sentence, and all faults where it is invalid.

    `duplicate` says that this is the recorded answer of an earlier request.
    """

    outcome: Outcome
    message: str
    faults: tuple[errors.Fault, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)
    duplicate: bool = False

    def error(self) -> errors.SettlementError:
        """Return the exception that a single-claim call raises for this rejection.

        Its metadata have `duplicate` where it is answered from the record.
        """
        if self.outcome is Outcome.INVALID_REQUEST:
            return errors.InvalidRequest(self.faults)
        said = DUPLICATE if self.duplicate else {}
        return _ERRORS[self.outcome](self.message, **(self.metadata | said))


def invalid(faults: tuple[errors.Fault, ...]) -> Rejection:
    """Return the rejection of a claim with these faults."""
    message = "; ".join(str(fault) for fault in faults)
    return Rejection(Outcome.INVALID_REQUEST, message, faults)
