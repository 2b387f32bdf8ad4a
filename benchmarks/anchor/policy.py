"""The anchor policy and its reference: an inpatient settlement of an insured employee.

Three hospital levels, employees and retirees, four bands on the amount above the deductible, a
yearly cap on the pooled fund, a large-amount fund for what the cap cuts off, the personal account,
and cash for the rest. The shapes are those of a real city; the figures are illustrative.

`settle` is the reference: one claim, Python integers, one step a line, no cleverness. Every tool is
compared with it fen by fen.
"""

from typing import Final, NamedTuple

FEN_PER_YUAN: Final = 100
# Rates are basis points: 8,500 is 85 %.
RATE_ONE: Final = 10_000

LEVELS: Final = 3

# By hospital level, then: first admission of the year, every later one.
DEDUCTIBLE_FEN: Final = (
    (700 * FEN_PER_YUAN, 350 * FEN_PER_YUAN),
    (1_000 * FEN_PER_YUAN, 500 * FEN_PER_YUAN),
    (1_300 * FEN_PER_YUAN, 650 * FEN_PER_YUAN),
)

# Where each band begins, above the deductible. The last has no end; this bound stands for it.
BAND_FLOOR_FEN: Final = (0, 30_000 * FEN_PER_YUAN, 40_000 * FEN_PER_YUAN, 100_000 * FEN_PER_YUAN)
NO_CEILING_FEN: Final = 10**15
BAND_CEILING_FEN: Final = (*BAND_FLOOR_FEN[1:], NO_CEILING_FEN)

# The pooled fund's rate for employees, by hospital level and band.
EMPLOYEE_RATE: Final = (
    (9_000, 9_500, 9_700, 9_800),
    (8_700, 9_200, 9_700, 9_700),
    (8_500, 9_000, 9_500, 9_600),
)


def _retiree(rates: tuple[int, ...]) -> tuple[int, ...]:
    """A retiree bears 60 % of what an employee bears; every such rate is a whole basis point."""
    return tuple(RATE_ONE - (RATE_ONE - rate) * 60 // 100 for rate in rates)


# By hospital level, then employee and retiree, then band.
RATE: Final = tuple((rates, _retiree(rates)) for rates in EMPLOYEE_RATE)

POOLED_CAP_FEN: Final = 100_000 * FEN_PER_YUAN
LARGE_AMOUNT_RATE: Final = 8_500
LARGE_AMOUNT_CAP_FEN: Final = 400_000 * FEN_PER_YUAN


class Claim(NamedTuple):
    """What one settlement starts from; amounts in fen, `level` 0 to 2, the flags 0 or 1."""

    total_fen: int
    own_expense_fen: int
    over_limit_fen: int
    pre_self_pay_fen: int
    level: int
    retired: int
    later_admission: int
    pooled_used_fen: int
    large_amount_used_fen: int
    account_balance_fen: int


class Shares(NamedTuple):
    """What one settlement comes to, in fen. The last four add up to the total."""

    in_scope_fen: int
    deductible_fen: int
    pooled_fund_fen: int
    large_amount_fen: int
    account_fen: int
    cash_fen: int


def at_rate(amount_fen: int, rate: int) -> int:
    """Return a share of an amount that is not negative, rounded half up to whole fen.

    >>> at_rate(333, 5_000)
    167
    """
    return (amount_fen * rate + RATE_ONE // 2) // RATE_ONE


def settle(claim: Claim, more_deductible_fen: int = 0) -> Shares:
    """Return the shares of one claim: the reference.

    `more_deductible_fen` raises the deductible, as a later version of the policy may.

    Each band's payment is rounded by itself, and so is that of the large-amount fund.

    >>> settle(Claim(10_000_000, 0, 0, 0, 2, 0, 0, 0, 0, 50_000))._asdict()["pooled_fund_fen"]
    9026500
    """
    outside = claim.own_expense_fen + claim.over_limit_fen + claim.pre_self_pay_fen
    in_scope = max(0, claim.total_fen - outside)
    whole = DEDUCTIBLE_FEN[claim.level][claim.later_admission] + more_deductible_fen
    deductible = min(in_scope, whole)
    base = in_scope - deductible

    rates = RATE[claim.level][claim.retired]
    uncapped = 0
    for floor, ceiling, rate in zip(BAND_FLOOR_FEN, BAND_CEILING_FEN, rates, strict=True):
        uncapped += at_rate(max(0, min(base, ceiling) - floor), rate)

    pooled = min(uncapped, max(0, POOLED_CAP_FEN - claim.pooled_used_fen))
    large_room = max(0, LARGE_AMOUNT_CAP_FEN - claim.large_amount_used_fen)
    large = min(at_rate(uncapped - pooled, LARGE_AMOUNT_RATE), large_room)

    left = claim.total_fen - pooled - large
    account = min(claim.account_balance_fen, left)
    return Shares(in_scope, deductible, pooled, large, account, left - account)
