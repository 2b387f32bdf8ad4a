"""Issues, their repetition, and what an inquiry answers."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from medsettle import errors
from medsettle.cards.invalid_list import InvalidLists
from medsettle.core.cards import Card, CardKind, CardState, CardUse, ListLevel

from tests.cards.desks import AGENCY, BANK, CANCEL, FORMAL, ISSUE, LOCK, REPLACE, Counter, at
from tests.cards.lists import CITY, SINCE, list_of, lost
from tests.service.claims import AREA


def test_a_card_is_what_it_was_issued_as(counter: Counter) -> None:
    """Holder, kind, last day and state, as recorded and as read again."""
    card = counter.issue("C1", at(4, 1), expires_date=date(2034, 4, 1))

    assert card == counter.engine.cards.get(AREA, "C1")
    assert card == Card(
        pooling_area=AREA,
        card="C1",
        person="P1",
        kind=CardKind.PHYSICAL,
        state=CardState.SEALED,
        since=at(4, 1),
        expires_date=date(2034, 4, 1),
    )


def test_an_event_is_recorded_once(counter: Counter) -> None:
    """The same request again changes nothing and says so; with other content it is refused."""
    event = counter.event("C1", ISSUE, at(4, 1), person="P1", kind=CardKind.PHYSICAL)
    first = counter.engine.cards.record(event)
    seq = counter.engine.ledger.last_seq()

    assert not first.duplicate
    assert replace(first, duplicate=True) == counter.engine.cards.record(event)
    assert first == counter.engine.cards.get(AREA, "C1")
    assert seq == counter.engine.ledger.last_seq()
    with pytest.raises(errors.RequestIdReused):
        counter.engine.cards.record(replace(event, person="P2"))
    assert [] == counter.engine.page()


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        pytest.param({"person": None, "kind": None}, ["person", "kind"], id="missing"),
        pytest.param({"kind": CardKind.ELECTRONIC}, ["bound_to"], id="unbound"),
        pytest.param({"bound_to": "C2"}, ["bound_to"], id="bound"),
        pytest.param({"expires_date": date(2024, 4, 1)}, ["expires_date"], id="expired"),
        pytest.param({"card": "a b", "person": "x" * 65}, ["card", "person"], id="codes"),
        pytest.param({"pooling_area": "110000"}, ["pooling_area"], id="area-without-cards"),
        pytest.param({"action": LOCK}, ["person", "kind"], id="no-issue"),
    ],
)
def test_an_event_of_wrong_form_is_refused(
    counter: Counter, changes: dict[str, Any], paths: list[str]
) -> None:
    """All faults come together, and nothing is recorded."""
    event = counter.event("C1", ISSUE, at(4, 1), person="P1", kind=CardKind.PHYSICAL)
    with pytest.raises(errors.InvalidRequest) as refused:
        counter.engine.cards.record(replace(event, **changes))

    assert paths == [fault.path for fault in refused.value.faults]
    assert 0 == counter.engine.ledger.last_seq()


def test_a_card_that_was_never_issued_is_not_found(counter: Counter) -> None:
    """Nothing happens to it, and nothing is known of it."""
    with pytest.raises(errors.NotFound):
        counter.does("C1", LOCK, at(4, 1))
    with pytest.raises(errors.NotFound):
        counter.engine.cards.get(AREA, "C1")


def test_a_person_has_one_usable_card_of_a_kind(counter: Counter) -> None:
    """A second one is refused until the first is replaced, and then takes its place once."""
    counter.active("C1", at(4, 1))
    with pytest.raises(errors.CardActionRefused, match="replace or cancel it first"):
        counter.issue("C2", at(4, 2))
    counter.does("C1", REPLACE, at(4, 3))
    second = counter.issue("C2", at(4, 4), replaces="C1")
    counter.does("C2", CANCEL, at(4, 5))
    with pytest.raises(errors.CardActionRefused, match="replaced by another card before"):
        counter.issue("C3", at(4, 6), replaces="C1")
    with pytest.raises(errors.CardActionRefused, match="no replaced card of this person"):
        counter.issue("C3", at(4, 6), replaces="C2")
    with pytest.raises(errors.CardActionRefused, match="no replaced card of this person"):
        counter.issue("C4", at(4, 6), "P2", replaces="C1")

    assert "C1" == second.replaces


def test_an_electronic_credential_belongs_to_a_card_of_its_holder(counter: Counter) -> None:
    """Bound to a usable physical card of the same person; it has no bank application."""
    counter.active("C1", at(4, 1))
    counter.active("C2", at(4, 1), "P2")
    electronic: dict[str, Any] = {"kind": CardKind.ELECTRONIC}
    with pytest.raises(errors.CardActionRefused, match="no usable physical card"):
        counter.issue("V1", at(4, 2), bound_to="C2", **electronic)
    issued = counter.issue("V1", at(4, 2), bound_to="C1", **electronic)
    with pytest.raises(
        errors.CardActionRefused, match="only a physical card has a bank application"
    ):
        counter.does("V1", BANK, at(4, 3))

    assert (CardKind.ELECTRONIC, "C1") == (issued.kind, issued.bound_to)


def test_an_inquiry_tells_what_a_card_can_do(counter: Counter) -> None:
    """Valid for funds and account, and for the bank once that is activated; locked for funds."""
    counter.active("C1", at(4, 1))
    counter.does("C1", BANK, at(4, 2))
    counter.does("C1", LOCK, at(4, 3))
    check = counter.engine.cards.check
    answers = [check(AREA, "C1", at(4, day)) for day in (1, 2, 3)]

    assert [True] * 3 == [answer.valid for answer in answers]
    assert [
        (CardUse.SETTLE, CardUse.ACCOUNT),
        (CardUse.SETTLE, CardUse.ACCOUNT, CardUse.BANK),
        (CardUse.SETTLE,),
    ] == [answer.uses for answer in answers]


def test_an_inquiry_tells_level_moment_reason_and_remedy(counter: Counter) -> None:
    """Its own state before a list; a list for a card that nobody issued; else it is unknown."""
    counter.active("C1", at(4, 1))
    counter.does("C1", FORMAL, at(5, 2))
    counter.engine.cards.replace_lists(InvalidLists([list_of(CITY, 3, lost("C1", "C8"))]))
    check = counter.engine.cards.check
    asked = [("C1", at(5, 1, 11)), ("C1", SINCE), ("C1", at(5, 2)), ("C8", SINCE), ("C9", SINCE)]
    answers = [check(AREA, card, moment) for card, moment in asked]

    assert [
        (True, None, None, None),
        (False, "city", SINCE, "lost"),
        (False, "card", at(5, 2), "formally_lost"),
        (False, "city", SINCE, "lost"),
        (False, "card", None, "unknown"),
    ] == [(each.valid, each.level, each.since, each.reason) for each in answers]
    assert {ListLevel.CITY: 3} == answers[0].list_versions
    assert all((each.remedy and each.remedy_zh) for each in answers if not each.valid)


def test_events_are_told_in_their_order(counter: Counter) -> None:
    """Each with who reported it, when, and the state it led to."""
    counter.active("C1", at(4, 1))
    counter.does("C1", LOCK, at(4, 2))

    assert [
        (AGENCY, "E1", at(4, 1), CardState.SEALED),
        (AGENCY, "E2", at(4, 1), CardState.ACTIVE),
        (AGENCY, "E3", at(4, 2), CardState.LOCKED),
    ] == [
        (each.institution, each.request_id, each.effective_time, each.state)
        for each in counter.engine.cards.events(AREA, "C1")
    ]
