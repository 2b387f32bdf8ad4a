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

from medsettle.clearing.book import RecordKind
from medsettle.clearing.fund_lines import OWED, line_of
from medsettle.clearing.tables import COUNTS, FIGURES, KEYS
from medsettle.core import codes
from medsettle.errors import InternalError

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
    """Return every figure of payables and receivables that the lines do not add up to.

    Args:
        lines: The file of a month's lines.
        tables: By name, each with the columns `KEYS` and `FIGURES` in any order.
    """
    drilled = _added_up(lines)
    return [wrong for name, told in tables.items() for wrong in _wrong(name, told, drilled)]


def refuse_unequal(lines: Path, payable: pa.Table, receivable: pa.Table) -> None:
    """Check both tables of a month against its lines, and each fund's sum against the other.

    Raises:
        InternalError: A figure is wrong; the first is named. The tables were made by a bug.
    """
    wrong = wrong_figures(lines, {"payable": payable, "receivable": receivable})
    if wrong:
        raise InternalError(f"{len(wrong)} figure(s) of the tables are wrong: {wrong[0]}")
    owed, claimed = fund_sums(payable), fund_sums(receivable)
    if owed != claimed:
        raise InternalError(f"payables are {owed} and receivables {claimed}, by fund")


def fund_sums(told: pa.Table) -> dict[tuple[str, str], int]:
    """Return what a table owes in all, by fund line and payer, in fen."""
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for row in told.select(["fund_line", "payer", "net_fen"]).to_pylist():
        sums[row["fund_line"], row["payer"]] += row["net_fen"]
    return dict(sums)


def _wrong(
    name: str, told: pa.Table, drilled: Mapping[Key, Mapping[str, int]]
) -> Iterator[WrongFigure]:
    nothing = dict.fromkeys(FIGURES, 0)
    seen: set[Key] = set()
    for row in told.to_pylist():
        key = tuple(row[column] for column in KEYS)
        # A row that stands twice would add its figures twice; the second is of nothing.
        expected = nothing if key in seen else drilled.get(key, nothing)
        seen.add(key)
        for figure in FIGURES:
            if row[figure] != expected[figure]:
                named = dict(zip(KEYS, key, strict=True))
                yield WrongFigure(name, named, figure, row[figure], expected[figure])
    for key in drilled.keys() - seen:
        for figure, fen in drilled[key].items():
            if fen:
                yield WrongFigure(name, dict(zip(KEYS, key, strict=True)), figure, 0, fen)


def _added_up(lines: Path) -> dict[Key, dict[str, int]]:
    """Return the figures of a month by the values of `KEYS`, read group by group."""
    sums: dict[Key, dict[str, int]] = defaultdict(lambda: dict.fromkeys(FIGURES, 0))
    columns = [*_READ, "total_fen", *(f"{payer.name}_fen" for payer in OWED)]
    file = pq.ParquetFile(lines)
    for group in range(file.num_row_groups):
        rows = file.read_row_group(group, columns=columns)
        rows = rows.filter(pc.not_equal(rows["pooling_area"], rows["care_area"]))
        for payer in OWED:
            share = f"{payer.name}_fen"
            paid = rows.filter(pc.not_equal(rows[share], 0))
            grouped = paid.group_by(list(_READ)).aggregate(
                [([], "count_all"), ("total_fen", "sum"), (share, "sum")]
            )
            for row in grouped.to_pylist():
                _add(sums, payer, row, row[f"{share}_sum"])
    return dict(sums)


def _add(
    sums: dict[Key, dict[str, int]], payer: codes.Payer, row: dict[str, Any], fen: int
) -> None:
    key: Key = (
        row["pooling_area"][:2],
        row["pooling_area"],
        row["care_area"][:2],
        row["care_area"],
        line_of(payer.name, row["insurance_type"]),
        payer.name,
        payer.fund_pay_type,
        codes.NON_LOCAL_PAY_TYPE if payer.fund else None,
        row["insurance_type"],
        row["clearing_class"],
        row["settlement_month"],
        row["clearing_month"],
    )
    figures = sums[key]
    kind = row["kind"]
    figures[COUNTS[list(RecordKind).index(RecordKind(kind))]] += row["count_all"]
    figures["total_fen"] += row["total_fen_sum"]
    if kind == RecordKind.DEDUCTION:
        figures["deductions_fen"] += fen
    elif row["settlement_month"] == row["clearing_month"]:
        figures["fund_fen"] += fen
    else:
        figures["adjustments_fen"] += fen
    figures["net_fen"] += fen
