"""Why an engine of another area, or a hub on the way to it, did not take or answer a call."""

from medsettle.errors.tree import Precondition, SettlementError


class PeerUnreachable(SettlementError):
    """The engine that decides for the area, or a hub on the way to it, cannot be reached.

    Nothing was sent to it and nothing is recorded; the same request id may be sent again.
    """

    reason = "PEER_UNREACHABLE"


class OutcomeUnknown(SettlementError):
    """Whether another area settled a request is not known yet, and is being resolved.

    Send the same request id again, or ask `FindRequest` for it.
    """

    reason = "OUTCOME_UNKNOWN"


class PersonPending(SettlementError):
    """Another claim of the person was sent to another area, and what became of it is not known.

    Settled now, this one would count deductible and caps by a claim that may be taken back. Nothing
    was sent; the same request id may be sent again once the other is known.
    """

    reason = "PERSON_PENDING"


class PeerNotKnown(SettlementError):
    """The caller is no peer of this engine, or speaks or asks for an area that is not its to.

    Nothing was done. Two files of peers differ, and somebody has to mend one of them.
    """

    reason = "PEER_NOT_KNOWN"


class PeerTooOld(Precondition):
    """The engine of another area cannot do what is asked of it; nothing was sent to it."""

    reason = "PEER_TOO_OLD"
