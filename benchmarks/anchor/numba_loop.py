"""The anchor policy as one numba function and a loop around it, written for this policy alone.

One claim is a call with ten integers; more are a loop over columns on one thread. Compiling is
outside the timing; the compiled code is kept beside this file.
"""

from typing import Final, TypeAlias

import numba
import numpy as np

from benchmarks.anchor import policy
from benchmarks.anchor.claims import Columns, FenArray
from benchmarks.anchor.policy import Claim, Shares

_DEDUCTIBLE: Final = np.array(policy.DEDUCTIBLE_FEN, np.int64)
_RATE: Final = np.array(policy.RATE, np.int64)
_FLOOR: Final = np.array(policy.BAND_FLOOR_FEN, np.int64)
_CEILING: Final = np.array(policy.BAND_CEILING_FEN, np.int64)
_POOLED_CAP: Final = policy.POOLED_CAP_FEN
_LARGE_CAP: Final = policy.LARGE_AMOUNT_CAP_FEN
_LARGE_RATE: Final = policy.LARGE_AMOUNT_RATE
_ONE: Final = policy.RATE_ONE
_HALF: Final = policy.RATE_ONE // 2
_BANDS: Final = len(policy.BAND_FLOOR_FEN)

Prepared: TypeAlias = tuple[int, ...] | tuple[FenArray, ...]
Settled: TypeAlias = tuple[int, ...] | FenArray


@numba.njit(inline="always")
def _at_rate(amount: int, rate: int) -> int:
    # Unsigned, which needs no correction for what is below zero.
    return np.int64(np.uint64(amount * rate + _HALF) // np.uint64(_ONE))  # type: ignore[return-value]


@numba.njit(inline="always")
def settle(
    total: int,
    own_expense: int,
    over_limit: int,
    pre_self_pay: int,
    level: int,
    retired: int,
    later: int,
    pooled_used: int,
    large_used: int,
    balance: int,
) -> tuple[int, int, int, int, int, int]:
    """Return the six shares of one claim."""
    in_scope = max(0, total - own_expense - over_limit - pre_self_pay)
    deductible = min(in_scope, _DEDUCTIBLE[level, later])
    base = in_scope - deductible
    uncapped = 0
    for band in range(_BANDS):
        part = max(0, min(base, _CEILING[band]) - _FLOOR[band])
        uncapped += _at_rate(part, _RATE[level, retired, band])
    pooled = min(uncapped, max(0, _POOLED_CAP - pooled_used))
    entitled = _at_rate(uncapped - pooled, _LARGE_RATE)
    large = min(entitled, max(0, _LARGE_CAP - large_used))
    left = total - pooled - large
    account = min(balance, left)
    return in_scope, deductible, pooled, large, account, left - account


@numba.njit(cache=True)
def _settle_one(
    total: int,
    own_expense: int,
    over_limit: int,
    pre_self_pay: int,
    level: int,
    retired: int,
    later: int,
    pooled_used: int,
    large_used: int,
    balance: int,
) -> tuple[int, int, int, int, int, int]:
    shares: tuple[int, int, int, int, int, int] = settle(
        total,
        own_expense,
        over_limit,
        pre_self_pay,
        level,
        retired,
        later,
        pooled_used,
        large_used,
        balance,
    )
    return shares


@numba.njit(cache=True)
def _settle_many(claims: tuple[FenArray, ...], shares: FenArray) -> None:
    total, own, over, pre, level, retired, later, pooled, large, balance = claims
    for row in range(len(total)):
        found = settle(
            total[row],
            own[row],
            over[row],
            pre[row],
            level[row],
            retired[row],
            later[row],
            pooled[row],
            large[row],
            balance[row],
        )
        for share in range(6):
            shares[share, row] = found[share]


def prepare(columns: Columns) -> Prepared:
    """Return one claim as integers, more as columns."""
    if len(columns["total_fen"]) == 1:
        return tuple(int(columns[name][0]) for name in Claim._fields)
    return tuple(columns[name] for name in Claim._fields)


def run(prepared: Prepared) -> Settled:
    """Return the shares of one claim as integers, of more as rows of one array."""
    if isinstance(prepared[0], int):
        one: tuple[int, ...] = _settle_one(*prepared)
        return one
    shares = np.empty((len(Shares._fields), len(prepared[0])), np.int64)
    _settle_many(prepared, shares)
    return shares


def columns_of(settled: Settled) -> Columns:
    """Return the shares as int64 columns."""
    return {
        name: np.atleast_1d(np.asarray(column, np.int64))
        for name, column in zip(Shares._fields, settled, strict=True)
    }
