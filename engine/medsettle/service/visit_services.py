"""The servicers of visits, and of the registrations that visits are routed by."""

from medsettle.core.claims import ClaimBatch
from medsettle.core.visits import Visit
from medsettle.engine.reading import no_visit
from medsettle.errors import Fault, InvalidRequest, NotFound
from medsettle.service import names, paging, wire
from medsettle.service.calls import Context, answered, deadline_of, stated_claim
from medsettle.service.desk import Desk
from medsettle.service.names import Name
from medsettle.service.sight import check_seen, check_taken_back, tried_claim
from medsettle.v1 import registration_service_pb2 as registrations
from medsettle.v1 import registration_service_pb2_grpc as registrations_grpc
from medsettle.v1 import settlement_service_pb2 as settlements
from medsettle.v1 import visit_service_pb2 as visits
from medsettle.v1 import visit_service_pb2_grpc as visits_grpc


class VisitService(visits_grpc.VisitServiceServicer):
    """Previews, settles, cancels and finds visits."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @answered
    async def PreviewVisit(
        self, request: visits.PreviewVisitRequest, context: Context
    ) -> visits.PreviewVisitResponse:
        """Return the settlements of one visit, unrecorded."""
        claim = tried_claim(stated_claim(request, request.claim))
        away = self._desk.elsewhere(claim)
        if away is not None:
            visit = await away.preview_visit(claim, deadline_of(context))
        else:
            visit = self._desk.engine.visits.preview(_batch(claim))
        return visits.PreviewVisitResponse(visit=wire.visit_message(visit))

    @answered
    async def CreateVisit(
        self, request: visits.CreateVisitRequest, context: Context
    ) -> visits.Visit:
        """Return the recorded visit."""
        claim = stated_claim(request, request.claim)
        away = self._desk.elsewhere(claim)
        if away is not None:
            return wire.visit_message(await away.settle_visit(claim, deadline_of(context)))
        self._desk.refuse_open(claim.institution, claim.request_id)
        batch = _batch(claim)
        visit = self._desk.write(lambda: self._desk.engine.visits.settle(batch))
        return wire.visit_message(visit)

    @answered
    async def CancelVisit(
        self, request: visits.CancelVisitRequest, context: Context
    ) -> visits.Visit:
        """Return the new visit that takes one back."""
        cancel = names.checked_cancel(request, "visits")
        sent, away = (cancel.institution, cancel.request_id), self._desk.away
        check_taken_back(self._desk, cancel.name.resource, no_visit)
        copy = away.copy_of(cancel.name.resource, cancel.institution) if away else None
        if away is not None and copy is not None and copy.kind == "visit":
            taken_back = await away.cancel(copy, *sent, deadline_of(context))
            assert isinstance(taken_back, Visit)
            return wire.visit_message(taken_back)
        self._desk.refuse_open(*sent)
        self._desk.refuse_foreign(cancel.name.resource, cancel.institution)
        visit = self._desk.write(
            lambda: self._desk.engine.visits.cancel(*sent, cancel.name.resource)
        )
        return wire.visit_message(visit)

    @answered
    async def GetVisit(self, request: visits.GetVisitRequest, context: Context) -> visits.Visit:
        """Return one recorded visit."""
        return wire.visit_message(self._found(names.parsed_name(request.name, "visits")))

    def _found(self, name: Name) -> Visit:
        """Return a visit of the pooling area named."""
        check_seen(self._desk, name.resource, no_visit)
        visit = self._desk.engine.visits.get(name.resource)
        if name.pooling_area not in {None, visit.pooling_area}:
            raise NotFound(
                f"No visit {name.resource} is recorded in pooling area {name.pooling_area}. "
                "Check the name, or ask with - for any pooling area.",
                visit=name.resource,
                pooling_area=name.pooling_area or names.ANY,
            )
        return visit


class RegistrationService(registrations_grpc.RegistrationServiceServicer):
    """Records registrations of persons, and tells which are held."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @answered
    async def CreateRegistration(
        self, request: registrations.CreateRegistrationRequest, context: Context
    ) -> registrations.Registration:
        """Return the recorded registration."""
        if not request.HasField("registration"):
            raise InvalidRequest([Fault("registration", "missing; it is required")])
        asked = names.checked_registration(request, wire.registration_row(request.registration))
        state = self._desk.write(lambda: self._desk.engine.registrations.record(asked))
        return wire.registration_message(state)

    @answered
    async def ListRegistrations(
        self, request: registrations.ListRegistrationsRequest, context: Context
    ) -> registrations.ListRegistrationsResponse:
        """Return a page in ledger order."""
        area, holder = names.parsed_holder(request.parent)
        limit = paging.page_size(request.page_size)
        arguments = ("registrations", request.parent)
        after = self._desk.pages.position(request.page_token, *arguments)
        # By place and not by number: what is recorded between two pages moves to the end.
        left = sorted(
            (
                each
                for each in self._desk.engine.registrations.held(area, holder)
                if each.seq > after
            ),
            key=lambda each: each.seq,
        )
        page = left[:limit]
        return registrations.ListRegistrationsResponse(
            registrations=map(wire.registration_message, page),
            next_page_token=(
                self._desk.pages.token(page[-1].seq, *arguments) if len(page) < len(left) else ""
            ),
        )


def _batch(claim: settlements.Claim) -> ClaimBatch:
    return wire.batch_of([claim])
