"""Clearing tables: who owes whom how much for a closed month, each figure with the rows behind it.

| table | one row for each | of |
|---|---|---|
| `payable` (应付) | insured province, pooling area, care province and area, fund, insurance type, \
clearing class, month of settlement, month of clearing | shares |
| `receivable` (应收) | the same from the place of care's side | shares |
| `deductions` (审核扣款) | deduction and fund | deductions |
| `employee`, `resident` | record and fund, of that fund line | shares |
| `bills` | areas, insurance type, clearing class and months | bills, each once |

Payable and receivable are gross: what each direction owes, never one less the other. A record that
several funds pay is in a row of each, so counts and totals of bills add up over everything but
funds; `bills` has each bill once. Records of an area's own persons are in the month and in no
table.

The province of an area is the first two digits of its code (GB/T 2260). The month of settlement is
that of the original where there is one. Of a share, exactly one of three amounts is not zero:

- `fund_fen`: of a settlement of the month itself, or what took it back or corrected it;
- `adjustments_fen`: the same of an earlier month;
- `deductions_fen`: what review took off, of whatever month; below zero.

`net_fen` is their sum. Source: `clearing.md` 3.2, 3.3.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from medsettle.clearing.matching.book import RecordKind
from medsettle.clearing.months.book import OWED_SQL
from medsettle.clearing.months.fund_lines import EMPLOYEE, OWED, RESIDENT, line_sql
from medsettle.core import codes
from medsettle.core.sql_text import literally, quoted
from medsettle.durable import make_folder, put, sync_folder
from medsettle.errors import Fault, InvalidRequest

if TYPE_CHECKING:
    import duckdb

PROVINCE_CHARS: Final = 2
"""How many digits of an area's code name its province."""

KEYS: Final = (
    *("insured_province", "pooling_area", "care_province", "care_area", "fund_line", "payer"),
    *("fund_pay_type", "care_fund_pay_type", "insurance_type", "clearing_class"),
    *("settlement_month", "clearing_month"),
)
"""The columns by which a figure of `payable` and `receivable` is named."""

COUNTS: Final = ("settle_count", "cancel_count", "adjust_count", "deduction_count")
AMOUNTS: Final = ("total_fen", "fund_fen", "adjustments_fen", "deductions_fen", "net_fen")
FIGURES: Final = (*COUNTS, *AMOUNTS)
"""What `payable` and `receivable` count and add up."""

CONDENSED_BY: Final = ("insured_province", "care_province", "fund_line", "payer")
"""By what a table is added up for a screen. Bills are not: each would count once a payer."""

_CARE_SIDE: Final = (
    *("care_province", "care_area", "insured_province", "pooling_area"),
    *(name for name in KEYS if not name.endswith(("province", "area"))),
)
BILL_KEYS: Final = (
    *("insured_province", "pooling_area", "care_province", "care_area"),
    *("insurance_type", "clearing_class", "settlement_month", "clearing_month"),
)
BILL_FIGURES: Final = (*COUNTS, "total_fen", "net_fen")
"""The same of `bills`, where each bill is counted once."""

ROW_COLUMNS: Final = (
    *("settlement", "kind", "line_kind", "original", "record_date", "total_fen"),
    *("fund_fen", "adjustments_fen", "deductions_fen", "net_fen"),
)
"""What is told of each row behind a figure."""

# By how much more lines are looked at where the first had too few rows.
_MORE_LINES: Final = 16
_COUNTED: Final = ", ".join(
    f"count(*) filter (kind = '{kind}') as {name}"
    for kind, name in zip(RecordKind, COUNTS, strict=True)
)
_ADDED: Final = ", ".join(f"sum({name})::bigint as {name}" for name in AMOUNTS)
_FUND: Final = "{amount} * (kind <> 'deduction' and settlement_month = clearing_month)::bigint"
_ADJUSTED: Final = "{amount} * (kind <> 'deduction' and settlement_month <> clearing_month)::bigint"
_DEDUCTED: Final = "{amount} * (kind = 'deduction')::bigint"


class TableName(StrEnum):
    """A table of a closed month."""

    PAYABLE = "payable"
    RECEIVABLE = "receivable"
    DEDUCTIONS = "deductions"
    EMPLOYEE = "employee"
    RESIDENT = "resident"
    BILLS = "bills"


def make_tables(connection: "duckdb.DuckDBPyConnection", lines: Path) -> None:
    """Make the views of the tables of a month over the file of its lines; see the module.

    `shares` has a row for each fund that pays a record; it is what every figure adds up.
    """
    named = ", ".join(
        f"{{'payer': {quoted(payer.name)}, 'fund_pay_type': {quoted(payer.fund_pay_type)}, "
        f"'care_fund_pay_type': {_care_type(fund=payer.fund)}, 'fen': {payer.name}_fen}}"
        for payer in OWED
    )
    connection.execute(f"""
        create view bill_lines as select *,
          left(pooling_area, {PROVINCE_CHARS}) as insured_province,
          left(care_area, {PROVINCE_CHARS}) as care_province
        from read_parquet({quoted(literally(lines))}) where pooling_area <> care_area;
        create view paid as select *, unnest([{named}]) as share from bill_lines;
        create view shares as select * exclude (share), share.payer as payer,
          share.fund_pay_type as fund_pay_type, share.care_fund_pay_type as care_fund_pay_type,
          {_FUND.format(amount="share.fen")} as fund_fen,
          {_ADJUSTED.format(amount="share.fen")} as adjustments_fen,
          {_DEDUCTED.format(amount="share.fen")} as deductions_fen,
          share.fen as net_fen, {line_sql()} as fund_line
        from paid where share.fen <> 0;
        create view payable as select {", ".join(KEYS)}, {_COUNTED}, {_ADDED}
        from shares group by all order by all;
        create view deductions as select {", ".join(KEYS)}, settlement, original, record_date,
          reason, deductions_fen from shares where kind = '{RecordKind.DEDUCTION}' order by all;
        create view bills as select {", ".join(BILL_KEYS)}, {_COUNTED},
          sum(total_fen)::bigint as total_fen, sum({OWED_SQL})::bigint as net_fen
        from bill_lines group by all order by all;
    """)  # noqa: S608 - our own names
    connection.execute(f"create view receivable as {_receivable()}")
    for line in (EMPLOYEE, RESIDENT):
        connection.execute(
            f"create view {line} as select {', '.join(KEYS)}, {', '.join(ROW_COLUMNS)} "  # noqa: S608
            f"from shares where fund_line = '{line}' order by all"
        )


def _care_type(*, fund: bool) -> str:
    return quoted(codes.NON_LOCAL_PAY_TYPE) if fund else "null"


def _receivable() -> str:
    """Return the receivables in SQL, added up from the bills and not from `shares`.

    The two tables are two ways through the same lines, so that a check that they agree can fail.
    """
    keys = ", ".join(name for name in _CARE_SIDE if name in BILL_KEYS)
    selects = [
        f"select {keys}, '{payer.name}' as payer, '{payer.fund_pay_type}' as fund_pay_type, "  # noqa: S608
        f"{_care_type(fund=payer.fund)} as care_fund_pay_type, {_COUNTED}, "
        f"sum(total_fen)::bigint as total_fen, "
        f"sum({_FUND.format(amount=f'{payer.name}_fen')})::bigint as fund_fen, "
        f"sum({_ADJUSTED.format(amount=f'{payer.name}_fen')})::bigint as adjustments_fen, "
        f"sum({_DEDUCTED.format(amount=f'{payer.name}_fen')})::bigint as deductions_fen, "
        f"sum({payer.name}_fen)::bigint as net_fen "
        f"from bill_lines where {payer.name}_fen <> 0 group by {keys}"
        for payer in OWED
    ]
    united = " union all ".join(selects)
    columns = ", ".join((*_CARE_SIDE, *FIGURES))
    return (
        f"select {columns} from (select *, {line_sql()} as fund_line from ({united})) "  # noqa: S608
        "order by all"
    )


def table(connection: "duckdb.DuckDBPyConnection", name: str) -> pa.Table:
    """Return a table of `make_tables` by its name."""
    return connection.sql(f"select * from {name}").to_arrow_table()  # noqa: S608 - our own names


def condensed(connection: "duckdb.DuckDBPyConnection", name: str) -> list[dict[str, Any]]:
    """Return `payable` or `receivable` by `CONDENSED_BY` alone, which fits on a screen."""
    by = ", ".join(CONDENSED_BY)
    sums = ", ".join(f"sum({fen})::bigint as {fen}" for fen in AMOUNTS if fen != "total_fen")
    sql = f"select {by}, {sums} from {name} group by {by} order by {by}"  # noqa: S608 - our own names
    rows: list[dict[str, Any]] = connection.sql(sql).to_arrow_table().to_pylist()
    return rows


def checked(connection: "duckdb.DuckDBPyConnection") -> dict[str, pa.Table]:
    """Return the tables whose figures `table_checks` compares with the lines, by name."""
    return {name: table(connection, name) for name in ("payable", "receivable", "bills")}


def write_tables(connection: "duckdb.DuckDBPyConnection", out: Path) -> None:
    """Write each table of a month as a Parquet file, for statements and prepayments.

    Raises:
        OSError: The folder cannot be written.
    """
    make_folder(out)
    for name in TableName:
        sink = pa.BufferOutputStream()
        pq.write_table(table(connection, name.value), sink, compression="zstd")
        put(out / f"{name.value}.parquet", memoryview(sink.getvalue()))
    sync_folder(out)


def drill(
    connection: "duckdb.DuckDBPyConnection",
    key: Mapping[str, str],
    *,
    after: tuple[str, str] | None = None,
    most: int | None = None,
) -> list[dict[str, Any]]:
    """Return the records behind the figures that a key names, with `ROW_COLUMNS`.

    Args:
        connection: With the views of `make_tables`.
        key: Values of some `KEYS`; all of them name one row, fewer name the rows that share them.
            An empty text names what has no value.
        after: Settlement and payer behind which to begin; at the first without it.
        most: How many rows to return; all without it.

    Raises:
        InvalidRequest: A name is none of `KEYS`.
    """
    faults = [
        Fault(name, f"is no column of the tables; one of {', '.join(KEYS)}")
        for name in key
        if name not in KEYS
    ]
    if faults:
        raise InvalidRequest(faults)
    told = (*KEYS, *ROW_COLUMNS)
    wanted = " and ".join(f"coalesce({name}, '') = ?" for name in key) or "true"
    # The first half of the condition is there for the statistics of the file.
    behind = "true" if after is None else "settlement >= ? and (settlement, payer) > (?, ?)"
    values = [*key.values(), *((after[0], *after) if after else ())]
    sql = f"select {', '.join(told)} from shares where {wanted} and {behind}"  # noqa: S608 - checked
    if most is None:
        rows = connection.execute(f"{sql} order by settlement, payer", values).fetchall()
    else:
        rows = _first(connection, sql, values, key, after, most)
    return [dict(zip(told, row, strict=True)) for row in rows]


def _first(
    connection: "duckdb.DuckDBPyConnection",
    sql: str,
    values: list[str],
    key: Mapping[str, str],
    after: tuple[str, str] | None,
    most: int,
) -> list[tuple[Any, ...]]:
    """Return the first rows of `drill`, out of the first lines that may have them.

    The lines are in the order of their settlements, so a part of them is found without the rest,
    and only that is split into shares.
    """
    of_bills = {name: value for name, value in key.items() if name in BILL_KEYS}
    wanted = " and ".join(f"coalesce({name}, '') = ?" for name in of_bills) or "true"
    if key.get("payer") in {payer.name for payer in OWED}:
        wanted += f" and {key['payer']}_fen <> 0"
    lines = most
    while True:
        last = connection.execute(
            f"select settlement from bill_lines where {wanted} and settlement >= ? "  # noqa: S608
            "order by settlement limit ?",
            [*of_bills.values(), after[0] if after else "", lines],
        ).fetchall()
        bound = "settlement <= ?" if len(last) == lines else "true"
        bounded = [last[-1][0]] if len(last) == lines else []
        rows: list[tuple[Any, ...]] = connection.execute(
            f"{sql} and {bound} order by settlement, payer limit {most}", [*values, *bounded]
        ).fetchall()
        if len(rows) == most or not bounded:
            return rows
        lines *= _MORE_LINES


def owed_between(
    connection: "duckdb.DuckDBPyConnection",
) -> list[tuple[str, str, str, int, int]]:
    """Return what provinces owe one another by fund line, from the payables.

    Returns:
        Debtor, creditor, fund line, what is owed before deductions, and deductions (below zero), in
        fen. What is owed inside of a province is not among them: no notice is between provinces.
    """
    rows: Sequence[tuple[str, str, str, int, int]] = connection.execute(
        "select insured_province, care_province, fund_line, "
        "sum(fund_fen + adjustments_fen)::bigint, sum(deductions_fen)::bigint from payable "
        "where insured_province <> care_province group by 1, 2, 3 order by 1, 2, 3"
    ).fetchall()
    return list(rows)
