"""What became of one claim of a batch, in order of precedence.

A claim has exactly one outcome: the first that applies, in the order of this list, save that what
is found before payment (19 to 27) stands between the request and the policy. One fault of
form comes later than its place: whether an item is listed is known only once the catalogue of a
policy is, so a claim is told of earlier trouble first. A rejected claim leaves nothing behind, and
the same request id may be sent again; `transient` outcomes may then differ.
"""

from dataclasses import dataclass, field
from enum import IntEnum

from medsettle import errors


class Outcome(IntEnum):
    """Result code of one claim. Zero is success; values are never renumbered."""

    SETTLED = 0
    INVALID_REQUEST = 1
    REQUEST_ID_REUSED = 2
    DUPLICATE_SETTLEMENT = 3
    POLICY_NOT_FOUND = 4
    POLICY_NOT_IN_FORCE = 5
    CLASS_NOT_COVERED = 6
    POLICY_GAP = 7
    COUNTER_FULL = 8
    # What is found before payment comes after the request and before any policy is asked.
    LIABILITY_UNANSWERED = 19
    OTHER_LIABLE = 20
    SUSPENDED_PERSON = 21
    SUSPENDED_INSTITUTION = 22
    PAID_BY_HAND = 23
    OVERLAPPING_STAY = 24
    DOUBLE_INSURANCE = 25
    DUPLICATE_ITEM = 26
    REPEATED_ITEM = 27

    @property
    def transient(self) -> bool:
        """Whether loading a policy, and nothing about the claim, can change the outcome."""
        return self in _TRANSIENT


_TRANSIENT = frozenset(
    {
        Outcome.POLICY_NOT_FOUND,
        Outcome.POLICY_NOT_IN_FORCE,
        Outcome.CLASS_NOT_COVERED,
        Outcome.POLICY_GAP,
    }
)

_ERRORS: dict[Outcome, type[errors.SettlementError]] = {
    Outcome.REQUEST_ID_REUSED: errors.RequestIdReused,
    Outcome.DUPLICATE_SETTLEMENT: errors.DuplicateSettlement,
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
    """Why one claim was not settled: outcome, sentence, and all faults where it is invalid."""

    outcome: Outcome
    message: str
    faults: tuple[errors.Fault, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)

    def error(self) -> errors.SettlementError:
        """Return the exception that a single-claim call raises for this rejection."""
        if self.outcome is Outcome.INVALID_REQUEST:
            return errors.InvalidRequest(self.faults)
        return _ERRORS[self.outcome](self.message, **self.metadata)


def invalid(faults: tuple[errors.Fault, ...]) -> Rejection:
    """Return the rejection of a claim with these faults."""
    message = "; ".join(str(fault) for fault in faults)
    return Rejection(Outcome.INVALID_REQUEST, message, faults)
