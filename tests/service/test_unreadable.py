"""Bytes that are no message of a method are a fault of the request, at every service."""

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from medsettle import errors
from medsettle.client.failures import failure_of
from medsettle.service.server import SERVICES

from tests.service.serving import Served

_UNREADABLE = b"\x0a\x05abc"


@pytest.fixture(scope="module", name="channel")
def _channel(served: Served) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(served.address) as channel:
        yield channel


def _refused(ask: Callable[[], object]) -> grpc.Call:
    with pytest.raises(grpc.RpcError) as caught:
        ask()
    error = caught.value
    assert isinstance(error, grpc.Call)
    return error


@pytest.mark.parametrize(
    "path",
    [
        "/medsettle.v1.SettlementService/CreateSettlement",
        "/medsettle.v1.VisitService/CancelVisit",
        "/medsettle.v1.PersonService/GetPerson",
        "/grpc.health.v1.Health/Check",
    ],
)
def test_unreadable_bytes_are_told_as_such(channel: grpc.Channel, path: str) -> None:
    """The status is INVALID_ARGUMENT with the fault, and a client rebuilds the error from it."""
    method: Any = channel.unary_unary(path)
    call = _refused(lambda: method(_UNREADABLE, timeout=10))

    assert grpc.StatusCode.INVALID_ARGUMENT is call.code()
    failure = failure_of(call)  # type: ignore[arg-type]
    assert isinstance(failure.error, errors.InvalidRequest)
    assert not failure.again
    assert [("request", True)] == [
        (fault.path, "no message of this method" in fault.message) for fault in failure.error.faults
    ]


def test_streams_tell_the_same(channel: grpc.Channel) -> None:
    """Health that is watched and reflection refuse what they cannot read."""
    watch: Any = channel.unary_stream("/grpc.health.v1.Health/Watch")
    info: Any = channel.stream_stream(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    )
    watched = _refused(lambda: list(watch(_UNREADABLE, timeout=10)))
    asked = _refused(lambda: list(info(iter([_UNREADABLE]), timeout=10)))

    assert grpc.StatusCode.INVALID_ARGUMENT is watched.code()
    assert grpc.StatusCode.INVALID_ARGUMENT is asked.code()


def test_streams_still_answer(channel: grpc.Channel) -> None:
    """Watching health and asking for reflection work as before."""
    health: Any = health_pb2_grpc.HealthStub(channel)
    watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=10)
    first = next(iter(watch))
    watch.cancel()
    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    make: Any = reflection_pb2_grpc.ServerReflectionStub
    stub = make(channel)
    (answer,) = list(stub.ServerReflectionInfo(iter([asked]), timeout=10))

    assert health_pb2.HealthCheckResponse.SERVING == first.status
    assert set(SERVICES) < {each.name for each in answer.list_services_response.service}
