"""The loops over charge lines as machine code.

Importing this module loads numba, and the code from its cache or by compiling for some seconds; see
`medsettle.native`. Who serves imports it before the port opens.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.extending import overload, register_jitable
from numpy.typing import NDArray

from medsettle.core.dates import DayArray
from medsettle.native import column_at, compiled, part_at
from medsettle.settle import line_loops

_IN = "Array(int64, 1, 'C', readonly=True)"
_INTS = "Array(int32, 1, 'C', readonly=True)"
_BYTES = "Array(int8, 1, 'C', readonly=True)"
_TABLE = "Array(int64, 2, 'C', readonly=True)"
_OUT = "int64[::1]"
EARLIER = -3
_NOT_LISTED, _NOT_VALID = -1, -2


@compiled(
    f"int64({_INTS}, {_IN}, {_INTS}, Tuple(({_INTS}, {_INTS}, {_INTS})), int32[:,::1], int32[::1])"
)
def look_at_last(
    number: NDArray[np.int32],
    day: NDArray[np.int64],
    item: NDArray[np.int32],
    tables: tuple[NDArray[np.int32], DayArray, DayArray],
    room: NDArray[np.int32],
    row: NDArray[np.int32],
) -> int:
    """Write the row of each line by the last version of its item; return how many are `EARLIER`.

    Args:
        number: Which of the texts each line has; the caller made them, so they are in range.
        day: The day of each line.
        item: The id of each text, negative for one that is not listed.
        tables: The row of the last version of each item, and first day and day after the last of
            each row.
        room: Shape (3, texts), spoilt.
        row: Takes the rows, `NOT_LISTED` and `NOT_VALID` among them.
    """
    (last, valid_from, valid_until), (entry, since, until) = tables, (room[0], room[1], room[2])
    for text in range(len(item)):
        entry[text] = last[np.uint64(max(item[text], 0))]
        since[text] = valid_from[np.uint64(entry[text])]
        until[text] = valid_until[np.uint64(entry[text])]
    earlier = 0
    for at in range(len(row)):
        own = np.uint64(number[at])
        here = entry[own]
        here = here if day[at] < until[own] else _NOT_VALID
        here = here if day[at] >= since[own] else EARLIER
        here = here if item[own] >= 0 else _NOT_LISTED
        row[at] = here
        earlier += 1 if here == EARLIER else 0
    return earlier


for _loop in (
    *(line_loops.set_apart, line_loops.take_off, line_loops.exceed, line_loops.hold_to_limit),
    *(line_loops.share_first, line_loops.share_first_down, line_loops.hold_share),
    *(line_loops.remain, line_loops.split, line_loops.add_up, line_loops.look_up),
):
    register_jitable(error_model="numpy")(_loop)


# Code that was compiled with them is kept for `line_loops` as it stands, so they are no place for
# anything that may change.
_INLINED = {"error_model": "numpy", "forceinline": True}


@overload(line_loops.part_of, jit_options=_INLINED)  # type: ignore[untyped-decorator]
def _part_of(column: Any, first: Any, end: Any) -> Callable[..., Any]:  # noqa: ANN401
    def part(column: Any, first: Any, end: Any) -> Any:  # noqa: ANN401
        return part_at(column, first, end)

    return part


@overload(line_loops.row_part_of, jit_options=_INLINED)  # type: ignore[untyped-decorator]
def _row_part_of(matrix: Any, row: Any, first: Any, end: Any) -> Callable[..., Any]:  # noqa: ANN401
    def part(matrix: Any, row: Any, first: Any, end: Any) -> Any:  # noqa: ANN401
        address = matrix.ctypes.data + row * matrix.strides[0] + 8 * first
        return column_at(address, end - first)

    return part


_PLACE = f"Tuple(({_INTS}, {_BYTES}, {_BYTES}))"
_LINE = f"Tuple(({_IN}, {_IN}, {_IN}, {_BYTES}))"
_ROWS = "int64[:, :]"

set_apart = compiled(f"void({_IN}, {_OUT}, {_IN}, {_BYTES}, {_IN}, {_OUT})")(line_loops.set_apart)
look_up = compiled(f"int64({_PLACE}, {_TABLE}, int64, {_OUT}, {_OUT})")(line_loops.look_up)
add_up = compiled(f"void({_IN}, UniTuple({_IN}, 4), UniTuple({_OUT}, 4))")(line_loops.add_up)
split_and_sum = compiled(
    f"int64({_PLACE}, {_TABLE}, int64, {_LINE}, UniTuple({_IN}, 2), {_BYTES}, "
    f"UniTuple(boolean, 2), {_ROWS}, {_OUT}, {_IN}, {_ROWS}, int64[:, ::1])"
)(line_loops.split_and_sum)
