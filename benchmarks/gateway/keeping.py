"""What any gateway has to do before it answers: read the JSON, and keep what it was told.

There are no rules here, no visit, no settlement and no explanation: a transaction that tells
something is one row, synced before the answer, as many in a commit as came while the last one was
under way. What the national interface costs beyond this is settling; what an empty handler has over
it, no gateway that loses nothing can have.
"""

import asyncio
from pathlib import Path
from typing import Final

import apsw
import orjson

TELLING: Final = frozenset({"2201", "2203", "2204", "2207"})
"""The transactions of a visit that have to be kept; the others ask, or try."""


class Keeping:
    """Keeps bodies in a SQLite file, many to a commit."""

    def __init__(self, path: Path) -> None:
        """Make the file."""
        self._connection = apsw.Connection(str(path))
        self._connection.execute("pragma journal_mode = wal; pragma synchronous = full")
        self._connection.execute("create table told (body blob not null) strict")
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []

    async def take(self, infno: str, body: bytes) -> None:
        """Read a body, and return once it is kept where it tells something."""
        orjson.loads(body)
        if infno not in TELLING:
            return
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        if not self._waiting:
            # Whoever is being read at this moment comes along.
            loop.call_soon(self._commit)
        self._waiting.append((body, done))
        await done

    def _commit(self) -> None:
        batch, self._waiting = self._waiting, []
        with self._connection:
            self._connection.executemany(
                "insert into told values (?)", [(body,) for body, _ in batch]
            )
        for _, done in batch:
            done.set_result(None)
