"""Serving an engine by gRPC, by the national interface or by both, with audit tables behind it."""

import asyncio
import contextlib
import gc
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import orjson
from rich.console import Console

from medsettle import limits
from medsettle.cli.desks import AUDIT_FOLDER, now
from medsettle.cli.exits import catching_up
from medsettle.cli.following import Follower
from medsettle.cli.local_desk import put_in_use
from medsettle.cli.reloading import Reload
from medsettle.durable import make_folder
from medsettle.engine import Engine
from medsettle.errors import Fault, InvalidRequest, SettlementError
from medsettle.ledger.opening import LedgerPlace, is_shared, open_ledger, open_reader
from medsettle.policy.rule_book import RuleBook
from medsettle.rule_cache import rule_book
from medsettle.service.desk import Desk
from medsettle.service.shift import Projection, Shift
from medsettle.settle import machine_code

if TYPE_CHECKING:
    from collections.abc import Sequence

    import grpc

    from medsettle.cli.gateway_counter import Counter, CounterOptions
    from medsettle.engine.list_folder import ListFolders
    from medsettle.gateway.serving import GatewayServer
    from medsettle.peers.config import PeerConfig
    from medsettle.peers.station import Station


@dataclass(frozen=True, slots=True)
class Kept:
    """What is served: rules, ledger, folder of audit tables, invalid lists, and the file of peers.

    A hub of the file of peers has no rules.
    """

    rules: Path
    data: Path
    ledger: LedgerPlace
    lists: "ListFolders | None"
    peers: "PeerConfig | None" = None


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
) -> None:
    """Serve until SIGINT or SIGTERM, then finish what was accepted and project the rest.

    Args:
        console: Where it is told at which addresses, and what became of reloads.
        kept: What is served.
        listen: Where gRPC is served; None serves none.
        counter: Where and how the national interface is served; None serves none.
        as_json: Whether it is told to programs.

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
        opened = None
        if counter is not None:
            from medsettle.cli.gateway_counter import counter_of  # noqa: PLC0415 - loads HTTP

            opened = held.enter_context(counter_of(counter))
        book = _rules_of(kept)
        make_folder(kept.data)
        with open_ledger(kept.ledger) as ledger:
            engine = Engine(book, ledger, now)
            put_in_use(engine, kept.lists)
            machine_code.load()
            _spare_the_collector()
            reload = Reload(console, as_json=as_json)
            if not _is_hub(kept):
                reload.rules(engine, kept.rules)
            if kept.lists is not None:
                reload.lists(engine, kept.lists)
            if opened is not None:
                reload.directory(opened.directory)
            served = _Served(console, engine, kept, reload, as_json)
            asyncio.run(served.serve(listen, opened))


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
    as_json: bool

    async def serve(self, listen: str | None, counter: "Counter | None") -> None:
        """Serve until a signal comes or writes end for good."""
        place = self.kept.ledger
        audit = self.kept.data / AUDIT_FOLDER
        with (
            open_reader(place) as reader,
            contextlib.closing(Follower(reader, audit, shared=is_shared(place))) as project,
        ):
            serving, addresses, station = await self._begun(project, listen)
            gateway = None
            try:
                if counter is not None:
                    gateway = counter.open(serving.desk)
                    addresses["gateway" if addresses else "serving"] = gateway.address
                failure = await self._until_asked(serving, addresses, project)
            finally:
                project.hurry()
                await _stop(serving, gateway, station)
            if failure is not None:
                raise failure
            # What an earlier run committed and did not project is behind too.
            with catching_up(self.console, as_json=self.as_json):
                await project()

    async def _begun(
        self, project: Projection, listen: str | None
    ) -> tuple[Serving, dict[str, str], "Station | None"]:
        """Return a desk that is served, by gRPC where it has an address, and addresses by name."""
        if listen is None:
            shift = Shift(self.engine, project=project)
            shift.begin()
            return shift, {}, None
        from medsettle.service.server import start  # noqa: PLC0415 - loads gRPC

        stations: list[Station] = []
        config, apart = self.kept.peers, None
        if config is not None and config.tls is not None:
            from medsettle.peers.certificates import server_credentials  # noqa: PLC0415

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
        return server, addresses, stations[0] if stations else None

    async def _until_asked(
        self, serving: Serving, addresses: dict[str, str], project: Follower
    ) -> SettlementError | None:
        """Return once a signal asks to stop, or what ended writes for good."""
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        loop.add_signal_handler(signal.SIGHUP, self.reload.ask)
        beside = [
            asyncio.ensure_future(each) for each in (self.reload(), project.look_out(serving))
        ]
        self._tell(addresses)
        failing = asyncio.ensure_future(serving.failure())
        stopping = asyncio.ensure_future(stopped.wait())
        await asyncio.wait({failing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (*beside, stopping):
            task.cancel()
        return failing.result() if failing.done() else None

    def _tell(self, addresses: dict[str, str]) -> None:
        if self.as_json:
            self.console.out(orjson.dumps(addresses).decode(), highlight=False)
        else:
            shown = " and ".join(addresses.values())
            self.console.print(f"serving {len(self.engine.policies())} policies at {shown}")


async def _stop(
    serving: Serving, gateway: "GatewayServer | None", station: "Station | None"
) -> None:
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
