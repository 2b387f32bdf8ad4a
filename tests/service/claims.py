"""Claims of the invented area 999900, made from a running number."""

from datetime import date
from typing import Any

AREA = "999900"
INSTITUTION = "H1"


def line(amount_fen: int, *, item_code: str = "A1", line_id: str = "1") -> dict[str, object]:
    """Return a line of one unit at this price."""
    return {
        "line_id": line_id,
        "item_code": item_code,
        "fee_date": date(2024, 5, 1),
        "quantity_e4": 10_000,
        "unit_price_e6": amount_fen * 10_000,
        "amount_fen": amount_fen,
        "approval": None,
    }


def claim(number: int, amount_fen: int = 50_000, **changes: object) -> dict[str, Any]:
    """Return claim `number`, of a person of its own, with one class A line."""
    row: dict[str, Any] = {
        "request_id": f"R{number}",
        "institution": INSTITUTION,
        "institution_settlement": None,
        "pooling_area": AREA,
        "person": f"P{number}",
        "insurance_type": "310",
        "visit_type": "11",
        "person_type": "1101",
        "institution_level": "02",
        "birth_date": date(1980, 1, 1),
        "admission_date": date(2024, 5, 1),
        "service_date": date(2024, 5, 1),
        "benefit_groups": [],
        "account_used": True,
        "lines": [line(amount_fen)],
    }
    return row | changes
