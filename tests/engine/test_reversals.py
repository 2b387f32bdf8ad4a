"""Reversals by the request id of the original, and what became of every request."""

from pathlib import Path
from typing import Any

import pytest
from medsettle import errors, limits
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.request_states import RequestStatus
from medsettle.core.settlement import Opening
from medsettle.engine import Engine

from tests.engine.engines import (
    counters,
    engine_on,
    id_of,
    outcomes,
    previewed,
    settle,
    settled,
    stay,
)
from tests.engine.visits import SHAPES, injury_stay, recognition, register
from tests.engine.visits import settle as settle_visit
from tests.payments import paying
from tests.service.claims import AREA, INSTITUTION, claim

pytestmark = pytest.mark.both_stores


def _status(engine: Engine, request_id: str, institution: str = INSTITUTION) -> RequestStatus:
    return engine.find_request(institution, request_id).status


def _refused(engine: Engine, row: dict[str, Any]) -> Rejection:
    (answer,) = settle(engine, row)
    assert isinstance(answer, Rejection), answer
    return answer


def test_a_settlement_is_taken_back_like_by_a_cancel(engine: Engine) -> None:
    """Every amount and counter goes back, the record is linked, and says what it reversed."""
    engine.open_person(Opening(INSTITUTION, "O1", AREA, "P1", 30_000, ()))
    before = counters(engine, "P1")
    original = settled(engine, stay(1))
    reversal = engine.reverse(INSTITUTION, "R1", "X1")
    state = reversal.original

    assert (RequestStatus.REVERSED, False) == (state.status, reversal.duplicate)
    assert id_of(original) == state.entry
    negative = engine.get(state.taken_back_by)
    assert ("cancel", id_of(original), "X1", "R1") == tuple(
        negative.columns[name] for name in ("kind", "original", "request_id", "reversed_request")
    )
    assert -original.fen("total_fen") == negative.fen("total_fen")
    assert before == counters(engine, "P1")
    assert (f"reversed since by {state.taken_back_by}",) == tuple(
        notice.partition(":")[0] for notice in engine.get(id_of(original)).notices
    )
    assert state == engine.find_request(INSTITUTION, "R1")
    own = engine.find_request(INSTITUTION, "X1")
    assert (RequestStatus.COMMITTED, "cancel", state.taken_back_by) == (
        own.status,
        own.kind,
        own.entry,
    )


@pytest.mark.parametrize("again", ["X1", "X2"])
def test_an_original_is_reversed_once(tmp_path: Path, again: str) -> None:
    """Under the same id or another, after a restart too, what is recorded answers."""
    with engine_on(tmp_path) as engine:
        settled(engine, claim(1))
        first = engine.reverse(INSTITUTION, "R1", "X1")
    with engine_on(tmp_path) as engine:
        second = engine.reverse(INSTITUTION, "R1", again)

        assert (first.original, True) == (second.original, second.duplicate)
        assert 2 == engine.ledger.last_seq()


@pytest.mark.parametrize("again", ["X1", "X2"])
def test_a_reversal_that_overtakes_its_original_wins(tmp_path: Path, again: str) -> None:
    """The late original never settles, as a claim or as a visit, with an outcome of its own."""
    with engine_on(tmp_path) as engine:
        first = engine.reverse(INSTITUTION, "R1", "X1")
        assert (RequestStatus.TOMBSTONE, False) == (first.original.status, first.duplicate)
    with engine_on(tmp_path) as engine:
        late = _refused(engine, claim(1))
        assert Outcome.REQUEST_REVERSED is late.outcome
        assert not late.outcome.transient
        assert isinstance(late.error(), errors.RequestReversed)
        with pytest.raises(errors.RequestReversed):
            engine.open_person(Opening(INSTITUTION, "R1", AREA, "P1", 1, ()))
        second = engine.reverse(INSTITUTION, "R1", again)
        assert (first.original, True) == (second.original, second.duplicate)
        assert (1, {}) == (engine.ledger.last_seq(), counters(engine, "P1"))
        assert [Outcome.SETTLED] == outcomes(settle(engine, claim(2, person="P1")))


def test_within_a_batch_the_others_settle(engine: Engine) -> None:
    """A tombstone refuses its own row and no other."""
    engine.reverse(INSTITUTION, "R2", "X1")

    assert [Outcome.SETTLED, Outcome.REQUEST_REVERSED, Outcome.SETTLED] == outcomes(
        settle(engine, claim(1), claim(2), claim(3))
    )


def test_another_institution_reverses_nothing_of_ours(engine: Engine) -> None:
    """Its reversal is of its own request with that id, which it has not sent."""
    original = settled(engine, claim(1))
    elsewhere = engine.reverse("H2", "R1", "X1")

    assert RequestStatus.TOMBSTONE is elsewhere.original.status
    assert RequestStatus.COMMITTED is _status(engine, "R1")
    assert () == engine.get(id_of(original)).notices


def test_what_was_cancelled_is_answered_as_it_is(engine: Engine) -> None:
    """The cancel stays the one record that took it back."""
    cancel = engine.cancel(INSTITUTION, "C1", id_of(settled(engine, claim(1))))
    reversal = engine.reverse(INSTITUTION, "R1", "X1")

    assert (RequestStatus.CANCELLED, id_of(cancel), True) == (
        reversal.original.status,
        reversal.original.taken_back_by,
        reversal.duplicate,
    )
    with pytest.raises(errors.AlreadyCancelled):
        engine.cancel(INSTITUTION, "C2", reversal.original.entry)


def test_a_reversed_settlement_is_not_cancelled(engine: Engine) -> None:
    """A cancel that comes after is told by what it was taken back."""
    original = id_of(settled(engine, claim(1)))
    reversal = engine.reverse(INSTITUTION, "R1", "X1")

    with pytest.raises(errors.AlreadyCancelled) as refused:
        engine.cancel(INSTITUTION, "C1", original)
    assert reversal.original.taken_back_by == refused.value.metadata["cancelled_by"]


def test_of_a_refusal_there_is_nothing_to_take_back(engine: Engine) -> None:
    """It is told with its reason, and stays what it is."""
    refused = _refused(engine, stay(1, institution_level="09"))
    reversal = engine.reverse(INSTITUTION, "R1", "X1")

    assert (RequestStatus.REJECTED, True) == (reversal.original.status, reversal.duplicate)
    refusal = reversal.original.refusal
    assert refusal is not None
    assert ("CLASS_NOT_COVERED", refused.message, refused.metadata) == (
        refusal.reason,
        refusal.message,
        refusal.metadata,
    )
    assert 1 == engine.ledger.last_seq()
    assert [Outcome.CLASS_NOT_COVERED] == outcomes(settle(engine, stay(1, institution_level="09")))


def test_only_settlements_and_visits_are_reversed(engine: Engine) -> None:
    """An opening, a cancel and a reversal are undone by requests of their own kinds, if at all."""
    engine.open_person(Opening(INSTITUTION, "O1", AREA, "P1", 1, ()))
    engine.cancel(INSTITUTION, "C1", id_of(settled(engine, claim(1))))
    settled(engine, claim(2))
    engine.reverse(INSTITUTION, "R2", "V2")
    last = engine.ledger.last_seq()

    for number, (original, kind) in enumerate(
        (("O1", "opening"), ("C1", "cancel"), ("V2", "cancel"))
    ):
        with pytest.raises(errors.NotReversible, match="can be reversed") as refused:
            engine.reverse(INSTITUTION, original, f"X{number}")
        assert {"request_id": original, "kind": kind} == refused.value.metadata
        assert RequestStatus.COMMITTED is _status(engine, original)
    assert ["refusal"] * 3 == [entry.kind for entry in engine.ledger.page(after_seq=last, limit=10)]


def test_the_own_id_of_a_reversal_is_a_request_id_like_any(engine: Engine) -> None:
    """Used for something else before, it reverses nothing; used by a reversal, it settles nothing.

    A reversal that makes no record of its own leaves its id free.
    """
    settled(engine, claim(1))
    settled(engine, claim(2))
    with pytest.raises(errors.RequestIdReused):
        engine.reverse(INSTITUTION, "R1", "R2")
    with pytest.raises(errors.RequestIdReused):
        engine.reverse(INSTITUTION, "LATE", "R2")
    assert RequestStatus.UNKNOWN is _status(engine, "LATE")
    engine.reverse(INSTITUTION, "R1", "X1")
    with pytest.raises(errors.RequestIdReused):
        engine.reverse(INSTITUTION, "R2", "X1")
    assert [Outcome.REQUEST_ID_REUSED] == outcomes(settle(engine, claim(3, request_id="X1")))
    engine.reverse(INSTITUTION, "LATE", "X2")
    assert RequestStatus.UNKNOWN is _status(engine, "X2")


@pytest.mark.parametrize(
    ("original", "own", "paths"),
    [
        pytest.param("R1", "R1", ["request_id"], id="the-same"),
        pytest.param("", "X1", ["original_request_id"], id="no-original"),
        pytest.param("R" * 37, "X 1", ["request_id", "original_request_id"], id="both"),
    ],
)
def test_faults_of_a_reversal_come_together(
    engine: Engine, original: str, own: str, paths: list[str]
) -> None:
    """Both ids obey the bounds of a request id, and are not the same."""
    with pytest.raises(errors.InvalidRequest) as refused:
        engine.reverse(INSTITUTION, original, own)
    assert paths == [fault.path for fault in refused.value.faults]
    assert 0 == engine.ledger.last_seq()


def test_the_longest_ids_reverse(engine: Engine) -> None:
    """A request id may have as many characters as the bound says, on both sides."""
    most = limits.REQUEST_ID_CHARS_MAX
    settled(engine, claim(1, request_id="R" * most))

    reversal = engine.reverse(INSTITUTION, "R" * most, "X" * most)
    assert RequestStatus.REVERSED is reversal.original.status


def test_a_reversal_refused_for_spent_money_may_be_asked_for_anew(tmp_path: Path) -> None:
    """Under its own id the refusal is for good; a new one succeeds when the money is back."""
    with engine_on(tmp_path, SHAPES) as engine:
        credit = paying.claim(1, "99", "310", wage_base_fen=500_000)
        spent = {"request_id": "R2", "wage_base_fen": 0, "lines": [paying.line(6_000)]}
        settled(engine, credit)
        settled(engine, credit | spent)
        for _ in range(2):
            with pytest.raises(errors.AccountSpent):
                engine.reverse(INSTITUTION, "R1", "X1")
        engine.reverse(INSTITUTION, "R2", "X2")
        with pytest.raises(errors.AccountSpent):
            engine.reverse(INSTITUTION, "R1", "X1")
        assert RequestStatus.REVERSED is engine.reverse(INSTITUTION, "R1", "X3").original.status


# --- visits --------------------------------------------------------------------------------------


def test_a_visit_is_reversed_as_a_whole(tmp_path: Path) -> None:
    """By its own request id; its parts go with it, and none of them alone."""
    with engine_on(tmp_path, SHAPES) as engine:
        register(engine, recognition())
        visit = settle_visit(engine, injury_stay())
        with pytest.raises(errors.PartOfVisit):
            engine.reverse("H1", "V1.1", "X0")
        reversal = engine.reverse("H1", "V1", "X1")

        state = reversal.original
        assert (RequestStatus.REVERSED, "visit", visit.visit) == (
            state.status,
            state.kind,
            state.entry,
        )
        negative = engine.visits.get(state.taken_back_by)
        assert ("visit_cancel", visit.visit, "V1") == (
            negative.kind,
            negative.original,
            negative.reversed_request,
        )
        assert -visit.fen("total_fen") == negative.fen("total_fen")
        assert {"V1"} == {str(part.columns["reversed_request"]) for part in negative.settlements}
        assert RequestStatus.REVERSED is _status(engine, "V1.1", "H1")
        assert "reversed since" in engine.visits.get(state.entry).notices[0]
        assert engine.reverse("H1", "V1", "X2").duplicate


def test_a_visit_that_was_reversed_never_settles(tmp_path: Path) -> None:
    """A tombstone of the visit, or of what would be its part, keeps it out."""
    with engine_on(tmp_path, SHAPES) as engine:
        register(engine, recognition())
        engine.reverse("H1", "V1", "X1")
        with pytest.raises(errors.RequestReversed):
            settle_visit(engine, injury_stay())
        engine.reverse("H1", "V2.2", "X2")
        with pytest.raises(errors.RequestIdReused):
            settle_visit(engine, injury_stay(request_id="V2"))
        assert RequestStatus.UNKNOWN is _status(engine, "V2", "H1")


def test_the_own_id_of_a_visits_reversal_leaves_room_for_its_parts(tmp_path: Path) -> None:
    """One character more than a visit's id may have is refused, and nothing is recorded."""
    with engine_on(tmp_path, SHAPES) as engine:
        register(engine, recognition())
        settle_visit(engine, injury_stay())
        most = limits.VISIT_REQUEST_ID_CHARS_MAX
        with pytest.raises(errors.InvalidRequest, match="a visit's has at most"):
            engine.reverse("H1", "V1", "X" * (most + 1))
        assert RequestStatus.COMMITTED is _status(engine, "V1", "H1")
        assert RequestStatus.REVERSED is engine.reverse("H1", "V1", "X" * most).original.status


# --- asking --------------------------------------------------------------------------------------


def test_every_state_is_told_with_what_to_do(engine: Engine) -> None:
    """One request in each state; the advice of the unknown alone is to send the same id again."""
    settled(engine, claim(1))
    _refused(engine, stay(2, institution_level="09"))
    engine.cancel(INSTITUTION, "C3", id_of(settled(engine, claim(3))))
    settled(engine, claim(4))
    engine.reverse(INSTITUTION, "R4", "X4")
    engine.reverse(INSTITUTION, "R5", "X5")
    previewed(engine, claim(6))
    states = [engine.find_request(INSTITUTION, f"R{number}") for number in range(1, 7)]

    assert [
        RequestStatus.COMMITTED,
        RequestStatus.REJECTED,
        RequestStatus.CANCELLED,
        RequestStatus.REVERSED,
        RequestStatus.TOMBSTONE,
        RequestStatus.UNKNOWN,
    ] == [state.status for state in states]
    assert ["settle", "refusal", "settle", "settle", "tombstone", ""] == [s.kind for s in states]
    assert [True, False, True, True, False, False] == [bool(state.entry) for state in states]
    assert [1, 2, 3, 5, 7, None] == [state.seq for state in states]
    assert [False] * 5 + [True] == ["send it again with the same id" in s.advice for s in states]
    assert "reverse it" in states[-1].advice


def test_the_id_that_is_asked_for_obeys_its_bounds(engine: Engine) -> None:
    """Faults are those of any request."""
    with pytest.raises(errors.InvalidRequest) as refused:
        engine.find_request("", "a b")
    assert ["institution", "request_id"] == [fault.path for fault in refused.value.faults]
