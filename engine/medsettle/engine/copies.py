"""Ledger entries that copy what another engine decided, and what they are read back as."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

import orjson

from medsettle import errors
from medsettle.core.counters import CounterKey
from medsettle.core.dates import day_number
from medsettle.core.settlement import Row, Settlement
from medsettle.core.tables import with_all
from medsettle.core.visits import Visit
from medsettle.engine.requests import content_digest
from medsettle.ledger.entries import Entry, EntryKind, Posting, Recorded
from medsettle.ledger.records import decode_postings, encode_event, encode_record, stated_claim

NOTHING: Final[Mapping[str, Recorded]] = MappingProxyType({})


Copied: TypeAlias = Settlement | Visit


class Side(StrEnum):
    """Whose book a copy stands in; what the place of insurance records has no side."""

    CARE = "care"
    HUB = "hub"


def side_of(recorded: Recorded) -> Side | None:
    """Return whose book a settlement or visit stands in, None where it was decided here."""
    record = orjson.loads(recorded.record)
    side = record.get("settlement", record).get("side")
    return None if side is None else Side(side)


def decided_elsewhere(record: str, area: str, what: str) -> errors.DecidedElsewhere:
    """Return the refusal to do alone what takes the engine that decided something.

    Args:
        record: The copy here.
        area: Whose engine decided it.
        what: What was to be done, such as `take it back`.
    """
    return errors.DecidedElsewhere(
        f"{record} is a copy of what the engine of area {area} decided; ask a server of the place "
        f"of care to {what}, which reaches that engine",
        settlement=record,
        pooling_area=area,
    )


def refuse_copy(settlement: Settlement, what: str) -> None:
    """Raise where a settlement is a copy of what another area's engine decided.

    Raises:
        DecidedElsewhere: It is.
    """
    columns = settlement.columns
    if columns.get("side") is not None:
        raise decided_elsewhere(str(columns["settlement"]), str(columns["pooling_area"]), what)


def under_request(record: Settlement | Visit, request_id: str) -> Settlement | Visit:
    """Return what took something back as if it had been asked for under another id."""
    if isinstance(record, Settlement):
        return replace(record, columns=record.columns | {"request_id": request_id})
    parts = tuple(
        replace(part, columns=part.columns | {"request_id": f"{request_id}.{number}"})
        for number, part in enumerate(record.settlements, 1)
    )
    return replace(record, request_id=request_id, settlements=parts)


def copied_entries(
    record: Settlement | Visit,
    side: Side,
    *,
    digest: bytes,
    claim: Row | None = None,
    used: Sequence[tuple[CounterKey, int]] = (),
    originals: Mapping[str, Recorded] = NOTHING,
    as_sent: bytes | None = None,
) -> list[Entry]:
    """Return the entries that copy a settlement, a visit, or what took one back.

    Args:
        record: What the place of insurance recorded.
        side: Whose book this is.
        digest: By which a repeated request is known.
        claim: What the institution sent, at the place of care.
        used: What the claim adds to counters of items that the catalogue here limits.
        originals: The entries here of the settlements that are taken back, by their ids; their
            postings go back with them.
        as_sent: The record as it came, where it has fields that are not known here.
    """
    if isinstance(record, Settlement):
        own = _Own(side, claim, tuple(used), originals, as_sent)
        return [_settlement_entry(record, digest, own)]
    return _visit_entries(record, digest, _Own(side, claim, tuple(used), originals, as_sent))


class _Own(NamedTuple):
    """What a book has of its own beside what it copies; see `copied_entries`."""

    side: Side
    claim: Row | None
    used: tuple[tuple[CounterKey, int], ...]
    originals: Mapping[str, Recorded]
    as_sent: bytes | None = None


def _settlement_entry(record: Settlement, digest: bytes, own: _Own) -> Entry:
    columns = record.columns
    day = columns["service_date"]
    assert isinstance(day, date)
    postings = tuple(Posting(key, delta) for key, delta in own.used)
    original = own.originals.get(str(columns["original"]))
    if original is not None:
        postings = tuple(Posting(each.key, -each.delta) for each in decode_postings(original))
    number = columns["institution_settlement"]
    kind: EntryKind = "settle" if columns["kind"] == "settle" else "cancel"
    return Entry(
        kind=kind,
        settlement=str(columns["settlement"]),
        original=_text(columns["original"]),
        institution=str(columns["institution"]),
        request_id=str(columns["request_id"]),
        institution_settlement=_text(number) if kind == "settle" else None,
        pooling_area=str(columns["pooling_area"]),
        person=str(columns["person"]),
        service_day=day_number(day),
        content_digest=digest,
        record=_with_bytes(
            encode_record(_here(record, own.side), {}, postings, own.claim), own.as_sent
        ),
        postings=postings,
    )


def _visit_entries(visit: Visit, digest: bytes, own: _Own) -> list[Entry]:
    """Return the entry that links the parts, then the parts; what they use is the first one's."""
    first = visit.settlements[0].columns
    day, own_id = first["service_date"], str(visit.visit)
    assert isinstance(day, date)
    kind: EntryKind = "visit" if visit.kind == "visit" else "visit_cancel"
    parts = [str(part.columns["settlement"]) for part in visit.settlements]
    event: Row = {
        "parts": parts,
        "routes": [asdict(route) for route in visit.routes],
        "registrations": [],
        "routing_digest": "",
        "claim": None if own.claim is None else stated_claim(own.claim),
        "side": own.side,
    }
    if kind == "visit_cancel":
        event["reversed_request"] = visit.reversed_request
    number = None if own.claim is None else own.claim["institution_settlement"]
    whole = Entry(
        kind=kind,
        settlement=own_id,
        original=visit.original,
        institution=visit.institution,
        request_id=visit.request_id,
        institution_settlement=_text(number),
        pooling_area=visit.pooling_area,
        person=visit.person,
        service_day=day_number(day),
        content_digest=digest,
        record=_with_bytes(encode_event(event), own.as_sent),
    )
    entries = [
        _settlement_entry(
            part,
            content_digest("visit_part", {"settlement": own_id, "part": at}),
            own._replace(claim=None, used=own.used if at == 0 else (), as_sent=None),
        )
        for at, part in enumerate(visit.settlements)
    ]
    return [whole, *entries]


def _with_bytes(record: bytes, as_sent: bytes | None) -> bytes:
    """Return a record that keeps the message it came as, where more stands there than is known."""
    if as_sent is None:
        return record
    return orjson.dumps(orjson.loads(record) | {"as_sent": b64encode(as_sent).decode()})


def _here(record: Settlement, side: Side) -> Settlement:
    """Return a settlement without its place in the book that it comes from."""
    nowhere: Row = {"seq": None}
    return replace(
        record,
        columns=record.columns | nowhere | {"create_time": None, "side": side},
        payers=with_all(record.payers, nowhere),
        lines=with_all(record.lines, nowhere),
        relatives=tuple(row | nowhere for row in record.relatives),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def taking_back_digest(record: Copied, original: str) -> bytes:
    """Return the digest of the request that takes a settlement or visit back, as it is sent."""
    reversed_request = reversed_request_of(record)
    if reversed_request is not None:
        return content_digest("reversal", {"original_request_id": reversed_request})
    if isinstance(record, Visit):
        return content_digest("visit_cancel", {"visit": original})
    return content_digest("cancel", {"settlement": original})


def reversed_request_of(record: Copied) -> str | None:
    """Return the request id that a record reverses; None where it reverses none."""
    if isinstance(record, Visit):
        return record.reversed_request
    found = record.columns["reversed_request"]
    return None if found is None else str(found)


def own_id_of(record: Copied) -> str:
    """Return the id of a settlement or a visit."""
    found = record.visit if isinstance(record, Visit) else record.columns["settlement"]
    return str(found)


def original_of(record: Copied) -> str | None:
    """Return the id of what a record takes back; None where it takes nothing back."""
    found = record.original if isinstance(record, Visit) else record.columns["original"]
    return None if found is None else str(found)


def request_of(record: Copied) -> tuple[str, str]:
    """Return (institution, request id) of the request that made a record."""
    if isinstance(record, Visit):
        return record.institution, record.request_id
    return str(record.columns["institution"]), str(record.columns["request_id"])


def holder_of(record: Copied) -> tuple[str, str]:
    """Return (pooling area, person) of a settlement or a visit."""
    if isinstance(record, Visit):
        return record.pooling_area, record.person
    return str(record.columns["pooling_area"]), str(record.columns["person"])
