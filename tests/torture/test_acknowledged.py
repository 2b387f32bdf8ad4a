"""What tills were told, held to what they were told before, whatever the order of arrival."""

import pytest
from medsettle.core.request_states import RequestState, RequestStatus, Reversal
from medsettle.torture.acknowledged import Acknowledged, Doubled
from medsettle.torture.requests import Answer, Request

_REVERSAL = Request("reverse", "H1", "Q2", "Q1")
_ITS_REVERSAL = Request("reverse", "H1", "Q3", "Q2")


def _reversed(request: Request, status: RequestStatus, *, duplicate: bool = False) -> Answer:
    return Answer("", told=Reversal(RequestState(*request.original, status), duplicate))


def _faults(sent: float, answer: Answer) -> list[str]:
    """Return the faults of a reversal that is heard at 4.0, a tombstone under its id at 3.0."""
    known = Acknowledged()
    known.sends(_REVERSAL, 1.0)
    known.sends(_ITS_REVERSAL, 2.0)
    known.told(_ITS_REVERSAL, _reversed(_ITS_REVERSAL, RequestStatus.TOMBSTONE), 3.0, 2.0)
    known.told(_REVERSAL, answer, 4.0, sent)
    return known.violations


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(_reversed(_REVERSAL, RequestStatus.TOMBSTONE), id="tombstone"),
        pytest.param(_reversed(_REVERSAL, RequestStatus.REVERSED, duplicate=True), id="found"),
    ],
)
def test_a_reversal_that_recorded_nothing_may_be_heard_after_a_tombstone(answer: Answer) -> None:
    """It was decided first: nothing stood under its id that the other reversal could find."""
    assert [] == _faults(1.0, answer)
    (fault,) = _faults(3.5, answer)
    assert isinstance(fault, Doubled)


def test_what_was_recorded_is_never_done_beside_a_tombstone() -> None:
    """A reversal that took something back stands under its id, whenever it was asked."""
    (fault,) = _faults(1.0, _reversed(_REVERSAL, RequestStatus.REVERSED))

    assert isinstance(fault, Doubled)
    assert "let it never settle" in fault


def _faults_beside_an_opening(sent: float, status: RequestStatus) -> list[str]:
    """Return the faults of a reversal heard at 4.0, an opening done under its id at 3.0."""
    opening = Request("opening", "H1", "Q2", "")
    known = Acknowledged()
    known.sends(_REVERSAL, 1.0)
    known.sends(opening, 2.0)
    known.told(opening, Answer(""), 3.0, 2.0)
    known.told(_REVERSAL, _reversed(_REVERSAL, status), 4.0, sent)
    return known.violations


def test_a_tombstone_leaves_the_id_of_its_reversal_free() -> None:
    """It stands under the original's: another request may take the id before its answer is heard.

    Whoever asks once that is decided is refused, and what took something back has its id for good.
    """
    assert [] == _faults_beside_an_opening(1.0, RequestStatus.TOMBSTONE)
    for sent, status in ((3.5, RequestStatus.TOMBSTONE), (1.0, RequestStatus.REVERSED)):
        (fault,) = _faults_beside_an_opening(sent, status)
        assert isinstance(fault, Doubled)
        assert "its id was used before for opening H1/Q2" in fault
