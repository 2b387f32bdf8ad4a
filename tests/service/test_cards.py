"""Cards over a real connection, against the engine's own answers."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import grpc
import pytest
from medsettle import errors
from medsettle.cards.invalid_list import InvalidLists
from medsettle.client import Client
from medsettle.core.cards import CardAction, CardEvent, CardKind, CardState
from medsettle.engine import Engine
from medsettle.v1 import card_service_pb2 as messages
from medsettle.v1 import card_service_pb2_grpc as services

from tests.cards.desks import BANK, FORMAL, ISSUE, LOCK, RESUME, TEMPORARY, Counter, at, engine_on
from tests.cards.lists import CITY, NATIONAL, SINCE, list_of, lost
from tests.service.claims import AREA, claim
from tests.service.serving import Served, serving


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Yield an engine that keeps cards."""
    folder: Path = tmp_path_factory.mktemp("ledger")
    with engine_on(folder) as engine:
        lists = [list_of(NATIONAL, 12, lost("L1")), list_of(CITY, 31, [])]
        engine.cards.replace_lists(InvalidLists(lists))
        yield engine


@pytest.fixture(scope="module")
def served(engine: Engine, loop: asyncio.AbstractEventLoop) -> Iterator[Served]:
    """Yield a server of it."""
    with serving(engine, loop) as served:
        yield served


@pytest.fixture(scope="module")
def counter(engine: Engine) -> Counter:
    """Return the counter that makes events of its cards."""
    return Counter(engine)


def _issue(counter: Counter, card: str) -> CardEvent:
    return counter.event(
        card,
        ISSUE,
        at(4, 1),
        person=f"P-{card}",
        kind=CardKind.PHYSICAL,
        expires_date=date(2034, 4, 1),
    )


def test_a_card_is_told_as_the_engine_has_it(
    client: Client, engine: Engine, counter: Counter
) -> None:
    """Through its whole life each answer equals the engine's, with every moment and date."""
    states = [client.cards.record(_issue(counter, "C1"))]
    for action in (BANK, CardAction.ACTIVATE, LOCK, TEMPORARY, FORMAL, RESUME):
        states.append(client.cards.record(counter.event("C1", action, at(5, 15))))
        assert states[-1] == engine.cards.get(AREA, "C1") == client.cards.get(AREA, "C1")

    assert ["sealed", "sealed", "active", "locked", "temporarily_lost", "formally_lost"] == [
        card.state for card in states[:-1]
    ]
    assert (CardState.LOCKED, True) == (states[-1].state, states[-1].bank_active)


def test_a_repeated_event_is_recorded_once(
    client: Client, engine: Engine, counter: Counter
) -> None:
    """The same request id and content again is marked; other content is refused."""
    event = _issue(counter, "C2")
    first = client.cards.record(event)
    seq = engine.ledger.last_seq()

    assert not first.duplicate
    assert replace(first, duplicate=True) == client.cards.record(event)
    assert seq == engine.ledger.last_seq()
    with pytest.raises(errors.RequestIdReused):
        client.cards.record(replace(event, person="P9"))


def test_events_come_page_by_page(client: Client, engine: Engine, counter: Counter) -> None:
    """Every event once and in order; what an issue stated is told by the card."""
    client.cards.record(_issue(counter, "C3"))
    client.cards.record(counter.event("C3", CardAction.ACTIVATE, at(4, 2)))
    said = client.cards.events(AREA, "C3")
    held = engine.cards.events(AREA, "C3")

    assert [CardAction.ISSUE, CardAction.ACTIVATE] == [event.action for event in said]
    assert [(e.effective_time, e.state, e.request_id, e.in_person) for e in held] == [
        (e.effective_time, e.state, e.request_id, e.in_person) for e in said
    ]


@pytest.mark.parametrize(
    ("card", "moment"),
    [("C4", at(4, 1)), ("C4", at(4, 2)), ("C4", at(4, 3)), ("L1", SINCE), ("X9", None)],
)
def test_an_inquiry_is_answered_as_the_engine_does(
    client: Client, engine: Engine, counter: Counter, card: str, moment: datetime | None
) -> None:
    """Valid, lost, listed and unknown cards: level, moment, reason, remedy and list versions."""
    if not engine.cards.events(AREA, "C4"):
        for event in (
            _issue(counter, "C4"),
            counter.event("C4", CardAction.ACTIVATE, at(4, 2)),
            counter.event("C4", FORMAL, at(4, 3)),
        ):
            client.cards.record(event)
    said = client.cards.check(AREA, card, moment)

    assert replace(engine.cards.check(AREA, card, said.moment)) == said


def test_a_settlement_arrives_with_card_and_lists(
    client: Client, engine: Engine, counter: Counter
) -> None:
    """Type, token, moment and list versions come back as they are recorded."""
    client.cards.record(_issue(counter, "C5"))
    client.cards.record(counter.event("C5", CardAction.ACTIVATE, at(4, 1)))
    row = claim(5, person="P-C5", credential_type="03", card="C5", credential_time=at(5, 1))
    settlement = client.settle(row)

    assert engine.get(str(settlement.columns["settlement"])) == settlement
    assert (12, None, 31) == tuple(
        settlement.columns[f"{level}_list_version"] for level in ("national", "provincial", "city")
    )


def test_a_refused_card_is_an_error_with_its_reason(client: Client, counter: Counter) -> None:
    """The caller gets the class that belongs to the outcome, with card and state."""
    client.cards.record(_issue(counter, "C6"))
    row = claim(6, person="P-C6", credential_type="03", card="C6", credential_time=at(5, 1))
    with pytest.raises(errors.CardNotActivated) as refused:
        client.settle(row)

    assert ("C6", "sealed") == (refused.value.metadata["card"], refused.value.metadata["state"])
    with pytest.raises(errors.CardActionRefused, match="possible now") as impossible:
        client.cards.record(counter.event("C6", LOCK, at(5, 1)))
    assert ("state", "sealed") == tuple(
        impossible.value.metadata[name] for name in ("cause", "state")
    )
    with pytest.raises(errors.NotFound):
        client.cards.get(AREA, "C99")


def test_a_temporary_card_is_told_with_its_end_and_refused_elsewhere(
    client: Client, engine: Engine, counter: Counter
) -> None:
    """Its kind, the day that its area gives it, and the refusal of care in another area."""
    issue = replace(_issue(counter, "T1"), kind=CardKind.TEMPORARY, expires_date=None)
    issued = client.cards.record(issue)
    client.cards.record(counter.event("T1", CardAction.ACTIVATE, at(4, 2)))
    row = claim(7, person="P-T1", credential_type="03", card="T1", credential_time=at(5, 1))
    with pytest.raises(errors.CardOutsideArea) as refused:
        client.settle(row | {"care_area": "110000"})

    assert (CardKind.TEMPORARY, date(2024, 5, 31)) == (issued.kind, issued.expires_date)
    assert ("T1", "110000") == (
        refused.value.metadata["card"],
        refused.value.metadata["care_area"],
    )
    assert "T1" == client.settle(row | {"request_id": "R7b"}).columns["card"]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"name": "poolingAreas/-/cards/C7"}, "name"),
        ({"name": "cards/C7"}, "name"),
        ({"action": 0}, "action"),
        ({"action": 77}, "action"),
        ({"expires_date": {"year": 2030, "month": 2, "day": 30}}, "expires_date"),
        ({"effective_time": {"seconds": -(10**12)}}, "effective_time"),
        ({"institution": ""}, "institution"),
    ],
)
def test_a_message_of_wrong_form_is_refused(
    served: Served, changes: dict[str, object], path: str
) -> None:
    """What no typed client would send is told with its path."""
    good: dict[str, object] = {
        "name": f"poolingAreas/{AREA}/cards/C7",
        "institution": "A",
        "request_id": "M1",
        "action": messages.CARD_ACTION_ISSUE,
        "person": "P7",
        "kind": messages.CARD_KIND_PHYSICAL,
    }
    request = messages.RecordCardEventRequest(**(good | changes))  # type: ignore[arg-type]
    with grpc.insecure_channel(served.address) as channel:
        stub = services.CardServiceStub(channel)
        with pytest.raises(grpc.RpcError) as refused:
            stub.RecordCardEvent(request)

    assert grpc.StatusCode.INVALID_ARGUMENT is refused.value.code()
    assert path in str(refused.value.details())
