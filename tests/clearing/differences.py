"""Differences written by hand, as a reconciliation would have found them; all figures invented."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
from medsettle.clearing.items.item import ComparedBook, Item, Part, Scope
from medsettle.clearing.items.store import ItemStore
from medsettle.clearing.matching.book import BOOK, Side
from medsettle.clearing.matching.classes import REMEDIES, Action, DifferenceClass
from medsettle.clearing.matching.differences import DIFFERENCE, difference_schema

AREA, CARE_AREA = "999941", "999942"
DAY = date(2026, 3, 2)
MOMENT = datetime(2026, 3, 3, 1, tzinfo=UTC)
TWO = (Side.INSURED, Side.CARE)
NAME = "a-with-b"
SAID = "the hospital confirms it"


def book_row(settlement: str, **changes: object) -> dict[str, Any]:
    """Return a row of a book: a bill of 1,000 yuan, of which the pool pays 700."""
    row: dict[str, Any] = {column.name: None for column in BOOK}
    row |= {column.name: 0 for column in BOOK if column.name.endswith("_fen")}
    row |= {
        "settlement": settlement,
        "kind": "settle",
        "record_time": datetime(2026, 3, 2, 2, tzinfo=UTC),
        "record_date": DAY,
        "institution": "H1",
        "request_id": f"Q-{settlement}",
        "person": "P1",
        "pooling_area": AREA,
        "care_area": CARE_AREA,
        "insurance_type": "310",
        "clearing_class": "21",
        "total_fen": 100_000,
        "in_scope_fen": 100_000,
        "pooled_fund_fen": 70_000,
        "fund_total_fen": 70_000,
        "person_total_fen": 30_000,
        "cash_fen": 30_000,
    }
    return row | changes


def difference(
    of_class: DifferenceClass,
    rows: Mapping[Side, Sequence[Mapping[str, object]]],
    *,
    compared: Sequence[Side] = TWO,
    at_risk_fen: int = 70_000,
    **changes: object,
) -> dict[str, Any]:
    """Return a difference of a class with the rows of each side."""
    first = next(each for side in Side for each in rows.get(side, ()))
    remedy = REMEDIES[of_class]
    row: dict[str, Any] = {
        "item": f"settle/{first['settlement']}",
        "difference_class": int(of_class),
        "settlement": first["settlement"],
        "matched_by": "settlement",
        "held_by": [str(side) for side in Side if rows.get(side)],
        "missing_at": [str(side) for side in compared if not rows.get(side)],
        "differing": [],
        "pooling_area": AREA,
        "care_area": CARE_AREA,
        "record_date": first["record_date"],
        "owner": str(remedy.owner),
        "action": str(remedy.action),
        "term": str(remedy.term),
        "at_risk_fen": at_risk_fen,
        "explanation": f"written by hand: {of_class.name}",
    }
    assert row.keys() == {column.name for column in DIFFERENCE}
    return row | changes | {f"{side}_rows": list(rows.get(side, ())) for side in Side}


def only_care(settlement: str, **changes: object) -> dict[str, Any]:
    """Return a difference of class 1: the place of care alone has a settlement."""
    row = book_row(settlement, **changes)
    return difference(DifferenceClass.ONLY_CARE, {Side.CARE: [row]})


def table(*differences: Mapping[str, object]) -> pa.Table:
    """Return differences as the table of a run, in the order of their items."""
    rows = sorted(differences, key=lambda row: str(row["item"]))
    return pa.Table.from_pylist([dict(row) for row in rows], schema=difference_schema())


def scope(
    first: date = DAY,
    last: date | None = None,
    sides: Sequence[Side] = TWO,
    reconciliation: str = NAME,
    digest: str = "0" * 64,
    part: Part | None = None,
) -> Scope:
    """Return what a run compares."""
    books = tuple(ComparedBook(side, f"book of {side}", 10, digest) for side in sides)
    return Scope(reconciliation, first, last or first, "join", books, part or Part())


def of_columns(
    own: Scope,
    had: Mapping[Side, Sequence[str]],
    empty: Mapping[Side, Sequence[str]] | None = None,
) -> Scope:
    """Return what a run compares, with columns of its books; `empty` have no value in any row."""
    books = tuple(
        replace(
            book,
            had=tuple(had[book.side]),
            stated=(*had[book.side], *(empty or {}).get(book.side, ())),
        )
        for book in own.books
    )
    return replace(own, books=books)


def later(days: int) -> datetime:
    """Return the moment of a run some days later."""
    return MOMENT + timedelta(days=days)


def unequal_amount(settlement: str, care_fen: int = 71_000) -> dict[str, Any]:
    """Return a difference of class 5: the pool pays another amount in the book of care."""
    unlike = {"pooled_fund_fen": care_fen, "fund_total_fen": care_fen}
    rest = {"person_total_fen": 100_000 - care_fen, "cash_fen": 100_000 - care_fen}
    rows = {
        Side.INSURED: [book_row(settlement)],
        Side.CARE: [book_row(settlement, **unlike, **rest)],
    }
    return difference(DifferenceClass.AMOUNT, rows, at_risk_fen=abs(care_fen - 70_000))


def happened(store: ItemStore, item: Item) -> list[str]:
    """Return what happened to an item, in order."""
    return [str(event.happened) for event in store.events(item.number)]


def approved(store: ItemStore, named: str = "1", action: Action = Action.REVERSE) -> Item:
    """Return an item for which one person proposed an action and another approved it."""
    proposed = store.propose(named, action, "an", SAID, MOMENT)
    return store.approve(named, str(proposed.plan), "bo", "agreed", MOMENT)
