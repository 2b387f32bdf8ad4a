"""What cardholders ask, over a real connection, against the engine's own answers."""

from asyncio import AbstractEventLoop as Loop
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.type.date_pb2 import Date  # type: ignore[import-untyped]
from medsettle import errors
from medsettle.client import Client
from medsettle.core.enquiries import StatedFacts
from medsettle.core.relatives import InsuranceNotice, Person, Relation
from medsettle.core.settlement import Opening
from medsettle.engine import Engine
from medsettle.v1 import enquiry_service_pb2 as messages
from medsettle.v1 import enquiry_service_pb2_grpc as services

from tests.engine import engines
from tests.engine.relatives import AREA as FAMILY
from tests.engine.relatives import RULES, granted, opened, person, visit
from tests.engine.visits import AREA as VISITS
from tests.engine.visits import injury_stay, issue_card, recognition, register, settle
from tests.service.claims import AREA, INSTITUTION, claim
from tests.service.serving import Served, serving

_GIVER, _RECEIVER = person("G"), person("R")
_NO_DAY = messages.StatedFacts(birth_date=Date(year=2024, month=2, day=30))
_RELATION = Relation(_GIVER, _RECEIVER, 1)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Yield an engine: P1 was injured; G sets money aside that R used twice, once taken back."""
    folder: Path = tmp_path_factory.mktemp("ledger")
    with engines.engine_on(folder, RULES) as engine:
        issue_card(engine, "C1", "P1")
        register(engine, recognition())
        settle(engine, injury_stay())
        opened(engine, "G", 100_000)
        granted(engine, "G", "R", 60_000)
        for number in range(1, 8):
            bill = engines.settled(engine, visit(number, "R", 1_000 * number))
        engine.cancel(INSTITUTION, "X1", engines.id_of(bill))
        yield engine


@pytest.fixture(scope="module")
def served(engine: Engine, loop: Loop) -> Iterator[Served]:
    """Yield a server of it."""
    with serving(engine, loop) as served:
        yield served


@pytest.mark.parametrize(
    "whom", [Person(VISITS, "P1"), _GIVER, _RECEIVER], ids=lambda each: each[1]
)
def test_an_overview_arrives_as_the_engine_has_it(
    client: Client, engine: Engine, whom: Person
) -> None:
    """Account, counters, cards, registrations, relations and settlements equal the engine's."""
    told = client.enquiries.overview(whom)

    assert replace(engine.enquiries.overview(whom), moment=told.moment) == told
    assert engine.person(*whom) == told.person
    assert engine.relatives.relations(whom) == told.relations


def test_an_overview_holds_all_that_is_known(client: Client) -> None:
    """The injured person's card and recognition, and both parts of the visit, newest first."""
    told = client.enquiries.overview(Person(VISITS, "P1"))

    assert (["C1"], [recognition()]) == (
        [card.card for card in told.cards],
        [each.registration for each in told.registrations],
    )
    assert [("310", 240_000, 112_000), ("410", 1_620_000, 1_570_000)] == [
        (each.insurance_type, each.total_fen, each.fund_total_fen) for each in told.settlements
    ]
    assert told.settlements[0].visit == told.settlements[1].visit is not None
    assert told.insured


def test_a_cancelled_settlement_names_its_cancel(client: Client) -> None:
    """The cancel is told first; its original names it, and the others name none."""
    cancel, original, *others = client.enquiries.overview(_RECEIVER).settlements

    assert (original.settlement, cancel.settlement) == (cancel.original, original.cancelled_by)
    assert ("cancel", -7_000, "settle") == (cancel.kind, cancel.mutual_aid_fen, original.kind)
    assert {None} == {each.cancelled_by for each in others}


def test_a_person_never_seen_is_empty(client: Client) -> None:
    """Nobody is no error: nothing is held, and nothing moved; also in an area nobody serves."""
    for nobody in (Person(FAMILY, "N"), Person("999999", "N")):
        told = client.enquiries.overview(nobody)
        assert (0, ()) == (told.person.account_fen, told.person.counters)
        assert ((), (), ()) == (told.registrations, told.cards, told.relations)
        assert () == told.settlements
        assert [] == list(client.enquiries.account_movements(nobody))


@pytest.mark.parametrize("size", [1, 3, 4, 8, 1_000])
def test_pages_hold_what_the_whole_holds(client: Client, engine: Engine, size: int) -> None:
    """Movements and uses come page by page in ledger order, each once."""
    movements = list(client.enquiries.account_movements(_GIVER, page_size=size))
    uses = list(client.enquiries.limit_uses(_RELATION, page_size=size))

    assert engine.statements.account(_GIVER) == movements
    assert [("opening", 100_000, 100_000), ("relation", -60_000, 40_000)] == [
        (each.kind, each.fen, each.balance_fen) for each in movements
    ]
    assert engine.statements.limit_uses(_RELATION) == uses
    assert [1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 7_000, -7_000] == [each.fen for each in uses]
    assert (21_000, {INSTITUTION}) == (uses[-1].balance_fen, {each.institution for each in uses})


def test_what_is_left_is_told_for_what_is_stated(tmp_path: Path, loop: Loop) -> None:
    """100 deductible and a cap of 1,000; a bill of 500 meets the one and takes 320 of the other.

    By hand: (500 - 100) at 80 % is 320. Tables of the stays have a scope limit of 20,000.
    """
    with (
        engines.engine_on(tmp_path) as engine,
        serving(engine, loop) as served,
        Client(served.address) as client,
    ):
        client.settle(claim(1))
        whom = Person(AREA, "P1")
        told = client.enquiries.overview(whom, StatedFacts(insurance_type="310"))
        other = client.enquiries.overview(whom, StatedFacts(insurance_type="390"))

        assert {
            ("deductible", "310.deductible_met", 2024, 10_000, 10_000, 0),
            ("cap", "310.fund_paid", 2024, 100_000, 32_000, 68_000),
            ("cap", "310.scope_inside", 2024, 2_000_000, 0, 2_000_000),
        } == {
            (
                *(each.kind, each.counter, each.period),
                *(each.limit_fen, each.used_fen, each.left_fen),
            )
            for each in told.limits
        }
        assert () == other.limits
        assert engine.enquiries.overview(whom).limits == client.enquiries.overview(whom).limits


def test_needs_arrive_in_place_of_numbers(client: Client) -> None:
    """Absent amounts stay absent on the way, and the missing facts are named."""
    told = client.enquiries.overview(Person("999902", "N"), StatedFacts(insurance_type="390"))
    (own,) = (each for each in told.limits if each.counter == "390.at_hospital")

    assert (10_000, None, None, None) == (
        own.limit_fen,
        own.used_fen,
        own.left_fen,
        own.period,
    )
    assert ("institution",) == own.needs


def test_the_end_of_insurance_is_told(tmp_path: Path, loop: Loop) -> None:
    """Insured as far as is known, until the end was told."""
    with (
        engines.engine_on(tmp_path, RULES) as engine,
        serving(engine, loop) as served,
        Client(served.address) as client,
    ):
        client.open_person(Opening(INSTITUTION, "O1", FAMILY, "G", 5))
        assert client.enquiries.overview(_GIVER).insured
        client.relatives.end_insurance(InsuranceNotice(INSTITUTION, "E1", _GIVER))
        assert not client.enquiries.overview(_GIVER).insured


def test_what_is_malformed_is_refused_with_its_path(client: Client) -> None:
    """Facts out of their bounds, and a relation that never was."""
    facts = StatedFacts(insurance_type="31", birth_date=date(1700, 1, 1))
    with pytest.raises(errors.InvalidRequest, match=r"facts\.insurance_type"):
        client.enquiries.overview(_GIVER, facts)
    with pytest.raises(errors.NotFound, match="set nothing aside"):
        list(client.enquiries.limit_uses(Relation(_GIVER, _RECEIVER, 2)))


def _name(whom: Person) -> str:
    return f"poolingAreas/{whom.pooling_area}/persons/{whom.person}"


def _sent(served: Served, method: str, request: object) -> Any:  # noqa: ANN401
    with grpc.insecure_channel(served.address) as channel:
        return getattr(services.EnquiryServiceStub(channel), method)(request, timeout=5)


def test_a_token_serves_its_own_list_alone(served: Served) -> None:
    """Another person, another number, another list: each is refused; the same goes on."""
    uses = messages.ListLimitUsesRequest(
        receiver=_name(_RECEIVER), giver=_name(_GIVER), number=1, page_size=2
    )
    page = _sent(served, "ListLimitUses", uses)
    token = page.next_page_token
    movements = messages.ListAccountMovementsRequest(parent=_name(_RECEIVER), page_size=1)
    own = _sent(
        served,
        "ListAccountMovements",
        messages.ListAccountMovementsRequest(parent=_name(_GIVER), page_size=1),
    ).next_page_token
    swapped = messages.ListLimitUsesRequest(receiver=_name(_GIVER), giver=_name(_RECEIVER))
    swapped.MergeFrom(messages.ListLimitUsesRequest(number=1, page_token=token))
    other = messages.ListLimitUsesRequest()
    other.CopyFrom(uses)
    other.MergeFrom(messages.ListLimitUsesRequest(number=2, page_token=token))

    requests: tuple[tuple[str, Any, str], ...] = (
        ("ListLimitUses", swapped, token),
        ("ListLimitUses", other, token),
        ("ListAccountMovements", movements, own),
        ("ListAccountMovements", movements, token),
    )
    for method, request, used in requests:
        request.page_token = used
        with pytest.raises(grpc.RpcError) as refused:
            _sent(served, method, request)
        assert isinstance(refused.value, grpc.Call)
        assert grpc.StatusCode.INVALID_ARGUMENT is refused.value.code()
        assert "page_token: made for other arguments" in str(refused.value.details())
    uses.page_token = token
    assert page.movements[-1].seq < _sent(served, "ListLimitUses", uses).movements[0].seq


@pytest.mark.parametrize(
    ("method", "request_", "path"),
    [
        ("GetOverview", messages.GetOverviewRequest(name="P1"), "name"),
        ("GetOverview", messages.GetOverviewRequest(name="poolingAreas/-/persons/P1"), "name"),
        ("ListAccountMovements", messages.ListAccountMovementsRequest(), "parent"),
        ("ListLimitUses", messages.ListLimitUsesRequest(giver=_name(_GIVER)), "receiver"),
        (
            "ListAccountMovements",
            messages.ListAccountMovementsRequest(parent=_name(_GIVER), page_size=-1),
            "page_size",
        ),
        (
            "GetOverview",
            messages.GetOverviewRequest(name=_name(_GIVER), facts=_NO_DAY),
            "facts.birth_date",
        ),
    ],
)
def test_a_message_of_wrong_form_is_refused(
    served: Served, method: str, request_: object, path: str
) -> None:
    """What no typed client would send is told with its path."""
    with pytest.raises(grpc.RpcError) as refused:
        _sent(served, method, request_)

    assert isinstance(refused.value, grpc.Call)
    assert grpc.StatusCode.INVALID_ARGUMENT is refused.value.code()
    assert f"{path}: " in str(refused.value.details())
