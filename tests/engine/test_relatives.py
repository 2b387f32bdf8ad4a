"""Relatives' limits: reserve, use in the order of binding, give back, dissolve."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from medsettle import errors
from medsettle.books.identities import broken_identities
from medsettle.core.outcome import Rejection
from medsettle.core.relatives import Dissolution, InsuranceNotice, LimitChange, Person
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine

from tests.engine.engines import id_of, previewed, settle, settled
from tests.engine.relatives import (
    ABOVE_CEILING,
    AREA,
    CLASS_B,
    ELSEWHERE,
    RELATIVES_FIRST,
    SWITCHES,
    account,
    dissolved,
    family_engine,
    granted,
    limits,
    lowered,
    opened,
    person,
    visit,
)
from tests.service.claims import INSTITUTION

pytestmark = pytest.mark.both_stores


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Yield an engine of a family: G1 has 1,000 yuan, G2 500, the receiver R 100."""
    with family_engine(tmp_path) as engine:
        for who, fen in (("G1", 100_000), ("G2", 50_000), ("R", 10_000)):
            opened(engine, who, fen)
        yield engine


def test_what_is_set_aside_leaves_the_account(engine: Engine) -> None:
    """Inside the limit the giver cannot use the money any more; raising adds to it."""
    state = granted(engine, "G1", "R", 30_000)

    assert (1, 30_000, 0, True) == (
        state.relation.number,
        state.limit_fen,
        state.used_fen,
        state.bound,
    )
    assert (70_000, 10_000) == (account(engine, "G1"), account(engine, "R"))
    assert 30_001 == granted(engine, "G1", "R", 1).limit_fen
    assert {"G1 1": (30_001, 0, True)} == limits(engine, "R")


def test_a_repeated_request_changes_nothing(engine: Engine) -> None:
    """Same content again: how the relation stands now; other content is refused."""
    granted(engine, "G1", "R", 30_000, "Q1")
    lowered(engine, "G1", "R", 10_000, "Q2")

    for again in (
        granted(engine, "G1", "R", 30_000, "Q1"),
        lowered(engine, "G1", "R", 10_000, "Q2"),
    ):
        assert (20_000, True) == (again.limit_fen, again.duplicate)
    assert 80_000 == account(engine, "G1")
    with pytest.raises(errors.RequestIdReused, match="Q1"):
        granted(engine, "G1", "R", 30_001, "Q1")
    with pytest.raises(errors.RequestIdReused, match="Q1"):
        lowered(engine, "G1", "R", 30_000, "Q1")
    first = dissolved(engine, "G1", "R", "Q3")
    assert (False, False) == (first.bound, first.duplicate)
    assert replace(first, duplicate=True) == dissolved(engine, "G1", "R", "Q3")


def test_a_bill_is_paid_in_the_order_of_binding(engine: Engine) -> None:
    """Of 1,500 the own account pays 100, G2 who was bound first 300, G1 600 of its 700."""
    granted(engine, "G2", "R", 30_000)
    granted(engine, "G1", "R", 70_000)
    bill = settled(engine, visit(1, "R", 100_000))

    amounts = tuple(bill.fen(f"{each}_fen") for each in ("account", "mutual_aid", "cash"))
    assert (10_000, 90_000, 0) == amounts
    assert 100_000 == bill.fen("person_total_fen")
    shares = [
        (row["position"], row["stage"], row["giver_area"], row["giver"], row["relation"])
        for row in bill.relatives
    ]
    assert [(0, "relatives", AREA, "G2", 1), (1, "relatives", AREA, "G1", 2)] == shares
    assert [(30_000, 0), (60_000, 10_000)] == [
        (row["paid_fen"], row["limit_left_fen"]) for row in bill.relatives
    ]
    assert {"G2 1": (0, 30_000, True), "G1 2": (10_000, 60_000, True)} == limits(engine, "R")
    assert bill == engine.get(id_of(bill))
    assert [] == broken_identities(bill)


def test_relatives_may_pay_first(engine: Engine) -> None:
    """The order is that of the stages: here relatives pay 500, then the own account 100."""
    granted(engine, "G1", "R", 50_000)
    bill = settled(engine, visit(1, "R", 55_000, RELATIVES_FIRST))

    amounts = tuple(bill.fen(f"{each}_fen") for each in ("account", "mutual_aid", "cash"))
    assert (5_000, 50_000, 0) == amounts


def test_claims_of_one_batch_share_the_limits(engine: Engine) -> None:
    """Three claims of two policies, one batch: G1's 500 are used in order, then G2's 200."""
    granted(engine, "G1", "R", 50_000)
    granted(engine, "G2", "R", 20_000)
    rows = [
        visit(1, "R", 40_000),
        visit(2, "R", 30_000, RELATIVES_FIRST),
        visit(3, "R", 15_000),
    ]
    answers = settle(engine, *rows)

    found = [
        [(row["giver"], row["paid_fen"]) for row in answer.relatives]  # type: ignore[union-attr]
        for answer in answers
    ]
    # The own account pays 100 of the first bill only.
    assert [[("G1", 30_000)], [("G1", 20_000), ("G2", 10_000)], [("G2", 10_000)]] == found
    assert {"G1 1": (0, 50_000, True), "G2 2": (0, 20_000, True)} == limits(engine, "R")


def test_a_number_used_twice_in_a_batch_takes_nothing_twice(engine: Engine) -> None:
    """A later part of the batch sees what the first one took, before anything is recorded."""
    granted(engine, "G1", "R", 50_000)
    first, second = visit(1, "R", 40_000), visit(1, "R", 45_000)
    third = visit(3, "R", 30_000)
    answers = settle(engine, first, second, third)

    assert [30_000, 20_000] == [
        answer.fen("mutual_aid_fen")  # type: ignore[union-attr]
        for answer in (answers[0], answers[2])
    ]
    assert {"G1 1": (0, 50_000, True)} == limits(engine, "R")


def test_a_preview_uses_nothing_up(engine: Engine) -> None:
    """What a preview shows is what settling gives, and the limit is there as before."""
    granted(engine, "G1", "R", 50_000)
    shown = previewed(engine, visit(1, "R", 40_000))

    assert {"G1 1": (50_000, 0, True)} == limits(engine, "R")
    bill = settled(engine, visit(1, "R", 40_000))
    assert 30_000 == shown.fen("mutual_aid_fen") == bill.fen("mutual_aid_fen")


def test_each_stage_says_from_whom_its_fen_came(engine: Engine) -> None:
    """Two stages share two limits: one relative's part of each is told apart.

    Of 1,444.44 a tenth is first-self-pay, 144.44; of 1,300 in scope 500 are deductible and half of
    800 is the own share, 900 together. The own account pays 100 of it, G1 its 700, G2 100 and the
    first-self-pay.
    """
    granted(engine, "G1", "R", 70_000)
    granted(engine, "G2", "R", 50_000)
    bill = settled(engine, visit(1, "R", 144_444, SWITCHES, CLASS_B))

    assert 40_000 == bill.fen("pooled_fund_fen")
    assert [
        ("relatives", "G1", 70_000),
        ("relatives", "G2", 10_000),
        ("relatives_first_self_pay", "G2", 14_444),
    ] == [(row["stage"], row["giver"], row["paid_fen"]) for row in bill.relatives]
    assert {"G1 1": (0, 70_000, True), "G2 2": (25_556, 24_444, True)} == limits(engine, "R")
    told = {each.stage: each.steps for each in engine.explain(id_of(bill)).sentences}
    (step,) = [each for each in told["relatives_first_self_pay"] if each.label == "from a relative"]
    assert 14_444 == step.amount_fen
    cancel = engine.cancel(INSTITUTION, "X1", id_of(bill))
    assert {"G1 1": (70_000, 0, True), "G2 2": (50_000, 0, True)} == limits(engine, "R")
    assert [70_000, 50_000, 50_000] == [row["limit_left_fen"] for row in cancel.relatives]


def test_a_bill_that_cannot_be_decided_uses_nothing_up(engine: Engine) -> None:
    """A preview shows its shares and its notice; the claim after it finds the limit whole."""
    granted(engine, "G1", "R", 70_000)
    rows = [
        visit(1, "R", 904_100, RELATIVES_FIRST, ABOVE_CEILING),
        visit(2, "R", 60_000, RELATIVES_FIRST),
    ]
    shown = [previewed(engine, rows[0]), *settle(engine, *rows)]

    assert (70_000, True) == (shown[0].fen("mutual_aid_fen"), bool(shown[0].notices))  # type: ignore[union-attr]
    assert isinstance(shown[1], Rejection)
    assert isinstance(shown[2], Settlement)
    assert 60_000 == shown[2].fen("mutual_aid_fen")
    assert {"G1 1": (10_000, 60_000, True)} == limits(engine, "R")


def test_accounts_that_are_not_to_be_used_stay_as_they_are(engine: Engine) -> None:
    """The flag of the claim is for personal accounts, whosever: relatives pay nothing either."""
    granted(engine, "G1", "R", 50_000)
    bill = settled(engine, visit(1, "R", 40_000) | {"account_used": False})

    assert (0, 40_000) == (bill.fen("mutual_aid_fen"), bill.fen("cash_fen"))
    assert () == bill.relatives


def test_a_limit_is_explained_giver_by_giver(engine: Engine) -> None:
    """The sentence says what the limits held, its steps from whom each fen came."""
    granted(engine, "G2", "R", 30_000)
    granted(engine, "G1", "R", 70_000)
    bill = settled(engine, visit(1, "R", 100_000))
    (told,) = [each for each in engine.explain(id_of(bill)).sentences if each.stage == "relatives"]

    assert "the limits of relatives held 1,000.00" in told.text_en
    assert "亲属授权额度 1,000.00 元" in told.text_zh
    steps = [(step.amount_fen, step.text) for step in told.steps if "relative" in step.label]
    assert [
        (100_000, "set aside by relatives; may be used"),
        (30_000, f"G2 of {AREA}, bound as number 1; 0.00 left of the limit"),
        (60_000, f"G1 of {AREA}, bound as number 2; 100.00 left of the limit"),
    ] == steps


# --- giving back -----------------------------------------------------------------------------


def test_a_cancel_restores_every_limit(engine: Engine) -> None:
    """Account and limits are what they were before the bill, giver by giver."""
    granted(engine, "G2", "R", 30_000)
    granted(engine, "G1", "R", 70_000)
    before = limits(engine, "R")
    bill = settled(engine, visit(1, "R", 100_000))
    cancel = engine.cancel(INSTITUTION, "X1", id_of(bill))

    assert before == limits(engine, "R")
    assert (10_000, 30_000, 20_000) == tuple(account(engine, who) for who in ("R", "G1", "G2"))
    assert [
        ("G2", -30_000, "limit", 30_000),
        ("G1", -60_000, "limit", 70_000),
    ] == [
        (row["giver"], row["paid_fen"], row["booked_on"], row["limit_left_fen"])
        for row in cancel.relatives
    ]
    assert -90_000 == cancel.fen("mutual_aid_fen")
    assert [] == broken_identities(cancel)
    assert cancel == engine.get(id_of(cancel))
    assert replace(cancel, duplicate=True) == engine.cancel(INSTITUTION, "X1", id_of(bill))
    amounts = [each.amount_fen for each in engine.explain(id_of(cancel)).sentences]
    assert -100_000 == sum(amounts)


def test_a_dissolved_giver_gets_a_refund_on_the_account(engine: Engine) -> None:
    """What a cancel gives back of a dissolved relation is the giver's own again."""
    granted(engine, "G1", "R", 70_000)
    bill = settled(engine, visit(1, "R", 50_000))
    dissolved(engine, "G1", "R", "D1")
    assert 60_000 == account(engine, "G1")
    cancel = engine.cancel(INSTITUTION, "X1", id_of(bill))

    assert 100_000 == account(engine, "G1")
    assert {"G1 1": (0, 0, False)} == limits(engine, "R")
    (row,) = cancel.relatives
    assert (-40_000, "account", 0) == (row["paid_fen"], row["booked_on"], row["limit_left_fen"])
    assert 10_000 == cancel.fen("account_balance_fen")


def test_a_refund_does_not_go_to_a_new_relation(engine: Engine) -> None:
    """Bound again is a new relation with a limit of its own; the refund goes to the account."""
    granted(engine, "G1", "R", 70_000)
    bill = settled(engine, visit(1, "R", 50_000))
    dissolved(engine, "G1", "R", "D1")
    assert 2 == granted(engine, "G1", "R", 5_000).relation.number
    engine.cancel(INSTITUTION, "X1", id_of(bill))

    assert {"G1 1": (0, 0, False), "G1 2": (5_000, 0, True)} == limits(engine, "R")
    assert 95_000 == account(engine, "G1")


def test_lowering_gives_back_what_was_not_used(engine: Engine) -> None:
    """Of 700 set aside 400 are used: 300 can go back to the giver, and not a fen more."""
    granted(engine, "G1", "R", 70_000)
    settled(engine, visit(1, "R", 50_000))

    with pytest.raises(errors.BalanceTooLow, match="holds 30000 fen, less than 30001"):
        lowered(engine, "G1", "R", 30_001, "L1")
    state = lowered(engine, "G1", "R", 30_000, "L2")
    assert (0, 40_000, True) == (state.limit_fen, state.used_fen, state.bound)
    assert 60_000 == account(engine, "G1")


@pytest.mark.parametrize("reason", ["giver", "receiver"])
def test_either_side_may_dissolve(engine: Engine, reason: str) -> None:
    """The unused limit goes back to the giver, and the next bill finds nothing."""
    granted(engine, "G1", "R", 70_000)
    sides = person("G1"), person("R")
    end = Dissolution(INSTITUTION, "D1", *sides, reason)  # type: ignore[arg-type]
    state = engine.relatives.dissolve(end)

    assert (0, 0, False) == (state.limit_fen, state.used_fen, state.bound)
    assert 100_000 == account(engine, "G1")
    bill = settled(engine, visit(1, "R", 50_000))
    assert (0, 40_000) == (bill.fen("mutual_aid_fen"), bill.fen("cash_fen"))


def test_the_end_of_insurance_ends_what_one_gives_and_receives(engine: Engine) -> None:
    """G1 receives from G2 and gives to R: both end, in one entry; others stay as they are."""
    granted(engine, "G2", "G1", 20_000)
    granted(engine, "G1", "R", 70_000)
    granted(engine, "G2", "R", 10_000, "Q9")
    end = InsuranceNotice(INSTITUTION, "E1", person("G1"))
    state = engine.relatives.end_insurance(end)

    assert [("G2", "G1", 0, False), ("G1", "R", 0, False)] == [
        (each.relation.giver.person, each.relation.receiver.person, each.limit_fen, each.bound)
        for each in state.ended
    ]
    assert (False, False) == (state.insured, state.duplicate)
    assert (100_000, 40_000) == (account(engine, "G1"), account(engine, "G2"))
    assert {"G1 1": (0, 0, False), "G2 2": (10_000, 0, True)} == limits(engine, "R")
    again = engine.relatives.end_insurance(end)
    assert (True, [True, True]) == (again.duplicate, [each.duplicate for each in again.ended])
    assert state.ended == tuple(replace(each, duplicate=False) for each in again.ended)
    assert () == engine.relatives.end_insurance(replace(end, request_id="E2")).ended


def test_who_is_not_insured_neither_gives_nor_receives(engine: Engine) -> None:
    """From the end of the insurance, told twice or once, until it is told to have begun again."""
    end = InsuranceNotice(INSTITUTION, "E1", person("G1"))
    engine.relatives.end_insurance(end)
    engine.relatives.end_insurance(replace(end, request_id="E2"))
    for giver, receiver, request in (("G1", "R", "Q1"), ("G2", "G1", "Q0")):
        with pytest.raises(errors.NotInsured, match="insurance of G1 of 999921 has ended"):
            granted(engine, giver, receiver, 1, request)
    assert (100_000, 50_000) == (account(engine, "G1"), account(engine, "G2"))
    assert granted(engine, "G2", "R", 1, "Q2").bound

    begin = replace(end, request_id="B1")
    begun = engine.relatives.begin_insurance(begin)
    assert (True, False) == (begun.insured, begun.duplicate)
    assert replace(begun, duplicate=True) == engine.relatives.begin_insurance(begin)
    assert engine.relatives.begin_insurance(replace(begin, request_id="B2")).insured
    with pytest.raises(errors.NotInsured, match="has ended"):
        granted(engine, "G1", "R", 1, "Q1")
    assert granted(engine, "G1", "R", 1, "Q4").bound
    assert granted(engine, "G2", "G1", 1, "Q3").bound
    with pytest.raises(errors.RequestIdReused, match="E1"):
        engine.relatives.begin_insurance(end)
    # A notice that is sent again ends nothing again.
    assert engine.relatives.end_insurance(end).insured
    assert {"G2 1": (1, 0, True), "G1 2": (1, 0, True)} == limits(engine, "R")


def test_a_giver_may_live_elsewhere(engine: Engine) -> None:
    """Areas served by one engine are one book: the account of another area is reserved and used."""
    opened(engine, "G9", 40_000, ELSEWHERE)
    giver = Person(ELSEWHERE, "G9")
    engine.relatives.grant(LimitChange(INSTITUTION, "Q1", giver, person("R"), 40_000))
    bill = settled(engine, visit(1, "R", 30_000))

    assert (0, 20_000) == (account(engine, "G9", ELSEWHERE), bill.fen("mutual_aid_fen"))
    assert [(ELSEWHERE, "G9")] == [(row["giver_area"], row["giver"]) for row in bill.relatives]
    assert ["R"] == [each.relation.receiver.person for each in engine.relatives.relations(giver)]


def test_counters_of_relations_are_no_counters_of_the_person(engine: Engine) -> None:
    """A person's state lists the account and what policies count, and neither side's limits."""
    granted(engine, "G1", "R", 30_000)

    assert () == engine.person(AREA, "R").counters == engine.person(AREA, "G1").counters
    assert [] == engine.page()
