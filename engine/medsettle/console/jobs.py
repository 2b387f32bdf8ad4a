"""Work that a page begins and that outlives it: commands in processes of their own.

A job is a folder in the state of the console, under a name made here:

    job.json               what it is: who began it and when, the commands, what a page wants kept
    lock                   held by the processes of the job while one of them lives
    process                the number of their group
    step-0.out, step-0.err what the first command told, and how far it is
    given/                 files that were given to it
    stopped.json           who stopped it, and when
    ended.json             when it ended, and the exit code of each command

Whether a job runs is asked of the lock, which the system lets go with the last of its processes: so
a console that was started again finds its jobs, and no number of a process that another one has by
now is ever taken for a job.
"""

import fcntl
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, Final, Self, TypeAlias

import orjson

from medsettle import durable, limits
from medsettle.console import working
from medsettle.console.place import Place
from medsettle.console.working import ENDED_FILE, JOB_FILE, PROCESS_FILE
from medsettle.errors import NotFound, Overloaded, Precondition

Prepare: TypeAlias = Callable[[Path], Sequence[Sequence[str]]]
"""Puts what a job needs into its folder, and returns the words of each command in their order."""

GIVEN: Final = "given"
_FOLDER: Final = "jobs"
_LOCK: Final = "lock"
_STOPPED: Final = "stopped.json"
_GONE: Final = ".gone"
_LEDGER: Final = "MEDSETTLE_LEDGER"
_NAME: Final = re.compile(r"[0-9]{8}T[0-9]{6}[0-9]{6}-([a-z]+)-[0-9a-f]{8}")
_TAIL_BYTES: Final = 4096
_PRIVATE: Final = 0o700


class Kind(StrEnum):
    """What a job is for, which decides who may see it."""

    REPLAY = "replay"
    VERIFICATION = "verification"
    RECONCILIATION = "reconciliation"
    CLOSING = "closing"


class State(StrEnum):
    """What became of a job."""

    RUNNING = "running"
    DONE = "done"
    """Every command ended well."""
    FOUND = "found"
    """The last command worked and found something wrong."""
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"
    """It ended without a word: killed, or the machine went down."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of something a command has done, in how many seconds."""

    what: str
    done: int
    of: int
    seconds: float

    @property
    def percent(self) -> int:
        """How much is done, in percent."""
        return min(100, self.done * 100 // self.of) if self.of else 0

    @property
    def rate(self) -> int:
        """How much is done in a second; 0 where that cannot be told yet."""
        return int(self.done / self.seconds) if self.seconds > 0 else 0

    @property
    def left_seconds(self) -> int | None:
        """How long the rest takes at this rate; None where that cannot be told yet."""
        return (self.of - self.done) // self.rate + 1 if self.rate else None


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is kept; what changes while it runs is read anew at each call."""

    folder: Path
    kind: Kind
    who: str
    begun: datetime
    steps: tuple[tuple[str, ...], ...]
    about: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Return the job of a folder.

        Raises:
            NotFound: There is none.
        """
        told = _json(folder / JOB_FILE)
        if not told:
            raise NotFound(f"no job {folder.name!r}; it may have been deleted")
        begun = datetime.fromisoformat(told["begun"])
        steps = tuple(map(tuple, told["steps"]))
        return cls(folder, Kind(told["kind"]), told["who"], begun, steps, told["about"])

    @property
    def name(self) -> str:
        """The name of the job, made when it began."""
        return self.folder.name

    @property
    def state(self) -> State:
        """What has become of it by now."""
        if _is_held(self.folder / _LOCK):
            return State.RUNNING
        codes = _json(self.folder / ENDED_FILE).get("codes")
        if codes is not None and len(codes) == len(self.steps) and not any(codes):
            return State.DONE
        if self.stopped_by is not None:
            return State.STOPPED
        if codes is None:
            return State.LOST
        return State.FOUND if codes[-1:] == [1] else State.FAILED

    @property
    def ended(self) -> datetime | None:
        """When it ended; None while it runs, and where nobody could write it down."""
        told = _json(self.folder / ENDED_FILE).get("ended")
        return None if told is None else datetime.fromisoformat(told)

    @property
    def stopped_by(self) -> str | None:
        """Who stopped it, if anybody did."""
        who: str | None = _json(self.folder / _STOPPED).get("who")
        return who

    @property
    def step(self) -> int:
        """The number of the command that was begun last."""
        begun = [n for n in range(len(self.steps)) if (self.folder / f"step-{n}.out").exists()]
        return begun[-1] if begun else 0

    def code(self, step: int) -> int | None:
        """Return what a command ended with; None where it did not, or was not begun."""
        codes = _json(self.folder / ENDED_FILE).get("codes", ())
        return codes[step] if step < len(codes) else None

    def progress(self, step: int) -> Progress | None:
        """Return how far a command said last that it is."""
        for line in reversed(self.said(step).splitlines()):
            try:
                told = orjson.loads(line)
                return Progress(told["what"], told["done"], told["of"], told["seconds"])
            except (orjson.JSONDecodeError, TypeError, KeyError):
                continue
        return None

    def said(self, step: int) -> str:
        """Return the end of what a command wrote on its error stream."""
        try:
            with (self.folder / f"step-{step}.err").open("rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - _TAIL_BYTES))
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def told(self, step: int) -> dict[str, Any]:
        """Return what a command answered, of which it printed one JSON object; empty for none."""
        return _json(self.folder / f"step-{step}.out")

    @property
    def size_bytes(self) -> int:
        """How much disk it takes."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    @property
    def faults(self) -> list[str]:
        """Why it failed, in the words of the command that did."""
        told = self.told(self.step)
        if "messages" in told:
            return list(map(str, told["messages"]))
        return self.said(self.step).strip().splitlines()[-1:]


class Jobs:
    """The jobs of a console."""

    def __init__(self, place: Place, clock: Callable[[], datetime]) -> None:
        """Look at the jobs of a place; `clock` returns the present moment with a time zone."""
        self._place = place
        self._clock = clock
        self._folder = place.state / _FOLDER

    def begin(
        self,
        kind: Kind,
        who: str,
        about: Mapping[str, Any],
        prepare: Prepare,
        *,
        of_ledger: bool = False,
    ) -> Job:
        """Begin a job and return it.

        Args:
            kind: What it is for.
            who: The name of the account.
            about: What the pages of this kind want kept, as JSON knows it.
            prepare: Fills the folder, and returns the commands. What it raises ends all.
            of_ledger: Whether the commands read the ledger of the place.

        Raises:
            Overloaded: As many run as may.
            Precondition: As many are kept of this kind as may be.
        """
        durable.make_folder(self._folder, _PRIVATE)
        with _exclusively(self._folder / _LOCK):
            self._clear()
            self._check_room(kind)
            now = self._clock()
            name = f"{now:%Y%m%dT%H%M%S%f}-{kind}-{secrets.token_hex(4)}"
            folder = self._folder / name
            durable.make_folder(folder / GIVEN, _PRIVATE)
            try:
                steps = prepare(folder)
                body = {
                    **{"kind": kind, "who": who, "begun": now.isoformat()},
                    **{"steps": [list(words) for words in steps], "about": dict(about)},
                }
                durable.put(folder / JOB_FILE, orjson.dumps(body))
                self._start(folder, self._environment(of_ledger=of_ledger))
            except BaseException:
                shutil.rmtree(folder)
                raise
        return Job.read(folder)

    def _check_room(self, kind: Kind) -> None:
        running = sum(1 for job in self._all() if job.state is State.RUNNING)
        if running >= limits.CONSOLE_JOBS_RUNNING_MAX:
            raise Overloaded(
                f"{running} jobs are running, and no more may at once; wait for one of them to "
                "end, or stop one"
            )
        if (kept := len(self._names(kind))) >= limits.CONSOLE_JOBS_KEPT_MAX:
            raise Precondition(f"{kept} of these are kept, and no more may be; delete one first")

    def _start(self, folder: Path, environment: Mapping[str, str]) -> None:
        with (folder / _LOCK).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            words = [sys.executable, "-m", working.__name__, str(folder.resolve())]
            process = subprocess.Popen(  # noqa: S603 - no shell, and nothing that somebody wrote
                [*words, str(lock.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(lock.fileno(),),
                env=environment,
                start_new_session=True,
            )
        # Whoever begins a process has to take note of its end, or it stays in the list of all.
        threading.Thread(target=process.wait, daemon=True).start()

    def _environment(self, *, of_ledger: bool) -> dict[str, str]:
        """Return what the commands find around them; a ledger's password stands in no list."""
        around = {name: value for name, value in os.environ.items() if name != _LEDGER}
        return around | ({_LEDGER: str(self._place.ledger)} if of_ledger else {})

    def _clear(self) -> None:
        """Remove what a console that died left of a job that it had not begun, or half deleted."""
        for each in self._folder.iterdir():
            if (each.is_dir() and not (each / JOB_FILE).exists()) or each.name.endswith(_GONE):
                shutil.rmtree(each)

    def get(self, name: str, kind: Kind) -> Job:
        """Return a job of a kind.

        Raises:
            NotFound: There is none of this name and kind.
        """
        found = _NAME.fullmatch(name)
        if found is None or found[1] != kind:
            raise NotFound(f"no job {name[: limits.VALUE_CHARS_SHOWN_MAX]!r} of this kind")
        return Job.read(self._folder / name)

    def listed(self, kind: Kind, before: str | None = None) -> list[Job]:
        """Return jobs of a kind, newest first: as many as a page shows, and one more.

        Args:
            kind: Their kind.
            before: The name of the one before the first.
        """
        names = [name for name in self._names(kind) if before is None or name < before]
        return list(self._read(names[: limits.CONSOLE_ROWS_SHOWN + 1]))

    def stop(self, job: Job, who: str) -> None:
        """Ask a job to end.

        Raises:
            Precondition: It has ended, or has not quite begun.
        """
        try:
            group = int((job.folder / PROCESS_FILE).read_bytes())
        except FileNotFoundError as error:
            raise Precondition("the job is only beginning; try again in a moment") from error
        body = {"who": who, "when": self._clock().isoformat()}
        # The number is that of the group for as long as one of it lives, and the lock says so.
        if job.state is not State.RUNNING:
            raise Precondition("the job has ended already; nothing was stopped")
        durable.put(job.folder / _STOPPED, orjson.dumps(body))
        os.killpg(group, signal.SIGTERM)

    def delete(self, job: Job) -> None:
        """Delete a job with all that it made.

        Raises:
            Precondition: It runs.
        """
        if job.state is State.RUNNING:
            raise Precondition("the job is running; stop it first, and delete it then")
        gone = job.folder.with_name(job.name + _GONE)
        with _exclusively(self._folder / _LOCK):
            job.folder.rename(gone)
            shutil.rmtree(gone)

    def _names(self, kind: Kind) -> list[str]:
        """Return the names of the jobs of a kind, newest first."""
        if not self._folder.is_dir():
            return []
        found = ((_NAME.fullmatch(each.name), each) for each in self._folder.iterdir())
        return sorted(
            (each.name for match, each in found if match and match[1] == kind), reverse=True
        )

    def _all(self) -> Iterator[Job]:
        for kind in Kind:
            yield from self._read(self._names(kind))

    def _read(self, names: Sequence[str]) -> Iterator[Job]:
        for name in names:
            # One that is being made or deleted at this moment is none.
            with suppress(NotFound):
                yield Job.read(self._folder / name)


def _json(path: Path) -> dict[str, Any]:
    """Return the JSON object of a small file; an empty one where there is none."""
    try:
        with path.open("rb") as file:
            found = orjson.loads(file.read(limits.TOLD_BYTES_MAX))
    except (FileNotFoundError, orjson.JSONDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_held(lock: Path) -> bool:
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextmanager
def _exclusively(path: Path) -> Iterator[IO[bytes]]:
    """Let one request at a time begin something, of however many consoles."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
