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

from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core.codes import POT_NAMES
from medsettle.core.money import FenArray, Rounding, scaled_quotient
from medsettle.policy.catalogue import CLASS_C, IN_SCOPE_POT, PPM_ONE, Catalogue

REFUSED: Final = 2
"""Approval code of a restricted use that was refused."""

_PRE = POT_NAMES.index("pre_self_pay")


class Ground(StrEnum):
    """Why a line is own expense as a whole; several may hold of one line."""

    UNLISTED = "unlisted"
    CLASS_C = "class_c"
    WHOLE_RATIO = "whole_ratio"
    ABOVE_CEILING = "above_ceiling"
    REFUSED_USE = "refused_use"
    MARKED = "marked"


@dataclass(frozen=True, slots=True, eq=False)
class LineColumns:
    """Charge lines of one catalogue as columns of n rows.

    - `row`: int32, entry of the catalogue; negative when it has none, then the line is own expense;
    - `scheme`: position of the claim's insurance type or population in `Catalogue.schemes`;
    - `price_level`: column of the ceiling prices, from 1: the hospital level, and 3 more for each
      set of ceilings before the claim's;
    - `quantity_e4` in 0..QUANTITY_E4_MAX, `unit_price_e6` in 0..UNIT_PRICE_E6_MAX, `amount_fen` in
      0..LINE_AMOUNT_FEN_MAX: int64;
    - `approval`: 0 none needed, 1 approved, 2 refused;
    - `claim`: int64, rising; needed where first-self-pay is rounded once a settlement;
    - `covered_e4`: int64, the most units that the insurance looks at, `NO_LIMIT` for all;
    - `marked_pot`: int64, where the in-scope part of a marked line goes, -1 for unmarked ones;
    - `unowed`: whether a mark makes the whole line own expense;
    - `before`: int64, for a line that takes back a part of another: the line of which this one, by
      quantity and amount, is what is left (`medsettle.settle.refunds`); -1 for all others.
    """

    row: NDArray[np.int32]
    scheme: NDArray[np.int8]
    price_level: NDArray[np.int8]
    quantity_e4: NDArray[np.int64]
    unit_price_e6: NDArray[np.int64]
    amount_fen: FenArray
    approval: NDArray[np.int8]
    claim: NDArray[np.int64] | None = None
    covered_e4: NDArray[np.int64] | None = None
    marked_pot: NDArray[np.int64] | None = None
    unowed: NDArray[np.bool_] | None = None
    before: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.row)

    def block(self, part: slice | NDArray[np.int64]) -> "LineColumns":
        """Return some of the lines; those of a slice share their memory."""
        chosen: dict[str, Any] = {}
        for field in fields(self):
            column = getattr(self, field.name)
            chosen[field.name] = None if column is None else column[part]
        return LineColumns(**chosen)


@dataclass(frozen=True, slots=True, eq=False)
class LineSplits:
    """The parts of each line, int64 fen, shape (n,), adding up to the line's amount.

    They are >= 0, and <= 0 where a line takes back a part of another, but for a fen of rounding.
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
        catalogue: The catalogue of the place of treatment, with the terms of its area.

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
    left = np.empty(count if catalogue.terms.per_settlement else 0, dtype=np.int64)
    for start in range(0, count, limits.BLOCK_ROWS):
        part = slice(start, start + limits.BLOCK_ROWS)
        _split_block(lines.block(part), catalogue, parts[:, part], left[part])
    if catalogue.terms.per_settlement:
        carried = _carried(lines, left)
        parts[_PRE] += carried
        parts[IN_SCOPE_POT] -= carried
    assert parts[: IN_SCOPE_POT + 1].min(initial=0) >= 0, "a part of a line is below zero"
    if lines.before is not None:
        taken = np.flatnonzero(lines.before >= 0)
        parts[: IN_SCOPE_POT + 1, taken] -= parts[: IN_SCOPE_POT + 1, lines.before[taken]].copy()
    own, over, pre, in_scope, pot = parts
    return LineSplits(own, over, pre, in_scope, pot)


def outside(lines: LineColumns, catalogue: Catalogue) -> NDArray[np.bool_]:
    """Return whether each line is own expense as a whole, whatever its quantity."""
    row = np.maximum(lines.row, 0).astype(np.intp)
    return _outside(lines, catalogue, row, *cells(lines, catalogue))


def grounds(lines: LineColumns, catalogue: Catalogue) -> dict[Ground, NDArray[np.bool_]]:
    """Return which lines are own expense as a whole on which ground, shape (n,) each."""
    row = np.maximum(lines.row, 0).astype(np.intp)
    return dict(_grounds(lines, catalogue, row, *cells(lines, catalogue)))


def cells(lines: LineColumns, catalogue: Catalogue) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the ceiling price in micro-yuan and the ratio in parts per million of each line."""
    return _cells(lines, catalogue, np.maximum(lines.row, 0).astype(np.intp))


def _cells(
    lines: LineColumns, catalogue: Catalogue, row: NDArray[np.intp]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the ceiling and the ratio of each line."""
    # take() on flat arrays with native indexes gathers three times as fast as [row, column].
    ceilings, ratios = catalogue.ceiling_e6, catalogue.pre_self_pay_ppm
    ceiling = ceilings.ravel().take(row * ceilings.shape[1] + (lines.price_level - 1))
    return ceiling, ratios.ravel().take(row * ratios.shape[1] + lines.scheme)


def _outside(
    lines: LineColumns,
    catalogue: Catalogue,
    row: NDArray[np.intp],
    ceiling: NDArray[np.int64],
    ratio: NDArray[np.int64],
) -> NDArray[np.bool_]:
    found = np.zeros(len(lines), dtype=np.bool_)
    for _, held in _grounds(lines, catalogue, row, ceiling, ratio):
        found |= held
    return found


def _grounds(
    lines: LineColumns,
    catalogue: Catalogue,
    row: NDArray[np.intp],
    ceiling: NDArray[np.int64],
    ratio: NDArray[np.int64],
) -> Iterator[tuple[Ground, NDArray[np.bool_]]]:
    """Yield each ground on which lines of a block may be own expense, with where it holds."""
    yield Ground.UNLISTED, lines.row < 0
    yield Ground.CLASS_C, catalogue.item_class.take(row) == CLASS_C
    yield Ground.WHOLE_RATIO, ratio == PPM_ONE
    above = (lines.unit_price_e6 > ceiling) | (ceiling == 0)
    yield Ground.ABOVE_CEILING, catalogue.own_expense_above.take(row) & above
    refused = lines.approval == REFUSED
    if refused.any():
        yield Ground.REFUSED_USE, catalogue.restricted.take(row) & refused
    if lines.unowed is not None:
        yield Ground.MARKED, lines.unowed


def _split_block(
    lines: LineColumns,
    catalogue: Catalogue,
    parts: NDArray[np.int64],
    left: NDArray[np.int64],
) -> None:
    """Write the parts of a block of lines into `parts`, shape (5, n).

    Where first-self-pay is rounded once a settlement, it is rounded down here, and what that
    leaves, in millionths of a fen, goes into `left`.
    """
    own, over, pre, in_scope, pot = parts
    row = np.maximum(lines.row, 0).astype(np.intp)
    ceiling, ratio = _cells(lines, catalogue, row)
    np.multiply(lines.amount_fen, _outside(lines, catalogue, row, ceiling, ratio), out=own)
    quantity = lines.quantity_e4
    if lines.covered_e4 is not None:
        quantity = np.minimum(quantity, lines.covered_e4)
        own += _beyond(lines, quantity, own)
    rest = lines.amount_fen - own
    excess = scaled_quotient(
        np.maximum(lines.unit_price_e6 - ceiling, 0),
        quantity,
        limits.PRICE_QUANTITY_PER_FEN,
        Rounding.HALF_UP,
    )
    # A ceiling of zero pays nothing at all, not even the fen by which an amount may differ from
    # its price times quantity.
    over[:] = np.where(ceiling == 0, rest, np.minimum(rest, excess))
    if catalogue.limits_lines:
        over[:] = np.maximum(over, rest - catalogue.line_limit_fen.take(row))
    payable = rest - over
    of = rest if catalogue.terms.full_price else payable
    if catalogue.terms.per_settlement:
        np.divmod(of * ratio, PPM_ONE, out=(pre, left))
        left[pre >= payable] = 0
    else:
        pre[:] = scaled_quotient(of, ratio, PPM_ONE, Rounding.HALF_UP)
    if catalogue.terms.full_price:
        np.minimum(pre, payable, out=pre)
    np.subtract(payable, pre, out=in_scope)
    pot[:] = IN_SCOPE_POT
    if catalogue.terms.pots:
        pot[:] = np.where(lines.row < 0, IN_SCOPE_POT, catalogue.pot.take(row))
    if lines.marked_pot is not None:
        pot[:] = np.where(lines.marked_pot >= 0, lines.marked_pot, pot)


def _beyond(lines: LineColumns, covered: NDArray[np.int64], own: FenArray) -> FenArray:
    """Return what of each line falls to the units that are not covered, half up.

    Lines past a limit are rare, and amount times quantity needs more than 64 bits.
    """
    found = np.zeros(len(lines), dtype=np.int64)
    for at in np.flatnonzero((covered < lines.quantity_e4) & (own == 0)).tolist():
        units, amount = int(lines.quantity_e4[at]), int(lines.amount_fen[at])
        found[at] = (2 * amount * (units - int(covered[at])) + units) // (2 * units)
    return found


def _carried(lines: LineColumns, left: NDArray[np.int64]) -> FenArray:
    """Return the fen that rounding once a settlement adds to each line's first-self-pay.

    Each line is rounded together with all before it, so that the lines add up to the rounded sum. A
    line and what is taken back of it stand in one place: a line taken back whole leaves nothing.
    """
    assert lines.claim is not None, "rounding once a settlement needs the claim of each line"
    weight, first = left.copy(), np.arange(len(left))
    if lines.before is not None:
        for at in np.flatnonzero(lines.before >= 0).tolist():
            first[at] = first[lines.before[at]]
            weight[first[at]], weight[at] = left[at], 0
    running = np.cumsum(weight) - weight
    running -= running[np.searchsorted(lines.claim, lines.claim)]
    running = running[first]
    half = PPM_ONE // 2
    carried: FenArray = (running + left + half) // PPM_ONE - (running + half) // PPM_ONE
    return carried


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
