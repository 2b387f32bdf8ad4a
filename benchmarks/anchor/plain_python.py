"""The anchor policy as one plain Python function: what a small program would do."""

from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.anchor import claims, policy
from benchmarks.anchor.claims import Columns
from benchmarks.anchor.policy import Claim, Shares


def _function() -> Callable[[tuple[int, ...]], tuple[int, ...]]:
    """Return the function, its tables held in local names, which Python reads fastest."""
    deductibles, rates_of = policy.DEDUCTIBLE_FEN, policy.RATE
    _, second, third, fourth = policy.BAND_FLOOR_FEN
    pooled_cap, large_cap = policy.POOLED_CAP_FEN, policy.LARGE_AMOUNT_CAP_FEN
    large_rate = policy.LARGE_AMOUNT_RATE

    def settle_one(claim: tuple[int, ...]) -> tuple[int, ...]:
        total, own, over, first_pay, level, retired, later, pooled_used, large_used, balance = claim
        in_scope = total - own - over - first_pay
        in_scope = max(in_scope, 0)
        deductible = deductibles[level][later]
        deductible = min(deductible, in_scope)
        base = in_scope - deductible
        low, middle, high, top = rates_of[level][retired]
        # Most claims end in the first band, so it is asked first.
        if base <= second:
            paid = (base * low + 5_000) // 10_000
        else:
            paid = (second * low + 5_000) // 10_000
            if base <= third:
                paid += ((base - second) * middle + 5_000) // 10_000
            else:
                paid += ((third - second) * middle + 5_000) // 10_000
                paid += ((min(base, fourth) - third) * high + 5_000) // 10_000
                if base > fourth:
                    paid += ((base - fourth) * top + 5_000) // 10_000
        pooled = max(min(paid, pooled_cap - pooled_used), 0)
        large = ((paid - pooled) * large_rate + 5_000) // 10_000
        large = max(min(large, large_cap - large_used), 0)
        left = total - pooled - large
        account = min(balance, left)
        return in_scope, deductible, pooled, large, account, left - account

    return settle_one


# From the fields of a `Claim` to those of a `Shares`.
settle = _function()


def prepare(columns: Columns) -> list[Claim]:
    """Return the claims as tuples of Python integers."""
    return claims.rows(columns)


def run(rows: Sequence[Claim]) -> list[tuple[int, ...]]:
    """Return the shares of each claim, in order."""
    return [settle(claim) for claim in rows]


def columns_of(settled: Sequence[tuple[int, ...]]) -> Columns:
    """Return the shares as int64 columns."""
    return dict(zip(Shares._fields, np.array(settled, np.int64).T, strict=True))
