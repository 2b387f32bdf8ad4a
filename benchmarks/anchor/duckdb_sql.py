"""The anchor policy as one SQL statement of DuckDB over an Arrow table."""

from typing import Final

import duckdb
import numpy as np
import pyarrow as pa

from benchmarks.anchor import policy
from benchmarks.anchor.claims import Columns
from benchmarks.anchor.policy import Shares

_BANDS: Final = range(len(policy.BAND_FLOOR_FEN))


def _at_rate(amount: str, rate: str | int) -> str:
    return f"(({amount}) * {rate} + {policy.RATE_ONE // 2}) // {policy.RATE_ONE}"


def _band(band: int) -> str:
    floor, ceiling = policy.BAND_FLOOR_FEN[band], policy.BAND_CEILING_FEN[band]
    return _at_rate(f"greatest(least(base, {ceiling}) - {floor}, 0)", f"rate_{band}")


_STATEMENT: Final = f"""
WITH scoped AS (
    SELECT *, greatest(total_fen - own_expense_fen - over_limit_fen - pre_self_pay_fen, 0)
        AS in_scope_fen
    FROM claims
), deducted AS (
    SELECT scoped.*, rules.*, least(in_scope_fen, table_fen) AS deductible_fen,
        in_scope_fen - least(in_scope_fen, table_fen) AS base
    FROM scoped JOIN rules USING (level, retired, later_admission)
), banded AS (
    SELECT *, {" + ".join(_band(band) for band in _BANDS)} AS uncapped FROM deducted
), pooled AS (
    SELECT *, least(uncapped, greatest({policy.POOLED_CAP_FEN} - pooled_used_fen, 0))
        AS pooled_fund_fen
    FROM banded
), topped AS (
    SELECT *, least({_at_rate("uncapped - pooled_fund_fen", policy.LARGE_AMOUNT_RATE)},
        greatest({policy.LARGE_AMOUNT_CAP_FEN} - large_amount_used_fen, 0)) AS large_amount_fen
    FROM pooled
), rest AS (
    SELECT *, total_fen - pooled_fund_fen - large_amount_fen AS remaining FROM topped
)
SELECT in_scope_fen, deductible_fen, pooled_fund_fen, large_amount_fen,
    least(account_balance_fen, remaining) AS account_fen,
    remaining - least(account_balance_fen, remaining) AS cash_fen
FROM rest
"""


def _connect() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:", config={"threads": 1})
    rates = ", ".join(f"rate_{band} BIGINT" for band in _BANDS)
    connection.execute(
        "CREATE TABLE rules (level BIGINT, retired BIGINT, later_admission BIGINT,"
        f" table_fen BIGINT, {rates})"
    )
    places = ", ".join("?" for _ in range(4 + len(_BANDS)))
    for level in range(policy.LEVELS):
        for retired in range(2):
            for later in range(2):
                row = (policy.DEDUCTIBLE_FEN[level][later], *policy.RATE[level][retired])
                connection.execute(
                    f"INSERT INTO rules VALUES ({places})", [level, retired, later, *row]
                )
    return connection


_CONNECTION: Final = _connect()


def prepare(columns: Columns) -> pa.Table:
    """Return the claims as an Arrow table."""
    return pa.table(columns)


def run(table: pa.Table) -> pa.Table:
    """Return an Arrow table of the shares, in the order of the claims."""
    _CONNECTION.register("claims", table)
    return _CONNECTION.sql(_STATEMENT).to_arrow_table()


def columns_of(table: pa.Table) -> Columns:
    """Return the shares as int64 columns."""
    return {name: table[name].to_numpy().astype(np.int64, copy=False) for name in Shares._fields}
