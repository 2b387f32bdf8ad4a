"""Requests sent to a real server through the client, as tills send them."""

from collections.abc import Callable, Mapping
from typing import Final

from medsettle import errors
from medsettle.client import Client
from medsettle.torture.requests import ALIKE, Answer, Kind, Request, Told


def asked(client: Client, request: Request) -> Answer | None:
    """Return the answer of a server, None where none came: whether it was done is unknown."""
    try:
        return Answer("", told=_CALLS[request.kind](client, request))
    except errors.SettlementError as error:
        return Answer(error.reason, error.message)
    except (TimeoutError, ConnectionError):
        return None


def _settle(client: Client, request: Request) -> Told:
    assert isinstance(request.content, dict)
    return client.settle(request.content)


def _visit(client: Client, request: Request) -> Told:
    assert isinstance(request.content, dict)
    return client.visits.settle(request.content)


def _cancel(client: Client, request: Request) -> Told:
    institution, request_id = request.key
    assert isinstance(request.content, str)
    return client.cancel(request.content, institution=institution, request_id=request_id)


def _visit_cancel(client: Client, request: Request) -> Told:
    institution, request_id = request.key
    assert isinstance(request.content, str)
    return client.visits.cancel(request.content, institution=institution, request_id=request_id)


_CALLS: Final[Mapping[Kind, Callable[[Client, Request], Told]]] = {
    "settle": _settle,
    "cancel": _cancel,
    "visit": _visit,
    "visit_cancel": _visit_cancel,
    **ALIKE,
}
