"""What an institution and the bureau hold of the same settlements, and where they differ (对账).

A day is that on which a settlement, or the cancel of one, was recorded. A cancel counts with
negative amounts on its own day.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from medsettle.core.settlement import Settlement


class Verdict(StrEnum):
    """Which side has what the other has not."""

    FLAT = "flat"
    CENTRE_MORE = "centre_more"
    INSTITUTION_MORE = "institution_more"
    DIFFER = "differ"


@dataclass(frozen=True, slots=True)
class Days:
    """What is reconciled: an institution, days from first to last, and which settlements.

    `pooled` says of a pooling area whether its settlements belong to it, `counts` says it by the
    columns of a settlement or a cancel, such as the insurance type. Without `refunds` cancels are
    left out, and what they cancel may be missing at the institution. Without `accounts` what
    personal accounts paid is not compared.
    """

    institution: str
    first: date
    last: date
    pooled: Callable[[str], bool]
    counts: Callable[[Mapping[str, object]], bool]
    refunds: bool = True
    accounts: bool = True


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums of settlements in fen; those of cancels are negative."""

    settlements: int = 0
    cancels: int = 0
    total_fen: int = 0
    fund_fen: int = 0
    account_fen: int = 0
    cash_fen: int = 0

    @property
    def numbers(self) -> tuple[int, int]:
        """How many there are as institutions count: less the cancels, and with them."""
        return self.settlements - self.cancels, self.settlements + self.cancels


@dataclass(frozen=True, slots=True)
class Stated:
    """Sums as an institution states them."""

    number: int
    total_fen: int
    fund_fen: int
    account_fen: int


@dataclass(frozen=True, slots=True)
class StatedRow:
    """A settlement or a refund as an institution has it.

    `settlement` is the id of a settlement, and for a refund that of the cancel or of its original.
    """

    settlement: str
    encounter: str
    person: str
    total_fen: int
    fund_fen: int
    account_fen: int
    refund: bool


def stated_by(rows: Sequence[StatedRow]) -> Stated:
    """Return what the rows of an institution add up to."""
    return Stated(
        len(rows),
        sum(row.total_fen for row in rows),
        sum(row.fund_fen for row in rows),
        sum(row.account_fen for row in rows),
    )


class Reason(StrEnum):
    """Why a row of the institution, or of the bureau, stands alone or differs."""

    NOT_STATED = "not_stated"
    UNKNOWN = "unknown"
    NOT_REFUNDED = "not_refunded"
    OTHER_DAYS = "other_days"
    TWICE = "twice"
    VALUES = "values"


@dataclass(frozen=True, slots=True)
class Difference:
    """One row in which the two sides differ.

    `settlement` is what the bureau holds, `row` what the institution states; one of them may be
    missing. `fields` are the names of `StatedRow` that differ, for the reason `VALUES`.
    """

    verdict: Verdict
    reason: Reason
    settlement: Settlement | None = None
    row: StatedRow | None = None
    fields: tuple[str, ...] = ()
