"""The servicer of requests: what became of one, and its reversal."""

from dataclasses import replace
from typing import Final

from medsettle.core.request_states import RequestState, RequestStatus
from medsettle.service import wire
from medsettle.service.calls import Context, answered, deadline_of
from medsettle.service.desk import Desk
from medsettle.service.sight import check_reversible, own_state
from medsettle.v1 import request_service_pb2 as requests
from medsettle.v1 import request_service_pb2_grpc as requests_grpc

_STATUSES: Final = {
    status: requests.RequestStatus.Value(f"REQUEST_STATUS_{status.name}")
    for status in RequestStatus
}


class RequestService(requests_grpc.RequestServiceServicer):
    """Finds requests and reverses them by their ids."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @answered
    async def ReverseRequest(
        self, request: requests.ReverseRequestRequest, context: Context
    ) -> requests.ReverseRequestResponse:
        """Return what the original is after its reversal."""
        sent = request.institution, request.original_request_id, request.request_id
        check_reversible(self._desk, request.institution, request.original_request_id)
        reversal = None
        if self._desk.away is not None:
            reversal = await self._desk.away.reverse(*sent, deadline_of(context))
        if reversal is None:
            self._desk.refuse_open(request.institution, request.request_id)
            if self._desk.away is not None:
                self._desk.away.refuse_foreign_request(*sent[:2])
            reversal = self._desk.write(lambda: self._desk.engine.reverse(*sent))
        return requests.ReverseRequestResponse(
            original=state_message(reversal.original), duplicate=reversal.duplicate
        )

    @answered
    async def FindRequest(
        self, request: requests.FindRequestRequest, context: Context
    ) -> requests.RequestState:
        """Return what became of a request."""
        asked = self._desk.engine.find_request(request.institution, request.request_id)
        found = own_state(asked)
        away = self._desk.away
        if away is not None and found.status is RequestStatus.UNKNOWN:
            resolving = away.resolving(request.institution, request.request_id)
            found = replace(found, being_resolved=resolving)
        return state_message(found)


def state_message(state: RequestState) -> requests.RequestState:
    """Return the message of what became of a request."""
    refusal = state.refusal
    return requests.RequestState(
        institution=state.institution,
        request_id=state.request_id,
        status=_STATUSES[state.status],
        kind=state.kind,
        entry=state.entry,
        taken_back_by=state.taken_back_by,
        pooling_area=state.pooling_area,
        seq=state.seq or 0,
        create_time=wire.moment_message(state.create_time) if state.create_time else None,
        refusal=None
        if refusal is None
        else requests.Refusal(
            reason=refusal.reason, message=refusal.message, metadata=refusal.metadata
        ),
        advice=state.advice,
        being_resolved=state.being_resolved,
    )
