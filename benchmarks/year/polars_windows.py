"""A year as a Polars query over windows of one person's claims.

It uses a fact of this one policy: what a fund has paid by a claim is what it would have paid so far
without a cap, or the cap. A policy that looks at what was paid after rounding has no such form.
"""

from typing import Final

import polars as pl

from benchmarks.anchor import polars_frame as frames
from benchmarks.anchor import policy
from benchmarks.anchor.policy import Shares
from benchmarks.year.history import History

columns_of = frames.columns_of


def _before(name: str) -> pl.Expr:
    """Return the sum of a column over the person's earlier claims."""
    return pl.col(name).cum_sum().over("person") - pl.col(name)


# What has to be known before the step that makes a column.
_CARRIED: Final = {
    "deductible_fen": {
        "later_admission": (pl.col("person").cum_count().over("person") > 1).cast(pl.Int64)
    },
    "pooled_fund_fen": {
        "pooled_used_fen": pl.min_horizontal(_before("uncapped"), policy.POOLED_CAP_FEN)
    },
    "large_amount_fen": {
        "large_amount_used_fen": pl.min_horizontal(
            _before("entitled_fen"), policy.LARGE_AMOUNT_CAP_FEN
        )
    },
    "account_fen": {
        "account_balance_fen": (pl.col("balance_fen") - _before("left_fen")).clip(lower_bound=0)
    },
}
_LEFT: Final = pl.col("total_fen") - pl.col("pooled_fund_fen") - pl.col("large_amount_fen")


def prepare(history: History) -> pl.DataFrame:
    """Return the claims as a frame, with the number and first balance of their person."""
    own = {"person": history.person, "balance_fen": history.balance_fen[history.person]}
    return pl.DataFrame(history.columns | own)


def run(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame of the shares, in the order of the claims."""
    query = frame.lazy()
    for step in frames.STEPS:
        (made,) = step
        if made == "account_fen":
            query = query.with_columns(left_fen=_LEFT)
        query = query.with_columns(**_CARRIED.get(made, {})).with_columns(**step)
    return query.select(Shares._fields).collect()
