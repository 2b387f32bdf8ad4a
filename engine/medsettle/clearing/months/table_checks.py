"""Checking clearing tables against the lines that they add up, by another program than made them.

The tables come from DuckDB; here the same lines are read again and added up with Arrow, in whole
numbers, and every figure is compared. A figure that differs is named with both values.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from medsettle.clearing.matching.book import RecordKind
from medsettle.clearing.months.fund_lines import OWED, line_of
from medsettle.clearing.months.tables import (
    BILL_FIGURES,
    BILL_KEYS,
    COUNTS,
    FIGURES,
    KEYS,
    checked,
    make_tables,
    owed_between,
)
from medsettle.core import codes
from medsettle.errors import InternalError
from medsettle.ledger.scratch import scratch

_READ: Final = (
    *("kind", "pooling_area", "care_area", "insurance_type", "clearing_class"),
    *("settlement_month", "clearing_month"),
)
Key = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class WrongFigure:
    """A figure that its rows do not add up to."""

    table: str
    key: Mapping[str, str | None]
    figure: str
    told: int
    drilled: int

    def __str__(self) -> str:
        where = ", ".join(f"{name} {value}" for name, value in self.key.items())
        return (
            f"{self.table}: {self.figure} of {where} is {self.told}, and its rows add up to "
            f"{self.drilled}"
        )


def wrong_figures(lines: Path, tables: Mapping[str, pa.Table]) -> list[WrongFigure]:
    """Return every figure of tables that the lines do not add up to.

    Args:
        lines: The file of a month's lines.
        tables: By name: `bills` with the columns `BILL_KEYS` and `BILL_FIGURES`, any other with
            `KEYS` and `FIGURES`, in any order.
    """
    added = _AddedUp()
    added.read(lines)
    return [
        wrong
        for name, told in tables.items()
        for wrong in (
            _wrong(name, told, added.bills, (BILL_KEYS, BILL_FIGURES))
            if name == "bills"
            else _wrong(name, told, added.shares, (KEYS, FIGURES))
        )
    ]


def refuse_unequal(lines: Path, tables: Mapping[str, pa.Table]) -> None:
    """Check the tables of a month against its lines, and what each fund owes and is owed.

    Args:
        lines: The file of the month's lines.
        tables: `payable`, `receivable` and `bills`.

    Raises:
        InternalError: A figure is wrong; the first is named. The tables were made by a bug.
    """
    wrong = wrong_figures(lines, tables)
    if wrong:
        raise InternalError(f"{len(wrong)} figure(s) of the tables are wrong: {wrong[0]}")
    owed, claimed = fund_sums(tables["payable"]), fund_sums(tables["receivable"])
    if owed != claimed:
        raise InternalError(f"payables are {owed} and receivables {claimed}, by fund")


def owed_of(folder: Path, lines: Path) -> list[tuple[str, str, str, int, int]]:
    """Return `owed_between` of the lines of a month, once every figure was checked.

    Args:
        folder: Of the clearing centre, where a database may spill.
        lines: The file of the month's lines.

    Raises:
        InternalError: As `refuse_unequal`.
    """
    with scratch(folder) as connection:
        make_tables(connection, lines)
        refuse_unequal(lines, checked(connection))
        return owed_between(connection)


def fund_sums(told: pa.Table) -> dict[tuple[str, str], int]:
    """Return what a table owes in all, by fund line and payer, in fen."""
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for row in told.select(["fund_line", "payer", "net_fen"]).to_pylist():
        sums[row["fund_line"], row["payer"]] += row["net_fen"]
    return dict(sums)


def _wrong(
    name: str,
    told: pa.Table,
    added: Mapping[Key, Mapping[str, int]],
    named: tuple[tuple[str, ...], tuple[str, ...]],
) -> Iterator[WrongFigure]:
    keys, figures = named
    nothing = dict.fromkeys(figures, 0)
    seen: set[Key] = set()
    for row in told.to_pylist():
        key = tuple(row[column] for column in keys)
        # A row that stands twice would add its figures twice; the second is of nothing.
        expected = nothing if key in seen else added.get(key, nothing)
        seen.add(key)
        for figure in figures:
            if row[figure] != expected[figure]:
                where = dict(zip(keys, key, strict=True))
                yield WrongFigure(name, where, figure, row[figure], expected[figure])
    for key in added.keys() - seen:
        for figure, fen in added[key].items():
            if fen:
                yield WrongFigure(name, dict(zip(keys, key, strict=True)), figure, 0, fen)


class _AddedUp:
    """The figures of a month: `shares` by the values of `KEYS`, `bills` by those of `BILL_KEYS`."""

    def __init__(self) -> None:
        self.shares: dict[Key, dict[str, int]] = {}
        self.bills: dict[Key, dict[str, int]] = {}

    def read(self, lines: Path) -> None:
        """Add up the lines of a file, group by group."""
        columns = [*_READ, "total_fen", *(f"{payer.name}_fen" for payer in OWED)]
        file = pq.ParquetFile(lines)
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group, columns=columns)
            rows = rows.filter(pc.not_equal(rows["pooling_area"], rows["care_area"]))
            for row in _grouped(rows, [f"{payer.name}_fen" for payer in OWED]):
                self._add_bill(row)
            for payer in OWED:
                share = f"{payer.name}_fen"
                for row in _grouped(rows.filter(pc.not_equal(rows[share], 0)), [share]):
                    self._add_share(payer, row, row[f"{share}_sum"])

    def _add_bill(self, row: dict[str, Any]) -> None:
        key: Key = (*_areas(row), row["insurance_type"], row["clearing_class"], *_months(row))
        figures = self.bills.setdefault(key, dict.fromkeys(BILL_FIGURES, 0))
        figures[_count_of(row)] += row["count_all"]
        figures["total_fen"] += row["total_fen_sum"]
        figures["net_fen"] += sum(row[f"{payer.name}_fen_sum"] for payer in OWED)

    def _add_share(self, payer: codes.Payer, row: dict[str, Any], fen: int) -> None:
        key: Key = (
            *_areas(row),
            line_of(payer.name, row["insurance_type"]),
            payer.name,
            payer.fund_pay_type,
            codes.NON_LOCAL_PAY_TYPE if payer.fund else None,
            row["insurance_type"],
            row["clearing_class"],
            *_months(row),
        )
        figures = self.shares.setdefault(key, dict.fromkeys(FIGURES, 0))
        figures[_count_of(row)] += row["count_all"]
        figures["total_fen"] += row["total_fen_sum"]
        if row["kind"] == RecordKind.DEDUCTION:
            figures["deductions_fen"] += fen
        elif row["settlement_month"] == row["clearing_month"]:
            figures["fund_fen"] += fen
        else:
            figures["adjustments_fen"] += fen
        figures["net_fen"] += fen


def _grouped(rows: pa.Table, shares: list[str]) -> list[dict[str, Any]]:
    sums = [([], "count_all"), *((name, "sum") for name in ("total_fen", *shares))]
    found: list[dict[str, Any]] = rows.group_by(list(_READ)).aggregate(sums).to_pylist()
    return found


def _areas(row: dict[str, Any]) -> tuple[str, str, str, str]:
    insured, care = row["pooling_area"], row["care_area"]
    return insured[:2], insured, care[:2], care


def _months(row: dict[str, Any]) -> tuple[str, str]:
    return row["settlement_month"], row["clearing_month"]


def _count_of(row: dict[str, Any]) -> str:
    return COUNTS[list(RecordKind).index(RecordKind(row["kind"]))]
