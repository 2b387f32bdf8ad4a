"""A refusal is an answer too: recorded, repeated, and never followed by a yes under its id."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from medsettle import errors
from medsettle.core.cards import CardAction, CardEvent
from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.relatives import LimitChange, Person
from medsettle.core.settlement import Opening
from medsettle.core.visits import RegistrationRequest
from medsettle.engine import Engine

from tests.cards.desks import Counter
from tests.cards.desks import engine_on as cards_engine
from tests.engine.engines import counters, engine_on, id_of, outcomes, settle, settled, stay
from tests.engine.visits import AREA as VISITS_AREA
from tests.engine.visits import SHAPES, issue_card, recognition
from tests.service.claims import AREA, INSTITUTION, claim

pytestmark = pytest.mark.both_stores

_UNCOVERED: dict[str, Any] = {"institution_level": "09"}


def _kinds(engine: Engine) -> list[str]:
    return [entry.kind for entry in engine.ledger.page(after_seq=0, limit=1_000)]


def _refused(engine: Engine, row: dict[str, Any]) -> Rejection:
    (answer,) = settle(engine, row)
    assert isinstance(answer, Rejection), answer
    return answer


def test_a_refusal_is_repeated_after_a_restart(tmp_path: Path) -> None:
    """The same words, marked, with nothing recorded a second time."""
    with engine_on(tmp_path) as engine:
        first = _refused(engine, stay(1, **_UNCOVERED))
        assert not first.duplicate
    with engine_on(tmp_path) as engine:
        assert replace(first, duplicate=True) == _refused(engine, stay(1, **_UNCOVERED))
        assert ["refusal"] == _kinds(engine)
        assert {} == counters(engine, "P1")


def test_what_would_settle_now_stays_refused(tmp_path: Path) -> None:
    """The rules that were missing are loaded: the old id is still refused, a new one settles."""
    with engine_on(tmp_path, SHAPES) as engine:
        refused = _refused(engine, claim(1))
        assert (Outcome.POLICY_NOT_FOUND, True) == (refused.outcome, refused.outcome.transient)
    with engine_on(tmp_path) as engine:
        assert replace(refused, duplicate=True) == _refused(engine, claim(1))
        assert [Outcome.SETTLED] == outcomes(settle(engine, claim(2, person="P1")))


def test_other_content_under_a_refused_id_is_refused_as_reused(engine: Engine) -> None:
    """Also the corrected claim; the answer names no settlement, for there is none."""
    _refused(engine, stay(1, **_UNCOVERED))
    reused = _refused(engine, stay(1))

    assert Outcome.REQUEST_ID_REUSED is reused.outcome
    assert {"request_id": "R1"} == reused.metadata
    assert "a request that was refused" in reused.message


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        pytest.param({"person_type": ""}, Outcome.INVALID_REQUEST, id="malformed"),
        pytest.param({"institution_settlement": "N1"}, Outcome.DUPLICATE_SETTLEMENT, id="number"),
        pytest.param({"request_id": "R1"}, Outcome.REQUEST_ID_REUSED, id="reused"),
    ],
)
def test_what_the_same_bytes_meet_again_is_not_recorded(
    engine: Engine, changes: dict[str, Any], outcome: Outcome
) -> None:
    """A malformed claim and one that wants what another has leave their id as it was."""
    settled(engine, claim(1, institution_settlement="N1"))

    assert outcome is _refused(engine, claim(2) | changes).outcome
    assert ["settle"] == _kinds(engine)
    assert settled(engine, claim(2))


def test_a_preview_records_no_refusal(engine: Engine) -> None:
    """Asking what would be paid decides nothing."""
    for _ in range(2):
        (answer,) = engine.preview(_batch(stay(1, **_UNCOVERED)))
        assert isinstance(answer, Rejection)
        assert not answer.duplicate
    assert [] == _kinds(engine)


def _batch(row: dict[str, Any]) -> ClaimBatch:
    return ClaimBatch.from_rows([row])


def test_settled_and_refused_claims_of_a_batch_are_one_commit(engine: Engine) -> None:
    """Places follow the rows, whatever became of them, and share one moment."""
    answers = settle(engine, claim(1), stay(2, **_UNCOVERED), claim(3))
    entries = engine.ledger.page(after_seq=0, limit=10)

    assert ["settle", "refusal", "settle"] == [entry.kind for entry in entries]
    assert ["R1", "R2", "R3"] == [entry.request_id for entry in entries]
    assert [1, 3] == [a.columns["seq"] for a in answers if not isinstance(a, Rejection)]
    assert 1 == len({entry.create_time_us for entry in entries})
    assert [id_of(a) for a in engine.page()] == [entries[0].settlement, entries[2].settlement]


def test_a_refusal_leaves_after_its_commit_only(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be recorded is no answer: the caller hears of the ledger, and asks again."""

    def fails(*_: object) -> int:
        raise errors.LedgerUnavailable("the disk is away")

    with monkeypatch.context() as away:
        away.setattr(engine.ledger, "append", fails)
        with pytest.raises(errors.LedgerUnavailable):
            settle(engine, stay(1, **_UNCOVERED))
        with pytest.raises(errors.LedgerUnavailable):
            engine.cancel(INSTITUTION, "X1", "nothing")
    assert [] == _kinds(engine)
    assert not _refused(engine, stay(1, **_UNCOVERED)).duplicate


# --- every other write ---------------------------------------------------------------------------


def _cancel(engine: Engine) -> object:
    return engine.cancel(INSTITUTION, "X1", f"{AREA}0bfa5cf4d6fbc0b85b92")


def _cancel_visit(engine: Engine) -> object:
    return engine.visits.cancel(INSTITUTION, "X1", "no visit")


def _visit(engine: Engine) -> object:
    return engine.visits.settle(_batch(claim(1, request_id="X1")))


def _grant(engine: Engine) -> object:
    giver, receiver = Person(AREA, "G"), Person(AREA, "R")
    return engine.relatives.grant(LimitChange(INSTITUTION, "X1", giver, receiver, 1))


def _lower(engine: Engine) -> object:
    giver, receiver = Person(AREA, "G"), Person(AREA, "R")
    return engine.relatives.lower(LimitChange(INSTITUTION, "X1", giver, receiver, 1))


def _reverse_opening(engine: Engine) -> object:
    return engine.reverse(INSTITUTION, "O1", "X1")


@pytest.mark.parametrize(
    ("write", "error"),
    [
        pytest.param(_cancel, errors.NotFound, id="cancel"),
        pytest.param(_cancel_visit, errors.NotFound, id="visit-cancel"),
        pytest.param(_visit, errors.RoutingNotFound, id="visit"),
        pytest.param(_grant, errors.BalanceTooLow, id="grant"),
        pytest.param(_lower, errors.NotFound, id="lower"),
        pytest.param(_reverse_opening, errors.NotReversible, id="reversal"),
    ],
)
def test_every_write_repeats_its_refusal(
    engine: Engine, write: Callable[[Engine], object], error: type[errors.SettlementError]
) -> None:
    """The error comes back in its class and words, marked, from one recorded refusal."""
    engine.open_person(Opening(INSTITUTION, "O1", AREA, "P1", 1, ()))
    found = []
    for _ in range(2):
        with pytest.raises(error) as refused:
            write(engine)
        found.append(refused.value)
    first, second = found

    assert type(first) is type(second)
    assert first.message == second.message
    assert first.metadata | {"duplicate": "true"} == second.metadata
    assert "duplicate" not in first.metadata
    assert ["opening", "refusal"] == _kinds(engine)
    (answer,) = settle(engine, claim(9, request_id="X1"))
    assert isinstance(answer, Rejection)
    assert Outcome.REQUEST_ID_REUSED is answer.outcome


def test_a_refused_event_of_a_card_stays_refused(tmp_path: Path) -> None:
    """The card is issued meanwhile, and the event that came too early is still refused."""
    with cards_engine(tmp_path) as engine:
        counter = Counter(engine)
        moment = engine.now()
        early = CardEvent(
            institution="AGENCY",
            request_id="EARLY",
            pooling_area=AREA,
            card="C1",
            action=CardAction.ACTIVATE,
            effective_time=moment,
            in_person=True,
        )
        with pytest.raises(errors.NotFound):
            engine.cards.record(early)
        counter.issue("C1", moment)
        with pytest.raises(errors.NotFound) as repeated:
            engine.cards.record(early)
        assert "true" == repeated.value.metadata["duplicate"]
        later = replace(early, request_id="LATER", effective_time=engine.now())
        assert engine.cards.record(later)


def test_a_refused_registration_stays_refused(tmp_path: Path) -> None:
    """The card that identifies the person is issued meanwhile; a new id registers."""
    with engine_on(tmp_path, SHAPES) as engine:
        request = RegistrationRequest(
            "AGENCY", "G1", VISITS_AREA, "P1", recognition(), credential_type="03", card="C1"
        )
        with pytest.raises(errors.CardUnknown):
            engine.registrations.record(request)
        issue_card(engine, "C1", "P1")
        with pytest.raises(errors.CardUnknown) as repeated:
            engine.registrations.record(request)
        assert "true" == repeated.value.metadata["duplicate"]
        assert engine.registrations.record(replace(request, request_id="G2"))
