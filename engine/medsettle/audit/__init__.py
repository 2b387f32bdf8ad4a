"""The audit tables: Parquet segments written behind the ledger, sealed by a chained manifest."""

from medsettle.audit.following import LedgerFeed, check_follows
from medsettle.audit.manifest import Head, Segment, SegmentFile, read_segments
from medsettle.audit.projector import LedgerRow, Projector
from medsettle.audit.query import connect, connect_all, persons_keys
from medsettle.audit.verification import verify

__all__ = [
    "Head",
    "LedgerFeed",
    "LedgerRow",
    "Projector",
    "Segment",
    "SegmentFile",
    "check_follows",
    "connect",
    "connect_all",
    "persons_keys",
    "read_segments",
    "verify",
]
