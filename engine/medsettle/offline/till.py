"""Sealing claims at a till, and reading back what is there, each record with what is wrong."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from medsettle import limits
from medsettle.core.claims import ClaimBatch
from medsettle.core.money import plain_yuan
from medsettle.core.schema import OFFLINE_TIME
from medsettle.core.settlement import Row
from medsettle.errors import Fault, InvalidRequest, RequestIdReused
from medsettle.offline.records import (
    FIRST,
    Content,
    Header,
    SealedRecord,
    Tampered,
    content_of,
    header_of,
    receipt_of,
    sealed_record,
)
from medsettle.offline.store import Kept, TillStore
from medsettle.privacy.sealed import SealingKey

_NONE_SIGNED: Final = (
    "no record here is signed by this key: see first whether it is the one of this institution"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Whose records are made: the institution and its till."""

    institution: str
    till: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the patient is given: the words that name the record, the bill and the cash taken."""

    seq: int
    receipt: str
    request_id: str
    total_fen: int
    paid_fen: int
    again: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A record as it was read back.

    `seq` is the number that was signed, or the one it stands at where nothing signed is left.
    `wrong` says what is wrong with it, empty for nothing, and `moved` where it stands instead of at
    its number; `content` is None where it cannot be trusted.
    """

    seq: int
    request_id: str
    digest: str = ""
    header: Header | None = None
    content: Content | None = None
    wrong: str = ""
    moved: str = ""


def record_claim(
    store: TillStore,
    place: Place,
    claim: Row,
    paid_fen: int | None,
    keys: tuple[Ed25519PrivateKey, SealingKey],
    clock: Callable[[], datetime],
) -> Receipt:
    """Seal a claim, durably, and return the patient's receipt; the same claim again, the same one.

    Args:
        store: Of this till.
        place: Whose claim it is.
        claim: Keyed by `schema.CLAIM`, without `offline_time`, which is now.
        paid_fen: Cash taken of the patient; None where it was the whole bill.
        keys: The institution's signing key, and the key that seals.
        clock: Returns the present moment, with a zone.

    Raises:
        InvalidRequest: All faults of the claim, as an engine would tell them.
        RequestIdReused: The id was used at this till for another claim.
        StoreUnavailable: Nothing was recorded.
    """
    moment = clock()
    whole = {**claim, OFFLINE_TIME.name: moment} if isinstance(claim, dict) else claim
    batch = ClaimBatch.from_rows([whole])
    if 0 in batch.rejections:
        raise batch.rejections[0].error()
    row, total = batch.rows[0], int(batch.amount_fen.sum())
    paid = total if paid_fen is None else paid_fen
    _check(claim, row, place, paid, total)
    request_id = str(row["request_id"])
    with store.writing() as page:
        known, last = page.of_request(request_id), page.last()
        if known is not None:
            return _known(known, row, paid, total, keys)
        seq = page.next_number()
        if seq > limits.OFFLINE_RECORDS_MAX:
            most = limits.OFFLINE_RECORDS_MAX
            text = f"the store has {most} records, as many as it may; settle them, and begin a new"
            raise InvalidRequest([Fault("store", f"{text} file")])
        previous = FIRST if last is None else last.record.digest
        header = Header(place.institution, place.till, seq, moment, previous)
        record = sealed_record(header, Content(row, paid), *keys)
        _check_size(record)
        page.add(Kept(seq, request_id, record))
    return Receipt(seq, receipt_of(seq, record.digest), request_id, total, paid)


def _check(claim: Row, row: Row, place: Place, paid: int, total: int) -> None:
    faults = []
    if claim.get(OFFLINE_TIME.name) is not None:
        faults.append(Fault(OFFLINE_TIME.name, "stated, but the till says when; leave it out"))
    if row["institution"] != place.institution:
        text = f"{row['institution']} is not {place.institution}, whose till this is"
        faults.append(Fault("institution", text))
    if not 0 <= paid <= total:
        text = f"{plain_yuan(paid)} yuan; expected 0 to the bill of {plain_yuan(total)}"
        faults.append(Fault("paid", text))
    if faults:
        raise InvalidRequest(faults)


def _check_size(record: SealedRecord) -> None:
    size, most = len(record.sealed), limits.OFFLINE_RECORD_BYTES_MAX
    if size > most:
        text = f"{size} bytes sealed, more than {most}; split the claim"
        raise InvalidRequest([Fault("lines", text)])


def _known(
    kept: Kept, row: Row, paid: int, total: int, keys: tuple[Ed25519PrivateKey, SealingKey]
) -> Receipt:
    try:
        header = header_of(kept.record, keys[0].public_key())
        before = content_of(kept.record, header, keys[1])
    except Tampered as error:
        text = f"request id {kept.request_id!r} names record {kept.seq}, but {error}"
        raise RequestIdReused(text, request_id=kept.request_id) from error
    if (_stated(before.claim), before.paid_fen) != (_stated(row), paid):
        raise RequestIdReused(
            f"request id {kept.request_id!r} was used at this till for another claim, record "
            f"{kept.seq}; a new claim needs a new id",
            request_id=kept.request_id,
        )
    digest = receipt_of(kept.seq, kept.record.digest)
    return Receipt(kept.seq, digest, kept.request_id, total, paid, again=True)


def _stated(claim: Row) -> dict[str, Any]:
    """Return a claim without its moment, by which the same claim recorded again would differ."""
    (row,) = ClaimBatch.from_rows([claim]).rows
    return {name: value for name, value in row.items() if name != OFFLINE_TIME.name} | {
        "lines": [dict(each) for each in row["lines"]]  # type: ignore[attr-defined]
    }


def read_back(store: TillStore, key: Ed25519PublicKey, seal_key: SealingKey) -> list[Found]:
    """Return every record in the order of the signed numbers, each with what is wrong with it.

    A number that nothing stands for any more is one that is missing.

    Args:
        store: Of a till.
        key: Of its institution.
        seal_key: The key that seals.

    Raises:
        Precondition: The records were sealed with another key.
    """
    found = [_found(kept, key, seal_key) for kept in store.records()]
    if not any(each.header for each in found):
        # One that was changed looks the same as a key of somebody else; all at once rarely do.
        found = [replace(each, wrong=f"{each.wrong}; {_NONE_SIGNED}") for each in found]
    signed = {each.seq: each for each in found if each.header is not None}
    return sorted(_linked(found, signed), key=lambda each: each.seq)


def _found(kept: Kept, key: Ed25519PublicKey, seal_key: SealingKey) -> Found:
    try:
        header = header_of(kept.record, key)
        content = content_of(kept.record, header, seal_key)
    except Tampered as error:
        return Found(kept.seq, kept.request_id, wrong=str(error))
    request_id = str(content.claim["request_id"])
    moved = "" if kept.seq == header.seq else f"it stands at {kept.seq}"
    wrong = ""
    if request_id != kept.request_id:
        wrong = f"it is kept under request id {kept.request_id!r}, and {request_id!r} is sealed"
    return Found(
        header.seq, request_id, kept.record.digest, header, content, wrong=wrong, moved=moved
    )


def _linked(found: list[Found], signed: dict[int, Found]) -> Iterator[Found]:
    """Yield the records, and with each what does not follow from the one before it."""
    seen: set[int] = set()
    for each in found:
        if each.header is None:
            yield each
            continue
        before = signed.get(each.seq - 1)
        expected = FIRST if each.seq == 1 else (before.digest if before is not None else "")
        wrong = each.wrong
        if not wrong and each.seq in seen:
            wrong = "another record of that number was signed as well"
        elif not wrong and expected and each.header.previous != expected:
            wrong = f"it does not follow the record {each.seq - 1} that stands before it"
        seen.add(each.seq)
        yield Found(
            each.seq,
            each.request_id,
            each.digest,
            each.header,
            None if wrong else each.content,
            wrong,
            each.moved,
        )
