"""Claims and registrations of the invented area 999960, which looks for every suspicion."""

from datetime import date
from typing import Any

from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Settlement
from medsettle.core.visits import Registration, RegistrationRequest
from medsettle.engine import Engine

AREA = "999960"
BED, CT, SURGERY = (f"0099060000030000000000000{number}0" for number in range(1, 4))
UNLISTED = "009906000003000000000000090"


def may(day: int) -> date:
    """Return a day of May 2024; 0 is the last of April, 32 the first of June."""
    return date.fromordinal(date(2024, 5, 1).toordinal() + day - 1)


def line(
    item: str, day: date, units: int = 1, number: int = 1, **changes: object
) -> dict[str, Any]:
    """Return line `number` of some units at 100 yuan."""
    row: dict[str, Any] = {
        "line_id": str(number),
        "item_code": item,
        "fee_date": day,
        "quantity_e4": units * 10_000,
        "unit_price_e6": 100_000_000,
        "amount_fen": units * 10_000,
    }
    return row | changes


def suspect(
    request_id: str, first: date, last: date, *lines: dict[str, Any], **changes: object
) -> dict[str, Any]:
    """Return a stay of P1 at H1; with no line named, a bed on the last day."""
    row: dict[str, Any] = {
        "request_id": request_id,
        "institution": "H1",
        "institution_settlement": None,
        "pooling_area": AREA,
        "person": "P1",
        "insurance_type": "310",
        "visit_type": "21",
        "person_type": "1101",
        "institution_level": "02",
        "birth_date": date(1980, 1, 1),
        "admission_date": first,
        "service_date": last,
        "benefit_groups": [],
        "account_used": True,
        "lines": list(lines) or [line(BED, last)],
    }
    return row | changes


def codes(answer: Settlement | Rejection) -> tuple[str, ...]:
    """Return what became of a claim: its outcome where it is refused, else the codes warned of."""
    if isinstance(answer, Rejection):
        return ("refused", answer.outcome.name)
    return tuple(each.code for each in answer.warnings)


def register(
    engine: Engine,
    kind: str,
    first: date,
    until: date | None = None,
    **changes: Any,  # noqa: ANN401 - any column of a registration
) -> None:
    """Record a registration of P1, or of the institution named as `about`; again, it changes."""
    about = changes.pop("about", "")
    registration = Registration(kind, "1", first, until, **changes)
    request_id = f"G{engine.ledger.last_seq() + 1}"
    person = "" if about else "P1"
    engine.registrations.record(
        RegistrationRequest("AGENCY", request_id, AREA, person, registration, about)
    )
