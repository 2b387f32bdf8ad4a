"""Replay a history onto disk, part by part: threads, progress, and going on after a kill.

A part is finished once `replay.json` names it, which is written after its files are durable. A kill
loses the parts at hand; whoever runs the same replay again goes on with the next. A finished part
of which a file is missing or was changed is replayed again. Another history,
other rules or options do not go into the same folder.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeAlias

import pyarrow as pa

from medsettle import durable, limits
from medsettle.errors import Fault, InvalidRequest
from medsettle.replay.history import MANIFEST as HISTORY_MANIFEST
from medsettle.replay.history import History, Part, table_bytes
from medsettle.replay.layout import DIFFERENCES, RESULTS_MANIFEST
from medsettle.replay.manifest import (
    TABLES,
    Finished,
    ResultFile,
    finished_in,
    held_by_history,
    manifest,
    told_of,
)
from medsettle.replay.part import PartOptions, PartReplayer
from medsettle.replay.worlds import World

Progress: TypeAlias = Callable[[int, int], None]
"""Is told of the claims of each part that is finished, and of how many of them differ."""

_THREADS: Final = 2
"""Threads where there are as many processors: one reads or writes while the other computes."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay came to.

    `parts` and `claims` are those of the history, `resumed` the parts that were there already,
    with their files as they were written;
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
        NotFound: A file of the history is gone.
        InvalidRequest: The folder has the results of another history, of other rules or options;
            the history is not in order, or a file of it was changed; there are too many threads.
        InternalError: Shares do not add up to a total.
        OSError: The disk failed.
    """
    options = options or PartOptions()
    count = threads if threads is not None else min(_THREADS, os.cpu_count() or 1)
    if not 1 <= count <= limits.REPLAY_THREADS_MAX:
        message = f"{count} threads; ask for 1 to {limits.REPLAY_THREADS_MAX}"
        raise InvalidRequest([Fault("threads", message)])
    place = str(history.folder.absolute())
    folder = _Folder.open(out, told_of(history, worlds, options), place)
    claims = {part.number: part.rows("claims") for part in history.parts}
    left = [part for part in history.parts if part.number not in folder.finished]
    resumed = len(history.parts) - len(left)
    if progress is not None:
        for number, held in folder.finished.items():
            progress(claims[number], held.differences)
    for number, done in _parts(history, left, folder, (worlds, options), count):
        folder.finish(number, done)
        if progress is not None:
            progress(claims[number], done.differences)
    total = sum(each.differences for each in folder.finished.values())
    return Replayed(out, len(history.parts), sum(claims.values()), resumed, total)


def check_out(folder: Path) -> None:
    """Refuse a folder in which there can be no results, before anything goes into it.

    Raises:
        InvalidRequest: It is that of a history, whose tables have the same names.
    """
    if (folder / HISTORY_MANIFEST).exists():
        raise held_by_history(str(folder))


def _parts(
    history: History,
    left: Sequence[Part],
    folder: "_Folder",
    asked: tuple[Sequence[World], PartOptions],
    threads: int,
) -> Iterator[tuple[int, Finished]]:
    """Yield parts as they are finished."""
    worlds, options = asked
    idle: list[PartReplayer] = []

    def one(part: Part) -> tuple[int, Finished]:
        # What is worked out once for each policy is kept for the next part of this thread.
        replayer = idle.pop() if idle else PartReplayer(worlds, options)
        try:
            tables = replayer.replay(_PartTables(history, part))
        except InvalidRequest as error:
            name = f"part-{part.number:05d}"
            faults = [Fault(f"{name} {each.path}", each.message) for each in error.faults]
            raise InvalidRequest(faults) from error
        done = folder.write(part.number, tables)
        idle.append(replayer)
        return part.number, done

    with ThreadPoolExecutor(threads) as pool:
        waiting: set[Future[tuple[int, Finished]]] = set()
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
    """The tables of a part of a history (`medsettle.replay.part_columns.Tables`).

    `checked` are the tables whose files were held to their digests, each when it is first read.
    """

    history: History
    part: Part
    checked: set[str] = field(default_factory=set)

    def read(self, name: str, columns: Sequence[str] | None) -> pa.Table:
        if name not in self.checked:
            for file in self.part.files:
                if file.table == name:
                    self.history.check_digest(file)
            self.checked.add(name)
        return self.history.read(self.part, name, columns)


@dataclass(slots=True)
class _Folder:
    """The folder of results, and which parts of it are finished."""

    folder: Path
    told: Mapping[str, object]
    history: str
    finished: dict[int, Finished] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, told: dict[str, dict[str, Any]], history: str) -> "_Folder":
        """Return the folder, made where it is missing.

        Raises:
            InvalidRequest: It has something else: a history, or the results of another replay.
        """
        check_out(folder)
        durable.make_folder(folder)
        path = folder / RESULTS_MANIFEST
        found = cls(folder, told, history)
        try:
            held = path.read_bytes()
        except FileNotFoundError:
            found.write_manifest()
            return found
        found.finished = {
            number: part
            for number, part in finished_in(held, told, str(path)).items()
            if part.files and all(file.lies_in(folder) for file in part.files)
        }
        return found

    def write(self, number: int, tables: Mapping[str, pa.Table]) -> Finished:
        """Write the tables of a part durably; return what the manifest is to say of it."""
        files = []
        for name, table in tables.items():
            place = self.folder / name
            durable.make_folder(place)
            columns = TABLES[name.partition("/")[0]]
            content = table_bytes(columns, table)
            path = place / f"part-{number:05d}.parquet"
            durable.put(path, content)
            durable.sync_folder(place)
            where = path.relative_to(self.folder).as_posix()
            files.append(ResultFile(where, sha256(content).hexdigest()))
        return Finished(tables[DIFFERENCES].num_rows, tuple(files))

    def finish(self, number: int, done: Finished) -> None:
        """Say durably that a part is finished."""
        self.finished[number] = done
        self.write_manifest()

    def write_manifest(self) -> None:
        """Write what is told and finished."""
        durable.put(
            self.folder / RESULTS_MANIFEST, manifest(self.told, self.finished, self.history)
        )
        durable.sync_folder(self.folder)
