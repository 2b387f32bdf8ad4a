"""What tills at area 999941 ask about persons insured in area 999942, for the simulated areas."""

from datetime import date
from typing import Any

from medsettle.torture.provinces_workload import AREAS
from medsettle.torture.requests import Request

CARE, HOME = AREAS
INSTITUTION = f"H{CARE}01"
DRUG_A, DRUG_B = "XY04AAA001A001010100001", "XY04AAA002A001010100001"
DAY = date(2026, 7, 1)


def line(number: int, yuan: int, item: str = DRUG_A, **changes: object) -> dict[str, Any]:
    """Return a line of one unit."""
    return {
        "line_id": str(number),
        "item_code": item,
        "fee_date": DAY,
        "quantity_e4": 10_000,
        "unit_price_e6": yuan * 1_000_000,
        "amount_fen": yuan * 100,
        **changes,
    }


def row(request_id: str, yuan: int = 22_000, **changes: object) -> dict[str, Any]:
    """Return a stay in a third-level hospital of a person of the other area, without a filing."""
    return {
        "request_id": request_id,
        "institution": INSTITUTION,
        "institution_settlement": None,
        "pooling_area": HOME,
        "care_area": CARE,
        "person": "P1",
        "insurance_type": "310",
        "visit_type": "21",
        "person_type": "1101",
        "institution_level": "02",
        "birth_date": date(1980, 1, 1),
        "admission_date": DAY,
        "service_date": DAY,
        "benefit_groups": [],
        "account_used": True,
        "lines": [line(1, yuan)],
        **changes,
    }


def settle(request_id: str, yuan: int = 22_000, **changes: object) -> Request:
    """Return a request to settle such a stay."""
    return Request("settle", INSTITUTION, request_id, row(request_id, yuan, **changes))


def visit(request_id: str, yuan: int = 3_000, **changes: object) -> Request:
    """Return a request to settle a visit: its lines are routed where the person is insured."""
    changes.setdefault("diagnosis", "E11.9")
    return Request("visit", INSTITUTION, request_id, row(request_id, yuan, **changes))


def cancel(request_id: str, record: str) -> Request:
    """Return a request to take a settlement back."""
    return Request("cancel", INSTITUTION, request_id, record)


def cancel_visit(request_id: str, record: str) -> Request:
    """Return a request to take a visit back."""
    return Request("visit_cancel", INSTITUTION, request_id, record)


def reverse(request_id: str, original: str) -> Request:
    """Return a request to reverse another by its id."""
    return Request("reverse", INSTITUTION, request_id, original)
