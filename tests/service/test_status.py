"""The table from errors to statuses: complete, unique, bounded, and read back by the client."""

import inspect
import re
from asyncio import AbstractEventLoop as Loop
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2 as details  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from medsettle import errors, limits
from medsettle.client import Client
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine
from medsettle.errors import Fault, SettlementError, Violation
from medsettle.service import status

from tests.service.serving import altered, serving

_PUBLIC = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, SettlementError)
]


def _example(kind: type[SettlementError]) -> SettlementError:
    if issubclass(kind, errors.InvalidRequest):
        return kind(
            [Fault("lines[1].amount_fen", "missing; it is required"), Fault("person", "no")]
        )
    if issubclass(kind, errors.PolicyRejected):
        return kind([Violation("rules/a.yaml", 41, 9, "stages[0].rate", "expected a rate")])
    return kind("no such thing as S1", settlement="S1", pooling_area="999900")


def _details(answer: Status) -> dict[str, Any]:
    kinds = [
        kind
        for _, kind in inspect.getmembers(details, inspect.isclass)
        if issubclass(kind, Message)
    ]
    found = {
        kind.DESCRIPTOR.name: kind.FromString(packed.value)
        for packed in answer.details
        for kind in kinds
        if packed.Is(kind.DESCRIPTOR)
    }
    assert len(found) == len(answer.details)
    return found


def _subclasses(kind: type[SettlementError]) -> Iterator[type[SettlementError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _subclasses(child)


def test_every_public_error_has_an_entry() -> None:
    """The table holds every error class of the tree, and nothing else."""
    assert set(_PUBLIC) == set(status.FORMS)
    assert set(_subclasses(SettlementError)) | {SettlementError} == set(_PUBLIC)


def test_reasons_are_unique_and_well_formed() -> None:
    """Each reason is upper snake case of at most 63 characters, and belongs to one class."""
    reasons = [kind.reason for kind in _PUBLIC]

    assert sorted(set(reasons)) == sorted(reasons)
    assert [
        each for each in reasons if not re.fullmatch(r"[A-Z][A-Z0-9_]{1,61}[A-Z0-9]", each)
    ] == []


@pytest.mark.parametrize("kind", _PUBLIC, ids=lambda kind: kind.__name__)
def test_every_status_says_reason_and_chinese_sentence(kind: type[SettlementError]) -> None:
    """Each status has the reason, our domain, the metadata, and a sentence in Chinese."""
    error = _example(kind)
    found = _details(status.status_of(error))

    assert (
        details.ErrorInfo(reason=kind.reason, domain="medsettle", metadata=error.metadata)
        == found["ErrorInfo"]
    )
    local = found["LocalizedMessage"]
    assert "zh-CN" == local.locale
    assert re.search(r"[\u4e00-\u9fff].*。$", local.message)


@pytest.fixture(scope="module")
def refused(engine: Engine, loop: Loop) -> Iterator[Client]:
    """Yield a client of a server that answers a question for a class with an error of it."""

    def get(settlement: str) -> Settlement:
        raise _example(getattr(errors, settlement))

    with (
        serving(altered(engine, get=get), loop) as served,
        Client(served.address, timeout=0.2) as client,
    ):
        yield client


@pytest.mark.parametrize("kind", _PUBLIC, ids=lambda kind: kind.__name__)
def test_the_client_rebuilds_the_error(refused: Client, kind: type[SettlementError]) -> None:
    """Class, message, metadata and faults survive the way over the wire."""
    error = _example(kind)
    with pytest.raises(SettlementError) as raised:
        refused.get(kind.__name__)

    assert type(error) is type(raised.value)
    assert vars(error) == vars(raised.value)


def test_an_unforeseen_exception_shows_nothing(engine: Engine, loop: Loop) -> None:
    """A bug of ours is an internal error whose text says nothing of the cause."""

    def get(settlement: str) -> Settlement:
        raise KeyError(f"secret of {settlement}")

    with (
        serving(altered(engine, get=get), loop) as served,
        Client(served.address) as client,
        pytest.raises(errors.InternalError) as raised,
    ):
        client.get("S1")

    assert "The call failed; nothing was acknowledged." == str(raised.value)


@pytest.mark.parametrize(
    ("kind", "code", "own"),
    [
        (errors.InvalidRequest, grpc.StatusCode.INVALID_ARGUMENT, "BadRequest"),
        (errors.BatchTooLarge, grpc.StatusCode.INVALID_ARGUMENT, "BadRequest"),
        (errors.PolicyRejected, grpc.StatusCode.INVALID_ARGUMENT, "BadRequest"),
        (errors.RequestIdReused, grpc.StatusCode.ALREADY_EXISTS, "ResourceInfo"),
        (errors.DuplicateSettlement, grpc.StatusCode.ALREADY_EXISTS, "ResourceInfo"),
        (errors.NotFound, grpc.StatusCode.NOT_FOUND, "ResourceInfo"),
        (errors.Precondition, grpc.StatusCode.FAILED_PRECONDITION, "PreconditionFailure"),
        (errors.PolicyNotFound, grpc.StatusCode.FAILED_PRECONDITION, "PreconditionFailure"),
        (errors.PolicyNotInForce, grpc.StatusCode.FAILED_PRECONDITION, "PreconditionFailure"),
        (errors.ClassNotCovered, grpc.StatusCode.FAILED_PRECONDITION, "PreconditionFailure"),
        (errors.RoutingNotFound, grpc.StatusCode.FAILED_PRECONDITION, "PreconditionFailure"),
        (errors.NotConfirmed, grpc.StatusCode.FAILED_PRECONDITION, "PreconditionFailure"),
        (errors.PartOfVisit, grpc.StatusCode.FAILED_PRECONDITION, "PreconditionFailure"),
        (errors.PolicyGap, grpc.StatusCode.FAILED_PRECONDITION, "PreconditionFailure"),
        (errors.CounterFull, grpc.StatusCode.FAILED_PRECONDITION, "PreconditionFailure"),
        (errors.AlreadyCancelled, grpc.StatusCode.FAILED_PRECONDITION, "PreconditionFailure"),
        (errors.AccountSpent, grpc.StatusCode.FAILED_PRECONDITION, "PreconditionFailure"),
        (errors.Overloaded, grpc.StatusCode.UNAVAILABLE, "RetryInfo"),
        (errors.LedgerUnavailable, grpc.StatusCode.UNAVAILABLE, "RetryInfo"),
        (errors.PeerUnreachable, grpc.StatusCode.UNAVAILABLE, "RetryInfo"),
        (errors.OutcomeUnknown, grpc.StatusCode.UNAVAILABLE, "RetryInfo"),
        (errors.PersonPending, grpc.StatusCode.UNAVAILABLE, "RetryInfo"),
        (errors.NotAuthenticated, grpc.StatusCode.UNAUTHENTICATED, None),
        (errors.NotPermitted, grpc.StatusCode.PERMISSION_DENIED, None),
        (errors.PeerNotKnown, grpc.StatusCode.PERMISSION_DENIED, None),
        (errors.PeerTooOld, grpc.StatusCode.FAILED_PRECONDITION, "PreconditionFailure"),
        (errors.AuditCorrupt, grpc.StatusCode.DATA_LOSS, None),
        (errors.InternalError, grpc.StatusCode.INTERNAL, "RequestInfo"),
    ],
)
def test_code_and_details_of_each_error(
    kind: type[SettlementError], code: grpc.StatusCode, own: str | None
) -> None:
    """Each error has the code and the details that the table of the house gives it."""
    answer = status.status_of(_example(kind), request_id="R1")

    assert code.value[0] == answer.code
    assert {"ErrorInfo", "LocalizedMessage", own} - {None} == set(_details(answer))


def test_all_faults_are_told() -> None:
    """Each fault is a field violation with its path, in their order."""
    bad = _details(status.status_of(_example(errors.InvalidRequest)))["BadRequest"]

    assert [("lines[1].amount_fen", "missing; it is required"), ("person", "no")] == [
        (each.field, each.description) for each in bad.field_violations
    ]


def test_a_status_fits_the_headers() -> None:
    """More faults than fit are cut from the end, and their number is told."""
    faults = [Fault(f"lines[{index}].amount_fen", "x" * 100) for index in range(100)]
    answer = status.status_of(errors.InvalidRequest(faults))
    bad = _details(answer)["BadRequest"]
    info = _details(answer)["ErrorInfo"]

    assert answer.ByteSize() <= limits.STATUS_BYTES_MAX
    assert 10 < len(bad.field_violations) < 100
    assert "100" == info.metadata["fault_count"]


def test_an_internal_error_names_the_request_and_nothing_else() -> None:
    """A bug of ours shows the request id; no resource, no trace."""
    answer = status.status_of(errors.InternalError("The call failed."), request_id="R1")
    told = _details(answer)["RequestInfo"]

    assert "R1" == told.request_id
