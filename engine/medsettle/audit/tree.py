"""The Merkle tree over ledger entries, as RFC 6962 section 2.1 (and RFC 9162) defines it.

A leaf is SHA-256 of 0x00 and the content of an entry, a node SHA-256 of 0x01 and its two children.
A tree of n leaves splits at the largest power of two below n. Leaves stand in a `Hashes`, 32 bytes
each; a node of a whole aligned subtree is kept once it has been worked out.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
NO_LEAVES: Final = sha256(b"").digest()
"""The root of a tree without leaves."""
KEPT_LEVEL: Final = 8
"""Roots of whole subtrees of 2**8 leaves are kept beside the leaves."""
KEPT_LEAVES: Final = 1 << KEPT_LEVEL

Subtree = Callable[[int, int], bytes]
"""The root over the leaves from a first to a last, the last not among them."""


def leaf_hash(content: bytes) -> bytes:
    """Return the hash of a leaf with this content."""
    return sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node over two others."""
    return sha256(b"\x01" + left + right).digest()


def whole_subtrees(leaves: bytes | memoryview) -> bytes:
    """Return the roots of the whole subtrees of `KEPT_LEAVES` in leaves that begin with one."""
    step = KEPT_LEAVES * HASH_BYTES
    starts = range(0, len(leaves) - step + 1, step)
    return b"".join(_whole(bytes(leaves[start : start + step])) for start in starts)


def _whole(hashes: bytes) -> bytes:
    """Return the root over a power of two of hashes."""
    step = 2 * HASH_BYTES
    while len(hashes) > HASH_BYTES:
        hashes = b"".join(
            sha256(b"\x01" + hashes[start : start + step]).digest()
            for start in range(0, len(hashes), step)
        )
    return hashes


class Tree:
    """The tree over leaves that stand one after another, and over any first of them.

    Args of the constructor: the leaf hashes, and of whole subtrees of `KEPT_LEAVES` as many as are
    known. Both may be maps of files; neither is copied.
    """

    def __init__(self, leaves: bytes | memoryview, kept: bytes | memoryview = b"") -> None:
        self.size = len(leaves) // HASH_BYTES
        self._leaves = memoryview(leaves)
        self._kept = memoryview(kept)
        self._nodes: dict[tuple[int, int], bytes] = {}

    def close(self) -> None:
        """Let go of the leaves."""
        self._leaves.release()
        self._kept.release()

    def leaf(self, index: int) -> bytes:
        """Return the hash of a leaf; the first is 0."""
        return bytes(self._leaves[index * HASH_BYTES : (index + 1) * HASH_BYTES])

    def root(self, size: int | None = None) -> bytes:
        """Return the root over the first `size` leaves, over all where no size is named."""
        wanted = self.size if size is None else size
        if not 0 <= wanted <= self.size:
            raise ValueError(f"a tree of {self.size} leaves has no root over {wanted}")
        return self.subtree(0, wanted) if wanted else NO_LEAVES

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Return the audit path of a leaf in the tree over the first `size` leaves."""
        if not 0 <= index < size <= self.size:
            raise ValueError(f"leaf {index} is not among the first {size} of {self.size}")
        return inclusion_path(index, size, self.subtree)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Return the proof that the tree over `old` leaves is the beginning of that over `new`."""
        if not 0 < old <= new <= self.size:
            raise ValueError(f"no tree of {old} leaves begins one of {new}, of {self.size}")
        return consistency_path(old, new, self.subtree)

    def subtree(self, first: int, end: int) -> bytes:
        """Return the root over the leaves from `first` up to `end`, which is not among them."""
        count = end - first
        if count == 1:
            return self.leaf(first)
        level = (count - 1).bit_length()
        whole = count == 1 << level and first % count == 0
        if whole and level >= KEPT_LEVEL:
            return self._whole_node(level, first >> level)
        half = 1 << (level - 1)
        if whole and level == KEPT_LEVEL - 1:
            return _whole(bytes(self._leaves[first * HASH_BYTES : end * HASH_BYTES]))
        return node_hash(self.subtree(first, first + half), self.subtree(first + half, end))

    def _whole_node(self, level: int, index: int) -> bytes:
        """Return the root of a whole aligned subtree of 2**level leaves, kept or worked out."""
        if level == KEPT_LEVEL and (index + 1) * HASH_BYTES <= len(self._kept):
            return bytes(self._kept[index * HASH_BYTES : (index + 1) * HASH_BYTES])
        found = self._nodes.get((level, index))
        if found is None:
            if level == KEPT_LEVEL:
                step = KEPT_LEAVES * HASH_BYTES
                found = _whole(bytes(self._leaves[index * step : (index + 1) * step]))
            else:
                below = (self._whole_node(level - 1, 2 * index + each) for each in (0, 1))
                found = node_hash(*below)
            self._nodes[level, index] = found
        return found


class Frontier:
    """A tree that grows by leaves; of its largest whole subtrees the roots are kept."""

    def __init__(self, tree: Tree | None = None, size: int = 0) -> None:
        """Begin without leaves, or with the first `size` of a tree."""
        self.size = size
        self._peaks: list[tuple[int, bytes]] = []
        first = 0
        for level in reversed(range(size.bit_length())):
            if size >> level & 1:
                assert tree is not None
                end = first + (1 << level)
                self._peaks.append((level, tree.subtree(first, end)))
                first = end

    def copy(self) -> "Frontier":
        """Return another of the same leaves, which grows apart."""
        other = Frontier()
        other.size, other._peaks = self.size, list(self._peaks)
        return other

    def add(self, leaf: bytes) -> None:
        """Add a leaf."""
        level, peaks = 0, self._peaks
        while peaks and peaks[-1][0] == level:
            leaf = sha256(b"\x01" + peaks.pop()[1] + leaf).digest()
            level += 1
        peaks.append((level, leaf))
        self.size += 1

    def root(self) -> bytes:
        """Return the root over all leaves."""
        if not self._peaks:
            return NO_LEAVES
        found = self._peaks[-1][1]
        for _, peak in reversed(self._peaks[:-1]):
            found = node_hash(peak, found)
        return found


def _split(size: int) -> int:
    """Return the largest power of two below a size of at least two."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_path(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """Return the siblings from a leaf up to the root (RFC 6962 section 2.1.1)."""
    path: list[bytes] = []
    first, end = 0, size
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            path.append(subtree(middle, end))
            end = middle
        else:
            path.append(subtree(first, middle))
            first = middle
    return path[::-1]


def consistency_path(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """Return what shows an old tree to begin a new one (RFC 6962 section 2.1.2)."""
    path: list[bytes] = []
    first, end = 0, new
    while end > old:
        middle = first + _split(end - first)
        if old <= middle:
            path.append(subtree(middle, end))
            end = middle
        else:
            path.append(subtree(first, middle))
            first = middle
    if first:
        path.append(subtree(first, end))
    return path[::-1]


def root_of_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that a leaf and its path come to (RFC 9162 section 2.1.3.2).

    None where the path has not the length of one of that leaf in a tree of that size.
    """
    if not 0 <= index < size:
        return None
    at, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            found = node_hash(sibling, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        at, last = at >> 1, last >> 1
    return found if last == 0 else None


def is_consistent(old: tuple[int, bytes], new: tuple[int, bytes], path: Sequence[bytes]) -> bool:
    """Return whether a path shows one tree to begin another (RFC 9162 section 2.1.4.2).

    Args:
        old: Size and root of the one, which has at least one leaf.
        new: Size and root of the other.
        path: The proof; empty between trees of one size.
    """
    (old_size, old_root), (new_size, new_root) = old, new
    if old_size == new_size:
        return not path and old_root == new_root
    if not 0 < old_size < new_size:
        return False
    hashes = [old_root, *path] if old_size & (old_size - 1) == 0 else list(path)
    if not hashes:
        return False
    at, last = old_size - 1, new_size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    older = newer = hashes[0]
    for each in hashes[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            older, newer = node_hash(each, older), node_hash(each, newer)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            newer = node_hash(newer, each)
        at, last = at >> 1, last >> 1
    return last == 0 and older == old_root and newer == new_root
