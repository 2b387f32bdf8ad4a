"""Rows written out by hand, and what is told of them."""

from collections.abc import Mapping, Sequence

from medsettle.clearing.matching.book import BOOK, Side
from medsettle.clearing.matching.classify import classify
from medsettle.clearing.matching.odd_rows import OddRows

from tests.clearing.books import Row, row, table

FEN = [column.name for column in BOOK if column.name.endswith("_fen")]
MESSAGE = "H99910200001202603310800000001"


def settled(**values: object) -> Row:
    """Return a settlement of 100 yuan, 70 of them of the pooled fund."""
    return row("S1", request_id=MESSAGE, **values)


def cancel(of: Row, settlement: str = "S1-C", **values: object) -> Row:
    """Return what takes a settlement back."""
    back = {name: -of[name] for name in FEN}
    return of | back | {"settlement": settlement, "kind": "cancel", "original": "S1"} | values


def classified(
    books: Mapping[Side, Sequence[Row]], without: Mapping[Side, frozenset[str]] | None = None
) -> list[Row]:
    """Return the differences of books, some of which are without columns."""
    lacking = without or {}
    tables = {side: table(rows, lacking.get(side, frozenset())) for side, rows in books.items()}
    columns = {side: frozenset(tables[side].schema.names) for side in books}
    rows: list[Row] = classify(OddRows(tables, columns)).to_pylist()
    return rows


def one(books: Mapping[Side, Sequence[Row]]) -> Row:
    """Return the only difference of books."""
    (found,) = classified(books)
    return found
