"""Charge lines in numba for these bills alone: one loop over the lines of a claim."""

from typing import Final

import numba
import numpy as np

from benchmarks.anchor.claims import FenArray
from benchmarks.lines.bills import LINES_PER_CLAIM, PER_FEN, PPM_ONE, Bills

_POTS: Final = 4


@numba.njit(cache=True)
def _split(
    row: FenArray,
    level: FenArray,
    quantity_e4: FenArray,
    unit_price_e6: FenArray,
    amount_fen: FenArray,
    ratios: FenArray,
    ceilings: FenArray,
    pots: FenArray,
) -> None:
    for claim in range(len(pots)):
        own = over = pre = in_scope = 0
        for line in range(claim * LINES_PER_CLAIM, (claim + 1) * LINES_PER_CLAIM):
            item, amount = row[line], amount_fen[line]
            ratio = ratios[item]
            if ratio == PPM_ONE:
                own += amount
                continue
            above = max(0, unit_price_e6[line] - ceilings[item, level[line] - 1])
            excess = min(amount, (above * quantity_e4[line] + PER_FEN // 2) // PER_FEN)
            first = ((amount - excess) * ratio + PPM_ONE // 2) // PPM_ONE
            over += excess
            pre += first
            in_scope += amount - excess - first
        pots[claim, 0], pots[claim, 1], pots[claim, 2], pots[claim, 3] = own, over, pre, in_scope


def prepare(batch: Bills) -> tuple[Bills, FenArray, FenArray]:
    """Return the lines with the catalogue's two tables."""
    return batch, batch.ratio_ppm, np.ascontiguousarray(batch.catalogue.ceiling_e6)


def run(prepared: tuple[Bills, FenArray, FenArray]) -> FenArray:
    """Return the four pots of each claim, shape (claims, 4)."""
    batch, ratios, ceilings = prepared
    pots = np.empty((batch.claims, _POTS), np.int64)
    lines = (batch.row, batch.level, batch.quantity_e4, batch.unit_price_e6, batch.amount_fen)
    _split(*lines, ratios, ceilings, pots)
    return pots
