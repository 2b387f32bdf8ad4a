"""Dying at a named step: a server process that kills itself where it would hurt most.

Only a process that `arm` is called in has these traps; the product has none. Each replaces a
function by one that does the same and, the n-th time, ends the process with SIGKILL at the step.
"""

import contextlib
import os
import signal
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final

from medsettle import limits
from medsettle.audit import projector
from medsettle.audit.manifest import MANIFEST_NAME, Manifest
from medsettle.ledger.sqlite import SqliteLedger

COMMIT_STEPS: Final = ("before-commit", "after-commit")
"""Before a batch is recorded, and after it is durable but before its answers."""

PROJECTION_STEPS: Final = (
    "before-segment", "between-files", "before-manifest", "within-manifest", "after-manifest",
)  # fmt: skip
"""Before the files of a segment; before the second of them has its name; with all files and no line
in the manifest; with half a line; with the whole line and nobody told."""

STEPS: Final = COMMIT_STEPS + PROJECTION_STEPS

_PROJECTION_SECONDS: Final = 0.1


def arm(step: str, count: int) -> None:
    """Let this process die at the step when it comes there for the `count`-th time.

    Args:
        step: One of `STEPS`, or empty for a process that dies when it is killed.
        count: From 1.
    """
    # Every life is to see several projections, and lives are short.
    setattr(limits, "AUDIT_DELAY_SECONDS", _PROJECTION_SECONDS)  # noqa: B010 - it is Final to others
    if not step:
        return
    trap = _Trap(count)
    match step:
        case "before-commit":
            for ledger in _ledgers():
                _before(ledger, "append", trap)
        case "after-commit":
            for ledger in _ledgers():
                _after(ledger, "append", trap)
        case "before-segment":
            _before(projector, "write_segment", trap)
        case "between-files":
            _before(Path, "replace", trap)
        case "before-manifest":
            _after(projector, "write_segment", trap)
        case "within-manifest":
            _before(Manifest, "append", trap, _write_half_a_line)
        case "after-manifest":
            _after(Manifest, "append", trap)
        case _:
            raise AssertionError(f"no step is called {step}")


def _ledgers() -> list[type]:
    found: list[type] = [SqliteLedger]
    with contextlib.suppress(ImportError):
        # Without its driver nobody can serve from PostgreSQL either.
        from medsettle.ledger.postgres import PostgresLedger  # noqa: PLC0415

        found.append(PostgresLedger)
    return found


class _Trap:
    """Counts, and kills this process when the count is full."""

    def __init__(self, count: int) -> None:
        self._left = count

    def spring(self, last_words: Callable[..., None] | None, *arguments: object) -> None:
        """Come by once more."""
        self._left -= 1
        if self._left == 0:
            if last_words is not None:
                last_words(*arguments)
            os.kill(os.getpid(), signal.SIGKILL)


def _before(
    owner: Any,  # noqa: ANN401 - a class or a module
    name: str,
    trap: _Trap,
    last_words: Callable[..., None] | None = None,
) -> None:
    inner = getattr(owner, name)

    @wraps(inner)
    def trapped(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - those of `inner`
        trap.spring(last_words, *arguments)
        return inner(*arguments, **named)

    setattr(owner, name, trapped)


def _after(owner: Any, name: str, trap: _Trap) -> None:  # noqa: ANN401 - a class or a module
    inner = getattr(owner, name)

    @wraps(inner)
    def trapped(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - those of `inner`
        result = inner(*arguments, **named)
        trap.spring(None)
        return result

    setattr(owner, name, trapped)


def _write_half_a_line(manifest: Manifest, *_: object) -> None:
    file = manifest._file
    assert Path(file.name).name == MANIFEST_NAME
    file.write(b'{"digest":"00')
    file.flush()
