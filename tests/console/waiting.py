"""Waiting for the processes of a job, by what the system knows of them."""

import fcntl
import time
from collections.abc import Callable
from threading import Event

from medsettle.console.jobs import Job, State

_SECONDS_MAX = 120
# A job gives way to everything else on the machine, of which there is much while all tests run.
JOB_MILLISECONDS_MAX = 900_000


def ended(job: Job) -> State:
    """Wait until no process of a job lives any more, and return what became of it."""
    with (job.folder / "lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
    return job.state


def until(condition: Callable[[], object]) -> None:
    """Wait until something holds that another process brings about."""
    end, pause = time.monotonic() + _SECONDS_MAX, Event()
    while not condition():
        assert time.monotonic() < end, "it never came about"
        pause.wait(0.02)
