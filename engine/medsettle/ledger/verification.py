"""Whether a ledger is what it should be: pages, numbers, counters, keys and shares."""

from collections.abc import Iterator

import orjson

from medsettle import limits
from medsettle.core.tables import rows_of
from medsettle.errors import LedgerUnavailable
from medsettle.ledger.entries import SETTLEMENT_KINDS, Recorded
from medsettle.ledger.reading import EntryReader
from medsettle.ledger.sqlite import SqliteReader

# Sums of a record that hold in every settlement, with its amounts negative in every cancel.
_SUMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("total_fen", ("fund_total_fen", "person_total_fen", "institution_share_fen")),
    ("person_total_fen", ("account_fen", "mutual_aid_fen", "cash_fen")),
)


def findings(reader: EntryReader) -> Iterator[str]:
    """Yield a sentence for each thing that is wrong with a ledger; none for one that is sound.

    Reads everything; the ledger may be written meanwhile.

    Raises:
        LedgerUnavailable: It cannot be read.
    """
    yield from reader.damage()
    mismatch = reader.verify()
    if mismatch is not None:
        key = " ".join(map(str, mismatch.key))
        yield f"counter {key} is {mismatch.value}, its postings make it {mismatch.posted}"
    after_seq = 0
    while page := reader.page(after_seq=after_seq, limit=limits.PAGE_SIZE_MAX):
        for recorded in page:
            yield from _of_entry(recorded)
        after_seq = page[-1].seq


def check(reader: SqliteReader) -> None:
    """Raise LedgerUnavailable with the first finding, if there is one."""
    for finding in findings(reader):
        raise LedgerUnavailable(
            f"{reader.path} is damaged: {finding}. Restore a backup that is older, and keep this "
            "file",
            path=str(reader.path),
        )


def _of_entry(recorded: Recorded) -> Iterator[str]:
    if recorded.kind not in SETTLEMENT_KINDS:
        return
    name = f"entry {recorded.seq} ({recorded.settlement})"
    try:
        record = orjson.loads(recorded.record)
        columns, payers = record["settlement"], rows_of(record["payers"])
        for whole, parts in _SUMS:
            total = sum(columns[part] for part in parts)
            if columns[whole] != total:
                yield f"{name}: {whole} is {columns[whole]}, its parts make {total}"
        paid = sum(row["paid_fen"] for row in payers if row["payee"] == "bill")
        shares = columns["total_fen"] - columns["cash_fen"]
        if paid != shares:
            yield f"{name}: its stages pay {paid} fen, total without cash is {shares}"
    except (KeyError, TypeError, ValueError) as error:
        yield f"{name}: its record is no settlement: {error!r}"
