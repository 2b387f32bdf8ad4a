"""Settlements and cancels as recorded, one by its id or page by page."""

from typing import NamedTuple

from medsettle import errors
from medsettle.core.settlement import Settlement
from medsettle.ledger.entries import SETTLEMENT_KINDS, LedgerReader, Recorded
from medsettle.ledger.records import decode_settlement


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
        raise errors.NotFound(
            f"no settlement is recorded as {settlement!r}; check the id",
            settlement=settlement,
        )
    return recorded


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
