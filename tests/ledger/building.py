"""Entries for the tests of ledgers, made from a running number."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from medsettle.errors import InternalError
from medsettle.ledger import ACCOUNT, CounterKey, Entry, EntryKind, Posting, Recorded
from medsettle.ledger.entries import Overtaken

REFUSED = (InternalError, Overtaken)
"""What a store raises at an entry that breaks a rule: several writers may do so without a bug."""

AREA = "999900"
PERSON = "P1"
ACCOUNT_KEY = CounterKey(AREA, PERSON, ACCOUNT, 0)
PAID_KEY = CounterKey(AREA, PERSON, "fund_paid", 2024)


def entry(
    number: int,
    *postings: Posting,
    kind: EntryKind = "settle",
    original: str | None = None,
    request_id: str | None = None,
    institution: str = "H1",
    institution_settlement: str | None = None,
    pooling_area: str = AREA,
    person: str = PERSON,
    subject: str | None = None,
) -> Entry:
    """Return entry `number`; whatever must be unique in a ledger follows from it."""
    return Entry(
        kind=kind,
        settlement=f"S{number}",
        original=original,
        institution=institution,
        request_id=request_id or f"R{number}",
        institution_settlement=institution_settlement,
        pooling_area=pooling_area,
        person=person,
        service_day=19_844,
        content_digest=sha256(str(number).encode()).digest(),
        record=b'{"number":%d}' % number,
        postings=postings,
        subject=subject,
    )


def recorded(seq: int, create_time_us: int, entry: Entry) -> Recorded:
    """Return what a ledger gives back for an entry recorded at `seq`."""
    return Recorded(
        seq=seq,
        create_time_us=create_time_us,
        kind=entry.kind,
        settlement=entry.settlement,
        original=entry.original,
        institution=entry.institution,
        request_id=entry.request_id,
        institution_settlement=entry.institution_settlement,
        pooling_area=entry.pooling_area,
        person=entry.person,
        service_day=entry.service_day,
        content_digest=entry.content_digest,
        record=entry.record,
        subject=entry.subject,
    )


def sums(entries: Sequence[Entry]) -> dict[CounterKey, int]:
    """Return the sum of the postings of each counter, added up one by one."""
    totals: dict[CounterKey, int] = {}
    for one in entries:
        for posting in one.postings:
            totals[posting.key] = totals.get(posting.key, 0) + posting.delta
    return totals


def ledger_path(folder: Path) -> Path:
    """Return where the tests keep their ledger in a folder."""
    return folder / "ledger.sqlite"
