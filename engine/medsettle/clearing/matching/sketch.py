"""The difference sketch: two books compared by a few megabytes, whatever their size.

It is an invertible Bloom lookup table (Goodrich and Mitzenmacher, *Invertible Bloom Lookup Tables*,
2011) with sums in place of exclusive ors. A row of a book is hashed to 192 bits: 64 of its key and
two lanes of 64 over every column that is compared (`row_hashes`). It is added to one cell in each
third of the table, chosen by its lanes; a cell holds the number of its rows, their checks, and the
sums of their keys and lanes. When the sketch of one book is subtracted from that of another, equal
rows vanish, and what is left is as large as the difference, not as the books. A cell that holds one
row alone gives it away; it is taken out of its two other cells, which may now hold one alone, until
all are empty.

- *Sums, not exclusive ors*: a row that one book has twice and another once is left over once; xored
  it would vanish, or look as if it were missing.
- *It says when it is too small*: about 1.25 cells a row that differs are enough; with fewer, cells
  stay full and `Decoded.complete` is false. What was found is right all the same.
- *A row that both books have twice* cancels as any other. Duplicates within a book are found apart
  (`odd_rows`), and centres that exchange sketches look for their own.
- *Up to seven copies of one row too many* are told; with more the sketch says that it is too small,
  however large it is.
- *Mistakes*: two unlike rows vanish together if all 128 bits of their lanes agree. A cell of some
  rows passes for one of one row in less than one case of 2**30; then cells stay full, and it says
  that it is too small. So a wrong answer takes a collision of 128 bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.clearing.matching.row_hashes import SEED, Hasher, Lanes
from medsettle.clearing.matching.sources import Book
from medsettle.errors import Precondition

if TYPE_CHECKING:
    from medsettle.clearing.matching.sketch_loops import Words

WORDS: Final = 4
"""Words of a cell."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """What a book, or the difference of two, comes to.

    Attributes:
        columns: What was hashed of each row, in the order of a book.
        seed: What hashes began with.
        rows: How many rows it has; of a difference, how many more the first book has.
        cells: Shape (3 * third, 4), uint64.
    """

    columns: tuple[str, ...]
    seed: bytes
    rows: int
    cells: NDArray[np.uint64]

    def minus(self, other: "Sketch") -> "Sketch":
        """Return what is left of this book when the rows of another are taken away.

        Raises:
            Precondition: The sketches are not of the same columns, seed and size.
        """
        for name, own, its in (
            ("columns", self.columns, other.columns),
            ("seed", self.seed.hex(), other.seed.hex()),
            ("cells", len(self.cells), len(other.cells)),
        ):
            if own != its:
                raise Precondition(
                    f"one sketch has {name} {_told(own)} and the other {_told(its)}; "
                    "make both alike",
                    field=name,
                )
        return Sketch(self.columns, self.seed, self.rows - other.rows, self.cells - other.cells)

    def decoded(self) -> "Decoded":
        """Return the rows of a difference."""
        from medsettle.clearing.matching import sketch_loops as loops  # noqa: PLC0415 - loads numba

        cells = self.cells.copy()
        found = np.empty((len(cells), WORDS), np.uint64)
        count, left = loops.peel(cells, found)
        rows = found[:count]
        return Decoded(
            keys=rows[:, 0].copy(), copies=rows[:, 3].astype(np.int64), cells_left=int(left)
        )


@dataclass(frozen=True, slots=True)
class Decoded:
    """The rows that a difference of two sketches holds.

    Attributes:
        keys: The hash of the key of each, shape (n,); a key whose rows are unlike comes twice.
        copies: How many more of that row the first book has, negative where the second has more.
        cells_left: Cells that could not be taken apart.
    """

    keys: "Words"
    copies: NDArray[np.int64]
    cells_left: int

    @property
    def complete(self) -> bool:
        """Return whether these are all; else the sketch is too small."""
        return self.cells_left == 0

    def odd_keys(self) -> "Words":
        """Return the hashes of the keys that differ, each once, in order.

        Raises:
            Precondition: The sketch is too small.
        """
        if not self.complete:
            raise Precondition(
                f"the sketch is too small: {len(self.keys)} rows were found and {self.cells_left} "
                "cells hold more; make both sketches with twice the cells"
            )
        return np.unique(self.keys)


def sketch_of(
    book: Book,
    columns: Sequence[str],
    *,
    cells: int = limits.SKETCH_CELLS_MIN,
    seed: bytes = SEED,
) -> Sketch:
    """Return the sketch of a book, in one pass over some of its columns.

    Args:
        book: The book.
        columns: What is compared; the key `settlement` among them.
        cells: About how many cells; those of one comparison are made with the same number.
        seed: What hashes begin with; the same on both sides.

    Raises:
        Precondition: So many cells are not kept, or rows have no key.
    """
    asked = tuple(columns)
    return sketches_of(book, [asked], cells=cells, seed=seed)[asked]


def sketches_of(
    book: Book, compared: Sequence[tuple[str, ...]], *, cells: int, seed: bytes
) -> dict[tuple[str, ...], Sketch]:
    """Return the sketches of a book for several comparisons, in one pass; see `sketch_of`."""
    hasher, rows = Hasher(seed), 0
    empty = {columns: empty_sketch(columns, cells=cells, seed=seed) for columns in compared}
    wanted = set().union(*compared)
    for batch in book.batches([name for name in book.columns if name in wanted]):
        keys = hasher.keys(batch)
        for columns, sketch in empty.items():
            add_to_cells(sketch.cells, keys, hasher.lanes(batch, columns))
        rows += batch.num_rows
    return {columns: replace(sketch, rows=rows) for columns, sketch in empty.items()}


def empty_sketch(columns: Sequence[str], *, cells: int, seed: bytes) -> Sketch:
    """Return the sketch of no rows.

    Raises:
        Precondition: So many cells are not kept, or rows have no key.
    """
    least, most = 3, limits.SKETCH_CELLS_MAX
    if not least <= cells <= most:
        raise Precondition(f"a sketch of {cells} cells is not made; ask for {least} to {most}")
    if "settlement" not in columns:
        raise Precondition("a sketch needs the column settlement, by which rows are told apart")
    return Sketch(tuple(columns), seed, 0, _zeros(3 * -(-cells // 3)))


def _zeros(cells: int) -> NDArray[np.uint64]:
    """Return empty cells, none of which lies in two lines of the cache."""
    words = np.zeros(WORDS * (cells + 1), np.uint64)
    skipped = -words.ctypes.data % (WORDS * words.itemsize) // words.itemsize
    return words[skipped : skipped + WORDS * cells].reshape(cells, WORDS)


def add_to_cells(cells: NDArray[np.uint64], keys: "Words", lanes: Lanes) -> None:
    """Add the rows of a batch to the cells of a sketch that is being made."""
    from medsettle.clearing.matching import sketch_loops as loops  # noqa: PLC0415 - loads numba

    loops.add_rows(cells, keys, lanes.one, lanes.two)


def _told(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
