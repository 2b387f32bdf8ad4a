"""A till: asks, loses answers, asks again under the same id, and sometimes what it must not."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Final, Protocol

from medsettle.torture.requests import Answer, Request
from medsettle.torture.workload import Workload

_PATIENCE_SECONDS: Final = (0.3, 1.0, 3.0)
_PAUSE_SECONDS: Final = (0.05, 0.5, 2.0)
_ATTEMPTS: Final = 4
_ATTEMPTS_AFTER_HEALING: Final = 40


class Deployment(Protocol):
    """What a till needs of the world."""

    def send(self, request: Request, reply: Callable[[Answer], None], patience: float) -> None:
        """Put a request on the network; answers that come back are given to `reply`."""
        ...


class Till:
    """One till with its own requests; what it could not finish waits in `unfinished`."""

    def __init__(self, deployment: Deployment, workload: Workload, rng: Random) -> None:
        self._deployment = deployment
        self._workload = workload
        self._rng = rng
        self._asked: list[Request] = []
        self.unfinished: list[Request] = []

    async def work(self, operations: int) -> None:
        """Ask for so many things, one after another."""
        for _ in range(operations):
            await self._operate()

    async def finish(self) -> list[Request]:
        """Ask again for whatever has no answer yet; return what still has none."""
        left, self.unfinished = self.unfinished, []
        for request in left:
            await self._ask(request, _ATTEMPTS_AFTER_HEALING)
        return self.unfinished

    async def _operate(self) -> None:
        chance = self._rng.random()
        if self._asked and chance < 0.10:
            # A till that restarted asks for what it may have had an answer to.
            await self._ask(self._rng.choice(self._asked), _ATTEMPTS)
            return
        request = self._workload.request()
        if chance < 0.20:
            # A second till takes the same id for something else, at the same time.
            other = self._workload.altered(request)
            await asyncio.gather(self._ask(request, _ATTEMPTS), self._ask(other, _ATTEMPTS))
        elif chance < 0.32 and request.kind in {"settle", "visit"}:
            # The till gives up at once; its reversal may overtake what it reverses.
            reversal = self._workload.reversal(request)
            await asyncio.gather(self._ask(request, 1), self._ask(reversal, _ATTEMPTS))
        elif chance < 0.38:
            await asyncio.gather(self._ask(request, _ATTEMPTS), self._ask(request, _ATTEMPTS))
        else:
            await self._ask(request, _ATTEMPTS)

    async def _ask(self, request: Request, attempts: int) -> None:
        if request not in self._asked and request.kind != "find":
            self._asked.append(request)
        for _ in range(attempts):
            answer = await self._attempt(request)
            if answer is not None and answer.final:
                self._workload.heard(request, answer)
                return
            await asyncio.sleep(self._rng.choice(_PAUSE_SECONDS))
        if request in self.unfinished:
            return
        self.unfinished.append(request)
        if request.kind != "find":
            await self._ask(self._workload.query(request), 1)

    async def _attempt(self, request: Request) -> Answer | None:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def reply(answer: Answer) -> None:
            if not future.done():
                future.set_result(answer)

        patience = self._rng.choice(_PATIENCE_SECONDS)
        self._deployment.send(request, reply, patience)
        await asyncio.wait([future], timeout=patience)
        return future.result() if future.done() else None
