"""What is recorded: settlements, cancels, their claims, and the state of persons."""

from typing import NamedTuple

from medsettle import errors
from medsettle.core.counters import ACCOUNT
from medsettle.core.relatives import PREFIX
from medsettle.core.settlement import PersonState, Row, Settlement
from medsettle.ledger.entries import SETTLEMENT_KINDS, LedgerReader, Recorded
from medsettle.ledger.records import decode_care, decode_settlement


class Filters(NamedTuple):
    """Whose settlements are asked for; every one that is given holds."""

    pooling_area: str | None
    institution: str | None
    person: str | None


def recorded_settlement(ledger: LedgerReader, settlement: str) -> Recorded:
    """Return the entry of a settlement or cancel.

    Raises:
        NotFound: Nothing is recorded under that id.
    """
    recorded = ledger.settlement(settlement)
    if recorded is None or recorded.kind not in SETTLEMENT_KINDS:
        raise nothing_recorded(settlement)
    return recorded


def nothing_recorded(settlement: str) -> errors.NotFound:
    """Return the error for an id that is none, or is none of those that somebody may see."""
    text = f"no settlement is recorded as {settlement!r}; check the id"
    return errors.NotFound(text, settlement=settlement)


def no_visit(visit: str) -> errors.NotFound:
    """Return the error for an id that is no visit, or none of those that somebody may see."""
    return errors.NotFound(f"no visit is recorded as {visit!r}; check the id", visit=visit)


def nothing_to_compare(settlement: str) -> errors.NotFound:
    """Return the error for an id without which nothing would be otherwise, see `Hindsight`."""
    text = f"no settlement and no visit is recorded as {settlement!r}; check the id"
    return errors.NotFound(text, settlement=settlement)


def recorded_claim(ledger: LedgerReader, settlement: str) -> Row:
    """Return the claim behind a settlement or cancel as it was sent, dates as texts.

    Raises:
        NotFound: Nothing is recorded under that id.
    """
    recorded = recorded_settlement(ledger, settlement)
    if recorded.belongs_to is not None:
        recorded = recorded_settlement(ledger, recorded.belongs_to)
    return decode_care(recorded)[0]


def person_state(ledger: LedgerReader, pooling_area: str, person: str) -> PersonState:
    """Return account balance and counters of a person; zeros for one never seen."""
    counters = ledger.person_counters(pooling_area, person)
    account = sum(value for counter, _, value in counters if counter == ACCOUNT)
    # What relatives set aside is asked of `relatives`.
    others = tuple(
        each for each in counters if each[0] != ACCOUNT and not each[0].startswith(PREFIX)
    )
    return PersonState(pooling_area, person, account, others)


def settlement_page(
    ledger: LedgerReader, after_seq: int, limit: int, filters: Filters
) -> list[Settlement]:
    """Return settlements and cancels in ledger order, after a sequence number."""
    found: list[Settlement] = []
    while len(found) < limit:
        page = ledger.page(
            after_seq=after_seq, limit=limit, with_messages=False, **filters._asdict()
        )
        found += [decode_settlement(each) for each in page if each.kind in SETTLEMENT_KINDS]
        if len(page) < limit:
            break
        after_seq = page[-1].seq
    return found[:limit]
