"""Replay a history onto disk, part by part: threads, progress, and going on after a kill.

A part is finished once `replay.json` names it, which is written after its files are durable. A kill
loses the parts at hand; whoever runs the same replay again goes on with the next. Another history,
other rules or options do not go into the same folder.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import pyarrow as pa

from medsettle import durable, limits
from medsettle.errors import Fault, InvalidRequest
from medsettle.replay.history import History, Part, table_bytes
from medsettle.replay.layout import RESULTS_MANIFEST
from medsettle.replay.manifest import TABLES, finished_in, manifest, told_of
from medsettle.replay.part import DIFFERENCES, PartOptions, PartReplayer
from medsettle.replay.worlds import World

Progress: TypeAlias = Callable[[int, int], None]
"""Is told of the claims of each part that is finished, and of how many of them differ."""

_THREADS: Final = 2
"""Threads where there are as many processors: one reads or writes while the other computes."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay came to.

    `parts` and `claims` are those of the history, `resumed` the parts that were there already;
    `differences` counts the claims that the baseline does not settle as recorded.
    """

    folder: Path
    parts: int
    claims: int
    resumed: int
    differences: int


def replay(
    history: History,
    worlds: Sequence[World],
    out: Path,
    options: PartOptions | None = None,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Replayed:
    """Replay a history under the rules of each world, and write what it comes to.

    Args:
        history: The history.
        worlds: The baseline first, then its reforms.
        out: Folder of the results, made where it is missing; an unfinished replay of the same is
            gone on with.
        options: What is wanted.
        threads: How many parts are at hand at a time; each takes the memory of a part.
        progress: Is told of each part that is finished; those of earlier runs come first.

    Raises:
        InvalidRequest: The folder has the results of another history, of other rules or options;
            the history is not in order; there are too many threads.
        InternalError: Shares do not add up to a total.
        OSError: The disk failed.
    """
    options = options or PartOptions()
    count = threads if threads is not None else min(_THREADS, os.cpu_count() or 1)
    if not 1 <= count <= limits.REPLAY_THREADS_MAX:
        message = f"{count} threads; ask for 1 to {limits.REPLAY_THREADS_MAX}"
        raise InvalidRequest([Fault("threads", message)])
    folder = _Folder.open(out, told_of(history, worlds, options))
    claims = {part.number: part.rows("claims") for part in history.parts}
    left = [part for part in history.parts if part.number not in folder.finished]
    resumed = len(history.parts) - len(left)
    if progress is not None:
        for number, differences in folder.finished.items():
            progress(claims[number], differences)
    for number, differences in _parts(history, left, folder, (worlds, options), count):
        folder.finish(number, differences)
        if progress is not None:
            progress(claims[number], differences)
    total = sum(folder.finished.values())
    return Replayed(out, len(history.parts), sum(claims.values()), resumed, total)


def _parts(
    history: History,
    left: Sequence[Part],
    folder: "_Folder",
    asked: tuple[Sequence[World], PartOptions],
    threads: int,
) -> Iterator[tuple[int, int]]:
    """Yield parts as they are finished, with how many of their claims differ."""
    worlds, options = asked
    idle: list[PartReplayer] = []

    def one(part: Part) -> tuple[int, int]:
        # What is worked out once for each policy is kept for the next part of this thread.
        replayer = idle.pop() if idle else PartReplayer(worlds, options)
        try:
            tables = replayer.replay(_PartTables(history, part))
        except InvalidRequest as error:
            name = f"part-{part.number:05d}"
            faults = [Fault(f"{name} {each.path}", each.message) for each in error.faults]
            raise InvalidRequest(faults) from error
        differences = folder.write(part.number, tables)
        idle.append(replayer)
        return part.number, differences

    with ThreadPoolExecutor(threads) as pool:
        waiting: set[Future[tuple[int, int]]] = set()
        rest = iter(left)
        try:
            while True:
                # No more are asked for than are at hand, so that an error ends soon.
                while len(waiting) < threads and (part := next(rest, None)) is not None:
                    waiting.add(pool.submit(one, part))
                if not waiting:
                    return
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for each in done:
                    yield each.result()
        finally:
            for each in waiting:
                each.cancel()


@dataclass(frozen=True, slots=True)
class _PartTables:
    """The tables of a part of a history (`medsettle.replay.part_columns.Tables`)."""

    history: History
    part: Part

    def read(self, name: str, columns: Sequence[str] | None) -> pa.Table:
        return self.history.read(self.part, name, columns)


@dataclass(slots=True)
class _Folder:
    """The folder of results, and which parts of it are finished, with their differences."""

    folder: Path
    told: Mapping[str, object]
    finished: dict[int, int] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, told: dict[str, dict[str, Any]]) -> "_Folder":
        """Return the folder, made where it is missing."""
        durable.make_folder(folder)
        path = folder / RESULTS_MANIFEST
        found = cls(folder, told)
        try:
            held = path.read_bytes()
        except FileNotFoundError:
            found.write_manifest()
            return found
        found.finished = finished_in(held, told, str(path))
        return found

    def write(self, number: int, tables: Mapping[str, pa.Table]) -> int:
        """Write the tables of a part durably; return how many of its claims differ."""
        for name, table in tables.items():
            place = self.folder / name
            durable.make_folder(place)
            columns = TABLES[name.partition("/")[0]]
            durable.put(place / f"part-{number:05d}.parquet", table_bytes(columns, table))
            durable.sync_folder(place)
        rows: int = tables[DIFFERENCES].num_rows
        return rows

    def finish(self, number: int, differences: int) -> None:
        """Say durably that a part is finished."""
        self.finished[number] = differences
        self.write_manifest()

    def write_manifest(self) -> None:
        """Write what is told and finished."""
        durable.put(self.folder / RESULTS_MANIFEST, manifest(self.told, self.finished))
        durable.sync_folder(self.folder)
