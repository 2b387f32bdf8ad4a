"""An event loop whose time is counted, not waited for.

The service is written for asyncio, so its own batcher and gate run here unchanged: what is ready
runs in its order, and when nothing is, the clock jumps to the next timer. There is no thread, no
socket and no clock of the machine, so that a seed decides everything.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stalled(Exception):
    """Everybody waits and no timer is left: nothing would ever happen again."""


class SimulatedLoop(asyncio.BaseEventLoop):
    """Runs callbacks and coroutines by a clock of its own, which starts at 0 seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._moment = 0.0
        # The base class asks its selector how long to wait and for what; this loop answers itself.
        self._selector = self

    def time(self) -> float:
        """Return the seconds since this loop was made."""
        return self._moment

    def spend(self, seconds: float) -> None:
        """Let time pass while a callback runs, as a slow disk does to everybody."""
        self._moment += seconds

    def select(self, timeout: float | None) -> list[object]:
        """Let the clock jump over the wait.

        Raises:
            Stalled: There is nothing to wait for.
        """
        if timeout is None:
            raise Stalled("everybody waits, and no timer is left")
        self._moment += timeout
        return []

    def _process_events(self, event_list: list[object]) -> None:
        """Do nothing: there are no files to be ready."""

    def _write_to_self(self) -> None:
        """Do nothing: no other thread wakes this loop."""


@contextmanager
def simulated_loop(
    on_exception: Callable[[asyncio.AbstractEventLoop, dict[str, object]], None],
) -> Iterator[SimulatedLoop]:
    """Yield a loop; what escapes a callback or a forgotten task goes to `on_exception`."""
    loop = SimulatedLoop()
    loop.set_exception_handler(on_exception)
    try:
        yield loop
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()
