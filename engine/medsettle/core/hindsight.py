"""What later settlements would have been without an earlier one (事后重算).

A cancel in the middle of a year gives back what its settlement had used up, and leaves later ones
as they are: what they saw was true then. This says what they would have seen, and paid, otherwise.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from medsettle.core import codes
from medsettle.core.settlement import Row

COMPARED_PAYERS: Final = (*codes.PAYER_NAMES, "cash", "payouts")
"""Who pays, in the order of the settlement's columns; payouts are beside the bill."""


@dataclass(frozen=True, slots=True)
class ComparedShare:
    """What one payer pays of a settlement, as recorded and as it would have been, in fen."""

    payer: str
    recorded_fen: int
    would_be_fen: int

    @property
    def difference_fen(self) -> int:
        """How much more the payer would have paid, below zero where it would have paid less."""
        return self.would_be_fen - self.recorded_fen


@dataclass(frozen=True, slots=True)
class LaterSettlement:
    """A later settlement of the person: who pays what, as recorded and as it would have been.

    `shares` has a row for each payer that pays in either case. `refusal` says why the claim would
    have been refused, with the outcome first; it is empty where it would not have been.
    """

    settlement: str
    seq: int
    service_date: date
    institution: str
    shares: tuple[ComparedShare, ...]
    refusal: str = ""

    @property
    def differs(self) -> bool:
        """Whether anybody would have paid something else."""
        return any(share.difference_fen for share in self.shares)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The later settlements that stand, in ledger order; `complete` unless there are more."""

    later: tuple[LaterSettlement, ...]
    complete: bool = True

    def difference_fen(self, payer: str) -> int:
        """Return how much more a payer would have paid for all of them."""
        shares = (share for each in self.later for share in each.shares)
        return sum(share.difference_fen for share in shares if share.payer == payer)


def compared_shares(recorded: Row, would_be: Row | None) -> tuple[ComparedShare, ...]:
    """Return the shares of two settlements of one claim, by their columns; None pays nothing."""
    found = []
    for payer in COMPARED_PAYERS:
        before, after = (
            0 if columns is None else columns[f"{payer}_fen"] for columns in (recorded, would_be)
        )
        assert isinstance(before, int) and isinstance(after, int)
        if before or after:
            found.append(ComparedShare(payer, before, after))
    return tuple(found)
