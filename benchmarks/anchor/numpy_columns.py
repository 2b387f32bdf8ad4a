"""The anchor policy on NumPy columns, twice: plain expressions, and cache-sized blocks in place."""

from typing import Final

import numpy as np

from benchmarks.anchor import policy
from benchmarks.anchor.claims import Columns, FenArray
from benchmarks.anchor.policy import Claim, Shares

_HALF: Final = policy.RATE_ONE // 2
_DEDUCTIBLE: Final = np.array(policy.DEDUCTIBLE_FEN, np.int64)
# One row for a level and a status, one column for a band.
_RATE: Final = np.array(policy.RATE, np.int64).reshape(-1, len(policy.BAND_FLOOR_FEN))
# Band by band, so that a block gathers from six neighbouring numbers.
_RATE_BY_BAND: Final = np.ascontiguousarray(_RATE.T)
_FLAT_DEDUCTIBLE: Final = _DEDUCTIBLE.ravel()

# Arrays of no dimensions, which a pass takes as they are; a Python number is converted every time.
_ZERO: Final = np.array(0)
_TWO: Final = np.array(2)
_HALF_ARRAY: Final = np.array(_HALF)
_DIVISOR: Final = np.array(policy.RATE_ONE, np.uint64)
_CEILINGS: Final = [np.array(ceiling) for ceiling in policy.BAND_FLOOR_FEN[1:]]
_POOLED_CAP: Final = np.array(policy.POOLED_CAP_FEN)
_LARGE_CAP: Final = np.array(policy.LARGE_AMOUNT_CAP_FEN)
_LARGE_RATE: Final = np.array(policy.LARGE_AMOUNT_RATE)

# Measured best on the same machine and in the same way as the kernel's own.
BLOCK_ROWS: Final = 16_384


def prepare(columns: Columns) -> Columns:
    """Return the columns as they are."""
    return columns


def columns_of(settled: Columns) -> Columns:
    """Return the columns as they are."""
    return settled


def run_plain(claims: Columns) -> Columns:
    """Return the shares by expressions over whole columns, as one would write them first."""
    claim = Claim(**claims)  # type: ignore[arg-type]
    total: FenArray = claims["total_fen"]
    outside = claim.own_expense_fen + claim.over_limit_fen + claim.pre_self_pay_fen
    in_scope = np.maximum(total - outside, 0)
    deductible = np.minimum(in_scope, _DEDUCTIBLE[claim.level, claim.later_admission])
    base = in_scope - deductible
    rates = _RATE[claim.level * 2 + claim.retired]
    uncapped = np.zeros_like(total)
    for band, floor in enumerate(policy.BAND_FLOOR_FEN):
        part = np.maximum(np.minimum(base, policy.BAND_CEILING_FEN[band]) - floor, 0)
        uncapped += (part * rates[:, band] + _HALF) // policy.RATE_ONE
    pooled = np.minimum(uncapped, np.maximum(policy.POOLED_CAP_FEN - claim.pooled_used_fen, 0))
    large = ((uncapped - pooled) * policy.LARGE_AMOUNT_RATE + _HALF) // policy.RATE_ONE
    large_room = np.maximum(policy.LARGE_AMOUNT_CAP_FEN - claim.large_amount_used_fen, 0)
    large = np.minimum(large, large_room)
    left = total - pooled - large
    account = np.minimum(claims["account_balance_fen"], left)
    shares = (in_scope, deductible, pooled, large, account, left - account)
    return dict(zip(Shares._fields, shares, strict=True))


def _settle_block(claim: Columns, share: Columns, work: tuple[FenArray, ...]) -> None:
    """Fill `share` from `claim`, both views of one block, without making an array."""
    first_row, row, rate, part, reached, top = work
    in_scope, deductible = share["in_scope_fen"], share["deductible_fen"]
    np.subtract(claim["total_fen"], claim["own_expense_fen"], out=in_scope)
    in_scope -= claim["over_limit_fen"]
    in_scope -= claim["pre_self_pay_fen"]
    np.maximum(in_scope, _ZERO, out=in_scope)

    np.multiply(claim["level"], _TWO, out=first_row)
    np.add(first_row, claim["later_admission"], out=row)
    _FLAT_DEDUCTIBLE.take(row, out=deductible, mode="clip")
    np.minimum(deductible, in_scope, out=deductible)

    # Where a claim ends rises with the ceilings of the bands; its part in each is the step between.
    base, uncapped = share["account_fen"], share["cash_fen"]
    np.subtract(in_scope, deductible, out=base)
    np.add(first_row, claim["retired"], out=row)
    np.minimum(base, _CEILINGS[0], out=reached)
    _share(0, reached, row, rate, uncapped)
    for band, ceiling in enumerate(_CEILINGS[1:], start=1):
        np.minimum(base, ceiling, out=top)
        np.subtract(top, reached, out=part)
        _share(band, part, row, rate, part)
        uncapped += part
        reached, top = top, reached
    base -= reached
    _share(len(_CEILINGS), base, row, rate, part)
    uncapped += part

    pooled, large = share["pooled_fund_fen"], share["large_amount_fen"]
    np.subtract(_POOLED_CAP, claim["pooled_used_fen"], out=pooled)
    np.maximum(pooled, _ZERO, out=pooled)
    np.minimum(pooled, uncapped, out=pooled)
    np.subtract(uncapped, pooled, out=large)
    large *= _LARGE_RATE
    _round(large)
    np.subtract(_LARGE_CAP, claim["large_amount_used_fen"], out=part)
    np.maximum(part, _ZERO, out=part)
    np.minimum(large, part, out=large)

    account, cash = share["account_fen"], share["cash_fen"]
    np.subtract(claim["total_fen"], pooled, out=cash)
    cash -= large
    np.minimum(claim["account_balance_fen"], cash, out=account)
    cash -= account


def _share(band: int, part: FenArray, row: FenArray, rate: FenArray, share: FenArray) -> None:
    """Write the payment of one band, which may be where its part was."""
    _RATE_BY_BAND[band].take(row, out=rate, mode="clip")
    np.multiply(part, rate, out=share)
    _round(share)


def _round(product: FenArray) -> None:
    """Make whole fen of amounts times rates; unsigned, which divides twice as fast as signed."""
    product += _HALF_ARRAY
    unsigned = product.view(np.uint64)
    unsigned //= _DIVISOR


def run_blocks(claims: Columns) -> Columns:
    """Return the shares block by block, every operation written into columns already there."""
    count = len(claims["total_fen"])
    shares = {name: np.empty(count, np.int64) for name in Shares._fields}
    work = tuple(np.empty(min(count, BLOCK_ROWS), np.int64) for _ in range(6))
    for start in range(0, count, BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        claim = {name: column[block] for name, column in claims.items()}
        share = {name: column[block] for name, column in shares.items()}
        rows = len(claim["total_fen"])
        _settle_block(claim, share, tuple(column[:rows] for column in work))
    return shares
