"""The loop that lays out the lines of a block for the split, as machine code.

Importing this module loads numba, and the code from its cache or by compiling; see
`medsettle.native`.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from medsettle.native import compiled

MIXED: Final = -3
"""Row of an item whose version hangs on the day or the price of the line."""

OUTSIDE: Final = 1
"""Told where a number is outside its bounds."""
MIXES: Final = 2
"""Told where a line has an item of `MIXED` row."""

_IN = "Array(int64, 1, 'C', readonly=True)"
_INTS = "Array(int32, 1, 'C', readonly=True)"
_BYTES = "Array(int8, 1, 'C', readonly=True)"


@compiled(
    f"int64({_IN}, {_BYTES}, {_BYTES}, UniTuple({_INTS}, 2), Tuple(({_INTS}, {_INTS}, int64)),"
    f" UniTuple({_IN}, 3), {_IN}, int64[::1], int8[::1], int8[::1], int32[::1])"
)
def lay_out(
    starts: NDArray[np.int64],
    scheme: NDArray[np.int8],
    level: NDArray[np.int8],
    item: tuple[NDArray[np.int32], NDArray[np.int32]],
    rows: tuple[NDArray[np.int32], NDArray[np.int32], int],
    numbers: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    most: NDArray[np.int64],
    claim_of: NDArray[np.int64],
    scheme_of: NDArray[np.int8],
    level_of: NDArray[np.int8],
    row_of: NDArray[np.int32],
) -> int:
    """Write claim, scheme, price level and row of each line of a block.

    Args:
        starts: Shape (n + 1,), where the lines of each claim of the block begin, counted from the
            first line of the block.
        scheme: Shape (n,), of each claim, and so is `level`.
        level: See there.
        item: Which of the item codes each line has, -1 for none, and its day.
        rows: The row of each item code, `MIXED` among them, for one stretch of time after another;
            the stretch of each day from a first one on, rising; and that first day.
        numbers: Quantity, price and amount of each line.
        most: The most of each; the least are 1, 0 and 0.
        claim_of: Takes the place of the claim of each line among the n.
        scheme_of: Takes its scheme.
        level_of: Takes its price level.
        row_of: Takes its row; that of an item without a code is `MIXED`.

    Returns:
        `OUTSIDE` and `MIXES` together, where there are any.
    """
    for claim in range(len(starts) - 1):
        for at in range(starts[claim], starts[claim + 1]):
            claim_of[at] = claim
            scheme_of[at] = scheme[claim]
            level_of[at] = level[claim]
    lowest = 0
    (number, day), (table, stretch, first) = item, rows
    items = len(table) // (stretch[-1] + 1)
    for at in range(len(number)):
        own = np.uint64(max(number[at], 0))
        place = np.uint64(stretch[np.uint64(day[at] - first)])
        row_of[at] = table[place * np.uint64(items) + own] if number[at] >= 0 else MIXED
    for at in range(len(row_of)):
        lowest = min(lowest, row_of[at])
    quantity, price, amount = numbers
    signs = 0
    for at in range(len(quantity)):
        signs |= (quantity[at] - 1) | (most[0] - quantity[at])
    for at in range(len(price)):
        signs |= price[at] | (most[1] - price[at])
    for at in range(len(amount)):
        signs |= amount[at] | (most[2] - amount[at])
    return (OUTSIDE if signs < 0 else 0) | (MIXES if lowest <= MIXED else 0)
