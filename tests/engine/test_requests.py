"""The same request is answered from the record; a request id or number serves once."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from medsettle import errors, limits
from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.settlement import Opening, Settlement
from medsettle.engine import Engine

from tests.engine.engines import (
    DEDUCTIBLE_MET,
    acts,
    counters,
    engine_on,
    id_of,
    outcomes,
    settle,
    settled,
    stay,
)
from tests.service.claims import AREA, INSTITUTION, claim, line

pytestmark = pytest.mark.both_stores


def test_a_repeated_request_gets_the_recorded_answer(engine: Engine) -> None:
    """The same id and content again changes nothing and is answered alike, marked duplicate."""
    first = settled(engine, claim(1))

    assert replace(first, duplicate=True) == settled(engine, claim(1))
    assert 1 == engine.ledger.last_seq()
    assert {"310.deductible_met 2024": 10_000, "310.fund_paid 2024": 32_000} == counters(
        engine, "P1"
    )


def test_a_request_repeated_in_its_batch_is_settled_once(engine: Engine) -> None:
    """Of three equal rows the first is settled and the others are its duplicates."""
    first, second, other, third = settle(engine, claim(1), claim(1), claim(2), claim(1))

    assert isinstance(first, Settlement)
    assert [replace(first, duplicate=True)] * 2 == [second, third]
    assert [False, False] == [
        answer.duplicate for answer in (first, other) if isinstance(answer, Settlement)
    ]
    assert 2 == engine.ledger.last_seq()


def test_a_repeated_request_is_known_after_a_restart(tmp_path: Path) -> None:
    """An engine that opens the ledger again answers as the one that settled."""
    with engine_on(tmp_path) as engine:
        first = settled(engine, claim(1, institution_settlement="N1"))
    with engine_on(tmp_path) as engine:
        again = settled(engine, claim(1, institution_settlement="N1"))

        assert replace(first, duplicate=True) == again
        assert 1 == engine.ledger.last_seq()


def test_dates_as_text_are_the_same_content(engine: Engine) -> None:
    """A claim written in other words but saying the same is a repetition."""
    first = settled(engine, claim(1))
    again = claim(1, service_date="2024-05-01", birth_date="1980-01-01", benefit_groups=None)

    assert replace(first, duplicate=True) == settled(engine, again)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"person": "P2"}, id="person"),
        pytest.param({"account_used": False}, id="account-used"),
        pytest.param({"lines": [line(50_001)]}, id="a-fen-more"),
        pytest.param({"institution_settlement": "N9"}, id="institution-settlement"),
        pytest.param({"benefit_groups": ["veteran"]}, id="benefit-group"),
    ],
)
def test_other_content_under_a_known_id_is_refused(engine: Engine, changes: dict[str, Any]) -> None:
    """Whatever differs, a used request id does not serve again, across batches or inside one."""
    first = settled(engine, claim(1))
    across = settle(engine, claim(1, **changes))
    inside = settle(engine, claim(2, person="P1"), claim(2, **{"person": "P1"} | changes))

    assert [Outcome.REQUEST_ID_REUSED] == outcomes(across)
    (rejection,) = across
    assert isinstance(rejection, Rejection)
    assert {"request_id": "R1", "settlement": id_of(first)} == rejection.metadata
    assert isinstance(rejection.error(), errors.RequestIdReused)
    if "person" not in changes:
        assert [Outcome.SETTLED, Outcome.REQUEST_ID_REUSED] == outcomes(inside)


def test_a_request_id_belongs_to_its_institution(engine: Engine) -> None:
    """Two institutions may use the same request id and the same settlement number."""
    rows = [claim(1, institution=name, institution_settlement="N1") for name in ("H1", "H2")]

    assert [Outcome.SETTLED] * 2 == outcomes(settle(engine, *rows))


def test_an_institution_settlement_is_settled_once(engine: Engine) -> None:
    """A second request for the same number is refused and names the settlement that has it."""
    first = settled(engine, claim(1, institution_settlement="N1"))
    (second,) = settle(engine, claim(2, institution_settlement="N1"))

    assert isinstance(second, Rejection)
    assert Outcome.DUPLICATE_SETTLEMENT == second.outcome
    assert {"institution_settlement": "N1", "settlement": id_of(first)} == second.metadata
    assert isinstance(second.error(), errors.DuplicateSettlement)


def test_an_institution_settlement_is_settled_once_in_a_batch(engine: Engine) -> None:
    """Of two requests for one number in a batch the first is settled."""
    rows = [claim(number, institution_settlement="N1") for number in (1, 2)]

    assert [Outcome.SETTLED, Outcome.DUPLICATE_SETTLEMENT] == outcomes(settle(engine, *rows))
    assert 1 == engine.ledger.last_seq()


def test_a_cancelled_number_stays_used(engine: Engine) -> None:
    """What was settled and cancelled under a number is settled again under a new one only."""
    first = settled(engine, claim(1, institution_settlement="N1"))
    engine.cancel(INSTITUTION, "X1", id_of(first))
    rows = [claim(2, institution_settlement="N1"), claim(3, institution_settlement="N3")]

    assert [Outcome.DUPLICATE_SETTLEMENT, Outcome.SETTLED] == outcomes(settle(engine, *rows))


def test_a_rejected_claim_settles_nothing(engine: Engine) -> None:
    """Only the refusal is recorded, no counter moves, and the number serves the corrected claim."""
    (rejection,) = settle(engine, stay(1, institution_level="09", institution_settlement="N1"))

    assert isinstance(rejection, Rejection)
    assert (0, {}) == (acts(engine), counters(engine, "P1"))
    corrected = settled(engine, stay(1, request_id="R2", institution_settlement="N1"))
    assert not corrected.duplicate


def test_a_rejected_claim_holds_its_id_and_not_its_number(engine: Engine) -> None:
    """Within a batch, too, a refusal decides its request id, and only what settles a number."""
    bad = stay(1, institution_level="09", institution_settlement="N1", person="P")
    rows = [
        bad,
        stay(1, institution_settlement="N1", person="P"),
        stay(5, institution_settlement="N1", person="P"),
        bad | {"request_id": "R2"},
        stay(3, institution_settlement="N1", person="P"),
        claim(4, person="P"),
    ]

    assert [
        Outcome.CLASS_NOT_COVERED,
        Outcome.REQUEST_ID_REUSED,
        Outcome.SETTLED,
        Outcome.DUPLICATE_SETTLEMENT,
        Outcome.DUPLICATE_SETTLEMENT,
        Outcome.SETTLED,
    ] == outcomes(settle(engine, *rows))


def test_a_reused_id_comes_before_a_used_number(engine: Engine) -> None:
    """Within a batch, too, the first of two reasons to refuse is told."""
    settled(engine, claim(1, institution_settlement="N1"))
    rows = [claim(2), claim(2, institution_settlement="N1"), claim(3, institution_settlement="N1")]

    assert [
        Outcome.SETTLED,
        Outcome.REQUEST_ID_REUSED,
        Outcome.DUPLICATE_SETTLEMENT,
    ] == outcomes(settle(engine, *rows))


def test_a_rejected_request_is_repeated_whatever_came_between(engine: Engine) -> None:
    """Neither a claim that wants its id nor one that takes its number changes the answer."""
    rejected = stay(1, institution_level="09", institution_settlement="N1")
    other = claim(2, institution_settlement="N1")
    by_id = settle(engine, rejected, claim(1), rejected)
    by_number = settle(
        engine, rejected | {"request_id": "R3"}, other, rejected | {"request_id": "R3"}
    )

    assert [
        Outcome.CLASS_NOT_COVERED,
        Outcome.REQUEST_ID_REUSED,
        Outcome.CLASS_NOT_COVERED,
    ] == outcomes(by_id)
    assert [Outcome.CLASS_NOT_COVERED, Outcome.SETTLED, Outcome.CLASS_NOT_COVERED] == outcomes(
        by_number
    )


def test_a_rejected_request_repeated_in_its_batch_is_rejected_alike(engine: Engine) -> None:
    """The repetition of a rejected row gets the same rejection, marked, not a settlement."""
    rejected = claim(1, visit_type="99")
    first, second = settle(engine, rejected, rejected)

    assert isinstance(first, Rejection)
    assert replace(first, duplicate=True) == second


def test_a_request_id_serves_one_kind_of_request(engine: Engine) -> None:
    """An id used to settle neither cancels nor opens, and the other way round."""
    first = settled(engine, claim(1))
    engine.open_person(Opening(INSTITUTION, "O1", AREA, "P1", 1, ()))
    engine.cancel(INSTITUTION, "X1", id_of(first))

    with pytest.raises(errors.RequestIdReused):
        engine.cancel(INSTITUTION, "R1", id_of(first))
    with pytest.raises(errors.RequestIdReused):
        engine.cancel(INSTITUTION, "O1", id_of(first))
    with pytest.raises(errors.RequestIdReused):
        engine.open_person(Opening(INSTITUTION, "X1", AREA, "P1", 1, ()))
    reused = settle(engine, claim(2, request_id="X1"), claim(2, request_id="O1"))
    assert [Outcome.REQUEST_ID_REUSED] * 2 == outcomes(reused)


def test_the_id_follows_from_the_request(engine: Engine) -> None:
    """The id is area and twenty hex digits, fits setl_id, and is the same in any ledger."""
    first = settled(engine, claim(1))

    assert (AREA, 26) == (id_of(first)[:6], len(id_of(first)))
    assert id_of(first) == "99990090fa5cf4d6fbc0b85b92"


def test_a_batch_of_nothing_is_no_commit(engine: Engine) -> None:
    """No claims get no answers and leave the ledger alone."""
    assert [] == settle(engine)
    assert [] == engine.preview(ClaimBatch.from_rows([]))
    assert 0 == engine.ledger.last_seq()


def test_a_batch_is_one_commit(engine: Engine) -> None:
    """Claims of one batch share their moment and get rising places without a gap."""
    answers = settle(engine, *map(claim, range(1, 5)))
    columns = [answer.columns for answer in answers if isinstance(answer, Settlement)]

    assert [1, 2, 3, 4] == [row["seq"] for row in columns]
    assert 1 == len({row["create_time"] for row in columns})


@pytest.mark.slow
def test_the_largest_batch_settles(engine: Engine) -> None:
    """A batch may have as many claims as one call may carry, and not one more."""
    most = limits.CLAIMS_PER_BATCH_MAX
    rows = [claim(number) for number in range(most + 1)]

    with pytest.raises(errors.BatchTooLarge):
        settle(engine, *rows)
    assert {Outcome.SETTLED} == set(outcomes(settle(engine, *rows[:most])))
    assert 10_000 == counters(engine, "P7")[f"{DEDUCTIBLE_MET} 2024"]


def test_unknown_codes_do_not_fill_the_memory(engine: Engine) -> None:
    """What combinations of codes decide is kept for a bounded number of them."""
    kept = engine.settler.preparer._facts
    kept |= {(number,): [] for number in range(limits.CODE_COMBINATIONS_MAX)}

    assert [Outcome.CLASS_NOT_COVERED] == outcomes(settle(engine, stay(1, institution_level="X")))
    assert 1 == len(kept)
    assert [Outcome.SETTLED] == outcomes(settle(engine, stay(2)))
