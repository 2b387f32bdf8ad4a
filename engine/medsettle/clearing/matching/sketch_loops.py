"""The compiled loops of sketches and totals: hashing columns, adding rows to cells, peeling.

A row has two *lanes* of 64 bits: the sums, over its columns, of two hashes of the value in each. So
columns can be taken in any order, a column at a time, over the buffers of Arrow. Seeds of a column
are eight words; the last two stand for null.

A cell is four words, each the sum over its rows: of 1 and, above `_COUNT_BITS`, of a check; of the
hash of the key; of the two lanes. See `medsettle.clearing.matching.sketch`.
"""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from medsettle.native import byte_at, compiled, folded_product, inlined, word_at

Words: TypeAlias = NDArray[np.uint64]

_U: Final = np.uint64
_COUNT_BITS: Final = 34
_CHECK_BITS: Final = 64 - _COUNT_BITS
_HALF: Final = np.uint64(32)
_LOW: Final = np.uint64(0xFFFFFFFF)
# Digits of pi, in which nobody can have hidden anything.
_MIX_A: Final = np.uint64(0x243F6A8885A308D3)
_MIX_B: Final = np.uint64(0x13198A2E03707345)
_MIX_C: Final = np.uint64(0xA4093822299F31D1)
_MIX_D: Final = np.uint64(0x082EFA98EC4E6C89)
# Copies of one row in one book that a cell can still be taken apart with.
COPIES_MAX: Final = 7

_READ_WORDS = 'Array(uint64, 1, "C", readonly=True)'
_READ_BYTES = 'Array(uint8, 1, "C", readonly=True)'


@compiled(
    f'void(Array(int64, 1, "C", readonly=True), {_READ_BYTES}, {_READ_WORDS}, uint64[::1], '
    "uint64[::1])"
)
def add_numbers(
    values: NDArray[np.int64], valid: NDArray[np.uint8], seeds: Words, one: Words, two: Words
) -> None:
    """Add the hashes of whole numbers to both lanes of their rows.

    Args:
        values: Shape (n,).
        valid: Shape (n,), 0 where the value is null; shape (0,) where none is.
        seeds: Shape (8,).
        one: Shape (n,), the first lane.
        two: Shape (n,), the second.
    """
    some_null = len(valid) > 0
    for row in range(len(values)):
        if some_null and valid[row] == 0:
            one[row] += seeds[6]
            two[row] += seeds[7]
            continue
        mixed = (_U(values[row]) + seeds[0]) * (seeds[1] | _U(1))
        mixed ^= mixed >> _HALF
        one[row] += folded_product(mixed ^ seeds[2], seeds[4] | _U(1))
        two[row] += folded_product(mixed ^ seeds[3], seeds[5] | _U(1))


@inlined
def _ends(start: int, length: int) -> tuple[np.uint64, np.uint64]:
    """Return the last 16 bytes of a text, or all of a shorter one, as two words."""
    if length >= 16:
        return word_at(start + length - 16), word_at(start + length - 8)
    if length >= 8:
        return word_at(start), word_at(start + length - 8)
    low = _U(0)
    for place in range(length):
        low |= byte_at(start + place) << _U(8 * place)
    return low, _U(0)


@compiled(
    f'void(int64, Array(int32, 1, "C", readonly=True), {_READ_BYTES}, {_READ_WORDS}, uint64[::1], '
    "uint64[::1])"
)
def add_texts(
    address: int,
    offsets: NDArray[np.int32],
    valid: NDArray[np.uint8],
    seeds: Words,
    one: Words,
    two: Words,
) -> None:
    """Add the hashes of texts to both lanes of their rows.

    Args:
        address: Where the bytes of the texts begin.
        offsets: Shape (n + 1,), where each text begins and ends.
        valid: As for `add_numbers`.
        seeds: Shape (8,).
        one: Shape (n,), the first lane.
        two: Shape (n,), the second.
    """
    some_null = len(valid) > 0
    for row in range(len(offsets) - 1):
        if some_null and valid[row] == 0:
            one[row] += seeds[6]
            two[row] += seeds[7]
            continue
        start = address + offsets[row]
        length = offsets[row + 1] - offsets[row]
        first, second = seeds[0], seeds[1]
        done = 0
        while length - done > 16:
            low, high = word_at(start + done), word_at(start + done + 8)
            first = folded_product(low ^ seeds[2], high ^ first)
            second = folded_product(low ^ seeds[3], high ^ second)
            done += 16
        low, high = _ends(start, length)
        size = _U(length)
        first = folded_product(low ^ seeds[2], high ^ first)
        second = folded_product(low ^ seeds[3], high ^ second)
        one[row] += folded_product(first ^ seeds[4], size ^ _MIX_A)
        two[row] += folded_product(second ^ seeds[5], size ^ _MIX_B)


@compiled(
    f'void(Array(int32, 1, "C", readonly=True), {_READ_BYTES}, {_READ_WORDS}, {_READ_WORDS}, '
    f"{_READ_WORDS}, uint64[::1], uint64[::1])"
)
def add_coded(
    codes: NDArray[np.int32],
    valid: NDArray[np.uint8],
    firsts: Words,
    seconds: Words,
    seeds: Words,
    one: Words,
    two: Words,
) -> None:
    """Add to both lanes what was hashed of a dictionary, by the code of each row."""
    some_null = len(valid) > 0
    for row in range(len(codes)):
        if some_null and valid[row] == 0:
            one[row] += seeds[6]
            two[row] += seeds[7]
        else:
            one[row] += firsts[codes[row]]
            two[row] += seconds[codes[row]]


@inlined
def _places(
    one: np.uint64, two: np.uint64, third: np.uint64
) -> tuple[np.int64, np.int64, np.int64]:
    """Return the cells of a row: one in each third of them."""
    mixed = folded_product(one ^ _MIX_A, two ^ _MIX_B)
    more = folded_product(mixed ^ _MIX_C, one ^ _MIX_D)
    return (
        np.int64((mixed & _LOW) * third >> _HALF),
        np.int64(((mixed >> _HALF) * third >> _HALF) + third),
        np.int64(((more & _LOW) * third >> _HALF) + third + third),
    )


@inlined
def _counted(key: np.uint64, one: np.uint64, two: np.uint64) -> np.uint64:
    """Return 1, and above it the check by which a cell of one row is told from any other."""
    check = folded_product(key ^ _MIX_D, one ^ _MIX_C) + folded_product(two ^ _MIX_A, key ^ _MIX_B)
    counted: np.uint64 = (check >> _U(_COUNT_BITS) << _U(_COUNT_BITS)) + _U(1)
    return counted


@compiled(f"void(uint64[:, ::1], {_READ_WORDS}, {_READ_WORDS}, {_READ_WORDS})")
def add_rows(cells: NDArray[np.uint64], keys: Words, one: Words, two: Words) -> None:
    """Add rows to the three cells of each.

    Args:
        cells: Shape (3 * third, 4).
        keys: Shape (n,), the hash of the key of each row.
        one: Shape (n,), its first lane.
        two: Shape (n,), its second.
    """
    third = _U(len(cells) // 3)
    for row in range(len(keys)):
        key, first, second = keys[row], one[row], two[row]
        counted = _counted(key, first, second)
        for place in _places(first, second, third):
            cells[place, 0] += counted
            cells[place, 1] += key
            cells[place, 2] += first
            cells[place, 3] += second


@inlined
def _count(word: np.uint64) -> np.int64:
    """Return how many rows a cell has, less those taken away."""
    return np.int64(word << _U(_CHECK_BITS)) >> _CHECK_BITS


@inlined
def _odd_inverse(number: np.uint64) -> np.uint64:
    """Return the number that an odd one is multiplied with to give 1, modulo 2**64."""
    inverse = number
    for _ in range(5):
        inverse *= _U(2) - number * inverse
    return inverse


@inlined
def _row_of(cells: NDArray[np.uint64], place: np.int64, count: np.int64, row: Words) -> bool:
    """Return whether a cell holds copies of one row alone, and if so write it to `row`.

    A sum of an even number of copies leaves the upper bits of the row open; the check tells which.
    """
    sign = _U(1) if count > 0 else _U(0xFFFFFFFFFFFFFFFF)
    copies = _U(abs(count))
    halvings = 0
    while (copies >> _U(halvings)) & _U(1) == 0:
        halvings += 1
    inverse = _odd_inverse(copies >> _U(halvings)) * sign
    low = (_U(1) << _U(halvings)) - _U(1)
    key, one, two = (
        cells[place, 1] * inverse,
        cells[place, 2] * inverse,
        cells[place, 3] * inverse,
    )
    if (key | one | two) & low:
        return False
    third = _U(len(cells) // 3)
    wanted = cells[place, 0] * sign
    down, up = _U(halvings), _U(64 - halvings) & _U(63)
    choices = 1 << halvings
    for a in range(choices):
        for b in range(choices):
            for c in range(choices):
                row[0] = (key >> down) | (_U(a) << up)
                row[1] = (one >> down) | (_U(b) << up)
                row[2] = (two >> down) | (_U(c) << up)
                if _counted(row[0], row[1], row[2]) * copies == wanted:
                    places = _places(row[1], row[2], third)
                    if place == places[0] or place == places[1] or place == places[2]:
                        return True
    return False


@compiled("Tuple((int64, int64))(uint64[:, ::1], uint64[:, ::1])")
def peel(cells: NDArray[np.uint64], found: NDArray[np.uint64]) -> tuple[int, int]:
    """Take rows out of cells that hold one alone until none does.

    Args:
        cells: Shape (3 * third, 4); what is left is in it afterwards.
        found: Shape (most, 4): key, both lanes, and how many of that row, as int64, negative where
            they were subtracted.

    Returns:
        How many were found, and how many cells are not empty yet. It stops where `found` is full.
    """
    third = _U(len(cells) // 3)
    waiting = np.empty(len(cells), np.int64)
    queued = np.ones(len(cells), np.uint8)
    for place in range(len(cells)):
        waiting[place] = place
    top, count, row = len(cells), 0, np.empty(3, np.uint64)
    while top > 0 and count < len(found):
        top -= 1
        place = waiting[top]
        queued[place] = 0
        copies = _count(cells[place, 0])
        if copies == 0 or abs(copies) > COPIES_MAX or not _row_of(cells, place, copies, row):
            continue
        found[count, 0], found[count, 1], found[count, 2] = row[0], row[1], row[2]
        found[count, 3] = _U(copies)
        count += 1
        counted = _counted(row[0], row[1], row[2])
        for other in _places(row[1], row[2], third):
            cells[other, 0] -= counted * _U(copies)
            cells[other, 1] -= row[0] * _U(copies)
            cells[other, 2] -= row[1] * _U(copies)
            cells[other, 3] -= row[2] * _U(copies)
            if queued[other] == 0:
                queued[other] = 1
                waiting[top] = other
                top += 1
    left = 0
    for place in range(len(cells)):
        left += (cells[place, 0] | cells[place, 1] | cells[place, 2] | cells[place, 3]) != _U(0)
    return count, left


@compiled(f"int64(uint64[::1], int64, {_READ_WORDS}, uint64[::1])")
def seen_before(bits: Words, shift: int, keys: Words, again: Words) -> int:
    """Mark keys in a table of bits, and return how many may have been marked before.

    Args:
        bits: The table; bit `key >> shift` stands for a key.
        shift: See above.
        keys: Shape (n,).
        again: Shape (n,); keys whose bit was set are written to its beginning.
    """
    count = 0
    for row in range(len(keys)):
        place = keys[row] >> _U(shift)
        word, bit = place >> _U(6), _U(1) << (place & _U(63))
        if bits[word] & bit:
            again[count] = keys[row]
            count += 1
        bits[word] |= bit
    return count


@compiled(f"void(uint64[::1], {_READ_WORDS})")
def fill_set(table: Words, keys: Words) -> None:
    """Put keys into an empty hash set; 0 is in no set.

    Args:
        table: Zeros, a power of two of them and at least twice as many as keys.
        keys: Shape (n,).
    """
    mask = _U(len(table) - 1)
    for key in keys:
        place = key & mask
        while table[place] != _U(0) and table[place] != key:
            place = (place + _U(1)) & mask
        table[place] = key


@compiled(f"int64({_READ_WORDS}, {_READ_WORDS}, int64[::1])")
def find_in_set(table: Words, keys: Words, rows: NDArray[np.int64]) -> int:
    """Write the rows whose key is in a set to the beginning of `rows`, and return their number."""
    mask = _U(len(table) - 1)
    count = 0
    for row in range(len(keys)):
        key = keys[row]
        place = key & mask
        while table[place] != _U(0) and table[place] != key:
            place = (place + _U(1)) & mask
        if table[place] == key and key != _U(0):
            rows[count] = row
            count += 1
    return count


@compiled(
    f"Tuple((int64, int64))({_READ_WORDS}, int64, uint64[::1], int64[::1], int64, int64[::1], "
    "int64[::1])"
)
def number_groups(
    groups: Words,
    first: int,
    table: Words,
    numbers: NDArray[np.int64],
    count: int,
    numbered: NDArray[np.int64],
    begun: NDArray[np.int64],
) -> tuple[int, int]:
    """Number the groups of rows in the order in which they first occur.

    Args:
        groups: Shape (n,), the hash of the group of each row, never 0.
        first: The row to go on with.
        table: Hashes of the groups so far in a hash table, a power of two of places; 0 is free.
        numbers: Their numbers, by place.
        count: How many groups there are.
        numbered: Shape (n,), the number of the group of each row, written here.
        begun: The first row of each new group of this batch, by number less `count`.

    Returns:
        The row before which the table became half full, n where it did not; and how many groups
        there are now.
    """
    mask = _U(len(table) - 1)
    known = count
    for row in range(first, len(groups)):
        group = groups[row]
        place = group & mask
        while table[place] != _U(0) and table[place] != group:
            place = (place + _U(1)) & mask
        if table[place] == _U(0):
            if 2 * known >= len(table):
                return row, known
            table[place] = group
            numbers[place] = known
            begun[known - count] = row
            known += 1
        numbered[row] = numbers[place]
    return len(groups), known


@compiled(
    'void(Array(int64, 1, "C", readonly=True), Array(int64, 1, "C", readonly=True), '
    f"{_READ_BYTES}, int64[::1])"
)
def add_to_groups(
    numbered: NDArray[np.int64],
    values: NDArray[np.int64],
    valid: NDArray[np.uint8],
    sums: NDArray[np.int64],
) -> None:
    """Add each row's number to the sum of its group; null counts as nothing. Sums wrap at 2**63."""
    some_null = len(valid) > 0
    for row in range(len(numbered)):
        if not some_null or valid[row] != 0:
            sums[numbered[row]] += values[row]
