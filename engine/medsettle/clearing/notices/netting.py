"""A view of liquidity: what would have to move if provinces paid differences only.

The law has each province pay gross, in each direction and for each fund line (`clearing.md` 3.3),
and that is what notices say. Here is how much of it is there and back: *bilateral*, where two pay
each other the difference alone, and *multilateral*, where each pays or gets its position against
all. Nothing is posted from it; netting over fund lines would pay one fund's debt with another's
money, so what stands over all lines is to be looked at only.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from medsettle.clearing.months.table_checks import owed_of
from medsettle.core.money import BPS


@dataclass(frozen=True, slots=True)
class Obligation:
    """What one province owes another in a fund line, in fen; below zero, it is owed that back."""

    debtor: str
    creditor: str
    fund_line: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Liquidity:
    """What moves gross, and what would move net.

    Attributes:
        gross_fen: The sum of all that is owed.
        bilateral: Debtor, creditor and the difference between two provinces, greater than zero.
        positions: What each province gets on the whole; below zero, what it pays. They add up to 0.
    """

    gross_fen: int
    bilateral: tuple[tuple[str, str, int], ...]
    positions: tuple[tuple[str, int], ...]

    @property
    def bilateral_fen(self) -> int:
        """What moves where two provinces pay their difference."""
        return sum(fen for _, _, fen in self.bilateral)

    @property
    def multilateral_fen(self) -> int:
        """What moves where each province pays or gets its position."""
        return sum(fen for _, fen in self.positions if fen > 0)

    @property
    def bilateral_bps(self) -> int:
        """`bilateral_compression` in 1/10,000, rounded down."""
        return int(self.bilateral_compression * BPS)

    @property
    def multilateral_bps(self) -> int:
        """`multilateral_compression` in 1/10,000, rounded down."""
        return int(self.multilateral_compression * BPS)

    @property
    def bilateral_compression(self) -> Fraction:
        """The part of the gross sum that need not move bilaterally, from 0 to 1."""
        return _compression(self.bilateral_fen, self.gross_fen)

    @property
    def multilateral_compression(self) -> Fraction:
        """The part of the gross sum that need not move multilaterally, from 0 to 1."""
        return _compression(self.multilateral_fen, self.gross_fen)


def obligations(folder: Path, lines: Path) -> list[Obligation]:
    """Return what provinces owe one another for a month after deductions, of checked tables.

    Args:
        folder: Of the clearing centre, where a database may spill.
        lines: The file of the month's lines.

    Raises:
        InternalError: A figure of the tables is wrong.
    """
    return [
        Obligation(debtor, creditor, line, gross_fen + deductions_fen)
        for debtor, creditor, line, gross_fen, deductions_fen in owed_of(folder, lines)
    ]


def liquidity(owing: Iterable[Obligation]) -> Liquidity:
    """Return what obligations come to, whatever their fund lines.

    An obligation below zero is one in the other direction; what a province owes itself does not
    move.

    >>> view = liquidity([Obligation("1", "2", "x", 30), Obligation("2", "1", "x", 20)])
    >>> view.gross_fen, view.bilateral, view.multilateral_compression
    (50, (('1', '2', 10),), Fraction(4, 5))
    """
    owed: dict[tuple[str, str], int] = defaultdict(int)
    positions: dict[str, int] = defaultdict(int)
    gross_fen = 0
    for each in owing:
        debtor, creditor = each.debtor, each.creditor
        if each.amount_fen < 0:
            debtor, creditor = creditor, debtor
        if debtor == creditor or each.amount_fen == 0:
            continue
        fen = abs(each.amount_fen)
        gross_fen += fen
        owed[debtor, creditor] += fen
        positions[debtor] -= fen
        positions[creditor] += fen
    bilateral = tuple(
        (debtor, creditor, left_fen)
        for (debtor, creditor), fen in sorted(owed.items())
        if (left_fen := fen - owed.get((creditor, debtor), 0)) > 0
    )
    found = Liquidity(gross_fen, bilateral, tuple(sorted(positions.items())))
    assert sum(fen for _, fen in found.positions) == 0, found
    assert found.multilateral_fen <= found.bilateral_fen <= gross_fen, found
    return found


def by_line(owing: Iterable[Obligation]) -> dict[str, Liquidity]:
    """Return the liquidity of each fund line by itself, as the law keeps them apart."""
    lines: dict[str, list[Obligation]] = defaultdict(list)
    for each in owing:
        lines[each.fund_line].append(each)
    return {line: liquidity(found) for line, found in sorted(lines.items())}


def _compression(net_fen: int, gross_fen: int) -> Fraction:
    return 1 - Fraction(net_fen, gross_fen) if gross_fen else Fraction(0)
