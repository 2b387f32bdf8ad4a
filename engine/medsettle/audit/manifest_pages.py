"""A part of a manifest, read without the rest: however long it is, a part costs the same.

A line is found by its place, the number of bytes before it. What lies before or behind a place is
read, each line is held to its own digest and to the line before it within the part; that the whole
chain holds is said by `verification.verify` alone.
"""

import mmap
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from medsettle.audit.manifest import MANIFEST_NAME, Segment, segment_of
from medsettle.errors import AuditCorrupt

_BLOCK_BYTES: Final = 64 * 1024
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Placed:
    """A segment, the place of its line, and its digest."""

    place: int
    segment: Segment
    digest: str


def last_segment(folder: Path) -> Placed | None:
    """Return the last segment of an audit folder; None where there is none.

    Raises:
        AuditCorrupt: Its line was changed.
    """
    found = segments_before(folder, None, 1)
    return found[0] if found else None


def segments_before(folder: Path, place: int | None, count: int) -> list[Placed]:
    """Return up to `count` segments before a place, newest first; those at the end for no place.

    Raises:
        AuditCorrupt: A line was changed, or is not followed by the next one.
    """
    path = folder / MANIFEST_NAME
    if not path.exists():
        return []
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        start = end = size if place is None else min(place, size)
        content = b""
        # A line more than asked for, whose end is where the first one begins; a line without a
        # newline at the end of the file counts for nothing.
        while start > 0 and content.count(b"\n") <= count + 1:
            start = max(0, start - _BLOCK_BYTES)
            file.seek(start)
            content = file.read(end - start)
    first = 0 if start == 0 else content.index(b"\n") + 1
    found = _lines(content[first:], start + first)
    return found[::-1][:count]


def segments_after(folder: Path, place: int, count: int) -> list[Placed]:
    """Return up to `count` segments after the one at a place, newest first.

    Raises:
        AuditCorrupt: As for `segments_before`.
    """
    return _from(folder, place, count + 1)[:0:-1]


def segment_at(folder: Path, place: int) -> Segment | None:
    """Return the segment whose line begins at a place; None where none does.

    Raises:
        AuditCorrupt: Its line was changed.
    """
    found = _from(folder, place, 1)
    return found[0].segment if found else None


def _from(folder: Path, place: int, count: int) -> list[Placed]:
    """Return up to `count` segments from the one at a place on, oldest first."""
    path = folder / MANIFEST_NAME
    if not path.exists() or place >= path.stat().st_size:
        return []
    with path.open("rb") as file:
        file.seek(max(0, place - 1))
        if place > 0 and file.read(1) != b"\n":
            # No line begins here; whoever asks has the place of none.
            return []
        lines = [file.readline() for _ in range(count)]
    return _lines(b"".join(lines), place)


def segment_with(folder: Path, digest: str) -> Segment | None:
    """Return the segment of a digest that somebody noted; None where there is none.

    Raises:
        AuditCorrupt: Its line was changed.
    """
    path = folder / MANIFEST_NAME
    if not _DIGEST.fullmatch(digest) or not path.exists() or not path.stat().st_size:
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        place = content.find(b'{"digest":"%s"' % digest.encode())
        if place < 0:
            return None
        content.seek(place)
        line = content.readline()
    found = _lines(line, place)
    return found[0].segment if found else None


def _lines(content: bytes, place: int) -> list[Placed]:
    """Return the segments of whole lines, oldest first."""
    found: list[Placed] = []
    *lines, _cut_off = content.split(b"\n")
    for line in lines:
        segment = segment_of(line)
        before = found[-1] if found else None
        if segment is None or (before is not None and segment.previous != before.digest):
            named = "" if before is None else before.segment.named()
            after = f"the one after {named}" if named else "the first of a part"
            raise AuditCorrupt(
                f"{MANIFEST_NAME}: the line at byte {place}, {after}, was changed, or does not "
                "follow; verify the tables, which names the first fault"
            )
        found.append(Placed(place, segment, segment.digest()))
        place += len(line) + 1
    return found
