"""Request ids: what was asked before is answered from the record, never settled again."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
import orjson

from medsettle import limits
from medsettle.core.arrow_texts import bytes_of
from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.request_states import Refusal
from medsettle.core.settlement import Row, Settlement
from medsettle.core.table_rows import TableRows
from medsettle.core.tables import plain, table_of
from medsettle.errors import Fault, RequestIdReused
from medsettle.ledger.entries import DECIDED_KINDS, Entry, LedgerReader, Recorded
from medsettle.ledger.records import (
    decode_refusal,
    decode_settlement,
    encode_refusal,
    is_reversal,
)

if TYPE_CHECKING:
    from medsettle.core.claim_texts import ClaimTexts

SETTLEMENT_ID_CHARS = 20

_Key: TypeAlias = tuple[str, str]


def content_digest(kind: str, content: Row) -> bytes:
    """Return 32 bytes over the content of a request, the same for every equal content.

    What is not stated is no part of it, so that a column which is added later leaves the digests of
    requests as they were that do not state it.
    """
    canonical = orjson.dumps(_stated(content), default=plain, option=orjson.OPT_SORT_KEYS)
    return sha256(kind.encode() + b"\0" + canonical).digest()


def claim_digest(kind: str, claim: Row) -> bytes:
    """Return 32 bytes over the content of a claim, as `content_digest` does.

    Its lines are taken as a table, in which they are written down four times as fast.
    """
    lines = table_of(claim["lines"])  # type: ignore[arg-type]
    return content_digest(kind, claim | {"lines": lines})


def claim_digests(kind: str, claims: ClaimBatch) -> dict[int, bytes]:
    """Return the digest of every claim without faults, by row."""
    texts = claims.rows.texts() if isinstance(claims.rows, TableRows) else None
    found = {} if texts is None else _digests(kind, texts)
    return {
        row: found[row] if row in found else claim_digest(kind, claims.rows[row])
        for row in range(len(claims))
        if row not in claims.rejections
    }


def _digests(kind: str, texts: "ClaimTexts") -> dict[int, bytes]:
    """Return what `claim_digest` does of the claims that there are texts of, by row."""
    head = sha256(kind.encode() + b"\0")
    found = {}
    rows = np.flatnonzero(texts.place >= 0).tolist()
    for row, content in zip(rows, bytes_of(texts.contents), strict=True):
        digest = head.copy()
        digest.update(content)
        found[row] = digest.digest()
    return found


def _stated(content: Row) -> dict[str, object]:
    """Return content without its nulls and empty lists, at any depth; zero and false are stated."""
    found = {name: value for name, value in content.items() if value is not None}
    for name, value in list(found.items()):
        if isinstance(value, list | tuple):
            if not value:
                del found[name]
            elif any(issubclass(kind, dict) for kind in {*map(type, value)}):
                found[name] = [_stated(row) if isinstance(row, dict) else row for row in value]
        elif isinstance(value, dict):
            found[name] = _stated(value)
    return found


def settlement_id(pooling_area: str, institution: str, request_id: str) -> str:
    """Return the id of the entry that a request makes: the same request, the same id.

    The national field setl_id holds 30 characters: six of the area and twenty hex digits fit.
    """
    digest = sha256(f"{institution}\0{request_id}".encode()).hexdigest()
    return pooling_area + digest[:SETTLEMENT_ID_CHARS]


def sender_faults(institution: str, request_id: str) -> list[Fault]:
    """Return what is wrong with the two codes that name a request, by the bounds of a claim."""
    given = (
        ("institution", institution, limits.CODE_CHARS_MAX),
        ("request_id", request_id, limits.REQUEST_ID_CHARS_MAX),
    )
    return [fault for name, code, most in given for fault in code_faults(name, code, most)]


def code_faults(path: str, code: str, most: int) -> list[Fault]:
    """Return the fault of a code that is not 1 to `most` printable ASCII characters, if any."""
    if 1 <= len(code) <= most and code.isascii() and code.isprintable() and " " not in code:
        return []
    return [Fault(path, f"expected 1 to {most} printable ASCII characters without spaces")]


class _Wanted(NamedTuple):
    """What a claim has to itself once it is settled."""

    request: _Key
    number: _Key | None


@dataclass
class Triage:
    """Which claims of a batch are answered already, and which are fresh.

    Two fresh claims may want the same request id with other content, or the same institution
    settlement. The first of them that is recorded has its id, be it settled or refused; the first
    that is settled has its number. So fresh claims are settled in parts, within which no two want
    the same; most batches are one part. A claim that repeats an earlier one of its batch word for
    word waits for that one's answer.
    """

    wanted: dict[int, _Wanted]
    numbers_used: dict[_Key, str]
    answers: dict[int, Settlement | Rejection] = field(default_factory=dict)
    repeats: dict[int, int] = field(default_factory=dict)
    fresh: deque[int] = field(default_factory=deque)
    _requests_taken: dict[_Key, int] = field(default_factory=dict)
    _numbers_taken: dict[_Key, int] = field(default_factory=dict)

    def next_part(self) -> list[int]:
        """Return the next claims to settle together, in order; empty when all are answered.

        A claim that wants what was taken is refused on the way.
        """
        part: list[int] = []
        requests, numbers = set[_Key](), set[_Key]()
        while self.fresh:
            row = self.fresh[0]
            request, number = self.wanted[row]
            if request in requests or number in numbers:
                # Whether the earlier claim has it is known when this part is settled.
                break
            self.fresh.popleft()
            refusal = self._refusal(row)
            if refusal is not None:
                self.answers[row] = refusal
                continue
            part.append(row)
            requests.add(request)
            numbers |= {number} if number is not None else set()
        return part

    def decided(self, answers: Mapping[int, object]) -> None:
        """Let claims have what they want: all that are recorded their ids, the settled the rest."""
        for row, answer in answers.items():
            request, number = self.wanted[row]
            refused = isinstance(answer, Rejection)
            if not isinstance(answer, Rejection) or answer.outcome.recorded:
                self._requests_taken[request] = row
            if number is not None and not refused:
                self._numbers_taken[number] = row

    def repeated(self, row: int, first: Settlement | Rejection) -> Settlement | Rejection:
        """Return the answer to a claim that repeats an earlier one with this answer."""
        if isinstance(first, Settlement) or first.outcome.recorded:
            return replace(first, duplicate=True)
        return self._refusal(row) or first

    def _refusal(self, row: int) -> Rejection | None:
        """Return why a claim cannot have what it wants, which others before it took."""
        request, number = self.wanted[row]
        if self._requests_taken.get(request, row) < row:
            return _reused(request[1])
        if number is not None and number in self.numbers_used:
            return _duplicate(number[1], self.numbers_used[number])
        if number is not None and self._numbers_taken.get(number, row) < row:
            return _duplicate(number[1], "")
        return None


def triage(ledger: LedgerReader, claims: ClaimBatch, digests: Mapping[int, bytes]) -> Triage:
    """Return what is already decided about the claims of a batch before any rule is asked.

    Args:
        ledger: Where earlier requests are recorded.
        claims: The batch.
        digests: Content digest of every claim without faults, in row order.
    """
    names = ("institution", "request_id", "institution_settlement")
    institutions, ids, given = map(claims.column, names)
    wanted = {
        row: _Wanted(
            (institutions[row], ids[row]),
            None if given[row] is None else (institutions[row], given[row]),
        )
        for row in digests
    }
    recorded = ledger.requests([each.request for each in wanted.values()])
    numbers = [each.number for each in wanted.values() if each.number is not None]
    found = Triage(wanted, ledger.institution_settlements(numbers))
    firsts: dict[tuple[_Key, bytes], int] = {}
    for row, (request, _) in wanted.items():
        if request in recorded:
            found.answers[row] = _known(ledger, recorded[request], digests[row])
            continue
        first = firsts.setdefault((request, digests[row]), row)
        if first == row:
            found.fresh.append(row)
        else:
            found.repeats[row] = first
    return found


def reused(recorded: Recorded) -> RequestIdReused:
    """Return the refusal of a request whose id was used before for something else."""
    return RequestIdReused(
        f"request id {recorded.request_id!r} was used before for something else "
        f"({_what(recorded)}); a new request needs a new id",
        request_id=recorded.request_id,
        **named(recorded),
    )


def request_reversed(recorded: Recorded) -> Rejection:
    """Return the refusal of a request under whose id there is a tombstone."""
    return Rejection(
        Outcome.REQUEST_REVERSED,
        f"request {recorded.request_id!r} was reversed before it arrived and never settles; a new "
        "request needs a new id",
        metadata={"request_id": recorded.request_id},
    )


def refusal_entry(
    key: _Key, digest: bytes, about: tuple[str, str], service_day: int, refusal: Refusal
) -> Entry:
    """Return the entry by which a refusal stays what it is.

    Args:
        key: Institution and request id.
        digest: What a repeated request is known by.
        about: Pooling area and person, empty where they are not known.
        service_day: That of the claim, or today.
        refusal: Why it was refused.
    """
    area, person = about
    return Entry(
        kind="refusal",
        settlement=settlement_id(area, *key),
        original=None,
        institution=key[0],
        request_id=key[1],
        institution_settlement=None,
        pooling_area=area,
        person=person,
        service_day=service_day,
        content_digest=digest,
        record=encode_refusal(refusal),
    )


def named(recorded: Recorded) -> dict[str, str]:
    """Return the metadata that names an entry in an error, as what it is.

    A request that was only decided has left nothing that could be named.
    """
    if recorded.kind in DECIDED_KINDS:
        return {}
    names = {"visit": "visit", "visit_cancel": "visit", "message": "entry"}
    return {names.get(recorded.kind, "settlement"): recorded.settlement}


def request_key(row: Row) -> tuple[str, str]:
    """Return (institution, request id) of a claim."""
    return str(row["institution"]), str(row["request_id"])


def _known(ledger: LedgerReader, recorded: Recorded, digest: bytes) -> Settlement | Rejection:
    if recorded.kind == "tombstone":
        return request_reversed(recorded)
    if recorded.content_digest != digest:
        return _reused(recorded.request_id, recorded)
    if recorded.kind == "refusal":
        refusal = decode_refusal(recorded)
        outcome = Outcome[refusal.reason]
        return Rejection(outcome, refusal.message, metadata=refusal.metadata, duplicate=True)
    return from_record(ledger, recorded, duplicate=True)


def from_record(ledger: LedgerReader, recorded: Recorded, *, duplicate: bool = False) -> Settlement:
    """Return a recorded settlement, with a notice where it has been cancelled since.

    A till that sends a request again after its cancel gets the recorded answer; without the notice
    it would take the bill for settled.
    """
    settlement = decode_settlement(recorded, duplicate=duplicate)
    cancel = ledger.cancel_of(recorded.settlement) if recorded.kind == "settle" else None
    if cancel is None:
        return settlement
    how = "reversed" if is_reversal(cancel) else "cancelled"
    notice = f"{how} since by {cancel.settlement}: nothing of this settlement is owed"
    return replace(settlement, notices=(notice,))


def _what(recorded: Recorded) -> str:
    """Return what an entry is, in a message: its id, but for what only decided its request."""
    said = {
        "refusal": "a request that was refused",
        "tombstone": "a request that was reversed",
        "message": f"the message {recorded.settlement}",
    }
    return said.get(recorded.kind, recorded.settlement)


def _reused(request_id: str, recorded: Recorded | None = None) -> Rejection:
    where = " in this batch" if recorded is None else f" for {_what(recorded)}"
    names = {"settlement": ""} if recorded is None else named(recorded)
    return Rejection(
        Outcome.REQUEST_ID_REUSED,
        f"request id {request_id!r} was used before{where} with other content; a new request "
        "needs a new id",
        metadata={"request_id": request_id} | names,
    )


def _duplicate(number: str, settlement: str) -> Rejection:
    where = f"recorded as {settlement}" if settlement else "an earlier claim of this batch"
    return Rejection(
        Outcome.DUPLICATE_SETTLEMENT,
        f"institution settlement {number!r} is {where} under another request id; use a new "
        "number, which a cancel does not free",
        metadata={"institution_settlement": number, "settlement": settlement},
    )
