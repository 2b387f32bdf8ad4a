"""Two institutions' certificates, an engine with what they recorded, and servers that know them."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from medsettle.engine import Engine

from tests.identity.known import Known, certificates, known
from tests.service.serving import engine_on, running_loop


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Yield the loop of all servers."""
    with running_loop() as loop:
        yield loop


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Yield an engine of the example area."""
    folder = tmp_path / "ledger"
    folder.mkdir()
    with engine_on(folder) as engine:
        yield engine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with an authority and certificates."""
    certificates(tmp_path / "known")
    return tmp_path / "known"


@pytest.fixture
def server(engine: Engine, loop: asyncio.AbstractEventLoop, folder: Path) -> Iterator[Known]:
    """Yield a server under mutual TLS."""
    with known(engine, loop, folder) as server:
        yield server
