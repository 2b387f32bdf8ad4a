"""Serving an engine by gRPC, by the national interface or by both, with audit tables behind it."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

import orjson
from rich.console import Console

from medsettle import limits
from medsettle.cli.console_child import ConsoleChild
from medsettle.cli.desks import AUDIT_FOLDER, now
from medsettle.cli.exits import catching_up
from medsettle.cli.following import Follower
from medsettle.cli.identity_options import IdentityOptions, known_by
from medsettle.cli.local_desk import put_in_use
from medsettle.cli.observing import Observing
from medsettle.cli.pseudonym_keys import writing_pseudonyms
from medsettle.cli.reloading import Reload
from medsettle.cli.sealing_child import SealingChild, checking_words
from medsettle.cli.watching import Watching
from medsettle.configuration.reading import Effective
from medsettle.durable import make_folder
from medsettle.engine import Engine
from medsettle.errors import Fault, InvalidRequest, SettlementError
from medsettle.identity.access_log import FOLDER as ACCESS_FOLDER
from medsettle.identity.access_log import AccessLog
from medsettle.ledger.opening import LedgerPlace, is_shared, open_ledger, open_reader, shown
from medsettle.ledger.sqlite_file import Turn
from medsettle.logs import events as logged
from medsettle.logs import say
from medsettle.policy.rule_book import RuleBook
from medsettle.rule_cache import rule_book
from medsettle.service.desk import Desk
from medsettle.service.shift import Projection, Shift
from medsettle.settle import machine_code

if TYPE_CHECKING:
    from collections.abc import Sequence

    import grpc

    from medsettle.cli.gateway_counter import Counter, CounterOptions
    from medsettle.cli.sealing_child import SealKey
    from medsettle.engine.list_folder import ListFolders
    from medsettle.peers.config import PeerConfig
    from medsettle.peers.station import Station
    from medsettle.service.call_watch import CallWatch
    from medsettle.service.http_server import HttpServer


@dataclass(frozen=True, slots=True)
class Kept:
    """What is served: rules, ledger, folder of audit tables, invalid lists, and the file of peers.

    A hub of the file of peers has no rules. `metrics` is where measurements are told and `console`
    where the console is, each None for nowhere; `console_asked_by` has the options of the console
    that say by which names it is asked. `seal_key` signs checkpoints of days that ended, if any.
    `settings` are those that it was made of; None for a gateway alone, which has none.
    """

    rules: Path
    data: Path
    ledger: LedgerPlace
    lists: "ListFolders | None"
    peers: "PeerConfig | None" = None
    metrics: str | None = None
    console: str | None = None
    console_asked_by: tuple[str, ...] = ()
    seal_key: "SealKey | None" = None
    identity: IdentityOptions = field(default_factory=IdentityOptions)
    observing: Observing = field(default_factory=Observing)
    settings: Effective | None = None

    def seconds(self, name: str) -> int:
        """Return a setting of so many seconds, 0 where there are no settings."""
        return 0 if self.settings is None else self.settings.number(name)


class Serving(Protocol):
    """A desk that is served."""

    @property
    def desk(self) -> Desk:
        """The desk."""
        ...

    async def failure(self) -> SettlementError:
        """Return what ended writes for good, once that happens."""
        ...

    def project_soon(self) -> None:
        """Project although nothing was recorded here."""
        ...

    async def drain(self) -> None:
        """Tell that this goes soon, and go on answering."""
        ...

    async def stop(self) -> None:
        """Finish what was accepted, project the rest, and return."""
        ...


def serve_until_signal(
    console: Console,
    kept: Kept,
    *,
    listen: str | None,
    counter: "CounterOptions | None",
    as_json: bool,
    again: Callable[[], Effective] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, then finish what was accepted and project the rest.

    Args:
        console: Where it is told at which addresses, and what became of reloads.
        kept: What is served.
        listen: Where gRPC is served; None serves none.
        counter: Where and how the national interface is served; None serves none.
        as_json: Whether it is told to programs.
        again: Reads the settings again; None where there are none.

    Raises:
        PolicyRejected: The rules have faults.
        InvalidListRejected: An invalid list is refused.
        InvalidRequest: The directory has faults.
        LedgerUnavailable: The ledger is in use or cannot be opened, or it failed: a supervisor
            starts the next process, which opens it again.
        InternalError: A write met a bug of ours; the next process reads what was recorded.
        AuditCorrupt: The audit tables are damaged or know more than the ledger.
        OSError: An address cannot be listened at, or a file cannot be read.
    """
    with contextlib.ExitStack() as held:
        name = "medsettle" if kept.peers is None else kept.peers.name
        watch = held.enter_context(kept.observing.begun(name))
        opened = None
        if counter is not None:
            from medsettle.cli.gateway_counter import counter_of  # noqa: PLC0415 - loads HTTP

            opened = held.enter_context(counter_of(counter))
        book = _rules_of(kept)
        make_folder(kept.data)
        # Nothing that takes long stands between the end of the server before and this one's begin.
        machine_code.load()
        with (
            open_ledger(kept.ledger, _turn(console, kept, as_json=as_json)) as ledger,
            contextlib.closing(AccessLog(kept.data / ACCESS_FOLDER, now)) as accesses,
        ):
            engine = Engine(book, ledger, now)
            put_in_use(engine, kept.lists)
            _spare_the_collector()
            reload = Reload(console, as_json=as_json)
            if kept.settings is not None and again is not None:
                reload.settings(kept.settings, again)
            if not _is_hub(kept):
                reload.rules(engine, kept.rules)
            if kept.lists is not None:
                reload.lists(engine, kept.lists)
            if opened is not None:
                reload.directory(opened.directory)
            served = _Served(console, engine, kept, reload, accesses, as_json, watch)
            asyncio.run(served.serve(listen, opened))


def _turn(console: Console, kept: Kept, *, as_json: bool) -> Turn | None:
    """Return how to wait for the server before to give the ledger up; None waits for nobody."""
    seconds = kept.seconds("takeover_seconds")
    if not seconds:
        return None

    def waits() -> None:
        if as_json:
            body = {"waiting": shown(kept.ledger)}
            console.out(orjson.dumps(body).decode(), highlight=False)
        else:
            console.print(f"waiting for the server that has {shown(kept.ledger)}")

    return Turn(seconds, waits)


def _spare_the_collector() -> None:
    """Keep what is loaded out of sight of the garbage collector, and let it look less often.

    A batch of thousands of claims makes a million objects that counting references frees; looking
    for cycles among them, and among the rules each time, takes a fifth of settling it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(limits.COLLECTED_AFTER_OBJECTS, 20, 50)


@dataclass(frozen=True, slots=True)
class _Served:
    console: Console
    engine: Engine
    kept: Kept
    reload: Reload
    accesses: AccessLog
    as_json: bool
    watch: "CallWatch | None"

    async def serve(self, listen: str | None, counter: "Counter | None") -> None:
        """Serve until a signal comes or writes end for good."""
        place = self.kept.ledger
        audit = self.kept.data / AUDIT_FOLDER
        with (
            open_reader(place) as reader,
            contextlib.closing(
                Follower(
                    reader,
                    audit,
                    shared=is_shared(place),
                    pseudonyms=writing_pseudonyms(self.kept.data),
                )
            ) as project,
        ):
            watched = Watching.of(self.kept.metrics, self.kept.console)
            serving, shift, addresses, station = await self._begun(project, listen, watched)
            shift.desk.watch = self.watch
            gateway, child = None, None
            try:
                if counter is not None:
                    gateway = counter.open(serving.desk)
                    addresses["gateway" if addresses else "serving"] = gateway.address
                if watched is not None:
                    addresses["metrics"] = watched.open(shift, reader, project, station)
                child = self._console()
                failure = await self._until_asked(serving, addresses, project, child)
            finally:
                begun = perf_counter()
                project.hurry()
                if child is not None:
                    await child.stop()
                await _stop(serving, gateway, station)
                if watched is not None:
                    await watched.stop()
            if failure is not None:
                raise failure
            # What an earlier run committed and did not project is behind too.
            with catching_up(self.console, as_json=self.as_json):
                await project()
            say(logged.STOPPED, seconds=round(perf_counter() - begun, 3))

    def _console(self) -> ConsoleChild | None:
        kept = self.kept
        if kept.console is None:
            return None
        return ConsoleChild(
            *(self.console, kept.console),
            rules=kept.rules,
            data=kept.data,
            ledger=kept.ledger,
            asked_by=(*kept.console_asked_by, *checking_words(kept.seal_key, kept.data)),
            as_json=self.as_json,
        )

    async def _begun(
        self, project: Projection, listen: str | None, watched: "Watching | None"
    ) -> tuple[Serving, Shift, dict[str, str], "Station | None"]:
        """Return a desk that is served, by gRPC where it has an address, and addresses by name."""
        measuring = None if watched is None else watched.measures
        if listen is None:
            shift = Shift(self.engine, project=project, measuring=measuring, accesses=self.accesses)
            shift.begin()
            return shift, shift, {}, None
        from medsettle.service.server import start  # noqa: PLC0415 - loads gRPC

        known = known_by(self.kept.identity, now, self.accesses)
        if self.kept.identity.asks or self.kept.identity.encrypts:
            self.reload.identity(known.readings)
        stations: list[Station] = []
        config, apart = self.kept.peers, None
        if config is not None and config.tls is not None:
            from medsettle.identity.transport import server_credentials  # noqa: PLC0415

            apart = config.listen, server_credentials(config.tls)

        def beside(desk: Desk) -> "Sequence[grpc.ServiceRpcHandler]":
            from medsettle.peers.station import Station  # noqa: PLC0415 - loads gRPC

            assert config is not None
            stations.append(Station(self.engine, desk, config, self.kept.data))
            return stations[0].handlers

        try:
            server = await start(
                self.engine,
                listen,
                project=project,
                beside=beside if config is not None else None,
                apart=apart,
                measuring=measuring,
                credentials=known.credentials,
                identity=known.identity,
            )
        except RuntimeError as error:
            # gRPC says no more than this of an address that is taken or not ours.
            tried = listen if apart is None else f"{listen} or, for peers, at {apart[0]}"
            raise OSError(f"cannot listen at {tried}; choose another address") from error
        for station in stations:
            station.begin()
        addresses = {"serving": server.address}
        if server.address_apart:
            addresses["peers"] = server.address_apart
        if server.address_of_tokens:
            addresses["tokens"] = server.address_of_tokens
        return server, server.shift, addresses, stations[0] if stations else None

    async def _until_asked(
        self,
        serving: Serving,
        addresses: dict[str, str],
        project: Follower,
        child: ConsoleChild | None,
    ) -> SettlementError | None:
        """Return once a signal asks to stop, or what ended writes for good."""
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        loop.add_signal_handler(signal.SIGHUP, self.reload.ask)
        kept = self.kept
        seal = SealingChild(self.console, kept.data, kept.seal_key, as_json=self.as_json)
        awaited = (self.reload(), project.look_out(serving), seal())
        beside = [asyncio.ensure_future(each) for each in awaited]
        self._tell(addresses)
        if child is not None:
            # Health is not watched where the console would need a certificate of its own.
            encrypts = self.kept.identity.encrypts
            child.begin(None if encrypts else addresses["serving"], addresses["metrics"])
        failing = asyncio.ensure_future(serving.failure())
        stopping = asyncio.ensure_future(stopped.wait())
        await asyncio.wait({failing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        say(logged.DRAINING)
        if stopping.done() and (seconds := self.reload.seconds("drain_seconds")):
            # Whoever sends calls here learns that this goes, and those on the way are answered.
            stopped.clear()
            await serving.drain()
            asking_again = asyncio.ensure_future(stopped.wait())
            either = {failing, asking_again}
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            asking_again.cancel()
        for task in (*beside, stopping):
            task.cancel()
        # A command that seals is ended before the server is.
        await asyncio.gather(*beside, return_exceptions=True)
        return failing.result() if failing.done() else None

    def _tell(self, addresses: dict[str, str]) -> None:
        policies = len(self.engine.policies())
        say(logged.STARTED, policies=policies, version=version("medsettle"), addresses=addresses)
        if self.as_json:
            self.console.out(orjson.dumps(addresses).decode(), highlight=False)
        else:
            shown = " and ".join(addresses.values())
            self.console.print(f"serving {policies} policies at {shown}")


async def _stop(serving: Serving, gateway: "HttpServer | None", station: "Station | None") -> None:
    """Begin no more calls, finish those begun by either way, and project the rest."""
    serving.desk.refuse_calls()
    if gateway is not None:
        await gateway.stop()
    await serving.stop()
    if station is not None:
        await station.stop()


def _is_hub(kept: Kept) -> bool:
    return kept.peers is not None and not kept.peers.areas


def _rules_of(kept: Kept) -> RuleBook:
    """Return the rules that are served; a hub decides nothing and has none."""
    if _is_hub(kept):
        return RuleBook({}, {}, ())
    book = rule_book(kept.rules)
    decided = () if kept.peers is None else kept.peers.areas
    missing = [
        Fault(
            f"areas[{at}]",
            f"{area} is not among the rules in {kept.rules}; load it there, or "
            "take it out of the file of peers",
        )
        for at, area in enumerate(decided)
        if area not in book.areas
    ]
    if missing:
        raise InvalidRequest(missing)
    return book
