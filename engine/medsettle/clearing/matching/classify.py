"""What each odd row means: the class of a difference, with its remedy and its money at risk.

One function for every way of finding odd rows, so that the table of differences is the same bytes
whichever was taken. What is compared are records (`odd_records`) and what stands of a settlement in
each book (`standing`), not rows: a cancel is told with its original, a settlement that was taken
back where it stood is no difference, and a key that a book has twice is told once.

**Which class is told, where several apply** (the first; `differing` lists all columns):

| precedence | class | when |
|---|---|---|
| 1 | DUPLICATE | a book has the id twice; or a record that not all books have is the second |
|   |           | of the same service, or the second cancel of one settlement, in a book |
| 2 | DEDUCTION | a deduction that not all books have, or not alike |
| 3 | STATE | it stands in one book and is taken back in another |
| 4 | HALF_REVERSED | it stands with insurance or the nation alone, and care has none of it |
| 5 | ONLY_CARE, NOT_INSURED, NOT_CARE, NOT_NATIONAL | by who lacks it (below) |
| 6 | PERSON | another person, card or credential |
| 7 | AMOUNT | an amount differs, or a book lacks an adjustment that changes one |
| 8 | SPLIT | the amounts agree, what payers pay does not |
| 9 | FACT | another fact differs; before the versions, which follow from it |
| 10 | PERIOD | another day; after the facts, since it stays for good and would hide them |
| 11 | VERSION | another version of policy or catalogue |

A value that is null or a column that a book does not have is never compared; nor is `record_time`,
which is each book's own. A cancel that mirrors its original in every book is told with it. Where a
settlement and its adjustments add up to the same amounts in all books, neither these amounts nor
that a book lacks an adjustment is told, and all other columns are compared as ever (`adjusted`).

**Who lacks it.** I, C, N are the books of insurance, care and nation; a book that was not compared
may or may not have it, and is taken to be silent.

| it stands at | three books | I and C | C and N | I and N |
|---|---|---|---|---|
| C | ONLY_CARE | ONLY_CARE | ONLY_CARE | |
| C, N | NOT_INSURED | | | |
| I, N | NOT_CARE | | | |
| I | HALF_REVERSED | NOT_CARE | | NOT_NATIONAL |
| N | HALF_REVERSED | | NOT_CARE | NOT_INSURED |
| I, C | NOT_NATIONAL | | | |
| I or N, and C has only its cancel | HALF_REVERSED | HALF_REVERSED | HALF_REVERSED | |

**Money at risk**, in fen of funds and accounts (`at_risk`):

| class | how much |
|---|---|
| STATE, HALF_REVERSED, missing records | what stands at one side and not at another |
| AMOUNT, SPLIT, DEDUCTION | by how much two sides are apart; 0 where only the patient's cash is |
| DUPLICATE | what the surplus rows claim |
| PERSON | all of it, until somebody has looked into it |
| FACT | all of it where it is claimed of another area, insurance or clearing class; else 0 |
| PERIOD | all of it where the days are of different months; else 0 |
| VERSION | 0 |

`held_by` and `missing_at` are about the record itself; of STATE about the cancel, so that the
latter are the books in which it still stands.
"""

from typing import Final

import pyarrow as pa

from medsettle import limits
from medsettle.clearing.matching.classes import DifferenceClass
from medsettle.clearing.matching.difference_table import difference_table
from medsettle.clearing.matching.findings import findings
from medsettle.clearing.matching.found import Found
from medsettle.clearing.matching.odd_records import records_of
from medsettle.clearing.matching.odd_rows import OddRows
from medsettle.errors import BatchTooLarge, Fault

_C = DifferenceClass
PRECEDENCE: Final[tuple[DifferenceClass, ...]] = (
    *(_C.DUPLICATE, _C.DEDUCTION, _C.STATE, _C.HALF_REVERSED),
    *(_C.ONLY_CARE, _C.NOT_INSURED, _C.NOT_CARE, _C.NOT_NATIONAL),
    *(_C.PERSON, _C.AMOUNT, _C.SPLIT, _C.FACT, _C.PERIOD, _C.VERSION),
)
"""Which class is told where several apply."""

_RANK: Final = {found: rank for rank, found in enumerate(PRECEDENCE)}


def classify(odd: OddRows) -> pa.Table:
    """Return the differences that odd rows of two or three books are.

    Args:
        odd: All rows of every odd key; what they share a natural key with may be there too, and
            agrees. The order of rows does not matter.

    Returns:
        A table of `differences.difference_schema()`, one row a difference in the order of `item`;
        the same bytes for the same rows.

    Raises:
        BatchTooLarge: There are more than `ODD_ROWS_MAX` odd rows.
    """
    _check(odd)
    records = records_of(odd.rows, odd.columns)
    by_item: dict[str, Found] = {}
    for found in findings(records):
        before = by_item.get(found.item)
        if before is None or _rank(found) < _rank(before):
            by_item[found.item] = found
    return difference_table(records, [by_item[item] for item in sorted(by_item)])


def _check(odd: OddRows) -> None:
    count, most = sum(table.num_rows for table in odd.rows.values()), limits.ODD_ROWS_MAX
    if count > most:
        words = f"{count} rows of the books differ, above the bound of {most}; compare fewer days "
        words += "or areas, or see whether these are books of the same things"
        raise BatchTooLarge([Fault("odd_rows", words)])


def _rank(found: Found) -> tuple[int, str]:
    return _RANK[found.difference_class], found.record.item
