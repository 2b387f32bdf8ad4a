"""Deductions that are withdrawn, and those that are more than what is due."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from medsettle import errors, limits
from medsettle.clearing.months.months import MonthStore
from medsettle.clearing.notices.book import Status, notice
from medsettle.clearing.notices.deductions import (
    Deduction,
    DeductionKind,
    Taken,
    deduct,
    deductions,
    withdraw,
)
from medsettle.clearing.notices.notices import advance, reissue

from tests.clearing.month_books import APRIL, MARCH, MOMENT, store_in
from tests.clearing.notices_made import bill, issued

pytestmark = pytest.mark.slow

_ROWS = [bill("S1", date(2024, 3, 10), 1_000), bill("S2", date(2024, 4, 3), 500)]


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[MonthStore]:
    with store_in(tmp_path) as store:
        issued(store, MARCH, _ROWS)
        yield store


def _entered(store: MonthStore, fen: int, *, number: int = 1, later: bool = False) -> Deduction:
    return deduct(
        *(store, number, DeductionKind.OTHER, fen),
        who="clerk C",
        reason="mistyped",
        moment=MOMENT,
        later=later,
    )


def _withdrawn(store: MonthStore, deduction: int = 1, reason: str = "of another") -> Deduction:
    return withdraw(store, deduction, who="clerk D", reason=reason, moment=MOMENT)


def _due(store: MonthStore, *numbers: int) -> list[int]:
    return [notice(store, number).due_fen for number in numbers]


def test_more_than_what_is_due_is_asked_about(store: MonthStore) -> None:
    """A comma too few would be taken of years of notices: a fen more has to be meant."""
    with pytest.raises(errors.InvalidRequest) as refused:
        _entered(store, 1_001)
    assert "10.00 yuan are due of notice 1, and 0.01 would wait" in str(refused.value)
    assert ([], [1_000]) == (deductions(store), _due(store, 1))

    assert Taken.FULL is _entered(store, 1_000).state
    assert Taken.NONE is _entered(store, 1, later=True).state


def test_what_is_withdrawn_is_due_again(store: MonthStore) -> None:
    """The notice pays what it would without it, and nothing is taken of later ones."""
    _entered(store, 1_200, later=True)
    gone = _withdrawn(store)
    (april,) = issued(store, APRIL, _ROWS)

    assert (0, 1_200, Taken.NONE) == (gone.taken_fen, gone.withdrawn_fen, gone.state)
    assert [1_000, 500] == _due(store, 1, april.number)
    with pytest.raises(errors.Precondition, match="deduction 1 was withdrawn before"):
        _withdrawn(store)
    with pytest.raises(errors.NotFound, match="there is no deduction 2; clear notices tells"):
        _withdrawn(store, 2)


def test_others_take_what_is_free_again(store: MonthStore) -> None:
    """Oldest first, as they would have without the one that is withdrawn."""
    for fen in (1_000, 300, 900):
        _entered(store, fen, later=True)
    _withdrawn(store)

    assert [0, 300, 700] == [each.taken_fen for each in deductions(store)]
    assert [0] == _due(store, 1)


def test_what_a_cleared_notice_took_stays(store: MonthStore) -> None:
    """It was agreed upon; the rest alone is given up, and of what is wholly taken nothing."""
    _entered(store, 1_300, later=True)
    for status in (Status.ACCEPTED, Status.REVIEWING, Status.REVIEWED, Status.CLEARED):
        advance(store, 1, status, who="clerk B", moment=MOMENT)
    (april,) = issued(store, APRIL, _ROWS)
    assert [200] == _due(store, april.number)
    gone = _withdrawn(store)

    assert (1_000, 300, Taken.FULL) == (gone.taken_fen, gone.withdrawn_fen, gone.state)
    assert [0, 500] == _due(store, 1, april.number)
    _entered(store, 500, number=april.number)
    for status in (Status.ACCEPTED, Status.REVIEWING, Status.REVIEWED, Status.CLEARED):
        advance(store, april.number, status, who="clerk B", moment=MOMENT)
    with pytest.raises(errors.Precondition, match="is wholly taken of notices that are cleared"):
        _withdrawn(store, 2)
    assert [0] == _due(store, april.number)


def test_a_rejected_notice_gives_back_too(store: MonthStore) -> None:
    """What was withdrawn meanwhile does not go over to the notice that is issued anew."""
    _entered(store, 100)
    _entered(store, 200)
    advance(store, 1, Status.REJECTED, who="clerk B", moment=MOMENT, reason="wrong account")
    _withdrawn(store)
    new = reissue(store, 1, who="clerk A", moment=MOMENT)

    assert (200, 800) == (new.taken_fen, new.due_fen)


def test_audit_deductions_are_not_withdrawn(tmp_path: Path) -> None:
    """Nobody entered them: the books say so, and the books put them right."""
    less = bill("D1", date(2024, 3, 10), -300) | {"kind": "deduction", "original": "S1"}
    with store_in(tmp_path / "audited") as store:
        issued(store, MARCH, [_ROWS[0], less])
        with pytest.raises(errors.Precondition, match="came in with the notices of a month"):
            _withdrawn(store)
        assert [700] == _due(store, 1)


def test_who_withdraws_neither_approves_nor_clears(store: MonthStore) -> None:
    """Else one alone would change what is paid and have it paid."""
    _entered(store, 100)
    _withdrawn(store)
    for status in (Status.ACCEPTED, Status.REVIEWING):
        advance(store, 1, status, who="clerk B", moment=MOMENT)
    for status, then in ((Status.REVIEWED, "clerk B"), (Status.CLEARED, "clerk B")):
        for who, did in (("clerk D", "withdrew"), ("Clerk d", "withdrew"), ("clerk C", "entered")):
            with pytest.raises(errors.Precondition, match=f"{who} {did} deduction 1 of notice 1"):
                advance(store, 1, status, who=who, moment=MOMENT)
        advance(store, 1, status, who=then, moment=MOMENT)

    assert Status.CLEARED is notice(store, 1).status


def test_why_it_is_withdrawn_is_told(store: MonthStore) -> None:
    """In one to so many characters; nothing is changed otherwise."""
    _entered(store, 100)
    for reason in ("", "x" * (limits.CLEARING_TEXT_CHARS_MAX + 1)):
        with pytest.raises(errors.InvalidRequest, match="reason"):
            _withdrawn(store, reason=reason)
    assert [900] == _due(store, 1)
    assert 100 == _withdrawn(store, reason="x" * limits.CLEARING_TEXT_CHARS_MAX).withdrawn_fen
