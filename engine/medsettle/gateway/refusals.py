"""Errors of the engine as the national interface tells them: infcode and err_msg.

The interface has no list of error codes, so every client greps the text. Ours begins with the
stable reason of the error in brackets; the sentence for the operator and the detail follow it.
"""

from typing import TypeAlias

from medsettle import errors
from medsettle.errors import SettlementError
from medsettle.gateway.envelope import REFUSED, UNKNOWN
from medsettle.service.status import form_of

_UNKNOWN = (
    errors.Overloaded,
    errors.LedgerUnavailable,
    errors.InternalError,
    errors.StoreUnavailable,
    errors.PeerUnreachable,
    errors.PersonPending,
    errors.OutcomeUnknown,
    errors.AuditCorrupt,
)
"""After these nobody can promise the institution that nothing was recorded: it sends the same
msgid again, or reverses it with 2601."""


def infcode_of(error: SettlementError) -> int:
    """Return -1 where the outcome may be unknown to the institution, else -2."""
    return UNKNOWN if isinstance(error, _UNKNOWN) else REFUSED


Detail: TypeAlias = str | list[dict[str, str]]
"""What is wrong, whole: a sentence in English, or the path and the fault of every field."""


def err_detail_of(error: SettlementError) -> Detail:
    """Return all of what is wrong; err_msg has room for the beginning of it."""
    if isinstance(error, errors.InvalidRequest):
        return [{"path": each.path, "message": each.message} for each in error.faults]
    return error.message


def err_msg_of(error: SettlementError) -> str:
    """Return the reason in brackets, what the operator should know, and the detail.

    >>> err_msg_of(errors.NotFound("no settlement is recorded as 'S1'; check the id"))
    "[NOT_FOUND] 未找到相应的记录，请核对编号。no settlement is recorded as 'S1'; check the id"
    """
    chinese = form_of(error).chinese + error.metadata.get("remedy_zh", "")
    detail = error.message
    if isinstance(error, errors.InvalidRequest):
        detail = "; ".join(str(fault) for fault in error.faults)
    return f"[{error.reason}] {chinese}{detail}"
