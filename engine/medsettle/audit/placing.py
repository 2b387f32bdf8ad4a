"""Where in a file something was altered: its rows and columns, or its bytes.

What was altered is known by leaves and digests before; locators and block digests only place it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from medsettle import limits
from medsettle.audit.findings import Altered
from medsettle.audit.leaves import LOCATOR_BYTES, RowDigests
from medsettle.audit.seals import SealedFile, block_digests

# Beyond so many rows in which two files differ they are held to one another place by place.
_ALIGNED_ROWS_MAX: Final = 2_000
_MAGIC: Final = b"PAR1"
_TAIL_BYTES: Final = 8

DECODING_FAULTS: Final = (OSError, ValueError, MemoryError, OverflowError, pa.ArrowException)
"""What reading a damaged file ends in."""

Locators = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class PlacedRow:
    """A row that is not as it was; `at` counts from 0: in the file as it is, or as it was sealed.

    `was` is where a row that was moved stood when it was sealed.
    """

    kind: Altered
    at: int
    was: int | None = None


def placed_rows(sealed: Locators, found: Locators) -> list[PlacedRow]:
    """Return the rows by which a file differs from what was sealed of it, in order."""
    if len(sealed) == len(found):
        differing = np.flatnonzero(sealed != found)
        if not len(differing):
            return []
        if (np.sort(sealed) == np.sort(found)).all():
            return _moved(sealed, found, differing)
        if set(found[differing].tolist()).isdisjoint(sealed[differing].tolist()):
            return [PlacedRow(Altered.ROW_CHANGED, int(at)) for at in differing]
    return _aligned(sealed, found)


def _moved(sealed: Locators, found: Locators, differing: NDArray[np.int64]) -> list[PlacedRow]:
    places: dict[int, list[int]] = {}
    for at in differing[::-1].tolist():
        places.setdefault(int(sealed[at]), []).append(at)
    return [
        PlacedRow(Altered.ROWS_REORDERED, at, places[int(found[at])].pop())
        for at in differing.tolist()
    ]


def _aligned(sealed: Locators, found: Locators) -> list[PlacedRow]:
    """Return what differs after rows are aligned: what comes before and behind is taken off."""
    least = min(len(sealed), len(found))
    unlike = np.flatnonzero(sealed[:least] != found[:least])
    start = int(unlike[0]) if len(unlike) else least
    behind = np.flatnonzero(sealed[::-1][: least - start] != found[::-1][: least - start])
    end = int(behind[0]) if len(behind) else least - start
    old, new = sealed[start : len(sealed) - end], found[start : len(found) - end]
    if max(len(old), len(new)) > _ALIGNED_ROWS_MAX:
        steps: Sequence[tuple[str, int, int, int, int]] = [("replace", 0, len(old), 0, len(new))]
    else:
        matcher = SequenceMatcher(None, old.tolist(), new.tolist(), autojunk=False)
        steps = matcher.get_opcodes()
    placed: list[PlacedRow] = []
    for step, old_at, old_end, new_at, new_end in steps:
        if step == "equal":
            continue
        both = min(old_end - old_at, new_end - new_at)
        placed += [
            PlacedRow(Altered.ROW_CHANGED, start + new_at + each)
            for each in range(both)
            if old[old_at + each] != new[new_at + each]
        ]
        placed += [
            PlacedRow(Altered.ROW_DROPPED, start + each) for each in range(old_at + both, old_end)
        ]
        placed += [
            PlacedRow(Altered.ROW_INSERTED, start + each) for each in range(new_at + both, new_end)
        ]
    return placed


def changed_columns(sealed: SealedFile, found: RowDigests) -> str | None:
    """Return the columns whose values are others, with commas; None where none is."""
    names = [*sealed.columns, *(name for name in found.columns if name not in sealed.columns)]
    other = [name for name in names if sealed.columns.get(name) != found.columns.get(name)]
    return ", ".join(other) or None


@dataclass(frozen=True, slots=True)
class PlacedBytes:
    """A stretch of a file that is not as it was, both ends within, and what lies there."""

    first: int
    last: int
    what: str
    row_group: int | None = None
    column: str | None = None


def placed_bytes(sealed: SealedFile, content: bytes) -> PlacedBytes | None:
    """Return the first stretch of a file that differs from what was sealed; None for no blocks."""
    step = limits.SEAL_BLOCK_BYTES
    before, now = sealed.blocks, block_digests(content)
    for at in range(0, max(len(before), len(now)), LOCATOR_BYTES):
        if before[at : at + LOCATOR_BYTES] != now[at : at + LOCATOR_BYTES]:
            first = at // LOCATOR_BYTES * step
            last = max(first, min(first + step, max(len(content), sealed.size)) - 1)
            what, group, column = _lying(content, first, last)
            return PlacedBytes(first, last, what, group, column)
    return None


def _lying(content: bytes, first: int, last: int) -> tuple[str, int | None, str | None]:
    """Return what lies in a stretch of a Parquet file: column chunks, its footer, or nobody knows.

    Where one column chunk alone lies there, its row group and column are named.
    """
    if content[: len(_MAGIC)] != _MAGIC or content[-len(_MAGIC) :] != _MAGIC:
        return "the file is no Parquet any more", None, None
    footer = int.from_bytes(content[-_TAIL_BYTES : -len(_MAGIC)], "little")
    start = len(content) - _TAIL_BYTES - footer
    if first >= start:
        return "its footer", None, None
    chunks = [
        (group, name)
        for group, name, begin, end in _chunks(content)
        if begin <= last and end > first
    ]
    if len(chunks) == 1 and last < start:
        return f"column {chunks[0][1]} of row group {chunks[0][0]}", *chunks[0]
    named = ", ".join(dict.fromkeys(name for _, name in chunks))
    words = [f"columns {named}"] if named else []
    if last >= start:
        words.append("its footer")
    return " and ".join(words) or "no column", None, None


def _chunks(content: bytes) -> Iterator[tuple[int, str, int, int]]:
    """Yield row group, column, first byte and end of each column chunk, as far as can be told."""
    try:
        metadata = pq.ParquetFile(pa.BufferReader(content)).metadata
        for group in range(metadata.num_row_groups):
            for at in range(metadata.num_columns):
                chunk = metadata.row_group(group).column(at)
                begin = chunk.dictionary_page_offset or chunk.data_page_offset
                end = begin + chunk.total_compressed_size
                yield group, chunk.path_in_schema.split(".")[0], begin, end
    except DECODING_FAULTS:
        return


def unreadable_columns(content: bytes) -> list[tuple[int, str]]:
    """Return row group and name of each column that cannot be decoded; none for a bad footer."""
    try:
        file = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
        groups, names = file.num_row_groups, file.schema_arrow.names
    except DECODING_FAULTS:
        return []
    found = []
    for group in range(groups):
        for name in names:
            try:
                file.read_row_group(group, columns=[name], use_threads=False)
            except DECODING_FAULTS:
                found.append((group, name))
    return found
