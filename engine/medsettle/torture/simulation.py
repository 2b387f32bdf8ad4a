"""One seeded run of a whole deployment: tills, a network, a server that dies, a store that fails.

First a phase in which the faults of the seed's swarm happen, then one in which nothing fails any
more and every till must get its final answer. Afterwards the ledger, its counters and the audit
tables are held to everything that was acknowledged.
"""

import asyncio
import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final, TypeAlias

from medsettle.audit import Projector
from medsettle.policy.rule_book import RuleBook
from medsettle.torture.acknowledged import Acknowledged
from medsettle.torture.audit_check import audit_faults
from medsettle.torture.checking import books_faults, entries_of, faults_of
from medsettle.torture.clockwork import SimulatedLoop, Stalled, simulated_loop
from medsettle.torture.contention import Contention
from medsettle.torture.faults import Faults, FaultyLedger, Killed, Swarm, drawn_swarm
from medsettle.torture.network import Network
from medsettle.torture.parts import REAL, Parts
from medsettle.torture.process import Process, Reply
from medsettle.torture.requests import Answer, Request, replayed
from medsettle.torture.till import Till
from medsettle.torture.workload import Workload

_START: Final = datetime(2024, 6, 1, tzinfo=UTC)
_DOWN_SECONDS: Final = (0.1, 1.0, 4.0)
_WATCH_SECONDS: Final = 0.5
_PHASE_SECONDS_MAX: Final = 3_600.0
# Parquet files cost more than everything else of a run, so only some runs have audit tables.
_AUDITED: Final = 0.1
_CONTENDED: Final = 0.2

Event: TypeAlias = tuple[float, str, tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one seed; `violations` is empty when every promise was kept.

    `trace` has what happened, each with its moment in seconds of the simulated clock, or in turns
    of the processes where there were several; those meet no faults and have no `swarm`.
    """

    seed: int
    swarm: Swarm | None
    violations: tuple[str, ...]
    trace: tuple[str, ...]
    asked: int
    acknowledged: int
    recorded: int
    deaths: int
    audited: bool

    def without_trace(self) -> "Outcome":
        """Return the outcome without what happened."""
        return replace(self, trace=())


def simulate(seed: int, book: RuleBook, parts: Parts = REAL) -> Outcome:
    """Run one seed and return what became of it; the same seed gives the same run everywhere.

    Args:
        seed: Decides everything.
        book: Rules that have the area of `workload.AREA`.
        parts: What the deployment is made of.
    """
    rng = Random(seed)
    if rng.random() < _CONTENDED:
        return _contended(seed, Contention(book, parts, rng))
    with tempfile.TemporaryDirectory(prefix="medsettle-torture-", dir=_memory_folder()) as folder:
        run = _Run(seed, book, parts, Path(folder), rng)
        with _unlogged(), simulated_loop(run.on_exception) as loop:
            run.go(loop)
        return run.outcome()


@contextmanager
def _unlogged() -> Iterator[None]:
    """Log nothing meanwhile: what a service says of a failing disk is meant to happen here."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _memory_folder() -> str | None:
    """Return a folder in memory where the system has one: what is synced there costs nothing."""
    shared = Path("/dev/shm")  # noqa: S108 - below it a folder of our own is made
    return str(shared) if shared.is_dir() else None


def _contended(seed: int, contention: Contention) -> Outcome:
    """Run several processes on one store instead of one whose store fails."""
    contention.go()
    return _outcome(seed, contention.known, contention.events, recorded=contention.recorded)


def _outcome(
    seed: int,
    known: Acknowledged,
    events: Sequence[Event],
    *,
    recorded: int,
    swarm: Swarm | None = None,
    deaths: int = 0,
    audited: bool = False,
) -> Outcome:
    return Outcome(
        seed=seed,
        swarm=swarm,
        violations=tuple(known.violations),
        trace=tuple(f"{at:9.2f}  {what.format(*values)}" for at, what, values in events),
        asked=sum(map(len, known.sent.values())),
        acknowledged=len(known.done),
        recorded=recorded,
        deaths=deaths,
        audited=audited,
    )


@dataclass
class _Run:
    seed: int
    book: RuleBook
    parts: Parts
    folder: Path
    rng: Random
    known: Acknowledged = field(default_factory=Acknowledged)
    events: list[Event] = field(default_factory=list)
    deaths: int = 0

    def __post_init__(self) -> None:
        self.swarm = drawn_swarm(self.rng)
        self.faults = Faults(self.swarm, self.rng)
        self.audited = self.rng.random() < _AUDITED
        self.workload = Workload(self.rng, messages=True)
        self.open_store = self.parts.store(self.folder)
        self.process: Process | None = None
        self.skew = timedelta()
        self.recorded = 0

    # --- the run ---------------------------------------------------------------------------

    def go(self, loop: SimulatedLoop) -> None:
        """Run both phases and check what is left."""
        self.loop = loop
        self.network = Network(loop, self.faults, self.rng)
        self._begin()
        try:
            loop.run_until_complete(self._phases())
        except Stalled as stalled:
            self._violation(f"no progress: {stalled}")
        self._check()

    def outcome(self) -> Outcome:
        """Return what became of the run."""
        return _outcome(
            self.seed,
            self.known,
            self.events,
            swarm=self.swarm,
            recorded=self.recorded,
            deaths=self.deaths,
            audited=self.audited,
        )

    def _begin(self) -> None:
        """Record what is there before anybody comes, by an engine without faults."""
        ledger = self.open_store()
        engine = self.parts.engine(self.book, ledger, self._now)
        for request in self.workload.beginning():
            self.known.sends(request, 0.0)
            self.known.told(request, replayed(engine, request), 0.0, 0.0)
        ledger.close()

    async def _phases(self) -> None:
        self._start()
        watch = asyncio.get_running_loop().create_task(self._watch())
        tills = [Till(self, self.workload, self.rng) for _ in range(self.rng.randint(2, 5))]
        operations = self.rng.randint(20, 55)
        work = [till.work(operations // len(tills)) for till in tills]
        await self._within(asyncio.gather(*work), "the faults did not let the tills come to an end")
        self.faults.heal()
        self._note("healed")
        left = await self._within(asyncio.gather(*(till.finish() for till in tills)), "not healed")
        for request in (each for of_till in left or () for each in of_till):
            self._violation(f"{request} has no final answer although nothing fails any more")
        watch.cancel()
        if self.process is not None:
            self.process.die()

    async def _within(self, work: "asyncio.Future[Any]", what: str) -> Any:  # noqa: ANN401
        try:
            return await asyncio.wait_for(work, _PHASE_SECONDS_MAX)
        except TimeoutError:
            self._violation(f"{what} within {_PHASE_SECONDS_MAX:.0f} simulated seconds")
            return None

    def _check(self) -> None:
        ledger = self.open_store()
        entries = entries_of(ledger)
        self.recorded = len(entries)
        for fault in faults_of(self.book, ledger, entries, self.known):
            self._violation(fault)
        if self.audited:
            with self.parts.projector(ledger, self._audit) as projector:
                while projector.run_once():
                    pass
            for fault in audit_faults(self._audit, ledger, entries):
                self._violation(fault)
            for fault in books_faults(ledger, self._audit):
                self._violation(fault)
        ledger.close()

    # --- the server and whoever restarts it ------------------------------------------------

    def _start(self) -> None:
        if self.faults.strikes("clock_jump"):
            self.skew += timedelta(seconds=self.rng.choice((-3_000, -5, 7, 86_400)))
        ledger = FaultyLedger(self.open_store(), self.faults, self._die, self.loop.spend)
        projector = self._projector(ledger) if self.audited else None
        self.process = Process(
            ledger,
            lambda opened, clock: self.parts.engine(self.book, opened, clock),
            self._now,
            projector,
            self._violation,
        )
        self._note("a server is up")

    def _projector(self, ledger: FaultyLedger) -> Projector:
        return self.parts.projector(ledger.inner, self._audit)

    @property
    def _audit(self) -> Path:
        return self.folder / "audit"

    async def _watch(self) -> None:
        """Kill the server now and then, and put up another where it died or its store failed."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            if self.process is not None and self.process.ledger.failed:
                self._kill("stopped, because its store failed")
            elif self.process is not None and self.faults.strikes("death_between_calls"):
                self._kill("killed between two calls")
            if self.process is None:
                await asyncio.sleep(self.rng.choice(_DOWN_SECONDS))
                self._start()

    def _kill(self, why: str) -> None:
        assert self.process is not None
        self._note("the server is {}", why)
        self.deaths += 1
        process, self.process = self.process, None
        process.die()

    def _die(self, where: str) -> None:
        self._kill(f"dead: {where}")
        raise Killed(where)

    def _now(self) -> datetime:
        return _START + timedelta(seconds=self.loop.time()) + self.skew

    # --- what passes between tills and server ----------------------------------------------

    def send(self, request: Request, reply: Callable[[Answer], None], patience: float) -> None:
        """Put a request on the network; answers that come back are given to `reply`."""
        self.known.sends(request, self.loop.time())
        self._note("sent      {}", request)
        sent = self.loop.time()
        deadline = sent + patience

        def arrive() -> None:
            if self.process is not None:
                self.process.receive(request, self._leaves(request, reply, sent), deadline)

        self.network.carry(arrive)

    def _leaves(self, request: Request, reply: Callable[[Answer], None], sent: float) -> Reply:
        def leave(answer: Answer) -> None:
            self._note("answered  {}: {}", request, answer.reason or "done")
            self.known.told(request, answer, self.loop.time(), sent)
            self.network.carry(lambda: reply(answer))

        return leave

    # --- the book of the run ---------------------------------------------------------------

    def on_exception(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Note what escaped a callback; a kill is meant to."""
        escaped = context.get("exception")
        if not isinstance(escaped, Killed):
            self._violation(f"{context['message']}: {escaped!r}")

    def _violation(self, what: str) -> None:
        self._note("VIOLATION {}", what)
        self.known.violations.append(what)

    def _note(self, what: str, *values: object) -> None:
        self.events.append((self.loop.time(), what, values))
