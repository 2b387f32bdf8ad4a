"""A rate of many amounts as whole fen that add up to what the rate comes to on their sum."""

from collections.abc import Sequence

from medsettle.core.money import BPS, Rounding


def part_of(fen: int, rate_bps: int, rounding: Rounding) -> int:
    """Return a rate of an amount, rounded once.

    Args:
        fen: At least 0.
        rate_bps: 0 to 10,000, in 1/10,000.
        rounding: What becomes of a part of a fen.

    >>> [part_of(333, 6_000, each) for each in (Rounding.HALF_UP, Rounding.DOWN, Rounding.UP)]
    [200, 199, 200]
    """
    more = {Rounding.HALF_UP: BPS // 2, Rounding.DOWN: 0, Rounding.UP: BPS - 1}[rounding]
    return (fen * rate_bps + more) // BPS


def parts_of(amounts: Sequence[int], rate_bps: int, rounding: Rounding) -> list[int]:
    """Return a part of each amount; together they are the rate of the sum, rounded once.

    Each gets the whole fen of its own rate. What the sum has more goes to those that lost the most,
    a fen each, the first where they lost the same. So nobody gets more than is theirs: there are
    always as many with a loss as fen to give.

    Args:
        amounts: Each at least 0.
        rate_bps: 0 to 10,000, in 1/10,000.
        rounding: Of the rate of the sum.

    >>> parts_of([1, 1, 1], 5_000, Rounding.HALF_UP), parts_of([333, 333], 6_000, Rounding.DOWN)
    ([1, 1, 0], [200, 199])
    """
    parts = [fen * rate_bps // BPS for fen in amounts]
    more = part_of(sum(amounts), rate_bps, rounding) - sum(parts)
    order = sorted(range(len(amounts)), key=lambda at: -(amounts[at] * rate_bps % BPS))
    for at in order[:more]:
        parts[at] += 1
    return parts
