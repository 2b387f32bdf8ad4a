"""Visits of the invented area 999930, and the registrations of its persons."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from medsettle.core.cards import CardAction, CardEvent, CardKind
from medsettle.core.claims import ClaimBatch
from medsettle.core.visits import Registration, RegistrationRequest, Visit
from medsettle.engine import Engine

AREA = "999930"
SHAPES = Path(__file__).parents[2] / "fixtures" / "policies" / "shapes"
FIRST, LAST = date(2024, 5, 1), date(2024, 5, 11)
_ISSUED, _ACTIVATED = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC)

BED, NURSING, SURGERY, DIABETES, OUTSIDE, LIMB, CAESAREAN, NEWBORN = (
    f"0099020000030000000000000{number}0" for number in range(1, 9)
)


def line(
    number: int,
    item: str,
    yuan: int,
    diagnosis: str | None = None,
    day: date = FIRST,
    **changes: object,
) -> dict[str, Any]:
    """Return line `number` of one unit at a price of whole yuan."""
    row: dict[str, Any] = {
        "line_id": str(number),
        "item_code": item,
        "fee_date": day,
        "quantity_e4": 10_000,
        "unit_price_e6": yuan * 1_000_000,
        "amount_fen": yuan * 100,
        "diagnosis": diagnosis,
    }
    return row | changes


def visit_row(*lines: dict[str, Any], **changes: object) -> dict[str, Any]:
    """Return a visit of P1, an employee, from the 1st to the 11th of May 2024."""
    row: dict[str, Any] = {
        "request_id": "V1",
        "institution": "H1",
        "institution_settlement": None,
        "pooling_area": AREA,
        "person": "P1",
        "insurance_type": "310",
        "visit_type": "21",
        "person_type": "1101",
        "institution_level": "02",
        "birth_date": date(1980, 1, 1),
        "admission_date": FIRST,
        "service_date": LAST,
        "benefit_groups": [],
        "account_used": True,
        "diagnosis": "S82.1",
        "stay_days": 10,
        "lines": list(lines),
    }
    return row | changes


def injury_stay(**changes: object) -> dict[str, Any]:
    """Return the worked split of 18,600 yuan: 14,200 injury, 2,000 shared, 2,400 diabetes drugs.

    Source: `domain/clearing.md` §4.3; 500 of the injury are off the catalogue.
    """
    return visit_row(
        line(1, SURGERY, 13_700, "S82.1"),
        line(2, OUTSIDE, 500, "S82.1"),
        line(3, BED, 1_500),
        line(4, NURSING, 500),
        line(5, DIABETES, 2_400, "E11.9"),
        **changes,
    )


def settle(engine: Engine, row: dict[str, Any]) -> Visit:
    """Return a visit as settled."""
    return engine.visits.settle(ClaimBatch.from_rows([row]))


def register(engine: Engine, registration: Registration, person: str = "P1") -> None:
    """Record a registration of a person under a request id made of it."""
    request_id = f"{person}-{registration.subject}-{registration.valid_until}"
    engine.registrations.record(
        RegistrationRequest("AGENCY", request_id, AREA, person, registration)
    )


def recognition(**changes: Any) -> Registration:  # noqa: ANN401 - any field of a registration
    """Return the recognition of an injury to the leg on the 30th of April, applied for in time."""
    facts: dict[str, Any] = {
        "kind": "recognition",
        "number": "R-1",
        "valid_from": date(2024, 4, 30),
        "diagnoses": ("S82", "S83"),
        "injured_part": "leg",
        "event_date": date(2024, 4, 30),
        "accepted_date": date(2024, 5, 6),
        "timeliness": "timely",
    }
    return Registration(**(facts | changes))


def pregnancy(**changes: Any) -> Registration:  # noqa: ANN401 - any field of a registration
    """Return the registration of a pregnancy."""
    facts: dict[str, Any] = {
        "kind": "pregnancy",
        "number": "M-1",
        "valid_from": date(2023, 9, 1),
        "valid_until": date(2024, 9, 1),
    }
    return Registration(**(facts | changes))


def issue_card(engine: Engine, card: str, person: str) -> None:
    """Issue a card and activate it before the visits of this file."""
    of_card: dict[str, Any] = {"institution": "AGENCY", "pooling_area": AREA, "card": card}
    issue = CardEvent(
        **of_card,
        request_id=f"I-{card}",
        action=CardAction.ISSUE,
        effective_time=_ISSUED,
        person=person,
        kind=CardKind.PHYSICAL,
    )
    activation = CardEvent(
        **of_card,
        request_id=f"A-{card}",
        action=CardAction.ACTIVATE,
        effective_time=_ACTIVATED,
    )
    for event in (issue, activation):
        engine.cards.record(event)
