"""Prepayments for tests: one line, the terms that come with medsettle, and a year's requirement."""

from datetime import UTC, date, datetime

from medsettle.clearing.prepayments.prepayment import Line, requirements
from medsettle.clearing.prepayments.store import PrepaymentStore
from medsettle.clearing.prepayments.terms import load_prepayment_rules

RULES = load_prepayment_rules()
TERMS = RULES.on(date(2026, 1, 1))
LINE = Line("999901", "999902", "310")
OTHER = Line("999903", "999902", "310")
NOW = datetime(2026, 1, 20, 8, tzinfo=UTC)
ISSUED, DUE = date(2026, 1, 31), date(2026, 2, 28)
MARCH = date(2026, 3, 1)
# The example of clearing.md §3.4, in fen.
QUARTER = {
    date(2025, 10, 1): 1_200_000_000,
    date(2025, 11, 1): 1_350_000_000,
    date(2025, 12, 1): 1_410_000_000,
}


def recalculated(store: PrepaymentStore, *amounts: tuple[Line, int], year: int = 2026) -> list[str]:
    """Return the numbers of the notices after recalculating lines to even amounts of fen."""
    months = [date(year - 1, month, 1) for month in (10, 11, 12)]
    cleared = {(line, month): fen // 2 for line, fen in amounts for month in months}
    required = requirements(cleared, year, TERMS)
    issued, due = ISSUED.replace(year=year), DUE.replace(year=year)
    notices = store.recalculate(required, TERMS, issued, due, "centre", NOW)
    return [notice.number for notice in notices]


def prepaid(store: PrepaymentStore, line: Line = LINE, fen: int = 2_640_000_000) -> None:
    """Have a line of 2026 recalculated and paid."""
    (number,) = recalculated(store, (line, fen))
    store.pay(number, fen, DUE, f"E2E-{line.insured}", "finance", NOW)
