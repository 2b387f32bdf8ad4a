"""Whenever a till is killed, whoever carries on ends every checkout, once."""

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from medsettle.payments.sandbox_bank import Mode
from medsettle.payments.till_journal import IfDeclined, Step

from tests.payments.killing import Acknowledge, run_until
from tests.payments.tills import CASH_FEN, assert_books_agree, counter, opened, rows

pytestmark = pytest.mark.slow

# Where a step counts: what payments do, and the commit of the medical ledger.
_WITHIN = ("medsettle/payments/", "ledger/sqlite.py")


def _check_out(folder: Path, if_declined: IfDeclined, people: int, tell: Acknowledge) -> None:
    """Check some people out and acknowledge how each leg ended."""
    with counter(folder) as desk:
        for row in rows(people):
            leg = desk.till.checkout(row, f"A{row['person'][1:]}", if_declined)
            tell(f"{leg.leg} {leg.step}")


def _take_back(folder: Path, tell: Acknowledge) -> None:
    """Check one person out and take the checkout back."""
    with counter(folder) as desk:
        leg = desk.checkout(1)
        if leg.step is Step.CHARGED:
            tell(f"{leg.leg} {desk.till.take_back(leg.leg).step}")


def _cancelled_elsewhere(folder: Path, tell: Acknowledge) -> None:
    """Check one person out; the institution cancels while the bank does not answer."""
    with counter(folder) as desk:
        leg = desk.checkout(1)
        if leg.settlement is not None and desk.stands(leg):
            desk.engine.cancel("H1", "X1", leg.settlement)
        tell(f"{leg.leg} seen")


def _resume(folder: Path, tell: Acknowledge) -> None:
    """Carry on with everything."""
    with counter(folder) as desk:
        for leg in desk.till.resume():
            tell(f"{leg.leg} {leg.step}")


@pytest.mark.parametrize(
    ("if_declined", "script", "ends"),
    [
        pytest.param(IfDeclined.CANCEL, [], Step.CHARGED, id="charged"),
        pytest.param(IfDeclined.CANCEL, [Mode.TIMEOUT_AFTER], Step.CHARGED, id="answer-lost"),
        pytest.param(IfDeclined.CANCEL, [Mode.TIMEOUT_BEFORE], Step.CHARGED, id="question-lost"),
        pytest.param(IfDeclined.CANCEL, [Mode.DECLINE], Step.CANCELLED, id="declined-cancel"),
        pytest.param(IfDeclined.DEBT, [Mode.DECLINE], Step.DEBT, id="declined-debt"),
    ],
)
def test_a_checkout_killed_at_any_step_is_finished_once(
    tmp_path: Path, if_declined: IfDeclined, script: list[Mode], ends: Step
) -> None:
    """After a kill at each step `resume` ends the leg, and bank, journal and ledger agree."""
    step, killed, found = 0, True, []
    while killed:
        folder = tmp_path / str(step)
        folder.mkdir()
        opened(folder, 1, Mode.OK, *script)
        check_out = partial(_check_out, folder, if_declined, 1)
        first = run_until(step, check_out, _WITHIN)
        run_until(None, partial(_resume, folder), _WITHIN)
        after = assert_books_agree(folder)
        # Killed before the journal knew of it, there is no leg; nothing was acknowledged then.
        assert after or not first.acknowledged
        last = run_until(None, check_out, _WITHIN)
        final = assert_books_agree(folder)

        assert 1 == sum(final.values())
        assert after in ({}, final)
        if first.acknowledged:
            assert first.acknowledged == last.acknowledged
        found += list(final)
        killed, step = first.killed, step + 1

    # A kill that takes the declining answer away lets the next question be answered otherwise
    # only where the bank itself has not recorded it.
    assert {ends} <= set(found) <= {ends, Step.CHARGED}
    assert ends is found[-1]
    assert step > 20


@pytest.mark.parametrize(
    ("script", "action"),
    [
        pytest.param([], _take_back, id="taken-back"),
        pytest.param([], _cancelled_elsewhere, id="cancelled-afterwards"),
        pytest.param([Mode.DOWN] * 5, _cancelled_elsewhere, id="cancelled-meanwhile"),
    ],
)
def test_what_is_taken_back_and_killed_at_any_step_is_given_back_once(
    tmp_path: Path, script: list[Mode], action: Callable[[Path, Acknowledge], None]
) -> None:
    """Settlement and charge are both gone or both there, whenever the till is killed."""
    step, killed, found = 0, True, set()
    while killed:
        folder = tmp_path / str(step)
        folder.mkdir()
        opened(folder, 1, Mode.OK, *script)
        ended = run_until(step, partial(action, folder), _WITHIN)
        # The bank is back.
        opened(folder, 0)
        run_until(None, partial(_resume, folder), _WITHIN)
        found |= set(assert_books_agree(folder))
        killed, step = ended.killed, step + 1

    assert Step.REFUNDED in found
    assert found <= {Step.REFUNDED, Step.CANCELLED, Step.CHARGED}
    assert step > 20


def test_a_resume_killed_at_any_step_is_resumed(tmp_path: Path) -> None:
    """The one that carries on is killed too: at a leg that waits to be charged, and at another."""
    step, killed = 0, True
    while killed:
        folder = tmp_path / str(step)
        folder.mkdir()
        opened(folder, 2, Mode.DOWN)
        run_until(None, partial(_check_out, folder, IfDeclined.CANCEL, 2), _WITHIN)
        opened(folder, 0, Mode.OK, Mode.TIMEOUT_AFTER)
        ended = run_until(step, partial(_resume, folder), _WITHIN)
        run_until(None, partial(_resume, folder), _WITHIN)

        assert {Step.CHARGED: 2} == assert_books_agree(folder)
        with counter(folder) as desk:
            assert (CASH_FEN, CASH_FEN) == (desk.moved(1), desk.moved(2))
        killed, step = ended.killed, step + 1

    assert step > 20


def test_a_day_of_kills_and_a_bad_bank_loses_nothing(tmp_path: Path) -> None:
    """Twenty people, a bank with bad days, a kill at a random step of every run, eight times."""
    rng = random.Random(20240502)
    opened(tmp_path, 20)
    acknowledged: dict[str, str] = {}
    for _ in range(8):
        opened(tmp_path, 0, Mode.OK, *rng.choices(list(Mode), k=30))
        choice = IfDeclined.DEBT
        ended = run_until(
            rng.randrange(20, 400), partial(_check_out, tmp_path, choice, 20), _WITHIN
        )
        for line in ended.acknowledged:
            leg, step = line.split()
            if Step(step).ended:
                assert acknowledged.setdefault(leg, step) == step
    opened(tmp_path, 0)
    run_until(None, partial(_check_out, tmp_path, IfDeclined.DEBT, 20), _WITHIN)
    ends = assert_books_agree(tmp_path)

    assert 20 == sum(ends.values())
    assert {Step.CHARGED, Step.DEBT} == set(ends)
    with counter(tmp_path) as desk:
        now = {leg.leg: str(leg.step) for leg in desk.till.journal.legs()}
    assert acknowledged == {leg: now[leg] for leg in acknowledged}
