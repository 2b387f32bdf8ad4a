"""Cancels: the ledger entry that takes a settlement back and gives back to the counters."""

from dataclasses import replace

from medsettle.core.counters import CounterValues
from medsettle.core.settlement import Row, Settlement
from medsettle.engine.requests import settlement_id
from medsettle.ledger.entries import Entry, Posting, Recorded
from medsettle.ledger.records import decode_postings, decode_settlement, encode_record, named
from medsettle.settle.cancel import taken_back
from medsettle.settle.run import Settled


def cancel_entry(
    original: Recorded,
    sender: tuple[str, str],
    content_digest: bytes,
    values: CounterValues,
) -> tuple[Entry, Settlement]:
    """Return the ledger entry that takes a settlement back, and its answer.

    Args:
        original: The settlement, which has not been cancelled.
        sender: The institution and the request id of the cancel.
        content_digest: What a repeated request is known by.
        values: Returns what counters hold now, for the person's account.

    Raises:
        AccountSpent: The settlement put into the account what is no longer there.
    """
    institution, request_id = sender
    negative = taken_back(_settled(original), values)
    postings = tuple(Posting(key, delta) for key, delta in negative.moved)
    own_id = settlement_id(original.pooling_area, institution, request_id)
    columns: Row = {"original": original.settlement, "request_id": request_id}
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
