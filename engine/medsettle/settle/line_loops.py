"""The arithmetic of charge lines, one short loop for each step of the split.

The loops are plain Python over anything that is indexed. On lists they run as they stand, for the
few lines of a command; over arrays they run as machine code (`medsettle.settle.native_lines`), for
whoever serves. There is no other text of this arithmetic.

A loop looks at few columns and has no branches that jump, so that the compiler makes vector
instructions of it. The processor has none that divide, so a quotient is a multiplication by the
reciprocal, whose whole part is then put right:

    x >= 0 and d > 0 are integers below 2**63, q = x / d. The double nearest to x, the one nearest
    to 1 / d and their product are each off by at most one part in 2**53, so together the product is
    off by less than q * 2**-51. While q < 2**50 that is less than a half, so its whole part is at
    most one away from the floor of q, to which side is told by the remainder: below zero, or not
    below d. Whole numbers up to 2**63 are multiplied exactly, so the remainder is exact.

Numbers of these bounds stand beside each loop; `medsettle.settle.scope` asserts them.
"""

from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Cells: TypeAlias = Any
"""A list of whole numbers, or an array of them."""

# They are here and not in `limits`, because compiled code is kept for this file as it stands.
PER_FEN: Final = 10**8
"""Micro-yuan times 1/10,000 of a unit in one fen."""
PPM_ONE: Final = 10**6
REFUSED: Final = 2
"""Approval code of a restricted use that was refused."""

QUOTIENT_END: Final = 2**50
"""Quotients must stay below this."""

RATIO: Final = (1 << 20) - 1
OWN_EXPENSE: Final = 1 << 20
OWN_EXPENSE_ABOVE: Final = 1 << 21
RESTRICTED: Final = 1 << 22
"""What an entry says in one number, its terms: the ratio in parts per million, and three flags."""

OUTSIDE: Final = 1
"""Told where a line is outside a table of the catalogue."""

_PER_FEN_INVERSE: Final = 1 / PER_FEN
_PPM_INVERSE: Final = 1 / PPM_ONE
_HALF_FEN: Final = PER_FEN // 2
_HALF_PPM: Final = PPM_ONE // 2


def set_apart(
    ceiling: Cells, terms: Cells, price: Cells, approval: Cells, amount: Cells, own: Cells
) -> None:
    """Write what of each line is own expense as a whole, and leave the ratio alone in its terms.

    The ratio of such a line becomes one.
    """
    for at in range(len(own)):
        word, most = terms[at], ceiling[at]
        ratio = word & RATIO
        above = (price[at] > most) | (most == 0)
        outside = (
            ((word & OWN_EXPENSE) != 0)
            | (ratio == PPM_ONE)
            | (above & ((word & OWN_EXPENSE_ABOVE) != 0))
            | ((approval[at] == REFUSED) & ((word & RESTRICTED) != 0))
        )
        own[at] = amount[at] if outside else 0
        terms[at] = PPM_ONE if outside else ratio


def exceed(
    price: Cells, quantity: Cells, amount: Cells, own: Cells, ceiling: Cells, over: Cells
) -> None:
    """Write what the excess of the price over the ceiling makes for all units, half up.

    Excess and quantity are split, so that no product passes 2**63: the excess in whole fens a
    ten-thousandth of a unit, below 10**5, and the rest, below `PER_FEN`, times 10**10 at most. It
    is never more than the line. A ceiling of zero pays nothing at all, not even the fen by which an
    amount may differ from its price times quantity.
    """
    for at in range(len(over)):
        excess = price[at] - ceiling[at]
        excess = excess if excess > 0 else 0
        whole = int(excess * _PER_FEN_INVERSE)
        part = excess - whole * PER_FEN
        mended = (1 if part >= PER_FEN else 0) - (1 if part < 0 else 0)
        whole += mended
        part -= mended * PER_FEN
        product = part * quantity[at] + _HALF_FEN
        quotient = int(product * _PER_FEN_INVERSE)
        left = product - quotient * PER_FEN
        quotient += (1 if left >= PER_FEN else 0) - (1 if left < 0 else 0)
        fen = quotient + whole * quantity[at]
        rest = amount[at] - own[at]
        over[at] = rest if (ceiling[at] == 0) | (fen > rest) else fen


def hold_to_limit(amount: Cells, own: Cells, most: Cells, over: Cells) -> None:
    """Move what passes the most of a line that may be in scope to what is over the limit."""
    for at in range(len(over)):
        beyond = amount[at] - own[at] - most[at]
        over[at] = beyond if beyond > over[at] else over[at]


def take_off(beyond: Cells, own: Cells) -> None:
    """Move what falls to units that are not covered to own expense."""
    for at in range(len(own)):
        own[at] += beyond[at]


def share_first(
    amount: Cells,
    own: Cells,
    over: Cells,
    ratio: Cells,
    full_price: bool,
    pre: Cells,
    in_scope: Cells,
) -> int:
    """Write the first-self-pay, half up: 10**17 over 10**6 at most, and what it leaves.

    It is of what is left of each line, or of all but own expense where the full price counts.
    Return a number below 0 if a part is.
    """
    less, signs = 0 if full_price else 1, 0
    for at in range(len(pre)):
        product = (amount[at] - own[at] - over[at] * less) * ratio[at] + _HALF_PPM
        quotient = int(product * _PPM_INVERSE)
        left = product - quotient * PPM_ONE
        quotient += (1 if left >= PPM_ONE else 0) - (1 if left < 0 else 0)
        rest = amount[at] - own[at] - over[at] - quotient
        pre[at] = quotient
        in_scope[at] = rest
        signs |= own[at] | over[at] | quotient | rest
    return signs


def share_first_down(
    amount: Cells,
    own: Cells,
    over: Cells,
    ratio: Cells,
    full_price: bool,
    pre: Cells,
    left: Cells,
) -> None:
    """Write the same rounded down, and what that leaves in millionths of a fen."""
    less = 0 if full_price else 1
    for at in range(len(pre)):
        product = (amount[at] - own[at] - over[at] * less) * ratio[at]
        quotient = int(product * _PPM_INVERSE)
        part = product - quotient * PPM_ONE
        mended = (1 if part >= PPM_ONE else 0) - (1 if part < 0 else 0)
        pre[at] = quotient + mended
        left[at] = part - mended * PPM_ONE


def hold_share(amount: Cells, own: Cells, over: Cells, pre: Cells, left: Cells) -> None:
    """Limit the first-self-pay to what is payable of the line; then nothing is left of it."""
    for at in range(len(pre)):
        payable = amount[at] - own[at] - over[at]
        full = pre[at] >= payable
        pre[at] = payable if full else pre[at]
        left[at] = 0 if full else left[at]


def remain(amount: Cells, own: Cells, over: Cells, pre: Cells, in_scope: Cells) -> int:
    """Write what is in scope of each line: the remainder. Return a number below 0 if a part is."""
    signs = 0
    for at in range(len(in_scope)):
        left = amount[at] - own[at] - over[at] - pre[at]
        in_scope[at] = left
        signs |= own[at] | over[at] | pre[at] | left
    return signs


def split(
    said: tuple[Cells, Cells],
    line: tuple[Cells, Cells, Cells, Cells],
    limited: tuple[Cells, Cells],
    rules: tuple[bool, bool],
    parts: tuple[Cells, Cells, Cells, Cells],
    left: Cells,
) -> int:
    """Write the parts of lines, few enough for all their columns to stay in the cache.

    Args:
        said: Ceiling and terms of each line; the terms are spoilt.
        line: Price, quantity, amount and approval.
        limited: What falls to units that are not covered, and the most of a line that may be in
            scope; each empty where no line is concerned.
        rules: Whether first-self-pay is of the full price, and rounded once a settlement.
        parts: Take the parts in the order of the national pots.
        left: Takes what rounding once a settlement leaves; spoilt otherwise.

    Returns:
        A number below zero where a part is.
    """
    (ceiling, terms), (price, quantity, amount, approval) = said, line
    (own, over, pre, in_scope), (full_price, per_settlement) = parts, rules
    set_apart(ceiling, terms, price, approval, amount, own)
    if len(limited[0]) > 0:
        take_off(limited[0], own)
    exceed(price, quantity, amount, own, ceiling, over)
    if len(limited[1]) > 0:
        hold_to_limit(amount, own, limited[1], over)
    if per_settlement:
        share_first_down(amount, own, over, terms, full_price, pre, left)
    else:
        signs = share_first(amount, own, over, terms, full_price, pre, in_scope)
        if not full_price:
            return signs
    hold_share(amount, own, over, pre, left)
    return remain(amount, own, over, pre, in_scope)


def add_up(
    claim: Cells, parts: tuple[Cells, Cells, Cells, Cells], sums: tuple[Cells, Cells, Cells, Cells]
) -> None:
    """Add the parts of lines to the sums of their claims; lines of one claim stand together."""
    own_sum, over_sum, pre_sum, in_scope_sum = sums
    own, over, pre, in_scope = parts
    first = second = third = fourth = 0
    number = claim[0] if len(claim) > 0 else 0
    for at in range(len(claim)):
        if claim[at] != number:
            own_sum[number] += first
            over_sum[number] += second
            pre_sum[number] += third
            in_scope_sum[number] += fourth
            first = second = third = fourth = 0
            number = claim[at]
        first += own[at]
        second += over[at]
        third += pre[at]
        fourth += in_scope[at]
    if len(claim) > 0:
        own_sum[number] += first
        over_sum[number] += second
        pre_sum[number] += third
        in_scope_sum[number] += fourth


# --- what only machine code runs ----------------------------------------------------------------


def look_up(
    place: tuple[NDArray[np.int32], NDArray[np.int8], NDArray[np.int8]],
    cells: NDArray[np.int64],
    levels: int,
    ceiling: NDArray[np.int64],
    terms: NDArray[np.int64],
) -> int:
    """Write ceiling and terms of the entry of each line.

    Lines without an entry are own expense, and else have what is said of the first one.

    Args:
        place: Row, scheme and price level of each line.
        cells: By row the ceilings of the levels, then the terms of the schemes.
        levels: How many levels there are.
        ceiling: Takes the ceilings.
        terms: Takes the terms.

    Returns:
        `OUTSIDE` where a line is outside the table, else zero.
    """
    row, scheme, price_level = place
    highest = lowest = first = last = 0
    low_level = high_level = 1
    for at in range(len(row)):
        first, last = min(first, row[at]), max(last, row[at])
        lowest, highest = min(lowest, scheme[at]), max(highest, scheme[at])
    for at in range(len(row)):
        low_level, high_level = min(low_level, price_level[at]), max(high_level, price_level[at])
    rows, width = cells.shape
    if last >= rows or lowest < 0 or highest >= width - levels:
        return OUTSIDE
    if low_level < 1 or high_level > levels:
        return OUTSIDE
    # Of a signed index, every look-up would ask whether it counts from the end.
    flat, step = cells.ravel(), np.uint64(width)
    for at in range(len(row)):
        entry = np.uint64(max(row[at], 0)) * step
        ceiling[at] = flat[entry + np.uint64(price_level[at] - 1)]
        terms[at] = flat[entry + np.uint64(levels + scheme[at])]
    if first < 0:
        for at in range(len(row)):
            terms[at] |= OWN_EXPENSE if row[at] < 0 else 0
    return 0


def part_of(column: NDArray[Any], first: int, end: int) -> NDArray[Any]:
    """Return a stretch of a column; machine code makes it without counting one more user of it."""
    return column[first:end]


def row_part_of(matrix: NDArray[np.int64], row: int, first: int, end: int) -> NDArray[np.int64]:
    """Return a stretch of a row of a matrix whose rows are contiguous; likewise."""
    return matrix[row, first:end]


def split_and_sum(
    place: tuple[NDArray[np.int32], NDArray[np.int8], NDArray[np.int8]],
    cells: NDArray[np.int64],
    levels: int,
    line: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int8]],
    limited: tuple[NDArray[np.int64], NDArray[np.int64]],
    unowed: NDArray[np.int8],
    rules: tuple[bool, bool],
    parts: NDArray[np.int64],
    left: NDArray[np.int64],
    claim: NDArray[np.int64],
    sums: NDArray[np.int64],
    room: NDArray[np.int64],
) -> int:
    """Write the parts of any number of lines and add them up, a block after another.

    What is said of a block, its parts and its sums are worked out while it is in the cache.

    Args:
        place: As for `look_up`, and so are `cells` and `levels`.
        cells: See there.
        levels: See there.
        line: As for `split`, and so are `limited` and `rules`.
        limited: See there.
        unowed: Above 0 where a mark makes the whole line own expense; empty where there are none.
        rules: See there.
        parts: Takes the parts, shape (4, n), rows contiguous, in the order of the national pots.
        left: Takes what rounding once a settlement leaves; else empty.
        claim: The claim of each line; empty where nothing is added up.
        sums: Takes the sums, shape (4, claims), rows contiguous.
        room: Shape (3, lines of a block), spoilt.

    Returns:
        `OUTSIDE` where a line is outside a table, below zero where a part is, else zero.
    """
    signs, count, block, claims = 0, len(place[0]), room.shape[1], sums.shape[1]
    own_sum, over_sum = row_part_of(sums, 0, 0, claims), row_part_of(sums, 1, 0, claims)
    pre_sum, scope_sum = row_part_of(sums, 2, 0, claims), row_part_of(sums, 3, 0, claims)
    (row, scheme, price_level), (price, quantity, amount, approval) = place, line
    beyond, most = limited
    for first in range(0, count, block):
        end = min(first + block, count)
        ceiling, terms = row_part_of(room, 0, 0, end - first), row_part_of(room, 1, 0, end - first)
        where = (
            part_of(row, first, end),
            part_of(scheme, first, end),
            part_of(price_level, first, end),
        )
        if look_up(where, cells, levels, ceiling, terms) == OUTSIDE:
            return OUTSIDE
        if len(unowed) > 0:
            for at in range(first, end):
                terms[at - first] |= OWN_EXPENSE if unowed[at] > 0 else 0
        own, over = row_part_of(parts, 0, first, end), row_part_of(parts, 1, first, end)
        pre, in_scope = row_part_of(parts, 2, first, end), row_part_of(parts, 3, first, end)
        signs |= split(
            (ceiling, terms),
            (
                part_of(price, first, end),
                part_of(quantity, first, end),
                part_of(amount, first, end),
                part_of(approval, first, end),
            ),
            (
                part_of(beyond, min(first, len(beyond)), min(end, len(beyond))),
                part_of(most, min(first, len(most)), min(end, len(most))),
            ),
            rules,
            (own, over, pre, in_scope),
            part_of(left, first, end) if rules[1] else row_part_of(room, 2, 0, end - first),
        )
        if len(claim) > 0:
            sums_of = own_sum, over_sum, pre_sum, scope_sum
            add_up(part_of(claim, first, end), (own, over, pre, in_scope), sums_of)
    return min(signs, 0)
