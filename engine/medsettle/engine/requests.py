"""Request ids: what was asked before is answered from the record, never settled again."""

from dataclasses import dataclass, field
from hashlib import sha256

import orjson

from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.settlement import Row, Settlement
from medsettle.ledger.entries import LedgerReader, Recorded
from medsettle.ledger.records import decode_settlement

SETTLEMENT_ID_CHARS = 20


def content_digest(kind: str, content: Row) -> bytes:
    """Return 32 bytes over the content of a request, the same for every equal content."""
    canonical = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    return sha256(kind.encode() + b"\0" + canonical).digest()


def settlement_id(pooling_area: str, institution: str, request_id: str) -> str:
    """Return the id of the entry that a request makes: the same request, the same id.

    The national field setl_id holds 30 characters: six of the area and twenty hex digits fit.
    """
    digest = sha256(f"{institution}\0{request_id}".encode()).hexdigest()
    return pooling_area + digest[:SETTLEMENT_ID_CHARS]


@dataclass
class Triage:
    """Which claims of a batch are new, which are known, which repeat another of the batch."""

    answers: dict[int, Settlement | Rejection] = field(default_factory=dict)
    repeats: dict[int, int] = field(default_factory=dict)
    fresh: list[int] = field(default_factory=list)


def triage(ledger: LedgerReader, claims: ClaimBatch, digests: dict[int, bytes]) -> Triage:
    """Return what is already decided about the claims of a batch before any rule is asked.

    Args:
        ledger: Where earlier requests are recorded.
        claims: The batch.
        digests: Content digest of every claim without faults, in row order.
    """
    keys = {row: request_key(claims.rows[row]) for row in digests}
    numbers = {row: _number_key(claims.rows[row]) for row in digests}
    recorded = ledger.requests(list(keys.values()))
    used = ledger.institution_settlements([key for key in numbers.values() if key is not None])
    found = Triage()
    first_by_key: dict[tuple[str, str], int] = {}
    numbers_here: set[tuple[str, str]] = set()
    for row, key in keys.items():
        number = numbers[row]
        if key in recorded:
            found.answers[row] = _known(recorded[key], digests[row])
        elif key in first_by_key:
            first = first_by_key[key]
            if digests[first] == digests[row]:
                found.repeats[row] = first
            else:
                found.answers[row] = _reused(key[1])
        elif number is not None and (number in used or number in numbers_here):
            found.answers[row] = _duplicate(number[1], used.get(number))
        else:
            first_by_key[key] = row
            found.fresh.append(row)
            if number is not None:
                numbers_here.add(number)
    return found


def request_key(row: Row) -> tuple[str, str]:
    """Return (institution, request id) of a claim."""
    return str(row["institution"]), str(row["request_id"])


def _number_key(row: Row) -> tuple[str, str] | None:
    number = row["institution_settlement"]
    return None if number is None else (str(row["institution"]), str(number))


def _known(recorded: Recorded, digest: bytes) -> Settlement | Rejection:
    if recorded.content_digest != digest:
        return _reused(recorded.request_id)
    return decode_settlement(recorded, duplicate=True)


def _reused(request_id: str) -> Rejection:
    return Rejection(
        Outcome.REQUEST_ID_REUSED,
        f"request id {request_id!r} was used before with other content; a new request needs a "
        "new id",
        metadata={"request_id": request_id},
    )


def _duplicate(number: str, settlement: str | None) -> Rejection:
    where = f"recorded as {settlement}" if settlement else "an earlier claim of this batch"
    return Rejection(
        Outcome.DUPLICATE_SETTLEMENT,
        f"institution settlement {number!r} is {where} under another request id; cancel it first "
        "or use a new number",
        metadata={"institution_settlement": number, "settlement": settlement or ""},
    )
