"""What the counter of the national interface refuses before the engine is asked."""

from medsettle.errors.tree import Precondition, SettlementError


class TransactionUnknown(SettlementError):
    """No transaction of the gateway has this number."""

    reason = "TRANSACTION_UNKNOWN"


class NotSignedIn(Precondition):
    """The operator has not signed in today, or has signed out."""

    reason = "NOT_SIGNED_IN"


class InstitutionNotYours(Precondition):
    """The client's token is not registered for the institution that it asks for."""

    reason = "INSTITUTION_NOT_YOURS"


class EncounterRefused(Precondition):
    """The visit (就诊) is in no state in which that can happen; the message says in which it is."""

    reason = "ENCOUNTER_REFUSED"


class FileExpired(Precondition):
    """The file was kept for some days only."""

    reason = "FILE_EXPIRED"


class ClearingRefused(Precondition):
    """The month is applied for, or the settlement confirmed, or neither of them, already."""

    reason = "CLEARING_REFUSED"


class SumsDiffer(Precondition):
    """The institution states other sums than its lines come to."""

    reason = "SUMS_DIFFER"
