"""The entrance of a port: every call passes it, and behind it everybody knows who asks.

First who asks and whether the method is theirs, then what the request names: an institution or a
pooling area that is not the caller's is refused before anything is looked up. What a request names
by the id of a record is looked at where that is read (`medsettle.service.sight`).
"""

import re
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import replace
from functools import cache
from typing import Any, Final, TypeAlias

import grpc
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from medsettle.errors import InternalError, SettlementError
from medsettle.identity.access_log import Accesses, NoAccesses, resource_of
from medsettle.identity.admission import Admission, check_right, check_scope
from medsettle.identity.principals import ANYBODY, Principal
from medsettle.service.measuring import UNKNOWN, Measuring, Way
from medsettle.service.method_rights import METHOD_RIGHTS, OPEN_METHODS

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Names: TypeAlias = Callable[[Any], Iterator[tuple[str | None, str | None]]]

CALLER: Final[ContextVar[Principal]] = ContextVar("caller", default=ANYBODY)
"""Who asks, inside a call; each call has its own, for each is a task."""

_CERTIFICATE: Final = "x509_pem_cert"
_AUTHORIZATION: Final = "authorization"
_AREA: Final = re.compile(r"poolingAreas/([^/]*)(?:/institutions/([^/]*))?")
_NAMED: Final = ("name", "parent", "receiver", "giver", "person")
# Documents of every area are public.
_UNBOUND: Final = "medsettle.v1.PolicyService"


def caller() -> Principal:
    """Return who asks."""
    return CALLER.get()


class Entrance:
    """Lets calls in at the ports of one server."""

    def __init__(
        self, admission: Admission, measuring: Measuring, accesses: Accesses | None = None
    ) -> None:
        """Let in whom an admission lets in.

        Args:
            admission: Knows who asks.
            measuring: Counts what is refused here.
            accesses: Takes down what is refused here.
        """
        self._admission = admission
        self._measuring = measuring
        self._accesses = NoAccesses() if accesses is None else accesses

    def admit(self, path: str, context: Context) -> None:
        """Let a call in, or refuse it, before its request is looked at.

        Args:
            path: The method by its full name.
            context: The call.

        Raises:
            NotAuthenticated: Nobody known asks.
            NotPermitted: Not somebody who may.
        """
        if path in OPEN_METHODS:
            return
        principal = ANYBODY
        try:
            principal = self._principal(context)
            right = METHOD_RIGHTS.get(path)
            if right is None:
                raise InternalError("The method has no right, so nobody may call it.")
            if principal is not ANYBODY:
                check_right(principal, right)
        except SettlementError as error:
            self._refused(path, principal, "", error)
            raise
        CALLER.set(principal)

    def check_request(self, path: str, request: Message) -> None:
        """Check that what a request names is the caller's.

        Raises:
            NotPermitted: It is not.
        """
        principal = CALLER.get()
        if not principal.is_bound or path.startswith(f"/{_UNBOUND}/"):
            return
        try:
            for institution, area in names_of(type(request).DESCRIPTOR)(request):
                check_scope(principal, institution, area)
        except SettlementError as error:
            self._refused(path, principal, subject_of(request), error)
            raise

    def _principal(self, context: Context) -> Principal:
        admission = self._admission
        if not admission.asks:
            return ANYBODY
        authorization = None
        if admission.takes_tokens:
            for key, value in context.invocation_metadata() or ():
                if key == _AUTHORIZATION:
                    authorization = str(value)
        shown = context.auth_context().get(_CERTIFICATE)
        return admission.principal(next(iter(shown), None) if shown else None, authorization)

    def _refused(
        self, path: str, principal: Principal, resource: str, error: SettlementError
    ) -> None:
        method = path.rpartition("/")[2] if path in METHOD_RIGHTS else UNKNOWN
        self._measuring.call(Way.GRPC, method, error.reason, 0.0)
        # Nobody, but what was shown may have been somebody's.
        for shown in ("certificate", "token"):
            if shown in error.metadata:
                principal = replace(principal, shown=f"{shown} {error.metadata[shown]}")
        self._accesses.add(principal, method, resource, error.reason)


@cache
def names_of(kind: Descriptor) -> Names:
    """Return what yields each institution and pooling area that messages of a kind name."""
    fields = kind.fields_by_name
    if "claim" in fields:
        return _names_of_claim
    named = [each for each in _NAMED if each in fields]

    def names(request: Any) -> Iterator[tuple[str | None, str | None]]:  # noqa: ANN401
        if "institution" in fields:
            yield request.institution, None
        for field in named:
            if found := _AREA.match(getattr(request, field)):
                yield found[2], found[1]

    return names


def _names_of_claim(request: Any) -> Iterator[tuple[str | None, str | None]]:  # noqa: ANN401
    yield request.claim.institution, request.claim.pooling_area


def subject_of(message: object) -> str:
    """Return what may be written down of what a message is about."""
    name = getattr(message, "name", "") or getattr(message, "parent", "")
    return resource_of(name) if isinstance(name, str) else ""
