"""Sealing behind the projector: leaves of what stands in segments, and checkpoints over them.

Each entry is sealed exactly once: the journal says up to which segment, and what a crash left
beyond its last line is cut off before the same segments are sealed again, from files that are held
to the manifest first. Nothing here is on the way of a claim.
"""

import os
from collections.abc import Sequence
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

import numpy as np
import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from medsettle import durable, limits
from medsettle.audit import notes, seals
from medsettle.audit.leaves import Numbers, RowDigests, entry_leaves, row_digests
from medsettle.audit.locking import locked
from medsettle.audit.manifest import NO_DIGEST, Segment, read_segments
from medsettle.audit.notes import Checkpoint
from medsettle.audit.seals import Seal, SealedFile, SealedSegment
from medsettle.audit.segments import in_leaf_order, partition_of, read_parquet
from medsettle.audit.tree import HASH_BYTES, KEPT_LEAVES, whole_subtrees
from medsettle.core.dates import CHINA_STANDARD_TIME, date_of
from medsettle.errors import AuditCorrupt, Precondition

_LOCK_NAME: Final = "seal.lock"
_DAY_US: Final = 24 * 3_600 * 1_000_000
_OFFSET_US: Final = int(CHINA_STANDARD_TIME.utcoffset(None).total_seconds()) * 1_000_000
_UNSEALED: Final = Seal(0, 0, 0, 0, 0, "", NO_DIGEST, "", "", (), "")


class Sealer:
    """Seals one audit folder, of which it is the only sealer."""

    def __init__(self, folder: Path) -> None:
        """Open the seals, made where there are none, and cut off what a crash left behind.

        Raises:
            AuditCorrupt: The journal does not hold together, or knows more than the manifest.
            Precondition: Another process seals the folder.
            FileNotFoundError: There are no audit tables.
            OSError: The folder cannot be written.
        """
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is not there; settle something first")
        self.folder = folder
        self._seals_folder = folder / seals.SEALS_FOLDER
        for name in (seals.PLACES_FOLDER, seals.CHECKPOINTS_FOLDER):
            durable.make_folder(self._seals_folder / name)
        self._lock = locked(
            self._seals_folder / _LOCK_NAME,
            f"another process seals {folder}; wait for it, or let it do so",
        )
        try:
            self._open()
        except BaseException:
            self._lock.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the folder. Closing twice is harmless."""
        self._lock.close()

    @property
    def size(self) -> int:
        """How many entries are sealed."""
        return self.sealed[-1].last_seq if self.sealed else 0

    def seal_once(self) -> int:
        """Seal the segments that follow by one line, and return how many entries they have.

        0 means that there is nothing to do.

        Raises:
            AuditCorrupt: A file is not what the manifest says; nothing was sealed of the stretch.
            OSError: The disk failed; open another sealer.
        """
        before = self.sealed[-1] if self.sealed else _UNSEALED
        stretch = self._next(before)
        if not stretch:
            return 0
        leaves: list[bytes] = []
        told: list[SealedSegment] = []
        days = _Days(before.days[-1][0] if before.days else "")
        for segment in stretch:
            files = self._sealed_files(segment, days)
            digests = [digests for _, digests in files]
            leaves += entry_leaves(segment.first_seq, segment.last_seq, digests)
            sealed = tuple(file for file, _ in files)
            first, last = segment.first_seq, segment.last_seq
            told.append(SealedSegment(segment.number, first, last, segment.digest(), sealed))
        self._commit(before, stretch, b"".join(leaves), told, days.ends(stretch[-1].last_seq))
        return len(leaves)

    def sign(
        self, key: Ed25519PrivateKey, origin: str, today: date, *, to_the_end: bool = False
    ) -> list[Checkpoint]:
        """Sign a checkpoint for each day that has ended, and return those that were made.

        Args:
            key: Of the log.
            origin: What the log is called in its checkpoints.
            today: The day that has not ended.
            to_the_end: Whether one is signed over all that is sealed, too.

        Raises:
            AuditCorrupt: What is sealed does not begin with what was signed: nothing is signed.
            Precondition: Earlier checkpoints are of another origin or key.
            OSError: The disk failed.
        """
        notes.check_name(origin)
        ends = seals.day_ends(self.sealed)
        wanted = [(day, size) for day, size in ends if day < today.isoformat()]
        if to_the_end and self.size:
            wanted.append((ends[-1][0] if ends else "", self.size))
        signed = self._signed(key, origin)
        made = []
        with seals.opened_tree(self.folder, self.size) as tree:
            if signed is not None and tree.root(signed.size) != signed.root:
                raise AuditCorrupt(
                    f"the leaves do not come to the root of {signed.named()}, which was signed: "
                    "they were altered since; nothing was signed. See audit verify"
                )
            last = signed.size if signed is not None else 0
            for day, size in wanted:
                if size > last:
                    made.append(Checkpoint(origin, size, tree.root(size), self._lines(day, size)))
                    last = size
        for checkpoint in made:
            path = seals.checkpoint_path(self.folder, checkpoint.size)
            durable.put(path, notes.signed(checkpoint, key).content())
            durable.sync_folder(path.parent)
        return made

    def _open(self) -> None:
        journal = self._seals_folder / seals.JOURNAL_NAME
        content = journal.read_bytes() if journal.exists() else b""
        self.sealed, whole = seals.parse_seals(content)
        self._segments = read_segments(self.folder)
        last = self.sealed[-1] if self.sealed else _UNSEALED
        known = self._segments[last.last_segment - 1 : last.last_segment] if last.number else []
        if last.number and (not known or known[0].digest() != last.segments):
            raise AuditCorrupt(
                f"what was sealed up to segment {last.last_segment} is not in the manifest any "
                "more: it was cut off or changed. See audit verify"
            )
        line = len(self.sealed[-1].line()) if self.sealed else 0
        first = max(0, last.first_seq - 1)
        for name, start, size in (
            (seals.JOURNAL_NAME, whole - line, whole),
            (seals.LEAVES_NAME, first * HASH_BYTES, last.last_seq * HASH_BYTES),
            (seals.NODES_NAME, _nodes_bytes(first), _nodes_bytes(last.last_seq)),
        ):
            _cut(self._seals_folder / name, start, size)
        listed = {each.places for each in self.sealed}
        places = self._seals_folder / seals.PLACES_FOLDER
        for path in places.iterdir():
            name = f"{seals.PLACES_FOLDER}/{path.name}"
            if name not in listed:
                path.unlink()
            elif name == last.places:
                durable.write_again(path)
        durable.sync_folder(places)
        durable.sync_folder(self._seals_folder)

    def _next(self, before: Seal) -> list[Segment]:
        self._segments = read_segments(self.folder)
        stretch: list[Segment] = []
        entries = 0
        for segment in self._segments[before.last_segment :]:
            full = entries >= limits.SEAL_ENTRIES_MAX or len(stretch) >= limits.SEAL_SEGMENTS_MAX
            if full:
                break
            stretch.append(segment)
            entries += segment.rows
        return stretch

    def _sealed_files(self, segment: Segment, days: "_Days") -> list[tuple[SealedFile, RowDigests]]:
        found = []
        for file in in_leaf_order(segment.files):
            path = self.folder / file.path
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                content = b""
            if sha256(content).hexdigest() != file.sha256:
                raise AuditCorrupt(
                    f"{segment.named()}: {file.path} is not what the manifest says, so it is not "
                    "sealed; see audit verify",
                    segment=str(segment.number),
                    path=file.path,
                )
            rows = read_parquet(content)
            digests = row_digests(file.table, partition_of(file.path), rows)
            if file.table == "settlements":
                days.add(digests.seqs, rows.column("create_time"))
            sealed = SealedFile(
                *(file.table, file.path, file.bytes, file.sha256),
                *(digests.locators(), digests.columns, seals.block_digests(content)),
            )
            found.append((sealed, digests))
        return found

    def _commit(
        self,
        before: Seal,
        stretch: Sequence[Segment],
        leaves: bytes,
        told: list[SealedSegment],
        days: tuple[tuple[str, int], ...],
    ) -> None:
        """Make everything of a seal durable, its line last."""
        first, last = stretch[0], stretch[-1]
        content = seals.places_bytes(told)
        places = f"{seals.PLACES_FOLDER}/{first.first_seq:012d}-{last.last_seq:012d}.arrow"
        durable.put(self._seals_folder / places, content)
        durable.sync_folder(self._seals_folder / seals.PLACES_FOLDER)
        start = before.last_seq // KEPT_LEAVES * KEPT_LEAVES
        path = self._seals_folder / seals.LEAVES_NAME
        _append(path, leaves)
        with path.open("rb") as file:
            file.seek(start * HASH_BYTES)
            _append(self._seals_folder / seals.NODES_NAME, whole_subtrees(file.read()))
        with seals.opened_tree(self.folder, last.last_seq) as tree:
            root = tree.root()
        seal = Seal(
            *(before.number + 1, first.number, last.number, first.first_seq, last.last_seq),
            *(root.hex(), last.digest(), places, sha256(content).hexdigest(), days),
            previous=before.digest() if before.number else NO_DIGEST,
        )
        _append(self._seals_folder / seals.JOURNAL_NAME, seal.line())
        self.sealed.append(seal)

    def _signed(self, key: Ed25519PrivateKey, origin: str) -> Checkpoint | None:
        """Return the newest checkpoint, after checking that it is of this origin and key."""
        paths = seals.checkpoint_paths(self.folder)
        if not paths:
            return None
        note = seals.read_checkpoint(paths[-1])
        checkpoint = notes.checkpoint_of(note)
        who = notes.signature_of(note, key.public_key(), notes.LOG_KEY)
        if checkpoint.origin != origin or who is None or not who.genuine:
            raise Precondition(
                f"{paths[-1]} is of origin {checkpoint.origin} and was signed by another key, or "
                f"its origin is not {origin}: sign with the same key and origin, or move the "
                "checkpoints aside to begin another series",
                origin=checkpoint.origin,
            )
        if checkpoint.size > self.size:
            raise AuditCorrupt(
                f"{paths[-1]} is over {checkpoint.size} entries, but {self.size} are sealed: the "
                "tables went back. See audit verify"
            )
        return checkpoint

    def _lines(self, day: str, size: int) -> tuple[str, ...]:
        within = [each for each in self._segments if each.last_seq <= size]
        lines = (f"segments {within[-1].number} {within[-1].digest()}",) if within else ()
        return (f"day {day}", *lines) if day else lines


class _Days:
    """Which entry is the last of each day of recording, in China Standard Time."""

    def __init__(self, day: str) -> None:
        self._day = day
        self._found: list[tuple[int, str]] = []

    def add(self, seqs: Numbers, moments: pa.ChunkedArray) -> None:
        """Add the entries of a file of settlements with their moments of recording."""
        microseconds = moments.cast(pa.int64()).to_numpy()
        days = (microseconds + _OFFSET_US) // _DAY_US
        change = np.flatnonzero(np.concatenate(([True], days[1:] != days[:-1])))
        self._found += [(int(seqs[at]), date_of(int(days[at])).isoformat()) for at in change]

    def ends(self, last_seq: int) -> tuple[tuple[str, int], ...]:
        """Return each day with its last entry; a clock that went back makes no day come again."""
        begun: list[tuple[str, int]] = [(self._day, 0)] if self._day else []
        for seq, day in sorted(self._found):
            if not begun or day > begun[-1][0]:
                begun.append((day, seq))
        ends = [seq - 1 for _, seq in begun[1:]] + [last_seq]
        return tuple((day, end) for (day, _), end in zip(begun, ends, strict=False))


def _append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _nodes_bytes(size: int) -> int:
    """Return how many bytes the kept nodes of so many leaves take."""
    return size // KEPT_LEAVES * HASH_BYTES


def _cut(path: Path, start: int, size: int) -> None:
    """Cut a file off behind what was committed.

    What the last seal wrote, from `start` on, is written once more: a crash may have come of a sync
    that failed.

    Raises:
        AuditCorrupt: It is shorter than what was committed.
    """
    path.touch()
    found = path.stat().st_size
    if found < size:
        raise AuditCorrupt(
            f"{path} has {found} bytes, {size} were sealed: it was cut off. See audit verify",
            path=str(path),
        )
    with path.open("r+b") as file:
        file.truncate(size)
    durable.write_again(path, start)
