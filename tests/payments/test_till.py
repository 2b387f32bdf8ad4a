"""A checkout moves two ledgers together, or undoes what it did to one of them."""

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest
from medsettle import errors, limits
from medsettle.payments.sandbox_bank import Mode
from medsettle.payments.till_journal import IfDeclined, Step

from tests.payments import paying
from tests.payments.tills import (
    CASH_FEN,
    DEPOSIT_FEN,
    Counter,
    assert_books_agree,
    counter,
    opened,
)
from tests.service.claims import claim


@pytest.fixture(name="desk")
def _desk(tmp_path: Path) -> Iterator[Counter]:
    opened(tmp_path, 3)
    with counter(tmp_path) as desk:
        yield desk
    assert_books_agree(tmp_path)


def test_the_cash_of_a_settlement_is_charged(desk: Counter) -> None:
    """Of 500.00 the fund pays 320.00; 180.00 leave the account, once, however often it is asked."""
    leg = desk.checkout()
    again = desk.checkout()

    assert (Step.CHARGED, CASH_FEN, True) == (leg.step, leg.cash_fen, leg.charged)
    assert (leg, CASH_FEN) == (again, desk.moved())
    assert [Step.SETTLING, Step.CHARGING, Step.CHECKING, Step.CHARGED] == (
        desk.till.journal.steps(leg.leg)
    )
    assert 1 == desk.engine.ledger.last_seq()


@pytest.mark.parametrize(
    ("choice", "ends", "stands"),
    [(IfDeclined.CANCEL, Step.CANCELLED, False), (IfDeclined.DEBT, Step.DEBT, True)],
)
def test_a_declined_charge_ends_as_the_caller_chose(
    desk: Counter, choice: IfDeclined, ends: Step, stands: bool
) -> None:
    """Either the settlement is taken back, or the own share stays as an open debt."""
    desk.bank.behave("A1", Mode.DECLINE)
    leg = desk.checkout(if_declined=choice)

    assert (ends, "refused by the account's bank", False) == (leg.step, leg.why, leg.charged)
    assert (stands, 0, CASH_FEN) == (desk.stands(leg), desk.moved(), leg.cash_fen)


def test_an_account_without_the_money_is_declined(desk: Counter) -> None:
    """One fen too little, and an account that the bank does not know, are refused for good."""
    first = desk.till.checkout(claim(4), "A9", IfDeclined.DEBT)
    desk.bank.deposit("B", CASH_FEN - 1)
    second = desk.till.checkout(claim(5), "B", IfDeclined.DEBT)
    desk.bank.deposit("C", CASH_FEN)
    third = desk.till.checkout(claim(6), "C", IfDeclined.DEBT)

    assert ["no such account", "not enough money"] == [first.why, second.why]
    assert [Step.DEBT, Step.DEBT, Step.CHARGED] == [first.step, second.step, third.step]


def test_nothing_is_charged_for_a_rejected_claim(desk: Counter) -> None:
    """The leg ends with the reason, and is tried again when the claim comes again."""
    leg = desk.checkout(person_type="1101", visit_type="77")
    again = desk.checkout(person_type="1101", visit_type="77")

    assert (Step.REJECTED, None, 0) == (leg.step, leg.settlement, desk.moved())
    assert leg.why.startswith("INVALID_REQUEST: visit_type: unknown code '77'")
    assert [Step.SETTLING, Step.REJECTED] * 2 == desk.till.journal.steps(again.leg)


def test_a_checkout_refused_for_good_says_that_it_needs_a_new_id(desk: Counter) -> None:
    """A refusal that is recorded stays one, and the till says what to do."""
    leg, again = (desk.checkout(visit_type="21", institution_level="09") for _ in "12")

    assert (Step.REJECTED, leg.why) == (again.step, again.why)
    assert leg.why.startswith("CLASS_NOT_COVERED: ")
    assert leg.why.endswith("refused for good under this request id, a new request needs a new one")


def test_without_cash_nobody_is_charged(desk: Counter) -> None:
    """A bill that the personal account pays leaves nothing to take."""
    leg = desk.checkout(lines=[{**claim(1)["lines"][0], "amount_fen": 0, "unit_price_e6": 0}])

    assert (Step.NOTHING_DUE, 0, 0) == (leg.step, leg.cash_fen, desk.moved())


@pytest.mark.parametrize(
    ("script", "asked"),
    [
        pytest.param([Mode.TIMEOUT_AFTER], 1, id="done-and-lost"),
        pytest.param([Mode.TIMEOUT_BEFORE], 1, id="lost-on-the-way"),
        pytest.param([Mode.TIMEOUT_BEFORE, Mode.DOWN, Mode.TIMEOUT_AFTER], 3, id="both-and-down"),
        pytest.param([Mode.SLOW], 1, id="slow"),
    ],
)
def test_an_unclear_answer_is_asked_for_until_it_is_clear(
    desk: Counter, script: list[Mode], asked: int
) -> None:
    """Whatever got lost, the money is taken once and the leg ends."""
    desk.bank.behave("*", Mode.OK, script)
    leg = desk.checkout()

    assert (Step.CHARGED, CASH_FEN) == (leg.step, desk.moved())
    assert asked <= len(desk.pauses) <= limits.BANK_ASKS_MAX


def test_a_bank_that_stays_away_leaves_the_leg_for_later(desk: Counter) -> None:
    """Asked so often and no oftener; the leg waits, and is finished when the bank is back."""
    desk.bank.behave("*", Mode.DOWN)
    leg = desk.checkout()
    pauses = list(desk.pauses)
    waiting = desk.till.resume()
    desk.bank.behave("*", Mode.OK)
    (finished,) = desk.till.resume()

    assert [0.1, 0.2, 0.4, 0.8] == pauses
    assert limits.BANK_ASKS_MAX == len(pauses)
    assert (Step.CHARGING, [leg]) == (leg.step, waiting)
    assert (Step.CHARGED, CASH_FEN) == (finished.step, desk.moved())
    assert [] == desk.till.resume()


def test_a_settlement_cancelled_during_the_charge_is_refunded(desk: Counter) -> None:
    """The bank took the money, the settlement is gone: the money goes back."""
    desk.bank.behave("*", Mode.DOWN)
    leg = desk.checkout()
    assert leg.settlement is not None
    desk.engine.cancel("H1", "X1", leg.settlement)
    desk.bank.behave("*", Mode.OK)
    (finished,) = desk.till.resume()

    assert (Step.REFUNDED, False, 0) == (finished.step, finished.charged, desk.moved())
    assert [Step.CHECKING, Step.REFUNDING, Step.REFUNDED] == (desk.till.journal.steps(leg.leg)[-3:])


def test_a_settlement_cancelled_afterwards_is_refunded_and_its_debt_dropped(desk: Counter) -> None:
    """Whoever cancels at another place, the next resume gives back what the till took."""
    paid = desk.checkout(1)
    desk.bank.behave("A2", Mode.DECLINE)
    owing = desk.checkout(2, IfDeclined.DEBT)
    for number, leg in enumerate((paid, owing)):
        assert leg.settlement is not None
        desk.engine.cancel("H1", f"X{number}", leg.settlement)
    ends = {leg.leg: leg.step for leg in desk.till.resume()}

    assert {paid.leg: Step.REFUNDED, owing.leg: Step.CANCELLED} == ends
    assert (0, 0) == (desk.moved(1), desk.moved(2))


def test_a_settlement_that_was_taken_back_is_not_charged(desk: Counter) -> None:
    """A claim settled and cancelled elsewhere before the till got to it."""
    settlement = desk.till.desk.settle(claim(1))
    assert not hasattr(settlement, "outcome")
    desk.engine.cancel("H1", "X1", str(settlement.columns["settlement"]))
    leg = desk.checkout()

    assert (Step.CANCELLED, 0) == (leg.step, desk.moved())


def test_a_checkout_is_taken_back_as_a_whole(desk: Counter) -> None:
    """Settlement and charge go back together, once, and only where there is something to take."""
    leg = desk.checkout()
    taken = desk.till.take_back(leg.leg)

    assert (Step.REFUNDED, False, 0) == (taken.step, desk.stands(taken), desk.moved())
    with pytest.raises(errors.Precondition, match="is refunded; only one that is charged, debt"):
        desk.till.take_back(leg.leg)
    with pytest.raises(errors.NotFound, match="there is no checkout 'L1'"):
        desk.till.take_back("L1")


def test_a_credit_that_was_spent_is_not_taken_back(tmp_path: Path) -> None:
    """The settlement cannot be cancelled, so the checkout stays as it was, and says why."""
    opened(tmp_path, 1)
    with counter(tmp_path, paying.SHAPES) as desk:
        credit = paying.claim(1, "99", "310", wage_base_fen=500_000)
        spent = credit | {"request_id": "R2", "wage_base_fen": 0, "lines": [paying.line(6_000)]}
        first = desk.till.checkout(credit, "A1", IfDeclined.DEBT)
        second = desk.till.checkout(spent, "A1", IfDeclined.DEBT)
        with pytest.raises(errors.AccountSpent, match="cancel the later settlements that spent it"):
            desk.till.take_back(first.leg)
        stays = desk.till.journal.leg(first.leg)
        ends = [desk.till.take_back(leg.leg).step for leg in (second, first)]

    assert [Step.NOTHING_DUE] * 3 == [leg.step for leg in (first, second, stays)]
    assert stays.why.startswith("could not be taken back: settlement")
    assert [Step.CANCELLED] * 2 == ends


def test_what_the_bank_will_not_give_back_is_owed(desk: Counter) -> None:
    """The account is closed meanwhile: the settlement is gone, the money is still there."""
    leg = desk.checkout()
    desk.bank.behave("A1", Mode.DECLINE)
    taken = desk.till.take_back(leg.leg)

    assert (Step.REFUND_OWED, True, CASH_FEN) == (taken.step, taken.charged, desk.moved())
    assert not desk.stands(taken)
    assert taken == desk.till.journal.of_settlement(str(leg.settlement))


def test_a_debt_is_collected_under_a_new_id(desk: Counter) -> None:
    """The declined charge stays declined; the next attempt takes the money, and goes back whole."""
    desk.bank.behave("A1", Mode.OK, [Mode.DECLINE, Mode.DECLINE, Mode.TIMEOUT_AFTER])
    owing = desk.checkout(if_declined=IfDeclined.DEBT)
    still = desk.till.collect(owing.leg)
    paid = desk.till.collect(owing.leg)

    assert [(Step.DEBT, 1), (Step.DEBT, 2), (Step.CHARGED, 3)] == [
        (leg.step, leg.attempt) for leg in (owing, still, paid)
    ]
    assert CASH_FEN == desk.moved()
    with pytest.raises(errors.Precondition, match="is charged; only a debt can be collected"):
        desk.till.collect(owing.leg)
    assert (Step.REFUNDED, 0) == (desk.till.take_back(owing.leg).step, desk.moved())


@pytest.mark.parametrize("mode", [Mode.TIMEOUT_BEFORE, Mode.TIMEOUT_AFTER, Mode.DOWN])
def test_a_refund_that_got_lost_is_given_once(desk: Counter, mode: Mode) -> None:
    """As with the charge: asked for until the answer is clear."""
    leg = desk.checkout()
    desk.bank.behave("A1", Mode.OK, [mode])
    taken = desk.till.take_back(leg.leg)

    assert (Step.REFUNDED, 0) == (taken.step, desk.moved())


def test_a_request_is_one_leg(desk: Counter) -> None:
    """Another account, choice or claim under the same request id is refused, and nothing moves."""
    desk.checkout()
    for changed in (
        (claim(1), "A2", IfDeclined.CANCEL),
        (claim(1), "A1", IfDeclined.DEBT),
        (claim(1, 60_000), "A1", IfDeclined.CANCEL),
    ):
        with pytest.raises(errors.RequestIdReused, match="was checked out before with another"):
            desk.till.checkout(*changed)

    assert (CASH_FEN, 0) == (desk.moved(1), desk.moved(2))


def test_a_claim_must_say_whose_request_it_is(desk: Counter) -> None:
    """All that is missing or too long is told at once, one step past each bound."""
    most = limits.BANK_ACCOUNT_CHARS_MAX
    with pytest.raises(errors.InvalidRequest) as refused:
        desk.till.checkout({"request_id": "R" * 37}, "A" * (most + 1), IfDeclined.DEBT)
    with pytest.raises(errors.InvalidRequest, match="pay-from: has 0 characters"):
        desk.till.checkout(claim(1), "", IfDeclined.DEBT)
    desk.till.checkout(claim(1, request_id="R" * 36), "A" * most, IfDeclined.DEBT)

    assert ["institution", "request_id", "pay-from"] == [
        fault.path for fault in refused.value.faults
    ]


def test_of_two_tills_with_one_leg_one_records(tmp_path: Path, desk: Counter) -> None:
    """A step that another process took first is not taken again; what it recorded holds."""
    desk.bank.behave("*", Mode.DOWN)
    waiting = desk.checkout()
    desk.bank.behave("*", Mode.OK)
    desk.till.resume()
    late = desk.till.journal.advance(waiting, Step.DEBT, desk.till.clock(), why="too late")

    assert (Step.CHARGED, True) == (late.step, late.charged)
    assert tmp_path.exists()


def test_what_the_journal_cannot_hold_is_no_lost_race(desk: Counter) -> None:
    """A step that the store refuses for itself is an error, and the leg stays where it was."""
    desk.bank.behave("*", Mode.DOWN)
    leg = desk.checkout()
    with pytest.raises(errors.StoreUnavailable, match="CHECK constraint failed"):
        desk.till.journal.advance(leg, Step.DEBT, desk.till.clock(), cash_fen=-1)
    desk.bank.behave("*", Mode.OK)

    assert [Step.CHARGED] == [each.step for each in desk.till.resume()]


def test_the_journal_neither_changes_nor_vanishes(desk: Counter) -> None:
    """The store itself refuses to change what was recorded or to leave a step out."""
    leg = desk.checkout()
    for sql in (
        "update steps set why = ''",
        "delete from steps",
        "update legs set account = 'B'",
        "delete from legs",
        f"insert into steps values ('{leg.leg}', 9, 'debt', 0, null, 0, 0, 1, '')",
    ):
        with pytest.raises(apsw.ConstraintError):
            desk.till.journal.connection.execute(sql)


def test_the_sandbox_bank_bounds_what_it_holds(desk: Counter) -> None:
    """Balances and scripts are held to their bounds, one step either side."""
    room_fen = limits.AMOUNT_FEN_MAX - DEPOSIT_FEN
    with pytest.raises(errors.InvalidRequest, match=f"is not in 0 to {room_fen}"):
        desk.bank.deposit("A1", room_fen + 1)
    with pytest.raises(errors.InvalidRequest, match="and not '\\*'"):
        desk.bank.deposit("*", 1)
    with pytest.raises(errors.InvalidRequest, match="has 101 modes, at most 100"):
        desk.bank.behave("A1", Mode.OK, [Mode.OK] * (limits.SANDBOX_SCRIPT_MAX + 1))
    desk.bank.behave("A1", Mode.OK, [Mode.OK] * limits.SANDBOX_SCRIPT_MAX)

    assert limits.AMOUNT_FEN_MAX == desk.bank.deposit("A1", room_fen).balance_fen
