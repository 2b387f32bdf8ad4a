"""One event loop for all engines of these tests: gRPC has one poller a process."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, Protocol, TypeVar

import pytest

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
