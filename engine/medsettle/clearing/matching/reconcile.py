"""Books compared: their totals, the rows by which they differ, and what class each difference has.

    sketch   one pass over each book, then the rows that the sketches name; the full join where a
             sketch stays too small or names too much
    join     the full join in DuckDB

Both give the same bytes, and so does `spark`, where a cluster makes the first step.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from medsettle import limits
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.candidates import TooManyRows, candidate_rows, keys_twice
from medsettle.clearing.matching.classify import classify
from medsettle.clearing.matching.full_join import Found, joined, settled
from medsettle.clearing.matching.odd_rows import OddRows
from medsettle.clearing.matching.passes import Pair, Passed, Task, pairs_of, pass_over
from medsettle.clearing.matching.pseudonymous import comparable_persons
from medsettle.clearing.matching.row_hashes import SEED
from medsettle.clearing.matching.sketch import sketches_of
from medsettle.clearing.matching.sources import Book
from medsettle.clearing.matching.totals import Totals, compared_totals, group_columns
from medsettle.errors import Precondition

if TYPE_CHECKING:
    from medsettle.clearing.matching.sketch_loops import Words

_GROWTH: Final = 4
# A sketch that is too small has most of its cells full; a row with many copies fills three.
_STUCK_ONE_IN: Final = 10


class By(StrEnum):
    """How odd rows are found."""

    SKETCH = "sketch"
    JOIN = "join"


@dataclass(frozen=True, slots=True)
class BookDigest:
    """What a book was when it was read.

    Attributes:
        name: What it was called.
        rows: How many it had.
        columns: The columns that it had.
        stated: The columns that its files had, those without any value among them.
        digest: The sum of both lanes over its rows and the columns compared, in hex: the same for
            the same rows, whatever file they stand in and in whatever order.
        compared: The columns compared, of which the digest is.
    """

    name: str
    rows: int
    columns: tuple[str, ...]
    stated: tuple[str, ...]
    digest: str
    compared: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What comparing books found.

    Attributes:
        books: What was compared, by side.
        totals: Group by group, see `totals.compared_totals`.
        agreeing: Settlements and other records that every book has once, and alike.
        odd: The rows by which the books differ.
        differences: Their classes, a row of `differences.DIFFERENCE` each.
        found_by: How the odd rows were found in the end: a value of `By`, or `spark.SPARK`.
        cells: Cells of the sketches that named them, 0 for a full join.
    """

    books: Mapping[Side, BookDigest]
    totals: pa.Table
    agreeing: int
    odd: OddRows
    differences: pa.Table
    found_by: str
    cells: int


def reconcile(
    books: Mapping[Side, Book],
    *,
    scratch: Path,
    by: By = By.SKETCH,
    memory_mib: int = limits.JOIN_MEMORY_MIB,
    cells: int = limits.SKETCH_CELLS_MIN,
    seed: bytes = SEED,
) -> Reconciliation:
    """Return where two or three books differ.

    Persons and cards are compared where all books tell them in the same way: plain, or by
    pseudonyms of one key. Where one side's key made them they say nothing to the other.

    Args:
        books: By side; whichever is missing, two must be there.
        scratch: An empty folder for hashes and what is spilled; the caller clears it away.
        by: How odd rows are found.
        memory_mib: What a full join may use.
        cells: Of the first sketches; where they are too small, larger ones are made.
        seed: What hashes begin with.

    Raises:
        InvalidRequest: An amount of a book is beyond its bound.
        Precondition: Fewer than two books, or more odd rows than are classified.
        OSError: The folder cannot be written, or is full.
    """
    if len(books) < 2:
        raise Precondition(f"{len(books)} book is compared with nothing; open two or three")
    ordered = comparable_persons([books[side] for side in Side if side in books])
    pairs = pairs_of(ordered)
    passed = _passes(ordered, pairs, scratch, cells, seed)
    found, used = None, 0
    if by is By.SKETCH:
        named, used = _named(ordered, pairs, passed, seed)
        found = _settled(ordered, passed, named)
    if found is None:
        found, used = joined(ordered, scratch, memory_mib=memory_mib), 0
    first = ordered[0]
    totals = {side: each.totals for side, each in passed.items()}
    return Reconciliation(
        books={book.side: digest_of(book, passed[book.side].totals) for book in ordered},
        totals=compared_totals(totals, [(pair.one, pair.other, pair.columns) for pair in pairs]),
        agreeing=first.rows - found.odd_rows[first.side],
        odd=found.odd,
        differences=classify(found.odd),
        found_by=By.SKETCH if used else By.JOIN,
        cells=used,
    )


def _passes(
    books: Sequence[Book], pairs: Sequence[Pair], scratch: Path, cells: int, seed: bytes
) -> dict[Side, Passed]:
    """Return one pass over each book; two books at a time, since each is a thread's own."""
    group = group_columns(books)
    tasks = [
        Task(
            compared=_compared(book, pairs),
            group=group,
            cells=cells,
            seed=seed,
            # What the others have twice and this has not is a difference of its own.
            seek_again=book is books[0],
            folder=scratch,
        )
        for book in books
    ]
    with ThreadPoolExecutor(max_workers=limits.BOOKS_AT_ONCE) as pool:
        made = list(pool.map(pass_over, books, tasks))
    return {book.side: each for book, each in zip(books, made, strict=True)}


def _compared(book: Book, pairs: Sequence[Pair]) -> tuple[tuple[str, ...], ...]:
    own = (pair.columns for pair in pairs if book.side in {pair.one, pair.other})
    return tuple(dict.fromkeys(own))


def _named(
    books: Sequence[Book], pairs: Sequence[Pair], passed: Mapping[Side, Passed], seed: bytes
) -> tuple["Words | None", int]:
    """Return the hashes of odd keys, None where no sketch tells them; and the cells it took."""
    sketches = {side: dict(each.sketches) for side, each in passed.items()}
    while True:
        decoded = [
            sketches[pair.one][pair.columns].minus(sketches[pair.other][pair.columns]).decoded()
            for pair in pairs
        ]
        size = len(next(iter(sketches[books[0].side].values())).cells)
        too_small = [each for each in decoded if not each.complete]
        if not too_small:
            first = passed[books[0].side]
            twice = keys_twice(first.kept, first.again)
            return np.unique(np.concatenate([twice, *(each.keys for each in decoded)])), size
        stuck = all(each.cells_left * _STUCK_ONE_IN < size for each in too_small)
        if stuck or size * _GROWTH > limits.SKETCH_CELLS_MAX:
            return None, 0
        larger = size * _GROWTH
        sketches = {
            book.side: sketches_of(book, _compared(book, pairs), cells=larger, seed=seed)
            for book in books
        }


def _settled(
    books: Sequence[Book], passed: Mapping[Side, Passed], named: "Words | None"
) -> Found | None:
    """Return the odd rows among those that are named, None where too many are."""
    if named is None:
        return None
    try:
        return settled(books, candidate_rows(books, passed, named))
    except TooManyRows:
        return None


def digest_of(book: Book, totals: Totals) -> BookDigest:
    """Return what a book was, out of what it comes to."""
    columns = max(totals.digests, key=len)
    one, two = totals.digests[columns].sum(axis=1, dtype=np.uint64)
    digest = f"{int(one):016x}{int(two):016x}"
    return BookDigest(book.name, book.rows, book.columns, book.stated, digest, columns)
