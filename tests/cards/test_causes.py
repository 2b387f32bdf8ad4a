"""Every cause for which something cannot happen to a card, as its code says it."""

from collections.abc import Callable
from datetime import date

import pytest
from medsettle import errors, limits
from medsettle.cards.causes import Cause
from medsettle.core.cards import CardKind, CardState

from tests.cards.desks import (
    ACTIVATE,
    BANK,
    CANCEL,
    FORMAL,
    LOCK,
    REPLACE,
    RESUME,
    UNLOCK,
    Counter,
    at,
)
from tests.service.claims import AREA

_Act = Callable[[Counter], object]
# P1 holds the active card C1 since 1 April 2024, P2 the replaced card C2 and its successor C3.
_ACTS: dict[Cause, _Act] = {
    Cause.STATE: lambda at_desk: at_desk.does("C1", UNLOCK, at(5, 1)),
    Cause.BEFORE_LAST_EVENT: lambda at_desk: at_desk.does("C1", LOCK, at(3, 1)),
    Cause.NOT_IN_PERSON: lambda at_desk: at_desk.does("C1", BANK, at(5, 1), in_person=False),
    Cause.BANK_ACTIVE: lambda at_desk: [at_desk.does("C1", BANK, at(5, 1)) for _ in range(2)],
    Cause.NO_BANK: lambda at_desk: _electronic(at_desk, "C1", BANK),
    Cause.ISSUED_BEFORE: lambda at_desk: at_desk.issue("C2", at(5, 1)),
    Cause.HOLDS_ANOTHER: lambda at_desk: at_desk.issue("C9", at(5, 1)),
    Cause.NOT_REPLACED: lambda at_desk: at_desk.issue("C9", at(5, 1), "P3", replaces="C2"),
    Cause.REPLACED_BEFORE: lambda at_desk: (
        at_desk.does("C3", CANCEL, at(5, 1)),
        at_desk.issue("C9", at(5, 1), "P2", replaces="C2"),
    ),
    Cause.NO_PHYSICAL_CARD: lambda at_desk: _electronic(at_desk, "C2", ACTIVATE),
    Cause.NO_TEMPORARY_CARDS: lambda at_desk: at_desk.issue(
        "T1", at(1, 1, year=2025), kind=CardKind.TEMPORARY
    ),
    Cause.TOO_LONG: lambda at_desk: at_desk.issue(
        "T1", at(5, 1), kind=CardKind.TEMPORARY, expires_date=date(2030, 1, 1)
    ),
    Cause.NO_TERMS: lambda at_desk: at_desk.issue("C9", at(12, 31, year=2019), "P3"),
    Cause.FORMAL_LOSS_FINAL: lambda at_desk: [
        at_desk.does("C1", action, at(1, 1, year=2025)) for action in (FORMAL, RESUME)
    ],
    Cause.TOO_MANY_EVENTS: lambda at_desk: [
        at_desk.does("C1", action, at(5, 1)) for action in (LOCK, UNLOCK, LOCK)
    ],
}


def _electronic(counter: Counter, bound_to: str, action: object) -> None:
    counter.issue("V1", at(5, 1), kind=CardKind.ELECTRONIC, bound_to=bound_to)
    counter.does("V1", action, at(5, 1))  # type: ignore[arg-type]


def test_every_cause_has_its_case() -> None:
    """The cases below are all that there are."""
    assert set(Cause) == set(_ACTS)


@pytest.mark.parametrize("cause", Cause)
def test_a_refusal_says_its_cause(
    counter: Counter, cause: Cause, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code, the card and the area stand in the metadata, and the text ends in a next step."""
    counter.today(at(6, 1, year=2025))
    counter.active("C1", at(4, 1))
    counter.active("C2", at(4, 1), "P2")
    counter.does("C2", REPLACE, at(4, 2))
    counter.active("C3", at(4, 2), "P2", replaces="C2")
    if cause is Cause.TOO_MANY_EVENTS:
        monkeypatch.setattr(limits, "CARD_EVENTS_MAX", 4)
    with pytest.raises(errors.CardActionRefused) as refused:
        _ACTS[cause](counter)

    assert cause.value == refused.value.metadata["cause"]
    assert AREA == refused.value.metadata["pooling_area"]
    assert refused.value.metadata["card"] in refused.value.message
    assert ";" in refused.value.message or "possible now" in refused.value.message


@pytest.mark.parametrize(
    ("end", "state"), [(REPLACE, CardState.REPLACED), (CANCEL, CardState.CANCELLED)]
)
def test_a_card_of_many_events_can_still_be_ended(
    counter: Counter, end: object, state: CardState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last event below the bound is recorded, the next is refused, and the end is not."""
    monkeypatch.setattr(limits, "CARD_EVENTS_MAX", 3)
    counter.active("C1", at(4, 1))
    counter.does("C1", LOCK, at(4, 2))
    with pytest.raises(errors.CardActionRefused, match="it has 3 events"):
        counter.does("C1", UNLOCK, at(4, 3))

    assert state is counter.does("C1", end, at(4, 3)).state  # type: ignore[arg-type]
