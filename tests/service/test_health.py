"""A server tells apart that it is alive and that calls are to be sent to it."""

import asyncio
import http.client
from contextlib import closing
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from medsettle import limits
from medsettle.client import Client
from medsettle.engine import Engine
from medsettle.errors import InternalError
from medsettle.service.http_server import HttpServer
from medsettle.service.measures import Measures
from medsettle.service.measures_page import MeasuresPage
from medsettle.service.server import LIVE, READY
from medsettle.service.shift import Part

from tests.service.claims import claim
from tests.service.serving import Served, serving

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def _told(served: Served) -> dict[str, int]:
    found = {}
    with grpc.insecure_channel(served.address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        for name in ("", LIVE, READY):
            asked = health_pb2.HealthCheckRequest(service=name)
            found[name] = stub.Check(asked, timeout=limits.CALL_SECONDS_DEFAULT).status
    return found


def test_a_server_that_drains_is_not_ready_and_still_settles(
    engine: Engine, loop: asyncio.AbstractEventLoop
) -> None:
    """It says so first: whoever has not looked yet is answered, and it goes on being alive."""
    with serving(engine, loop) as served, Client(served.address) as client:
        assert {"": _SERVING, LIVE: _SERVING, READY: _SERVING} == _told(served)
        asyncio.run_coroutine_threadsafe(served.server.drain(), loop).result(10)

        assert {"": _NOT_SERVING, LIVE: _SERVING, READY: _NOT_SERVING} == _told(served)
        assert not served.server.shift.ready
        assert 1 == client.settle(claim(1)).columns["seq"]


def test_a_projection_that_fails_makes_a_server_not_ready(
    engine: Engine, loop: asyncio.AbstractEventLoop
) -> None:
    """Until the audit tables are written again."""
    with serving(engine, loop) as served:
        shift = served.server.shift
        for well in (False, True):
            asyncio.run_coroutine_threadsafe(shift._told(Part.PROJECTION, well=well), loop).result(
                10
            )
            status = _SERVING if well else _NOT_SERVING
            assert {"": _SERVING, LIVE: _SERVING, READY: status} == _told(served)
            assert well == shift.ready


def test_a_failed_write_is_not_ready_and_alive(
    engine: Engine, loop: asyncio.AbstractEventLoop
) -> None:
    """Who has met a bug in a write is restarted by itself, and not by being asked."""
    with serving(engine, loop) as served:
        loop.call_soon_threadsafe(served.server.shift._shut, InternalError("a bug"))
        with grpc.insecure_channel(served.address) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            asked = health_pb2.HealthCheckRequest(service=READY)
            told = stub.Watch(asked, timeout=limits.CALL_SECONDS_DEFAULT)
            assert any(each.status == _NOT_SERVING for each in told)

        assert (_SERVING, _NOT_SERVING) == (_told(served)[LIVE], _told(served)[READY])


def _asked(address: str, path: str) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection(address, timeout=10)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_the_port_of_measurements_tells_both(loop: asyncio.AbstractEventLoop) -> None:
    """Alive before anything is opened; ready once every part is well, with a line for each."""
    page = MeasuresPage(Measures())

    async def begun() -> HttpServer:
        server = HttpServer(page, "127.0.0.1:0")
        server.start()
        return server

    server = asyncio.run_coroutine_threadsafe(begun(), loop).result(10)
    try:
        assert (200, b"live\n") == _asked(server.address, "/livez")
        assert 503 == _asked(server.address, "/readyz")[0]
        page.readiness = lambda: {"writes": True, "open": False}
        assert (503, b"writes well\nopen not well\n") == _asked(server.address, "/readyz")
        page.readiness = lambda: {"writes": True, "open": True}
        assert (200, b"writes well\nopen well\n") == _asked(server.address, "/readyz")
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(30)
