"""Line scope: what of each charge line the insurance looks at, before any payer is asked.

Each line falls into four parts that add up to its amount, fen for fen (identity L): own expense,
over limit, first-self-pay and, as the remainder, in scope. A bed of 150.00 yuan for 3 days under a
ceiling of 60.00 with 10 % first-self-pay is 450.00: 270.00 over limit, 18.00 first-self-pay,
162.00 in scope.

The stated line amount is authoritative: prices arrive rounded (12 tablets for 0.50 yuan are 0.0417
each), so price times quantity only ever measures the excess over a ceiling.

Lines, not claims, set the cost of a batch. They are taken in blocks whose temporaries stay in the
cache, as columns from beginning to end; there is no loop over lines.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core.codes import POT_NAMES
from medsettle.core.money import FenArray, Rounding, scaled_quotient
from medsettle.policy.catalogue import CLASS_C, IN_SCOPE_POT, PPM_ONE, Catalogue

REFUSED: Final = 2
"""Approval code of a restricted use that was refused."""


@dataclass(frozen=True, slots=True, eq=False)
class LineColumns:
    """Charge lines of one catalogue as columns of n rows.

    - `row`: int32, entry of the catalogue; negative when it has none, then the line is own expense;
    - `scheme`: position of the claim's insurance type in `Catalogue.schemes`;
    - `price_level`: hospital level of the ceiling prices, 1 to 3;
    - `quantity_e4` in 1..QUANTITY_E4_MAX, `unit_price_e6` in 0..UNIT_PRICE_E6_MAX, `amount_fen` in
      0..LINE_AMOUNT_FEN_MAX: int64;
    - `approval`: 0 none needed, 1 approved, 2 refused.
    """

    row: NDArray[np.int32]
    scheme: NDArray[np.int8]
    price_level: NDArray[np.int8]
    quantity_e4: NDArray[np.int64]
    unit_price_e6: NDArray[np.int64]
    amount_fen: FenArray
    approval: NDArray[np.int8]

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.row)

    def block(self, part: slice) -> "LineColumns":
        """Return some of the lines, sharing their memory."""
        return LineColumns(
            self.row[part],
            self.scheme[part],
            self.price_level[part],
            self.quantity_e4[part],
            self.unit_price_e6[part],
            self.amount_fen[part],
            self.approval[part],
        )


@dataclass(frozen=True, slots=True, eq=False)
class LineSplits:
    """The parts of each line, int64 fen, shape (n,), each >= 0, adding up to the line's amount.

    `pot` says where the in-scope part goes: `IN_SCOPE_POT`, or 4 + the number of a special pot.
    """

    own_expense_fen: FenArray
    over_limit_fen: FenArray
    pre_self_pay_fen: FenArray
    in_scope_fen: FenArray
    pot: NDArray[np.int64]


def split_lines(lines: LineColumns, catalogue: Catalogue) -> LineSplits:
    """Return the parts of each line, in the order of the lines.

    Args:
        lines: Lines whose rows belong to `catalogue`.
        catalogue: The catalogue of the place of treatment.

    Returns:
        n splits in arrays of their own.

    Source: national settlement interface, results of line uploads (2204, 2301): ceiling prices,
    first-self-pay ratios and the in-scope amount as the remainder; every line rounded half up.
    """
    count = len(lines)
    # A wrong column would silently read a neighbouring cell.
    assert ((lines.scheme >= 0) & (lines.scheme < len(catalogue.schemes))).all()
    assert ((lines.price_level >= 1) & (lines.price_level <= catalogue.ceiling_e6.shape[1])).all()
    parts = np.empty((len(POT_NAMES) + 1, count), dtype=np.int64)
    for start in range(0, count, limits.BLOCK_ROWS):
        part = slice(start, start + limits.BLOCK_ROWS)
        _split_block(lines.block(part), catalogue, parts[:, part])
    own, over, pre, in_scope, pot = parts
    return LineSplits(own, over, pre, in_scope, pot)


def _split_block(lines: LineColumns, catalogue: Catalogue, parts: NDArray[np.int64]) -> None:
    """Write the parts of a block of lines into `parts`, shape (5, n)."""
    own, over, pre, in_scope, pot = parts
    amount, price = lines.amount_fen, lines.unit_price_e6
    # take() on flat arrays with native indexes gathers three times as fast as [row, column].
    row = np.maximum(lines.row, 0).astype(np.intp)
    ceilings, ratios = catalogue.ceiling_e6, catalogue.pre_self_pay_ppm
    ceiling = ceilings.ravel().take(row * ceilings.shape[1] + (lines.price_level - 1))
    ratio = ratios.ravel().take(row * ratios.shape[1] + lines.scheme)
    # A ceiling of zero pays nothing at all, not even the fen by which an amount may differ from
    # its price times quantity.
    unpayable = ceiling == 0
    above = (price > ceiling) | unpayable
    outside = (lines.row < 0) | (catalogue.item_class.take(row) == CLASS_C) | (ratio == PPM_ONE)
    outside |= catalogue.own_expense_above.take(row) & above
    refused = lines.approval == REFUSED
    if refused.any():
        outside |= catalogue.restricted.take(row) & refused
    excess_e6 = np.maximum(price - ceiling, 0)
    excess = scaled_quotient(
        excess_e6, lines.quantity_e4, limits.PRICE_QUANTITY_PER_FEN, Rounding.HALF_UP
    )
    np.multiply(amount, outside, out=own)
    rest = amount - own
    over[:] = np.where(unpayable, rest, np.minimum(rest, excess))
    rest -= over
    pre[:] = scaled_quotient(rest, ratio, PPM_ONE, Rounding.HALF_UP)
    np.subtract(rest, pre, out=in_scope)
    pot[:] = IN_SCOPE_POT
    if catalogue.pots:
        pot[:] = np.where(lines.row < 0, IN_SCOPE_POT, catalogue.pot.take(row))
    assert parts[: IN_SCOPE_POT + 1].min(initial=0) >= 0, "a part of a line is below zero"


def pots(
    splits: LineSplits, line_claim: NDArray[np.integer[Any]], claim_count: int, pot_count: int
) -> FenArray:
    """Return the pots of each claim: the sums of its lines.

    Args:
        splits: n lines.
        line_claim: Shape (n,), position of each line's claim in 0..claim_count, in any order.
        claim_count: Number of claims; those without lines get zeros.
        pot_count: Number of special pots of the catalogue.

    Returns:
        Shape (claim_count, 4 + pot_count), fen, columns contiguous: the national four in the
        order of `POT_NAMES`, then the special pots. In-scope amounts of a special pot are not in
        the in-scope column, so that each row adds up to the claim's total.
    """
    sums = np.zeros((len(POT_NAMES) + pot_count, claim_count), dtype=np.int64)
    # Unlike bincount with weights, add.at stays in integers.
    np.add.at(sums[0], line_claim, splits.own_expense_fen)
    np.add.at(sums[1], line_claim, splits.over_limit_fen)
    np.add.at(sums[2], line_claim, splits.pre_self_pay_fen)
    np.add.at(sums.reshape(-1), splits.pot * claim_count + line_claim, splits.in_scope_fen)
    return sums.T
