"""Which faults a run meets, and a ledger that meets them.

Each seed draws which kinds of fault are on and how likely each is (swarm testing): a run in which
everything fails at once finds less than many in which two things do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from random import Random
from typing import Any, Final, cast

from medsettle.errors import LedgerFailed, LedgerUnavailable
from medsettle.ledger.entries import Entry, Ledger

_LIKELIHOODS: Final = (0.02, 0.05, 0.1, 0.2)


class Killed(BaseException):
    """The simulated process died here. No `except Exception` may catch it, as none catches kill."""


@dataclass(frozen=True, slots=True)
class Swarm:
    """How likely each fault is, from 0 to 1, each time that it could happen.

    Of the network: a message is lost, repeated, or late. Of a commit: the process dies before it,
    or after it and before the answer; the store fails before it, or after it without saying so;
    it is slow. A read fails. The process dies between two calls. The process dies while it
    projects: with segment files that no manifest line names, or with half a line. The clock of the
    machine jumps at a restart.
    """

    loss: float = 0.0
    repetition: float = 0.0
    lateness: float = 0.0
    death_before_commit: float = 0.0
    death_after_commit: float = 0.0
    failure_before_commit: float = 0.0
    failure_after_commit: float = 0.0
    slow_commit: float = 0.0
    failed_read: float = 0.0
    death_between_calls: float = 0.0
    death_between_segment_and_manifest: float = 0.0
    death_within_manifest_line: float = 0.0
    clock_jump: float = 0.0


def drawn_swarm(rng: Random) -> Swarm:
    """Return the faults of one run: each kind is on in every second run."""
    return Swarm(
        **{
            each.name: rng.choice(_LIKELIHOODS) if rng.random() < 0.5 else 0.0
            for each in fields(Swarm)
        }
    )


class Faults:
    """Draws faults while they are on; `heal` ends them all."""

    def __init__(self, swarm: Swarm, rng: Random) -> None:
        self._swarm = swarm
        self._rng = rng
        self._on = True

    def heal(self) -> None:
        """Let nothing fail from now on."""
        self._on = False

    def strikes(self, name: str) -> bool:
        """Return whether the fault of this name happens now."""
        likelihood = getattr(self._swarm, name)
        return self._on and likelihood > 0 and self._rng.random() < likelihood


@dataclass(slots=True)
class FaultyLedger:
    """A ledger that meets faults, as the handle of one process.

    `die` ends the process and raises `Killed`; `spend` lets seconds pass. After a failed commit the
    handle takes no more entries until the store is opened again, as the durable stores do.
    """

    inner: Ledger
    faults: Faults
    die: Callable[[str], None]
    spend: Callable[[float], None]
    dead: bool = False
    failed: bool = False

    def as_ledger(self) -> Ledger:
        """Return this as what it stands for: every reading method is passed on by name."""
        return cast("Ledger", self)

    def append(self, entries: Sequence[Entry], create_time_us: int) -> int:
        """Record all entries as the inner ledger does, unless a fault comes before or after."""
        self._check_alive()
        if self.failed:
            raise LedgerFailed("the store failed before and takes no more entries")
        if self.faults.strikes("death_before_commit"):
            self.die("before a commit")
        if self.faults.strikes("failure_before_commit"):
            self.failed = True
            raise LedgerFailed("the disk failed before the commit")
        if self.faults.strikes("slow_commit"):
            self.spend(5.0)
        first = self.inner.append(entries, create_time_us)
        if self.faults.strikes("death_after_commit"):
            self.die("after a commit, before its answer")
        if self.faults.strikes("failure_after_commit"):
            self.failed = True
            raise LedgerFailed("the connection was lost during the commit")
        return first

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the inner ledger has
        self._check_alive()
        if self.faults.strikes("failed_read"):
            raise LedgerUnavailable("the store cannot be read just now")
        return getattr(self.inner, name)

    def close(self) -> None:
        """Let go of the store."""
        self.inner.close()

    def _check_alive(self) -> None:
        # A dead process runs no further; what is left of it in this one must not touch the store.
        if self.dead:
            raise Killed("the process is dead")
