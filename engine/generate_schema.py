"""Write `engine/schema.md`, the page of all columns, from `medsettle.core.schema` and the book.

Stands beside the package because it writes a file, which `core` never does. `make schema` runs it
and a test compares the page with what it would write today.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from medsettle import limits
from medsettle.clearing.matching.book import BESIDE, BOOK
from medsettle.core import schema
from medsettle.core.columns import Column, Kind

_INTRODUCTION: Final = """\
# Columns

Written by `make schema` from `engine/medsettle/core/schema.py`; change that file, not this page.

Bounds are inclusive. *Alias* is the field of the national interface, kept as Arrow field metadata.
A column marked *optional* may be null; every other is refused when it is missing.
"""

_TITLES: Final[dict[str, str]] = {
    "claims": "one row a claim, with its lines as a list",
    "lines": "one struct a charge line of a claim",
    "settlements": "one row a settlement or a cancel, in ledger order",
    "payers": "one row a stage of the waterfall of a settlement",
    "relative_shares": "one row a relative whose money a stage of a settlement took",
    "line_splits": "one row a charge line of a settlement, with the pots it fell into",
    "claim_facts": "one row a settled claim, with what its settlement does not repeat",
    "claim_lines": "one row a line of a settled claim, with what its split does not repeat",
    "scopes": "one row a settlement whose lines the engine of the place of care split",
    "moves": "one row a change of a counter by what neither settles nor takes back",
    "book": "one row a record, in a book that is reconciled",
}

_OF_BOOKS: Final = """
What `reconcile run` reads from Parquet and CSV, from `engine/medsettle/clearing/matching/book.py`;
an audit folder needs none of it. A file has `settlement` and `record_date`; any other column that
it does not keep is left out and never compared, and one that is not listed is passed over. Each may
have its alias for a name: then amounts are yuan with two decimals and moments those of China. Under
the names here amounts are whole fen. `record_time` is also read from `setl_time`, `original` from
`init_setl_id`; `acct_pay` holds what relatives pay, `account_fen` does not.
"""

_UNITS: Final[dict[Kind, str]] = {
    Kind.CODES: "characters of each",
    Kind.CODE: "characters",
    Kind.DATE: "day, China Standard Time",
    Kind.FEN: "fen",
    Kind.TIMESTAMP: "microsecond, UTC",
}

# The unit of a scaled number is the suffix of its name, so that no reader has to look it up.
_SCALES: Final[dict[str, str]] = {"_e4": "1/10,000", "_e6": "1/1,000,000 yuan"}


def _unit(column: Column) -> str:
    if column.values:
        return "–"
    for suffix, unit in _SCALES.items():
        if column.name.endswith(suffix):
            return unit
    return _UNITS.get(column.kind, "–")


def _range(least: int, most: int) -> str:
    if least == -most:
        return f"±{most:,}"
    return f"{least:,} to {most:,}"


def _bounds(column: Column) -> str:
    if column.values:
        return ", ".join(f"`{value}`" for value in column.values)
    if column.kind is Kind.CODES:
        return f"at most {column.most}, each {_range(1, limits.CODE_CHARS_MAX)}"
    if column.kind in {Kind.CODE, Kind.FEN, Kind.INTEGER}:
        return _range(column.least, column.most)
    return "–"


def _row(column: Column) -> str:
    kind = column.kind.value if column.required else f"{column.kind.value}, optional"
    alias = f"`{column.alias}`" if column.alias else "–"
    cells = (f"`{column.name}`", kind, _unit(column), _bounds(column), alias, column.doc)
    return f"| {' | '.join(cells)} |"


def _table(name: str, columns: tuple[Column, ...]) -> Iterator[str]:
    yield f"\n## {name}: {_TITLES[name]}\n"
    yield "| column | kind | unit | bounds | alias | meaning |"
    yield "|---|---|---|---|---|---|"
    yield from map(_row, columns)


def page() -> str:
    """Return the whole page as Markdown, ending in a newline."""
    lines = [line for name, columns in schema.TABLES.items() for line in _table(name, columns)]
    heading, *table = _table("book", (*BOOK, *BESIDE))
    return _INTRODUCTION + "\n".join([*lines, heading.rstrip(), _OF_BOOKS, *table]) + "\n"


def main() -> None:
    """Write the page to the file named on the command line."""
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
