"""One outcome for each claim, the first that applies; a bad row does not stop the others."""

from typing import Any

import pytest
from medsettle import errors
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine

from tests.engine.engines import outcomes, settle, settled, stay
from tests.service.claims import INSTITUTION, claim, line

# Each row mends the fault that the row above was rejected for, and keeps all the others.
_FAULTS: dict[str, Any] = {
    "request_id": "R1",
    "institution_settlement": "N1",
    "person_type": "",
    "visit_type": "22",
    "service_date": "2025-01-01",
    "institution_level": "04",
    "lines": [line(2_000_001, item_code="Z9")],
}
# Under its id a refusal is for good, so what is mended after one needs another.
_WALK: list[tuple[Outcome, dict[str, Any]]] = [
    (Outcome.INVALID_REQUEST, {}),
    (Outcome.REQUEST_ID_REUSED, {"person_type": "1101"}),
    (Outcome.REQUEST_REVERSED, {"request_id": "R0"}),
    (Outcome.DUPLICATE_SETTLEMENT, {"request_id": "R2"}),
    (Outcome.POLICY_NOT_FOUND, {"institution_settlement": "N2"}),
    (Outcome.POLICY_NOT_IN_FORCE, {"request_id": "R3", "visit_type": "21"}),
    (Outcome.CLASS_NOT_COVERED, {"request_id": "R4", "service_date": "2024-12-31"}),
    # An item is looked up in the catalogue of the policy that was found, so this one comes late.
    (Outcome.INVALID_REQUEST, {"request_id": "R5", "institution_level": "03"}),
    (Outcome.POLICY_GAP, {"lines": [line(2_000_001)]}),
    (Outcome.SETTLED, {"request_id": "R6", "lines": [line(2_000_000)]}),
]


def test_outcomes_come_in_order_of_precedence(engine: Engine) -> None:
    """Walking down, mending one fault at a time, meets every outcome in its order."""
    settled(engine, claim(1, institution_settlement="N1"))
    engine.reverse(INSTITUTION, "R0", "V1")
    row = stay(1, **_FAULTS)
    found = []
    for _, mended in _WALK:
        row |= mended
        found += outcomes(settle(engine, row))

    assert [outcome for outcome, _ in _WALK] == found


def test_a_bad_row_does_not_stop_the_others(engine: Engine) -> None:
    """Every step of the walk in one batch is rejected by itself, between claims that settle."""
    settled(engine, claim(1, institution_settlement="N1"))
    engine.reverse(INSTITUTION, "R0", "V1")
    row = stay(1, **_FAULTS)
    rows, expected = [], []
    for number, (outcome, mended) in enumerate(_WALK[:-1]):
        row = row | mended
        rows += [claim(10 + number), row]
        expected += [Outcome.SETTLED, outcome]
    answers = settle(engine, *rows)

    assert expected == outcomes(answers)
    assert [f"P{10 + number}" for number in range(len(_WALK) - 1)] == [
        each.columns["person"] for each in answers if isinstance(each, Settlement)
    ]


@pytest.mark.parametrize(
    ("changes", "outcome", "metadata"),
    [
        pytest.param(
            {"visit_type": "99"},
            Outcome.POLICY_NOT_FOUND,
            {"pooling_area": "999900", "insurance_type": "310", "visit_type": "99"},
            id="visit-type",
        ),
        pytest.param(
            {"pooling_area": "999901"},
            Outcome.POLICY_NOT_FOUND,
            {"pooling_area": "999901", "insurance_type": "310", "visit_type": "21"},
            id="area",
        ),
        pytest.param(
            {"service_date": "2025-01-01"},
            Outcome.POLICY_NOT_IN_FORCE,
            {"pooling_area": "999900", "service_date": "2025-01-01"},
            id="ended",
        ),
        pytest.param(
            {"insurance_type": "390", "visit_type": "11", "admission_date": "2023-12-31"},
            Outcome.POLICY_NOT_IN_FORCE,
            {"pooling_area": "999900", "admission_date": "2023-12-31"},
            id="too-early-by-its-own-date",
        ),
        pytest.param(
            {"institution_level": "04"},
            Outcome.CLASS_NOT_COVERED,
            {"column": "institution_level", "code": "04", "policy": "example-inpatient"},
            id="level",
        ),
        pytest.param(
            {"institution_level": "X"},
            Outcome.CLASS_NOT_COVERED,
            {"column": "institution_level", "code": "X", "policy": "example-inpatient"},
            id="unknown-level",
        ),
    ],
)
def test_a_rejection_says_what_to_act_on(
    engine: Engine, changes: dict[str, Any], outcome: Outcome, metadata: dict[str, str]
) -> None:
    """Every dynamic part of the message is metadata, and the error carries both."""
    (rejection,) = settle(engine, stay(1, **changes))

    assert isinstance(rejection, Rejection)
    assert (outcome, metadata) == (rejection.outcome, rejection.metadata)
    assert all(value in rejection.message for value in metadata.values())
    error = rejection.error()
    assert (outcome.name, rejection.message, metadata) == (
        error.reason,
        error.message,
        error.metadata,
    )


@pytest.mark.parametrize(
    ("day", "outcome"),
    [
        ("2023-12-31", Outcome.POLICY_NOT_IN_FORCE),
        ("2024-01-01", Outcome.SETTLED),
        ("2024-12-31", Outcome.SETTLED),
        ("2025-01-01", Outcome.POLICY_NOT_IN_FORCE),
    ],
)
def test_a_policy_holds_from_its_first_to_its_last_day(
    engine: Engine, day: str, outcome: Outcome
) -> None:
    """The day before the first, the first, the last and the day after the last."""
    lines = [line(500_000) | {"fee_date": day}]
    row = stay(1, admission_date=day, service_date=day, lines=lines)

    assert [outcome] == outcomes(settle(engine, row))


def test_every_unlisted_item_is_a_fault(engine: Engine) -> None:
    """An area that refuses unlisted items names each such line of the claim that has it."""
    lines = [line(100, line_id=str(n), item_code=code) for n, code in enumerate(("Z1", "A1", "Z2"))]
    good, bad = settle(engine, claim(1), claim(2, lines=lines))

    assert isinstance(good, Settlement)
    assert isinstance(bad, Rejection)
    assert ["lines[0].item_code", "lines[2].item_code"] == [fault.path for fault in bad.faults]
    assert isinstance(bad.error(), errors.InvalidRequest)
