"""The numbers of charge lines as arrays, and what must hold between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core.dates import day_number
from medsettle.core.money import Rounding, scaled_quotient


@dataclass(frozen=True, slots=True, eq=False)
class LineArrays:
    """The numbers of n lines of some claims in their order, int64.

    `claims` is the number of claims, `claim` the position of each line's claim, rising; `day` is
    the fee date in days since 1970-01-01. `takes_back` says whether any line may take back a part
    of another.
    """

    claims: int
    claim: NDArray[np.int64]
    day: NDArray[np.int64]
    quantity_e4: NDArray[np.int64]
    unit_price_e6: NDArray[np.int64]
    amount_fen: NDArray[np.int64]
    takes_back: bool

    @classmethod
    def of(cls, lines: Mapping[str, Sequence[Any]], counts: Sequence[int]) -> "LineArrays":
        """Return the arrays of checked columns of lines; `counts` is how many each claim has."""
        dates: Sequence[date] = lines["fee_date"]
        days = {day: day_number(day) for day in {*dates}}
        return cls(
            claims=len(counts),
            claim=np.repeat(np.arange(len(counts)), counts),
            day=np.fromiter(map(days.__getitem__, dates), dtype=np.int64, count=len(dates)),
            quantity_e4=np.array(lines["quantity_e4"], dtype=np.int64),
            unit_price_e6=np.array(lines["unit_price_e6"], dtype=np.int64),
            amount_fen=np.array(lines["amount_fen"], dtype=np.int64),
            takes_back=any(lines["original_line"]),
        )

    @classmethod
    def joined(cls, parts: Sequence["LineArrays"]) -> "LineArrays":
        """Return the lines of several runs of claims as one."""
        ends = np.cumsum([part.claims for part in parts]).tolist()
        firsts = [0, *ends[:-1]]
        columns = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("day", "quantity_e4", "unit_price_e6", "amount_fen")
        }
        return cls(
            claims=ends[-1],
            claim=np.concatenate(
                [part.claim + first for part, first in zip(parts, firsts, strict=True)]
            ),
            takes_back=any(part.takes_back for part in parts),
            **columns,
        )

    def chosen(self, mask: NDArray[np.bool_]) -> "LineArrays":
        """Return the lines that a mask names; the claims keep their positions."""
        return LineArrays(
            claims=self.claims,
            claim=self.claim[mask],
            day=self.day[mask],
            quantity_e4=self.quantity_e4[mask],
            unit_price_e6=self.unit_price_e6[mask],
            amount_fen=self.amount_fen[mask],
            takes_back=self.takes_back,
        )


def lines_in_order(
    lines: LineArrays, admission: NDArray[np.int64], service: NDArray[np.int64]
) -> bool:
    """Return whether lines are plainly in order, each for itself within its bounds.

    Args:
        lines: The lines.
        admission: Shape (claims,), the day of admission of each claim.
        service: Shape (claims,), its service date.

    Returns:
        False where some line may be wrong, or takes something back.
    """
    if lines.takes_back or not len(lines.claim):
        return not lines.takes_back
    return (
        not doubtful_lines(lines, admission, service).any()
        and not totals(lines).max() > limits.CLAIM_TOTAL_FEN_MAX
    )


def doubtful_lines(
    lines: LineArrays, admission: NDArray[np.int64], service: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return which lines may be wrong: by their signs, their day, or their price, shape (n,)."""
    quantity, amount = lines.quantity_e4, lines.amount_fen
    doubtful = (quantity <= 0) | (amount < 0)
    doubtful |= lines.day < admission[lines.claim]
    doubtful |= lines.day > service[lines.claim]
    units, price = np.abs(quantity), lines.unit_price_e6
    per_fen = limits.PRICE_QUANTITY_PER_FEN
    stated = scaled_quotient(price, units, per_fen, Rounding.DOWN)
    least, apart = limits.LINE_AMOUNT_TOLERANCE_FEN, np.abs(stated - amount)
    wrong = apart > units * limits.PRICE_UNCERTAINTY_E6 // per_fen + least
    if wrong.any():
        # Few prices have more decimals than they were sent with, so few lines are looked at twice.
        price, units, apart = price[wrong], units[wrong], apart[wrong]
        half = np.full(len(price), limits.PRICE_UNCERTAINTY_E6)
        for step, wider in reversed(limits.PRICE_UNCERTAINTIES_E6):
            half[price % step == 0] = wider
        wrong[wrong] = apart > units * half // per_fen + least
    doubtful |= wrong
    return doubtful


def totals(lines: LineArrays) -> NDArray[np.int64]:
    """Return the sum of the lines of each claim in fen, shape (claims,)."""
    sums = np.zeros(lines.claims, dtype=np.int64)
    np.add.at(sums, lines.claim, lines.amount_fen)
    return sums
