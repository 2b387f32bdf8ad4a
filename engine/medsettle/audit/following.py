"""Whether audit tables are those of a ledger, and not of another one or of one lost since."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import orjson

from medsettle.audit.manifest import Segment
from medsettle.audit.segments import LedgerRow, Posted
from medsettle.errors import AuditCorrupt

_WAY_OUT = (
    "Look for a newer backup of the ledger. Where there is none, keep this folder aside: it tells "
    "which settlements the ledger has lost, and new audit tables are then made from the ledger"
)


class LedgerFeed(Protocol):
    """Where the entries come from: the reading half of a ledger has these three methods."""

    def page(self, *, after_seq: int, limit: int) -> Sequence[LedgerRow]:
        """Return up to `limit` entries after `after_seq`, in seq order."""
        ...

    def postings(self, first_seq: int, last_seq: int) -> Sequence[Posted]:
        """Return (seq, key, delta) of all postings of some entries, by seq and key."""
        ...

    def last_seq(self) -> int:
        """Return the seq of the last entry, 0 for an empty ledger."""
        ...


def check_follows(folder: Path, segments: Sequence[Segment], ledger: LedgerFeed) -> None:
    """Check that a ledger holds the last entry of the last segment, and everything before it.

    An entry has its moment, so one ledger that went two ways has two entries at each place since.

    Raises:
        AuditCorrupt: The audit tables know more than the ledger, or another entry at the same
            place. The message says what to do.
    """
    if not segments:
        return
    last, ledger_seq = segments[-1], ledger.last_seq()
    if last.last_seq > ledger_seq:
        raise AuditCorrupt(
            f"{folder} holds entries up to {last.last_seq}, the ledger ends at {ledger_seq}: it "
            f"was restored from an older backup, or is another ledger. {_WAY_OUT}",
            audit_seq=str(last.last_seq),
            ledger_seq=str(ledger_seq),
        )
    (entry,) = ledger.page(after_seq=last.last_seq - 1, limit=1)
    if entry_digest(entry) != last.last_entry:
        raise AuditCorrupt(
            f"{folder} holds another entry {last.last_seq} than the ledger, where it is "
            f"{entry.settlement} of {_moment(entry)}: it is another ledger, or went another way "
            f"after it was restored. {_WAY_OUT}",
            audit_seq=str(last.last_seq),
            ledger_seq=str(ledger_seq),
        )


def entry_digest(entry: LedgerRow) -> str:
    """Return the SHA-256 in hex of a ledger entry of any kind, moment and place among it."""
    named = (entry.seq, entry.create_time_us, entry.kind, entry.settlement, entry.original)
    placed = (entry.pooling_area, sha256(entry.record).hexdigest())
    return sha256(orjson.dumps([*named, *placed])).hexdigest()


def _moment(entry: LedgerRow) -> str:
    return f"{datetime.fromtimestamp(entry.create_time_us // 1_000_000, UTC):%Y-%m-%d %H:%M:%S} UTC"
