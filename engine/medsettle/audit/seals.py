"""The seals beside the audit tables: what is kept of them, and how it is read.

    seals/seals.jsonl                       a line for each stretch of segments, chained
    seals/leaves.sha256                     32 bytes for each entry of the ledger
    seals/nodes-8.sha256                    32 bytes for each whole subtree of 256 entries
    seals/places/NNNNNNNNNNNN-….arrow       by which an altered row is placed, a file each stretch
    seals/checkpoints/NNNNNNNNNNNN.note     signed checkpoints, by the number of leaves

As with the manifest, writing the line commits a seal: what the other files hold beyond the last
line never was. None of these files ends in `.parquet`, so that no reader of the tables finds them.
"""

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from medsettle import limits
from medsettle.audit.leaves import COLUMN_BYTES, LOCATOR_BYTES
from medsettle.audit.manifest import NO_DIGEST
from medsettle.audit.notes import NoNote, Note, checkpoint_of, read_note
from medsettle.audit.tree import HASH_BYTES, KEPT_LEAVES, Tree
from medsettle.errors import AuditCorrupt

SEALS_FOLDER: Final = "seals"
JOURNAL_NAME: Final = "seals.jsonl"
LEAVES_NAME: Final = "leaves.sha256"
NODES_NAME: Final = "nodes-8.sha256"
PLACES_FOLDER: Final = "places"
CHECKPOINTS_FOLDER: Final = "checkpoints"
CHECKPOINT_SUFFIX: Final = ".note"
_VERSION: Final = 1
_BLOCK_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Seal:
    """A stretch of segments that were sealed together.

    `root` is that of the tree up to `last_seq`, in hex; `segments` the digest of the manifest's
    last line within; `places` and `places_sha256` the file by which rows are placed. `days` has
    each day of recording that has entries here, with the last of them; what is recorded of no
    moment belongs to the day of what was recorded before it.
    """

    number: int
    first_segment: int
    last_segment: int
    first_seq: int
    last_seq: int
    root: str
    segments: str
    places: str
    places_sha256: str
    days: tuple[tuple[str, int], ...]
    previous: str
    version: int = _VERSION

    def line(self) -> bytes:
        """Return the line of the journal, newline included."""
        return _canonical({**asdict(self), "digest": self.digest()}) + b"\n"

    def digest(self) -> str:
        """Return the SHA-256 over everything that the line says, in hex."""
        return sha256(_canonical(asdict(self))).hexdigest()


def _canonical(content: dict[str, object]) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def _seal_of(line: bytes) -> Seal | None:
    try:
        content = orjson.loads(line)
        del content["digest"]
        days = tuple((str(day), int(last)) for day, last in content.pop("days"))
        seal = Seal(**content, days=days)
        same = seal.version == _VERSION and seal.line() == line + b"\n"
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return seal if same else None


def parse_seals(content: bytes) -> tuple[list[Seal], int]:
    """Return the seals of a journal and the bytes they take; a line cut short counts for nothing.

    Raises:
        AuditCorrupt: A line was changed, or one is missing or out of order; the first is named.
    """
    *lines, tail = content.split(b"\n")
    seals: list[Seal] = []
    for number, line in enumerate(lines, 1):
        before = seals[-1] if seals else None
        found = _seal_of(line)
        if found is None:
            raise _corrupt(number, "it was changed, or is no line of this version")
        ends = (
            (before.digest(), before.last_seq, before.last_segment) if before else (NO_DIGEST, 0, 0)
        )
        if (found.previous, found.first_seq - 1, found.first_segment - 1) != ends:
            raise _corrupt(number, f"it does not follow line {number - 1}")
        seals.append(found)
    if tail and _seal_of(tail[:-1]) is not None:
        raise _corrupt(len(seals) + 1, "its newline is damaged")
    return seals, len(content) - len(tail)


def _corrupt(line: int, message: str) -> AuditCorrupt:
    text = f"{SEALS_FOLDER}/{JOURNAL_NAME}:{line}: {message}"
    return AuditCorrupt(text, path=f"{SEALS_FOLDER}/{JOURNAL_NAME}", line=str(line))


def read_seals(folder: Path) -> list[Seal]:
    """Return the seals of an audit folder, oldest first; none where nothing was sealed.

    Raises:
        AuditCorrupt: As for `parse_seals`.
    """
    path = folder / SEALS_FOLDER / JOURNAL_NAME
    return parse_seals(path.read_bytes())[0] if path.exists() else []


def last_seal(folder: Path) -> Seal | None:
    """Return the last seal of an audit folder, by its line alone; None where there is none.

    Raises:
        AuditCorrupt: Its line was changed.
    """
    path = folder / SEALS_FOLDER / JOURNAL_NAME
    if not path.exists():
        return None
    content = b""
    with path.open("rb") as file:
        start = file.seek(0, os.SEEK_END)
        # The line before the last ends where that begins; what has no newline counts for nothing.
        while start > 0 and content.count(b"\n") <= 1:
            start = max(0, start - _BLOCK_BYTES)
            file.seek(start)
            content = file.read()
    lines = content.split(b"\n")[:-1]
    if not lines:
        return None
    found = _seal_of(lines[-1])
    if found is None:
        raise AuditCorrupt(f"{path}: the last line was changed; verify the tables", path=str(path))
    return found


def sealed_to(folder: Path) -> int:
    """Return the last entry of an audit folder that is sealed; 0 where that cannot be read."""
    try:
        found = last_seal(folder)
    except (AuditCorrupt, OSError):
        return 0
    return found.last_seq if found is not None else 0


def day_ends(seals: list[Seal]) -> list[tuple[str, int]]:
    """Return each day of recording with its last entry, oldest first."""
    ends: dict[str, int] = {}
    for seal in seals:
        ends.update(seal.days)
    return sorted(ends.items())


@contextmanager
def opened_tree(folder: Path, size: int) -> Iterator[Tree]:
    """Open the tree over the first `size` entries of an audit folder.

    Raises:
        AuditCorrupt: Fewer leaves stand there.
    """
    path = folder / SEALS_FOLDER / LEAVES_NAME
    nodes = folder / SEALS_FOLDER / NODES_NAME
    wanted = size * HASH_BYTES
    if size and (not path.is_file() or path.stat().st_size < wanted):
        raise AuditCorrupt(
            f"{path} ends before entry {size}, which is sealed; it was cut off", path=str(path)
        )
    if not size:
        yield Tree(b"")
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as leaves:
        kept = nodes.read_bytes() if nodes.is_file() else b""
        # What is read from a map must be let go of before the map is.
        content = memoryview(leaves)[:wanted]
        tree = Tree(content, kept[: size // KEPT_LEAVES * HASH_BYTES])
        try:
            yield tree
        finally:
            tree.close()
            content.release()


@dataclass(frozen=True, slots=True)
class SealedFile:
    """What was sealed of one Parquet file, beside its leaves.

    `locators` has the first bytes of each row's digest, `columns` some bytes of the digest of each
    column's values, `blocks` of each stretch of `limits.SEAL_BLOCK_BYTES` of the file itself.
    """

    table: str
    path: str
    size: int
    sha256: str
    locators: NDArray[np.uint32]
    columns: dict[str, bytes]
    blocks: bytes


@dataclass(frozen=True, slots=True)
class SealedSegment:
    """A segment as it was when it was sealed; `digest` is that of its line of the manifest."""

    number: int
    first_seq: int
    last_seq: int
    digest: str
    files: tuple[SealedFile, ...]


def block_digests(content: bytes | memoryview) -> bytes:
    """Return four bytes of the SHA-256 of each block of a file."""
    view, step = memoryview(content), limits.SEAL_BLOCK_BYTES
    return b"".join(
        sha256(view[start : start + step]).digest()[:LOCATOR_BYTES]
        for start in range(0, len(view), step)
    )


_PLACES: Final = pa.schema(
    [
        *(("segment", pa.int64()), ("table", pa.string()), ("path", pa.string())),
        *(("bytes", pa.int64()), ("sha256", pa.binary(HASH_BYTES))),
        *(("rows", pa.large_binary()), ("columns", pa.string())),
        *(("column_digests", pa.binary()), ("blocks", pa.binary())),
    ]
)
_SEGMENTS: Final = b"segments"


def places_bytes(segments: list[SealedSegment]) -> memoryview:
    """Return the content of a file of places: an Arrow file with a row for each Parquet file."""
    rows: dict[str, list[Any]] = {name: [] for name in _PLACES.names}
    for segment in segments:
        for file in segment.files:
            rows["segment"].append(segment.number)
            rows["table"].append(file.table)
            rows["path"].append(file.path)
            rows["bytes"].append(file.size)
            rows["sha256"].append(bytes.fromhex(file.sha256))
            rows["rows"].append(file.locators.astype(">u4").tobytes())
            rows["columns"].append("\n".join(file.columns))
            rows["column_digests"].append(b"".join(file.columns.values()))
            rows["blocks"].append(file.blocks)
    told = [[each.number, each.first_seq, each.last_seq, each.digest] for each in segments]
    schema = _PLACES.with_metadata({_SEGMENTS: orjson.dumps(told)})
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(sink, schema, options=options) as writer:
        writer.write_table(pa.table(rows, schema=schema))
    return memoryview(sink.getvalue())


def read_places(content: bytes) -> list[SealedSegment]:
    """Return the segments of a file of places; its digest is checked by who reads it.

    Raises:
        ValueError: It is none.
    """
    try:
        table = pa.ipc.open_file(pa.BufferReader(content)).read_all()
        told = orjson.loads(table.schema.metadata[_SEGMENTS])
        by_segment: dict[int, list[SealedFile]] = {number: [] for number, *_ in told}
        for row in table.to_pylist():
            by_segment[row["segment"]].append(_sealed_file(row))
        return [
            SealedSegment(number, first, last, digest, tuple(by_segment[number]))
            for number, first, last, digest in told
        ]
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"is no file of places: {error}") from error


def _sealed_file(row: dict[str, Any]) -> SealedFile:
    names, digests = row["columns"].split("\n"), row["column_digests"]
    columns = {
        name: digests[at * COLUMN_BYTES : (at + 1) * COLUMN_BYTES] for at, name in enumerate(names)
    }
    locators = np.frombuffer(row["rows"], dtype=">u4").astype(np.uint32)
    return SealedFile(
        *(row["table"], row["path"], row["bytes"], row["sha256"].hex()),
        *(locators, columns, row["blocks"]),
    )


def checkpoint_paths(folder: Path) -> list[Path]:
    """Return the files of the checkpoints of an audit folder, the smallest tree first."""
    return sorted((folder / SEALS_FOLDER / CHECKPOINTS_FOLDER).glob(f"*{CHECKPOINT_SUFFIX}"))


def checkpoint_path(folder: Path, size: int) -> Path:
    """Return where the checkpoint over some leaves stands."""
    return folder / SEALS_FOLDER / CHECKPOINTS_FOLDER / f"{size:012d}{CHECKPOINT_SUFFIX}"


def read_checkpoint(path: Path) -> Note:
    """Return the note of a checkpoint, whoever signed it.

    Raises:
        AuditCorrupt: The file holds none.
        OSError: It cannot be read.
    """
    try:
        note = read_note(path.read_bytes())
        checkpoint_of(note)
    except NoNote as error:
        raise AuditCorrupt(f"{path} {error}", path=str(path)) from error
    return note
