"""A server of the example area, one for each file of tests, and a client of it."""

import asyncio
from collections.abc import Iterator

import pytest
from medsettle.client import Client
from medsettle.engine import Engine

from tests.service.serving import Served, engine_on, running_loop, serving


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Yield the loop of all servers: gRPC has one poller a process, and it serves one loop best."""
    with running_loop() as loop:
        yield loop


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Yield the engine behind the server."""
    with engine_on(tmp_path_factory.mktemp("ledger")) as engine:
        yield engine


@pytest.fixture(scope="module")
def served(engine: Engine, loop: asyncio.AbstractEventLoop) -> Iterator[Served]:
    """Yield a server of the example area."""
    with serving(engine, loop) as served:
        yield served


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[Client]:
    """Yield a client of the server."""
    with Client(served.address) as client:
        yield client
