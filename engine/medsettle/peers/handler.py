"""`PeerService` as an engine serves it: bytes in, bytes out, for an area here or passed on.

A call that is passed on is never read, so fields that a hub does not know survive; neither are
errors, so details that it does not know survive as well.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, Protocol

import grpc
from google.protobuf.message import DecodeError

from medsettle import errors, limits
from medsettle.errors import Fault
from medsettle.identity.principals import Principal
from medsettle.peers.config import Neighbour, PeerConfig, Role
from medsettle.peers.greeting import (
    CAPABILITIES,
    FROM_KEY,
    GREET,
    HOPS_KEY,
    SERVICE,
    TO_KEY,
    Greeting,
)
from medsettle.peers.links import Links
from medsettle.policy.vocabulary import quoted
from medsettle.service.calls import Calls, Context, at_desk
from medsettle.service.entrance import CALLER
from medsettle.service.measuring import UNKNOWN
from medsettle.v1 import peer_service_pb2 as messages

_AREA = re.compile(r"[0-9]{6}")
_HOPS = re.compile(r"[0-9]{1,2}")
_COMMON_NAME: Final = "x509_common_name"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a neighbour, for which area, after how many engines, and for how long it waits.

    `seconds` has the margin taken off by which this engine answers before the caller gives up.
    """

    neighbour: str
    to_area: str
    hops: int
    seconds: float


class LocalPeer(Protocol):
    """What answers calls for the areas that are decided here, and at a hub those it keeps."""

    async def answer(self, method: str, body: bytes, caller: Caller) -> bytes:
        """Return the answer to a method, or raise a `SettlementError`.

        Whether the neighbour may speak for an area that the body names is asked here, of
        `PeerConfig.speaks_for`.
        """
        ...


class PeerHandler(grpc.ServiceRpcHandler):
    """Serves `PeerService`; give it to `medsettle.service.server.start` as what is beside."""

    def __init__(
        self,
        config: PeerConfig,
        links: Links,
        local: LocalPeer,
        greeting: Greeting,
        desk: Calls,
        *,
        local_methods: Collection[str] = (),
    ) -> None:
        """Serve for an engine.

        Args:
            config: Who this engine and its neighbours are.
            links: By which a hub passes calls on.
            local: Answers for the areas decided here.
            greeting: What this engine says of itself.
            desk: Begins no more calls while it is stopping.
            local_methods: What a hub hands to `local` instead of passing it on.
        """
        self._config = config
        self._links = links
        self._local = local
        self._greeting = greeting
        self._desk = desk
        self._local_methods = frozenset(local_methods)

    def service_name(self) -> str:
        """Return the full name of the service."""
        return SERVICE

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> "grpc.RpcMethodHandler[Any, Any] | None":
        """Return what answers a method of ours, known or not; None for other services."""
        service, _, method = handler_call_details.method.removeprefix("/").rpartition("/")
        if service != SERVICE:
            return None

        async def answer(body: bytes, context: Context) -> bytes:
            known = method == GREET or method in CAPABILITIES
            return await at_desk(
                self._desk,
                context,
                lambda: self._answer(method, body, context),
                name=method if known else UNKNOWN,
            )

        return grpc.unary_unary_rpc_method_handler(answer)

    async def _answer(self, method: str, body: bytes, context: Context) -> bytes:
        stated = {key: str(value) for key, value in context.invocation_metadata() or ()}
        neighbour = self._neighbour(stated.get(FROM_KEY, ""), context)
        if method == GREET:
            return self._greeted(body, neighbour)
        caller = _caller(neighbour, stated, context)
        config = self._config
        if config.serves(caller.to_area) or (
            config.role is Role.HUB and method in self._local_methods
        ):
            if method not in CAPABILITIES:
                raise _no_such_method(method, caller)
            return await self._local.answer(method, body, caller)
        self._check_route(caller)
        return await self._links.pass_on(
            method, caller.to_area, body, seconds=caller.seconds, hops=caller.hops + 1
        )

    def _neighbour(self, name: str, context: Context) -> Neighbour:
        neighbour = self._config.neighbour(name)
        if neighbour is None:
            raise errors.PeerNotKnown(
                f"{quoted(name)} is no peer of {self._config.name}. Add it to the file of peers, or"
                f" send its name there as {FROM_KEY}.",
                peer=name,
                name=self._config.name,
            )
        shown = [each.decode() for each in context.auth_context().get(_COMMON_NAME, ())]
        if shown != [name] and (shown or self._config.tls is not None):
            listed = " and ".join(map(quoted, shown)) or "none"
            raise errors.PeerNotKnown(
                f"The caller says that it is {quoted(name)}; its certificate has {listed} as its "
                "common name. Call under the name of the certificate.",
                peer=name,
                certificate=listed,
            )
        self._links.heard_of(name)
        CALLER.set(Principal(f"peer {name}", None, frozenset()))
        return neighbour

    def _greeted(self, body: bytes, neighbour: Neighbour) -> bytes:
        try:
            request = messages.GreetRequest.FromString(body)
        except DecodeError as error:
            raise errors.InvalidRequest([Fault("", f"is no GreetRequest: {error}")]) from None
        if request.name != neighbour.name:
            raise errors.PeerNotKnown(
                f"{neighbour.name!r} greets as {quoted(request.name)}; the two must be the same.",
                peer=neighbour.name,
                stated=request.name,
            )
        return self._greeting.response(self._config).SerializeToString()

    def _check_route(self, caller: Caller) -> None:
        """Refuse what is not passed on from here."""
        config = self._config
        neighbour = config.route(caller.to_area)
        if config.role is not Role.HUB:
            why = f"{config.name} does not decide for it, and passes nothing on"
        elif neighbour is None:
            why = f"no peer of {config.name} reaches it"
        elif neighbour.name == caller.neighbour:
            why = f"{config.name} reaches it through {neighbour.name}, which asks for it"
        elif caller.seconds <= 0:
            raise errors.PeerUnreachable(
                f"Too little time is left to pass it on to area {caller.to_area}; nothing was sent "
                "to it, and the same request id may be sent again.",
                area=caller.to_area,
                peer=neighbour.name,
            )
        else:
            return
        raise _misled(caller, why)


def _caller(neighbour: Neighbour, stated: dict[str, str], context: Context) -> Caller:
    """Return who asks by the metadata of a call.

    Raises:
        InvalidRequest: The metadata says it wrongly.
        PeerNotKnown: The call goes round.
    """
    area, hops = stated.get(TO_KEY, ""), stated.get(HOPS_KEY, "0")
    faults = []
    if not _AREA.fullmatch(area):
        faults.append(Fault(TO_KEY, f"{quoted(area)} is no area; six digits are"))
    if not _HOPS.fullmatch(hops):
        faults.append(Fault(HOPS_KEY, f"{quoted(hops)} is no number of engines"))
    if faults:
        raise errors.InvalidRequest(faults)
    # Unset deadlines are None, whatever the stubs say.
    remaining: float | None = context.time_remaining()
    patience = limits.CALL_SECONDS_DEFAULT if remaining is None else remaining
    caller = Caller(neighbour.name, area, int(hops), patience - limits.PEER_MARGIN_SECONDS)
    if caller.hops > limits.PEER_HOPS_MAX:
        passed = f"the call has passed {hops} engines, at most {limits.PEER_HOPS_MAX} are allowed"
        raise _misled(caller, f"{passed}; the files of peers send it round")
    return caller


def _misled(caller: Caller, why: str) -> errors.PeerNotKnown:
    return errors.PeerNotKnown(
        f"Area {caller.to_area} is not reached this way: {why}. Nothing was sent; mend the file of "
        "peers.",
        area=caller.to_area,
        peer=caller.neighbour,
        why=why,
    )


def _no_such_method(method: str, caller: Caller) -> errors.PeerTooOld:
    return errors.PeerTooOld(
        f"This engine knows no method {quoted(method)} for area {caller.to_area}; nothing was done."
        " It needs a newer version.",
        area=caller.to_area,
        method=method,
    )
