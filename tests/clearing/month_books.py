"""Invented books of places of insurance for months: all areas, persons and amounts are invented."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from medsettle.clearing.matching.book import BOOK, SHARES
from medsettle.clearing.months.month import Month
from medsettle.clearing.months.months import ClosedMonth, MonthStore
from medsettle.core import codes
from medsettle.core.columns import Kind

MARCH, APRIL = Month(2024, 3), Month(2024, 4)
MOMENT = datetime(2024, 5, 3, 1, 2, 3, 456, tzinfo=UTC)
TODAY = date(2025, 12, 31)
HOME, CARE = "999901", "989802"

_SCHEMA = pa.schema([column.arrow_field().with_nullable(True) for column in BOOK])
_FUNDS = [payer.name for payer in codes.PAYERS if payer.fund]


def row(settlement: str, day: date, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a settlement of a book in which the pooled fund pays 60.00 of 100.00 yuan.

    Shares are given by the payer's name, such as `pooled_fund=6_000`; the sum of the funds follows.
    """
    values: dict[str, Any] = {
        column.name: 0 if column.kind is Kind.FEN else None for column in BOOK
    }
    values |= {
        "settlement": settlement,
        "kind": "settle",
        "record_date": day,
        "institution": "H1",
        "person": "P1",
        "pooling_area": HOME,
        "care_area": CARE,
        "insurance_type": "310",
        "clearing_class": "21",
        "service_date": day,
        "policy_digest": "invented-1",
        "catalogue_digest": "invented-2",
        "total_fen": 10_000,
        "pooled_fund_fen": 6_000,
    }
    shares = {column.name.removesuffix("_fen") for column in SHARES}
    values |= {f"{name}_fen": fen for name, fen in changes.items() if name in shares}
    values["fund_total_fen"] = sum(values[f"{name}_fen"] for name in _FUNDS)
    return values | {name: value for name, value in changes.items() if name not in shares}


def cancel(
    original: dict[str, Any],
    settlement: str,
    day: date,
    **changes: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """Return the cancel of a settlement: its amounts below zero, recorded on a day of its own."""
    amounts = {name: -fen for name, fen in original.items() if name.endswith("_fen")}
    own = {"settlement": settlement, "kind": "cancel", "record_date": day}
    return original | amounts | own | {"original": original["settlement"]} | changes


def write_book(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    """Write a book as one Parquet file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), _SCHEMA), path)
    return path


@contextmanager
def store_in(folder: Path) -> Iterator[MonthStore]:
    """Yield the store of a clearing centre below a folder."""
    with MonthStore(folder / "clearing") as store:
        yield store


def close(
    store: MonthStore,
    month: Month,
    rows: Iterable[dict[str, Any]],
    open_settlements: Iterable[str] = (),
    **options: Any,  # noqa: ANN401
) -> ClosedMonth:
    """Close a month of a book of these rows."""
    book = write_book(store.folder.parent / f"book-{month.text}.parquet", rows)
    given: dict[str, Any] = {"today": TODAY, "who": "clerk A", "moment": MOMENT} | options
    return store.close_month(month, book, open_settlements, **given)[0]


def close_book(store: MonthStore, book: Path) -> None:
    """Close March of a book that was written before, with no difference open."""
    store.close_month(MARCH, book, [], today=TODAY, who="clerk A", moment=MOMENT)


def lines(store: MonthStore, month: Month) -> list[dict[str, Any]]:
    """Return the lines of a closed month."""
    found: list[dict[str, Any]] = pq.read_table(store.lines_file(month)).to_pylist()
    return found


def held(store: MonthStore, month: Month) -> dict[str, str]:
    """Return what a closed month held back, by settlement, with why."""
    rows = pq.read_table(store.held_file(month)).to_pylist()
    return {each["settlement"]: each["held"] for each in rows}
