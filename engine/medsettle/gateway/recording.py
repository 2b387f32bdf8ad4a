"""From a request to the message that the ledger keeps of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

import orjson

from medsettle.core.messages import Message
from medsettle.engine.messages import Messages
from medsettle.gateway.fields import Field, Kind
from medsettle.gateway.transactions import Asked


def message_of(
    asked: Asked,
    kind: str,
    content: Any,  # noqa: ANN401 - what the definitions read: rows, lists of them, values
    *,
    subject: str,
    person: str = "",
    pooling_area: str = "",
    part: int = 0,
) -> Message:
    """Return the message of a request.

    Args:
        asked: The request.
        kind: The number of the transaction, without a variant.
        content: What it says, as its definition reads it.
        subject: The id of what it is about; empty where the message begins something, which then
            has the id of the message.
        person: Whom it is about, if anybody.
        pooling_area: The insured area of that person.
        part: Which message of the request it is, where one request tells of several subjects.
    """
    message = Message(
        institution=asked.envelope.institution,
        request_id=asked.envelope.msgid + (f".{part}" if part else ""),
        pooling_area=pooling_area,
        person=person,
        kind=kind,
        subject=subject,
        content=recordable(content),
    )
    return message if subject else replace(message, subject=Messages.id_of(message))


def recordable(said: Any) -> Any:  # noqa: ANN401 - as `message_of`
    """Return what was said as JSON has it: dates and moments as ISO text, decimals as text.

    What is not stated is left out, of every row.
    """
    return orjson.loads(orjson.dumps(_stated(said), default=str))


def _stated(said: Any) -> Any:  # noqa: ANN401 - as `message_of`
    if isinstance(said, str | int):
        return said
    if isinstance(said, Mapping):
        return {name: _stated(value) for name, value in said.items() if value is not None}
    if isinstance(said, list):
        # Rows have plain values: most of what is sent is lines.
        return [
            {name: value for name, value in row.items() if value is not None}
            if isinstance(row, dict)
            else row
            for row in said
        ]
    return said


def recalled(fields: Sequence[Field], row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that a recorded row states, days and moments as such again."""
    return {
        field.name: _RECALLED[field.kind](value) if field.kind in _RECALLED else value
        for field in fields
        if (value := row.get(field.name)) is not None
    }


_RECALLED: Final = {Kind.DATE: date.fromisoformat, Kind.MOMENT: datetime.fromisoformat}
