"""Messages of the card service to values of `medsettle.core.cards` and back."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, Final, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date  # type: ignore[import-untyped]

from medsettle.core.cards import Card, CardAction, CardEvent, CardInquiry, CardKind
from medsettle.errors import Fault, InvalidRequest
from medsettle.service import names
from medsettle.v1 import card_service_pb2 as cards

E = TypeVar("E", bound=StrEnum)

COLLECTION: Final = "cards"
_UNNAMED: Final = "missing; it is required"


def checked_event(request: cards.RecordCardEventRequest) -> CardEvent:
    """Return what a request says happened to a card.

    Raises:
        InvalidRequest: The name, an action or a date is none; all such faults together.
    """
    faults: list[Fault] = []
    name = parsed_card(request.name)
    action = _member(CardAction, "action", request.action, cards.CardAction, faults)
    kind = _member(CardKind, "kind", request.kind, cards.CardKind, faults)
    if action is None and not faults:
        faults.append(Fault("action", _UNNAMED))
    expires = _date(request, faults)
    moment = moment_of(request, "effective_time", faults)
    if faults or action is None:
        raise InvalidRequest(faults)
    return CardEvent(
        institution=request.institution,
        request_id=request.request_id,
        pooling_area=name[0],
        card=name[1],
        action=action,
        effective_time=moment,
        in_person=request.in_person,
        person=request.person or None,
        kind=kind,
        expires_date=expires,
        replaces=request.replaces or None,
        bound_to=request.bound_to or None,
    )


def parsed_card(name: str, path: str = "name") -> tuple[str, str]:
    """Return pooling area and token of a card's name.

    Raises:
        InvalidRequest: The text is no such name, or says any area.
    """
    found = names.parsed_name(name, COLLECTION)
    if found.pooling_area is None:
        raise InvalidRequest([Fault(path, "a card belongs to one pooling area; name it")])
    return found.pooling_area, found.resource


def moment_of(message: Any, field: str, faults: list[Fault]) -> datetime | None:  # noqa: ANN401
    """Return a moment of a message; None where it is absent or, with a fault, none."""
    if not message.HasField(field):
        return None
    try:
        moment: datetime = getattr(message, field).ToDatetime(tzinfo=UTC)
    except ValueError:
        faults.append(Fault(field, "a moment outside the calendar"))
        return None
    return moment


def card_message(card: Card) -> cards.Card:
    """Return the message of a card."""
    return cards.Card(
        name=names.card_name(card.pooling_area, card.card),
        pooling_area=card.pooling_area,
        card=card.card,
        person=card.person,
        kind=_number("CARD_KIND", card.kind, cards.CardKind),
        state=_number("CARD_STATE", card.state, cards.CardState),
        state_time=timestamp(card.since),
        bank_active=card.bank_active,
        expires_date=_date_message(card.expires_date),
        lapse_time=timestamp(card.lapse_time),
        resumes_to=_number("CARD_STATE", card.resumes_to, cards.CardState),
        replaces=card.replaces or "",
        bound_to=card.bound_to or "",
        duplicate=card.duplicate,
    )


def event_message(event: CardEvent) -> cards.CardEvent:
    """Return the message of something that happened to a card."""
    return cards.CardEvent(
        action=_number("CARD_ACTION", event.action, cards.CardAction),
        effective_time=timestamp(event.effective_time),
        institution=event.institution,
        request_id=event.request_id,
        in_person=event.in_person,
        state=_number("CARD_STATE", event.state, cards.CardState),
        lapse_time=timestamp(event.lapse_time),
    )


def inquiry_message(answer: CardInquiry) -> cards.CheckCardResponse:
    """Return the message of an answer to an inquiry."""
    return cards.CheckCardResponse(
        valid=answer.valid,
        moment=timestamp(answer.moment),
        card=None if answer.card is None else card_message(answer.card),
        uses=_numbers("CARD_USE", answer.uses, cards.CardUse),
        level=_number("INVALID_LEVEL", answer.level, cards.InvalidLevel),
        invalid_time=timestamp(answer.since),
        reason=answer.reason or "",
        remedy=answer.remedy,
        remedy_zh=answer.remedy_zh,
        **{f"{level}_list_version": number for level, number in answer.list_versions.items()},
    )


def timestamp(moment: datetime | None) -> Timestamp | None:
    """Return the message of a moment; None where there is none."""
    if moment is None:
        return None
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def _numbers(prefix: str, words: Iterable[str], enum: Any) -> list[Any]:  # noqa: ANN401
    return [_number(prefix, word, enum) for word in words]


def _number(prefix: str, word: str | None, enum: Any) -> Any:  # noqa: ANN401 - any generated enum
    """Return the number of a word in an enum of the protos, 0 for none."""
    return enum.Value(f"{prefix}_{word.upper()}") if word is not None else 0


def _member(
    kinds: type[E],
    path: str,
    number: int,
    enum: Any,  # noqa: ANN401
    faults: list[Fault],
) -> E | None:
    """Return what a number of an enum says; None for 0, and with a fault for an unknown one."""
    if number == 0:
        return None
    if number not in enum.values():
        faults.append(Fault(path, f"unknown value {number}; update the server or the client"))
        return None
    prefix = enum.Name(0).removesuffix("UNSPECIFIED")
    return kinds(enum.Name(number).removeprefix(prefix).lower())


def _date(request: cards.RecordCardEventRequest, faults: list[Fault]) -> date | None:
    if not request.HasField("expires_date"):
        return None
    value = request.expires_date
    try:
        return date(value.year, value.month, value.day)
    except ValueError:
        faults.append(Fault("expires_date", "no day of the calendar; state year, month and day"))
        return None


def _date_message(value: date | None) -> Any:  # noqa: ANN401 - google.type comes without types
    return None if value is None else Date(year=value.year, month=value.month, day=value.day)
