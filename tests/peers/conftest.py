"""What the tests between areas share: a loop of engines that serve, and a world in memory."""

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest
from medsettle.torture.memory_ledger import MemoryLedger, MemoryStore
from medsettle.torture.provinces_servers import NAMES

from tests.peers.simulated import Provinces, provinces
from tests.service.serving import running_loop

_Told = TypeVar("_Told")
_SECONDS_MAX = 60


class Run(Protocol):
    """Runs a coroutine to its end on the loop of the engines."""

    def __call__(self, work: Coroutine[Any, Any, _Told]) -> _Told:
        """Return what it returns."""
        ...


@pytest.fixture(scope="session", name="run")
def _run() -> Iterator[Run]:
    """Yield what runs coroutines, on a loop in a thread of its own."""
    with running_loop() as loop:

        def run(work: Coroutine[Any, Any, _Told]) -> _Told:
            return asyncio.run_coroutine_threadsafe(work, loop).result(_SECONDS_MAX)

        yield run


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> Iterator[Provinces]:
    """Yield two areas and a hub in memory."""
    stores = {name: MemoryStore() for name in NAMES}
    with provinces(tmp_path, lambda name: MemoryLedger(stores[name])) as world:
        yield world
