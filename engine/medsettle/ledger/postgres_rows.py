"""The rows of a batch as `postgres_statements` takes them: one list for each column."""

from collections.abc import Sequence

from medsettle.ledger.entries import (
    DECIDED_KINDS,
    Entry,
    Holder,
    card_holder,
    deltas,
    message_holder,
)


def columns(holders: Sequence[Holder]) -> tuple[list[str], list[str]]:
    """Return the areas and the names of holders."""
    return [area for area, _ in holders], [holder for _, holder in holders]


def moved(entries: Sequence[Entry]) -> frozenset[Holder]:
    """Return whose entries and counters a batch changes.

    What only decides a request id changes nobody's, and may not know whose it would have been. A
    message is among those of its subject, and of its person where it is about one.
    """
    found: set[Holder] = set()
    for entry in entries:
        if entry.person and entry.kind not in DECIDED_KINDS:
            found.add((entry.pooling_area, entry.person))
        found.update((each.key.pooling_area, each.key.person) for each in entry.postings)
        if entry.kind == "card":
            found.add((entry.pooling_area, card_holder(str(entry.subject))))
        elif entry.kind == "message":
            found.add(message_holder(str(entry.subject)))
    return frozenset(found)


def entry_columns(entries: Sequence[Entry]) -> tuple[list[object], ...]:
    """Return the columns of entries, from the kind on."""
    return (
        [entry.kind for entry in entries],
        [entry.settlement for entry in entries],
        [entry.original for entry in entries],
        [entry.institution for entry in entries],
        [entry.request_id for entry in entries],
        [entry.institution_settlement for entry in entries],
        [entry.pooling_area for entry in entries],
        [entry.person for entry in entries],
        [entry.service_day for entry in entries],
        [entry.content_digest for entry in entries],
        [entry.record for entry in entries],
        [entry.subject for entry in entries],
    )


def posting_columns(entries: Sequence[Entry]) -> list[list[object]]:
    """Return the columns of the postings of a batch, the place of their entry first."""
    rows = [
        (place, *key, delta)
        for place, entry in enumerate(entries, 1)
        for key, delta in deltas(entry).items()
    ]
    return [list(column) for column in zip(*rows, strict=True)]
