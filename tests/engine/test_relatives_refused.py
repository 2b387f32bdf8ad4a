"""Relatives' limits refused: low balances, strangers, too many, faults, reused request ids."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from medsettle import errors
from medsettle.core.relatives import LimitChange, Person
from medsettle.engine import Engine
from medsettle.limits import AMOUNT_FEN_MAX, GIVERS_PER_RECEIVER_MAX, RECEIVERS_PER_GIVER_MAX

from tests.engine.engines import settle, settled
from tests.engine.relatives import (
    AREA,
    account,
    dissolved,
    family_engine,
    granted,
    limits,
    lowered,
    opened,
    visit,
)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Yield an engine of a family: G1 has 1,000 yuan, G2 500, the receiver R 100."""
    with family_engine(tmp_path) as engine:
        for who, fen in (("G1", 100_000), ("G2", 50_000), ("R", 10_000)):
            opened(engine, who, fen)
        yield engine


def test_more_than_the_account_holds_is_not_set_aside(engine: Engine) -> None:
    """To the fen: 1,000.01 of 1,000 is refused and moves nothing, 1,000 is not."""
    with pytest.raises(errors.BalanceTooLow, match="account of G1 holds 100000 fen") as refused:
        granted(engine, "G1", "R", 100_001)
    assert {"pooling_area": AREA, "person": "G1", "held_fen": "100000"} == refused.value.metadata
    assert {} == limits(engine, "R")

    assert 100_000 == granted(engine, "G1", "R", 100_000).limit_fen
    assert 0 == account(engine, "G1")


def test_who_is_not_bound_has_nothing_to_lower_or_dissolve(engine: Engine) -> None:
    """Strangers, the other direction and dissolved relations are not found."""
    granted(engine, "G1", "R", 10_000)
    for giver, receiver in (("G2", "R"), ("R", "G1")):
        with pytest.raises(errors.NotFound, match="sets nothing aside"):
            lowered(engine, giver, receiver, 1, f"L-{giver}")
        with pytest.raises(errors.NotFound, match="sets nothing aside"):
            dissolved(engine, giver, receiver, f"D-{giver}")
    dissolved(engine, "G1", "R", "D1")
    with pytest.raises(errors.NotFound):
        dissolved(engine, "G1", "R", "D2")


def test_a_receiver_has_so_many_givers_and_no_more(engine: Engine) -> None:
    """The last one is bound, the next refused until one is dissolved; who is bound may add."""
    for number in range(GIVERS_PER_RECEIVER_MAX + 1):
        opened(engine, f"A{number}", 10)
    for number in range(GIVERS_PER_RECEIVER_MAX):
        granted(engine, f"A{number}", "R", 1)
    last = f"A{GIVERS_PER_RECEIVER_MAX}"
    with pytest.raises(errors.TooManyRelatives, match="R of 999921 is bound to 16 relatives"):
        granted(engine, last, "R", 1)
    granted(engine, "A0", "R", 2)

    dissolved(engine, "A0", "R", "D1")
    assert GIVERS_PER_RECEIVER_MAX + 1 == granted(engine, last, "R", 1, "Q").relation.number


def test_a_giver_has_so_many_receivers_and_no_more(engine: Engine) -> None:
    """The same bound on the other side."""
    for number in range(RECEIVERS_PER_GIVER_MAX):
        granted(engine, "G1", f"R{number}", 1, f"Q{number}")
    with pytest.raises(errors.TooManyRelatives, match="G1 of 999921 is bound to 16 relatives"):
        granted(engine, "G1", "R", 1, "Q")
    dissolved(engine, "G1", "R0", "D1")
    assert granted(engine, "G1", "R", 1, "Q-2").bound


@pytest.mark.parametrize(
    ("fen", "accepted"),
    [(0, False), (1, True), (AMOUNT_FEN_MAX, True), (AMOUNT_FEN_MAX + 1, False)],
)
def test_an_amount_lies_within_its_bounds(engine: Engine, fen: int, *, accepted: bool) -> None:
    """One fen to the largest amount there is; a fen beyond is a fault and not a low balance."""
    expected = errors.BalanceTooLow if accepted else errors.InvalidRequest
    if accepted and fen <= 100_000:
        assert fen == granted(engine, "G1", "R", fen).limit_fen
        return
    with pytest.raises(expected):
        granted(engine, "G1", "R", fen)


def test_a_limit_is_no_more_than_a_bill_may_be(engine: Engine) -> None:
    """Raised to the largest amount there is, and not a fen further; lowered, there is room."""
    for number in range(2):
        opened(engine, "RICH", AMOUNT_FEN_MAX - number)
    granted(engine, "RICH", "R", AMOUNT_FEN_MAX - 1, "Q1")
    with pytest.raises(errors.CounterFull, match="Ask for 1 at most"):
        granted(engine, "RICH", "R", 2, "Q2")

    assert AMOUNT_FEN_MAX == granted(engine, "RICH", "R", 1, "Q3").limit_fen
    with pytest.raises(errors.CounterFull, match="Ask for 0 at most"):
        granted(engine, "RICH", "R", 1, "Q4")
    lowered(engine, "RICH", "R", 1, "Q5")
    assert AMOUNT_FEN_MAX == granted(engine, "RICH", "R", 1, "Q6").limit_fen


def test_all_faults_of_a_request_are_told_together(engine: Engine) -> None:
    """Amount, sender, areas and persons are checked before anything is looked up."""
    with pytest.raises(errors.InvalidRequest) as refused:
        engine.relatives.grant(LimitChange("", "a b", Person("1", ""), Person("1", ""), 0))

    assert {
        "fen",
        "institution",
        "request_id",
        "giver.pooling_area",
        "giver.person",
        "receiver.pooling_area",
        "receiver.person",
        "giver",
    } == {fault.path for fault in refused.value.faults}


def test_a_ledger_that_fails_moves_nothing(tmp_path: Path) -> None:
    """A grant is one entry: what could not be recorded left neither the account nor the limit."""
    with family_engine(tmp_path) as engine:
        opened(engine, "G1", 100_000)
        engine.ledger.close()
        with pytest.raises(errors.LedgerUnavailable):
            granted(engine, "G1", "R", 30_000, "Q1")
    with family_engine(tmp_path) as engine:
        assert (100_000, {}) == (account(engine, "G1"), limits(engine, "R"))
        assert 30_000 == granted(engine, "G1", "R", 30_000, "Q1").limit_fen


def test_a_request_id_belongs_to_one_thing(engine: Engine) -> None:
    """A claim's id is no id of a grant, and the other way round."""
    settled(engine, visit(1, "R", 1_000))
    with pytest.raises(errors.RequestIdReused):
        granted(engine, "G1", "R", 1, "R1")
    granted(engine, "G1", "R", 1, "R2")
    (answer,) = settle(engine, visit(2, "R", 1_000))
    assert "used before" in answer.message  # type: ignore[union-attr]
    with pytest.raises(errors.NotFound):
        engine.get(f"{AREA}{'0' * 20}")
