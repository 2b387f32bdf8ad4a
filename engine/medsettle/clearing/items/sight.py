"""What a run could see of the books, and so what it may say of what another run found.

Who compares less finds less: a run of fewer sides, areas or columns, or one that did not look for
repeats, is no word on what it could not have found.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from medsettle.clearing.items.item import ComparedBook, Part, Scope
from medsettle.clearing.items.rows import book_of
from medsettle.clearing.matching.book import BOOK, OWN

SIGHT_COLUMNS = "books, pooling_area, care_area, repeats, local"
"""The columns of a run of which `Sight.of_row` is made."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What one run compared: books with their columns, and which part of them."""

    books: tuple[ComparedBook, ...]
    part: Part

    @classmethod
    def of(cls, scope: Scope) -> "Sight":
        """Return that of a run that is recorded now."""
        return cls(scope.books, scope.part)

    @classmethod
    def of_row(cls, row: Sequence[Any]) -> "Sight":
        """Return that of a run of a row of `SIGHT_COLUMNS`."""
        books, pooling_area, care_area, repeats, local = row
        part = Part(pooling_area, care_area, frozenset(orjson.loads(repeats)), bool(local))
        return cls(tuple(map(book_of, orjson.loads(books))), part)

    def compares(self, other: "Sight") -> bool:
        """Return whether it compares all sides and columns that another run compared.

        A column that no row of a book has a value in counts where its files have it: on a day
        without a cancel nothing has an `original`, and that is all there is to know of it.
        """
        stated = {book.side: _stated(book) for book in self.books}
        return all(
            book.side in stated and _compared(book, other.books) <= stated[book.side]
            for book in other.books
        )

    def covers(self, other: "Sight") -> bool:
        """Return whether it sees all that another run saw."""
        return self.part.covers(other.part) and self.compares(other)


def _compared(book: ComparedBook, books: Sequence[ComparedBook]) -> frozenset[str]:
    """Return the columns of a book that another one had too."""
    others = {name for each in books if each.side is not book.side for name in each.had}
    return frozenset(book.had).intersection(others) - OWN


def _stated(book: ComparedBook) -> frozenset[str]:
    # Of a book without rows nothing is unknown.
    return frozenset(book.stated) if book.rows else frozenset(column.name for column in BOOK)
