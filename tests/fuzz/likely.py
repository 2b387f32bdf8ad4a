"""Requests that are well formed: of few persons, cards and ids, so that they meet one another."""

import random
from datetime import date, timedelta
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from medsettle.client.claims import claim_message
from medsettle.engine.requests import settlement_id
from medsettle.v1 import card_service_pb2 as cards
from medsettle.v1 import settlement_service_pb2 as settlements

from tests.fuzz.streams import stream_of_claims
from tests.service.claims import AREA, INSTITUTION, claim

_NUMBERS: Final = range(1, 13)
_PARENT: Final = f"poolingAreas/{AREA}"
_FIRST: Final = date(2024, 4, 1)
# By the service in whose messages a name stands; all others are about persons.
_COLLECTIONS: Final = {
    "settlement_service": "settlements",
    "visit_service": "visits",
    "card_service": "cards",
    "policy_service": "policies",
}
_CODES: Final = {
    "institution": [INSTITUTION],
    "pooling_area": [AREA],
    "insurance_type": ["310"],
    "person_type": ["1101"],
    "institution_level": ["01", "02", "09"],
    "kind": ["recognition", "pregnancy"],
    "counter": ["310.fund_paid", "310.deductible_met"],
}


def likely_value(draw: random.Random, field: FieldDescriptor) -> Any:  # noqa: ANN401 - of the field
    """Return a value of a field that a caller may well have meant, None for none."""
    name = field.name
    if name == "page_token":
        return None
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        if name in _CODES:
            return draw.choice(_CODES[name])
        if field.type == FieldDescriptor.TYPE_BYTES:
            return stream_of_claims([_claim(draw) for _ in range(3)])
        return _text(draw, field)
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        kinds: Any = field.enum_type
        return draw.choice([each.number for each in kinds.values if each.number])
    return {"year": 2024, "period": 2024, "nanos": 0}.get(name, draw.randint(1, 12))


def fill_likely(draw: random.Random, message: Message) -> bool:
    """Fill a claim, a date or a moment; return whether the message is one."""
    if isinstance(message, settlements.Claim):
        message.CopyFrom(claim_message(_claim(draw)))
        return True
    name = message.DESCRIPTOR.full_name
    if name == "google.protobuf.Timestamp":
        message.FromJsonString(f"2024-04-{draw.randint(1, 30):02}T12:00:00Z")  # type: ignore[attr-defined]
    return name == "google.protobuf.Timestamp"


def settle_on(message: Message) -> None:
    """Leave out of the event of a card what only its issue states, and of an issue the rest."""
    if isinstance(message, cards.RecordCardEventRequest):
        issued = message.action == cards.CARD_ACTION_ISSUE
        others = ("person", "kind", "expires_date") if not issued else ()
        for name in (*others, "replaces", "bound_to"):
            message.ClearField(name)


def _claim(draw: random.Random) -> dict[str, Any]:
    """Return one of few claims; one in four is refused, for no policy is about its level."""
    number = draw.choice(_NUMBERS)
    days: dict[str, Any] = {
        name: _FIRST + timedelta(30) for name in ("admission_date", "service_date")
    }
    level = draw.choice(["01", "02", "02", "09"])
    return claim(number, person=f"P{number % 4}", institution_level=level, **days)


def _text(draw: random.Random, field: FieldDescriptor) -> str | None:
    name, number = field.name, draw.choice(_NUMBERS)
    if name in {"request_id", "original_request_id"}:
        # The second is of no claim; both may be asked for again.
        return draw.choice([f"R{number}", f"X{number}"])
    of: Any = field.containing_type
    file = of.file.name.rpartition("/")[2].removesuffix(".proto")
    if name in {"giver", "receiver", "person"}:
        whole = file in {"mutual_aid_service", "enquiry_service"}
        return f"{_PARENT}/persons/P{number % 4}" if whole else f"P{number % 4}"
    if name == "parent" and file in {"settlement_service", "policy_service"}:
        return _PARENT
    if name in {"name", "parent"}:
        return f"{_PARENT}/{_of(_COLLECTIONS.get(file, 'persons'), number)}"
    return f"N{number}" if name == "number" else None


def _of(collection: str, number: int) -> str:
    own = {
        "persons": f"P{number % 4}",
        "cards": f"C{number % 4}",
        "policies": "example-outpatient",
    }.get(collection, settlement_id(AREA, INSTITUTION, f"R{number}"))
    return f"{collection}/{own}"
