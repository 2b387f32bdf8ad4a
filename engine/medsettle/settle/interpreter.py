"""The compiled interpreter of programs: one function for every policy there is.

It walks the steps of a program (`medsettle.settle.steps`) over blocks of claims that fit the
first-level cache. A step is a loop over two or three columns of a block, short enough for the
compiler to turn into vector instructions; what it is to do is looked up once a block, so a policy
needs no compiler of its own.

A step never writes a column that it reads: the vector form of a loop is taken only where its
columns do not overlap.

Importing this module makes it ready, from the cache of compiled code or by compiling for a few
seconds; see `medsettle.native`.
"""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from medsettle.native import Column, column_at, compiled, inlined, matrix_at, ratios_at

Matrix: TypeAlias = NDArray[np.int64]
Ratios: TypeAlias = NDArray[np.float64]
Order: TypeAlias = NDArray[np.uint32]

# What a step does with columns a, b, c and numbers k, addend, factor. They are here, not with
# whoever lowers programs, because compiled code is kept for this file as it stands.
FILL: Final = 0  # k
COPY: Final = 1  # a
ADD: Final = 2  # a + b
ADD_K: Final = 3  # a + k
SUB: Final = 4  # a - b
FROM_K: Final = 5  # k - a
MUL: Final = 6  # a * b
MUL_K: Final = 7  # a * k
MIN: Final = 8
MIN_K: Final = 9
MAX: Final = 10
MAX_K: Final = 11
EXCESS: Final = 12  # max(a - b, 0)
EXCESS_OF_K: Final = 13  # max(k - a, 0)
AT_LEAST: Final = 14  # 1 where a >= b, else 0
AT_LEAST_K: Final = 15
AT_MOST_K: Final = 16
EQUAL: Final = 17
EQUAL_K: Final = 18
SELECT: Final = 19  # b where a is not 0, else c
SELECT_OR_K: Final = 20  # b where a is not 0, else k
GATHER: Final = 21  # tables[addend + a], a below k
DIVIDE: Final = 22  # floor(a / k)
SHARE: Final = 23  # floor((a * b + addend) / k)
SHARE_K: Final = 24  # floor((a * factor + addend) / k)
DIVIDE_LARGE: Final = 25  # as DIVIDE, the quotient no less than QUOTIENT_END
SPLIT: Final = 26  # floor((a * b + addend) / k) without forming a * b
SPLIT_LARGE: Final = 27
QUOTIENT: Final = 28  # floor((a * factor + c) / max(b, 1)) without forming a * factor

# Quotients below this are worked out by a multiplication. A double holds 53 bits: the numerator,
# the reciprocal and their product are each rounded by less than one part in 2**53, so below 2**50
# the product is less than half off and its whole part at most one; `_floor` mends that exactly.
QUOTIENT_END: Final = 2**50


@inlined
def _floor(numerator: int, divisor: int, reciprocal: float) -> int:
    """Return floor(numerator / divisor), both positive, for quotients below QUOTIENT_END."""
    quotient = int(float(numerator) * reciprocal)
    rest = numerator - quotient * divisor
    return quotient + int(rest >= divisor) - int(rest < 0)


@inlined
def _combine(op: int, out: Column, a: Column, b: Column, c: Column, k: int) -> None:
    """Fill `out` by a step that adds, multiplies or chooses."""
    rows = range(len(out))
    if op == FILL:
        for i in rows:
            out[i] = k
    elif op == COPY:
        for i in rows:
            out[i] = a[i]
    elif op == ADD:
        for i in rows:
            out[i] = a[i] + b[i]
    elif op == ADD_K:
        for i in rows:
            out[i] = a[i] + k
    elif op == SUB:
        for i in rows:
            out[i] = a[i] - b[i]
    elif op == FROM_K:
        for i in rows:
            out[i] = k - a[i]
    elif op == MUL:
        for i in rows:
            out[i] = a[i] * b[i]
    elif op == MUL_K:
        for i in rows:
            out[i] = a[i] * k
    elif op == MIN:
        for i in rows:
            out[i] = min(a[i], b[i])
    elif op == MIN_K:
        for i in rows:
            out[i] = min(a[i], k)
    elif op == MAX:
        for i in rows:
            out[i] = max(a[i], b[i])
    elif op == MAX_K:
        for i in rows:
            out[i] = max(a[i], k)
    elif op == EXCESS:
        for i in rows:
            out[i] = max(a[i] - b[i], 0)
    elif op == EXCESS_OF_K:
        for i in rows:
            out[i] = max(k - a[i], 0)
    else:
        _choose(op, out, a, b, c, k)


@inlined
def _choose(op: int, out: Column, a: Column, b: Column, c: Column, k: int) -> None:
    """Fill `out` by a step that compares or selects."""
    rows = range(len(out))
    if op == AT_LEAST:
        for i in rows:
            out[i] = np.int64(a[i] >= b[i])
    elif op == AT_LEAST_K:
        for i in rows:
            out[i] = np.int64(a[i] >= k)
    elif op == AT_MOST_K:
        for i in rows:
            out[i] = np.int64(a[i] <= k)
    elif op == EQUAL:
        for i in rows:
            out[i] = np.int64(a[i] == b[i])
    elif op == EQUAL_K:
        for i in rows:
            out[i] = np.int64(a[i] == k)
    elif op == SELECT:
        for i in rows:
            out[i] = b[i] if a[i] != 0 else c[i]
    elif op == SELECT_OR_K:
        for i in rows:
            out[i] = b[i] if a[i] != 0 else k


@inlined
def _divide(
    op: int,
    out: Column,
    columns: tuple[Column, Column, Column],
    numbers: tuple[int, int, int],
    reciprocal: float,
) -> None:
    """Fill `out` by a step that divides; no numerator is below zero."""
    (a, b, c), (k, addend, factor) = columns, numbers
    rows = range(len(out))
    if op == DIVIDE:
        for i in rows:
            out[i] = _floor(a[i], k, reciprocal)
    elif op == SHARE:
        for i in rows:
            out[i] = _floor(a[i] * b[i] + addend, k, reciprocal)
    elif op == SHARE_K:
        for i in rows:
            out[i] = _floor(a[i] * factor + addend, k, reciprocal)
    elif op == DIVIDE_LARGE:
        for i in rows:
            out[i] = a[i] // k
    elif op == SPLIT:
        for i in rows:
            whole = _floor(a[i], k, reciprocal)
            rest = (a[i] - whole * k) * b[i] + addend
            out[i] = whole * b[i] + _floor(rest, k, reciprocal)
    elif op == SPLIT_LARGE:
        for i in rows:
            whole = a[i] // k
            out[i] = whole * b[i] + ((a[i] - whole * k) * b[i] + addend) // k
    elif op == QUOTIENT:
        for i in rows:
            divisor = max(b[i], 1)
            whole = a[i] // divisor
            out[i] = whole * factor + ((a[i] - whole * divisor) * factor + c[i]) // divisor


@inlined
def _run(steps: Matrix, reciprocals: Ratios, tables: Column, places: Column, rows: int) -> None:
    """Run a program over one block, each place the address of its column of the block."""
    for number in range(len(steps)):
        # Of a signed index, every look-up would ask whether it counts from the end, and a row of a
        # matrix would be counted as one more user of it.
        op = steps[number, 0]
        out = column_at(places[np.uint64(steps[number, 1])], rows)
        a = column_at(places[np.uint64(steps[number, 2])], rows)
        b = column_at(places[np.uint64(steps[number, 3])], rows)
        c = column_at(places[np.uint64(steps[number, 4])], rows)
        k, addend, factor = steps[number, 5], steps[number, 6], steps[number, 7]
        if op < GATHER:
            _combine(op, out, a, b, c, k)
        elif op > GATHER:
            _divide(op, out, (a, b, c), (k, addend, factor), reciprocals[number])
        else:
            # The index is proved to lie inside; should it not, no foreign memory is read.
            first, last = np.uint64(addend), np.uint64(k - 1)
            for i in range(rows):
                out[i] = tables[first + min(np.uint64(a[i]), last)]


@inlined
def _meet(state: Column, slots: Column, out: Column) -> None:
    """Fill `out` with the counters at some slots."""
    largest = np.uint64(0)
    for i in range(len(slots)):
        largest = max(largest, np.uint64(slots[i]))
    if largest >= np.uint64(len(state)):
        raise IndexError("a slot lies outside the state")
    for i in range(len(slots)):
        out[i] = state[np.uint64(slots[i])]


@inlined
def _move(
    state: Column, slots: Column, held: Column, moved: Column, sign: int, refused: Column
) -> None:
    """Write the counters after a block; no slot stands twice in it."""
    for i in range(len(slots)):
        change = sign * moved[i] if refused[i] == 0 else 0
        state[np.uint64(slots[i])] = held[i] + change


@inlined
def _gather(column: Column, order: Order, out: Column) -> None:
    for i in range(len(order)):
        out[i] = column[np.uint64(order[i])]


@inlined
def _gather_all(columns: Column, total: int, order: Order, blocks: Column) -> None:
    """Copy the ordered part of columns, given by their addresses, into blocks at addresses."""
    for number in range(len(columns)):
        block = column_at(blocks[number], len(order))
        _gather(column_at(columns[number], total), order, block)


@inlined
def _refuse(gaps: Column, places: Column, refused: Column) -> None:
    """Mark the claims of a block that have an amount their policy cannot decide."""
    if len(gaps):
        refused[:] = 0
        for place in gaps:
            gap = column_at(places[np.uint64(place)], len(refused))
            for i in range(len(refused)):
                refused[i] = refused[i] | np.int64(gap[i] > 0)


@inlined
def _settle(
    program: tuple[Matrix, Ratios, Column],
    carried: tuple[Matrix, Column, Column],
    places: Column,
    slots: Column,
    inputs: int,
    refused: Column,
) -> None:
    """Settle the claims of a block: meet their counters, run the program, move the counters.

    `slots` are the addresses of their slots, of `refused` there is a cell for each claim.
    """
    (steps, reciprocals, tables), (moves, gaps, state) = program, carried
    rows = len(refused)
    for counter in range(len(slots)):
        met = column_at(places[np.uint64(inputs + counter)], rows)
        _meet(state, column_at(slots[counter], rows), met)
    _run(steps, reciprocals, tables, places, rows)
    _refuse(gaps, places, refused)
    for number in range(len(moves)):
        counter, place, sign = moves[number, 0], moves[number, 1], moves[number, 2]
        met = column_at(places[np.uint64(inputs + counter)], rows)
        moved = column_at(places[np.uint64(place)], rows)
        _move(state, column_at(slots[np.uint64(counter)], rows), met, moved, sign, refused)


@inlined
def _scatter(values: Column, order: Order, column: Column) -> None:
    for i in range(len(order)):
        column[np.uint64(order[i])] = values[i]


@compiled(
    "void(int64[:,::1], float64[::1], int64[::1], int64[::1], int64[::1], int64[:,::1],"
    " int64[::1], int64[::1], uint32[::1], int64[::1], int64, int64, int64)"
)
def run_waves(
    steps: Matrix,
    reciprocals: Ratios,
    tables: Column,
    columns: Column,
    slots: Column,
    moves: Matrix,
    gaps: Column,
    state: Column,
    order: Order,
    edges: Column,
    inputs: int,
    scratch: int,
    block: int,
) -> None:
    """Run a program over claims, with counters carried in a state from wave to wave.

    The places of a program are its inputs, its counters, its results, and scratch.

    Args:
        steps: Shape (m, 8): what to do, the places of out, a, b and c, and k, addend, factor.
        reciprocals: Shape (m,), 1 / k of the steps that divide.
        tables: All tables of the program, one behind another.
        columns: Addresses of the columns in the first places. Inputs are read; counters, as each
            claim met them, and results are written. Counters at address 0 are not wanted.
        slots: For each counter the address of a column of positions in the state.
        moves: Shape (q, 3): number of a counter, place of what moves it, and with which sign.
        gaps: Places that, above 0, keep a claim from moving any counter.
        state: Shape (s,), counter values; changed in place.
        order: Positions of the claims wave by wave; empty where they stand so already.
        edges: Where the waves begin, and where the last ends. Nobody's claim is twice in a wave.
        inputs: How many places are inputs.
        scratch: How many places a block needs beside its columns.
        block: The most rows run at a time.

    Raises:
        IndexError: A slot lies outside the state.
    """
    known, count, total = len(columns), len(slots), edges[-1]
    ordered, program = len(order) > 0, (steps, reciprocals, tables)
    size = min(block, total - edges[0])
    # A flag for each claim that moves nothing, scratch, slots, and a block of each column.
    held = np.empty((1 + scratch + count + known, size if size > 0 else 1), np.int64)
    held[0, :] = 0
    places = np.empty(known + scratch, np.int64)
    own_slots = np.empty(count, np.int64)
    for place in range(known):
        places[place] = held[1 + scratch + count + place].ctypes.data
    for place in range(scratch):
        places[known + place] = held[1 + place].ctypes.data
    for counter in range(count):
        own_slots[counter] = held[1 + scratch + counter].ctypes.data
    for wave in range(len(edges) - 1):
        for start in range(edges[wave], edges[wave + 1], block):
            rows = min(block, edges[wave + 1] - start)
            part = order[start : start + rows]
            if ordered:
                _gather_all(columns[:inputs], total, part, places)
                _gather_all(slots, total, part, own_slots)
            else:
                for place in range(known):
                    if columns[place]:
                        places[place] = columns[place] + 8 * start
                for counter in range(count):
                    own_slots[counter] = slots[counter] + 8 * start
            carried = moves, gaps, state
            _settle(program, carried, places, own_slots, inputs, held[0, :rows])
            if ordered:
                for place in range(inputs, known):
                    if columns[place]:
                        column = column_at(columns[place], total)
                        _scatter(column_at(places[place], rows), part, column)


# A record begins with the addresses of its program and of the state, and how long the state is.
RECORD_HEAD: Final = 3
# A program in memory: addresses and lengths of steps, of reciprocals (as many), tables, moves and
# gaps, then how many inputs, counters and places it has.
PLAN_NUMBERS: Final = 12


@compiled("void(int64)", brief=True)
def run_one(record: int) -> None:
    """Run a program over one claim that lies in memory with all that it needs.

    It is what `run_waves` does with a batch of one: loops that are known to be of one row, one
    argument, and nothing made anew.

    Args:
        record: Address of the head, the slots of the counters, a cell for each place, the address
            of each place, those of the slots, and a cell that tells whether it moves nothing.

    Raises:
        IndexError: A slot lies outside the state.
    """
    head = column_at(record, RECORD_HEAD)
    plan = column_at(head[0], PLAN_NUMBERS)
    inputs, count, cells = plan[9], plan[10], plan[11]
    steps, moves = matrix_at(plan[0], plan[1], 8), matrix_at(plan[5], plan[6], 3)
    program = steps, ratios_at(plan[2], plan[1]), column_at(plan[3], plan[4])
    carried = moves, column_at(plan[7], plan[8]), column_at(head[1], head[2])
    addresses = record + 8 * (RECORD_HEAD + count + cells)
    slots = column_at(addresses + 8 * cells, count)
    refused = column_at(addresses + 8 * (cells + count), 1)
    _settle(program, carried, column_at(addresses, cells), slots, inputs, refused)
