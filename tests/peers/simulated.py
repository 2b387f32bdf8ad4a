"""Two areas and a hub in one process, by a clock that jumps and a network that loses and repeats.

Everything runs on one event loop whose time is that of the simulation: a pause takes none of ours.
What the engines do is real, down to ledgers and lists of open cases; pretended is what carries
their messages, and what a death takes with it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from medsettle import errors, limits
from medsettle.client.claims import claim_message
from medsettle.core.dates import microseconds
from medsettle.engine import Engine
from medsettle.errors.reasons import rebuilt
from medsettle.ledger.entries import Recorded
from medsettle.peers.care_desk import CareDesk
from medsettle.peers.config import Neighbour, PeerConfig, Role
from medsettle.peers.delivered import DELIVER, LocalPeer
from medsettle.peers.deliveries import Deliveries
from medsettle.peers.handler import Caller
from medsettle.peers.home_desk import HomeDesk
from medsettle.peers.links import Links
from medsettle.peers.open_cases import OpenCases
from medsettle.peers.unknowns import Unknowns
from medsettle.policy.book import load_rule_book
from medsettle.policy.rule_book import RuleBook
from medsettle.service.desk import Desk
from medsettle.torture.provinces_books import Book, book_faults
from medsettle.torture.provinces_servers import HUB, NAMES
from medsettle.torture.provinces_workload import AREAS, area_of
from medsettle.torture.requests import Answer, Request, served

from tests.peers.provinces import PROVINCES
from tests.peers.simulated_loop import Fate, SimulatedLoop, begun, later, turns

Told = TypeVar("Told")

_BEGINNING = datetime(2026, 12, 1, tzinfo=UTC)
_CALL_SECONDS = 4.0
_TURNS = 4 * limits.QUIET_TURNS + 20
_RESOLVE_SECONDS = 0.5
_CLOSED_SECONDS_MAX = 600


class Carriers:
    """The links of one engine, as its desks ask them."""

    def __init__(self, network: "Provinces", name: str) -> None:
        self._network, self._name = network, name

    def reaches(self, area: str) -> bool:
        """Return whether the area is another one's."""
        return area in AREAS and area != self._name

    def refuse_left_alone(self, to_area: str) -> None:
        """Do nothing: nobody is left alone here."""

    async def call(
        self, method: str, to_area: str, body: bytes, *, seconds: float, hops: int = 0
    ) -> bytes:
        """Return what the engine of an area answers, through the hub."""
        to = to_area if self._name == HUB else HUB
        caller = Caller(self._name, to_area, hops, seconds - limits.PEER_MARGIN_SECONDS)
        return await self._network.carried(to, method, body, caller, seconds)


@dataclass
class Node:
    """One engine in one of its lives."""

    name: str
    engine: Engine
    desk: Desk
    config: PeerConfig
    cases: OpenCases
    links: Carriers
    care: CareDesk
    home: HomeDesk
    local: LocalPeer
    deliveries: Deliveries
    unknowns: Unknowns
    tasks: set["asyncio.Task[Any]"] = field(default_factory=set)

    def begin(self, work: Coroutine[Any, Any, Told]) -> "asyncio.Task[Told]":
        """Begin something that ends with this life, as does all that it begins."""
        return begun(work, self.tasks)

    def end(self) -> None:
        """End this life at once."""
        for task in list(self.tasks):
            task.cancel()

    async def resolve(self) -> None:
        """Open what the last life left, and try whatever is due, as `Station` does."""
        while True:
            await later(_RESOLVE_SECONDS)
            await self.home.open_new()
            areas = self.cases.due_areas()
            await asyncio.gather(*map(self._with, areas))

    async def _with(self, area: str) -> None:
        await asyncio.gather(self.unknowns.resolve(area), self.deliveries.hand_over(area))

    async def answer(self, method: str, body: bytes, caller: Caller) -> bytes:
        """Return what another engine is answered."""
        if self.name == HUB and method != DELIVER:
            return await self.links.call(
                method, caller.to_area, body, seconds=caller.seconds, hops=caller.hops + 1
            )
        return await self.local.answer(method, body, caller)

    async def told(self, request: Request) -> Answer:
        """Return what a till is answered, by the desk that the services would ask."""
        deadline = asyncio.get_running_loop().time() + _CALL_SECONDS
        try:
            found: Any = await self._elsewhere(request, deadline)
            if found is None and request.kind != "find":
                self.desk.refuse_open(*request.key)
        except errors.SettlementError as error:
            return Answer(error.reason, error.message)
        if found is not None:
            return Answer("", told=found)
        return await served(self.desk, self.engine, request, None)

    async def _elsewhere(self, request: Request, deadline: float) -> object:
        content, kind = request.content, request.kind
        if kind in {"settle", "visit"}:
            assert isinstance(content, dict)
            claim = claim_message(content)
            if self.desk.elsewhere(claim) is None:
                return None
            settle = self.care.settle if kind == "settle" else self.care.settle_visit
            return await settle(claim, deadline)
        if kind == "reverse":
            return await self.care.reverse(
                request.institution, str(content), request.request_id, deadline
            )
        if kind in {"cancel", "visit_cancel"}:
            copy = self.care.copy_of(str(content), request.institution)
            wanted = "settle" if kind == "cancel" else "visit"
            if copy is not None and copy.kind == wanted:
                return await self.care.cancel(copy, *request.key, deadline)
        return None


@cache
def book_of(name: str) -> RuleBook:
    """Return the rules of one area; a hub has none."""
    if name == HUB:
        return RuleBook({}, {}, ())
    return load_rule_book(PROVINCES / {AREAS[0]: "rules-a", AREAS[1]: "rules-b"}[name])


@dataclass
class Provinces:
    """Two areas and a hub, through their lives.

    `ledgers` makes a handle on the ledger of an engine for each of its lives; `fates` has what
    becomes of the next messages, all beyond them arrive.
    """

    folder: Path
    ledgers: Callable[[str], Any]
    loop: SimulatedLoop = field(default_factory=SimulatedLoop)
    fates: deque[Fate] = field(default_factory=deque)
    nodes: dict[str, Node] = field(default_factory=dict)

    def now(self) -> datetime:
        """Return the present moment."""
        return _BEGINNING + timedelta(seconds=self.loop.time())

    # --- lives -----------------------------------------------------------------------------

    def start(self, name: str) -> None:
        """Begin a life of an engine, on what the last one left."""
        self.run(self._started(name))

    async def _started(self, name: str) -> None:
        engine = Engine(book_of(name), self.ledgers(name), self.now)
        desk = Desk(engine, page_key=b"k" * 32, on_commit=_nothing, on_shut=_shut)
        config = _config(name)
        cases = OpenCases(
            self.folder / f"{name}.db", lambda: microseconds(self.now()), Random(name).uniform
        )
        links = Carriers(self, name)
        pretended: Links = links  # type: ignore[assignment]
        care = CareDesk(engine, desk, config, pretended, cases)
        home = HomeDesk(engine, desk, config, cases)
        node = Node(
            name,
            engine,
            desk,
            config,
            cases,
            links,
            care,
            home,
            LocalPeer(config, desk, home, care, pretended),
            Deliveries(care.elsewhere, home, pretended, cases),
            Unknowns(engine, desk, care, pretended, cases),
        )
        if name != HUB:
            desk.away = care
        self.nodes[name] = node
        node.begin(node.resolve())

    def die(self, name: str, *, forgets: bool = False) -> None:
        """End an engine in the middle of what it does, and begin its next life.

        Args:
            name: The engine.
            forgets: Whether its list of open cases is lost.
        """
        self.nodes[name].end()
        self.spin()
        self.nodes[name].cases.close()
        if forgets:
            for path in self.folder.glob(f"{name}.db*"):
                path.unlink()
        self.start(name)

    def close(self) -> None:
        """End all."""
        for node in self.nodes.values():
            node.end()
        self.spin()
        for node in self.nodes.values():
            node.cases.close()
        self.loop.close()

    # --- time ------------------------------------------------------------------------------

    def run(self, work: Coroutine[Any, Any, Told]) -> Told:
        """Return what a coroutine returns; time passes as it needs."""
        return self.loop.run_until_complete(work)

    def spin(self) -> None:
        """Let happen what can without time passing."""
        self.run(turns(_TURNS))

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.run(later(seconds))

    def ask(self, request: Request) -> "asyncio.Task[Answer]":
        """Ask as a till at the area of a request; nothing happens before time or turns pass."""

        async def beginning() -> "asyncio.Task[Answer]":
            node = self.nodes[area_of(request)]
            return node.begin(node.told(request))

        return self.run(beginning())

    def asked(self, request: Request) -> Answer:
        """Return what a till is answered that waits for it."""
        task = self.ask(request)

        async def answer() -> Answer:
            return await task

        return self.run(answer())

    # --- messages --------------------------------------------------------------------------

    async def carried(
        self, to: str, method: str, body: bytes, caller: Caller, seconds: float
    ) -> bytes:
        """Return what an engine answers to another, if its message and the answer arrive."""
        fate = self.fates.popleft() if self.fates else Fate()
        if fate.refused or seconds <= 0:
            raise errors.PeerUnreachable("it was not sent", area=caller.to_area)
        answer: asyncio.Future[bytes] = self.loop.create_future()
        if fate.there is not None:
            arrive = self._arriving(to, method, body, caller, fate.back, answer)
            self.loop.call_later(fate.there, arrive)
            if fate.again is not None:
                again = self._arriving(to, method, body, caller, None, answer)
                self.loop.call_later(fate.there + fate.again, again)
        try:
            return await asyncio.wait_for(answer, seconds)
        except TimeoutError:
            raise errors.OutcomeUnknown("no answer in time", area=caller.to_area) from None

    def _arriving(
        self,
        to: str,
        method: str,
        body: bytes,
        caller: Caller,
        back: float | None,
        answer: "asyncio.Future[bytes]",
    ) -> Callable[[], None]:
        async def handled(node: Node) -> None:
            found: bytes | errors.SettlementError
            try:
                found = await node.answer(method, body, caller)
            except errors.SettlementError as error:
                found = _as_sent(error)
            if back is not None:
                self.loop.call_later(back, _given, answer, found)

        def arrive() -> None:
            node = self.nodes[to]
            node.begin(handled(node))

        return arrive

    # --- what came of it -------------------------------------------------------------------

    def open_cases(self) -> list[object]:
        """Return what is open anywhere."""
        return [
            (node.name, case)
            for node in self.nodes.values()
            for case in (*node.cases.unknowns(), *node.cases.deliveries())
        ]

    def heal(self) -> None:
        """Let every message arrive from now on, and wait until nothing is open or on its way."""
        self.fates.clear()
        # What is on its way comes as late as it does.
        self.wait(70)
        end = self.loop.time() + _CLOSED_SECONDS_MAX
        while self.open_cases() and self.loop.time() < end:
            self.wait(10)

    def entries(self, name: str) -> list[Recorded]:
        """Return the ledger of an engine."""
        found: list[Recorded] = []
        ledger = self.nodes[name].engine.ledger
        while page := ledger.page(after_seq=len(found), limit=limits.PAGE_SIZE_MAX):
            found += page
        return found

    def books(self) -> tuple[Mapping[str, Book], Book]:
        """Return the books of the areas, and that of the hub."""
        areas = {area: Book.of(self.entries(area)) for area in AREAS}
        return areas, Book.of(self.entries(HUB))

    def faults(self) -> list[str]:
        """Return where the three books differ."""
        return [*book_faults(*self.books())]


@contextmanager
def provinces(folder: Path, ledgers: Callable[[str], Any]) -> Iterator[Provinces]:
    """Yield two areas and a hub in a folder."""
    world = Provinces(folder, ledgers)
    try:
        for name in NAMES:
            world.start(name)
        yield world
    finally:
        world.close()


def _config(name: str) -> PeerConfig:
    if name == HUB:
        neighbours = tuple(Neighbour(area, Role.AREAS, "nowhere:1", (area,)) for area in AREAS)
        return PeerConfig(HUB, Role.HUB, (), neighbours, None)
    return PeerConfig(
        name, Role.AREAS, (name,), (Neighbour(HUB, Role.HUB, "nowhere:1", ("*",)),), None
    )


def _as_sent(error: errors.SettlementError) -> errors.SettlementError:
    """Return an error as it arrives: after some of them nobody knows what was recorded."""
    if isinstance(error, errors.InternalError | errors.LedgerFailed):
        return errors.OutcomeUnknown(error.message)
    if isinstance(error, errors.InvalidRequest):
        return type(error)(error.faults)
    return rebuilt(error.reason, error.message, error.metadata)


def _given(answer: "asyncio.Future[bytes]", found: bytes | errors.SettlementError) -> None:
    if answer.done():
        return
    if isinstance(found, errors.SettlementError):
        answer.set_exception(found)
    else:
        answer.set_result(found)


def _nothing() -> None:
    """Do nothing: nobody waits for it here."""


def _shut(error: errors.SettlementError) -> None:
    raise AssertionError(f"writes stop: {error}")
