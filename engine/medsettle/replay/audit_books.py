"""The audit tables that a history is made of: those of a folder, or of a ledger and its folder."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self
from urllib.parse import unquote

import numpy as np
import pyarrow as pa

from medsettle import durable, limits
from medsettle.audit import LedgerFeed, Segment, check_follows, read_segments, verify
from medsettle.audit.following import entry_digest
from medsettle.audit.projector import moves_of, next_entries
from medsettle.audit.segments import (
    AUDIT_TABLES,
    PARTITION_COLUMNS,
    segment_tables,
    write_segment,
)
from medsettle.core.columns import Column, Kind
from medsettle.errors import Precondition
from medsettle.privacy.pseudonyms import Pseudonyms
from medsettle.replay.coded_files import read_coded
from medsettle.replay.one_key import under_one_key

_EMPTY: Final = "the ledger is empty: nobody has settled anything yet"


@dataclass(frozen=True, slots=True)
class LedgerEnd:
    """The last entry that counts of a ledger: its place, and the digest that knows it again."""

    last_seq: int
    digest: str

    @classmethod
    def in_folder(cls, folder: Path, seq: int | None = None) -> Self:
        """Return the last entry that an audit folder tells; no file but the manifest is read.

        Args:
            folder: Its audit folder.
            seq: An entry to be told in place of the last one, where a segment ends with it.

        Raises:
            AuditCorrupt: The chain is broken; the first segment concerned is named.
            Precondition: There is no segment.
        """
        segments = _segments_in(folder)
        last = next((each for each in segments if each.last_seq == seq), segments[-1])
        return cls(last.last_seq, last.last_entry)

    @classmethod
    def of_ledger(cls, ledger: LedgerFeed, folder: Path, seq: int | None = None) -> Self:
        """Return the last entry of a ledger.

        Args:
            ledger: Is only read.
            folder: Its audit folder, of which the manifest is read; it need not be there.
            seq: An entry to be told in place of the last one, where the ledger has it.

        Raises:
            AuditCorrupt: The folder is that of another ledger, or its chain is broken.
            LedgerUnavailable: The ledger cannot be read.
            Precondition: The ledger is empty.
        """
        check_follows(folder, read_segments(folder), ledger)
        last_seq = ledger.last_seq()
        if last_seq == 0:
            raise Precondition(_EMPTY)
        wanted = seq if seq is not None and 1 <= seq <= last_seq else last_seq
        (entry,) = ledger.page(after_seq=wanted - 1, limit=1)
        return cls(entry.seq, entry_digest(entry))


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

    def rows(
        self, table: str, names: Sequence[str], areas: Collection[str] = ()
    ) -> Iterator[pa.Table]:
        """Yield the rows of a table file by file, small ones together.

        Args:
            table: Its name.
            names: The columns wanted, `seq` among them; what a file was written without is null.
            areas: Only files of these pooling areas; of all where none is named.

        Yields:
            Tables in which the rows of an entry are together and in order; codes are dictionaries.

        Raises:
            ArrowException, OSError: A file cannot be read.
        """
        columns = [column for column in AUDIT_TABLES[table] if column.name in names]
        waiting: list[pa.Table] = []
        for path in self.files[table]:
            area = _area_of(path)
            if areas and area not in areas:
                continue
            waiting.append(_read(path, columns, area))
            if sum(each.nbytes for each in waiting) >= limits.HISTORY_STRETCH_BYTES:
                yield pa.concat_tables(waiting).unify_dictionaries()
                waiting = []
        if waiting:
            yield pa.concat_tables(waiting).unify_dictionaries()

    @classmethod
    def in_folder(
        cls, folder: Path, pseudonyms: Pseudonyms | None = None, scratch: Path | None = None
    ) -> Self:
        """Return the tables of an audit folder, after verifying its chain and every file.

        Args:
            folder: The audit folder.
            pseudonyms: The keys, needed where not all files have their persons under one.
            scratch: Where such files are then written anew; it must stay as long as the tables are
                read.

        Raises:
            AuditCorrupt: The chain is broken; the first segment concerned is named.
            Precondition: There is no segment, one that was written before audit tables told
                claims, or persons under several keys and no keys to follow them by.
        """
        verify(folder)
        segments = _segments_in(folder)
        if old := [each for each in segments if not each.tells_claims]:
            raise Precondition(
                f"{old[-1].named()} of {folder} and those before it were written before audit "
                "tables told claims and moves. Name the data folder with the ledger, from which "
                "a history has them; or move this folder aside, and the next start of the server "
                "makes it again",
                folder=str(folder),
            )
        return cls._of(folder, segments)._under_one_key(pseudonyms, scratch)

    @classmethod
    def of_ledger(
        cls,
        ledger: LedgerFeed,
        folder: Path,
        scratch: Path,
        pseudonyms: Pseudonyms | None = None,
    ) -> Self:
        """Return the tables of a ledger; what its audit folder does not tell is made beside it.

        Args:
            ledger: Is only read.
            folder: Its audit folder, which is only read and need not be there.
            scratch: Where the rest is written; it must stay as long as the tables are read.
            pseudonyms: The keys by which persons are told; None tells the rest as it is.

        Raises:
            AuditCorrupt: The folder is damaged, or is that of another ledger.
            LedgerUnavailable: The ledger cannot be read.
            Precondition: The ledger is empty, or as for `in_folder`.
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
            tables = segment_tables(entries, moves_of(ledger, entries), pseudonyms)
            for file in write_segment(scratch, first_seq, last_seq, tables):
                files[file.table].append(scratch / file.path)
        if last_seq == 0:
            raise Precondition(_EMPTY)
        listed = {table: tuple(paths) for table, paths in files.items()}
        return cls(listed, last_seq, digest)._under_one_key(pseudonyms, scratch)

    def _under_one_key(self, pseudonyms: Pseudonyms | None, scratch: Path | None) -> Self:
        return replace(self, files=under_one_key(self.files, pseudonyms, scratch))

    @classmethod
    def _of(cls, folder: Path, segments: list[Segment]) -> Self:
        files: dict[str, list[Path]] = {table: [] for table in AUDIT_TABLES}
        for segment in segments:
            for file in segment.files:
                files[file.table].append(folder / file.path)
        listed = {table: tuple(paths) for table, paths in files.items()}
        last = segments[-1] if segments else None
        return cls(listed, last.last_seq if last else 0, last.last_entry if last else "")


def _segments_in(folder: Path) -> list[Segment]:
    """Return the segments of an audit folder, one at least.

    Raises:
        AuditCorrupt: The chain is broken; the first segment concerned is named.
        Precondition: There is none.
    """
    segments = read_segments(folder)
    if not segments:
        raise Precondition(
            f"{folder} has no segments of audit tables; name the folder with manifest.jsonl",
            folder=str(folder),
        )
    return segments


def _area_of(path: Path) -> str:
    """Return the pooling area of a file, which stands in its path alone."""
    named = dict(part.split("=", 1) for part in path.parts if "=" in part)
    return unquote(named[PARTITION_COLUMNS[0]])


def _read(path: Path, columns: Sequence[Column], area: str) -> pa.Table:
    held = read_coded(path, columns)
    there = {*held.column_names}
    arrays = []
    for column in columns:
        if column.name in there:
            arrays.append(held[column.name])
        elif column.name in PARTITION_COLUMNS:
            zeros = pa.array(np.zeros(held.num_rows, dtype=np.int32))
            arrays.append(pa.DictionaryArray.from_arrays(zeros, pa.array([area])))
        else:
            kind = column.arrow_field().type
            nulls = pa.nulls(held.num_rows, kind)
            arrays.append(nulls.dictionary_encode() if column.kind is Kind.CODE else nulls)
    return pa.table(arrays, names=[column.name for column in columns])
