"""What each state of a card, each credential and each list answers to a claim."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from medsettle.cards.invalid_list import InvalidLists
from medsettle.core.cards import CardAction, CardKind
from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine

from tests.cards.desks import (
    ACTIVATE,
    CANCEL,
    FORMAL,
    LOCK,
    REPLACE,
    RESUME,
    TEMPORARY,
    Counter,
    at,
)
from tests.cards.lists import CITY, NATIONAL, PROVINCIAL, list_of, lost
from tests.engine.engines import id_of, outcomes, settle, settled
from tests.service.claims import INSTITUTION, claim, line

_MOMENT = timedelta(microseconds=1)
_ON = at(5, 1, 9)


def _visit(number: int = 1, moment: datetime | None = _ON, **changes: object) -> dict[str, Any]:
    """Return an outpatient claim of 1 May 2024 by P1 with card C1, presented at nine."""
    own = {"person": "P1", "credential_type": "03", "card": "C1", "credential_time": moment}
    return claim(number, account_used=False) | own | changes


def _rejection(engine: Engine, row: dict[str, Any]) -> Rejection:
    (answer,) = settle(engine, row)
    assert isinstance(answer, Rejection), answer
    return answer


# --- states -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "without", "with_account"),
    [
        ([], Outcome.CARD_NOT_ACTIVATED, Outcome.CARD_NOT_ACTIVATED),
        ([ACTIVATE], Outcome.SETTLED, Outcome.SETTLED),
        ([ACTIVATE, LOCK], Outcome.SETTLED, Outcome.CARD_LOCKED),
        ([ACTIVATE, TEMPORARY], Outcome.CARD_LOST, Outcome.CARD_LOST),
        ([ACTIVATE, FORMAL], Outcome.CARD_LOST, Outcome.CARD_LOST),
        ([ACTIVATE, TEMPORARY, RESUME], Outcome.SETTLED, Outcome.SETTLED),
        ([ACTIVATE, REPLACE], Outcome.CARD_REPLACED, Outcome.CARD_REPLACED),
        ([ACTIVATE, CANCEL], Outcome.CARD_CANCELLED, Outcome.CARD_CANCELLED),
    ],
    ids=lambda value: "-".join(value) or "sealed" if isinstance(value, list) else value.name,
)
def test_each_state_has_its_answer(
    counter: Counter, way: list[CardAction], without: Outcome, with_account: Outcome
) -> None:
    """Without the account, and with it: in this area a locked card still brings the funds."""
    counter.issue("C1", at(4, 1))
    for action in way:
        counter.does("C1", action, at(4, 29))
    answers = settle(counter.engine, _visit(1), _visit(2, account_used=True))

    assert [without, with_account] == outcomes(answers)
    assert without is Outcome.SETTLED or outcomes(
        counter.engine.preview(ClaimBatch.from_rows([_visit(3)]))
    ) == [without]


def test_an_expired_card_is_refused_from_its_first_invalid_day(counter: Counter) -> None:
    """A moment before midnight it settles; the visit may begin before."""
    counter.active("C1", at(4, 1), expires_date=date(2024, 5, 1))
    midnight = at(5, 1, 0)
    row = _visit(1, midnight - _MOMENT, admission_date=date(2024, 4, 30))

    assert [Outcome.SETTLED] == outcomes(settle(counter.engine, row))
    assert [Outcome.CARD_EXPIRED] == outcomes(settle(counter.engine, _visit(2, midnight)))


@pytest.mark.parametrize("loss", [TEMPORARY, FORMAL])
def test_a_claim_before_the_loss_stays_valid(counter: Counter, loss: CardAction) -> None:
    """Presented a moment before the loss it settles, also when it is sent later; then no more."""
    counter.active("C1", at(4, 1))
    counter.does("C1", loss, _ON)
    answers = settle(counter.engine, _visit(1, _ON - _MOMENT), _visit(2, _ON))

    assert [Outcome.SETTLED, Outcome.CARD_LOST] == outcomes(answers)
    assert isinstance(answers[1], Rejection)
    assert {"card": "C1", "pooling_area": "999900"}.items() <= answers[1].metadata.items()
    assert "present another credential" in answers[1].message
    assert answers[1].outcome.name == answers[1].error().reason


def test_a_lapse_gives_the_card_back(counter: Counter) -> None:
    """Lost on 24 April for five working days: 25, 26, 28 (worked), 29 and 30 April."""
    counter.active("C1", at(4, 1))
    counter.does("C1", TEMPORARY, at(4, 24))
    before = _visit(1, at(5, 1, 0) - _MOMENT, admission_date=date(2024, 4, 30))

    assert [Outcome.CARD_LOST, Outcome.SETTLED] == outcomes(
        settle(counter.engine, before, _visit(2, at(5, 1, 0)))
    )


def test_without_a_moment_the_whole_day_counts(counter: Counter) -> None:
    """A card that was lost in the last second of the day of service is lost for that day."""
    counter.active("C1", at(4, 1))
    settled(counter.engine, _visit(1, None))
    counter.does("C1", FORMAL, at(5, 1, 23, 59))

    assert [Outcome.CARD_LOST] == outcomes(settle(counter.engine, _visit(2, None)))


def test_a_settlement_can_be_cancelled_after_the_loss(counter: Counter) -> None:
    """A cancel and a repetition are not judged again: they are about what was settled."""
    counter.active("C1", at(4, 1))
    first = settled(counter.engine, _visit(1))
    counter.does("C1", FORMAL, _ON)

    assert settled(counter.engine, _visit(1)).duplicate
    cancel = counter.engine.cancel(INSTITUTION, "X1", id_of(first))
    assert ("03", "C1", _ON) == tuple(
        cancel.columns[name] for name in ("credential_type", "card", "credential_time")
    )
    assert -first.fen("cash_fen") == cancel.fen("cash_fen")


# --- credentials ------------------------------------------------------------------------------


def test_a_claim_without_credential_settles_where_none_is_asked_for(counter: Counter) -> None:
    """In 2024 the area asks for none; such a claim records none, and no list."""
    settlement = settled(counter.engine, claim(1))

    assert [None] * 6 == [
        settlement.columns[name]
        for name in (
            *("credential_type", "card", "credential_time"),
            *("national_list_version", "provincial_list_version", "city_list_version"),
        )
    ]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        pytest.param({"credential_type": None}, "credential_type", id="card-of-no-type"),
        pytest.param({"card": None}, "card", id="no-card"),
        pytest.param({"credential_type": "01"}, "card", id="card-beside-a-code"),
        pytest.param({"credential_time": "2024-05-01 09:00"}, "credential_time", id="no-zone"),
        pytest.param({"credential_time": at(5, 2, 0)}, "credential_time", id="day-after"),
        pytest.param({"credential_time": at(5, 1, 0) - _MOMENT}, "credential_time", id="before"),
    ],
)
def test_a_credential_that_is_not_whole_is_a_fault(
    counter: Counter, changes: dict[str, Any], path: str
) -> None:
    """A card has a type, a credential that is a card its token, a moment its zone and its day."""
    counter.active("C1", at(4, 1))
    rejection = _rejection(counter.engine, _visit(1) | changes)

    assert Outcome.INVALID_REQUEST is rejection.outcome
    assert [path] == [fault.path for fault in rejection.faults]


def _walk() -> list[tuple[Outcome, dict[str, Any]]]:
    """Return a claim's faults in order of precedence; each row mends the one above."""
    return [
        (Outcome.CREDENTIAL_NOT_ACCEPTED, {}),
        (Outcome.CARD_UNKNOWN, {"credential_type": "04"}),
        (Outcome.CARD_UNKNOWN, {"credential_type": "03", "card": "C9"}),
        (Outcome.CARD_OF_ANOTHER_PERSON, {"card": "C1"}),
        (Outcome.CARD_LOST, {"person": "P1"}),
        (Outcome.CARD_ON_INVALID_LIST, {"credential_time": at(5, 1, 8)}),
        (Outcome.POLICY_NOT_FOUND, {"credential_time": at(5, 1, 7)}),
        (Outcome.SETTLED, {"visit_type": "11"}),
    ]


def test_outcomes_come_in_order_of_precedence(counter: Counter) -> None:
    """Walking down, mending one fault at a time, meets every answer in its order."""
    counter.active("C1", at(4, 1))
    counter.does("C1", FORMAL, _ON)
    listed = list_of(CITY, 3, lost("C1", since=at(5, 1, 8)))
    counter.engine.cards.replace_lists(InvalidLists([listed]))
    row = _visit(1, person="P2", credential_type="99", visit_type="99")
    found = []
    for number, (_, mended) in enumerate(_walk(), 1):
        row |= mended | {"request_id": f"R{number}"}
        found += outcomes(settle(counter.engine, row))

    assert [outcome for outcome, _ in _walk()] == found


def test_outcomes_are_listed_in_their_order() -> None:
    """The order of the list is that of precedence, whatever the values are."""
    names = [outcome for outcome, _ in _walk() if outcome is not Outcome.SETTLED]

    assert sorted(set(names), key=list(Outcome).index) == list(dict.fromkeys(names))


def test_a_later_version_asks_for_a_credential(counter: Counter) -> None:
    """From 2025 a claim without one is refused with the types that do; earlier claims are not."""
    row = claim(1) | {name: date(2025, 1, 1) for name in ("admission_date", "service_date")}
    row["lines"] = [line(50_000) | {"fee_date": date(2025, 1, 1)}]
    rejection = _rejection(counter.engine, row)

    assert ("credential_type", "missing; area 999900 asks for one of 03, 04") == (
        rejection.faults[0].path,
        rejection.faults[0].message,
    )


# --- the electronic credential ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "outcome"),
    [(None, Outcome.SETTLED), (FORMAL, Outcome.CARD_LOST), (CANCEL, Outcome.CARD_CANCELLED)],
)
def test_an_electronic_credential_stops_with_its_card(
    counter: Counter, action: CardAction | None, outcome: Outcome
) -> None:
    """In 2024 the area lets the credential follow the physical card that it belongs to."""
    counter.active("C1", at(4, 1))
    counter.issue("V1", at(4, 2), kind=CardKind.ELECTRONIC, bound_to="C1")
    counter.does("V1", ACTIVATE, at(4, 2))
    if action is not None:
        counter.does("C1", action, at(4, 3))
    row = _visit(1, credential_type="04", card="V1")

    assert [outcome] == outcomes(settle(counter.engine, row))


# --- lists ------------------------------------------------------------------------------------


def test_a_settlement_records_the_lists_it_was_held_to(counter: Counter) -> None:
    """The version of each list above the area, also after later ones have come."""
    counter.active("C1", at(4, 1))
    lists = [list_of(slot, number, lost("C2")) for number, slot in ((12, NATIONAL), (31, CITY))]
    counter.engine.cards.replace_lists(InvalidLists(lists))
    first = settled(counter.engine, _visit(1))
    counter.engine.cards.replace_lists(InvalidLists([list_of(PROVINCIAL, 1, [])]))
    names = ("national_list_version", "provincial_list_version", "city_list_version")

    assert [12, None, 31] == [first.columns[name] for name in names]
    assert first == counter.engine.get(id_of(first))
    again = settled(counter.engine, _visit(1))
    assert [12, None, 31] == [again.columns[name] for name in names]
    assert [None, 1, None] == [settled(counter.engine, _visit(2)).columns[name] for name in names]


def test_a_listed_card_is_refused_from_its_moment(counter: Counter) -> None:
    """A moment before it settles; the refusal says level, version, since when and why."""
    counter.active("C1", at(4, 1))
    counter.engine.cards.replace_lists(InvalidLists([list_of(CITY, 3, lost("C1", since=_ON))]))
    first, second = settle(counter.engine, _visit(1, _ON - _MOMENT), _visit(2, _ON))

    assert isinstance(first, Settlement)
    assert isinstance(second, Rejection)
    assert Outcome.CARD_ON_INVALID_LIST is second.outcome
    assert {
        "card": "C1",
        "pooling_area": "999900",
        "level": "city",
        "since": "2024-05-01T01:00:00+00:00",
        "reason": "lost",
        "list_version": "3",
    } == second.metadata
