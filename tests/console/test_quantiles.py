"""Quantiles of calls, the window that they are about, and what a port may answer."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from medsettle.console.quantiles import Outcome, not_well, quantile, took
from medsettle.console.watched import Watched, Well
from medsettle.service import measuring
from medsettle.service.http_server import HttpServer
from medsettle.service.measures import Measures
from medsettle.service.measures import Watched as Looked
from medsettle.service.measures_page import MeasuresPage
from medsettle.service.measuring import Way

from tests.service.serving import running_loop

_BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
_INFINITE = float("inf")


@pytest.mark.parametrize(
    ("steps", "share", "expected"),
    [
        pytest.param([(1.0, 10.0), (_INFINITE, 10.0)], 0.5, 0.5, id="half-of-the-first-step"),
        pytest.param([(1.0, 5.0), (2.0, 10.0), (_INFINITE, 10.0)], 0.5, 1.0, id="at-its-end"),
        pytest.param([(1.0, 5.0), (2.0, 10.0), (_INFINITE, 10.0)], 0.75, 1.5, id="in-the-second"),
        pytest.param([(1.0, 0.0), (2.0, 4.0), (_INFINITE, 4.0)], 0.01, 1.01, id="first-is-empty"),
        pytest.param([(1.0, 9.0), (_INFINITE, 10.0)], 0.99, None, id="beyond-the-last-step"),
        pytest.param([(1.0, 0.0), (_INFINITE, 0.0)], 0.5, None, id="nothing-measured"),
    ],
)
def test_a_quantile_lies_evenly_in_its_step(
    steps: list[tuple[float, float]], share: float, expected: float | None
) -> None:
    """As Prometheus has it."""
    assert expected == quantile(steps, share)


@contextmanager
def _told(measures: Measures, at: str = "127.0.0.1:0") -> Iterator[str]:
    """Serve measurements, and yield their address."""
    with running_loop() as loop:

        async def begun() -> HttpServer:
            server = HttpServer(MeasuresPage(measures), at)
            server.start()
            return server

        server = asyncio.run_coroutine_threadsafe(begun(), loop).result(10)
        try:
            yield server.address
        finally:
            asyncio.run_coroutine_threadsafe(server.stop(), loop).result(60)


def _measures(started: float = 1_700_000_000.0) -> Measures:
    measures = Measures()
    measures.watch(
        Looked(
            started=started,
            under_way=lambda: 0,
            waiting=lambda kind: 0,
            writes_well=lambda: True,
            projection_well=lambda: True,
            ledger_seq=lambda: 7,
            projected_seq=lambda: 7,
            sealed_seq=lambda: 7,
        )
    )
    return measures


def test_calls_are_those_of_the_last_minutes_once_there_are_some() -> None:
    """First all since the server began, after two minutes those of these two minutes."""
    measures = _measures()
    measures.call(Way.GRPC, "CreateSettlement", measuring.OK, 0.0004)
    moments = [_BEGAN]
    with _told(measures) as address:
        watched = Watched(None, address, lambda: moments[-1])
        first = watched.seen()
        moments.append(_BEGAN + timedelta(seconds=120))
        for _ in range(3):
            measures.call(Way.GRPC, "GetPerson", "NOT_FOUND", 0.003)
        second = watched.seen()
        # Nobody looked for long, so no window has a beginning.
        moments.append(_BEGAN + timedelta(seconds=1_000))
        third = watched.seen()

    assert (Well.YES, None) == (first.metrics, first.minutes)
    assert [("CreateSettlement", 1)] == [(each.method, each.calls) for each in took(first.values)]
    assert 2 == second.minutes
    assert [("GetPerson", 3)] == [(each.method, each.calls) for each in took(second.values)]
    assert [Outcome("grpc", "GetPerson", "NOT_FOUND", 3)] == not_well(second.values)
    assert (None, 4) == (third.minutes, sum(each.calls for each in took(third.values)))


def test_a_server_that_began_again_has_a_window_of_its_own() -> None:
    """Its counters begin at nothing, so nothing is subtracted from them."""
    moments = [_BEGAN]
    first, second = _measures(), _measures(1_700_000_060.0)
    first.call(Way.GRPC, "GetPerson", measuring.OK, 0.1)
    first.call(Way.GRPC, "GetPerson", measuring.OK, 0.1)
    second.call(Way.GRPC, "GetPerson", measuring.OK, 0.1)
    with _told(first) as address:
        watched = Watched(None, address, lambda: moments[-1])
        watched.seen()
    with _told(second, address):
        moments.append(_BEGAN + timedelta(seconds=120))
        seen = watched.seen()

    assert (None, [1]) == (seen.minutes, [each.calls for each in took(seen.values)])


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(200, b"<html>hello</html>", id="a-page"),
        pytest.param(200, b"up 1\n", id="another-program"),
        pytest.param(200, b"\xff\xfe", id="no-text"),
        pytest.param(500, b"", id="a-failure"),
    ],
)
def test_what_is_no_measurement_is_no_answer(status: int, body: bytes) -> None:
    """Whatever listens there instead, the page says that nothing answers."""

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer."""
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Other) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        seen = Watched(None, f"127.0.0.1:{server.server_port}", lambda: _BEGAN).seen()
        thread.join()

    assert (Well.SILENT, {}) == (seen.metrics, seen.values)
