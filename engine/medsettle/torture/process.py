"""One life of a simulated server: the real engine, desk, batcher, gate and projector.

What a life held in memory ends with it; the store and the audit folder survive. A supervisor starts
the next life some time after a death, and also after the store failed, which is what whoever runs
the service does.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, Final

from medsettle.audit import Projector
from medsettle.audit.manifest import MANIFEST_NAME
from medsettle.audit.projector import moves_of
from medsettle.audit.segments import segment_tables, write_segment
from medsettle.engine import Engine
from medsettle.errors import LedgerFailed, SettlementError
from medsettle.ledger.entries import Ledger
from medsettle.service.batcher import DeadlinePassed
from medsettle.service.desk import Desk
from medsettle.torture.faults import FaultyLedger
from medsettle.torture.requests import Answer, Request, served

_PAGE_KEY: Final = bytes(32)
_PROJECTION_SECONDS: Final = 1.0
_ROWS_PER_SEGMENT: Final = 16

Reply = Callable[[Answer], None]


class Process:
    """A server process from its start to its death."""

    def __init__(
        self,
        ledger: FaultyLedger,
        engine: Callable[[Ledger, Callable[[], datetime]], Engine],
        clock: Callable[[], datetime],
        projector: Projector | None,
        on_bug: Callable[[str], None],
    ) -> None:
        self.ledger = ledger
        self.alive = True
        self.engine = engine(ledger.as_ledger(), clock)
        self._projector = projector
        self._on_bug = on_bug
        self._committed = asyncio.Event()
        # In the order in which they began, which a set would not keep.
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._desk = Desk(
            self.engine,
            page_key=_PAGE_KEY,
            on_commit=self._committed.set,
            on_shut=self._shut,
        )
        if projector is not None:
            # What an earlier life committed and did not project is behind too.
            self._committed.set()
            self._begin(self._follow(projector))

    def receive(self, request: Request, reply: Reply, deadline: float | None) -> None:
        """Begin to work on a request that arrived; the answer goes to `reply`, if one comes."""
        if self.alive:
            self._begin(self._answer(request, reply, deadline))

    def die(self) -> None:
        """End at once: nothing that was begun goes on, what is not in the store is gone."""
        self.alive = False
        self.ledger.dead = True
        for task in self._tasks:
            task.cancel()
        if self._projector is not None:
            # The system takes back the lock of a process that ends.
            self._projector.close()
        self.ledger.close()

    def _shut(self, error: SettlementError) -> None:
        """Note what shut the gate before writes: a store may fail, the engine may not."""
        if not isinstance(error, LedgerFailed):
            self._on_bug(f"an unforeseen exception shut the gate before writes: {error!r}")

    async def _answer(self, request: Request, reply: Reply, deadline: float | None) -> None:
        try:
            answer = await served(self._desk, self.engine, request, deadline)
        except DeadlinePassed:
            return  # The caller has given up and gets no answer.
        if self.alive:
            reply(answer)

    async def _follow(self, projector: Projector) -> None:
        while True:
            await self._committed.wait()
            await asyncio.sleep(_PROJECTION_SECONDS)
            self._committed.clear()
            self._project(projector)

    def _project(self, projector: Projector) -> None:
        faults = self.ledger.faults
        # The projector reads the ledger by itself, without the faults of this process.
        if faults.strikes("death_between_segment_and_manifest"):
            self._leave_files(projector)
            self.ledger.die("between a segment file and its manifest line")
        if faults.strikes("death_within_manifest_line"):
            self._leave_files(projector)
            with (projector.folder / MANIFEST_NAME).open("ab") as manifest:
                manifest.write(b'{"digest":"00')
            self.ledger.die("within a manifest line")
        while projector.run_once(_ROWS_PER_SEGMENT):
            pass

    def _leave_files(self, projector: Projector) -> None:
        """Write the files of the next segment as the projector does, and not its line."""
        after = projector.last_seq
        entries = self.ledger.inner.page(after_seq=after, limit=_ROWS_PER_SEGMENT)
        if entries:
            ends = entries[0].seq, entries[-1].seq
            moves = moves_of(self.ledger.inner, entries)
            write_segment(projector.folder, *ends, segment_tables(entries, moves))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)
