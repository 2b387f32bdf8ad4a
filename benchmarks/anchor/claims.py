"""Random claims of the anchor policy, the same on every machine for one seed."""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.anchor import policy
from benchmarks.anchor.policy import Claim, Shares

FenArray: TypeAlias = NDArray[np.int64]
Columns: TypeAlias = dict[str, FenArray]

SEED: Final = 20_240_501

# Bills run from a few hundred yuan to millions, half of them below 18,000: enough to reach every
# band, the cap of the pooled fund and, now and then, that of the large-amount fund.
_TOTAL_FEN_MEDIAN: Final = 1_800_000
_TOTAL_FEN_SPREAD: Final = 1.1
_TOTAL_FEN_MAX: Final = 1_500_000_000
# The largest parts of a bill that are own expense, over the price limit, and paid first.
_OUTSIDE: Final = (0.10, 0.06, 0.12)
_ACCOUNT_FEN_MEAN: Final = 300_000


def _used(random: np.random.Generator, count: int, cap_fen: int, untouched: float) -> FenArray:
    """Return how much of a yearly cap is used up: nothing for most, else anything up to it."""
    used = random.integers(0, cap_fen, count, endpoint=True)
    return np.where(random.random(count) < untouched, 0, used)


def random_claims(count: int, seed: int = SEED) -> Columns:
    """Return `count` claims as int64 columns named as the fields of `Claim`."""
    random = np.random.default_rng(seed)
    total = _TOTAL_FEN_MEDIAN * np.exp(random.normal(0, _TOTAL_FEN_SPREAD, count))
    total_fen = np.clip(total.astype(np.int64), 1, _TOTAL_FEN_MAX)
    outside = [
        (total_fen * random.uniform(0, most, count) * (random.random(count) < 0.7)).astype(np.int64)
        for most in _OUTSIDE
    ]
    columns = (
        total_fen,
        *outside,
        random.integers(0, policy.LEVELS, count),
        random.integers(0, 2, count),
        (random.random(count) < 0.3).astype(np.int64),
        _used(random, count, policy.POOLED_CAP_FEN, 0.6),
        _used(random, count, policy.LARGE_AMOUNT_CAP_FEN, 0.95),
        random.exponential(_ACCOUNT_FEN_MEAN, count).astype(np.int64),
    )
    return dict(zip(Claim._fields, columns, strict=True))


def first(claims: Columns, count: int) -> Columns:
    """Return the first `count` claims, as columns of their own."""
    return {name: column[:count].copy() for name, column in claims.items()}


def rows(claims: Columns) -> list[Claim]:
    """Return the claims as rows of Python integers."""
    return [
        Claim(*row) for row in zip(*(column.tolist() for column in claims.values()), strict=True)
    ]


def reference(claims: Columns) -> Columns:
    """Return what the reference makes of the claims, as int64 columns named as `Shares`."""
    settled = np.array([policy.settle(claim) for claim in rows(claims)], np.int64)
    return dict(zip(Shares._fields, settled.T.copy(), strict=True))
