"""Invented books for tests of clearing, and a slow comparison that uses none of its code."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from medsettle.clearing.matching.book import BOOK, NATURAL_KEYS, Side
from medsettle.clearing.matching.sources import Book
from medsettle.clearing.matching.sources_parquet import parquet_book
from medsettle.core.columns import Kind

Row = dict[str, Any]

DAY: Final = date(2026, 3, 31)
_OPTIONAL: Final = {column.name for column in BOOK if not column.required}


def row(settlement: str, **values: object) -> Row:
    """Return an invented record of 100 yuan with every required column; `values` replace some."""
    made: Row = {column.name: None for column in BOOK}
    for column in BOOK:
        if column.kind is Kind.FEN:
            made[column.name] = 0
        elif column.name not in _OPTIONAL:
            made[column.name] = f"{column.name[:3]}1"
    made |= {
        "settlement": settlement,
        "kind": "settle",
        "record_date": DAY,
        "pooling_area": "999001",
        "care_area": "999002",
        "insurance_type": "310",
        "clearing_class": "11",
        "total_fen": 10_000,
        "in_scope_fen": 10_000,
        "fund_total_fen": 7_000,
        "pooled_fund_fen": 7_000,
        "person_total_fen": 3_000,
        "cash_fen": 3_000,
    }
    return made | values


def table(rows: Sequence[Row], without: frozenset[str] = frozenset()) -> pa.Table:
    """Return rows as a table of the columns of a book, without some."""
    schema = pa.schema([each.arrow_field() for each in BOOK if each.name not in without])
    return pa.Table.from_pylist(
        [{name: each[name] for name in schema.names} for each in rows], schema
    )


def written(
    folder: Path, side: Side, rows: Sequence[Row], without: frozenset[str] = frozenset()
) -> Book:
    """Return the book of a side out of a Parquet file with these rows."""
    path = folder / f"{side}-book.parquet"
    pq.write_table(table(rows, without), path, row_group_size=3)
    return parquet_book(side, path)


def odd_keys_of(books: Mapping[Side, Sequence[Row]], columns: Mapping[Side, set[str]]) -> set[str]:
    """Return the odd keys of books, found one by one as `full_join` says what they are."""
    keys = {str(each["settlement"]) for rows in books.values() for each in rows}
    odd = set()
    for key in keys:
        held = {
            side: [each for each in rows if each["settlement"] == key]
            for side, rows in books.items()
        }
        if any(len(rows) != 1 for rows in held.values()):
            odd.add(key)
            continue
        single = [(columns[side], rows[0]) for side, rows in held.items()]
        for at, (one_has, one) in enumerate(single):
            for other_has, other in single[at + 1 :]:
                for name in (one_has & other_has) - {"record_time"}:
                    values = one[name], other[name]
                    if None not in values and values[0] != values[1]:
                        odd.add(key)
    return odd


def wanted_keys_of(
    books: Mapping[Side, Sequence[Row]], columns: Mapping[Side, set[str]], odd: set[str]
) -> set[str]:
    """Return the odd keys, those that share another key with one, and what belongs to the same."""
    beside = set(odd)
    for key in (*NATURAL_KEYS[1:], ("person", "service_date", "total_fen", "kind")):
        held: dict[tuple[Any, ...], set[str]] = {}
        for side, rows in books.items():
            if set(key) <= columns[side]:
                for each in rows:
                    value = tuple(each[name] for name in key)
                    if None not in value:
                        held.setdefault(value, set()).add(each["settlement"])
        for settlements in held.values():
            if settlements & odd:
                beside |= settlements
    families: dict[str, set[str]] = {}
    for side, rows in books.items():
        for each in rows:
            original = each["original"] if "original" in columns[side] else None
            families.setdefault(original or each["settlement"], set()).add(each["settlement"])
    return beside.union(*(family for family in families.values() if family & beside))


def counted(found: pa.Table) -> Counter[tuple[Any, ...]]:
    """Return the rows of a table with how often each is in it; moments as numbers."""
    columns = [
        (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()
        for column in found.columns
    ]
    return Counter(zip(*columns, strict=True))
