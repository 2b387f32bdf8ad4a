"""Whether audit tables are those of a ledger, and not of another one or of one lost since."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from medsettle.audit.manifest import Segment
from medsettle.audit.segments import LedgerRow
from medsettle.errors import AuditCorrupt

_WAY_OUT = (
    "Look for a newer backup of the ledger. Where there is none, keep this folder aside: it tells "
    "which settlements the ledger has lost, and new audit tables are then made from the ledger"
)


class LedgerFeed(Protocol):
    """Where the entries come from: the reading half of a ledger has these two methods."""

    def page(self, *, after_seq: int, limit: int) -> Sequence[LedgerRow]:
        """Return up to `limit` entries after `after_seq`, in seq order."""
        ...

    def last_seq(self) -> int:
        """Return the seq of the last entry, 0 for an empty ledger."""
        ...


def check_follows(folder: Path, segments: Sequence[Segment], ledger: LedgerFeed) -> None:
    """Check that a ledger holds what the last segment says, and everything before it.

    Raises:
        AuditCorrupt: The audit tables know more than the ledger, or other settlements at the same
            places. The message says what to do.
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
    audited = _settlements(folder, last)
    for seq in {min(audited), max(audited)} if audited else ():
        (entry,) = ledger.page(after_seq=seq - 1, limit=1)
        if entry.settlement != audited[seq]:
            raise AuditCorrupt(
                f"{folder} holds settlement {audited[seq]} as entry {seq}, the ledger "
                f"{entry.settlement}: it is another ledger, or went another way after it was "
                f"restored. {_WAY_OUT}",
                audit_seq=str(seq),
                ledger_seq=str(ledger_seq),
            )


def _settlements(folder: Path, segment: Segment) -> dict[int, str]:
    """Return the settlements of a segment by their place in the ledger."""
    found: dict[int, str] = {}
    for file in segment.files:
        if file.table != "settlements":
            continue
        try:
            rows = pq.ParquetFile(folder / file.path).read(columns=["seq", "settlement"])
        except (OSError, pa.ArrowException) as error:
            raise AuditCorrupt(
                f"{segment.named()}: {file.path} cannot be read: {error}", path=file.path
            ) from error
        places, names = rows["seq"].to_pylist(), rows["settlement"].to_pylist()
        found |= dict(zip(places, names, strict=True))
    return found
