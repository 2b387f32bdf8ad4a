"""Requests about visits sent again, and ids and numbers that are taken."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from medsettle import errors
from medsettle.core.claims import ClaimBatch
from medsettle.engine import Engine

from tests.engine.engines import engine_on
from tests.engine.visits import (
    DIABETES,
    SHAPES,
    injury_stay,
    line,
    recognition,
    register,
    settle,
    visit_row,
)

pytestmark = pytest.mark.both_stores


@pytest.fixture(name="engine")
def _engine(tmp_path: Path) -> Iterator[Engine]:
    with engine_on(tmp_path, SHAPES) as engine:
        yield engine


def test_a_repeated_request_is_answered_from_the_record(engine: Engine) -> None:
    """Also where a registration since would route it otherwise; other content is refused."""
    first = settle(engine, injury_stay())
    register(engine, recognition())

    again = settle(engine, injury_stay())

    assert (True, first.visit, 1) == (again.duplicate, again.visit, len(again.settlements))
    assert [part.columns for part in first.settlements] == [
        part.columns for part in again.settlements
    ]
    with pytest.raises(errors.RequestIdReused):
        settle(engine, injury_stay(stay_days=9))


def test_a_repeated_cancel_is_answered_from_the_record(engine: Engine) -> None:
    """The same cancel again is a duplicate; another one is told which came first."""
    visit = settle(engine, injury_stay())
    first = engine.visits.cancel("H1", "X1", str(visit.visit))
    again = engine.visits.cancel("H1", "X1", str(visit.visit))

    assert (True, first.visit) == (again.duplicate, again.visit)
    with pytest.raises(errors.AlreadyCancelled, match=f"by {first.visit}"):
        engine.visits.cancel("H1", "X2", str(visit.visit))


def test_the_ids_of_parts_are_no_ids_of_visits(engine: Engine) -> None:
    """Neither settling nor cancelling under the id of a part is a repetition of the whole."""
    visit = settle(engine, injury_stay())
    engine.visits.cancel("H1", "X1", str(visit.visit))

    with pytest.raises(errors.RequestIdReused, match=r"V1\.1"):
        settle(engine, injury_stay(request_id="V1.1"))
    with pytest.raises(errors.RequestIdReused, match=r"X1\.1"):
        engine.visits.cancel("H1", "X1.1", str(visit.visit))


def test_a_refusal_names_the_visit_that_has_the_id(engine: Engine) -> None:
    """What a request id or a number was used for is named as what it is, on every road in."""
    visit = settle(engine, injury_stay(institution_settlement="N1"))
    named = {"visit": visit.visit}

    with pytest.raises(errors.RequestIdReused) as reused:
        settle(engine, injury_stay(stay_days=9))
    with pytest.raises(errors.DuplicateSettlement) as twice:
        settle(engine, injury_stay(request_id="V2", institution_settlement="N1"))
    (answer,) = engine.settle(ClaimBatch.from_rows([visit_row(line(1, DIABETES, 100))]))

    assert {"request_id": "V1"} | named == reused.value.metadata
    assert {"institution_settlement": "N1"} | named == twice.value.metadata
    assert {"request_id": "V1"} | named == answer.metadata  # type: ignore[union-attr]


def test_an_id_of_a_part_that_is_taken_refuses_the_visit(engine: Engine) -> None:
    """A claim recorded as V1.1 stands in the way of the visit V1, which records nothing."""
    row = visit_row(line(1, DIABETES, 100), request_id="V1.1")
    engine.settle(ClaimBatch.from_rows([row]))

    with pytest.raises(errors.RequestIdReused, match=r"V1\.1"):
        settle(engine, injury_stay())
    assert 1 == engine.ledger.last_seq()


def test_a_number_of_the_institution_is_used_once(engine: Engine) -> None:
    """The visit has it, its parts none; a claim with it is refused, and so is another visit."""
    visit = settle(engine, injury_stay(institution_settlement="N1"))

    with pytest.raises(errors.DuplicateSettlement):
        settle(engine, injury_stay(request_id="V2", institution_settlement="N1"))
    row = visit_row(line(1, DIABETES, 100), request_id="R1", institution_settlement="N1")
    (answer,) = engine.settle(ClaimBatch.from_rows([row]))
    assert "DUPLICATE_SETTLEMENT" == answer.outcome.name  # type: ignore[union-attr]
    assert [None] == [part.columns["institution_settlement"] for part in visit.settlements]
