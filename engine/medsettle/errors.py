"""The errors of medsettle.

```text
SettlementError                 a request as a whole cannot be served
├─ InvalidRequest               fields are missing, malformed or out of range; all faults together
│  └─ BatchTooLarge             more claims, lines or bytes than one call may carry
├─ RequestIdReused              same institution and request id, different content
├─ DuplicateSettlement          same institution settlement id under another request id
├─ NotFound                     nothing recorded under that name
├─ Precondition                 well formed, but not possible in the present state
│  ├─ CardRefused               the card or credential presented does not count
│  │  ├─ CredentialNotAccepted  the area settles nothing with such a credential
│  │  ├─ CardUnknown            no such card was issued in the area
│  │  ├─ CardOfAnotherPerson    the card belongs to somebody else than the claim
│  │  ├─ CardCancelled          the card was given up
│  │  ├─ CardReplaced           another card took its place
│  │  ├─ CardExpired            its last day has passed
│  │  ├─ CardLost               it was reported lost
│  │  ├─ CardLocked             it is locked and must not be used for this
│  │  ├─ CardNotActivated       it was issued and never activated
│  │  ├─ CardOutsideArea        a temporary card was presented elsewhere
│  │  └─ CardOnInvalidList      an invalid list names it
│  ├─ CardActionRefused         the card is in no state in which that can happen
│  ├─ PolicyNotFound            no policy for area, insurance type and visit type
│  ├─ PolicyNotInForce          the policy does not cover the service date
│  ├─ ClassNotCovered           the policy has no class for a code of this claim
│  ├─ RoutingNotFound           the area has no document that routes a visit over schemes
│  ├─ NotConfirmed              a line needs a confirmation that is not registered
│  ├─ PartOfVisit               the settlement is one of a visit, and falls with all of it
│  ├─ PolicyGap                 the policy says it cannot decide an amount of this claim
│  ├─ CounterFull               a counter of the person would pass its bound
│  ├─ AlreadyCancelled          the settlement has been cancelled before
│  ├─ AccountSpent              what it put into the account has been spent, or set aside
│  ├─ BalanceTooLow             an account or a relative's limit holds less than is to leave it
│  ├─ NotInsured                the insurance relation of a giver or receiver has ended
│  └─ TooManyRelatives          a person is bound to as many relatives as may be
├─ Overloaded                   the queue is full; nothing was recorded
├─ LedgerUnavailable            the ledger cannot be opened or written; nothing was acknowledged
├─ PaymentsUnavailable          a store of payments cannot be opened or written, or lost its ledger
├─ AuditCorrupt                 an audit segment does not match its manifest
├─ InvalidListRejected          an invalid list is not its keeper's, faulty or older; the old stays
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


class CardRefused(Precondition):
    """The card or credential presented with a claim does not count at the time of service."""

    reason = "CARD_REFUSED"


class CredentialNotAccepted(CardRefused):
    """The area settles nothing with a credential of that type."""

    reason = "CREDENTIAL_NOT_ACCEPTED"


class CardUnknown(CardRefused):
    """No card of that kind and token was issued in the area before the time of service."""

    reason = "CARD_UNKNOWN"


class CardOfAnotherPerson(CardRefused):
    """The card belongs to another person than the claim."""

    reason = "CARD_OF_ANOTHER_PERSON"


class CardCancelled(CardRefused):
    """The card had been given up."""

    reason = "CARD_CANCELLED"


class CardReplaced(CardRefused):
    """A replacement of the card had been applied for."""

    reason = "CARD_REPLACED"


class CardExpired(CardRefused):
    """The last day of the card had passed."""

    reason = "CARD_EXPIRED"


class CardLost(CardRefused):
    """The card was reported lost, temporarily or formally."""

    reason = "CARD_LOST"


class CardLocked(CardRefused):
    """The card was locked, and the area does not let a locked card do this."""

    reason = "CARD_LOCKED"


class CardNotActivated(CardRefused):
    """The card had been issued and not been activated."""

    reason = "CARD_NOT_ACTIVATED"


class CardOutsideArea(CardRefused):
    """A temporary card was presented for care outside the area that issued it."""

    reason = "CARD_OUTSIDE_AREA"


class CardOnInvalidList(CardRefused):
    """An invalid list of the nation, the province or the city names the card."""

    reason = "CARD_ON_INVALID_LIST"


class CardActionRefused(Precondition):
    """The card is in no state in which this can happen to it, or the area asks for more."""

    reason = "CARD_ACTION_REFUSED"


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


class AlreadyCancelled(Precondition):
    """The settlement has been cancelled before."""

    reason = "ALREADY_CANCELLED"


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


class PaymentsUnavailable(SettlementError):
    """A store of payment orders, of a till or of the sandbox bank cannot be opened or written.

    Nothing was acknowledged; the same command may be given again.
    """

    reason = "PAYMENTS_UNAVAILABLE"


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
