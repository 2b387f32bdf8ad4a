"""Claims between areas: what two hops cost, and what a dead peer costs everybody else.

Every engine is a process with a ledger of its own. A claim that another area decides is synced in
two of them before it is answered, one after the other; beside it stands a claim of the same shape
that is asked at the place of insurance itself.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any, Final

from benchmarks.load.peers import (
    CARE_AREA,
    HOME_AREA,
    RULES_OF,
    direct,
    serving_peers,
    through_hub,
    wait_until_agreed,
)
from benchmarks.load.processes import Generator, Server, generating
from benchmarks.options import Options
from benchmarks.record import Measured
from benchmarks.sections import names as of
from benchmarks.sections.series import Series

_SERVER_CORE, _GENERATOR_CORE = 0, 1
_PATIENT: Final = ("--deadline", 120)
# What is recorded at home is handed over half a second later, which is part of what it costs.
_LONE_TIMES: Final = 3
# A hundredth of the calls of a turn are above its p99, and they have to be some.
_SCHEDULE_TIMES: Final = 10
# As long as a till waits that says nothing else.
_TILL_SECONDS: Final = 5
_WARM: Final = ("--in-flight", 4, "--seconds", 0.5)

# Of whom claims are, as the load generator is told: at home, and elsewhere.
_AT_HOME: Final = ("--area", HOME_AREA, "--rules", RULES_OF[HOME_AREA])
_AT_CARE: Final = ("--area", CARE_AREA, "--rules", RULES_OF[CARE_AREA])
_ELSEWHERE: Final = (*_AT_CARE, "--insured", HOME_AREA)


def measure(options: Options) -> list[Measured]:
    """Return latency, rate and CPU of claims between areas, then of others beside a dead peer."""
    series, folder = Series(), options.scratch / "provinces"
    rmtree(folder, ignore_errors=True)
    with ExitStack() as stack:
        core = _GENERATOR_CORE if options.pin else None
        local, elsewhere = (stack.enter_context(generating(core)) for _ in range(2))
        _two_hops(options, series, local, folder)
        dying = _Dying(options, series, local, elsewhere, folder)
        for number in range(options.rounds):
            for tool in _turned((of.NO_STREAM, of.LIVING, of.REFUSING, of.FROZEN), number):
                dying.turn(tool)
    rmtree(folder, ignore_errors=True)
    return series.measured()


def _turned(tools: Sequence[str], number: int) -> list[str]:
    first = number % len(tools)
    return [*tools[first:], *tools[:first]]


def _core(options: Options) -> int | None:
    return _SERVER_CORE if options.pin else None


# --- two hops ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Way:
    """How a claim is asked: of which server, with which claims, and who works on it."""

    address: str
    claims: tuple[object, ...]
    servers: tuple[Server, ...]
    home: Path

    def run(self, generator: Generator, *arguments: object) -> dict[str, Any]:
        """Drive it once, and return the figures when all that follows is done."""
        pids = [word for each in self.servers for word in ("--server-pid", each.pid)]
        found = generator.run(self.address, *self.claims, *_PATIENT, *pids, *arguments)
        wait_until_agreed(self.home)
        return found


def _two_hops(options: Options, series: Series, generator: Generator, folder: Path) -> None:
    with _ways(options, folder) as ways:
        for way in ways.values():
            way.run(generator, *_WARM)
        for number in range(options.rounds):
            for in_flight, times in ((1, _LONE_TIMES), (of.WIDE, 1)):
                for tool in _turned(tuple(ways), number):
                    size = ("--in-flight", in_flight, "--seconds", times * options.seconds)
                    found = ways[tool].run(generator, *size)
                    series.add_run(of.PROVINCES, tool, in_flight, found)


@contextmanager
def _ways(options: Options, folder: Path) -> Iterator[dict[str, _Way]]:
    core = _core(options)
    with (
        serving_peers(through_hub(), folder / "hub", core) as far,
        serving_peers(direct(), folder / "direct", core) as near,
    ):
        home = folder / "hub" / "home"
        yield {
            of.AT_HOME: _Way(far["home"].address, _AT_HOME, (far["home"],), home),
            of.DIRECT: _Way(
                near["care"].address, _ELSEWHERE, tuple(near.values()), folder / "direct" / "home"
            ),
            of.THROUGH_HUB: _Way(far["care"].address, _ELSEWHERE, tuple(far.values()), home),
        }


# --- a dead peer ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Dying:
    """Local settlements at a place of care while its peer is dead, a turn at a time.

    Each turn has servers of its own: what a dead peer leaves open is resolved a minute later, which
    would fall into the turn after it.
    """

    options: Options
    series: Series
    local: Generator
    elsewhere: Generator
    folder: Path

    def turn(self, tool: str) -> None:
        """Measure once."""
        own = self.folder / "dying"
        rmtree(own, ignore_errors=True)
        with serving_peers(direct(), own, _core(self.options)) as servers:
            care, home = servers["care"], servers["home"]
            if self.options.pin:
                # The peer is another machine's: what it spends is not to be the care server's wait.
                os.sched_setaffinity(home.pid, {_GENERATOR_CORE})
            # The peer has answered before: what dies is a connection that stands.
            for claims in (_AT_CARE, _ELSEWHERE):
                self.local.run(care.address, *claims, *_WARM, *_PATIENT)
            wait_until_agreed(own / "home")
            if tool == of.REFUSING:
                home.kill()
            elif tool == of.FROZEN:
                home.freeze()
            found = self._driven(care, streaming=tool != of.NO_STREAM, living=tool == of.LIVING)
            self.series.add_run(of.DEAD_PEER, tool, of.BESIDE_DEAD, found)
            for each in servers.values():
                each.kill()

    def _driven(self, care: Server, *, streaming: bool, living: bool) -> dict[str, Any]:
        seconds = _SCHEDULE_TIMES * self.options.seconds
        schedule = ("--rate", of.BESIDE_DEAD, "--random", "--seconds", seconds)
        own = (*_AT_CARE, *schedule, *_PATIENT, "--server-pid", care.pid)
        self.local.prepare(care.address, *own)
        if streaming:
            # It outlasts the local ones, whose last call comes when its schedule says.
            stream = ("--rate", of.FOR_DEAD, "--random", "--seconds", 1.5 * seconds)
            deadline = ("--deadline", _TILL_SECONDS)
            self.elsewhere.prepare(care.address, *_ELSEWHERE, *stream, *deadline)
            self.elsewhere.begin()
        self.local.begin()
        found = self.local.figures()
        if streaming:
            # Whoever waits for the dead is let go.
            care.kill()
            answered = self.elsewhere.figures()["calls"]
            if bool(answered) != living:
                raise RuntimeError(f"{answered} requests for the other area were answered")
        return found
