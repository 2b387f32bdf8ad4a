"""From the hashes that sketches name to rows: those of odd keys, and those beside them.

A row that shares another natural key with an odd row, as a retry under a new message id has it, is
needed to tell what the odd row is. Such a row is not odd itself, so every book has it alike, and it
is enough to look for it in one book that has the columns. Where hashes agree by accident too much
is named; whoever takes the rows looks at what stands in them (`full_join.settled`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medsettle import limits
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.passes import FAMILY, OTHER_KEYS, Kept, Passed
from medsettle.clearing.matching.sources import Book

if TYPE_CHECKING:
    from medsettle.clearing.matching.sketch_loops import Words


class TooManyRows(Exception):
    """More rows are named than are read; a full join may still find that few of them are odd."""


def keys_twice(kept: Kept, again: "Words") -> "Words":
    """Return the hashes of keys that a book has more than once.

    Args:
        kept: The hashes of the book.
        again: All keys that it may have twice, and perhaps others.
    """
    found = [keys for _, keys, _ in _members(kept.key_chunks(), again)]
    keys, counts = np.unique(np.concatenate([np.empty(0, np.uint64), *found]), return_counts=True)
    twice: Words = keys[counts > 1]
    return twice


def candidate_rows(
    books: Sequence[Book], passed: Mapping[Side, Passed], odd: "Words"
) -> dict[Side, pa.Table]:
    """Return per side all rows of odd keys, of those beside them, and what belongs to either.

    Args:
        books: The books.
        passed: What was kept of each.
        odd: The hashes of the odd keys.

    Raises:
        TooManyRows: There are more of them than are classified.
    """
    places = _places(books, passed, odd)
    wanted = odd
    # What stands beside an odd row may have been taken back, so its family comes along too.
    for keys in (OTHER_KEYS, (FAMILY,)):
        beside = [_beside(books, passed, places, key) for key in keys]
        more = np.setdiff1d(np.concatenate([np.empty(0, np.uint64), *beside]), wanted)
        if len(more):
            wanted = np.union1d(wanted, more)
            places = _places(books, passed, wanted)
    return {book.side: book.rows_at(places[book.side], book.columns) for book in books}


def _places(
    books: Sequence[Book], passed: Mapping[Side, Passed], keys: "Words"
) -> dict[Side, NDArray[np.int64]]:
    places, count = {}, 0
    for book in books:
        found = [np.empty(0, np.int64)]
        for first, _, rows in _members(passed[book.side].kept.key_chunks(), keys):
            found.append(first + rows)
            count += len(rows)
            if count > limits.ODD_ROWS_MAX:
                raise TooManyRows
        places[book.side] = np.concatenate(found)
    return places


def _beside(
    books: Sequence[Book],
    passed: Mapping[Side, Passed],
    places: Mapping[Side, NDArray[np.int64]],
    key: tuple[str, ...],
) -> "Words":
    """Return the hashes of the keys of rows that share a natural key with odd rows."""
    having = [book for book in books if key in passed[book.side].kept.naturals]
    if not having:
        return np.empty(0, np.uint64)
    shared = [
        hashes
        for book in having
        for hashes in _at(passed[book.side].kept.natural_chunks(key), places[book.side])
    ]
    naturals = np.unique(np.concatenate([np.empty(0, np.uint64), *shared]))
    # Of families one book may know less, and by its own ids more: one without `original` takes each
    # row for a family of its own, whatever the others say that row belongs to.
    found: list[Words] = []
    for book in having if key == FAMILY else having[:1]:
        kept = passed[book.side].kept
        rows = [first + rows for first, _, rows in _members(kept.natural_chunks(key), naturals)]
        found += _at(kept.key_chunks(), np.concatenate([np.empty(0, np.int64), *rows]))
    return np.unique(np.concatenate([np.empty(0, np.uint64), *found]))


def _at(chunks: Iterable[tuple[int, "Words"]], places: NDArray[np.int64]) -> Iterator["Words"]:
    """Yield the hashes of some rows, in order."""
    for first, hashes in chunks:
        begin, end = np.searchsorted(places, [first, first + len(hashes)])
        if begin < end:
            yield hashes[places[begin:end] - first]


def _members(
    chunks: Iterable[tuple[int, "Words"]], wanted: "Words"
) -> Iterator[tuple[int, "Words", NDArray[np.int64]]]:
    """Yield the number of the first row of each stretch, and what is wanted: hashes and rows."""
    from medsettle.clearing.matching import sketch_loops as loops  # noqa: PLC0415 - loads numba

    if not len(wanted):
        return
    # Mostly empty, so that nearly every row is done with after one look.
    size = 1 << max(6, (8 * len(wanted) - 1).bit_length())
    table = np.zeros(size, np.uint64)
    loops.fill_set(table, wanted)
    rows = np.empty(limits.BOOK_BATCH_ROWS, np.int64)
    for first, hashes in chunks:
        count = loops.find_in_set(table, hashes, rows)
        if count:
            yield first, hashes[rows[:count]], rows[:count].copy()
