"""The slow oracle of line scope: one line at a time, exact fractions, plain ifs.

It shares nothing with the engine but the meaning of the words, and takes what a person would read
off the catalogue: yuan and percent as fractions, None for no ceiling.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import floor


@dataclass(frozen=True)
class Item:
    """What the catalogue says about an item on one day, at one hospital level, for one scheme."""

    item_class: str
    ratio: Fraction
    ceiling_yuan: Fraction | None
    own_expense_above: bool = False
    restricted: bool = False


def reference_split(
    item: Item | None, price_yuan: Fraction, quantity: Fraction, amount_fen: int, approval: str
) -> tuple[int, int, int, int]:
    """Return own expense, over limit, first-self-pay and in scope of one line, in fen."""
    if item is None or item.item_class == "03" or item.ratio == 1:
        return amount_fen, 0, 0, 0
    if item.restricted and approval == "2":
        return amount_fen, 0, 0, 0
    over = 0
    ceiling = item.ceiling_yuan
    if ceiling is not None and (ceiling == 0 or price_yuan > ceiling):
        if item.own_expense_above:
            return amount_fen, 0, 0, 0
        over = amount_fen
        if ceiling > 0:
            over = min(amount_fen, _half_up((price_yuan - ceiling) * quantity * 100))
    pre = _half_up((amount_fen - over) * item.ratio)
    return 0, over, pre, amount_fen - over - pre


def _half_up(exact_fen: Fraction) -> int:
    return floor(exact_fen + Fraction(1, 2))
