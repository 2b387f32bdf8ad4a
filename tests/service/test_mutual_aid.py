"""Relatives' limits over a real socket: every call, its answers, and the errors of each."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from medsettle import errors
from medsettle.client import Client
from medsettle.core.relatives import Dissolution, InsuranceNotice, LimitChange, Person
from medsettle.core.settlement import Opening
from medsettle.v1 import mutual_aid_service_pb2 as messages
from medsettle.v1 import mutual_aid_service_pb2_grpc as services

from tests.engine.relatives import AREA, family_engine, person, visit
from tests.service.claims import INSTITUTION
from tests.service.serving import Served, serving

_GIVER, _RECEIVER = person("G"), person("R")


@pytest.fixture
def family(tmp_path: Path, loop: asyncio.AbstractEventLoop) -> Iterator[Served]:
    """Yield a server of the area whose policies let relatives pay."""
    with family_engine(tmp_path) as engine, serving(engine, loop) as served:
        yield served


@pytest.fixture
def client(family: Served) -> Iterator[Client]:
    """Yield a client; the giver's account holds 1,000 yuan."""
    with Client(family.address) as client:
        client.open_person(Opening(INSTITUTION, "O1", AREA, "G", 100_000))
        yield client


def _change(fen: int, request: str) -> LimitChange:
    return LimitChange(INSTITUTION, request, _GIVER, _RECEIVER, fen)


def test_a_limit_from_the_first_grant_to_the_end(client: Client) -> None:
    """Grant, pay, cancel, lower, dissolve: each answer says how the relation stands then."""
    state = client.relatives.grant(_change(60_000, "Q1"))
    assert (_GIVER, _RECEIVER, 1) == tuple(state.relation)
    assert (60_000, 0, True) == (state.limit_fen, state.used_fen, state.bound)
    assert replace(state, duplicate=True) == client.relatives.grant(_change(60_000, "Q1"))
    assert 40_000 == client.person(AREA, "G").account_fen

    bill = client.settle(visit(1, "R", 50_000))
    assert (50_000, 0) == (bill.fen("mutual_aid_fen"), bill.fen("cash_fen"))
    (row,) = bill.relatives
    assert ("G", 50_000, 10_000, "limit") == tuple(
        row[name] for name in ("giver", "paid_fen", "limit_left_fen", "booked_on")
    )
    settlement = str(bill.columns["settlement"])
    assert bill == client.get(settlement)
    assert "limits of relatives held 600.00" in client.explain(settlement).sentences[2].text_en

    lowered = client.relatives.lower(_change(10_000, "Q2"))
    assert (0, 50_000) == (lowered.limit_fen, lowered.used_fen)
    cancel = client.cancel(settlement, institution=INSTITUTION, request_id="X1")
    assert -50_000 == cancel.fen("mutual_aid_fen")
    dissolution = Dissolution(INSTITUTION, "Q3", _GIVER, _RECEIVER, "receiver")
    ended = client.relatives.dissolve(dissolution)
    assert (0, 0, False) == (ended.limit_fen, ended.used_fen, ended.bound)
    assert (ended,) == client.relatives.relations(_GIVER) == client.relatives.relations(_RECEIVER)
    assert 100_000 == client.person(AREA, "G").account_fen


def test_the_end_and_the_beginning_of_insurance_are_one_call_each(client: Client) -> None:
    """All relations of the person come back ended; then nothing is granted until it begins."""
    client.relatives.grant(_change(60_000, "Q1"))
    end = InsuranceNotice(INSTITUTION, "E1", _GIVER)
    state = client.relatives.end_insurance(end)

    (ended,) = state.ended
    assert (0, False, False, False) == (
        ended.limit_fen,
        ended.bound,
        state.insured,
        state.duplicate,
    )
    again = client.relatives.end_insurance(end)
    assert (True, True) == (again.duplicate, again.ended[0].duplicate)
    nobody = InsuranceNotice(INSTITUTION, "E2", person("N"))
    assert () == client.relatives.end_insurance(nobody).ended
    with pytest.raises(errors.NotInsured, match="insurance of G of 999921 has ended"):
        client.relatives.grant(_change(5, "Q2"))
    begun = client.relatives.begin_insurance(replace(end, request_id="B1"))
    assert (True, False) == (begun.insured, begun.duplicate)
    assert client.relatives.begin_insurance(replace(end, request_id="B1")).duplicate
    assert client.relatives.grant(_change(5, "Q3")).bound


def test_errors_arrive_with_their_class_and_remedy(client: Client) -> None:
    """A low balance, a stranger, a reused id and a fault are what the engine said."""
    with pytest.raises(errors.BalanceTooLow, match=r"holds 100000 fen.*ask for 100000 at most"):
        client.relatives.grant(_change(100_001, "Q1"))
    with pytest.raises(errors.NotFound, match="list the relations of either"):
        client.relatives.lower(_change(1, "Q2"))
    client.relatives.grant(_change(5, "Q3"))
    for used in ("Q1", "Q2", "Q3"):
        with pytest.raises(errors.RequestIdReused, match="needs a new id"):
            client.relatives.grant(_change(6, used))
    with pytest.raises(errors.InvalidRequest, match="fen: 0 lies outside 1 to"):
        client.relatives.grant(_change(0, "Q4"))
    with pytest.raises(errors.InvalidRequest, match=r"giver\.pooling_area: not served here"):
        change = LimitChange(INSTITUTION, "Q2", Person("1", "G"), _RECEIVER, 1)
        client.relatives.grant(change)


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        pytest.param(messages.GrantLimitRequest(giver="x", fen=1), "giver", id="no-name"),
        pytest.param(
            messages.GrantLimitRequest(
                giver="poolingAreas/-/persons/G", receiver=f"poolingAreas/{AREA}/persons/R"
            ),
            "giver",
            id="any-area",
        ),
        pytest.param(
            messages.DissolveRelationRequest(
                giver=f"poolingAreas/{AREA}/persons/G", receiver=f"poolingAreas/{AREA}/persons/R"
            ),
            "reason",
            id="no-reason",
        ),
        pytest.param(messages.ListRelationsRequest(), "person", id="no-person"),
        pytest.param(messages.EndInsuranceRequest(person="poolingAreas/1"), "person", id="parent"),
        pytest.param(messages.BeginInsuranceRequest(person="G"), "person", id="no-area"),
    ],
)
def test_a_malformed_request_is_told_by_its_field(
    family: Served, request_: object, path: str
) -> None:
    """What the typed client cannot send is refused with the name of the field."""
    methods = {
        messages.GrantLimitRequest: "GrantLimit",
        messages.DissolveRelationRequest: "DissolveRelation",
        messages.ListRelationsRequest: "ListRelations",
        messages.EndInsuranceRequest: "EndInsurance",
        messages.BeginInsuranceRequest: "BeginInsurance",
    }
    with grpc.insecure_channel(family.address) as channel:
        stub = services.MutualAidServiceStub(channel)
        with pytest.raises(grpc.RpcError) as refused:
            getattr(stub, methods[type(request_)])(request_, timeout=5)

    assert isinstance(refused.value, grpc.Call)
    assert grpc.StatusCode.INVALID_ARGUMENT is refused.value.code()
    assert f"{path}: " in refused.value.details()
