"""An event loop that jumps to whatever is due next, tasks that die together, and fates."""

import asyncio
import selectors
from collections.abc import Coroutine
from contextvars import ContextVar, copy_context
from random import Random
from typing import Any, NamedTuple, TypeVar

Told = TypeVar("Told")

_life: ContextVar["set[asyncio.Task[Any]] | None"] = ContextVar("life", default=None)


class Fate(NamedTuple):
    """What becomes of one message: seconds on the way there and back, None where it gets lost.

    `again` says after how many seconds it arrives a second time; `refused` that it is known not to
    have been sent.
    """

    there: float | None = 0.0
    back: float | None = 0.0
    again: float | None = None
    refused: bool = False


def drawn_fates(rng: Random, count: int) -> list[Fate]:
    """Return fates of so many messages, every second of them a good one."""
    seconds = (0.0, 0.0, 0.3, 3.0, 9.0, 20.0, None)
    return [
        Fate()
        if rng.random() < 0.5
        else Fate(
            rng.choice(seconds),
            rng.choice(seconds),
            rng.choice((None, None, 0.1, 5.0, 40.0)),
            rng.random() < 0.15,
        )
        for _ in range(count)
    ]


class _Jumping(selectors.SelectSelector):
    """A selector that waits for nothing: it says how long it would have."""

    waited = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        """Return what is there now."""
        assert timeout is not None, "nothing would ever happen"
        self.waited += max(0.0, timeout)
        return super().select(0)


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop that jumps to the next thing that is due."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)
        # Its type knows no contexts, which it is called with.
        self.set_task_factory(_of_this_life)  # type: ignore[arg-type]

    def time(self) -> float:
        """Return the seconds that all pauses so far would have taken."""
        return self._jumping.waited


def begun(work: Coroutine[Any, Any, Told], life: "set[asyncio.Task[Any]]") -> "asyncio.Task[Told]":
    """Begin something in a life; its tasks, and all that they begin, are kept there."""
    context = copy_context()
    context.run(_life.set, life)
    return asyncio.get_running_loop().create_task(work, context=context)


def _of_this_life(
    loop: asyncio.AbstractEventLoop,
    work: Coroutine[Any, Any, Told],
    **told: Any,  # noqa: ANN401
) -> "asyncio.Task[Told]":
    """Return a task that is kept in the life it was begun in."""
    task = asyncio.Task(work, loop=loop, **told)
    context = told.get("context")
    life = _life.get() if context is None else context.get(_life)
    if life is not None:
        life.add(task)
        task.add_done_callback(life.discard)
    return task


async def later(seconds: float) -> None:
    """Return after so many seconds."""
    loop = asyncio.get_running_loop()
    due = loop.create_future()
    pause = loop.call_later(seconds, due.set_result, None)
    try:
        await due
    finally:
        pause.cancel()


async def turns(count: int) -> None:
    """Return after so many turns of the loop, which take no time."""
    loop = asyncio.get_running_loop()
    for _ in range(count):
        turn = loop.create_future()
        loop.call_soon(turn.set_result, None)
        await turn
