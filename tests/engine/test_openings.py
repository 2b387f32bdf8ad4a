"""What a person brings along is recorded once, checked whole, and used by the next claim."""

from dataclasses import replace
from typing import Any

import pytest
from medsettle import errors, limits
from medsettle.core.settlement import Opening, PersonState
from medsettle.engine import Engine

from tests.engine.engines import DEDUCTIBLE_MET, FUND_PAID, counters, settled
from tests.service.claims import AREA, INSTITUTION, claim

_OPENING = Opening(
    INSTITUTION, "O1", AREA, "P1", 12_345, ((DEDUCTIBLE_MET, 2024, 9_000), (FUND_PAID, 2024, 7))
)


def test_a_person_never_seen_has_nothing(engine: Engine) -> None:
    """Account and counters of an unknown person are empty, without an error."""
    assert PersonState(AREA, "P1", 0, ()) == engine.person(AREA, "P1")


def test_an_opening_is_what_the_person_has(engine: Engine) -> None:
    """Account and counters are those brought along; the account is no counter."""
    expected = PersonState(AREA, "P1", 12_345, _OPENING.counters)

    assert expected == engine.open_person(_OPENING)
    assert expected == engine.person(AREA, "P1")
    assert PersonState(AREA, "P2", 0, ()) == engine.person(AREA, "P2")


def test_the_next_claim_uses_what_was_brought_along(engine: Engine) -> None:
    """Of 500 yuan 10 are still deductible, the account pays 108 of what the fund leaves."""
    engine.open_person(_OPENING)
    settlement = settled(engine, claim(1, 50_000))

    assert (1_000, 39_200, 10_800, 0, 1_545) == tuple(
        settlement.fen(f"{name}_fen")
        for name in ("deductible", "pooled_fund", "account", "cash", "account_balance")
    )


def test_a_policy_without_account_leaves_the_balance(engine: Engine) -> None:
    """A settlement that no account pays states the balance all the same, and so does its cancel."""
    engine.open_person(_OPENING)
    settlement = settled(engine, claim(1, insurance_type="390"))
    cancel = engine.cancel(INSTITUTION, "X1", str(settlement.columns["settlement"]))

    assert (25_000, 0) == (settlement.fen("pooled_fund_fen"), settlement.fen("account_fen"))
    assert [12_345] * 2 == [each.fen("account_balance_fen") for each in (settlement, cancel)]


def test_an_opening_is_recorded_once(engine: Engine) -> None:
    """The same opening again moves nothing; a second one under its own id is added."""
    first = engine.open_person(_OPENING)

    assert first == engine.open_person(_OPENING)
    assert 1 == engine.ledger.last_seq()
    second = engine.open_person(replace(_OPENING, request_id="O2", account_fen=5, counters=()))
    assert replace(first, account_fen=12_350) == second


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"account_fen": 12_346}, id="account"),
        pytest.param({"person": "P2"}, id="person"),
        pytest.param({"counters": ()}, id="counters"),
        pytest.param({"counters": ((DEDUCTIBLE_MET, 2025, 9_000),)}, id="period"),
    ],
)
def test_another_opening_under_its_id_is_refused(engine: Engine, changes: dict[str, Any]) -> None:
    """A used request id does not record another opening."""
    engine.open_person(_OPENING)

    with pytest.raises(errors.RequestIdReused):
        engine.open_person(replace(_OPENING, **changes))
    assert 1 == engine.ledger.last_seq()


def test_an_opening_is_no_settlement(engine: Engine) -> None:
    """Neither a page nor its id shows an opening among the settlements."""
    engine.open_person(_OPENING)
    (recorded,) = engine.ledger.page(after_seq=0, limit=2)

    assert [] == engine.page(person="P1")
    with pytest.raises(errors.NotFound):
        engine.get(recorded.settlement)
    with pytest.raises(errors.NotFound):
        engine.explain(recorded.settlement)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"account_fen": 0}, id="no-fen"),
        pytest.param({"account_fen": limits.AMOUNT_FEN_MAX}, id="largest-account"),
        pytest.param({"request_id": "O" * limits.REQUEST_ID_CHARS_MAX}, id="longest-request-id"),
        pytest.param({"institution": "H" * limits.CODE_CHARS_MAX}, id="longest-institution"),
        pytest.param({"person": "P" * limits.PERSON_CHARS_MAX}, id="longest-person"),
        pytest.param(
            {"counters": ((FUND_PAID, 2024, limits.AMOUNT_FEN_MAX),)}, id="largest-counter"
        ),
    ],
)
def test_an_opening_at_its_bounds_is_recorded(engine: Engine, changes: dict[str, Any]) -> None:
    """The largest and smallest of everything is accepted."""
    opening = replace(_OPENING, **changes)
    state = engine.open_person(opening)

    assert (opening.account_fen, opening.counters) == (state.account_fen, state.counters)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        pytest.param({"account_fen": -1}, "account_fen", id="negative-account"),
        pytest.param({"account_fen": limits.AMOUNT_FEN_MAX + 1}, "account_fen", id="account"),
        pytest.param(
            {"request_id": "O" * (limits.REQUEST_ID_CHARS_MAX + 1)}, "request_id", id="request-id"
        ),
        pytest.param({"request_id": ""}, "request_id", id="no-request-id"),
        pytest.param(
            {"institution": "H" * (limits.CODE_CHARS_MAX + 1)}, "institution", id="institution"
        ),
        pytest.param({"person": "P" * (limits.PERSON_CHARS_MAX + 1)}, "person", id="person"),
        pytest.param({"person": "P 1"}, "person", id="person-with-space"),
        pytest.param({"person": "张三"}, "person", id="name-instead-of-token"),
        pytest.param({"pooling_area": "999901"}, "pooling_area", id="area"),
        pytest.param({"counters": (("310.fund", 2024, 1),)}, "counters[0].counter", id="counter"),
        pytest.param(
            {"counters": ((FUND_PAID, 2024, 1), (FUND_PAID, 2025, -1))},
            "counters[1].value",
            id="negative-counter",
        ),
        pytest.param(
            {"counters": ((FUND_PAID, 2024, limits.AMOUNT_FEN_MAX + 1),)},
            "counters[0].value",
            id="counter-too-large",
        ),
    ],
)
def test_an_opening_past_its_bounds_is_refused(
    engine: Engine, changes: dict[str, Any], path: str
) -> None:
    """One step past a bound, or an unknown name, is a fault with its path; nothing is recorded."""
    with pytest.raises(errors.InvalidRequest) as refused:
        engine.open_person(replace(_OPENING, **changes))

    assert path in [fault.path for fault in refused.value.faults]
    assert (0, {}) == (engine.ledger.last_seq(), counters(engine, "P1"))


def test_all_faults_of_an_opening_come_together(engine: Engine) -> None:
    """Whoever sends an opening learns everything that is wrong with it at once."""
    faulty = Opening("", "", AREA, "", -1, (("310.none", 2024, -2),))

    with pytest.raises(errors.InvalidRequest) as refused:
        engine.open_person(faulty)
    assert [
        "account_fen",
        "counters[0].counter",
        "counters[0].value",
        "institution",
        "person",
        "request_id",
    ] == sorted(fault.path for fault in refused.value.faults)
