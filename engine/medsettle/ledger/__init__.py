"""The ledger: the one durable truth about settlements, counters and personal accounts."""

from medsettle.core.counters import ACCOUNT, CounterKey
from medsettle.ledger.entries import (
    CounterMismatch,
    Entry,
    EntryKind,
    Ledger,
    LedgerReader,
    Posting,
    Recorded,
)
from medsettle.ledger.sqlite import SqliteLedger, SqliteReader

__all__ = [
    "ACCOUNT",
    "CounterKey",
    "CounterMismatch",
    "Entry",
    "EntryKind",
    "Ledger",
    "LedgerReader",
    "Posting",
    "Recorded",
    "SqliteLedger",
    "SqliteReader",
]
