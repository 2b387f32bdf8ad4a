"""Who may do what: each role has the least that its work takes, in the console and over gRPC."""

from enum import StrEnum
from typing import Final


class Right(StrEnum):
    """What may be done."""

    LOOK = "look"
    """See settlements, what became of requests, and what happens today."""
    TRY = "try"
    """Preview a claim."""
    SETTLE = "settle"
    """Record what a claim is settled to."""
    TAKE_BACK = "take_back"
    """Cancel a settlement or visit, and reverse a request."""
    COMPARE = "compare"
    """See what later settlements of a person, of whatever institution, would have been."""
    SEE_PERSON = "see_person"
    """See what a person has left, how relatives are bound, and whether a card is valid."""
    SEE_HISTORY = "see_history"
    """See how the money of a person moved, and what happened to a card, wherever that was."""
    REPORT = "report"
    """Record registrations, what happens to cards, and what persons set aside for relatives."""
    KEEP_PERSONS = "keep_persons"
    """Record what persons bring along, and that their insurance begins or ends."""
    POLICIES = "policies"
    """Read rule documents."""
    DRAFT = "draft"
    """Upload and check a draft of a rule document."""
    SEE_RECONCILIATION = "see_reconciliation"
    """See runs and differences."""
    RECONCILE = "reconcile"
    """Compare books, assign differences, and propose what is done about them."""
    SEE_CLEARING = "see_clearing"
    """See months, notices, prepayments, and what hospitals are paid."""
    CLEAR = "clear"
    """Propose what moves money."""
    OWN_ACCOUNT = "own_account"
    """See what the own institution declared, what is deducted of it, and what it was paid."""
    APPROVE = "approve"
    """Approve what another person proposed."""
    SEE_REPLAYS = "see_replays"
    """Read the reports of replays."""
    REPLAY = "replay"
    """Start replays, stop and delete them."""
    AUDIT = "audit"
    """Verify the audit tables, and see who looked at what."""
    PEOPLE = "people"
    """Add people, give them a role, and close their accounts."""


class Role(StrEnum):
    """What somebody is here for."""

    ADMINISTRATOR = "administrator"
    CLEARING = "clearing"
    ACTUARY = "actuary"
    AUDITOR = "auditor"
    POLICY_OFFICER = "policy_officer"
    INSTITUTION = "institution"


_RIGHTS: Final = {
    # Until people have been added there is one person, who has to be able to do everything; but an
    # institution that would be its own is none of this person's, and nor are its bills.
    Role.ADMINISTRATOR: frozenset(Right) - {Right.OWN_ACCOUNT, Right.SETTLE, Right.TAKE_BACK},
    Role.CLEARING: frozenset(
        {
            *(Right.LOOK, Right.POLICIES, Right.SEE_RECONCILIATION, Right.RECONCILE),
            *(Right.SEE_CLEARING, Right.CLEAR, Right.APPROVE),
            # What two people agreed to do about a difference is taken back at a server.
            Right.TAKE_BACK,
        }
    ),
    Role.ACTUARY: frozenset(
        {Right.LOOK, Right.TRY, Right.POLICIES, Right.SEE_REPLAYS, Right.REPLAY}
    ),
    # Looks at everything and does nothing of it.
    Role.AUDITOR: frozenset(
        {
            *(Right.LOOK, Right.POLICIES, Right.AUDIT, Right.COMPARE),
            *(Right.SEE_PERSON, Right.SEE_HISTORY),
            *(Right.SEE_RECONCILIATION, Right.SEE_CLEARING, Right.SEE_REPLAYS),
        }
    ),
    Role.POLICY_OFFICER: frozenset({Right.TRY, Right.POLICIES, Right.DRAFT}),
    Role.INSTITUTION: frozenset(
        {
            *(Right.LOOK, Right.TRY, Right.POLICIES, Right.OWN_ACCOUNT),
            *(Right.SETTLE, Right.TAKE_BACK, Right.SEE_PERSON, Right.REPORT),
        }
    ),
}


def rights_of(role: str) -> frozenset[Right]:
    """Return what a role may do; nothing for a name that is no role."""
    return _RIGHTS[Role(role)] if role in set(Role) else frozenset()
