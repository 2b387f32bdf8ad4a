"""Openings: what a person brings along when an area moves to this engine in mid-year."""

from collections.abc import Callable
from datetime import datetime

from medsettle import errors, limits
from medsettle.core.counters import ACCOUNT, CounterKey
from medsettle.core.dates import day_number, service_day_of
from medsettle.core.settlement import Opening, PersonState, Row
from medsettle.engine.request_log import Asked, RequestLog
from medsettle.engine.requests import (
    code_faults,
    content_digest,
    sender_faults,
    settlement_id,
)
from medsettle.ledger.entries import Entry, Posting
from medsettle.ledger.records import encode_opening
from medsettle.policy.rule_book import RuleBook
from medsettle.policy.vocabulary import suggestion
from medsettle.settle.counter_keys import is_stored_name, stored_name


def open_person(
    rulebook: RuleBook,
    log: RequestLog,
    opening: Opening,
    state: Callable[[str, str], PersonState],
) -> PersonState:
    """Return the state of a person after recording an opening, once per request id.

    Args:
        rulebook: Knows the counters.
        log: Where it is recorded.
        opening: What the person brings along.
        state: Reads account and counters of a person of an area.

    Raises:
        InvalidRequest: A counter is unknown, a value is out of range.
        RequestIdReused: The request id was used before with other content.
        LedgerUnavailable: Nothing was recorded.
    """
    check_opening(rulebook, opening)
    area, person, digest = opening.pooling_area, opening.person, opening_digest(opening)

    def record() -> PersonState:
        log.commit([opening_entry(opening, digest, log.now())])
        return state(area, person)

    asked = Asked(opening.institution, opening.request_id, digest, area, person)
    return log.answer(asked, record, lambda _: state(area, person))


def check_opening(rulebook: RuleBook, opening: Opening) -> None:
    """Refuse an opening with all its faults.

    Raises:
        InvalidRequest: The area or a counter is unknown, a value is out of range.
    """
    policies = [
        compiled.policy
        for compiled in rulebook.policies
        if compiled.policy.pooling_area == opening.pooling_area
    ]
    known = {
        stored_name(policy.insurance_type, name) for policy in policies for name in policy.counters
    }
    faults = []
    if opening.pooling_area not in rulebook.areas:
        hint = suggestion(opening.pooling_area, rulebook.areas)
        faults.append(errors.Fault("pooling_area", f"not served here; {hint}"))
    faults += sender_faults(opening.institution, opening.request_id)
    faults += code_faults("person", opening.person, limits.PERSON_CHARS_MAX)
    values = [("account_fen", opening.account_fen)]
    for index, (counter, _, value) in enumerate(opening.counters):
        path = f"counters[{index}]"
        values.append((f"{path}.value", value))
        if not any(is_stored_name(policy, counter) for policy in policies):
            hint = suggestion(counter, known)
            faults.append(errors.Fault(f"{path}.counter", f"no counter {counter!r}; {hint}"))
    faults += [
        errors.Fault(path, f"{value} lies outside 0 to {limits.AMOUNT_FEN_MAX}")
        for path, value in values
        if not 0 <= value <= limits.AMOUNT_FEN_MAX
    ]
    if faults:
        raise errors.InvalidRequest(faults)


def opening_digest(opening: Opening) -> bytes:
    """Return the digest by which a repeated opening is told from a reused request id."""
    content: Row = {
        "pooling_area": opening.pooling_area,
        "person": opening.person,
        "account_fen": opening.account_fen,
        "counters": [list(counter) for counter in opening.counters],
    }
    return content_digest("opening", content)


def opening_entry(opening: Opening, digest: bytes, moment: datetime) -> Entry:
    """Return the ledger entry that adds an opening to a person's account and counters."""
    area, person = opening.pooling_area, opening.person
    brought = [(ACCOUNT, 0, opening.account_fen), *opening.counters]
    postings = tuple(
        Posting(CounterKey(area, person, counter, period), value)
        for counter, period, value in brought
        if value
    )
    return Entry(
        kind="opening",
        settlement=settlement_id(area, opening.institution, opening.request_id),
        original=None,
        institution=opening.institution,
        request_id=opening.request_id,
        institution_settlement=None,
        pooling_area=area,
        person=person,
        service_day=day_number(service_day_of(moment)),
        content_digest=digest,
        record=encode_opening(opening),
        postings=postings,
    )
