"""Verification of audit tables against their seals, from any single row up to a signed root.

What is found is named, and the rest goes on being verified: the manifest line by line, each file by
its rows, the leaves by the roots of the journal and of checkpoints, the checkpoints by keys.

Which of two is right where a row and its leaf differ is decided by the roots above: a leaf that
does not come to the root it was sealed under was altered itself.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np

from medsettle.audit import checkpoint_checks, seals
from medsettle.audit.checkpoint_checks import Keys, Signed
from medsettle.audit.findings import Altered, Finding, Findings
from medsettle.audit.manifest import MANIFEST_NAME, NO_DIGEST, Head, Segment, read_leniently
from medsettle.audit.notes import Checkpoint
from medsettle.audit.seals import Seal, SealedFile, SealedSegment
from medsettle.audit.segments import in_leaf_order
from medsettle.audit.stretch_checks import Recomputed, SegmentChecks
from medsettle.audit.tree import HASH_BYTES, KEPT_LEAVES, Frontier, Tree, whole_subtrees
from medsettle.audit.verification import file_fault, unlisted_files
from medsettle.errors import AuditCorrupt

NOBODY: Final = Keys()


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verification looked at and found.

    `sealed` and `root` say how many entries are sealed and what they come to; `since` up to which
    of them an earlier verification was believed. `signed` are the checkpoints that are kept.
    """

    head: Head
    sealed: int
    root: bytes
    since: int
    signed: tuple[Signed, ...]
    findings: Findings

    @property
    def newest(self) -> Signed | None:
        """The checkpoint over the most entries."""
        return self.signed[-1] if self.signed else None


def verify_sealed(
    folder: Path,
    keys: Keys = NOBODY,
    since: Checkpoint | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Verified:
    """Verify audit tables and their seals, and return everything that was found altered.

    Args:
        folder: The audit folder.
        keys: Whose signatures must be there.
        since: A checkpoint up to which everything was verified before, noted where nobody who
            writes here could change it. That the log still begins with it is checked; rows up to
            there are not read again.
        progress: Is told how many segments are checked, of how many.
    """
    return _Verification(folder, keys, progress).run(since)


class _Verification:
    def __init__(
        self, folder: Path, keys: Keys, progress: Callable[[int, int], None] | None
    ) -> None:
        self._folder = folder
        self._keys = keys
        self._progress = progress
        self.findings = Findings()
        self._roots: dict[int, bytes] = {}
        self._done = 0

    def run(self, since: Checkpoint | None) -> Verified:
        found = self.findings
        segments, faults = read_leniently(self._folder)
        self._listed = {each.number: each for each in segments}
        self._faulty = {line for line, _ in faults}
        for line, message in faults:
            before = [each.last_seq for each in segments if each.number < line]
            at = max(before, default=0) + 1
            found.add(at, Finding(Altered.MANIFEST, message, MANIFEST_NAME, line, line=line))
        unlisted = self._unlisted(segments)
        sealed = self._journal()
        signed = checkpoint_checks.kept_checkpoints(self._folder, found)
        checkpoint_checks.check_signatures(signed, self._keys, found)
        checkpoint_checks.check_days(signed, sealed, found)
        checkpoint_checks.check_segments(signed, self._listed, found)
        size = sealed[-1].last_seq if sealed else 0
        begun, root = 0, b""
        with ExitStack() as held:
            tree = self._tree(size, held)
            if tree is not None:
                begun = self._since(since, tree)
                self._check_stretches(sealed, tree, begun, [s.checkpoint.size for s in signed])
                root = self._roots.get(size, b"")
        checkpoint_checks.check_roots(signed, self._roots, found)
        self._check_above(signed, size)
        self._check_unsealed(segments, sealed[-1].last_segment if sealed else 0)
        last = segments[-1] if segments else None
        head = (
            Head(len(segments), last.last_seq, last.digest(), unlisted)
            if last
            else Head(0, 0, NO_DIGEST, unlisted)
        )
        return Verified(head, size, root, begun, tuple(signed), found)

    def _unlisted(self, segments: Sequence[Segment]) -> tuple[str, ...]:
        """Return files left by a crash; one that no crash explains was added."""
        last = segments[-1].last_seq if segments else 0
        files = unlisted_files(self._folder, segments)
        interrupted = f"/{last + 1:012d}-"
        lost = self._faulty or not (self._folder / MANIFEST_NAME).exists()
        if lost:
            if files and not (self._folder / MANIFEST_NAME).exists():
                message = f"{MANIFEST_NAME} is missing, but there are segments"
                self.findings.add(0, Finding(Altered.MANIFEST, message, MANIFEST_NAME))
            return files
        for path in files:
            if interrupted not in path:
                message = f"{path} is in no line of the manifest: it was put there"
                table = path.split("/", 1)[0]
                self.findings.add(last, Finding(Altered.FILE_ADDED, message, path, table=table))
        return files

    def _journal(self) -> list[Seal]:
        path = self._folder / seals.SEALS_FOLDER / seals.JOURNAL_NAME
        content = path.read_bytes() if path.exists() else b""
        try:
            return seals.parse_seals(content)[0]
        except AuditCorrupt as error:
            line = int(error.metadata["line"])
            whole = b"".join(content.splitlines(keepends=True)[: line - 1])
            sealed = seals.parse_seals(whole)[0]
            at = sealed[-1].last_seq + 1 if sealed else 1
            name = error.metadata["path"]
            self.findings.add(at, Finding(Altered.SEAL, str(error), name, line=line))
            return sealed

    def _tree(self, size: int, held: ExitStack) -> Tree | None:
        try:
            return held.enter_context(seals.opened_tree(self._folder, size))
        except AuditCorrupt as error:
            path = f"{seals.SEALS_FOLDER}/{seals.LEAVES_NAME}"
            self.findings.add(size, Finding(Altered.SEAL, str(error), path))
            return None

    def _since(self, since: Checkpoint | None, tree: Tree) -> int:
        """Return up to which entry an earlier verification can be believed."""
        if since is None:
            return 0
        root = tree.root(since.size) if since.size <= tree.size else None
        same = checkpoint_checks.check_noted(since, tree.size, root, self.findings)
        return since.size if same else 0

    def _check_stretches(
        self, sealed: list[Seal], tree: Tree, begun: int, sizes: Sequence[int]
    ) -> None:
        """Hold every stretch behind the entries that are believed to its seal."""
        wanted = [seal for seal in sealed if seal.last_seq > begun]
        first = wanted[0].first_seq - 1 if wanted else tree.size
        frontier = Frontier(tree, first)
        for size in sizes:
            if size <= first:
                self._roots[size] = tree.root(size)
        checks = SegmentChecks(self._folder, self.findings, self._listed)
        self._of = max(len(self._listed), sealed[-1].last_segment if sealed else 0)
        self._done = wanted[0].first_segment - 1 if wanted else self._of
        before = NO_DIGEST
        for seal in sealed:
            if seal.last_seq > begun:
                frontier = self._check_stretch(seal, before, checks, tree, frontier, sizes)
            before = seal.segments
        self._roots[tree.size] = frontier.root()
        self._check_nodes(tree, first // KEPT_LEAVES)

    def _check_stretch(
        self,
        seal: Seal,
        before: str,
        checks: SegmentChecks,
        tree: Tree,
        frontier: Frontier,
        sizes: Sequence[int],
    ) -> Frontier:
        recomputed: list[Recomputed] = []
        for segment in self._places(seal):
            checks.check_line(segment, before, segment.number in self._faulty)
            before = segment.digest
            stored = [tree.leaf(seq - 1) for seq in range(segment.first_seq, segment.last_seq + 1)]
            recomputed.append(checks.check_rows(segment, stored))
            self._done += 1
            if self._progress is not None:
                self._progress(self._done, self._of)
        stored = [tree.leaf(seq - 1) for seq in range(seal.first_seq, seal.last_seq + 1)]
        others = [seq for each in recomputed for seq in each.others]
        grown, roots = _grown(frontier, stored, sizes)
        if grown.root().hex() != seal.root:
            again = [leaf for each in recomputed for leaf in each.leaves or ()]
            if len(again) == len(stored):
                other, other_roots = _grown(frontier, again, sizes)
                if other.root().hex() == seal.root:
                    self._tell_leaves(seal, others)
                    self._roots |= other_roots
                    return other
            message = (
                f"{seals.SEALS_FOLDER}/{seals.JOURNAL_NAME}:{seal.number}: leaves and rows of seq "
                f"{seal.first_seq} to {seal.last_seq} do not come to the root that was sealed"
            )
            name = f"{seals.SEALS_FOLDER}/{seals.JOURNAL_NAME}"
            self.findings.add(
                seal.first_seq, Finding(Altered.SEAL, message, name, line=seal.number)
            )
        for seq in others:
            message = f"entry {seq}: its rows do not come to the leaf that was sealed of it"
            self.findings.add(seq, Finding(Altered.ENTRY, message, seq=seq))
        self._roots |= roots
        return grown

    def _tell_leaves(self, seal: Seal, others: Sequence[int]) -> None:
        name = f"{seals.SEALS_FOLDER}/{seals.LEAVES_NAME}"
        for seq in others or (seal.first_seq,):
            first = (seq - 1) * HASH_BYTES
            message = f"{name}: the leaf of entry {seq} was changed; its rows are as they were"
            self.findings.add(
                seq,
                Finding(
                    *(Altered.SEAL, message, name),
                    seq=seq,
                    first_byte=first,
                    last_byte=first + HASH_BYTES - 1,
                ),
            )

    def _places(self, seal: Seal) -> list[SealedSegment]:
        """Return what was sealed of the segments of a stretch, or what the manifest has of them."""
        name = f"{seals.SEALS_FOLDER}/{seal.places}"
        try:
            content = (self._folder / name).read_bytes()
        except OSError:
            content = b""
        if sha256(content).hexdigest() == seal.places_sha256:
            return seals.read_places(content)
        what = "was changed" if content else "is missing"
        message = f"{name} {what}: altered rows of its stretch are found, but not placed in files"
        self.findings.add(seal.first_seq, Finding(Altered.SEAL, message, name))
        numbers = range(seal.first_segment, seal.last_segment + 1)
        listed = [self._listed[each] for each in numbers if each in self._listed]
        return [_unplaced(each) for each in listed]

    def _check_nodes(self, tree: Tree, first: int) -> None:
        """Hold the kept roots of whole subtrees to the leaves."""
        name = f"{seals.SEALS_FOLDER}/{seals.NODES_NAME}"
        path = self._folder / name
        kept = path.read_bytes() if path.is_file() else b""
        leaves = b"".join(map(tree.leaf, range(first * KEPT_LEAVES, tree.size)))
        wanted = whole_subtrees(leaves)
        found = kept[first * HASH_BYTES : first * HASH_BYTES + len(wanted)]
        if found == wanted or self.findings.counts[Altered.SEAL]:
            return
        length = min(len(found), len(wanted))
        one, two = (np.frombuffer(each[:length], np.uint8) for each in (found, wanted))
        unlike = np.flatnonzero(one != two)
        at = first * HASH_BYTES + (int(unlike[0]) if len(unlike) else length)
        message = f"{name}: byte {at} is the first that the leaves do not come to"
        seq = at // HASH_BYTES * KEPT_LEAVES + 1
        finding = Finding(Altered.SEAL, message, name, first_byte=at, last_byte=at)
        self.findings.add(seq, finding)

    def _check_above(self, signed: Sequence[Signed], size: int) -> None:
        """Find checkpoints over more entries than are sealed."""
        for each in signed:
            if each.checkpoint.size > size:
                message = (
                    f"{each.path} is over {each.checkpoint.size} entries, but {size} are sealed: "
                    "the log went back"
                )
                self.findings.add(size + 1, Finding(Altered.ROLLED_BACK, message, each.path))

    def _check_unsealed(self, segments: Sequence[Segment], sealed: int) -> None:
        """Hold files of segments that are not sealed yet to the manifest."""
        for segment in segments:
            if segment.number <= sealed:
                continue
            for file in segment.files:
                if (fault := file_fault(self._folder, file)) is not None:
                    missing = not (self._folder / file.path).exists()
                    kind = Altered.FILE_MISSING if missing else Altered.BYTES
                    message = f"{segment.named()}: {file.path} {fault}"
                    where = Finding(kind, message, file.path, segment.number, file.table)
                    self.findings.add(segment.first_seq, where)
            if self._progress is not None:
                self._progress(segment.number, segments[-1].number)


def _grown(
    frontier: Frontier, leaves: Sequence[bytes], sizes: Sequence[int]
) -> tuple[Frontier, dict[int, bytes]]:
    """Return a frontier with more leaves, and its roots at some sizes on the way."""
    grown, wanted, roots = frontier.copy(), set(sizes), {}
    for leaf in leaves:
        grown.add(leaf)
        if grown.size in wanted:
            roots[grown.size] = grown.root()
    return grown, roots


def _unplaced(segment: Segment) -> SealedSegment:
    nothing = np.zeros(0, dtype=np.uint32)
    files = tuple(
        SealedFile(file.table, file.path, file.bytes, file.sha256, nothing, {}, b"")
        for file in in_leaf_order(segment.files)
    )
    ends = (segment.number, segment.first_seq, segment.last_seq)
    return SealedSegment(*ends, segment.digest(), files)
