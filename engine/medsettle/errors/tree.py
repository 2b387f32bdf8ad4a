"""The errors of medsettle but those of cards and exclusions; the package draws the tree."""

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


class DecidedElsewhere(Precondition):
    """A settlement here is a copy of what another area's engine decided, who takes it back."""

    reason = "DECIDED_ELSEWHERE"


class PolicyGap(Precondition):
    """The policy document states that it cannot decide an amount this claim has."""

    reason = "POLICY_GAP"


class CounterFull(Precondition):
    """A counter of the person, or the account, could pass `AMOUNT_FEN_MAX` with this claim."""

    reason = "COUNTER_FULL"


class AlreadyCancelled(Precondition):
    """The settlement has been cancelled before."""

    reason = "ALREADY_CANCELLED"


class RequestReversed(Precondition):
    """The request was reversed before it arrived; under this id it never settles."""

    reason = "REQUEST_REVERSED"


class NotReversible(Precondition):
    """What was recorded under the original request id is no settlement and no visit."""

    reason = "NOT_REVERSIBLE"


class AccountSpent(Precondition):
    """A cancel would take more out of the personal account than it holds.

    The settlement put money into it that later ones have spent, or that was set aside for
    relatives; cancel those first, or lower the limits.
    """

    reason = "ACCOUNT_SPENT"


class BalanceTooLow(Precondition):
    """An account, or a relative's limit, holds less than what is to leave it."""

    reason = "BALANCE_TOO_LOW"


class NotInsured(Precondition):
    """Who is to give or to receive has no insurance relation any more, as far as is known."""

    reason = "NOT_INSURED"


class TooManyRelatives(Precondition):
    """A giver or a receiver is bound to as many relatives as `medsettle.limits` allows."""

    reason = "TOO_MANY_RELATIVES"


class Overloaded(SettlementError):
    """The waiting queue is full. Nothing was recorded; the same request id may be sent again."""

    reason = "OVERLOADED"


class LedgerUnavailable(SettlementError):
    """The ledger cannot be opened, read or written. Nothing was acknowledged."""

    reason = "LEDGER_UNAVAILABLE"


class LedgerFailed(LedgerUnavailable):
    """The ledger failed while it wrote, and takes nothing more until it is opened again.

    What was being written may have been recorded: the same request id tells, once it is open again.
    """

    reason = "LEDGER_FAILED"


class StoreUnavailable(SettlementError):
    """A store of payments, of a till, of clearing or of the sandbox bank is out of reach.

    Nothing was acknowledged; the same command may be given again.
    """

    reason = "STORE_UNAVAILABLE"


class AuditCorrupt(SettlementError):
    """An audit segment is missing or does not match the hash in its manifest."""

    reason = "AUDIT_CORRUPT"


class InvalidListRejected(SettlementError):
    """An invalid list is not its keeper's, faulty, or older than the one in use, which stays."""

    reason = "INVALID_LIST_REJECTED"


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
