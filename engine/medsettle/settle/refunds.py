"""Negative lines on their way to the split: what is left of a line after each of them.

A negative line is split as the difference of two lines: what was left of its original before and
after it. So the parts of a line and of all that takes it back add up to the parts of the net line,
whatever ceilings, limits and roundings do, and a line taken back whole leaves nothing (shape L10).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsettle.core.claims import ClaimBatch


@dataclass(frozen=True, slots=True, eq=False)
class NetLines:
    """The lines of a batch as the split sees them.

    A negative line has quantity and amount of what is left after it, `source` names the line whose
    item, day and marks count for it (itself for all others) and `before` the line or negative line
    that it follows, -1 for all others; `before` is None where the batch has no negative lines.
    """

    quantity_e4: NDArray[np.int64]
    amount_fen: NDArray[np.int64]
    source: NDArray[np.int64]
    before: NDArray[np.int64] | None


def net_lines(batch: ClaimBatch) -> NetLines:
    """Return the lines of a batch with what each negative one leaves."""
    source = np.arange(len(batch.line_claim))
    negative = np.flatnonzero(batch.original >= 0)
    if not len(negative):
        return NetLines(batch.quantity_e4, batch.amount_fen, source, None)
    quantity, amount = batch.quantity_e4.copy(), batch.amount_fen.copy()
    before = np.full(len(source), -1, dtype=np.int64)
    latest: dict[int, int] = {}
    for at in negative.tolist():
        original = int(batch.original[at])
        source[at] = original
        before[at] = latest.get(original, original)
        latest[original] = at
        quantity[at] += quantity[before[at]]
        amount[at] += amount[before[at]]
    return NetLines(quantity, amount, source, before)


def local_positions(
    before: NDArray[np.int64] | None, chosen: NDArray[np.int64]
) -> NDArray[np.int64] | None:
    """Return `before` of some lines as positions among them; whole claims are chosen."""
    if before is None:
        return None
    own = before[chosen]
    return np.where(own >= 0, np.searchsorted(chosen, own), -1)
