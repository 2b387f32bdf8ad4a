"""The budget effect where people use more of what costs them less, in exact fractions.

It is an assumption. Claims are put into cells: what is insured alike, visited alike, and of one
level of hospital in one area has one price, the part of the cost that persons bear. In words:

    change of price = (price after - price before) / mean of the two
    extra cost of a cell = its cost x elasticity x change of price
    what a payer pays of it = the extra cost x the part of the cost that the payer bears after

so that a payer's budget effect is what it pays more for the claims as they were, and its part of
the extra cost. The change is taken of the mean price, so that a reform and its reversal are alike
(an arc elasticity). Within a cell everybody meets its mean price; caps, deductibles and accounts
are met in it as they were, and whoever did not come at all before is not in any cell.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from medsettle.core import codes
from medsettle.core.money import half_away
from medsettle.replay.compare_options import CASES

PAYERS: Final = (*codes.PAYER_NAMES, "person_total", "fund_total")
"""Whose budget effect is told; a person's part is account, relatives' money and cash together."""


@dataclass(frozen=True, slots=True)
class Effect:
    """The budget effect of one payer, in fen: as claims were, and with each response."""

    payer: str
    static_fen: int
    low_fen: int
    central_fen: int
    high_fen: int


def extra_cost(cell: Mapping[str, object], elasticity: Fraction) -> Fraction:
    """Return what a cell costs more, in fen.

    Args:
        cell: `total_fen`, `baseline_person_total_fen` and `reform_person_total_fen` of its claims.
        elasticity: 0 or below.

    >>> cell = {"total_fen": 1000, "baseline_person_total_fen": 300, "reform_person_total_fen": 100}
    >>> extra_cost(cell, Fraction(-1, 5))
    Fraction(200, 1)
    """
    before, after = _fen(cell, "baseline_person_total_fen"), _fen(cell, "reform_person_total_fen")
    if before + after == 0:
        return Fraction(0)
    # Both prices have the cost of the cell below them, which falls away.
    change = Fraction(2 * (after - before), before + after)
    return _fen(cell, "total_fen") * elasticity * change


def effects(
    cells: Iterable[Mapping[str, object]],
    static_fen: Mapping[str, int],
    elasticities: tuple[Fraction, Fraction, Fraction],
) -> list[Effect]:
    """Return the budget effect of every payer.

    Args:
        cells: Sums of claims that respond; those of other claims are in `static_fen` alone.
        static_fen: What each of `PAYERS` pays more for all claims as they were.
        elasticities: Low, central and high.

    Returns:
        Effects in the order of `PAYERS`, and last that on the cost, as payer `total`. Fractions of
        fen are rounded once, on each sum, halves away from zero.
    """
    sums = {payer: [Fraction(0)] * len(CASES) for payer in (*PAYERS, "total")}
    for cell in cells:
        total = _fen(cell, "total_fen")
        for at, elasticity in enumerate(elasticities):
            extra = extra_cost(cell, elasticity)
            sums["total"][at] += extra
            for payer in PAYERS if total else ():
                sums[payer][at] += extra * Fraction(_fen(cell, f"reform_{payer}_fen"), total)
    return [
        Effect(payer, fen, *(half_away(fen + extra) for extra in of_cases))
        for payer, of_cases in sums.items()
        for fen in (static_fen.get(payer, 0),)
    ]


def _fen(cell: Mapping[str, object], name: str) -> int:
    value = cell[name]
    assert isinstance(value, int)
    return value
