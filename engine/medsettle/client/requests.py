"""What became of requests, as a server says it."""

from datetime import UTC
from typing import Final

from medsettle.core.request_states import Refusal, RequestState, RequestStatus, Reversal
from medsettle.v1 import request_service_pb2 as messages

_STATUSES: Final = {
    messages.RequestStatus.Value(f"REQUEST_STATUS_{status.name}"): status
    for status in RequestStatus
}


def request_state_of(message: messages.RequestState) -> RequestState:
    """Return what became of a request."""
    recorded = message.HasField("create_time")
    refused = message.refusal if message.HasField("refusal") else None
    return RequestState(
        institution=message.institution,
        request_id=message.request_id,
        status=_STATUSES[message.status],
        kind=message.kind,
        entry=message.entry,
        taken_back_by=message.taken_back_by,
        pooling_area=message.pooling_area,
        seq=message.seq or None,
        create_time=message.create_time.ToDatetime(tzinfo=UTC) if recorded else None,
        being_resolved=message.being_resolved,
        refusal=refused and Refusal(refused.reason, refused.message, dict(refused.metadata)),
    )


def reversal_of(message: messages.ReverseRequestResponse) -> Reversal:
    """Return what a reversal made of its original."""
    return Reversal(request_state_of(message.original), duplicate=message.duplicate)
