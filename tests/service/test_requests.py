"""Reversals, questions by request id and hindsight over a real connection."""

from asyncio import AbstractEventLoop as Loop
from collections.abc import Iterator
from pathlib import Path

import grpc
import pyarrow as pa
import pytest
from google.rpc import error_details_pb2 as details  # type: ignore[import-untyped]
from grpc_status import rpc_status
from medsettle import errors
from medsettle.client import Client
from medsettle.client.claims import claim_message
from medsettle.core import schema
from medsettle.core.request_states import RequestStatus
from medsettle.engine import Engine
from medsettle.v1 import request_service_pb2 as messages
from medsettle.v1 import request_service_pb2_grpc as services
from medsettle.v1 import settlement_service_pb2 as settlements
from medsettle.v1 import settlement_service_pb2_grpc as settlements_grpc

from tests.engine import engines
from tests.engine.engines import stay
from tests.engine.visits import SHAPES, injury_stay, recognition, register
from tests.service.claims import INSTITUTION, claim
from tests.service.serving import Served, serving


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Yield an engine with an empty ledger."""
    with engines.engine_on(tmp_path) as engine:
        yield engine


@pytest.fixture
def served(engine: Engine, loop: Loop) -> Iterator[Served]:
    """Yield a server of it."""
    with serving(engine, loop) as served:
        yield served


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    """Yield a client of it."""
    with Client(served.address) as client:
        yield client


def test_every_state_arrives_as_the_engine_tells_it(client: Client, engine: Engine) -> None:
    """One request in each state, with id, moment, refusal and what took it back."""
    client.settle(claim(1))
    with pytest.raises(errors.ClassNotCovered):
        client.settle(stay(2, institution_level="09"))
    third = str(client.settle(claim(3)).columns["settlement"])
    client.cancel(third, institution=INSTITUTION, request_id="C3")
    client.settle(claim(4))
    reversals = [client.reverse(INSTITUTION, f"R{n}", f"X{n}") for n in (4, 5, 4, 2)]
    asked = [f"R{number}" for number in range(1, 7)] + ["C3", "X4"]
    states = [client.find_request(INSTITUTION, request_id) for request_id in asked]

    assert [
        RequestStatus.COMMITTED,
        RequestStatus.REJECTED,
        RequestStatus.CANCELLED,
        RequestStatus.REVERSED,
        RequestStatus.TOMBSTONE,
        RequestStatus.UNKNOWN,
        RequestStatus.COMMITTED,
        RequestStatus.COMMITTED,
    ] == [state.status for state in states]
    assert states == [engine.find_request(INSTITUTION, request_id) for request_id in asked]
    assert [False, False, True, True] == [each.duplicate for each in reversals]
    assert [states[3], states[4], states[3], states[1]] == [each.original for each in reversals]


def test_a_repeated_refusal_says_that_it_is_one(client: Client) -> None:
    """In the metadata of the error, and in the row of a table."""
    found = []
    for _ in range(2):
        with pytest.raises(errors.ClassNotCovered) as refused:
            client.settle(stay(1, institution_level="09"))
        found.append(refused.value.metadata.get("duplicate"))
    rows = [stay(1, institution_level="09"), claim(2), stay(3, institution_level="09")]
    table = pa.Table.from_pylist(rows, schema.claim_schema())
    first, again = client.settle_table(table), client.settle_table(table)

    assert [None, "true"] == found
    assert [True, False, False] == first["duplicate"].to_pylist()
    assert [True] * 3 == again["duplicate"].to_pylist()
    outcomes = ["CLASS_NOT_COVERED", "SETTLED", "CLASS_NOT_COVERED"]
    assert outcomes == first["outcome"].to_pylist() == again["outcome"].to_pylist()
    assert [False] == client.preview_table(table.slice(0, 1))["duplicate"].to_pylist()


def test_a_late_original_is_refused_in_both_languages(client: Client, served: Served) -> None:
    """With a reason of its own, in a call of one claim and in a row of a table."""
    client.reverse(INSTITUTION, "R1", "X1")
    table = pa.Table.from_pylist([claim(1)], schema.claim_schema())

    assert ["REQUEST_REVERSED"] == client.settle_table(table)["outcome"].to_pylist()
    with pytest.raises(errors.RequestReversed, match="a new request needs a new id"):
        client.settle(claim(1))


@pytest.mark.parametrize(
    ("original", "own", "code", "reason", "says"),
    [
        ("C1", "X1", grpc.StatusCode.FAILED_PRECONDITION, "NOT_REVERSIBLE", "不能冲正"),
        ("R1", "C1", grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED", "换用新的流水号"),
        ("R1", "R1", grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "更正"),
        ("", "X1", grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "更正"),
    ],
)
def test_what_cannot_be_reversed_says_why(
    client: Client,
    served: Served,
    original: str,
    own: str,
    code: grpc.StatusCode,
    reason: str,
    says: str,
) -> None:
    """The code, the reason and the cashier's sentence; never an internal error."""
    settlement = str(client.settle(claim(1)).columns["settlement"])
    client.cancel(settlement, institution=INSTITUTION, request_id="C1")
    with grpc.insecure_channel(served.address) as channel:
        stub = services.RequestServiceStub(channel)
        request = messages.ReverseRequestRequest(
            institution=INSTITUTION, original_request_id=original, request_id=own
        )
        with pytest.raises(grpc.RpcError) as refused:
            stub.ReverseRequest(request, timeout=20)
    status = rpc_status.from_call(refused.value)  # type: ignore[arg-type]
    assert status is not None
    info, localized = details.ErrorInfo(), details.LocalizedMessage()
    status.details[0].Unpack(info)
    status.details[1].Unpack(localized)

    assert (code.value[0], reason) == (status.code, info.reason)
    assert says in localized.message


def test_the_cashier_reads_that_a_new_id_is_needed(served: Served) -> None:
    """Where a refusal is repeated, the sentence of its class says so, and not the first time."""
    said = []
    with grpc.insecure_channel(served.address) as channel:
        stub = settlements_grpc.SettlementServiceStub(channel)
        row = claim_message(stay(1, institution_level="09"))
        for _ in range(2):
            with pytest.raises(grpc.RpcError) as refused:
                stub.CreateSettlement(settlements.CreateSettlementRequest(claim=row), timeout=20)
            status = rpc_status.from_call(refused.value)  # type: ignore[arg-type]
            assert status is not None
            localized = details.LocalizedMessage()
            status.details[1].Unpack(localized)
            said.append(localized.message)

    assert f"{said[0]}该流水号此前已作此答复，再次办理请使用新的流水号。" == said[1]


def test_a_cancel_of_nothing_stays_refused_when_there_is_something(client: Client) -> None:
    """The name of a settlement can be known before it is recorded; the answer no stays no."""
    name = "poolingAreas/999900/settlements/99990090fa5cf4d6fbc0b85b92"
    with pytest.raises(errors.NotFound):
        client.cancel(name, institution=INSTITUTION, request_id="X1")
    assert "99990090fa5cf4d6fbc0b85b92" == client.settle(claim(1)).columns["settlement"]
    with pytest.raises(errors.NotFound):
        client.cancel(name, institution=INSTITUTION, request_id="X1")
    assert client.cancel(name, institution=INSTITUTION, request_id="X2")


def test_a_reversed_visit_arrives_with_what_it_reverses(tmp_path: Path, loop: Loop) -> None:
    """The negative visit and its settlements name the request id of the visit."""
    with engines.engine_on(tmp_path, SHAPES) as engine:
        register(engine, recognition())
        with serving(engine, loop) as served, Client(served.address) as client:
            client.visits.settle(injury_stay())
            state = client.reverse("H1", "V1", "X1").original
            negative = client.visits.get(state.taken_back_by)

        assert engine.visits.get(state.taken_back_by) == negative
        assert ("V1", {"V1"}) == (
            negative.reversed_request,
            {part.columns["reversed_request"] for part in negative.settlements},
        )


def test_hindsight_arrives_as_the_engine_tells_it(client: Client, engine: Engine) -> None:
    """Share by share; a name in another area is not found."""
    first, *_ = (
        client.settle(claim(number, 50_000, person="P", account_used=False)) for number in (1, 2, 3)
    )
    own = str(first.columns["settlement"])
    comparison = client.compare_without(own)

    assert engine.hindsight.without(own) == comparison
    assert [True, True] == [each.differs for each in comparison.later]
    assert comparison == client.compare_without(f"poolingAreas/999900/settlements/{own}")
    for name in (f"poolingAreas/110000/settlements/{own}", "nothing"):
        with pytest.raises(errors.NotFound):
            client.compare_without(name)
