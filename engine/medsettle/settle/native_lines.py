"""The loops over charge lines as machine code.

Importing this module loads numba, and the code from its cache or by compiling for some seconds; see
`medsettle.native`. Who serves imports it before the port opens.
"""

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from medsettle.native import compiled
from medsettle.settle import line_loops

_IN = "Array(int64, 1, 'C', readonly=True)"
_INTS = "Array(int32, 1, 'C', readonly=True)"
_BYTES = "Array(int8, 1, 'C', readonly=True)"
_TABLE = "Array(int64, 2, 'C', readonly=True)"
_OUT = "int64[::1]"
OUTSIDE = 1


@compiled(f"int64({_INTS}, {_BYTES}, {_BYTES}, {_TABLE}, {_TABLE}, {_OUT}, {_OUT})")
def look_up(
    row: NDArray[np.int32],
    scheme: NDArray[np.int8],
    price_level: NDArray[np.int8],
    ceilings: NDArray[np.int64],
    all_terms: NDArray[np.int64],
    ceiling: NDArray[np.int64],
    terms: NDArray[np.int64],
) -> int:
    """Write ceiling and terms of the entry of each line.

    Lines without an entry have those of the first one.

    Returns:
        Below zero where a line has no entry, `OUTSIDE` where one is outside a table, else zero.
    """
    highest = lowest = first = last = 0
    low_level = high_level = 1
    for at in range(len(row)):
        first, last = min(first, row[at]), max(last, row[at])
        lowest, highest = min(lowest, scheme[at]), max(highest, scheme[at])
    for at in range(len(row)):
        low_level, high_level = min(low_level, price_level[at]), max(high_level, price_level[at])
    rows, schemes = all_terms.shape
    levels = ceilings.shape[1]
    if last >= rows or lowest < 0 or highest >= schemes or low_level < 1 or high_level > levels:
        return OUTSIDE
    # Of a signed index, every look-up would ask whether it counts from the end.
    flat, width = ceilings.ravel(), np.uint64(levels)
    for at in range(len(row)):
        entry = np.uint64(max(row[at], 0))
        ceiling[at] = flat[entry * width + np.uint64(price_level[at] - 1)]
    flat, width = all_terms.ravel(), np.uint64(schemes)
    for at in range(len(row)):
        entry = np.uint64(max(row[at], 0))
        terms[at] = flat[entry * width + np.uint64(scheme[at])]
    return first


for _loop in (
    *(line_loops.set_apart, line_loops.take_off, line_loops.exceed, line_loops.hold_to_limit),
    *(line_loops.share_first, line_loops.share_first_down, line_loops.hold_share),
    line_loops.remain,
):
    register_jitable(error_model="numpy")(_loop)

set_apart = compiled(f"void({_IN}, {_OUT}, {_IN}, {_BYTES}, {_IN}, {_OUT})")(line_loops.set_apart)
split = compiled(
    f"int64(Tuple(({_IN}, {_OUT})), Tuple(({_IN}, {_IN}, {_IN}, {_BYTES})), UniTuple({_IN}, 2), "
    f"UniTuple(boolean, 2), UniTuple({_OUT}, 4), {_OUT}, int64)"
)(line_loops.split)
add_up = compiled(f"void({_IN}, UniTuple({_IN}, 4), UniTuple({_OUT}, 4))")(line_loops.add_up)
