"""The table of differences: what a reconciliation finds and what everything after it reads.

The same books give the same bytes, on one machine or on many: rows are in the order of `item`.
"""

from typing import Final

import pyarrow as pa

from medsettle.clearing.matching.book import BOOK, Side
from medsettle.core import columns
from medsettle.core.columns import Column, Kind

DIFFERENCE: Final[tuple[Column, ...]] = (
    columns.code(
        "item",
        "What the difference is about, the same in every run: kind of record and key.",
        most=256,
    ),
    Column("difference_class", Kind.INTEGER, "See `DifferenceClass`.", least=1, most=14),
    columns.code("settlement", "The settlement concerned, by the first side that has it."),
    columns.code("matched_by", "The natural key by which rows were matched, joined by `+`."),
    Column("held_by", Kind.CODES, "Sides that have a row of it."),
    Column("missing_at", Kind.CODES, "Sides that were compared and have none."),
    Column("differing", Kind.CODES, "Columns in which two sides differ."),
    columns.code("pooling_area", "参保地."),
    columns.code("care_area", "就医地."),
    Column("record_date", Kind.DATE, "Of the place of insurance, else of the first that has it."),
    columns.code("owner", "Whose turn it is.", values=tuple(Side)),
    columns.code("action", "What is proposed."),
    columns.code("term", "Until when."),
    columns.fen(
        "at_risk_fen",
        "Money at risk: fund and account shares that one side claims and another does not owe; "
        "never negative.",
    ),
    columns.code("explanation", "The difference in one sentence.", most=1_000),
)
"""The columns of a difference; the rows of each side follow as structs of `BOOK`, null if none."""


def difference_schema() -> pa.Schema:
    """Return the Arrow schema of a table of differences."""
    row = pa.struct([column.arrow_field().with_nullable(True) for column in BOOK])
    # A side may have a record more than once (class 9): all its rows, in the order of their ids.
    rows = [pa.field(f"{side}_rows", pa.list_(row), nullable=False) for side in Side]
    return pa.schema([*(column.arrow_field() for column in DIFFERENCE), *rows])
