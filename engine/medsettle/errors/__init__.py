"""The errors of medsettle.

```text
SettlementError                 a request as a whole cannot be served
├─ InvalidRequest               fields are missing, malformed or out of range; all faults together
│  └─ BatchTooLarge             more claims, lines or bytes than one call may carry
├─ RequestIdReused              same institution and request id, different content
├─ DuplicateSettlement          same institution settlement id under another request id
├─ NotFound                     nothing recorded under that name
│  ├─ InstitutionUnknown        no institution of that code is in the directory
│  └─ PersonUnknown             nobody in the directory has that number, certificate, card or token
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
│  ├─ PersonDiffers             the name or card stated is not that of the person found
│  ├─ CredentialExpired         the e-voucher token had expired when it was presented
│  ├─ NotEnrolled               the person has no such enrolment there
│  │  ├─ EnrolmentNotBegun      it begins after that day
│  │  ├─ EnrolmentPaused        it was paused on that day
│  │  └─ EnrolmentEnded         it had ended on that day
│  ├─ FilingRefused             the same is filed for these days, or it was cancelled before
│  ├─ PolicyNotFound            no policy for area, insurance type and visit type
│  ├─ PolicyNotInForce          the policy does not cover the service date
│  ├─ ClassNotCovered           the policy has no class for a code of this claim
│  ├─ RoutingNotFound           the area has no document that routes a visit over schemes
│  ├─ NotConfirmed              a line needs a confirmation that is not registered
│  ├─ DecidedElsewhere          the settlement is a copy; the engine of its area takes it back
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
│  ├─ RequestReversed           the request was reversed before it arrived, and never settles
│  ├─ NotReversible             what was recorded under the request id cannot be reversed
│  ├─ AccountSpent              what it put into the account has been spent, or set aside
│  ├─ BalanceTooLow             an account or a relative's limit holds less than is to leave it
│  ├─ NotInsured                the insurance relation of a giver or receiver has ended
│  ├─ TooManyRelatives          a person is bound to as many relatives as may be
│  ├─ NotSignedIn               the operator has not signed in today, or has signed out
│  ├─ InstitutionNotYours       the token of the client is not for that institution
│  ├─ EncounterRefused          the visit is in no state in which that can happen
│  ├─ FileExpired               the file was kept for some days only
│  ├─ ClearingRefused           the month is applied for, or the settlement confirmed, or not
│  ├─ SumsDiffer                the institution states other sums than its lines come to
│  └─ PeerTooOld                the engine of another area cannot do what is asked of it
├─ TransactionUnknown           no transaction of the gateway has this number
├─ Overloaded                   the queue is full; nothing was recorded
├─ LedgerUnavailable            the ledger cannot be opened or written; nothing was acknowledged
│  └─ LedgerFailed              it failed while it wrote; nothing more until it is opened again
├─ StoreUnavailable          a store of payments or clearing cannot be opened, written or followed
├─ PersonPending                another claim of the person elsewhere is being found out
├─ PeerUnreachable              another area's engine is out of reach; nothing was sent to it
├─ OutcomeUnknown               whether another area settled it is being found out
├─ NotAuthenticated             nobody known asks: no certificate or token, or a revoked or old one
├─ NotPermitted                 the caller may not do this, or not for that institution or area
├─ PeerNotKnown                 the caller is no peer, or the area is not its to speak or ask for
├─ AuditCorrupt                 an audit segment does not match its manifest
├─ InvalidListRejected          an invalid list is not its keeper's, faulty or older; the old stays
├─ PolicyRejected               a rule document has faults; all of them
└─ InternalError                a bug of ours
```

A rejected claim of a batch is not an exception but a row with an `Outcome`
(`medsettle.core.outcome`); the single-claim calls raise the error that belongs to the outcome.
"""

from medsettle.errors.access import NotAuthenticated, NotPermitted
from medsettle.errors.cards import (
    CardActionRefused,
    CardCancelled,
    CardExpired,
    CardLocked,
    CardLost,
    CardNotActivated,
    CardOfAnotherPerson,
    CardOnInvalidList,
    CardOutsideArea,
    CardRefused,
    CardReplaced,
    CardUnknown,
    CredentialNotAccepted,
)
from medsettle.errors.directory import (
    CredentialExpired,
    EnrolmentEnded,
    EnrolmentNotBegun,
    EnrolmentPaused,
    FilingRefused,
    InstitutionUnknown,
    NotEnrolled,
    PersonDiffers,
    PersonUnknown,
)
from medsettle.errors.exclusions import (
    DoubleInsurance,
    DuplicateItem,
    Excluded,
    LiabilityUnanswered,
    OtherLiable,
    OverlappingStay,
    PaidByHand,
    RepeatedItem,
    SuspendedInstitution,
    SuspendedPerson,
)
from medsettle.errors.interface import (
    ClearingRefused,
    EncounterRefused,
    FileExpired,
    InstitutionNotYours,
    NotSignedIn,
    SumsDiffer,
    TransactionUnknown,
)
from medsettle.errors.peers import (
    OutcomeUnknown,
    PeerNotKnown,
    PeerTooOld,
    PeerUnreachable,
    PersonPending,
)
from medsettle.errors.tree import (
    AccountSpent,
    AlreadyCancelled,
    AuditCorrupt,
    BalanceTooLow,
    BatchTooLarge,
    ClassNotCovered,
    CounterFull,
    DecidedElsewhere,
    DuplicateSettlement,
    Fault,
    InternalError,
    InvalidListRejected,
    InvalidRequest,
    LedgerFailed,
    LedgerUnavailable,
    NotConfirmed,
    NotFound,
    NotInsured,
    NotReversible,
    Overloaded,
    PartOfVisit,
    PolicyGap,
    PolicyNotFound,
    PolicyNotInForce,
    PolicyRejected,
    Precondition,
    RequestIdReused,
    RequestReversed,
    RoutingNotFound,
    SettlementError,
    StoreUnavailable,
    TooManyRelatives,
    Violation,
)

__all__ = [
    "AccountSpent",
    "AlreadyCancelled",
    "AuditCorrupt",
    "BalanceTooLow",
    "BatchTooLarge",
    "CardActionRefused",
    "CardCancelled",
    "CardExpired",
    "CardLocked",
    "CardLost",
    "CardNotActivated",
    "CardOfAnotherPerson",
    "CardOnInvalidList",
    "CardOutsideArea",
    "CardRefused",
    "CardReplaced",
    "CardUnknown",
    "ClassNotCovered",
    "ClearingRefused",
    "CounterFull",
    "CredentialExpired",
    "CredentialNotAccepted",
    "DecidedElsewhere",
    "DoubleInsurance",
    "DuplicateItem",
    "DuplicateSettlement",
    "EncounterRefused",
    "EnrolmentEnded",
    "EnrolmentNotBegun",
    "EnrolmentPaused",
    "Excluded",
    "Fault",
    "FileExpired",
    "FilingRefused",
    "InstitutionNotYours",
    "InstitutionUnknown",
    "InternalError",
    "InvalidListRejected",
    "InvalidRequest",
    "LedgerFailed",
    "LedgerUnavailable",
    "LiabilityUnanswered",
    "NotAuthenticated",
    "NotConfirmed",
    "NotEnrolled",
    "NotFound",
    "NotInsured",
    "NotPermitted",
    "NotReversible",
    "NotSignedIn",
    "OtherLiable",
    "OutcomeUnknown",
    "OverlappingStay",
    "Overloaded",
    "PaidByHand",
    "PartOfVisit",
    "PeerNotKnown",
    "PeerTooOld",
    "PeerUnreachable",
    "PersonDiffers",
    "PersonPending",
    "PersonUnknown",
    "PolicyGap",
    "PolicyNotFound",
    "PolicyNotInForce",
    "PolicyRejected",
    "Precondition",
    "RepeatedItem",
    "RequestIdReused",
    "RequestReversed",
    "RoutingNotFound",
    "SettlementError",
    "StoreUnavailable",
    "SumsDiffer",
    "SuspendedInstitution",
    "SuspendedPerson",
    "TooManyRelatives",
    "TransactionUnknown",
    "Violation",
]
