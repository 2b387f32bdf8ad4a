"""Writing the audit tables behind the ledger that is being served."""

import asyncio
import contextlib
import threading
from pathlib import Path
from typing import Protocol

from medsettle import limits
from medsettle.audit import Projector
from medsettle.errors import Precondition
from medsettle.ledger.opening import OpenReader
from medsettle.privacy.pseudonyms import Pseudonyms


class Projecting(Protocol):
    """What projects when it is told that somebody has recorded something."""

    def project_soon(self) -> None:
        """Project although nothing was recorded here."""
        ...


class Follower:
    """Projects the audit tables behind the ledger, a moment's settlements at a time.

    A projector whose disk failed has closed itself; the next projection opens another. Of several
    processes that serve one ledger the first has the folder; the others serve without it, and one
    of them takes over when it is gone.
    """

    def __init__(
        self,
        reader: OpenReader,
        folder: Path,
        *,
        shared: bool,
        pseudonyms: Pseudonyms | None = None,
    ) -> None:
        """Open the folder.

        Args:
            reader: What is projected.
            folder: The audit tables.
            shared: Whether other processes may serve the same ledger.
            pseudonyms: What persons and cards are told by; None tells them as they are.

        Raises:
            AuditCorrupt: The audit tables are damaged or know more than the ledger.
            Precondition: Another process has the folder, and the ledger is not shared.
        """
        self._reader = reader
        self.folder = folder
        self._shared = shared
        self._pseudonyms = pseudonyms
        self._projector = self._opened()
        self._stopping = asyncio.Event()
        # A cancelled wait does not end the thread behind it; the next projection waits for it.
        self._lock = threading.Lock()

    @property
    def projects(self) -> bool:
        """Whether this process has the folder."""
        return self._projector is not None and not self._projector.closed

    @property
    def last_seq(self) -> int | None:
        """The last entry in the audit tables; None where another process writes them."""
        projector = self._projector
        return projector.last_seq if projector is not None and not projector.closed else None

    def hurry(self) -> None:
        """Wait no more before a projection."""
        self._stopping.set()

    async def __call__(self) -> None:
        """Wait a moment for more commits, then project all there are."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), limits.AUDIT_DELAY_SECONDS)
        await asyncio.to_thread(self._project_all)

    async def look_out(self, server: Projecting) -> None:
        """Let a server project what other processes record, until cancelled.

        Their commits tell this process nothing, and neither does their end.
        """
        while self._shared:
            await asyncio.sleep(limits.AUDIT_POLL_SECONDS)
            server.project_soon()

    def close(self) -> None:
        """Let go of the folder."""
        if self._projector is not None:
            self._projector.close()

    def _opened(self) -> Projector | None:
        try:
            return Projector(self._reader, self.folder, self._pseudonyms)
        except Precondition:
            if not self._shared:
                raise
            return None

    def _project_all(self) -> None:
        with self._lock:
            if self._projector is None or self._projector.closed:
                self._projector = self._opened()
            while self._projector is not None and self._projector.run_once():
                pass
