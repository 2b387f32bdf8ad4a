"""A desk while it is served, whatever the calls come by: what follows its commits, what ends it."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Protocol, TypeAlias

from medsettle import limits
from medsettle.errors import SettlementError
from medsettle.identity.access_log import Accesses
from medsettle.logs import events as logged
from medsettle.logs import say
from medsettle.logs.telling import told_of
from medsettle.service.desk import Desk, SettlementEngine
from medsettle.service.measuring import Measuring

Projection: TypeAlias = Callable[[], Awaitable[None]]


class Part(StrEnum):
    """A part of a server that may be well or not."""

    WRITES = "writes"
    PROJECTION = "projection"


class Tell(Protocol):
    """Tells whoever watches how a part is."""

    async def __call__(self, part: Part, *, well: bool) -> None:
        """Tell it."""
        ...


async def tell_nobody(part: Part, *, well: bool) -> None:
    """Tell nobody: the failures of both parts are logged or returned all the same."""


class Shift:
    """A desk, the projection behind its commits, and what ended its writes.

    Make it on the running event loop; servers of several protocols may share one.
    """

    def __init__(
        self,
        engine: SettlementEngine,
        *,
        project: Projection | None = None,
        page_key: bytes | None = None,
        tell: Tell = tell_nobody,
        measuring: Measuring | None = None,
        accesses: Accesses | None = None,
    ) -> None:
        """Open a desk.

        Args:
            engine: Called on the thread of the running event loop, one call at a time.
            project: Awaited after commits, such as the writer of the audit tables; coalesced, and
                once more at the end. Long work belongs in a thread or process of its own.
            page_key: Secret of the page tokens; without one, tokens end with this desk.
            tell: Told when writes end for good, and how each projection went.
            measuring: Takes the measurements of the calls; None takes none.
            accesses: Takes down who called what; None takes nothing down.
        """
        self.well = dict.fromkeys(Part, True)
        """How each part was the last time that it was told."""
        self.draining = False
        """Whether it was said that no new calls are to be sent here, while they are answered."""
        self._project = project
        self._tell = tell
        self._committed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: asyncio.Future[SettlementError] = asyncio.get_running_loop().create_future()
        self.desk = Desk(
            engine,
            page_key=page_key or secrets.token_bytes(32),
            on_commit=self._committed.set,
            on_shut=self._shut,
            measuring=measuring,
            accesses=accesses,
        )

    def readiness(self) -> dict[str, bool]:
        """Return what must be well for calls to be sent here, and whether it is.

        Rules were loaded and the ledger was opened before there was a shift.
        """
        parts: dict[str, bool] = {str(part): well for part, well in self.well.items()}
        return parts | {"open": not self.draining and not self.desk.stopping}

    @property
    def ready(self) -> bool:
        """Whether calls are to be sent here."""
        return all(self.readiness().values())

    async def drain(self) -> None:
        """Say that no new calls are to be sent here; those that come are answered all the same.

        The first step of stopping without anybody noticing: balancers look, and send their calls
        elsewhere, before `stop` refuses any.
        """
        self.draining = True
        await self._tell(Part.WRITES, well=self.well[Part.WRITES])

    def begin(self) -> None:
        """Begin to project after commits."""
        if self._project is not None:
            self._begin(self._follow(self._project))

    async def failure(self) -> SettlementError:
        """Return what ended writes for good, once that happens.

        The desk then refuses every write; whoever began the shift should stop it, and end the
        process with an error so that a new one opens the ledger again.
        """
        return await asyncio.shield(self._failure)

    def project_soon(self) -> None:
        """Project although nothing was recorded here: somebody else may have recorded something."""
        self._committed.set()

    async def quiet(self, end: float) -> None:
        """Return once no call has come for a moment and none is under way, or at `end`.

        gRPC cancels what it has received and not handed over when it is stopped, and a caller
        cannot tell such a call from one that was cut off in the middle.
        """
        now = asyncio.get_running_loop().time
        quiet = False
        while not quiet and now() < end:
            # A batch holds up the loop, so a moment in which one ended says nothing.
            idle, calls = not self.desk.under_way, self.desk.calls
            await asyncio.sleep(min(limits.QUIET_SECONDS, end - now()))
            quiet = idle and calls == self.desk.calls

    async def stop(self) -> None:
        """Project what is behind, and return; whoever lets calls in must have ended that."""
        self.desk.refuse_calls()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._project is not None and self._committed.is_set():
            await self._projected(self._project)

    async def _follow(self, project: Projection) -> None:
        """Call the projection after commits, one call for all that came during the last."""
        while True:
            await self._committed.wait()
            self._committed.clear()
            await self._projected(project)

    async def _projected(self, project: Projection) -> None:
        """Project, and tell whether it worked.

        A projection is behind the ledger and can always be made again, so its failure must not
        stop settlements; the next commit tries again.
        """
        try:
            await project()
        except asyncio.CancelledError:
            self._committed.set()  # Not finished: the last projection of `stop` does it.
            raise
        except Exception as error:
            say(logged.PROJECTION_FAILED, error, told=told_of(error))
            await self._told(Part.PROJECTION, well=False)
        else:
            await self._told(Part.PROJECTION, well=True)

    def _shut(self, error: SettlementError) -> None:
        self._failure.set_result(error)
        self._begin(self._told(Part.WRITES, well=False))

    async def _told(self, part: Part, *, well: bool) -> None:
        self.well[part] = well
        await self._tell(part, well=well)

    def _begin(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
