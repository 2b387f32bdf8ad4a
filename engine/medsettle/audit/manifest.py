"""The manifest: which segments exist, in order, with the hash of every file, chained.

One line of JSON is one segment. A file that no line names does not exist, so writing the line is
the commit of a segment: everything before it may be lost or left half done. Each line holds its own
digest and that of the line before, so none can be changed, removed or inserted without changing all
that follow; the digest of the last line, noted elsewhere, seals the whole history.

A line cut short by a crash has no newline and counts for nothing. A line that has its newline and
does not fit is damage, and nothing is repaired: the ledger can write the segments again.
"""

import os
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

import orjson

from medsettle import durable
from medsettle.errors import AuditCorrupt

MANIFEST_NAME: Final = "manifest.jsonl"
FORMAT_VERSION: Final = 3
VERSIONS: Final = (2, FORMAT_VERSION)
"""Versions of segments that are read: those of version 2 tell no claims and no moves."""
_CLAIMS_SINCE: Final = 3
"""The first version of segments that tell claims and moves."""
NO_DIGEST: Final = "0" * 64
"""What the first line names as the digest before it."""


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """One Parquet file: table, path below the audit folder, size and SHA-256 in hex."""

    table: str
    path: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the ledger, `first_seq` to `last_seq` with both, and the files that hold it.

    `rows` counts ledger entries; what settles and moves nothing is among them and stands in no
    file. `last_entry` is the digest of the last of them, of whatever kind, by which the ledger is
    known again (`following.entry_digest`).
    """

    number: int
    first_seq: int
    last_seq: int
    rows: int
    last_entry: str
    files: tuple[SegmentFile, ...]
    previous: str
    version: int = FORMAT_VERSION

    @property
    def tells_claims(self) -> bool:
        """Whether claims, their lines and moves are among the files; since version 3 they are."""
        return self.version >= _CLAIMS_SINCE

    def line(self) -> bytes:
        """Return the manifest line, newline included."""
        return _canonical({**asdict(self), "digest": self.digest()}) + b"\n"

    def digest(self) -> str:
        """Return the SHA-256 over everything that the line says, in hex."""
        return sha256(_canonical(asdict(self))).hexdigest()

    def named(self) -> str:
        """Return how messages name this segment."""
        return f"segment {self.number} (seq {self.first_seq} to {self.last_seq})"


@dataclass(frozen=True, slots=True)
class Head:
    """Where an audit log ends. Two logs with the same `digest` have the same history.

    `unlisted` names Parquet files that no line of the manifest names: of a segment being written or
    left by a crash, or put there by somebody.
    """

    segments: int
    last_seq: int
    digest: str
    unlisted: tuple[str, ...] = ()


def _canonical(content: dict[str, object]) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def read_segments(folder: Path) -> list[Segment]:
    """Return the segments of an audit folder, oldest first; none when it has no manifest.

    Raises:
        AuditCorrupt: A line was changed, or one is missing or out of order; the first is named.
    """
    path = folder / MANIFEST_NAME
    return _parse(path.read_bytes())[0] if path.exists() else []


def _parse(content: bytes) -> tuple[list[Segment], int]:
    """Return the segments and the number of bytes they take."""
    *lines, tail = content.split(b"\n")
    segments: list[Segment] = []
    for line in lines:
        segments.append(_segment(line, segments[-1] if segments else None, len(segments) + 1))
    # A cut-off line is the beginning of one. A whole line and one more byte is a newline gone bad.
    if tail and segment_of(tail[:-1]) is not None:
        raise _corrupt(len(segments) + 1, "its newline is damaged")
    return segments, len(content) - len(tail)


def _segment(line: bytes, before: Segment | None, number: int) -> Segment:
    found = segment_of(line)
    if found is None:
        raise _corrupt(number, "it was changed, or is no manifest line of this version")
    previous, first_seq = (before.digest(), before.last_seq + 1) if before else (NO_DIGEST, 1)
    if found.number != number or found.previous != previous:
        raise _corrupt(number, f"it does not follow line {number - 1}; a line was removed or moved")
    count = found.last_seq - found.first_seq + 1
    if found.first_seq != first_seq or not count == found.rows >= 1:
        raise _corrupt(
            number,
            f"it covers seq {found.first_seq} to {found.last_seq} in {found.rows} rows, "
            f"but should start at {first_seq} and leave no gap",
        )
    return found


def read_leniently(folder: Path) -> tuple[list[Segment], list[tuple[int, str]]]:
    """Return the segments whose lines are whole, and what is wrong with lines: number and words.

    A line that cannot be read is told and left out; what follows one that was told is taken as it
    is, so that each fault is told once.
    """
    path = folder / MANIFEST_NAME
    *lines, tail = path.read_bytes().split(b"\n") if path.exists() else (b"",)
    found: dict[int, Segment] = {}
    faults: list[tuple[int, str]] = []
    before: Segment | None = None
    told = False
    for line in lines:
        number = before.number + 1 if before else 1
        segment = segment_of(line)
        if segment is None or not told:
            try:
                _segment(line, before, number)
            except AuditCorrupt as error:
                faults.append((number, str(error)))
        told = segment is None
        if segment is not None:
            before = found.setdefault(segment.number, segment)
    if tail and (segment := segment_of(tail[:-1])) is not None:
        faults.append((segment.number, str(_corrupt(segment.number, "its newline is damaged"))))
        found.setdefault(segment.number, segment)
    return [found[number] for number in sorted(found)], faults


def segment_of(line: bytes) -> Segment | None:
    """Return the segment of a line that is exactly as it was written, else None."""
    try:
        content = orjson.loads(line)
        del content["digest"]
        files = tuple(SegmentFile(**file) for file in content.pop("files"))
        segment = Segment(**content, files=files)
        same = segment.version in VERSIONS and segment.line() == line + b"\n"
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return segment if same else None


def _corrupt(line: int, message: str) -> AuditCorrupt:
    return AuditCorrupt(f"{MANIFEST_NAME}:{line}: segment {line}: {message}", segment=str(line))


class Manifest:
    """The manifest of an audit folder, open for its one writer."""

    def __init__(self, folder: Path) -> None:
        """Open the manifest, cutting off a line that a crash left unfinished; create it if missing.

        Raises:
            AuditCorrupt: A line does not fit.
            OSError: The folder cannot be written.
        """
        path = folder / MANIFEST_NAME
        self._file = path.open("a+b")
        try:
            self._file.seek(0)
            content = self._file.read()
            self.segments, whole_bytes = _parse(content)
            if whole_bytes < len(content):
                self._file.truncate(whole_bytes)
            if self.segments:
                # A crash may have come of a sync that failed, and only the last line can be of one.
                durable.write_again(path, whole_bytes - len(self.segments[-1].line()))
            os.fsync(self._file.fileno())
            durable.sync_folder(folder)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def last_seq(self) -> int:
        """The last ledger entry in the audit tables, 0 when there is none."""
        return self.segments[-1].last_seq if self.segments else 0

    def append(self, last_seq: int, last_entry: str, files: tuple[SegmentFile, ...]) -> Segment:
        """Make the segment that follows exist; its files must be durable before.

        Raises:
            OSError: The line could not be written durably. Whether it was is unknown: close the
                manifest and open it again in another process.
        """
        first_seq = self.last_seq + 1
        segment = Segment(
            number=len(self.segments) + 1,
            first_seq=first_seq,
            last_seq=last_seq,
            rows=last_seq - first_seq + 1,
            last_entry=last_entry,
            files=files,
            previous=self.segments[-1].digest() if self.segments else NO_DIGEST,
        )
        self._file.write(segment.line())
        self._file.flush()
        os.fsync(self._file.fileno())
        self.segments.append(segment)
        return segment

    def close(self) -> None:
        """Let go of the file. Closing twice is harmless."""
        self._file.close()
