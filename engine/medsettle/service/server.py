"""The server: starts, tells its health, and stops without losing what it accepted."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TypeAlias

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from medsettle import limits
from medsettle.errors import SettlementError
from medsettle.identity.access_log import Accesses, NoAccesses
from medsettle.identity.admission import Admission
from medsettle.service.card_service import CardService
from medsettle.service.desk import Desk, SettlementEngine
from medsettle.service.enquiry_service import EnquiryService
from medsettle.service.entrance import Entrance
from medsettle.service.measuring import Measuring
from medsettle.service.mutual_aid import MutualAidService
from medsettle.service.readable import ReadableServer
from medsettle.service.request_service import RequestService
from medsettle.service.services import PersonService, PolicyService, SettlementService
from medsettle.service.shift import Part, Projection, Shift
from medsettle.service.visit_services import RegistrationService, VisitService
from medsettle.settle import machine_code
from medsettle.v1 import card_service_pb2 as cards
from medsettle.v1 import card_service_pb2_grpc as cards_grpc
from medsettle.v1 import enquiry_service_pb2 as enquiries
from medsettle.v1 import enquiry_service_pb2_grpc as enquiries_grpc
from medsettle.v1 import mutual_aid_service_pb2 as relatives
from medsettle.v1 import mutual_aid_service_pb2_grpc as relatives_grpc
from medsettle.v1 import person_service_pb2 as persons
from medsettle.v1 import person_service_pb2_grpc as persons_grpc
from medsettle.v1 import policy_service_pb2 as policies
from medsettle.v1 import policy_service_pb2_grpc as policies_grpc
from medsettle.v1 import registration_service_pb2 as registrations
from medsettle.v1 import registration_service_pb2_grpc as registrations_grpc
from medsettle.v1 import request_service_pb2 as requests
from medsettle.v1 import request_service_pb2_grpc as requests_grpc
from medsettle.v1 import settlement_service_pb2 as settlements
from medsettle.v1 import settlement_service_pb2_grpc as settlements_grpc
from medsettle.v1 import visit_service_pb2 as visits
from medsettle.v1 import visit_service_pb2_grpc as visits_grpc

SERVICES: Final = (
    settlements.DESCRIPTOR.services_by_name["SettlementService"].full_name,
    policies.DESCRIPTOR.services_by_name["PolicyService"].full_name,
    persons.DESCRIPTOR.services_by_name["PersonService"].full_name,
    relatives.DESCRIPTOR.services_by_name["MutualAidService"].full_name,
    cards.DESCRIPTOR.services_by_name["CardService"].full_name,
    visits.DESCRIPTOR.services_by_name["VisitService"].full_name,
    registrations.DESCRIPTOR.services_by_name["RegistrationService"].full_name,
    enquiries.DESCRIPTOR.services_by_name["EnquiryService"].full_name,
    requests.DESCRIPTOR.services_by_name["RequestService"].full_name,
)

PROJECTION: Final = "medsettle.projection"
"""Name under which health tells whether the projection behind the ledger keeps up."""

LIVE: Final = "live"
"""Name under which health tells that the process answers, whatever else is wrong."""

READY: Final = "ready"
"""Name under which health tells whether calls are to be sent here; not while it drains."""


def _options(*, with_peers: bool) -> list[tuple[str, int]]:
    """Return what gRPC is told of a port: the bounds of its connections and messages."""
    message_bytes = limits.PEER_MESSAGE_BYTES_MAX if with_peers else limits.MESSAGE_BYTES_MAX
    options = [
        # Of what came compressed too, once it is unpacked.
        ("grpc.max_receive_message_length", message_bytes + limits.ENVELOPE_BYTES),
        # What is recorded must be told, so an answer has no bound of its own; pages and streams do.
        ("grpc.max_send_message_length", -1),
        ("grpc.server.max_pending_requests", limits.PENDING_CALLS_MAX),
        ("grpc.server.max_pending_requests_hard_limit", limits.PENDING_CALLS_MAX),
        ("grpc.max_concurrent_streams", limits.CONNECTION_CALLS_MAX),
        ("grpc.server_handshake_timeout_ms", int(limits.HANDSHAKE_SECONDS_MAX * 1_000)),
        ("grpc.max_connection_age_ms", int(limits.CONNECTION_SECONDS_MAX * 1_000)),
        ("grpc.max_connection_age_grace_ms", int(limits.CONNECTION_GRACE_SECONDS * 1_000)),
        # The ledger has one writer: a second process on the port is a mistake, not a helper.
        ("grpc.so_reuseport", 0),
    ]
    if with_peers:
        # Engines of other areas ask a quiet connection for a sign of life, and are no attackers.
        quiet = int(limits.PEER_KEEPALIVE_SECONDS / 2 * 1_000)
        options.append(("grpc.http2.min_ping_interval_without_data_ms", quiet))
        options.append(("grpc.keepalive_permit_without_calls", 1))
    return options


Beside: TypeAlias = Callable[[Desk], Sequence[grpc.ServiceRpcHandler]]
"""Makes what is served beside our own services, each a service in bytes, at the same desk."""

Apart: TypeAlias = tuple[str, grpc.ServerCredentials]
"""Address and credentials of a port for what is served beside alone."""


def _everybody() -> Admission:
    # Without anything that runs out no clock is asked.
    return Admission(lambda: datetime.max.replace(tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is let in at the ports of tills, and where it is taken down; by default everybody.

    `of_tokens` is a second port, for those who come with a token and without a certificate.
    """

    admission: Admission = field(default_factory=_everybody)
    accesses: Accesses = field(default_factory=NoAccesses)
    of_tokens: Apart | None = None


_SERVING: Final = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING


class Server:
    """A running server. Made by `start`; close the engine's ledger after `stop` has returned."""

    def __init__(
        self,
        engine: SettlementEngine,
        page_key: bytes | None,
        project: Projection | None,
        beside: Beside | None,
        apart: "Apart | None",
        measuring: Measuring | None,
        identity: "Identity | None",
    ) -> None:
        self.address = ""
        self.address_apart = ""
        self.address_of_tokens = ""
        options = _options(with_peers=beside is not None)
        self._health = health.aio.HealthServicer()
        self._projects = project is not None
        known = Identity() if identity is None else identity
        self.shift = Shift(
            engine,
            page_key=page_key,
            project=project,
            tell=self._told,
            measuring=measuring,
            accesses=known.accesses,
        )
        self.desk = desk = self.shift.desk
        entrance = Entrance(known.admission, desk.measuring, desk.accesses)
        self._grpc = ReadableServer(grpc.aio.server(options=options), entrance)
        settlements_grpc.add_SettlementServiceServicer_to_server(
            SettlementService(desk), self._grpc
        )
        policies_grpc.add_PolicyServiceServicer_to_server(PolicyService(desk), self._grpc)
        persons_grpc.add_PersonServiceServicer_to_server(PersonService(desk), self._grpc)
        relatives_grpc.add_MutualAidServiceServicer_to_server(MutualAidService(desk), self._grpc)
        cards_grpc.add_CardServiceServicer_to_server(CardService(desk), self._grpc)
        visits_grpc.add_VisitServiceServicer_to_server(VisitService(desk), self._grpc)
        registrations_grpc.add_RegistrationServiceServicer_to_server(
            RegistrationService(desk), self._grpc
        )
        enquiries_grpc.add_EnquiryServiceServicer_to_server(EnquiryService(desk), self._grpc)
        requests_grpc.add_RequestServiceServicer_to_server(RequestService(desk), self._grpc)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        handlers = beside(desk) if beside is not None else ()
        self._apart = (
            None if apart is None else ReadableServer(grpc.aio.server(options=options), entrance)
        )
        (self._apart or self._grpc).add_handlers_of_bytes(handlers)
        self._services = (*SERVICES, *(each.service_name() for each in handlers))
        # What has a port of its own is not there where tills look.
        here = self._services if apart is None else SERVICES
        shown = (*here, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(shown, self._grpc)

    async def serve(
        self,
        address: str,
        credentials: grpc.ServerCredentials | None,
        apart: "Apart | None",
        of_tokens: "Apart | None",
    ) -> None:
        """Open the ports and begin; afterwards `address` has the port that was chosen."""
        self.address = _opened(self._grpc, address, credentials)
        if of_tokens is not None:
            self.address_of_tokens = _opened(self._grpc, *of_tokens)
        if apart is not None and self._apart is not None:
            self.address_apart = _opened(self._apart, *apart)
            await self._apart.start()
        await self._grpc.start()
        await self._health.set(LIVE, _SERVING)
        await self._told(Part.WRITES, well=True)
        if self._projects:
            await self._told(Part.PROJECTION, well=True)
        self.shift.begin()

    async def wait(self) -> None:
        """Return once the server has stopped."""
        await self._grpc.wait_for_termination()

    async def failure(self) -> SettlementError:
        """Return what ended writes for good, once that happens.

        The server then refuses every write and tells so through health; whoever started it should
        stop it, and end the process with an error so that a new one opens the ledger again.
        """
        return await self.shift.failure()

    def project_soon(self) -> None:
        """Project although nothing was recorded here: somebody else may have recorded something."""
        self.shift.project_soon()

    async def drain(self) -> None:
        """Turn not ready, and go on answering; see `Shift.drain`."""
        await self.shift.drain()

    async def stop(self, grace_seconds: float = limits.SHUTDOWN_SECONDS_MAX) -> None:
        """Tell that the server goes, begin no more calls, finish those begun, and return.

        Calls that come while those begun are finished are told to come back later.

        Args:
            grace_seconds: How long calls begun may take; later they are cut off, and their callers
                find out by request id.
        """
        now = asyncio.get_running_loop().time
        end = now() + grace_seconds
        self.desk.refuse_calls()
        # Frozen: nothing that ends during shutdown may set health back to serving.
        await self._health.enter_graceful_shutdown()
        await self.shift.quiet(min(end, now() + limits.REFUSING_SECONDS_MAX))
        # Calls of peers may be what calls of tills wait for, so tills are let go first.
        await self._grpc.stop(max(0.0, end - now()))
        if self._apart is not None:
            await self._apart.stop(max(0.0, end - now()))
        await self.shift.stop()

    async def _told(self, part: Part, *, well: bool) -> None:
        names = (
            (PROJECTION,) if part is Part.PROJECTION else (health.OVERALL_HEALTH, *self._services)
        )
        # Balancers ask for the whole server or for one service: neither is to be sent calls then.
        serves = well and not (part is Part.WRITES and self.shift.draining)
        for name in names:
            await self._health.set(name, _SERVING if serves else _NOT_SERVING)
        await self._health.set(READY, _SERVING if self.shift.ready else _NOT_SERVING)


def _opened(
    server: ReadableServer, address: str, credentials: grpc.ServerCredentials | None
) -> str:
    """Return the address of a port that was opened, with the number that was chosen."""
    if credentials is None:
        port = server.add_insecure_port(address)
    else:
        port = server.add_secure_port(address, credentials)
    return f"{address.rpartition(':')[0]}:{port}"


async def start(
    engine: SettlementEngine,
    address: str,
    *,
    project: Projection | None = None,
    page_key: bytes | None = None,
    credentials: grpc.ServerCredentials | None = None,
    beside: Beside | None = None,
    apart: Apart | None = None,
    measuring: Measuring | None = None,
    identity: Identity | None = None,
) -> Server:
    """Return a server that serves `engine` at `address`.

    Args:
        engine: Called on the thread of the running event loop, one call at a time.
        address: Host and port, such as `127.0.0.1:50051`; port 0 lets the system choose.
        project: Awaited after commits, such as the writer of the audit tables; coalesced, and once
            more while stopping. Long work belongs in a thread or process of its own.
        page_key: Secret of the page tokens; without one, tokens end with this server.
        credentials: TLS; without them the port is open to whoever reaches it.
        beside: Makes what is served at the same port and desk besides, such as
            `medsettle.peers.handler.PeerHandler` for engines of other areas.
        apart: A port of its own for what is served beside: its address and credentials. Who
            reaches it, reaches nothing else.
        measuring: Takes the measurements of the calls; None takes none.
        identity: Who is let in, and where it is taken down; None lets everybody in.

    Raises:
        RuntimeError: The address cannot be bound.
    """
    machine_code.load()
    server = Server(engine, page_key, project, beside, apart, measuring, identity)
    of_tokens = None if identity is None else identity.of_tokens
    await server.serve(address, credentials, apart, of_tokens)
    return server
