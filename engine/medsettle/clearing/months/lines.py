"""The lines of a closed month: the records that it took, each with where it comes from.

A line is a row of the book of the place of insurance with `ORIGIN` behind it. What is late, and
what takes something of an earlier month back, is a line of the month that was open when it came; it
names its origin, and no closed month changes for it (`clearing.md` 3.5).

A refund in January of a settlement of December belongs to the clearing of January: its `origin` is
that of the cancel. The counters of the person that it lowers are those of the day on which the
settlement counted, `counted_on`, as the ledger has them: a cancel moves the counters of the service
day of its original (`engine.cancels`).
"""

from enum import StrEnum
from typing import Final

import pyarrow as pa

from medsettle.clearing.matching.book import BOOK
from medsettle.core import columns
from medsettle.core.columns import Column, Kind


class LineKind(StrEnum):
    """Why a line stands in its month."""

    OWN = "own"
    """A settlement of the month."""
    LATE = "late"
    """A settlement of an earlier month that agrees only now."""
    CANCEL = "cancel"
    """Takes back a settlement of the same month."""
    REFUND = "refund"
    """Takes back a settlement of an earlier month, or one that an earlier month has (跨月退费)."""
    ADJUSTMENT = "adjustment"
    """A correction that was agreed upon."""
    DEDUCTION = "deduction"
    """What the review of the place of care takes off (审核扣款)."""


REASONS: Final[dict[LineKind, str]] = {
    LineKind.CANCEL: "cancelled in the month of its settlement",
    LineKind.REFUND: "cancelled across months",
    LineKind.ADJUSTMENT: "corrected by agreement",
    LineKind.DEDUCTION: "taken off in review",
}
"""The reason that a line of each kind has where nobody stated one."""

ORIGIN: Final[tuple[Column, ...]] = (
    columns.code("clearing_month", "清算期号: the month that has the line, YYYY-MM."),
    columns.code("origin_month", "Month in which the record itself was made."),
    columns.code("settlement_month", "Month of the settlement that it belongs to."),
    columns.code("line_kind", "Why it stands in this month.", values=tuple(LineKind)),
    columns.code("original_month", "Month of its original.", required=False),
    columns.code("original_cleared", "Month that took the original earlier.", required=False),
    Column(
        "counted_on",
        Kind.DATE,
        "The person's counters that the record moves are those of the periods of this day.",
        required=False,
    ),
    columns.code("original_policy", "Rules of the original.", required=False),
    columns.code("original_policy_digest", "Their version.", required=False),
    columns.code("original_catalogue_digest", "Its catalogue of care.", required=False),
    columns.code("reason", "Why it is negative, late or corrected.", required=False, most=200),
    columns.code("approver", "Who decided that the month takes it.", required=False, most=200),
)

LINE: Final[tuple[Column, ...]] = (*BOOK, *ORIGIN)
"""The columns of a line."""


class Held(StrEnum):
    """Why a month that could have taken a record did not."""

    OPEN_DIFFERENCE = "open_difference"
    """A difference about it is open; the month that is open when it agrees takes it."""
    TOO_LATE = "too_late"
    """It is later than the rule lets in: to be decided."""
    ORIGINAL_UNKNOWN = "original_unknown"
    """Neither a closed month nor the book has its original: to be decided."""
    WITH_ORIGINAL = "with_original"
    """Its original is not taken, for another reason than a difference: to be decided."""
    DUPLICATE = "duplicate"
    """The book has it more than once: to be reconciled."""
    CHANGED = "changed"
    """A closed month took it with other amounts than the book has now, or the book has it twice."""
    LEFT_OUT = "left_out"
    """Somebody decided that no month takes it."""


TO_DECIDE: Final = (Held.TOO_LATE, Held.ORIGINAL_UNKNOWN, Held.WITH_ORIGINAL)
"""What waits for a decision rather than for a reconciliation."""

NEXT_STEPS: Final[dict[Held, str]] = {
    Held.OPEN_DIFFERENCE: "resolve its item, see medsettle reconcile items; then the next month "
    "takes it",
    **dict.fromkeys(TO_DECIDE, "decide: medsettle clear decide ID --take or --leave"),
    Held.DUPLICATE: "resolve its item if one is open; then medsettle clear decide ID --take takes "
    "it once where its rows are alike, and where they are not the book has to be corrected",
    Held.CHANGED: "reconcile it; what is corrected is a record of its own in the book",
    Held.LEFT_OUT: "nothing; medsettle clear decide ID --take takes it after all",
}
"""What is to be done about what was held, so that a month takes it."""

assert NEXT_STEPS.keys() == set(Held)

HELD: Final[tuple[Column, ...]] = (
    columns.code("settlement", "The record."),
    columns.code("kind", "What it is."),
    columns.code("original", "What it belongs to.", required=False),
    Column("record_date", Kind.DATE, "Its day in the book."),
    columns.code("pooling_area", "参保地."),
    columns.code("care_area", "就医地."),
    columns.code("insurance_type", "险种类型."),
    columns.fen("total_fen", "医疗费总额."),
    columns.fen("owed_fen", "What the place of insurance would owe for it."),
    columns.code("held", "Why no month takes it.", values=tuple(Held)),
)
"""The columns of what a month did not take."""


def file_schema(table: tuple[Column, ...]) -> pa.Schema:
    """Return the Arrow schema of a file of lines or of what was held; any value may be unknown."""
    return pa.schema([column.arrow_field().with_nullable(True) for column in table])
