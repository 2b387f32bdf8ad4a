"""The odd rows of books: all that the classification of differences needs, and nothing that agrees.

A key is *odd* unless every book has exactly one row of it and these rows are alike in every column
that two books both have.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from medsettle.clearing.matching.book import Side


@dataclass(frozen=True, slots=True)
class OddRows:
    """The rows by which two or three books differ.

    Attributes:
        rows: Per side, all its rows of every odd key, those that share another natural key or
            `book.SAME_SERVICE` with an odd row, and whatever belongs to the same settlements as
            one of these: columns of `book.BOOK` that the book has, in their order.
        columns: Per side, the names of the columns that its book has.
    """

    rows: Mapping[Side, pa.Table]
    columns: Mapping[Side, frozenset[str]]
