"""Reversals (冲正): take back by the request id of the original, whatever became of it.

A till whose answer got lost knows nothing but the id it sent, so that is what it reverses by. What
was recorded under the id is taken back exactly like a cancel does it. Where nothing was, the
original may still be on its way: a tombstone under its id lets it never settle.

A reversal is done once for each original, not for each id that a reversal comes with: one that is
sent again under another id finds what the first did. Its own id names the negative record it makes;
where it makes none, the id stays free.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from medsettle import errors, limits
from medsettle.core.dates import day_number, service_day_of
from medsettle.core.request_states import RequestState, RequestStatus, Reversal
from medsettle.engine.cancels import Cancels
from medsettle.engine.request_log import Asked, RequestLog
from medsettle.engine.requests import code_faults, content_digest, sender_faults, settlement_id
from medsettle.engine.visits import Visits
from medsettle.ledger.entries import DECIDED_KINDS, Entry, LedgerReader, Recorded
from medsettle.ledger.records import decode_refusal, is_reversal

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_DECIDED = {"refusal": RequestStatus.REJECTED, "tombstone": RequestStatus.TOMBSTONE}


@dataclass(frozen=True, slots=True)
class Reversals:
    """Reverses requests, and says what became of them."""

    ledger: LedgerReader
    log: RequestLog
    cancels: Cancels
    visits: Visits

    def reverse(self, institution: str, original_request_id: str, request_id: str) -> Reversal:
        """Return what a reversal made of its original; see `Engine.reverse`."""
        faults = sender_faults(institution, request_id)
        most = limits.REQUEST_ID_CHARS_MAX
        faults += code_faults("original_request_id", original_request_id, most)
        if request_id == original_request_id:
            text = "is the id of the original; the negative record needs one of its own"
            faults.append(errors.Fault("request_id", text))
        if faults:
            raise errors.InvalidRequest(faults)
        digest = content_digest("reversal", {"original_request_id": original_request_id})
        asked = Asked(institution, request_id, digest)

        def recorded(_: Recorded) -> Reversal:
            return Reversal(self.find(institution, original_request_id), duplicate=True)

        return self.log.answer_about(
            asked,
            lambda: self._recorded(institution, original_request_id),
            lambda original: self._reverse(asked, original_request_id, original),
            recorded,
        )

    def _reverse(
        self, asked: Asked, original_request_id: str, original: Recorded | None
    ) -> Reversal:
        if original is not None:
            state = self._state(original)
            if state.status is not RequestStatus.COMMITTED:
                return Reversal(state, duplicate=True)
            self._take_back(original, asked)
        else:
            day = day_number(service_day_of(self.log.now()))
            self.log.commit(
                [tombstone_entry(asked.institution, original_request_id, asked.digest, day)]
            )
        return Reversal(self.find(asked.institution, original_request_id))

    def _take_back(self, original: Recorded, asked: Asked) -> None:
        reversed_request = original.request_id
        if original.kind == "settle":
            self.cancels.take_back(original, asked, reversed_request)
        elif original.kind == "visit":
            self.visits.take_back(original, asked, reversed_request)
        else:
            raise errors.NotReversible(
                f"request {reversed_request!r} made the entry {original.settlement} of the kind "
                f"{original.kind}; only a settlement and a visit can be reversed. Undo it by a "
                "request of its own kind, or settle anew under a new id",
                request_id=reversed_request,
                kind=original.kind,
            )

    def find(self, institution: str, request_id: str) -> RequestState:
        """Return what became of a request; see `Engine.find_request`."""
        if faults := sender_faults(institution, request_id):
            raise errors.InvalidRequest(faults)
        recorded = self._recorded(institution, request_id)
        if recorded is None:
            return RequestState(institution, request_id, RequestStatus.UNKNOWN)
        return self._state(recorded)

    def _recorded(self, institution: str, request_id: str) -> Recorded | None:
        key = (institution, request_id)
        return self.ledger.requests([key]).get(key)

    def _state(self, recorded: Recorded) -> RequestState:
        decided = recorded.kind in DECIDED_KINDS
        state = RequestState(
            institution=recorded.institution,
            request_id=recorded.request_id,
            status=_DECIDED.get(recorded.kind, RequestStatus.COMMITTED),
            kind=recorded.kind,
            entry="" if decided else recorded.settlement,
            pooling_area=recorded.pooling_area,
            seq=recorded.seq,
            create_time=_EPOCH + timedelta(microseconds=recorded.create_time_us),
            refusal=decode_refusal(recorded) if recorded.kind == "refusal" else None,
        )
        negative = None if decided else self.ledger.cancel_of(recorded.settlement)
        if negative is None:
            return state
        reversal = is_reversal(negative)
        return replace(
            state,
            status=RequestStatus.REVERSED if reversal else RequestStatus.CANCELLED,
            taken_back_by=negative.settlement,
        )


def tombstone_entry(institution: str, request_id: str, digest: bytes, day: int) -> Entry:
    """Return the entry by which a request that has not arrived never settles.

    Args:
        institution: Who sent it.
        request_id: Its id.
        digest: Of what put the tombstone there.
        day: The day on which that was done, in days since 1970-01-01.
    """
    return Entry(
        kind="tombstone",
        settlement=settlement_id("", institution, request_id),
        original=None,
        institution=institution,
        request_id=request_id,
        institution_settlement=None,
        pooling_area="",
        person="",
        service_day=day,
        content_digest=digest,
        record=b"{}",
    )
