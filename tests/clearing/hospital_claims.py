"""Invented claims of invented hospitals, and stores that hold them. Nothing here is of anybody."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from medsettle.clearing.hospitals.approvals import supply
from medsettle.clearing.hospitals.declarations import (
    Application,
    Declaration,
    Status,
    Sums,
    declare,
    step,
)
from medsettle.clearing.hospitals.read_terms import read_hospital_terms
from medsettle.clearing.hospitals.reports import report
from medsettle.clearing.hospitals.slices import month
from medsettle.clearing.hospitals.store import Decision, Fund, HospitalStore
from medsettle.clearing.hospitals.terms import TermsBook
from medsettle.clearing.matching.book import RecordKind
from medsettle.clearing.months.month import Month
from medsettle.core import codes

FOLDER = Path(__file__).parents[2] / "fixtures" / "hospitals"
TERMS = FOLDER / "999901.yaml"
AREA, ELSEWHERE = "999901", "999902"
POOL = Fund(AREA, "310", "pooled_fund")
MARCH = Month(2026, 3)
DAY = date(2026, 3, 10)
NEXT = date(2026, 3, 11)
CLEARING = date(2026, 4, 20)
MOMENT = datetime(2026, 4, 20, 1, 2, 3, tzinfo=UTC)
BY = Decision("clerk", MOMENT)
SUPPLIER, REVIEWER, PAYER = (
    Decision(name, MOMENT) for name in ("officer", "reviewer", "treasurer")
)


def because(reason: str, by: str = "clerk") -> Decision:
    """Return a decision with a reason."""
    return Decision(by, MOMENT, reason)


def another_because(reason: str) -> Decision:
    """Return a decision of somebody else with a reason."""
    return because(reason, by="director")


def terms() -> TermsBook:
    """Return the terms of the invented area."""
    return read_hospital_terms(TERMS)


def record(number: int | str, fen: int = 10_000, **changes: object) -> dict[str, Any]:
    """Return an inpatient settlement of 150 % of what the pool pays; the rest is cash."""
    funds = {f"{name}_fen": 0 for name in (*codes.FUND_NAMES, *codes.PERSONAL_NAMES)}
    row: dict[str, Any] = {
        "settlement": f"S{number}",
        "kind": RecordKind.SETTLE,
        "original": None,
        "institution": "H1",
        "pooling_area": AREA,
        "care_area": AREA,
        "insurance_type": "310",
        "clearing_class": "21",
        "record_date": DAY,
        **funds,
        "total_fen": fen + fen // 2,
        "pooled_fund_fen": fen,
        "fund_total_fen": fen,
        "cash_fen": fen // 2,
    }
    row |= changes
    row["fund_total_fen"] = sum(row[f"{name}_fen"] for name in codes.FUND_NAMES)
    return row


def cancel(of: dict[str, Any], number: int | str, day: date = DAY) -> dict[str, Any]:
    """Return the record that takes another back."""
    negative = {name: -value for name, value in of.items() if name.endswith("_fen")}
    return (
        of
        | negative
        | {
            "settlement": f"X{number}",
            "kind": RecordKind.CANCEL,
            "original": of["settlement"],
            "record_date": day,
        }
    )


def application(fen: int = 0, **changes: object) -> Application:
    """Return an application for March of what the pool pays, stated as the book has it."""
    words: dict[str, Any] = {
        "declaration": "D1",
        "institution": "H1",
        "month": MARCH,
        "clearing_class": "21",
        "clearing_way": "10",
        "first": date(2026, 3, 1),
        "last": date(2026, 3, 31),
        "stated": Sums(1, fen + fen // 2, 0, fen // 2, fen),
    }
    return Application(**(words | changes))


def reviewed(store: HospitalStore, what: Application) -> Declaration:
    """Declare a month and take it through its review."""
    found = declare(store, what, BY)
    for status in (Status.ACCEPTED, Status.REVIEWING, Status.REVIEWED):
        found = step(
            store, what.declaration, status, replace(REVIEWER, reason="the sums were looked at")
        )
    return found


def cleared(store: HospitalStore, *rows: dict[str, Any], declaration: str = "D1") -> None:
    """Report records of March, review them, and approve their month."""
    report(store, rows, BY)
    reviewed(store, application(declaration=declaration, clearing_way=declaration))
    month(store, terms(), MARCH, CLEARING, BY)


@contextmanager
def opened(folder: Path) -> Iterator[HospitalStore]:
    """Yield a store in a folder, to which the terms of the area were supplied."""
    with HospitalStore(folder / "clearing") as store:
        supply(store, terms(), SUPPLIER)
        yield store
