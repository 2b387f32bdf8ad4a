"""An adjustment (调整): the difference of amounts that two books agreed upon, as a record.

Nothing is edited: a settlement whose amounts are wrong keeps them, and the adjustment beside it has
what is to be added. Both together are what stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from medsettle.core import codes

ADJUSTABLE: Final[tuple[str, ...]] = (
    "total_fen",
    *(f"{name}_fen" for name in codes.POT_NAMES),
    "deductible_fen",
    *(f"{payer.name}_fen" for payer in codes.PAYERS),
    "fund_total_fen",
    "person_total_fen",
    "cash_fen",
)
"""The columns of a settlement that an adjustment may change, all in fen."""

IDENTITIES: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("total_fen", tuple(f"{name}_fen" for name in codes.POT_NAMES)),
    ("total_fen", ("fund_total_fen", "person_total_fen", "institution_share_fen")),
    ("person_total_fen", ("account_fen", "mutual_aid_fen", "cash_fen")),
    ("fund_total_fen", tuple(f"{name}_fen" for name in codes.FUND_NAMES)),
)
"""Sums that hold of every adjustment as of every settlement: a whole and its parts."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What is to be added to a settlement, why, and by whose word.

    `amounts` are fen by the names of `ADJUSTABLE`, positive or negative; what is absent is 0.
    `moves` are (counter, period, delta) of the person, only what is stated; the personal account
    is moved by what `account_fen` says. `item` is the open item it resolves.
    """

    institution: str
    request_id: str
    settlement: str
    amounts: Mapping[str, int]
    item: str
    reason: str
    proposed_by: str
    approved_by: str
    moves: tuple[tuple[str, int, int], ...] = field(default=())

    def fen(self, name: str) -> int:
        """Return what is added to a column."""
        return self.amounts.get(name, 0)


def broken_sums(amounts: Mapping[str, int]) -> list[str]:
    """Return a line for each identity that amounts break, with both sides in fen.

    >>> broken_sums({"pooled_fund_fen": 5, "fund_total_fen": 5, "cash_fen": -5,
    ...              "person_total_fen": -5})
    []
    >>> broken_sums({"cash_fen": 1, "person_total_fen": 1})
    ['total_fen is 0, fund_total_fen + person_total_fen + institution_share_fen are 1']
    """
    found = []
    for whole, parts in IDENTITIES:
        total, sum_ = amounts.get(whole, 0), sum(amounts.get(part, 0) for part in parts)
        if total != sum_:
            found.append(f"{whole} is {total}, {' + '.join(parts)} are {sum_}")
    return found
