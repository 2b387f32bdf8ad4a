"""Calls sent again: when, how often, how long after, and what is said in the end."""

import threading
from asyncio import AbstractEventLoop as Loop
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from dataclasses import replace as changed

import grpc
import pytest
from medsettle import errors, limits
from medsettle.client import Client
from medsettle.client.answers import settlement_of
from medsettle.client.claims import claim_message
from medsettle.client.retry import Repeater
from medsettle.core.claims import ClaimBatch
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine
from medsettle.service.batcher import Answer
from medsettle.v1 import settlement_service_pb2 as settlements
from medsettle.v1 import settlement_service_pb2_grpc as settlements_grpc

from tests.service.claims import claim
from tests.service.serving import Served, altered, engine_on, serving

_NOWHERE = "127.0.0.1:1"


@dataclass
class _Time:
    """A clock that moves only by waiting."""

    now: float = 0.0
    waits: list[float] = field(default_factory=list)

    def wait(self, seconds: float) -> None:
        """Let time pass at once."""
        self.waits.append(seconds)
        self.now += seconds

    def repeater(self, timeout: float, attempt_timeout: float | None = None) -> Repeater:
        """Return a repeater in this time, without jitter."""
        return Repeater(
            timeout,
            attempt_timeout or timeout,
            clock=lambda: self.now,
            wait=self.wait,
            draw=lambda low, high: (low + high) / 2,
        )


@dataclass
class _Failing:
    """Settles as the engine does, but first fails this many times."""

    engine: Engine
    error: errors.SettlementError
    failures: int
    calls: int = 0

    def __call__(self, claims: ClaimBatch) -> Sequence[Answer]:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return self.engine.settle(claims)


def _settling(address: str, number: int) -> tuple[grpc.Channel, Callable[[float], object]]:
    channel = grpc.insecure_channel(address)
    stub = settlements_grpc.SettlementServiceStub(channel)
    request = settlements.CreateSettlementRequest(claim=claim_message(claim(number)))
    return channel, lambda seconds: stub.CreateSettlement(request, timeout=seconds)


def test_a_busy_server_is_asked_again_after_the_delay_it_names(engine: Engine, loop: Loop) -> None:
    """Two refusals for overload, then the settlement; each pause is at least what was asked."""
    failing = _Failing(engine, errors.Overloaded("busy"), failures=2)
    time = _Time()
    with serving(altered(engine, settle=failing), loop) as served:
        channel, attempt = _settling(served.address, 1)
        with channel:
            answer = time.repeater(limits.CALL_SECONDS_DEFAULT).answer(attempt)

    assert isinstance(answer, settlements.Settlement)
    assert [0.1, 0.1] == time.waits
    assert 3 == failing.calls


def test_the_number_of_attempts_has_a_bound(engine: Engine, loop: Loop) -> None:
    """A server that stays busy is asked five times, then its own error is raised."""
    failing = _Failing(engine, errors.Overloaded("busy"), failures=100)
    time = _Time()
    with serving(altered(engine, settle=failing), loop) as served:
        channel, attempt = _settling(served.address, 2)
        with channel, pytest.raises(errors.Overloaded, match="busy"):
            time.repeater(60).answer(attempt)

    assert limits.CLIENT_ATTEMPTS_MAX == failing.calls
    assert [0.1, 0.1, 0.2, 0.4] == time.waits


def test_a_pause_beyond_the_deadline_is_not_begun(engine: Engine, loop: Loop) -> None:
    """Where the server asks for more time than is left, its error is raised at once."""
    failing = _Failing(engine, errors.LedgerUnavailable("the disk is full"), failures=100)
    time = _Time()
    with serving(altered(engine, settle=failing), loop) as served:
        channel, attempt = _settling(served.address, 3)
        with channel, pytest.raises(errors.LedgerUnavailable, match="the disk is full"):
            time.repeater(0.9).answer(attempt)

    assert ([], 1) == (time.waits, failing.calls)


def test_a_refusal_is_final(engine: Engine, loop: Loop) -> None:
    """What the server would refuse again is not sent again."""
    failing = _Failing(engine, errors.DuplicateSettlement("seen"), failures=100)
    with (
        serving(altered(engine, settle=failing), loop) as served,
        Client(served.address) as client,
        pytest.raises(errors.DuplicateSettlement),
    ):
        client.settle(claim(4))

    assert 1 == failing.calls


def test_a_server_out_of_reach_is_a_connection_error() -> None:
    """Nobody there is told as such, after pauses that double."""
    time = _Time()
    channel, attempt = _settling(_NOWHERE, 5)
    with channel, pytest.raises(ConnectionError):
        time.repeater(60).answer(attempt)

    assert [limits.BACKOFF_SECONDS_FIRST * factor for factor in (1, 2, 4, 8)] == time.waits


def test_a_lost_answer_is_found_by_asking_again(engine: Engine, loop: Loop) -> None:
    """An attempt that ran out of time was recorded; the second one gets that record."""
    slow = threading.Event()

    def settle(claims: ClaimBatch) -> Sequence[Answer]:
        slow.wait(limits.SHUTDOWN_SECONDS_MAX)
        return engine.settle(claims)

    repeater = Repeater(20, 0.2, wait=lambda _: slow.set())
    with serving(altered(engine, settle=settle), loop) as served:
        channel, attempt = _settling(served.address, 6)
        with channel:
            message = repeater.answer(attempt)
    assert isinstance(message, settlements.Settlement)
    answer = settlement_of(message)

    assert answer.duplicate
    assert engine.get(str(answer.columns["settlement"])) == changed(answer, duplicate=False)


def test_an_unknown_outcome_is_told_as_unknown(engine: Engine, loop: Loop) -> None:
    """After a lost answer, a later "nothing was recorded" must not be the last word."""
    slow = threading.Event()
    busy = errors.Overloaded("busy")

    def settle(claims: ClaimBatch) -> Sequence[Answer]:
        if slow.is_set():
            raise busy
        slow.wait(limits.SHUTDOWN_SECONDS_MAX)
        return engine.settle(claims)

    repeater = Repeater(20, 0.2, attempts_max=2, wait=lambda _: slow.set())
    with serving(altered(engine, settle=settle), loop) as served:
        channel, attempt = _settling(served.address, 7)
        with channel, pytest.raises(TimeoutError):
            repeater.answer(attempt)


class _CuttingOff:
    """A proxy that lets requests through and cuts the first answers off, as one that stops does."""

    def __init__(self, address: str, failures: int) -> None:
        self.calls = 0
        self._failures = failures
        self._server = settlements_grpc.SettlementServiceStub(grpc.insecure_channel(address))

    def __call__(
        self, request: settlements.CreateSettlementRequest, context: grpc.ServicerContext
    ) -> settlements.Settlement:
        """Return the answer of the server, or nothing but that the call was cancelled."""
        self.calls += 1
        answer = self._server.CreateSettlement(request, timeout=limits.CALL_SECONDS_DEFAULT)
        if self.calls <= self._failures:
            context.abort(grpc.StatusCode.CANCELLED, "going away")
        return answer


@contextmanager
def _cutting_off(served: Served, failures: int) -> Iterator[tuple[_CuttingOff, str]]:
    proxy = _CuttingOff(served.address, failures)
    handler = grpc.unary_unary_rpc_method_handler(
        proxy,
        settlements.CreateSettlementRequest.FromString,
        settlements.Settlement.SerializeToString,
    )
    name = settlements.DESCRIPTOR.services_by_name["SettlementService"].full_name
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler(name, {"CreateSettlement": handler})]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield proxy, f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


def test_a_call_that_was_cut_off_is_sent_again(served: Served) -> None:
    """What became of it is unknown, so the same request id asks, and finds the record."""
    with _cutting_off(served, failures=2) as (proxy, address), Client(address) as client:
        answer = client.settle(claim(8))

    assert (True, 3) == (answer.duplicate, proxy.calls)


def test_calls_cut_off_again_and_again_are_a_connection_error(served: Served) -> None:
    """After the last attempt the caller hears that the outcome is unknown, not of a bug."""
    with (
        _cutting_off(served, failures=100) as (proxy, address),
        Client(address) as client,
        pytest.raises(ConnectionError, match="cut off"),
    ):
        client.settle(claim(9))

    assert limits.CLIENT_ATTEMPTS_MAX == proxy.calls


def test_a_client_that_is_closed_cuts_its_calls_off(engine: Engine, loop: Loop) -> None:
    """Who closes the client hears at once that the answer is not known, and nothing is sent again.

    A closed client makes no calls.
    """
    begun, held = threading.Event(), threading.Event()

    def settle(claims: ClaimBatch) -> Sequence[Answer]:
        begun.set()
        held.wait(limits.SHUTDOWN_SECONDS_MAX)
        return engine.settle(claims)

    with serving(altered(engine, settle=settle), loop) as served, ThreadPoolExecutor(1) as pool:
        client = Client(served.address, timeout=limits.SHUTDOWN_SECONDS_MAX)
        answer = pool.submit(client.settle, claim(11))
        assert begun.wait(limits.SHUTDOWN_SECONDS_MAX)
        client.close()
        with pytest.raises(ConnectionError, match="closed"):
            answer.result()
        held.set()
    with pytest.raises(ConnectionError, match="closed"):
        client.settle(claim(12))


def test_a_read_has_the_deadline_of_the_client(engine: Engine, loop: Loop) -> None:
    """A server that does not answer a read in time is a timeout."""
    held = threading.Event()

    def get(settlement: str) -> Settlement:
        held.wait(limits.SHUTDOWN_SECONDS_MAX)
        return engine.get(settlement)

    with (
        serving(altered(engine, get=get), loop) as served,
        Client(served.address, timeout=0.1) as client,
    ):
        with pytest.raises(TimeoutError):
            client.get("S1")
        held.set()


def test_a_client_outlives_a_restart(tmp_path_factory: pytest.TempPathFactory, loop: Loop) -> None:
    """The same client settles before and after its server was replaced on the same port."""
    folder = tmp_path_factory.mktemp("restart")
    with engine_on(folder) as engine, serving(engine, loop) as first:
        address = first.address
        client = Client(address)
        before = client.settle(claim(1))
    with client, engine_on(folder) as engine, serving(engine, loop, address=address):
        again = client.settle(claim(1))

    assert changed(before, duplicate=True) == again


def test_served_is_shared_by_threads(served: Served) -> None:
    """One client serves many threads at once."""
    with Client(served.address) as client:
        answers: list[Settlement] = []
        threads = [
            threading.Thread(
                target=lambda number=number: answers.append(client.settle(claim(number)))
            )
            for number in range(900, 908)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert {f"R{number}" for number in range(900, 908)} == {
        answer.columns["request_id"] for answer in answers
    }
