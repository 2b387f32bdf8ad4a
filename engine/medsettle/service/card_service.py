"""The servicer of cards."""

from medsettle.errors import Fault, InvalidRequest
from medsettle.service import card_wire as wire
from medsettle.service import paging
from medsettle.service.calls import Context, answered
from medsettle.service.desk import Desk
from medsettle.v1 import card_service_pb2 as cards
from medsettle.v1 import card_service_pb2_grpc as cards_grpc


class CardService(cards_grpc.CardServiceServicer):
    """Records what happens to cards, and answers what they are."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @answered
    async def RecordCardEvent(
        self, request: cards.RecordCardEventRequest, context: Context
    ) -> cards.Card:
        """Return the card after recording what happened to it."""
        event = wire.checked_event(request)
        return wire.card_message(self._desk.write(lambda: self._desk.engine.cards.record(event)))

    @answered
    async def GetCard(self, request: cards.GetCardRequest, context: Context) -> cards.Card:
        """Return a card as it is now."""
        area, token = wire.parsed_card(request.name)
        return wire.card_message(self._desk.engine.cards.get(area, token))

    @answered
    async def ListCardEvents(
        self, request: cards.ListCardEventsRequest, context: Context
    ) -> cards.ListCardEventsResponse:
        """Return a page of events in the order of the ledger."""
        area, token = wire.parsed_card(request.parent, "parent")
        limit = paging.page_size(request.page_size)
        arguments = ("card_events", request.parent)
        first = self._desk.pages.position(request.page_token, *arguments)
        self._desk.engine.cards.get(area, token)
        events = self._desk.engine.cards.events(area, token)
        end = first + limit
        return cards.ListCardEventsResponse(
            card_events=[wire.event_message(each) for each in events[first:end]],
            next_page_token=self._desk.pages.token(end, *arguments) if end < len(events) else "",
        )

    @answered
    async def CheckCard(
        self, request: cards.CheckCardRequest, context: Context
    ) -> cards.CheckCardResponse:
        """Return whether a card is valid at a moment."""
        area, token = wire.parsed_card(request.name)
        faults: list[Fault] = []
        moment = wire.moment_of(request, "moment", faults)
        if faults:
            raise InvalidRequest(faults)
        return wire.inquiry_message(self._desk.engine.cards.check(area, token, moment))
