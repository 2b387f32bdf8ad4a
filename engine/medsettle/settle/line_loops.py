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
    amount: Cells, own: Cells, over: Cells, ratio: Cells, full_price: bool, pre: Cells
) -> None:
    """Write the first-self-pay, half up: 10**17 over 10**6 at most.

    It is of what is left of each line, or of all but own expense where the full price counts.
    """
    less = 0 if full_price else 1
    for at in range(len(pre)):
        product = (amount[at] - own[at] - over[at] * less) * ratio[at] + _HALF_PPM
        quotient = int(product * _PPM_INVERSE)
        left = product - quotient * PPM_ONE
        pre[at] = quotient + (1 if left >= PPM_ONE else 0) - (1 if left < 0 else 0)


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
    block: int,
) -> int:
    """Write the parts of lines, a block after another so that its columns stay in the cache.

    Args:
        said: Ceiling and terms of each line; the terms are spoilt.
        line: Price, quantity, amount and approval.
        limited: What falls to units that are not covered, and the most of a line that may be in
            scope; each empty where no line is concerned.
        rules: Whether first-self-pay is of the full price, and rounded once a settlement.
        parts: Take the parts in the order of the national pots.
        left: Takes what rounding once a settlement leaves; spoilt otherwise.
        block: Lines of a block. Lists are one block.

    Returns:
        A number below zero where a part is.
    """
    signs = 0
    full_price, per_settlement = rules
    for first in range(0, len(left), block):
        end = min(first + block, len(left))
        whole = end - first == len(left)
        ceiling = said[0] if whole else said[0][first:end]
        terms = said[1] if whole else said[1][first:end]
        price = line[0] if whole else line[0][first:end]
        quantity = line[1] if whole else line[1][first:end]
        amount = line[2] if whole else line[2][first:end]
        approval = line[3] if whole else line[3][first:end]
        own = parts[0] if whole else parts[0][first:end]
        over = parts[1] if whole else parts[1][first:end]
        pre = parts[2] if whole else parts[2][first:end]
        in_scope = parts[3] if whole else parts[3][first:end]
        rest = left if whole else left[first:end]
        set_apart(ceiling, terms, price, approval, amount, own)
        if len(limited[0]) > 0:
            take_off(limited[0] if whole else limited[0][first:end], own)
        exceed(price, quantity, amount, own, ceiling, over)
        if len(limited[1]) > 0:
            hold_to_limit(amount, own, limited[1] if whole else limited[1][first:end], over)
        if per_settlement:
            share_first_down(amount, own, over, terms, full_price, pre, rest)
        else:
            share_first(amount, own, over, terms, full_price, pre)
        if full_price or per_settlement:
            hold_share(amount, own, over, pre, rest)
        signs |= remain(amount, own, over, pre, in_scope)
    return signs


def add_up(
    claim: Cells, parts: tuple[Cells, Cells, Cells, Cells], sums: tuple[Cells, Cells, Cells, Cells]
) -> None:
    """Add the parts of lines to the sums of their claims; lines of one claim stand together."""
    at = 0
    while at < len(claim):
        own = claim[at]
        first = at
        while at < len(claim) and claim[at] == own:
            at += 1
        for number in range(4):
            column = parts[number]
            total = 0
            for line in range(first, at):
                total += column[line]
            sums[number][own] += total
