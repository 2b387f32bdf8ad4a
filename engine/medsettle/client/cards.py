"""The cards of a server: the same methods as at an embedded engine."""

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date  # type: ignore[import-untyped]

from medsettle import limits
from medsettle.core.cards import (
    Card,
    CardAction,
    CardEvent,
    CardInquiry,
    CardKind,
    CardState,
    CardUse,
    ListLevel,
)
from medsettle.errors import Fault, InvalidRequest
from medsettle.v1 import card_service_pb2 as messages
from medsettle.v1 import card_service_pb2_grpc as services

Request = TypeVar("Request")
Response = TypeVar("Response")
E = TypeVar("E", bound=StrEnum)


class Call(Protocol):
    """Sends a request until it is answered; see `Client`."""

    def __call__(
        self, method: "grpc.UnaryUnaryMultiCallable[Request, Response]", request: Request, /
    ) -> Response:
        """Return the answer."""
        ...


class Cards:
    """Records what happens to cards and tells what they are; errors are those of `Client`."""

    def __init__(self, stub: "services.CardServiceStub", read: Call, write: Call) -> None:
        self._stub = stub
        self._read = read
        self._write = write

    def record(self, event: CardEvent) -> Card:
        """Return a card as it is now, after recording what happened to it once per request id.

        `duplicate` of the answer says that the same request had been recorded before.
        `state` and `lapse_time` of an event are worked out by the server; leave them out.
        """
        request = messages.RecordCardEventRequest(
            name=_name(event.pooling_area, event.card),
            institution=event.institution,
            request_id=event.request_id,
            action=_number("CARD_ACTION", event.action, messages.CardAction),
            effective_time=_timestamp(event.effective_time, "effective_time"),
            in_person=event.in_person,
            person=event.person or "",
            kind=_number("CARD_KIND", event.kind, messages.CardKind),
            expires_date=_date_message(event.expires_date),
            replaces=event.replaces or "",
            bound_to=event.bound_to or "",
        )
        return card_of(self._write(self._stub.RecordCardEvent, request))

    def get(self, pooling_area: str, card: str) -> Card:
        """Return a card as it is now."""
        request = messages.GetCardRequest(name=_name(pooling_area, card))
        return card_of(self._read(self._stub.GetCard, request))

    def events(self, pooling_area: str, card: str) -> list[CardEvent]:
        """Return what happened to a card; what an issue states is told by the card itself."""
        parent, found = _name(pooling_area, card), []
        request = messages.ListCardEventsRequest(parent=parent, page_size=limits.PAGE_SIZE_MAX)
        while True:
            page = self._read(self._stub.ListCardEvents, request)
            found += [_event(pooling_area, card, each) for each in page.card_events]
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    def check(self, pooling_area: str, card: str, moment: datetime | None = None) -> CardInquiry:
        """Return whether a card is valid at a moment, now by default."""
        request = messages.CheckCardRequest(
            name=_name(pooling_area, card), moment=_timestamp(moment, "moment")
        )
        answer = self._read(self._stub.CheckCard, request)
        uses = (_member(CardUse, each, messages.CardUse) for each in answer.uses)
        level = messages.InvalidLevel.Name(answer.level).removeprefix("INVALID_LEVEL_").lower()
        moment_asked = _moment(answer, "moment")
        assert moment_asked is not None, "an answer has its moment"
        return CardInquiry(
            valid=answer.valid,
            moment=moment_asked,
            card=card_of(answer.card) if answer.HasField("card") else None,
            uses=tuple(use for use in uses if use is not None),
            level=level if answer.level else None,
            since=_moment(answer, "invalid_time"),
            reason=answer.reason or None,
            remedy=answer.remedy,
            remedy_zh=answer.remedy_zh,
            list_versions={
                each: getattr(answer, f"{each}_list_version")
                for each in ListLevel
                if answer.HasField(_VERSION_FIELDS[each])
            },
        )


_VERSION_FIELDS: Final[dict[ListLevel, Any]] = {
    level: f"{level}_list_version" for level in ListLevel
}


def _name(pooling_area: str, card: str) -> str:
    return f"poolingAreas/{pooling_area}/cards/{card}"


def card_of(message: messages.Card) -> Card:
    """Return a card at a moment."""
    kind = _member(CardKind, message.kind, messages.CardKind)
    state = _member(CardState, message.state, messages.CardState)
    since = _moment(message, "state_time")
    assert kind is not None
    assert state is not None
    assert since is not None
    return Card(
        pooling_area=message.pooling_area,
        card=message.card,
        person=message.person,
        kind=kind,
        state=state,
        since=since,
        bank_active=message.bank_active,
        expires_date=_date(message.expires_date) if message.HasField("expires_date") else None,
        lapse_time=_moment(message, "lapse_time"),
        resumes_to=_member(CardState, message.resumes_to, messages.CardState),
        replaces=message.replaces or None,
        bound_to=message.bound_to or None,
        duplicate=message.duplicate,
    )


def _event(pooling_area: str, card: str, message: messages.CardEvent) -> CardEvent:
    action = _member(CardAction, message.action, messages.CardAction)
    assert action is not None
    return CardEvent(
        institution=message.institution,
        request_id=message.request_id,
        pooling_area=pooling_area,
        card=card,
        action=action,
        effective_time=_moment(message, "effective_time"),
        in_person=message.in_person,
        state=_member(CardState, message.state, messages.CardState),
        lapse_time=_moment(message, "lapse_time"),
    )


def _number(prefix: str, word: str | None, enum: Any) -> Any:  # noqa: ANN401 - any generated enum
    return enum.Value(f"{prefix}_{word.upper()}") if word is not None else 0


def _member(kinds: type[E], number: int, enum: Any) -> E | None:  # noqa: ANN401
    if number == 0:
        return None
    prefix = enum.Name(0).removesuffix("UNSPECIFIED")
    return kinds(enum.Name(number).removeprefix(prefix).lower())


def _moment(message: Any, field: str) -> datetime | None:  # noqa: ANN401
    if not message.HasField(field):
        return None
    moment: datetime = getattr(message, field).ToDatetime(tzinfo=UTC)
    return moment


def _timestamp(moment: datetime | None, path: str) -> Timestamp | None:
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise InvalidRequest([Fault(path, "a moment without a time zone; attach one")])
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def _date(message: Any) -> date:  # noqa: ANN401 - google.type comes without types
    return date(message.year, message.month, message.day)


def _date_message(value: date | None) -> Any:  # noqa: ANN401
    return None if value is None else Date(year=value.year, month=value.month, day=value.day)
