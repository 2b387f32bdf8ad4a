"""The hashes of the rows of a book: of the key, and two lanes over all columns that are compared.

The two lanes are 128 bits that follow from a secret-free seed, the names of the columns and what
stands in them, and from nothing else: not from the file, the order of rows or columns, dictionaries
or the machine. Two rows that are unlike have the same lanes by accident in one case of 2**128, so
that among the pairs of rows of a year of a nation (some 10**10 of each book) none will. They are no
defence against somebody who chooses what is in a book after seeing the seed: whoever must fear that
agrees on a fresh seed once both books are closed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha512
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medsettle.clearing.matching.sources import COLUMNS
from medsettle.core.columns import Kind

if TYPE_CHECKING:
    from medsettle.clearing.matching.sketch_loops import Words

SEED: Final = b"medsettle books"
"""What hashes begin with where nothing else was agreed upon."""

_ALL_VALID: Final = np.zeros(0, np.uint8)
_KEY: Final = "settlement"


def column_seeds(seed: bytes, name: str) -> "Words":
    """Return the eight words with which a column is hashed."""
    digest = sha512(len(seed).to_bytes(2, "little") + seed + name.encode()).digest()
    return np.frombuffer(digest, np.dtype("<u8")).astype(np.uint64)


@dataclass(slots=True)
class Lanes:
    """The two lanes of the rows of a batch, each of shape (rows,)."""

    one: "Words"
    two: "Words"

    def copy(self) -> "Lanes":
        """Return lanes that more columns can be added to."""
        return Lanes(self.one.copy(), self.two.copy())


@dataclass(slots=True)
class _Dictionary:
    """A dictionary that was hashed, kept so that no other gets its address."""

    values: pa.Array
    hashes: Lanes


@dataclass(slots=True)
class Hasher:
    """Hashes columns of one book, batch after batch; for one thread."""

    seed: bytes
    _seeds: dict[str, "Words"] = field(default_factory=dict)
    _dictionaries: dict[str, _Dictionary] = field(default_factory=dict)

    def lanes(self, batch: pa.RecordBatch, names: Sequence[str]) -> Lanes:
        """Return the lanes of some columns of a batch."""
        lanes = _zeros(batch.num_rows)
        self.add(batch, names, lanes)
        return lanes

    def keys(self, batch: pa.RecordBatch) -> "Words":
        """Return the hash of the key of each row, which is never 0."""
        found = self.lanes(batch, [_KEY]).one
        found[found == 0] = 1
        return found

    def add(self, batch: pa.RecordBatch, names: Sequence[str], lanes: Lanes) -> None:
        """Add some columns of a batch to lanes of its rows."""
        from medsettle.clearing.matching import sketch_loops as loops  # noqa: PLC0415 - loads numba

        for name in names:
            seeds = self._seeds.get(name)
            if seeds is None:
                seeds = self._seeds[name] = column_seeds(self.seed, name)
            column = batch.column(name)
            if COLUMNS[name].kind is not Kind.CODE:
                values, valid = numbers_of(column), valid_of(column)
                loops.add_numbers(values, valid, seeds, lanes.one, lanes.two)
            elif pa.types.is_dictionary(column.type):
                told = self._dictionary(name, column.dictionary, seeds)
                loops.add_coded(
                    codes_of(column), valid_of(column), told.one, told.two, seeds, *_pair(lanes)
                )
            else:
                _add_texts(column, seeds, lanes)

    def _dictionary(self, name: str, values: pa.Array, seeds: "Words") -> Lanes:
        known = self._dictionaries.get(name)
        if known is None or not same_buffers(known.values, values):
            hashes = _zeros(len(values))
            _add_texts(values, seeds, hashes)
            known = self._dictionaries[name] = _Dictionary(values, hashes)
        return known.hashes


def _zeros(rows: int) -> Lanes:
    return Lanes(np.zeros(rows, np.uint64), np.zeros(rows, np.uint64))


def _pair(lanes: Lanes) -> tuple["Words", "Words"]:
    return lanes.one, lanes.two


def _add_texts(column: pa.Array, seeds: "Words", lanes: Lanes) -> None:
    from medsettle.clearing.matching import sketch_loops as loops  # noqa: PLC0415 - loads numba

    if not len(column):
        return
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, np.int32, len(column) + 1, 4 * column.offset)
    address = data.address if data is not None else 0
    loops.add_texts(address, ends, valid_of(column), seeds, lanes.one, lanes.two)


def same_buffers(one: pa.Array, other: pa.Array) -> bool:
    """Return whether two arrays are the same memory."""
    if one is other:
        return True
    return (len(one), one.offset, *map(_address, one.buffers())) == (
        *(len(other), other.offset),
        *map(_address, other.buffers()),
    )


def _address(buffer: Any) -> int:  # noqa: ANN401 - a buffer of Arrow, or none
    return 0 if buffer is None else int(buffer.address)


def valid_of(column: pa.Array) -> NDArray[np.uint8]:
    """Return 0 for each null of a column, and nothing where it has none."""
    if not column.null_count:
        return _ALL_VALID
    valid: NDArray[np.uint8] = column.is_valid().to_numpy(zero_copy_only=False).view(np.uint8)
    return valid


def numbers_of(column: pa.Array) -> NDArray[np.int64]:
    """Return the int64 that amounts, days or moments are made of; what is null is any number."""
    width = column.type.bit_width // 8
    kind = np.int32 if width == 4 else np.int64
    found = np.frombuffer(column.buffers()[1], kind, len(column), width * column.offset)
    return found.astype(np.int64, copy=False)


def codes_of(column: pa.Array) -> NDArray[np.int32]:
    """Return the codes of a column with a dictionary; what is null is 0."""
    codes = column.indices
    if codes.null_count:
        codes = codes.fill_null(0)
    found: NDArray[np.int32] = codes.to_numpy(zero_copy_only=False)
    return found.astype(np.int32, copy=False)
