"""The Merkle tree against the definitions of RFC 6962, written out as they stand there."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle.audit import tree
from medsettle.audit.tree import Frontier, Tree

# Inputs and roots that implementations of RFC 6962 are held to, from the tests of Certificate
# Transparency (`merkle_tree_test` of its first implementation).
_INPUTS = (
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
)
_ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def _leaf(number: int) -> bytes:
    return tree.leaf_hash(b"%d" % number)


def _leaves(count: int) -> list[bytes]:
    return [_leaf(number) for number in range(count)]


def _k(count: int) -> int:
    """The largest power of two smaller than n: k < n <= 2k."""
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def _mth(leaves: list[bytes]) -> bytes:
    """MTH(D[n]) of section 2.1."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = _k(len(leaves))
    return sha256(b"\x01" + _mth(leaves[:k]) + _mth(leaves[k:])).digest()


def _path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH(m, D[n]) of section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = _k(len(leaves))
    if m < k:
        return [*_path(m, leaves[:k]), _mth(leaves[k:])]
    return [*_path(m - k, leaves[k:]), _mth(leaves[:k])]


def _subproof(m: int, leaves: list[bytes], known: bool) -> list[bytes]:
    """SUBPROOF(m, D[n], b) of section 2.1.2."""
    if m == len(leaves):
        return [] if known else [_mth(leaves)]
    k = _k(len(leaves))
    if m <= k:
        return [*_subproof(m, leaves[:k], known), _mth(leaves[k:])]
    return [*_subproof(m - k, leaves[k:], False), _mth(leaves[:k])]


def test_published_roots() -> None:
    """The eight trees that every implementation of the RFC knows have their published roots."""
    leaves = [tree.leaf_hash(bytes.fromhex(each)) for each in _INPUTS]
    whole = Tree(b"".join(leaves))

    assert list(_ROOTS) == [whole.root(size).hex() for size in range(1, 9)]
    assert sha256(b"").digest() == whole.root(0)


_SIZES = st.one_of(st.integers(1, 40), st.integers(250, 530), st.integers(1_000, 1_100))


@given(_SIZES, st.data())
def test_roots_and_proofs_are_those_of_the_definitions(size: int, data: st.DataObject) -> None:
    """Roots, audit paths and consistency proofs equal the recursive text, kept nodes or none."""
    leaves = _leaves(size)
    joined = b"".join(leaves)
    kept = tree.whole_subtrees(joined) if data.draw(st.booleans()) else b""
    made = Tree(joined, kept)
    new = data.draw(st.integers(1, size))
    old, index = data.draw(st.integers(1, new)), data.draw(st.integers(0, new - 1))

    assert _mth(leaves[:new]) == made.root(new)
    assert _path(index, leaves[:new]) == made.inclusion(index, new)
    assert _subproof(old, leaves[:new], True) == made.consistency(old, new)


@given(_SIZES, st.data())
def test_proofs_prove_what_they_say_and_nothing_else(size: int, data: st.DataObject) -> None:
    """A proof holds for its leaf, place, size and roots; with one of them another it does not."""
    leaves = _leaves(size)
    made = Tree(b"".join(leaves))
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    root, path = made.root(), made.inclusion(index, size)
    assert root == tree.root_of_path(leaves[index], index, size, path)
    assert root != tree.root_of_path(_leaf(size), index, size, path)
    elsewhere = data.draw(st.integers(0, size - 1))
    if elsewhere != index:
        assert root != tree.root_of_path(leaves[index], elsewhere, size, path)
    assert tree.root_of_path(leaves[index], index, size, [*path, root]) is None

    begun, proof = (old, made.root(old)), made.consistency(old, size)
    assert tree.is_consistent(begun, (size, root), proof)
    assert not tree.is_consistent((old, _leaf(size)), (size, root), proof)
    assert not tree.is_consistent(begun, (size, _leaf(size)), proof)
    assert not tree.is_consistent(begun, (size, root), [*proof, root])
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        assert not tree.is_consistent(
            begun, (size, root), [*proof[:at], _leaf(size), *proof[at + 1 :]]
        )


@pytest.mark.parametrize(("first", "end"), [(0, 0), (3, 2), (2, 5)], ids=str)
def test_no_proof_beyond_the_leaves(first: int, end: int) -> None:
    """What is not among the leaves has no proof, and no root stands over more than there are."""
    made = Tree(b"".join(_leaves(4)))

    with pytest.raises(ValueError, match="leaves"):
        made.consistency(first, end)
    with pytest.raises(ValueError, match="4 leaves"):
        made.root(5)
    with pytest.raises(ValueError, match="not among"):
        made.inclusion(4, 4)


@given(_SIZES, st.data())
def test_a_tree_that_grows_has_the_roots_of_one_that_stands(size: int, data: st.DataObject) -> None:
    """Begun anywhere within a tree, each leaf more gives the root over as many leaves."""
    leaves = _leaves(size)
    whole = Tree(b"".join(leaves))
    begun = data.draw(st.integers(0, size))
    growing = Frontier(whole, begun)
    for leaf in leaves[begun : begun + 5]:
        growing.add(leaf)
        assert whole.root(growing.size) == growing.root()
    other = growing.copy()
    other.add(_leaf(-1))

    assert whole.root(growing.size) == growing.root()
    assert (growing.size + 1, False) == (other.size, other.root() == growing.root())
