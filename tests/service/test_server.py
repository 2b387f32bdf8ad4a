"""The life of a server: health, reflection, shutdown, bugs, and the projection behind it."""

import asyncio
import threading
from asyncio import AbstractEventLoop as Loop
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2 as details  # type: ignore[import-untyped]
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status
from medsettle import errors, limits
from medsettle.client import Client
from medsettle.client.claims import claim_message
from medsettle.client.failures import failure_of
from medsettle.core.claims import ClaimBatch
from medsettle.engine import Engine
from medsettle.service.batcher import Answer
from medsettle.service.server import PROJECTION, SERVICES
from medsettle.v1 import settlement_service_pb2 as settlements
from medsettle.v1 import settlement_service_pb2_grpc as settlements_grpc

from tests.service.claims import claim
from tests.service.serving import Served, altered, serving

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def _health(channel: grpc.Channel) -> Any:  # noqa: ANN401 - the stubs leave the stub empty
    return health_pb2_grpc.HealthStub(channel)


def _health_becomes(served: Served, service: str, status: int) -> None:
    """Return once the health of a service is `status`; the deadline of the watch bounds it."""
    with grpc.insecure_channel(served.address) as channel:
        watch = _health(channel).Watch(
            health_pb2.HealthCheckRequest(service=service), timeout=limits.CALL_SECONDS_DEFAULT
        )
        for answer in watch:
            if answer.status == status:
                return
    raise AssertionError(f"{service} never became {status}")


@pytest.mark.parametrize("service", ["", *SERVICES])
def test_a_server_is_healthy(served: Served, service: str) -> None:
    """The server as a whole and each service say that they serve."""
    with grpc.insecure_channel(served.address) as channel:
        answer = _health(channel).Check(
            health_pb2.HealthCheckRequest(service=service), timeout=limits.CALL_SECONDS_DEFAULT
        )

    assert _SERVING == answer.status


def test_a_server_tells_its_services(served: Served) -> None:
    """Reflection lists our services, health and itself."""
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    with grpc.insecure_channel(served.address) as channel:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        (answer,) = stub.ServerReflectionInfo(iter([request]), timeout=limits.CALL_SECONDS_DEFAULT)

    assert {
        *SERVICES,
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    } == {service.name for service in answer.list_services_response.service}


def test_a_bug_stops_writes_and_nothing_else(engine: Engine, loop: Loop) -> None:
    """After a bug in a write, writes are refused, reads go on, and health says so."""

    def settle(claims: ClaimBatch) -> Sequence[Answer]:
        raise ZeroDivisionError

    with (
        serving(altered(engine, settle=settle), loop) as served,
        Client(served.address, timeout=0.5) as client,
    ):
        with pytest.raises(errors.InternalError):
            client.settle(claim(1))
        with pytest.raises(errors.LedgerUnavailable, match="until it is restarted"):
            client.cancel("S1", institution="H1", request_id="X1")
        _health_becomes(served, "", _NOT_SERVING)
        ended = asyncio.run_coroutine_threadsafe(served.server.failure(), loop)
        assert isinstance(ended.result(limits.CALL_SECONDS_DEFAULT), errors.InternalError)

        assert 18_000 == client.preview(claim(1)).fen("cash_fen")


def test_an_internal_error_carries_the_request_id(engine: Engine, loop: Loop) -> None:
    """The caller can name the request that met a bug of ours; nothing of the bug is shown."""

    def settle(claims: ClaimBatch) -> Sequence[Answer]:
        raise ZeroDivisionError

    request = settlements.CreateSettlementRequest(claim=claim_message(claim(1)))
    told = details.RequestInfo()
    with (
        serving(altered(engine, settle=settle), loop) as served,
        grpc.insecure_channel(served.address) as channel,
        pytest.raises(grpc.RpcError) as raised,
    ):
        stub = settlements_grpc.SettlementServiceStub(channel)
        stub.CreateSettlement(request, timeout=limits.CALL_SECONDS_DEFAULT)
    assert isinstance(raised.value, grpc.Call)
    status = rpc_status.from_call(raised.value)
    assert status is not None
    assert any(each.Unpack(told) for each in status.details)

    assert "R1" == told.request_id
    assert b"ZeroDivision" not in status.SerializeToString()


def test_a_port_belongs_to_one_server(served: Served, engine: Engine, loop: Loop) -> None:
    """A second server on the same address does not start."""
    with pytest.raises(RuntimeError), serving(engine, loop, address=served.address):
        pass


@dataclass
class _Held:
    """Settles as the engine does, once it is let go."""

    engine: Engine
    begun: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)

    def __call__(self, claims: ClaimBatch) -> Sequence[Answer]:
        self.begun.set()
        assert self.let_go.wait(limits.SHUTDOWN_SECONDS_MAX)
        return self.engine.settle(claims)


def test_what_was_accepted_is_finished(engine: Engine, loop: Loop) -> None:
    """A call under way when the server stops gets its answer; one after it finds nobody."""
    held = _Held(engine)
    with (
        serving(altered(engine, settle=held), loop) as served,
        Client(served.address, timeout=20) as client,
        ThreadPoolExecutor(2) as pool,
    ):
        answer = pool.submit(client.settle, claim(2))
        assert held.begun.wait(limits.SHUTDOWN_SECONDS_MAX)
        stopping = pool.submit(served.stop)
        held.let_go.set()

        assert 18_000 == answer.result().fen("cash_fen")
        stopping.result()
        with Client(served.address, timeout=0.2) as late, pytest.raises(ConnectionError):
            late.settle(claim(3))


def test_a_call_that_comes_too_late_is_sent_elsewhere(engine: Engine, loop: Loop) -> None:
    """What was received and not begun when the server stops is refused, to be sent again later.

    gRPC hands calls over one by one, so of those behind a batch all but one are not begun.
    """
    held = _Held(engine)
    with (
        serving(altered(engine, settle=held), loop) as served,
        grpc.insecure_channel(served.address) as channel,
        ThreadPoolExecutor(1) as pool,
    ):
        stub = settlements_grpc.SettlementServiceStub(channel)

        def sent(number: int) -> Any:  # noqa: ANN401 - the stubs know no futures
            request = settlements.CreateSettlementRequest(claim=claim_message(claim(number)))
            return stub.CreateSettlement.future(request, timeout=limits.SHUTDOWN_SECONDS_MAX)

        before = engine.ledger.last_seq()
        calls = [sent(100)]
        assert held.begun.wait(limits.SHUTDOWN_SECONDS_MAX)
        calls += [sent(number) for number in range(101, 164)]
        stopping = pool.submit(served.stop)
        held.let_go.set()
        stopping.result()
        failures = [failure_of(call) for call in calls if call.code() is not grpc.StatusCode.OK]
        settled = [call.result() for call in calls if call.code() is grpc.StatusCode.OK]

    assert "R100" == settled[0].request_id
    assert engine.ledger.last_seq() - before == len(settled)
    assert all(failure.again for failure in failures)
    assert {errors.LedgerUnavailable} == {type(failure.error) for failure in failures}
    assert {1.0} == {failure.delay_seconds for failure in failures}


@pytest.mark.slow
def test_calls_that_wait_for_a_batch_have_a_bound(engine: Engine, loop: Loop) -> None:
    """As many as may wait are answered; of more, each is answered or may be sent again."""
    begun, let_go = threading.Event(), threading.Event()

    def cancel(institution: str, request_id: str, settlement: str) -> object:
        begun.set()
        assert let_go.wait(limits.SHUTDOWN_SECONDS_MAX)
        return engine.cancel(institution, request_id, settlement)

    with (
        serving(altered(engine, cancel=cancel), loop) as served,
        grpc.insecure_channel(served.address) as channel,
    ):
        stub = settlements_grpc.SettlementServiceStub(channel)

        def sent(number: int) -> Any:  # noqa: ANN401 - the stubs know no futures
            name = f"poolingAreas/-/settlements/S{number}"
            request = settlements.CancelSettlementRequest(
                name=name, institution="H1", request_id=f"X{number}"
            )
            return stub.CancelSettlement.future(request, timeout=limits.SHUTDOWN_SECONDS_MAX)

        calls = [sent(0)]
        assert begun.wait(limits.SHUTDOWN_SECONDS_MAX)
        calls += [sent(number) for number in range(1, limits.PENDING_CALLS_MAX + 600)]
        let_go.set()
        answered = [call.code() is grpc.StatusCode.NOT_FOUND for call in calls]
        others = [
            failure_of(call) for call, known in zip(calls, answered, strict=True) if not known
        ]

    assert sum(answered) >= limits.PENDING_CALLS_MAX
    assert all(failure.again for failure in others)


def test_a_call_whose_deadline_passed_is_not_begun(engine: Engine, loop: Loop) -> None:
    """A call that waited past its deadline is dropped, and nothing of it is recorded."""
    held = _Held(engine)
    with (
        serving(altered(engine, settle=held), loop) as served,
        Client(served.address, timeout=20) as client,
    ):
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(client.settle, claim(4))
            assert held.begun.wait(limits.SHUTDOWN_SECONDS_MAX)
            before = engine.ledger.last_seq()
            with Client(served.address, timeout=0.1) as hurried, pytest.raises(TimeoutError):
                hurried.settle(claim(5))
            held.let_go.set()
            first.result()
        client.settle(claim(6))

        recorded = list(client.list(person="P5"))
    assert [] == recorded
    assert before + 2 == engine.ledger.last_seq()


def test_the_projection_follows_every_commit(engine: Engine, loop: Loop) -> None:
    """The projection has seen the last commit when the server has stopped."""
    seen = []

    async def project() -> None:
        seen.append(engine.ledger.last_seq())

    with serving(engine, loop, project=project) as served, Client(served.address) as client:
        client.settle(claim(7))
        client.preview(claim(8))
        served.stop()

    assert engine.ledger.last_seq() == seen[-1]


def test_a_failing_projection_is_told_and_tried_again(engine: Engine, loop: Loop) -> None:
    """A projection that fails stops no settlement; health tells until it works again."""
    broken = threading.Event()
    broken.set()

    async def project() -> None:
        if broken.is_set():
            raise OSError("no space for the audit tables")

    with serving(engine, loop, project=project) as served, Client(served.address) as client:
        client.settle(claim(9))
        _health_becomes(served, PROJECTION, _NOT_SERVING)
        broken.clear()
        client.settle(claim(10))
        _health_becomes(served, PROJECTION, _SERVING)


def test_a_long_projection_is_finished_before_the_end(engine: Engine, loop: Loop) -> None:
    """A projection cut off by shutdown is done once more, so that nothing is left behind."""
    begun = threading.Event()
    done = []

    async def project() -> None:
        if not begun.is_set():
            begun.set()
            await asyncio.Event().wait()
        done.append(engine.ledger.last_seq())

    with serving(engine, loop, project=project) as served, Client(served.address) as client:
        client.settle(claim(11))
        assert begun.wait(limits.SHUTDOWN_SECONDS_MAX)
        served.stop()

    assert [engine.ledger.last_seq()] == done
