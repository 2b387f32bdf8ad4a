"""Refused calls over the wire: what is wrong, where, and whether anything was recorded."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import grpc
import pyarrow as pa
import pytest
from medsettle import errors, limits
from medsettle.client import Claim, ClaimLine, Client
from medsettle.client.claims import claim_message
from medsettle.client.failures import failure_of
from medsettle.core import schema
from medsettle.core.claims import ClaimBatch
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Opening
from medsettle.engine import Engine
from medsettle.errors import Fault
from medsettle.service.streams import claims_of
from medsettle.v1 import person_service_pb2 as persons
from medsettle.v1 import person_service_pb2_grpc as persons_grpc
from medsettle.v1 import settlement_service_pb2 as settlements
from medsettle.v1 import settlement_service_pb2_grpc as settlements_grpc

from tests.service.claims import AREA, INSTITUTION, claim, line
from tests.service.serving import Served


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    stream: bytes = sink.getvalue().to_pybytes()
    return stream


def _table(*rows: dict[str, object]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema.claim_schema())


def _paths(faults: tuple[Fault, ...]) -> list[str]:
    return [fault.path for fault in faults]


def test_all_faults_of_a_claim_come_together(client: Client, engine: Engine) -> None:
    """Missing, unknown and impossible values are one refusal, each with its path."""
    before = engine.ledger.last_seq()
    faulty = claim(1, visit_type="0", person=None, lines=[line(100) | {"amount_fen": None}])
    with pytest.raises(errors.InvalidRequest) as raised:
        client.settle(faulty)

    assert ["person", "visit_type", "lines[0].amount_fen"] == _paths(raised.value.faults)
    assert before == engine.ledger.last_seq()


def _bad_claims() -> list[Any]:
    """Return what is no claim, or one with faults of every kind."""
    nested: list[Any] = []
    for _ in range(10_000):
        nested = [nested]
    lacking = claim(2)
    for name in ("institution", "service_date", "account_used"):
        del lacking[name]
    return [
        3,
        None,
        [],
        "claim",
        {},
        claim(1, visit_type="0", person=None, account_used="yes", colour="red", birth_date=19_800),
        claim(
            1, service_date="2024-02-30", admission_date="20240501", birth_date=datetime.now(UTC)
        ),
        lacking,
        claim(1, person=7, institution_level="", visit_type=11, colour=None),
        claim(1, benefit_groups="A", lines={"line_id": "1"}),
        claim(1, benefit_groups=["A B", "C" * 51], lines=[]),
        claim(1, benefit_groups=["A", 1], lines="ab"),
        claim(1, service_date="2023-05-01", birth_date="1800-01-01"),
        claim(1, lines=(line(100), 7, None, line(100), line(100) | {"line_id": None})),
        claim(1, lines=[line(100) | {"quantity_e4": 1.5, "unit_price_e6": 2**63, "aproval": "1"}]),
        claim(1, lines=[line(100) | {"amount_fen": 100.0, "fee_date": "May 1"}]),
        claim(1, account_used=nested, birth_date="x" * 1_000),
        claim(1, lines=[line(100) | {"amount_fen": True, "unit_price_e6": 10**5_000}]),
        claim(1, lines=[line(100) | {"amount_fen": 999, "line_id": f"{n}"} for n in range(200)]),
    ]


@pytest.mark.parametrize("bad", _bad_claims())
def test_a_server_and_an_embedded_engine_name_the_same_faults(
    client: Client,
    engine: Engine,
    bad: Any,  # noqa: ANN401
) -> None:
    """Whatever is wrong with a claim, the client raises every fault that the engine finds."""
    (rejection,) = engine.settle(ClaimBatch.from_rows([bad]))
    assert isinstance(rejection, Rejection)
    for call in (client.settle, client.preview):
        with pytest.raises(errors.InvalidRequest) as raised:
            call(bad)

        assert rejection.faults == raised.value.faults


def test_a_claim_object_is_checked_like_a_mapping(client: Client) -> None:
    """A `Claim` with values of other types than its own is refused with all their paths."""
    row = claim(1, person=7, service_date="yesterday")
    (only,) = row.pop("lines")
    with pytest.raises(errors.InvalidRequest) as raised:
        client.settle(Claim(**row, lines=(ClaimLine(**only | {"amount_fen": 1.5}),)))

    assert ["person", "service_date", "lines[0].amount_fen"] == _paths(raised.value.faults)


def test_a_date_that_does_not_exist_is_named(served: Served) -> None:
    """The thirtieth of February in a message is refused by its path."""
    request = settlements.CreateSettlementRequest()
    request.claim.service_date.year = 2024
    request.claim.service_date.month = 2
    request.claim.service_date.day = 30
    with grpc.insecure_channel(served.address) as channel:
        stub = settlements_grpc.SettlementServiceStub(channel)
        with pytest.raises(grpc.RpcError, match=r"service_date: .*2024-02-30") as raised:
            stub.CreateSettlement(request, timeout=limits.CALL_SECONDS_DEFAULT)

    assert grpc.StatusCode.INVALID_ARGUMENT is raised.value.code()


def test_a_claim_with_the_most_faults_is_told(served: Served) -> None:
    """A refusal with a hundred faults still reaches a caller of another client."""
    lines = [line(100) | {"line_id": str(n)} for n in range(200)]
    request = settlements.CreateSettlementRequest(claim=claim_message(claim(1, lines=lines)))
    for each in request.claim.lines:
        each.amount_fen = 999
    with grpc.insecure_channel(served.address) as channel:
        stub = settlements_grpc.SettlementServiceStub(channel)
        with pytest.raises(grpc.RpcError) as raised:
            stub.CreateSettlement(request, timeout=limits.CALL_SECONDS_DEFAULT)
    error = failure_of(raised.value).error

    assert isinstance(error, errors.InvalidRequest)
    assert "lines[0].amount_fen" == error.faults[0].path
    assert "100" == error.metadata["fault_count"]


def test_a_request_without_a_claim_is_refused(served: Served) -> None:
    """An empty message moves nothing and says what is missing."""
    with grpc.insecure_channel(served.address) as channel:
        stub = settlements_grpc.SettlementServiceStub(channel)
        with pytest.raises(grpc.RpcError, match="claim: missing"):
            stub.CreateSettlement(
                settlements.CreateSettlementRequest(), timeout=limits.CALL_SECONDS_DEFAULT
            )


def test_a_request_id_with_other_content_is_refused(client: Client) -> None:
    """The same id with another amount is never a second settlement."""
    client.settle(claim(2))
    with pytest.raises(errors.RequestIdReused):
        client.settle(claim(2, 60_000))


def test_an_institution_settlement_is_settled_once(client: Client) -> None:
    """The institution's number under another request id is refused with the first one's name."""
    first = client.settle(claim(3, institution_settlement="N3"))
    with pytest.raises(errors.DuplicateSettlement) as raised:
        client.settle(claim(4, institution_settlement="N3"))

    assert first.columns["settlement"] == raised.value.metadata["settlement"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"insurance_type": "390"}, errors.PolicyNotFound, id="no-policy"),
        pytest.param({"institution_level": "09"}, errors.ClassNotCovered, id="no-class"),
    ],
)
def test_what_the_policy_does_not_cover_is_a_precondition(
    client: Client, changes: dict[str, str], expected: type[errors.SettlementError]
) -> None:
    """A claim outside the documents is refused with the error of its outcome."""
    row = claim(5, request_id=expected.reason) | changes
    with pytest.raises(expected):
        client.settle(row)
    with pytest.raises(expected):
        client.preview(row)


def test_a_settlement_is_cancelled_once(client: Client) -> None:
    """A second cancel under another id is refused; the same id gets the first answer."""
    settlement = str(client.settle(claim(6)).columns["settlement"])
    first = client.cancel(settlement, institution=INSTITUTION, request_id="X6")
    with pytest.raises(errors.AlreadyCancelled):
        client.cancel(settlement, institution=INSTITUTION, request_id="Y6")

    again = client.cancel(settlement, institution=INSTITUTION, request_id="X6")
    assert first.columns["settlement"] == again.columns["settlement"]
    assert again.duplicate


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda client: client.get("S0"), id="get"),
        pytest.param(lambda client: client.explain("S0"), id="explain"),
        pytest.param(
            lambda client: client.cancel("S0", institution="H1", request_id="X"), id="cancel"
        ),
    ],
)
def test_an_unknown_settlement_is_not_found(
    client: Client, ask: Callable[[Client], object]
) -> None:
    """What was never recorded is not found, whatever is asked of it."""
    with pytest.raises(errors.NotFound) as raised:
        ask(client)

    assert "S0" == raised.value.metadata["settlement"]


def test_a_malformed_name_is_refused(client: Client) -> None:
    """A name of another form is a fault of the name, not a miss."""
    with pytest.raises(errors.InvalidRequest) as raised:
        client.cancel("settlements/S1", institution="", request_id="x" * 37)

    assert ["name", "institution", "request_id"] == _paths(raised.value.faults)


def test_all_faults_of_an_opening_come_together(served: Served, client: Client) -> None:
    """Counters twice, below zero and without a name are told together, and a missing account."""
    counters = (("310.fund_paid", 2024, 1), ("310.fund_paid", 2024, 2), ("", 2024, -1))
    with pytest.raises(errors.InvalidRequest) as raised:
        client.open_person(Opening(INSTITUTION, "O7", AREA, "P7", -1, counters))

    assert {"account_fen", "counters[1]", "counters[2].counter", "counters[2].value"} == set(
        _paths(raised.value.faults)
    )
    request = persons.RecordOpeningRequest(
        name=f"poolingAreas/{AREA}/persons/P7", institution=INSTITUTION, request_id="O7"
    )
    with grpc.insecure_channel(served.address) as channel:
        stub = persons_grpc.PersonServiceStub(channel)
        with pytest.raises(grpc.RpcError, match="account_fen: missing"):
            stub.RecordOpening(request, timeout=limits.CALL_SECONDS_DEFAULT)


def test_a_person_is_asked_for_in_an_area(client: Client) -> None:
    """A person belongs to one pooling area, so any area is refused."""
    with pytest.raises(errors.InvalidRequest, match="one pooling area"):
        client.person("-", "P1")


def test_a_page_token_of_another_list_is_refused(served: Served, client: Client) -> None:
    """A token with other filters than those it was made for is refused."""
    for number in (8, 9):
        client.settle(claim(number, person="P8"))
    parent = f"poolingAreas/{AREA}"
    with grpc.insecure_channel(served.address) as channel:
        stub = settlements_grpc.SettlementServiceStub(channel)
        request = settlements.ListSettlementsRequest(parent=parent, person="P8", page_size=1)
        page = stub.ListSettlements(request, timeout=limits.CALL_SECONDS_DEFAULT)
        changed = settlements.ListSettlementsRequest(
            parent=parent, person="P9", page_token=page.next_page_token
        )
        with pytest.raises(grpc.RpcError, match="other arguments"):
            stub.ListSettlements(changed, timeout=limits.CALL_SECONDS_DEFAULT)


@pytest.mark.parametrize(
    ("table", "paths"),
    [
        pytest.param(
            _table(claim(1)).drop_columns(["person", "lines"]), ["person", "lines"], id="missing"
        ),
        pytest.param(
            _table(claim(1)).append_column("colour", pa.array(["red"])), ["colour"], id="unknown"
        ),
        pytest.param(
            _table(claim(1)).set_column(0, "request_id", pa.array([1])), ["request_id"], id="type"
        ),
        pytest.param(
            _table(claim(1)).drop_columns(["lines"]).append_column("lines", pa.array(["x"])),
            ["lines"],
            id="no-lines",
        ),
        pytest.param(
            _table(claim(1)).append_column("person", pa.array(["P"])), ["arrow_stream"], id="twice"
        ),
    ],
)
def test_wrong_columns_are_named(client: Client, table: pa.Table, paths: list[str]) -> None:
    """A table with other columns than a claim's is refused as a whole, by column."""
    with pytest.raises(errors.InvalidRequest) as raised:
        client.settle_table(table)

    assert paths == _paths(raised.value.faults)


def test_a_stream_has_a_bound_of_claims_and_bytes() -> None:
    """One claim more than allowed is too large, and so is one byte."""
    most = limits.CLAIMS_PER_BATCH_MAX
    row = _table(claim(1))
    with pytest.raises(errors.BatchTooLarge, match="claims"):
        claims_of(_stream(pa.concat_tables([row] * (most + 1)).combine_chunks()))
    with pytest.raises(errors.BatchTooLarge, match="bytes"):
        claims_of(bytes(limits.MESSAGE_BYTES_MAX + 1))

    assert most == len(claims_of(_stream(pa.concat_tables([row] * most).combine_chunks())))


@pytest.mark.slow
def test_a_message_far_too_large_is_too_large(served: Served) -> None:
    """What the transport itself refuses is the same error to the caller of the client."""
    lines = [line(100) | {"line_id": "x" * 50, "item_code": "y" * 50}] * limits.LINES_PER_CLAIM_MAX
    huge = _table(claim(1, benefit_groups=["z" * 50] * 100_000, lines=lines))
    with Client(served.address) as client, pytest.raises(errors.BatchTooLarge):
        client.settle_table(huge)


def test_damaged_streams_are_refused() -> None:
    """Cut or altered anywhere, a stream is refused or read; nothing else happens."""
    whole = _stream(_table(claim(1), claim(2)))
    draw = random.Random(20_240_501)
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(draw.randint(1, 8)):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        try:
            claims_of(bytes(damaged[: draw.randint(len(damaged) // 2, len(damaged))]))
        except errors.InvalidRequest:
            refused += 1

    assert refused > 100
