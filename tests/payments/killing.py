"""Processes killed by SIGKILL at a chosen step: before any call that reaches the disk.

The child is forked, so that it starts with everything loaded, and opens its stores itself. A
profile function counts the calls of SQLite and of the file system that the code under test makes,
and kills the process at the one chosen; what it is about to acknowledge is a step too. Between two
steps nothing is durable, so these are all the moments there are. Nothing of what runs is replaced.
"""

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any, NoReturn

_FILE_CALLS = {"fsync", "open", "rename", "replace", "write"}

Acknowledge = Callable[[str], None]
Action = Callable[[Acknowledge], None]


@dataclass(frozen=True)
class Ended:
    """How a process ended: whether it was killed, and what it had acknowledged by then."""

    killed: bool
    acknowledged: tuple[str, ...]


PAYMENTS = ("medsettle/payments/", "medsettle/ledger/side_file")
"""The files in which a payment reaches the disk."""


def run_until(step: int | None, action: Action, within: tuple[str, ...] = PAYMENTS) -> Ended:
    """Run an action in a process of its own, killed at a step; None lets it finish.

    The action gets a function that acknowledges a text to whoever waits outside. Steps are calls
    from files whose path holds one of `within`.
    """
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Newer Pythons warn that threads of the test runner stay behind; the child uses none.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os.close(reading)
        _run(step, action, within, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        acknowledged = pipe.read().decode().splitlines()
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert killed or os.waitstatus_to_exitcode(status) == 0, f"the process failed: {status}"
    return Ended(killed, tuple(acknowledged))


def _run(step: int | None, action: Action, within: tuple[str, ...], pipe: int) -> NoReturn:
    seen = 0

    def pass_step() -> None:
        nonlocal seen
        if seen == step:
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1

    def count(frame: FrameType, event: str, called: Any) -> None:  # noqa: ANN401
        if event == "c_call" and _reaches_the_disk(called) and _from(frame, within):
            pass_step()

    def acknowledge(text: str) -> None:
        sys.setprofile(None)
        pass_step()
        os.write(pipe, f"{text}\n".encode())
        sys.setprofile(count)

    try:
        sys.setprofile(count)
        action(acknowledge)
        sys.setprofile(None)
    except BaseException:
        sys.setprofile(None)
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _reaches_the_disk(called: Any) -> bool:  # noqa: ANN401 - any function written in C
    if called.__module__ == "posix":
        return called.__name__ in _FILE_CALLS
    return type(called.__self__).__module__ == "apsw" and called.__name__.startswith("execute")


def _from(frame: FrameType, within: tuple[str, ...]) -> bool:
    """Whether a call comes from one of these files, or from the library that one called."""
    callers = [frame, frame.f_back] if frame.f_back is not None else [frame]
    return any(part in each.f_code.co_filename for each in callers for part in within)
