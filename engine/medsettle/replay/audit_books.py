"""The audit tables that a history is made of: those of a folder, or of a ledger and its folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from medsettle import durable, limits
from medsettle.audit import LedgerFeed, Segment, check_follows, read_segments, verify
from medsettle.audit.following import entry_digest
from medsettle.audit.projector import moves_of, next_entries
from medsettle.audit.segments import AUDIT_TABLES, segment_tables, write_segment
from medsettle.errors import Precondition


@dataclass(frozen=True, slots=True)
class AuditBook:
    """The audit tables of one engine, up to an entry of its ledger.

    Attributes:
        files: The files of each table, in ledger order.
        last_seq: The last entry that is in them.
        digest: Of the last entry, by which the ledger is known again.
    """

    files: Mapping[str, tuple[Path, ...]]
    last_seq: int
    digest: str

    @classmethod
    def in_folder(cls, folder: Path) -> Self:
        """Return the tables of an audit folder, after verifying its chain and every file.

        Raises:
            AuditCorrupt: The chain is broken; the first segment concerned is named.
            Precondition: There is no segment, or one that was written before audit tables told
                claims.
        """
        verify(folder)
        segments = read_segments(folder)
        if not segments:
            raise Precondition(
                f"{folder} has no segments of audit tables; name the folder with manifest.jsonl",
                folder=str(folder),
            )
        if old := [each for each in segments if not each.tells_claims]:
            raise Precondition(
                f"{old[-1].named()} of {folder} and those before it were written before audit "
                "tables told claims and moves. Name the data folder with the ledger, from which "
                "a history has them; or move this folder aside, and the next start of the server "
                "makes it again",
                folder=str(folder),
            )
        return cls._of(folder, segments)

    @classmethod
    def of_ledger(cls, ledger: LedgerFeed, folder: Path, scratch: Path) -> Self:
        """Return the tables of a ledger; what its audit folder does not tell is made beside it.

        Args:
            ledger: Is only read.
            folder: Its audit folder, which is only read and need not be there.
            scratch: Where the rest is written; it must stay as long as the tables are read.

        Raises:
            AuditCorrupt: The folder is damaged, or is that of another ledger.
            LedgerUnavailable: The ledger cannot be read.
            Precondition: The ledger is empty.
            OSError: The disk failed.
        """
        segments = read_segments(folder) if folder.is_dir() else []
        check_follows(folder, segments, ledger)
        if segments and all(each.tells_claims for each in segments):
            verify(folder)
        else:
            segments = []
        found = cls._of(folder, segments)
        files = {table: [*paths] for table, paths in found.files.items()}
        last_seq, digest = found.last_seq, found.digest
        durable.make_folder(scratch)
        while entries := next_entries(ledger, last_seq, limits.AUDIT_SEGMENT_ROWS_MAX):
            first_seq, last_seq = last_seq + 1, entries[-1].seq
            digest = entry_digest(entries[-1])
            tables = segment_tables(entries, moves_of(ledger, entries))
            for file in write_segment(scratch, first_seq, last_seq, tables):
                files[file.table].append(scratch / file.path)
        if last_seq == 0:
            raise Precondition("the ledger is empty: nobody has settled anything yet")
        return cls({table: tuple(paths) for table, paths in files.items()}, last_seq, digest)

    @classmethod
    def _of(cls, folder: Path, segments: list[Segment]) -> Self:
        files: dict[str, list[Path]] = {table: [] for table in AUDIT_TABLES}
        for segment in segments:
            for file in segment.files:
                files[file.table].append(folder / file.path)
        listed = {table: tuple(paths) for table, paths in files.items()}
        last = segments[-1] if segments else None
        return cls(listed, last.last_seq if last else 0, last.last_entry if last else "")
