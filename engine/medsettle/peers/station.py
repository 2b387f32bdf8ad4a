"""An engine among others: everything that is served and done between areas, put together."""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import apsw
import grpc

from medsettle import errors, limits
from medsettle.core.dates import microseconds
from medsettle.engine import Engine
from medsettle.logs import events as logged
from medsettle.logs import say
from medsettle.logs.telling import reason_of
from medsettle.peers.breaker import State
from medsettle.peers.care_desk import CareDesk
from medsettle.peers.case_counts import open_with
from medsettle.peers.config import PeerConfig, Role
from medsettle.peers.delivered import DELIVER, LocalPeer
from medsettle.peers.deliveries import Deliveries
from medsettle.peers.greeting import CAPABILITIES, Greeting
from medsettle.peers.handler import PeerHandler
from medsettle.peers.home_desk import HomeDesk
from medsettle.peers.links import Links
from medsettle.peers.open_cases import FILE_NAME, OpenCases
from medsettle.peers.unknowns import Unknowns
from medsettle.policy.rule_book import DIGEST_CHARS, RuleBook
from medsettle.service.desk import Desk

_STATES = (State.CLOSED, State.HALF_OPEN, State.OPEN)


class Station:
    """What an engine is to other engines. Make it on the running event loop, with its desk.

    `handlers` are served beside the services of the desk; `begin` starts what is done without
    being asked, and `stop` ends it.
    """

    def __init__(self, engine: Engine, desk: Desk, config: PeerConfig, data: Path) -> None:
        """Open the list of open cases in the data folder, and the links to peers.

        Raises:
            LedgerUnavailable: The list cannot be opened.
        """
        self._data, self._now = data, engine.now
        self._due = asyncio.Event()
        self.cases = OpenCases(
            data / FILE_NAME, lambda: microseconds(engine.now()), opened=self._due.set
        )
        greeting = Greeting(
            version("medsettle"),
            tuple(dict.fromkeys(CAPABILITIES.values())),
            lambda: rule_digests(engine.rulebook, config.areas),
        )
        self.links = Links(config, greeting)
        self.care = CareDesk(engine, desk, config, self.links, self.cases)
        self._home = HomeDesk(engine, desk, config, self.cases, self._due.set)
        self._deliveries = Deliveries(self.care.elsewhere, self._home, self.links, self.cases)
        self._unknowns = Unknowns(engine, desk, self.care, self.links, self.cases)
        local = LocalPeer(config, desk, self._home, self.care, self.links)
        kept = (DELIVER,) if config.role is Role.HUB else ()
        self.handlers: Sequence[grpc.ServiceRpcHandler] = (
            PeerHandler(config, self.links, local, greeting, desk, local_methods=kept),
        )
        self._task: asyncio.Task[None] | None = None
        self._busy: dict[str, asyncio.Task[None]] = {}
        desk.keeps_copies_only = config.role is Role.HUB
        if config.role is Role.AREAS:
            desk.away = self.care

    def peer_states(self) -> dict[str, int]:
        """Return whether calls to each neighbour go now: 0 they do, 1 one is tried, 2 none does."""
        return {name: _STATES.index(state) for name, state in self.links.states().items()}

    def open_counts(self) -> dict[str, int]:
        """Return how many cases are open with each area. Safe to ask from another thread."""
        counts: dict[str, int] = {}
        # What cannot be read at this moment is not told, as a number that is not known.
        with contextlib.suppress(errors.LedgerUnavailable):
            for each in open_with(self._data, self._now()):
                counts[each.area] = counts.get(each.area, 0) + each.cases
        return counts

    def begin(self) -> None:
        """Begin to open what the last process left, and to resolve whatever is open."""
        self._task = asyncio.ensure_future(self._resolve())

    async def stop(self) -> None:
        """Begin nothing more, and let go of links and list."""
        tasks = [*self._busy.values(), *([] if self._task is None else [self._task])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.links.close()
        self.cases.close()

    async def _resolve(self) -> None:
        """Try whatever is due, until cancelled; an area that does not answer keeps no other."""
        while True:
            # What is recorded from here on is looked at in the next turn.
            self._due.clear()
            try:
                await self._home.open_new()
                for area in self.cases.due_areas():
                    if area not in self._busy:
                        self._busy[area] = asyncio.ensure_future(self._with(area))
                if self.cases.log_is_long:
                    await asyncio.to_thread(self.cases.move_log)
                await self._next_due()
            except (errors.SettlementError, apsw.Error) as error:
                # A ledger that is away, or a list that another program holds: both come back.
                say(logged.CASES_UNREADABLE, reason=reason_of(error))
                await asyncio.sleep(limits.CASE_SECONDS_FIRST)

    async def _with(self, area: str) -> None:
        """Try what is due with one area."""
        try:
            await asyncio.gather(self._unknowns.resolve(area), self._deliveries.hand_over(area))
        except (errors.SettlementError, apsw.Error) as error:
            say(logged.CASES_WAIT, area=area, reason=reason_of(error))
            await asyncio.sleep(limits.CASE_SECONDS_FIRST)
        except Exception as bug:
            # Cases stay open, and a bug in one of them must not keep others from being tried.
            say(logged.CASES_BUG, bug, area=area)
            await asyncio.sleep(limits.CASE_SECONDS_MAX)
        finally:
            del self._busy[area]
            self._due.set()

    async def _next_due(self) -> None:
        """Wait until something is due, or something was recorded that may have to be opened.

        Most settlements open a case, so what comes within a moment is handed over together: a hub
        syncs once for all of it.
        """
        pause = self.cases.seconds_to_next()
        wait = limits.CASE_SECONDS_MAX if pause is None else pause
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._due.wait(), wait)
        await asyncio.sleep(limits.CASE_SECONDS_FIRST / 2)


def rule_digests(book: RuleBook, areas: Iterable[str]) -> dict[str, str]:
    """Return a digest of all policies and the catalogue of each area, by area."""
    found = {}
    for area in areas:
        policies = sorted(each.digest for each in book.policies if each.policy.pooling_area == area)
        catalogue = book.catalogues.get(area)
        every = [*policies, catalogue.digest if catalogue is not None else ""]
        found[area] = sha256("\n".join(every).encode()).hexdigest()[:DIGEST_CHARS]
    return found
