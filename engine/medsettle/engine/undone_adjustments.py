"""Cancels of settlements that were adjusted: the adjustments are taken back in the same commit."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from medsettle import errors
from medsettle.core.counters import ACCOUNT, CounterKey
from medsettle.core.settlement import Row
from medsettle.engine.adjustments import (
    adjust_entry,
    adjusted_by,
    adjustments_of,
    with_reason,
)
from medsettle.engine.request_log import Asked
from medsettle.engine.requests import content_digest
from medsettle.ledger.entries import Entry, LedgerReader, Posting, Recorded
from medsettle.ledger.records import decode_postings, decode_settlement, with_postings


def with_adjustments_undone(ledger: LedgerReader, entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries of one commit, with what undoes the adjustments of what cancels take back.

    Most settlements have none. A cancel gives back to the counters what both moved, so that no
    counter is below zero between the two records; the account is moved by each as it is booked.
    What was added follows behind all entries.
    """
    found, behind = [], []
    for entry in entries:
        original = None if entry.kind != "cancel" else ledger.settlement(str(entry.original))
        made = [] if original is None else adjustments_of(ledger, original)
        if original is None or not made:
            found.append(entry)
            continue
        moved: dict[CounterKey, int] = {}
        for posting in (each for one in made for each in decode_postings(one)):
            moved[posting.key] = moved.get(posting.key, 0) - posting.delta
        account = CounterKey(original.pooling_area, original.person, ACCOUNT, 0)
        moves = [Posting(account, delta)] if (delta := moved.pop(account, 0)) else []
        cancel = _moving(entry, moved)
        found.append(cancel)
        if amounts := {name: -fen for name, fen in adjusted_by(ledger, original).items()}:
            behind.append(_undoing(ledger, original, cancel, amounts, moves))
    return [*found, *behind]


def _moving(cancel: Entry, moved: Mapping[CounterKey, int]) -> Entry:
    """Return a cancel that moves something of its person besides, in its record too."""
    if not any(moved.values()):
        return cancel
    both: dict[CounterKey, int] = dict(moved)
    for posting in cancel.postings:
        both[posting.key] = both.get(posting.key, 0) + posting.delta
    postings = tuple(Posting(key, delta) for key, delta in both.items() if delta)
    own = (cancel.pooling_area, cancel.person)
    record = with_postings(cancel.record, own, postings)
    return replace(cancel, postings=postings, record=record)


def _undoing(
    ledger: LedgerReader,
    original: Recorded,
    cancel: Entry,
    amounts: Mapping[str, int],
    moves: Sequence[Posting],
) -> Entry:
    account = CounterKey(original.pooling_area, original.person, ACCOUNT, 0)
    moved = sum(e.delta for e in (*cancel.postings, *moves) if e.key == account)
    balance = ledger.counters([account]).get(account, 0) + moved
    if decode_settlement(original).columns.get("side") is None and balance < 0:
        raise errors.AccountSpent(
            f"settlement {original.settlement} and its adjustments put into the account what has "
            "been spent since; cancel the later settlements that spent it first",
            settlement=original.settlement,
            account_fen=str(balance - moved),
        )
    request_id = f"adj-{hashlib.sha256(cancel.settlement.encode()).hexdigest()[:28]}"
    digest = content_digest("adjust", {"undone": cancel.settlement})
    asked = Asked(cancel.institution, request_id, digest)
    entry, _ = adjust_entry(original, asked, amounts, moves, max(balance, 0))
    reason = f"{original.settlement} was taken back by {cancel.settlement}"
    told: Row = {"item": None, "reason": reason, "proposed_by": None, "approved_by": None}
    return with_reason(entry, told)
