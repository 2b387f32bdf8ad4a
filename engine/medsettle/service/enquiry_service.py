"""The servicer of what cardholders ask: nothing is recorded here."""

from collections.abc import Callable

from medsettle.core.enquiries import facts_of
from medsettle.core.relatives import Person, Relation
from medsettle.core.statements import Movement
from medsettle.service import names, paging, wire
from medsettle.service.calls import Context, answered
from medsettle.service.desk import Desk
from medsettle.service.enquiry_wire import movement_message, overview_message
from medsettle.service.mutual_aid import checked_sides
from medsettle.v1 import enquiry_service_pb2 as enquiries
from medsettle.v1 import enquiry_service_pb2_grpc as enquiries_grpc


class EnquiryService(enquiries_grpc.EnquiryServiceServicer):
    """Tells what is held of persons, what is left to them, and how their money moved."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @answered
    async def GetOverview(
        self, request: enquiries.GetOverviewRequest, context: Context
    ) -> enquiries.Overview:
        """Return what is held of a person now."""
        person = Person(*names.parsed_person(request.name, "name"))
        facts = facts_of(wire.facts_row(request.facts))
        return overview_message(self._desk.engine.enquiries.overview(person, facts))

    @answered
    async def ListAccountMovements(
        self, request: enquiries.ListAccountMovementsRequest, context: Context
    ) -> enquiries.ListAccountMovementsResponse:
        """Return a page of an account's movements in ledger order."""
        person = Person(*names.parsed_person(request.parent))
        page, token = self._page(
            lambda after, limit: self._desk.engine.statements.account(
                person, after_seq=after, limit=limit
            ),
            request,
            ("account_movements", request.parent),
        )
        return enquiries.ListAccountMovementsResponse(movements=page, next_page_token=token)

    @answered
    async def ListLimitUses(
        self, request: enquiries.ListLimitUsesRequest, context: Context
    ) -> enquiries.ListLimitUsesResponse:
        """Return a page of the uses of a limit in ledger order."""
        giver, receiver = checked_sides(request)
        relation = Relation(giver, receiver, request.number)
        page, token = self._page(
            lambda after, limit: self._desk.engine.statements.limit_uses(
                relation, after_seq=after, limit=limit
            ),
            request,
            ("limit_uses", request.receiver, request.giver, str(request.number)),
        )
        return enquiries.ListLimitUsesResponse(movements=page, next_page_token=token)

    def _page(
        self,
        read: Callable[[int, int], list[Movement]],
        request: enquiries.ListAccountMovementsRequest | enquiries.ListLimitUsesRequest,
        arguments: tuple[str, ...],
    ) -> tuple[list[enquiries.Movement], str]:
        """Return a page of movements, and the token of the next one or nothing."""
        limit = paging.page_size(request.page_size)
        after = self._desk.pages.position(request.page_token, *arguments)
        found = read(after, limit)
        # A full page may be the last one; what comes after it is recorded later or not at all.
        token = self._desk.pages.token(found[-1].seq, *arguments) if len(found) == limit else ""
        return [movement_message(each) for each in found], token
