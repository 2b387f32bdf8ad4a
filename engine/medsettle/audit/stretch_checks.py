"""One stretch of segments against what was sealed of it: which rows, files and lines are others."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from medsettle.audit.findings import Altered, Finding, Findings
from medsettle.audit.leaves import Numbers, RowDigests, entry_leaves, row_digests
from medsettle.audit.manifest import MANIFEST_NAME, Segment
from medsettle.audit.placing import (
    DECODING_FAULTS,
    PlacedRow,
    changed_columns,
    placed_bytes,
    placed_rows,
    unreadable_columns,
)
from medsettle.audit.seals import SealedFile, SealedSegment
from medsettle.audit.segments import partition_of, read_parquet

_SETTLEMENT = "settlement"


@dataclass(slots=True)
class _File:
    """A file as it is now; without rows where it is missing or cannot be decoded."""

    sealed: SealedFile
    content: bytes | None
    rows: pa.Table | None = None
    digests: RowDigests | None = None
    same: bool = False
    placed: list[PlacedRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Recomputed:
    """The leaves of a segment as its rows come to; None where rows could not be read.

    `others` are entries whose leaf is another than was sealed although no row of them was found
    altered.
    """

    leaves: list[bytes] | None
    others: list[int]


class SegmentChecks:
    """Holds segments to what was sealed of them, and adds what differs to the findings."""

    def __init__(self, folder: Path, findings: Findings, listed: dict[int, Segment]) -> None:
        """Begin.

        Args:
            folder: The audit folder.
            findings: Where what is found is added.
            listed: Segments of the manifest by number, those whose line cannot be read left out.
        """
        self._folder = folder
        self._findings = findings
        self._listed = listed
        self._paths: dict[str, str] | None = None

    def check_line(self, sealed: SealedSegment, before: str, faulty: bool) -> None:
        """Hold the line of the manifest to what was sealed.

        Args:
            sealed: The segment.
            before: Digest of the segment before, as sealed.
            faulty: Whether it was found before that the line is damaged.
        """
        line = self._listed.get(sealed.number)
        name = f"segment {sealed.number} (seq {sealed.first_seq} to {sealed.last_seq})"
        if line is None:
            if not faulty:
                self._add_line(sealed, f"{MANIFEST_NAME}: the line of {name} was removed")
            return
        # Lines that follow a changed one were chained anew and are else as they were.
        if replace(line, previous=before).digest() == sealed.digest or faulty:
            return
        self._add_line(
            sealed, f"{MANIFEST_NAME}:{sealed.number}: {name} was written anew since it was sealed"
        )
        known = {file.path for file in sealed.files}
        for file in line.files:
            if file.path not in known:
                self._findings.add(
                    sealed.first_seq,
                    Finding(
                        Altered.FILE_ADDED,
                        f"{name}: {file.path} was added to it after it was sealed",
                        *(file.path, sealed.number, file.table),
                    ),
                )

    def _add_line(self, sealed: SealedSegment, message: str) -> None:
        finding = Finding(
            Altered.MANIFEST, message, MANIFEST_NAME, sealed.number, line=sealed.number
        )
        self._findings.add(sealed.first_seq, finding)

    def check_rows(self, sealed: SealedSegment, stored: Sequence[bytes]) -> Recomputed:
        """Hold the files of a segment to what was sealed, and return what their rows come to.

        Args:
            sealed: The segment; a file of which no columns are known cannot be placed within.
            stored: The leaves of its entries as they are kept.
        """
        files = [self._read(sealed, each) for each in sealed.files]
        readable = [each.digests for each in files if each.digests is not None]
        leaves = entry_leaves(sealed.first_seq, sealed.last_seq, readable)
        first = sealed.first_seq
        others = [
            first + at
            for at, (one, two) in enumerate(zip(leaves, stored, strict=True))
            if one != two
        ]
        explained: set[int] = set()
        for each in files:
            explained |= self._tell_rows(sealed, each, files, others)
        rest = [seq for seq in others if seq not in explained]
        lost = [each for each in files if each.digests is None]
        for each in lost:
            self._tell_lost(sealed, each, files, rest)
        for each in files:
            unplaced = each.digests is not None and not each.same and not each.placed
            if unplaced and (lost or not rest):
                self._tell_bytes(sealed, each)
        return Recomputed(None if lost else leaves, [] if lost else rest)

    def _read(self, segment: SealedSegment, sealed: SealedFile) -> _File:
        try:
            content = (self._folder / sealed.path).read_bytes()
        except OSError:
            return _File(sealed, None)
        found = _File(sealed, content, same=sha256(content).hexdigest() == sealed.sha256)
        try:
            found.rows = read_parquet(content)
            found.digests = row_digests(sealed.table, partition_of(sealed.path), found.rows)
        except DECODING_FAULTS:
            found.rows = found.digests = None
            return found
        if sealed.columns:
            found.placed = placed_rows(sealed.locators, found.digests.locators())
        if not found.placed:
            found.placed = _out_of_place(found.digests.seqs, segment)
        return found

    def _tell_rows(
        self, sealed: SealedSegment, file: _File, files: list[_File], others: list[int]
    ) -> set[int]:
        """Tell each row that is another, and return the entries that this explains."""
        if file.digests is None or not file.placed:
            return set()
        if (path := self._sealed_elsewhere(file)) is not None:
            self._tell_file(sealed, file, Altered.FILE_SWAPPED, f"holds what was sealed as {path}")
            return set(others)
        columns = changed_columns(file.sealed, file.digests)
        explained = set()
        told = [(each, _seq_of(each, file, others, columns)) for each in file.placed]
        first = min(seq for _, seq in told)
        for each, seq in told:
            explained |= {seq, *_seqs_there(each, file.digests)}
            named = columns if each.kind is Altered.ROW_CHANGED else None
            settlement = _settlement_of(seq, file, files)
            of = f"entry {seq}" + (f", settlement {settlement}" if settlement else "")
            message = f"row {each.at + 1} of {file.sealed.path}, {of}: {_WORDS[each.kind]}"
            message += f" in {named}" if named else ""
            message += f"; it was row {each.was + 1}" if each.was is not None else ""
            # Rows that were moved begin where the first of them stands in the file.
            self._findings.add(
                first if each.kind is Altered.ROWS_REORDERED else seq,
                _finding(
                    *(each.kind, sealed, file.sealed, message),
                    seq=seq,
                    settlement=settlement,
                    row=each.at + 1,
                    column=named,
                ),
            )
        return explained

    def _sealed_elsewhere(self, file: _File) -> str | None:
        """Return the path under which the manifest has what a file holds now, if under another."""
        assert file.content is not None
        if self._paths is None:
            every = (each for segment in self._listed.values() for each in segment.files)
            self._paths = {each.sha256: each.path for each in every}
        path = self._paths.get(sha256(file.content).hexdigest())
        return path if path != file.sealed.path else None

    def _tell_lost(
        self, sealed: SealedSegment, file: _File, files: list[_File], rest: list[int]
    ) -> None:
        """Tell of a file that is missing or cannot be decoded."""
        seq = rest[0] if rest else None
        if file.content is None:
            rows = f" with {len(file.sealed.locators)} row(s)" if file.sealed.columns else ""
            self._tell_file(sealed, file, Altered.FILE_MISSING, f"is missing{rows}", seq, files)
            return
        columns = unreadable_columns(file.content)
        place = placed_bytes(file.sealed, file.content) if file.sealed.columns else None
        words = [f"column {name} of row group {group}" for group, name in columns] or ["its footer"]
        message = f"cannot be decoded: {', '.join(words)}"
        if place is not None:
            message += f"; bytes {place.first} to {place.last} are the first that differ"
        group, column = columns[0] if columns else (None, None)
        finding = _finding(
            *(Altered.UNREADABLE, sealed, file.sealed, f"{file.sealed.path} {message}"),
            column=column,
            row_group=group,
            first_byte=None if place is None else place.first,
            last_byte=None if place is None else place.last,
        )
        self._findings.add(sealed.first_seq, finding)

    def _tell_file(
        self,
        sealed: SealedSegment,
        file: _File,
        kind: Altered,
        message: str,
        seq: int | None = None,
        files: Sequence[_File] = (),
    ) -> None:
        settlement = _settlement_of(seq, file, files) if seq is not None else None
        message = f"{file.sealed.path} {message}"
        finding = _finding(kind, sealed, file.sealed, message, seq=seq, settlement=settlement)
        self._findings.add(seq or sealed.first_seq, finding)

    def _tell_bytes(self, sealed: SealedSegment, file: _File) -> None:
        """Tell of a file whose rows are as they were sealed, but not its bytes."""
        assert file.content is not None
        place = placed_bytes(file.sealed, file.content) if file.sealed.columns else None
        message = "has other bytes than were sealed, and the same rows"
        if place is not None:
            message += f": bytes {place.first} to {place.last}, {place.what}"
        finding = _finding(
            *(Altered.BYTES, sealed, file.sealed, f"{file.sealed.path} {message}"),
            column=None if place is None else place.column,
            row_group=None if place is None else place.row_group,
            first_byte=None if place is None else place.first,
            last_byte=None if place is None else place.last,
        )
        self._findings.add(sealed.first_seq, finding)


_WORDS = {
    Altered.ROW_CHANGED: "was changed",
    Altered.ROW_DROPPED: "was dropped",
    Altered.ROW_INSERTED: "was inserted",
    Altered.ROWS_REORDERED: "was moved",
}


def _finding(
    kind: Altered,
    sealed: SealedSegment,
    file: SealedFile,
    message: str,
    **place: Any,  # noqa: ANN401 - where it is: fields of a finding
) -> Finding:
    where: dict[str, Any] = {"path": file.path, "segment": sealed.number, "table": file.table}
    return Finding(kind, f"{_named(sealed)}: {message}", **where, **place)


def _named(sealed: SealedSegment) -> str:
    return f"segment {sealed.number} (seq {sealed.first_seq} to {sealed.last_seq})"


def _out_of_place(seqs: Numbers, segment: SealedSegment) -> list[PlacedRow]:
    """Return rows out of ledger order or of entries that are not of their segment."""
    inside = (seqs >= segment.first_seq) & (seqs <= segment.last_seq)
    strange = [PlacedRow(Altered.ROW_INSERTED, int(at)) for at in np.flatnonzero(~inside)]
    back = np.flatnonzero(np.diff(seqs) < 0) + 1
    return strange or [PlacedRow(Altered.ROWS_REORDERED, int(at)) for at in back]


def _seq_of(row: PlacedRow, file: _File, others: list[int], columns: str | None) -> int:
    """Return the entry whose row was altered: that of the row as it was sealed."""
    assert file.digests is not None
    seqs = file.digests.seqs
    if row.kind is Altered.ROW_DROPPED:
        before = sum(each.kind is Altered.ROW_DROPPED and each.at < row.at for each in file.placed)
        behind = row.at - before
        around = (seqs[behind - 1] if behind > 0 else None, _at(seqs, behind))
    elif row.kind is Altered.ROW_CHANGED and "seq" in (columns or "").split(", "):
        around = (seqs[row.at - 1] if row.at else None, _at(seqs, row.at + 1))
    else:
        return int(seqs[row.at])
    least = others[0] if around[0] is None and others else around[0]
    most = others[-1] if around[1] is None and others else around[1]
    if least is None or most is None:
        return int(seqs[row.at]) if row.at < len(seqs) else 0
    between = [seq for seq in others if least <= seq <= most]
    # Of the entry that a changed seq now claims to be of, the leaf is another too.
    claimed = int(seqs[row.at]) if row.kind is Altered.ROW_CHANGED else None
    apart = [seq for seq in between if seq != claimed]
    return next(iter(apart or between), int(least))


def _at(seqs: Numbers, at: int) -> int | None:
    return int(seqs[at]) if at < len(seqs) else None


def _seqs_there(row: PlacedRow, digests: RowDigests) -> set[int]:
    """Return the entry that a row is said to be of now."""
    if row.kind is Altered.ROW_DROPPED:
        return set()
    return {int(digests.seqs[row.at])}


def _settlement_of(seq: int, file: _File, files: Sequence[_File]) -> str | None:
    """Return the settlement of an entry, as another file tells it, or else its own."""
    for each in (*(other for other in files if other is not file), file):
        if each.rows is None or each.digests is None or _SETTLEMENT not in each.rows.schema.names:
            continue
        there = np.flatnonzero(each.digests.seqs == seq)
        if len(there):
            return str(each.rows.column(_SETTLEMENT)[int(there[0])].as_py())
    return None
