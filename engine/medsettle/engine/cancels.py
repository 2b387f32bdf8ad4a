"""Cancels: the negative settlement that takes one back and gives back to the counters.

It belongs to the service day of its original, and so to the benefit year and the month of service
whose counters it restores, however late it comes; it is recorded at the moment of recording, which
is the month that institution and fund clear it in. Later settlements of the person stay as they
are, in whatever order cancels come; `engine.hindsight` says what they would have been.
"""

from dataclasses import dataclass, replace

from medsettle import errors
from medsettle.core.counters import CounterValues
from medsettle.core.settlement import Row, Settlement
from medsettle.engine.copies import refuse_copy
from medsettle.engine.request_log import Asked, RequestLog
from medsettle.engine.requests import content_digest, sender_faults, settlement_id
from medsettle.engine.undone_adjustments import with_adjustments_undone
from medsettle.ledger.entries import Entry, LedgerReader, Posting, Recorded
from medsettle.ledger.records import (
    decode_postings,
    decode_settlement,
    encode_record,
    named,
    placed,
)
from medsettle.settle.cancel import taken_back
from medsettle.settle.run import Settled


@dataclass(frozen=True, slots=True)
class Cancels:
    """Takes settlements back, each once."""

    ledger: LedgerReader
    log: RequestLog

    def cancel(self, institution: str, request_id: str, settlement: str) -> Settlement:
        """Return the negative settlement that takes one back; see `Engine.cancel`."""
        if faults := sender_faults(institution, request_id):
            raise errors.InvalidRequest(faults)
        digest = content_digest("cancel", {"settlement": settlement})
        asked = Asked(institution, request_id, digest)

        def act(found: Recorded | None) -> Settlement:
            if found is None or found.kind != "settle" or found.institution != institution:
                raise errors.NotFound(
                    f"institution {institution} has no settlement {settlement!r} to cancel",
                    settlement=settlement,
                )
            return self.take_back(found, asked)

        return self.log.answer_about(
            asked,
            lambda: self.ledger.settlement(settlement),
            act,
            lambda recorded: decode_settlement(recorded, duplicate=True),
        )

    def take_back(
        self, original: Recorded, asked: Asked, reversed_request: str | None = None
    ) -> Settlement:
        """Return the negative settlement of one, after its commit.

        Args:
            original: The settlement.
            asked: The request, to be recorded under its id.
            reversed_request: The request id of the original, where that is what is reversed.

        Raises:
            AlreadyCancelled: It was taken back before.
            PartOfVisit: It is one of a visit, which is taken back as a whole.
            AccountSpent: What it put into the account has been spent, or set aside, since.
            LedgerUnavailable: Nothing was recorded.
        """
        self._refuse_gone(original)
        sender = (asked.institution, asked.request_id)
        entry, answer = cancel_entry(
            original, sender, asked.digest, self.ledger.counters, reversed_request
        )
        entries = with_adjustments_undone(self.ledger, [entry])
        return placed(answer, *self.log.commit(entries))

    def _refuse_gone(self, original: Recorded) -> None:
        settlement = original.settlement
        cancelled = self.ledger.cancel_of(settlement)
        if cancelled is not None:
            raise errors.AlreadyCancelled(
                f"settlement {settlement} was cancelled by {cancelled.settlement}",
                settlement=settlement,
                cancelled_by=cancelled.settlement,
            )
        held = decode_settlement(original)
        refuse_copy(held, "take it back")
        if (visit := held.columns["visit"]) is not None:
            raise errors.PartOfVisit(
                f"settlement {settlement} is one of the visit {visit}, whose settlements stand or "
                "fall together; cancel the visit",
                settlement=settlement,
                visit=str(visit),
            )


def cancel_entry(
    original: Recorded,
    sender: tuple[str, str],
    content_digest: bytes,
    values: CounterValues,
    reversed_request: str | None = None,
) -> tuple[Entry, Settlement]:
    """Return the ledger entry that takes a settlement back, and its answer.

    Args:
        original: The settlement, which has not been cancelled.
        sender: The institution and the request id of the cancel.
        content_digest: What a repeated request is known by.
        values: Returns what counters hold now, for the person's account and relatives' limits.
        reversed_request: The request id that is reversed; none for a cancel.

    Raises:
        AccountSpent: The settlement put into the account what is no longer there.
    """
    institution, request_id = sender
    negative = taken_back(_settled(original), values)
    postings = tuple(Posting(key, delta) for key, delta in negative.moved)
    own_id = settlement_id(original.pooling_area, institution, request_id)
    columns: Row = {
        "original": original.settlement,
        "request_id": request_id,
        "reversed_request": reversed_request,
    }
    settlement = negative.settlement
    answer = named(replace(settlement, columns=settlement.columns | columns), own_id)
    entry = Entry(
        kind="cancel",
        settlement=own_id,
        original=original.settlement,
        institution=institution,
        request_id=request_id,
        institution_settlement=None,
        pooling_area=original.pooling_area,
        person=original.person,
        service_day=original.service_day,
        content_digest=content_digest,
        record=encode_record(answer, {}, postings, None),
        postings=postings,
    )
    return entry, answer


def _settled(original: Recorded) -> Settled:
    """Return what was settled when an entry was recorded, as far as a cancel needs it."""
    moved = tuple((posting.key, posting.delta) for posting in decode_postings(original))
    return Settled(decode_settlement(original), {}, moved)
