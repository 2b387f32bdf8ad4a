"""The ledger entry of a visit, and the visit of a ledger entry."""

from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta

from medsettle.core.dates import day_number
from medsettle.core.settlement import Row, Settlement
from medsettle.core.visits import Registration, Route, RoutedBy, Visit
from medsettle.engine.request_log import Asked
from medsettle.engine.requests import from_record, request_key, settlement_id
from medsettle.ledger.entries import Entry, LedgerReader, Recorded
from medsettle.ledger.records import decode_event, encode_event, is_reversal, stated_claim

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def visit_entry(
    claim: Row,
    digest: bytes,
    parts: tuple[str, ...],
    routes: tuple[Route, ...],
    registrations: tuple[Registration, ...],
    routing_digest: str,
) -> Entry:
    """Return the entry that links the parts of a visit, with all that routed it."""
    institution, request_id = request_key(claim)
    area, number, day = (
        str(claim["pooling_area"]),
        claim["institution_settlement"],
        claim["service_date"],
    )
    assert isinstance(day, date)
    record: Row = {
        "parts": parts,
        "routes": [asdict(route) for route in routes],
        "registrations": [each.row() for each in registrations],
        "routing_digest": routing_digest,
        "claim": stated_claim(claim),
    }
    return Entry(
        kind="visit",
        settlement=settlement_id(area, institution, request_id),
        original=None,
        institution=institution,
        request_id=request_id,
        institution_settlement=None if number is None else str(number),
        pooling_area=area,
        person=str(claim["person"]),
        service_day=day_number(day),
        content_digest=digest,
        record=encode_event(record),
    )


def visit_cancel_entry(
    original: Recorded, asked: Asked, parts: tuple[str, ...], reversed_request: str | None
) -> Entry:
    """Return the entry that links the cancels of a visit's parts."""
    own: Row = {"parts": parts, "reversed_request": reversed_request}
    return Entry(
        kind="visit_cancel",
        settlement=settlement_id(original.pooling_area, original.institution, asked.request_id),
        original=original.settlement,
        institution=original.institution,
        request_id=asked.request_id,
        institution_settlement=None,
        pooling_area=original.pooling_area,
        person=original.person,
        service_day=original.service_day,
        content_digest=asked.digest,
        record=encode_event(decode_event(original) | own),
    )


def part_ids(recorded: Recorded) -> list[str]:
    """Return the ids of the parts that an entry links, in the order of the schemes."""
    ids: list[str] = decode_event(recorded)["parts"]  # type: ignore[assignment]
    return ids


def visit_of(entry: Entry | Recorded, parts: tuple[Settlement, ...]) -> Visit:
    """Return the visit of an entry; one that is not recorded has neither place nor time."""
    event = decode_event(entry)
    routes: list[Row] = event["routes"]  # type: ignore[assignment]
    reversed_request = event.get("reversed_request")
    visit = Visit(
        visit=entry.settlement,
        kind=entry.kind,
        original=entry.original,
        pooling_area=entry.pooling_area,
        institution=entry.institution,
        request_id=entry.request_id,
        person=entry.person,
        seq=None,
        create_time=None,
        settlements=parts,
        routes=tuple(
            Route(**(row | {"by": RoutedBy(str(row["by"]))}))  # type: ignore[arg-type]
            for row in routes
        ),
        reversed_request=None if reversed_request is None else str(reversed_request),
    )
    if isinstance(entry, Entry):
        return visit
    moment = _EPOCH + timedelta(microseconds=entry.create_time_us)
    return replace(visit, seq=entry.seq, create_time=moment)


def recorded_visit(ledger: LedgerReader, recorded: Recorded, *, duplicate: bool = False) -> Visit:
    """Return the visit of an entry with its parts, with a notice where it was taken back since."""
    ids = part_ids(recorded)
    parts = [ledger.settlement(each) for each in ids]
    found = tuple(from_record(ledger, each) for each in parts if each is not None)
    assert len(found) == len(ids), "a visit is recorded with its parts"
    visit = replace(visit_of(recorded, found), duplicate=duplicate)
    cancel = ledger.cancel_of(recorded.settlement) if recorded.kind == "visit" else None
    if cancel is None:
        return visit
    how = "reversed" if is_reversal(cancel) else "cancelled"
    notice = f"{how} since by {cancel.settlement}: nothing of this visit is owed"
    return replace(visit, notices=(notice,))
