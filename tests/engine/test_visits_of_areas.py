"""Visits by the documents of real areas: what their routing cites, worked out by hand."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from medsettle.core.claims import ClaimBatch
from medsettle.core.visits import RegistrationRequest, Visit
from medsettle.engine import Engine

from tests.engine.engines import REAL_RULES, engine_on
from tests.engine.visits import line, recognition, visit_row

_AREA = "440300"
_BED, _CLASS_B = "009901000009000990100000900", "009902000010000990200001000"
"""Invented items of its catalogue: in scope as a whole, and with 20 % first-self-pay."""


@pytest.fixture(name="engine")
def _engine(tmp_path: Path) -> Iterator[Engine]:
    with engine_on(tmp_path, REAL_RULES) as engine:
        yield engine


def _settled(engine: Engine, timeliness: str) -> Visit:
    request = RegistrationRequest(
        "AGENCY", "G1", _AREA, "P1", recognition(timeliness=timeliness, diagnoses=("S82",))
    )
    engine.registrations.record(request)
    row = visit_row(
        line(1, _CLASS_B, 1_000, "S82.1", date(2024, 5, 2)),
        line(2, _CLASS_B, 500, "S82.1", date(2024, 5, 7)),
        line(3, _BED, 300, None, date(2024, 5, 7)),
        line(4, _CLASS_B, 2_000, "E11.9", date(2024, 5, 7)),
        pooling_area=_AREA,
    )
    return engine.visits.settle(ClaimBatch.from_rows([row]))


def test_a_stay_of_an_injured_employee_with_diabetes(engine: Engine) -> None:
    """The injury fund pays first-self-pay too, and 70 a day for food; the rest is basic insurance.

    By hand: 1,000 + 500 + 300 are the injury's. Of 2,000 a fifth is paid first; level 3:
    (1,600 - 600) at 90 % = 900. Food: 10 days at 70.
    """
    injury, basic = _settled(engine, "timely").settlements

    assert (180_000, 180_000, 0, 70_000) == tuple(
        injury.fen(name) for name in ("total_fen", "other_fund_fen", "cash_fen", "payouts_fen")
    )
    assert (200_000, 40_000, 60_000, 90_000) == tuple(
        basic.fen(name)
        for name in ("total_fen", "pre_self_pay_fen", "deductible_fen", "pooled_fund_fen")
    )


def test_days_of_a_late_application_are_the_employers_whole(engine: Engine) -> None:
    """Accepted on 6 May: all of the line of the 2nd is left to the employer, its 20 % among it.

    Food is 70 for the 5 days of 10 from the 6th on.
    """
    injury, _ = _settled(engine, "late").settlements

    assert (180_000, 80_000, 100_000, 100_000) == tuple(
        injury.fen(name) for name in ("total_fen", "other_fund_fen", "own_expense_fen", "cash_fen")
    )
    assert 35_000 == injury.fen("payouts_fen")
