"""The ledger entries of claims, settled and refused."""

from datetime import date

from medsettle.core.dates import day_number
from medsettle.core.outcome import Rejection
from medsettle.core.request_states import Refusal
from medsettle.core.settlement import Row, Settlement
from medsettle.engine.requests import refusal_entry, request_key, settlement_id
from medsettle.ledger.entries import Entry, Posting
from medsettle.ledger.records import encode_record, named
from medsettle.settle.run import Settled


def claim_entry(claim: Row, digest: bytes, result: Settled) -> tuple[Entry, Settlement]:
    """Return the ledger entry of a settled claim, and its settlement under its id."""
    institution, request_id = request_key(claim)
    area, person = str(claim["pooling_area"]), str(claim["person"])
    own_id = settlement_id(area, institution, request_id)
    settlement = named(result.settlement, own_id)
    postings = tuple(Posting(key, delta) for key, delta in result.moved)
    number = claim["institution_settlement"]
    entry = Entry(
        kind="settle",
        settlement=own_id,
        original=None,
        institution=institution,
        request_id=request_id,
        institution_settlement=None if number is None else str(number),
        pooling_area=area,
        person=person,
        service_day=_service_day(claim),
        content_digest=digest,
        record=encode_record(settlement, result.inputs, postings, claim, result.scope),
        postings=postings,
    )
    return entry, settlement


def refused_claim_entry(claim: Row, digest: bytes, rejection: Rejection) -> Entry:
    """Return the ledger entry by which the refusal of a claim stays what it is."""
    about = (str(claim["pooling_area"]), str(claim["person"]))
    refusal = Refusal(rejection.outcome.name, rejection.message, rejection.metadata)
    return refusal_entry(request_key(claim), digest, about, _service_day(claim), refusal)


def _service_day(claim: Row) -> int:
    day = claim["service_date"]
    assert isinstance(day, date)
    return day_number(day)
