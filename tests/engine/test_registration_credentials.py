"""What identifies a person when something is registered: judged as it would be for a claim then."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from medsettle import errors
from medsettle.core.cards import CardAction, CardEvent
from medsettle.core.visits import RegistrationRequest, RegistrationState
from medsettle.engine import Engine

from tests.engine.engines import acts, engine_on
from tests.engine.visits import AREA, SHAPES, issue_card, recognition

pytestmark = pytest.mark.both_stores


@pytest.fixture(name="engine")
def _engine(tmp_path: Path) -> Iterator[Engine]:
    with engine_on(tmp_path, SHAPES) as engine:
        issue_card(engine, "C1", "P1")
        yield engine


def _record(engine: Engine, **changes: Any) -> RegistrationState:  # noqa: ANN401
    stated = {"credential_type": "03", "card": "C1"} | changes
    request = RegistrationRequest("AGENCY", "G1", AREA, "P1", recognition())
    return engine.registrations.record(replace(request, **stated))


def _does(engine: Engine, action: CardAction) -> None:
    engine.cards.record(
        CardEvent(
            institution="AGENCY",
            request_id=f"E-{action}",
            pooling_area=AREA,
            card="C1",
            action=action,
            in_person=True,
        )
    )


def test_a_card_that_counts_is_recorded_with_the_registration(engine: Engine) -> None:
    """Type and token come back with the answer, with the list, and with a repetition."""
    first = _record(engine)

    assert ("03", "C1") == (first.credential_type, first.card)
    assert [first] == engine.registrations.held(AREA, "P1")
    assert replace(first, duplicate=True) == _record(engine)


def test_without_a_credential_all_is_as_before(engine: Engine) -> None:
    """Nothing is judged, nothing is recorded of a card, and the content is another one."""
    first = _record(engine, credential_type=None, card=None)

    assert (None, None) == (first.credential_type, first.card)
    assert [first] == engine.registrations.held(AREA, "P1")
    with pytest.raises(errors.RequestIdReused):
        _record(engine)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        pytest.param({"card": "C9"}, errors.CardUnknown, id="unknown"),
        pytest.param({"person": "P2"}, errors.CardOfAnotherPerson, id="borrowed"),
        pytest.param({"credential_type": "99"}, errors.CredentialNotAccepted, id="no-such-type"),
        pytest.param({"card": None}, errors.InvalidRequest, id="type-without-card"),
        pytest.param({"credential_type": "01"}, errors.InvalidRequest, id="card-of-no-card"),
        pytest.param({"credential_type": None}, errors.InvalidRequest, id="card-of-no-type"),
        pytest.param({"card": "C 1"}, errors.InvalidRequest, id="malformed"),
    ],
)
def test_a_credential_that_does_not_count_refuses(
    engine: Engine, changes: dict[str, Any], error: type[errors.SettlementError]
) -> None:
    """The error is the one that a claim would get, and nothing is recorded."""
    before = acts(engine)

    with pytest.raises(error):
        _record(engine, **changes)
    assert before == acts(engine)


def test_a_lost_card_refuses_and_a_locked_one_does_not(engine: Engine) -> None:
    """No account is used, so a card that may settle and no more identifies its holder."""
    _does(engine, CardAction.LOCK)
    assert "C1" == _record(engine).card
    _does(engine, CardAction.REPORT_FORMAL_LOSS)

    with pytest.raises(errors.CardLost) as refused:
        _record(engine, request_id="G2")
    assert "formally_lost" == refused.value.metadata["state"]


def test_what_was_recorded_is_answered_whatever_became_of_the_card(engine: Engine) -> None:
    """A repetition is answered from the record and judges nothing anew."""
    first = _record(engine)
    _does(engine, CardAction.REPORT_FORMAL_LOSS)

    assert replace(first, duplicate=True) == _record(engine)
