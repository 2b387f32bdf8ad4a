"""Every access: who asked for what, and what came of it, one line of JSON each.

Nothing personal is in it: no person, no card, no amount; what was about a person says of which
area. Lines are only ever added. They are handed to the system after `ACCESS_LOG_SECONDS`, by a
thread, so that no call waits for a disk: a process that is killed loses what came in that time,
and a power cut what the system had not written yet. A file that is full is synced and followed by
the next; the oldest go.
"""

import contextlib
import os
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

import msgspec

from medsettle import durable, limits
from medsettle.errors import Fault, InvalidRequest, NotAuthenticated
from medsettle.identity.principals import Principal
from medsettle.logs import events as logged
from medsettle.logs import say
from medsettle.logs.telling import told_of

FOLDER: Final = "access"
_PRIVATE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700
_NAME: Final = re.compile(r"accesses-(\d{8})\.jsonl")
_DIGITS: Final = 8
# Records of ours by an id that we made, and policies: whatever else has a name may be somebody.
_OURS: Final = re.compile(
    r"poolingAreas/(?:-|\d{6})/(?:(?:settlements|visits)/\d{6}[0-9a-f]{1,40}|policies/[^/\s]{1,64})"
)
_OTHER: Final = re.compile(r"(poolingAreas/(?:-|\d{6}))(?:/([a-zA-Z]{1,32})/.*)?", re.DOTALL)


class Access(msgspec.Struct, frozen=True):
    """One access: when, by whom and by what they were known, which method about what, the outcome.

    `outcome` is `OK` or the reason of an error; `institution` has whom the caller speaks for.
    """

    moment: datetime
    who: str
    role: str
    shown: str
    institution: str
    method: str
    resource: str
    outcome: str


class Accesses(Protocol):
    """Takes accesses down."""

    def add(self, principal: Principal, method: str, resource: str, outcome: str) -> None:
        """Take one down."""
        ...


class NoAccesses:
    """Takes nothing down: a server that is part of a test or of a demonstration."""

    def add(self, principal: Principal, method: str, resource: str, outcome: str) -> None:
        """Take nothing down."""


def resource_of(name: str) -> str:
    """Return what may be written down of a resource name: of persons and cards their area alone.

    >>> resource_of("poolingAreas/999900/settlements/999900ab12")
    'poolingAreas/999900/settlements/999900ab12'
    >>> resource_of("poolingAreas/999900/persons/P1")
    'poolingAreas/999900/persons/*'
    """
    if _OURS.fullmatch(name):
        return name
    other = _OTHER.fullmatch(name)
    if other is None:
        return ""
    return f"{other[1]}/{other[2]}/*" if other[2] else other[1]


@dataclass(frozen=True, slots=True)
class _Bounds:
    """Bytes of a file, and how many files are kept."""

    file_bytes: int
    files: int


class AccessLog:
    """The log of a folder; close it to write what waits."""

    def __init__(
        self,
        folder: Path,
        clock: Callable[[], datetime],
        *,
        seconds: float = limits.ACCESS_LOG_SECONDS,
        file_bytes: int = limits.ACCESS_LOG_FILE_BYTES,
        files: int = limits.ACCESS_LOG_FILES_MAX,
        waiting_max: int = limits.ACCESS_LOG_WAITING_MAX,
    ) -> None:
        """Open the last file of a folder, which is made where it is missing.

        Args:
            folder: Nobody but the owner of the process reads it.
            clock: Tells the moment of an access.
            seconds: How long an access may wait in memory.
            file_bytes: After so many a file is full.
            files: Files that are kept; the oldest go.
            waiting_max: Accesses that may wait where the disk takes none; the oldest go, counted.

        Raises:
            OSError: The folder cannot be made or written to.
        """
        durable.make_folder(folder, _PRIVATE_FOLDER)
        self._folder = folder
        self._clock = clock
        self._seconds = seconds
        self._bounds = _Bounds(file_bytes, files)
        self._waiting: deque[bytes] = deque(maxlen=waiting_max)
        self._lost = 0
        self._counting = threading.Lock()
        self._minute: datetime | None = None
        self._strangers = 0
        self._encoder = msgspec.json.Encoder()
        self._number = max(_numbers(folder), default=1)
        self._file = self._opened(self._number)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write_on, name="accesses", daemon=True)
        self._thread.start()

    def add(self, principal: Principal, method: str, resource: str, outcome: str) -> None:
        """Take an access down; it is written within moments.

        Args:
            principal: Who asked.
            method: The method, or the number of a transaction.
            resource: As `resource_of` returns it.
            outcome: `OK`, or the reason of an error.
        """
        moment = self._clock()
        if outcome == NotAuthenticated.reason and not self._has_room_for_stranger(moment):
            return
        access = Access(
            moment,
            principal.name,
            principal.role or "",
            principal.shown,
            ",".join(sorted(principal.institutions)),
            method,
            resource,
            outcome,
        )
        self._wait(access)

    def _wait(self, access: Access) -> None:
        if len(self._waiting) == self._waiting.maxlen:
            with self._counting:
                self._lost += 1
        self._waiting.append(self._encoder.encode(access) + b"\n")

    def _has_room_for_stranger(self, moment: datetime) -> bool:
        """Count one more refusal of a stranger; return whether it has a line of its own."""
        minute = moment.replace(second=0, microsecond=0)
        if minute != self._minute:
            self._tell_strangers(moment)
            self._minute, self._strangers = minute, 0
        self._strangers += 1
        return self._strangers <= limits.ACCESS_STRANGERS_PER_MINUTE

    def _tell_strangers(self, moment: datetime) -> None:
        """Take down how many refusals of a minute had no line."""
        more = self._strangers - limits.ACCESS_STRANGERS_PER_MINUTE
        if more > 0:
            self._wait(_counted(moment, f"{NotAuthenticated.reason} {more} MORE"))
        self._strangers = 0

    def close(self) -> None:
        """Write what waits, sync it and let go of the file; closing it twice is closing it once."""
        if self._ended.is_set():
            return
        self._tell_strangers(self._clock())
        self._ended.set()
        self._thread.join()
        with contextlib.suppress(OSError):
            os.fsync(self._file)
        os.close(self._file)

    def _write_on(self) -> None:
        while not self._ended.wait(self._seconds):
            self._write()
        self._write()

    def _write(self) -> None:
        """Hand what waits to the system; what it does not take waits on."""
        while self._waiting:
            taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), 1_000))]
            with self._counting:
                lost, self._lost = self._lost, 0
            if lost:
                gap = _counted(self._clock(), f"LOST {lost}")
                taken.insert(0, self._encoder.encode(gap) + b"\n")
            try:
                self._append(b"".join(taken))
            except OSError as error:
                say(logged.ACCESSES_NOT_WRITTEN, folder=str(self._folder), told=told_of(error))
                self._take_back(taken[bool(lost) :], lost)
                return

    def _take_back(self, taken: list[bytes], lost: int) -> None:
        """Let lines wait on, the newest where there is no room for all."""
        room = (self._waiting.maxlen or 0) - len(self._waiting)
        with self._counting:
            self._lost += lost + max(0, len(taken) - room)
        if room > 0:
            self._waiting.extendleft(reversed(taken[-room:]))

    def _append(self, lines: bytes) -> None:
        if os.fstat(self._file).st_size + len(lines) > self._bounds.file_bytes:
            self._turn_over()
        view = memoryview(lines)
        while view:
            view = view[os.write(self._file, view) :]

    def _turn_over(self) -> None:
        """Begin the next file, and let the oldest go."""
        if os.fstat(self._file).st_size == 0:
            return
        os.fsync(self._file)
        # Opened before the last one is let go: what cannot be opened leaves a file that is ours,
        # and no number that may be that of another file by then.
        following = self._opened(self._number + 1)
        os.close(self._file)
        self._file, self._number = following, self._number + 1
        durable.sync_folder(self._folder)
        for number in sorted(_numbers(self._folder))[: -self._bounds.files]:
            _path(self._folder, number).unlink(missing_ok=True)

    def _opened(self, number: int) -> int:
        path = _path(self._folder, number)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, _PRIVATE)
        size = os.fstat(file).st_size
        if size and os.pread(file, 1, size - 1) != b"\n":
            # The last process died in the middle of a line.
            os.write(file, b"\n")
        return file


def _counted(moment: datetime, outcome: str) -> Access:
    """Return a line that stands for others."""
    return Access(moment, "", "", "", "", "", "", outcome)


def _path(folder: Path, number: int) -> Path:
    return folder / f"accesses-{number:0{_DIGITS}}.jsonl"


def _numbers(folder: Path) -> list[int]:
    found = (_NAME.fullmatch(each.name) for each in folder.iterdir())
    return [int(name[1]) for name in found if name is not None]


def read_accesses(folder: Path, *, newest: int | None = None) -> Iterator[Access]:
    """Yield the accesses of a folder in the order in which they were taken down.

    Args:
        folder: The folder of the log.
        newest: So many of the last alone; None yields all.

    A line that a death cut off is left out.

    Raises:
        InvalidRequest: The folder has no log.
        OSError: A file cannot be read.
    """
    numbers = sorted(_numbers(folder)) if folder.is_dir() else []
    if not numbers:
        text = f"{folder} has no log of accesses; name the data folder of a server with --data"
        raise InvalidRequest([Fault("data", text)])
    every = (each for number in numbers for each in _read(_path(folder, number)))
    yield from every if newest is None else deque(every, maxlen=newest)


def _read(path: Path) -> Iterator[Access]:
    decoder = msgspec.json.Decoder(Access)
    with path.open("rb") as file:
        for line in file:
            with contextlib.suppress(msgspec.DecodeError):
                yield decoder.decode(line)
