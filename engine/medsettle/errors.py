"""The errors of medsettle.

```text
SettlementError                 a request as a whole cannot be served
├─ InvalidRequest               fields are missing, malformed or out of range; all faults together
│  └─ BatchTooLarge             more claims, lines or bytes than one call may carry
├─ RequestIdReused              same institution and request id, different content
├─ DuplicateSettlement          same institution settlement id under another request id
├─ NotFound                     nothing recorded under that name
├─ Precondition                 well formed, but not possible in the present state
│  ├─ PolicyNotFound            no policy for area, insurance type and visit type
│  ├─ PolicyNotInForce          the policy does not cover the service date
│  ├─ ClassNotCovered           the policy has no class for a code of this claim
│  ├─ RoutingNotFound           the area has no document that routes a visit over schemes
│  ├─ NotConfirmed              a line needs a confirmation that is not registered
│  ├─ PartOfVisit               the settlement is one of a visit, and falls with all of it
│  ├─ PolicyGap                 the policy says it cannot decide an amount of this claim
│  ├─ CounterFull               a counter of the person would pass its bound
│  ├─ Excluded                  the area's document refuses the claim before it is paid
│  │  ├─ LiabilityUnanswered    nobody said whether somebody else is liable for an accident
│  │  ├─ OtherLiable            somebody else is liable
│  │  ├─ SuspendedPerson        the person's settlements are suspended
│  │  ├─ SuspendedInstitution   the institution's settlements are suspended
│  │  ├─ PaidByHand             the claim has been paid by hand
│  │  ├─ OverlappingStay        the person was in another stay on the same days
│  │  ├─ DoubleInsurance        the person was settled under another insurance in the period
│  │  ├─ DuplicateItem          the same item of the same day was settled before
│  │  └─ RepeatedItem           an item stands in the claim more often than is in order
│  ├─ AlreadyCancelled          the settlement has been cancelled before
│  └─ AccountSpent              what it put into the account has been spent since
├─ Overloaded                   the queue is full; nothing was recorded
├─ LedgerUnavailable            the ledger cannot be opened or written; nothing was acknowledged
├─ AuditCorrupt                 an audit segment does not match its manifest
├─ PolicyRejected               a rule document has faults; all of them
└─ InternalError                a bug of ours
```

A rejected claim of a batch is not an exception but a row with an `Outcome`
(`medsettle.core.outcome`); the single-claim calls raise the error that belongs to the outcome.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a request, found at `path` (`lines[1].amount_fen`)."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing wrong with a rule document, with where it stands and what to do."""

    file: str
    line: int
    column: int
    key_path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column} {self.key_path}".rstrip()
        return f"{where}: {self.message}"


class SettlementError(Exception):
    """Base of all errors a caller of medsettle may meet.

    `reason` is stable and machine readable; `metadata` holds every dynamic part of the message.
    """

    reason: ClassVar[str] = "SETTLEMENT_ERROR"

    def __init__(self, message: str, **metadata: str) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = metadata

    @property
    def message_lines(self) -> list[str]:
        """The message, one line for each fault it lists."""
        return [self.message]


class InvalidRequest(SettlementError):
    """Fields of a request are missing, malformed or out of range. Carries all faults."""

    reason = "INVALID_REQUEST"

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        listed = "; ".join(str(fault) for fault in self.faults)
        super().__init__(f"{len(self.faults)} fault(s): {listed}")

    @property
    def message_lines(self) -> list[str]:
        """Each fault on a line of its own."""
        return [str(fault) for fault in self.faults]


class BatchTooLarge(InvalidRequest):
    """A call carries more claims, lines or bytes than `medsettle.limits` allows."""

    reason = "BATCH_TOO_LARGE"


class RequestIdReused(SettlementError):
    """The request id was used before with other content."""

    reason = "REQUEST_ID_REUSED"


class DuplicateSettlement(SettlementError):
    """The institution's settlement id was recorded before under another request id."""

    reason = "DUPLICATE_SETTLEMENT"


class NotFound(SettlementError):
    """Nothing is recorded under the name asked for."""

    reason = "NOT_FOUND"


class Precondition(SettlementError):
    """The request is well formed but not possible in the present state."""

    reason = "PRECONDITION"


class PolicyNotFound(Precondition):
    """No loaded policy covers the area, insurance type and visit type."""

    reason = "POLICY_NOT_FOUND"


class PolicyNotInForce(Precondition):
    """The policy does not cover the service date."""

    reason = "POLICY_NOT_IN_FORCE"


class ClassNotCovered(Precondition):
    """The policy has no class for a code of the claim, such as its hospital level."""

    reason = "CLASS_NOT_COVERED"


class RoutingNotFound(Precondition):
    """The area has no `routing.yaml` that says which scheme settles which line of a visit."""

    reason = "ROUTING_NOT_FOUND"


class NotConfirmed(Precondition):
    """A line needs a confirmation, such as that of a device, that is not registered."""

    reason = "NOT_CONFIRMED"


class PartOfVisit(Precondition):
    """A settlement is one of the linked ones of a visit and cannot be cancelled alone."""

    reason = "PART_OF_VISIT"


class PolicyGap(Precondition):
    """The policy document states that it cannot decide an amount this claim has."""

    reason = "POLICY_GAP"


class CounterFull(Precondition):
    """A counter of the person, or the account, could pass `AMOUNT_FEN_MAX` with this claim."""

    reason = "COUNTER_FULL"


class Excluded(Precondition):
    """The claim is refused before payment by the `exclusions.yaml` of its area.

    `metadata` has the name of the check, what it was found by, and the remedy in both languages.
    """

    reason = "EXCLUDED"


class LiabilityUnanswered(Excluded):
    """It was not answered whether somebody else is liable for an accident."""

    reason = "LIABILITY_UNANSWERED"


class OtherLiable(Excluded):
    """Somebody else is liable for what the claim is for, such as a third party or work injury."""

    reason = "OTHER_LIABLE"


class SuspendedPerson(Excluded):
    """The person's settlements are suspended."""

    reason = "SUSPENDED_PERSON"


class SuspendedInstitution(Excluded):
    """The institution's settlements are suspended."""

    reason = "SUSPENDED_INSTITUTION"


class PaidByHand(Excluded):
    """The claim has been paid by hand."""

    reason = "PAID_BY_HAND"


class OverlappingStay(Excluded):
    """The person was in another stay on the same days."""

    reason = "OVERLAPPING_STAY"


class DoubleInsurance(Excluded):
    """The person has a settlement under another insurance in the same period."""

    reason = "DOUBLE_INSURANCE"


class DuplicateItem(Excluded):
    """The same item of the same day is in another settlement of the person."""

    reason = "DUPLICATE_ITEM"


class RepeatedItem(Excluded):
    """An item is in the claim more often on one day than is in order."""

    reason = "REPEATED_ITEM"


class AlreadyCancelled(Precondition):
    """The settlement has been cancelled before."""

    reason = "ALREADY_CANCELLED"


class AccountSpent(Precondition):
    """A cancel would take more out of the personal account than it holds.

    The settlement put money into it that later ones have spent; cancel those first.
    """

    reason = "ACCOUNT_SPENT"


class Overloaded(SettlementError):
    """The waiting queue is full. Nothing was recorded; the same request id may be sent again."""

    reason = "OVERLOADED"


class LedgerUnavailable(SettlementError):
    """The ledger cannot be opened, read or written. Nothing was acknowledged."""

    reason = "LEDGER_UNAVAILABLE"


class AuditCorrupt(SettlementError):
    """An audit segment is missing or does not match the hash in its manifest."""

    reason = "AUDIT_CORRUPT"


class PolicyRejected(SettlementError):
    """A rule document has faults. Carries all of them, in document order."""

    reason = "POLICY_REJECTED"

    def __init__(self, violations: Sequence[Violation]) -> None:
        self.violations = tuple(violations)
        listed = "\n".join(str(violation) for violation in self.violations)
        super().__init__(f"{len(self.violations)} fault(s) in the rule documents:\n{listed}")

    @property
    def message_lines(self) -> list[str]:
        """Each violation on a line of its own."""
        return [str(violation) for violation in self.violations]


class InternalError(SettlementError):
    """A bug of ours. Nothing of the batch was recorded."""

    reason = "INTERNAL"
