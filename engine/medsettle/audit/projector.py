"""Writing the audit tables behind the ledger, exactly once.

The ledger numbers its entries without gaps, and the manifest says up to which number they have been
projected; there is no other cursor that could disagree. A crash before the manifest line leaves
files that nothing names, which the next start removes before it projects the same entries again.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from medsettle import durable, limits
from medsettle.audit.following import LedgerFeed, check_follows, entry_digest
from medsettle.audit.locking import locked
from medsettle.audit.manifest import MANIFEST_NAME, Manifest
from medsettle.audit.segments import (
    AUDIT_TABLES,
    LedgerRow,
    Posted,
    moving_stretches,
    segment_tables,
    write_segment,
)
from medsettle.errors import AuditCorrupt, InternalError
from medsettle.privacy.pseudonyms import Pseudonyms

__all__ = ["LedgerFeed", "LedgerRow", "Projector"]

LOCK_NAME: Final = "projector.lock"


class Projector:
    """Projects a ledger into one audit folder, of which it is the only writer."""

    def __init__(
        self, ledger: LedgerFeed, folder: Path, pseudonyms: Pseudonyms | None = None
    ) -> None:
        """Open the folder, made in its parent if need be, and remove what a crash left behind.

        Args:
            ledger: What is projected.
            folder: The audit tables.
            pseudonyms: What persons and cards are told by; None tells them as they are.

        Raises:
            AuditCorrupt: The manifest is damaged or missing, knows more than the ledger or another
                entry, or files lie in the folder that no crash explains. Nothing is removed
                then.
            Precondition: Another projector has the folder open.
            OSError: The folder cannot be written.
        """
        self._ledger = ledger
        self._pseudonyms = pseudonyms
        self.folder = folder
        folder.mkdir(exist_ok=True)
        durable.sync_folder(folder.parent)
        self._lock = locked(folder / LOCK_NAME, f"another projector writes {folder}; stop it first")
        try:
            self._manifest = _open_manifest(folder)
            try:
                check_follows(folder, self._manifest.segments, ledger)
                _remove_leftovers(folder, self._manifest)
            except BaseException:
                self._manifest.close()
                raise
        except BaseException:
            self._lock.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def last_seq(self) -> int:
        """The last ledger entry in the audit tables, 0 when there is none."""
        return self._manifest.last_seq

    @property
    def closed(self) -> bool:
        """Whether the folder has been let go of, by `close` or because the disk failed."""
        return self._lock.closed

    def run_once(self, max_rows: int = limits.AUDIT_SEGMENT_ROWS_MAX) -> int:
        """Project the entries that follow, as one segment, and return how many they were.

        Fewer than `max_rows` means that the end was reached or that the records were large. 0 means
        that there is nothing to do.

        Raises:
            LedgerUnavailable: The ledger cannot be read. Nothing was written.
            InternalError: A record is not a settlement. Nothing was written.
            Precondition: The newest key of pseudonyms cannot be used. Nothing was written.
            OSError: The disk failed. The projector has closed itself; what it had not finished is
                removed and written again by the next one.
        """
        assert 1 <= max_rows <= limits.AUDIT_SEGMENT_ROWS_MAX, max_rows
        if self.closed:
            raise InternalError("the projector is closed; open a new one")
        entries = self._next_entries(max_rows)
        if not entries:
            return 0
        if self._pseudonyms is not None:
            # After the entries were read: whoever makes a new key tells the links of all persons
            # recorded by then, and so of whatever still comes out under the old one.
            self._pseudonyms.refresh()
        tables = segment_tables(entries, moves_of(self._ledger, entries), self._pseudonyms)
        first_seq, last_seq = entries[0].seq, entries[-1].seq
        try:
            files = write_segment(self.folder, first_seq, last_seq, tables)
            self._manifest.append(last_seq, entry_digest(entries[-1]), files)
        except BaseException:
            self.close()
            raise
        return len(entries)

    def close(self) -> None:
        """Let go of the folder. Closing twice is harmless."""
        self._manifest.close()
        self._lock.close()

    def _next_entries(self, max_rows: int) -> list[LedgerRow]:
        return next_entries(self._ledger, self.last_seq, max_rows)


def next_entries(ledger: LedgerFeed, last_seq: int, max_rows: int) -> list[LedgerRow]:
    """Return the entries of the segment that follows an entry; none at the end of the ledger.

    Raises:
        LedgerUnavailable: The ledger cannot be read.
        InternalError: It has a gap.
    """
    entries: list[LedgerRow] = []
    size_bytes = 0
    while len(entries) < max_rows and size_bytes < limits.AUDIT_SEGMENT_BYTES_MAX:
        after_seq = last_seq + len(entries)
        wanted = min(limits.PAGE_SIZE_MAX, max_rows - len(entries))
        page = ledger.page(after_seq=after_seq, limit=wanted)
        seqs = [entry.seq for entry in page]
        if seqs != list(range(after_seq + 1, after_seq + 1 + len(page))):
            raise InternalError(f"the ledger has a gap after seq {after_seq}; verify it")
        for entry in page:
            entries.append(entry)
            size_bytes += len(entry.record)
            if size_bytes >= limits.AUDIT_SEGMENT_BYTES_MAX:
                break
        if len(page) < wanted:
            break
    return entries


def moves_of(ledger: LedgerFeed, entries: Sequence[LedgerRow]) -> list[Posted]:
    """Return the postings of entries that `segment_tables` makes moves of.

    Raises:
        LedgerUnavailable: The ledger cannot be read.
    """
    stretches = moving_stretches(entries)
    return [each for first, last in stretches for each in ledger.postings(first, last)]


def _open_manifest(folder: Path) -> Manifest:
    # The manifest is made durable before the first segment, so segments without one are damage.
    if not (folder / MANIFEST_NAME).exists() and _parquet_files(folder):
        raise AuditCorrupt(f"{folder / MANIFEST_NAME} is missing, but there are segments")
    return Manifest(folder)


def _parquet_files(folder: Path) -> list[Path]:
    return sorted(path for table in AUDIT_TABLES for path in folder.glob(f"{table}/**/*.parquet"))


def _remove_leftovers(folder: Path, manifest: Manifest) -> None:
    # A crash interrupts one segment: the one that starts where the manifest ends. Anything else
    # that no line names means that lines are gone, and removing it would finish the loss.
    listed = {folder / file.path for segment in manifest.segments for file in segment.files}
    unlisted = [path for path in _parquet_files(folder) if path not in listed]
    interrupted = f"{manifest.last_seq + 1:012d}-"
    for path in unlisted:
        if not path.name.startswith(interrupted):
            raise AuditCorrupt(
                f"{path} is not in the manifest, which ends at seq {manifest.last_seq}: lines of "
                "the manifest are gone, or the file was put there",
                path=str(path),
            )
    unfinished = [path for table in AUDIT_TABLES for path in folder.glob(f"{table}/**/*.tmp")]
    for path in (*unlisted, *unfinished):
        path.unlink()
        # A name that came back after a power cut would later be one that nothing explains.
        durable.sync_folder(path.parent)
