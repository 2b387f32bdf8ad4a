"""What every call of every service has in common: its desk, its deadline, its errors."""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeAlias, TypeVar

import grpc
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from grpc_status import rpc_status

from medsettle.core.claim_faults import lines_faults
from medsettle.errors import Fault, InternalError, InvalidRequest, SettlementError
from medsettle.service import status
from medsettle.service.batcher import DeadlinePassed
from medsettle.service.desk import Desk
from medsettle.v1 import settlement_service_pb2 as settlements

logger = logging.getLogger(__name__)

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class _AtDesk(Protocol):
    """A servicer of this module."""

    _desk: Desk


Service = TypeVar("Service", bound=_AtDesk)
Request = TypeVar("Request")
Response = TypeVar("Response")

_Method: TypeAlias = Callable[[Service, Request, Context], Awaitable[Response]]

# gRPC's own retries wait this long when a server says so, instead of their backoff.
_PUSHBACK_KEY = "grpc-retry-pushback-ms"

_LATE = "The deadline passed before work began; nothing was recorded."


class Calls(Protocol):
    """What begins calls, and begins no more while it is stopping: a desk."""

    def call(self) -> AbstractContextManager[None]:
        """Be at work on one call, or raise `LedgerUnavailable`."""
        ...


class Relayed(Exception):
    """Ends a call with the status of another engine, as it came: newer details survive."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.message)
        self.status = status


def answered(method: _Method[Service, Request, Response]) -> _Method[Service, Request, Response]:
    """Return the method as gRPC calls it: late calls are dropped, errors become statuses."""

    @functools.wraps(method)
    async def answer(self: Service, request: Request, context: Context) -> Response:
        return await at_desk(
            self._desk,
            context,
            lambda: method(self, request, context),
            name=method.__name__,
            request_id=_request_id(request),
        )

    return answer


async def at_desk(
    desk: Calls,
    context: Context,
    work: Callable[[], Awaitable[Response]],
    *,
    name: str,
    request_id: str = "",
) -> Response:
    """Return what a call is answered by; late calls are dropped, errors become statuses.

    Args:
        desk: Begins no more calls while it is stopping.
        context: The call; it is ended by a status where there is no answer.
        work: Begins the work of the call.
        name: The method, for the log.
        request_id: Shown to the caller where the call met a bug of ours.
    """
    refusal: SettlementError | Relayed | None
    # Unset deadlines are None, whatever the stubs say.
    remaining: float | None = context.time_remaining()
    try:
        if remaining is None or remaining > 0:
            with desk.call():
                return await work()
        refusal = None
    except (SettlementError, Relayed) as error:
        refusal = error
    except DeadlinePassed:
        refusal = None
    except Exception:
        # The outermost edge: whatever it is, the caller must not see its text.
        logger.exception("%s failed in an unforeseen way", name)
        refusal = InternalError("The call failed; nothing was acknowledged.")
    if refusal is None:
        await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, _LATE)
    elif isinstance(refusal, Relayed):
        answer = rpc_status.to_status(refusal.status)
        await context.abort(answer.code, answer.details, tuple(answer.trailing_metadata or ()))
    else:
        await refuse(context, refusal, request_id)
    raise AssertionError("abort does not return")


async def refuse(context: Context, error: SettlementError, request_id: str) -> None:
    """End a call with the status of an error; does not return."""
    delay = status.retry_seconds(error)
    answer = rpc_status.to_status(status.status_of(error, request_id))
    trailers = tuple(answer.trailing_metadata or ())
    if delay is not None:
        trailers += ((_PUSHBACK_KEY, str(int(delay * 1_000))),)
    await context.abort(answer.code, answer.details, trailers)


def _request_id(request: object) -> str:
    claim = getattr(request, "claim", None)
    return str(getattr(claim or request, "request_id", ""))


def deadline_of(context: Context) -> float | None:
    """Return the caller's deadline in seconds of the loop's clock, None where it set none."""
    remaining: float | None = context.time_remaining()
    return None if remaining is None else asyncio.get_running_loop().time() + remaining


def stated_claim(request: object, claim: settlements.Claim | None) -> settlements.Claim:
    """Return the claim of a request.

    Raises:
        InvalidRequest: The request has none, or one with more lines than a claim may have: rows
            take a hundred times the memory of a message, so it never becomes one.
    """
    if claim is None or not claim.ByteSize():
        raise InvalidRequest([Fault("claim", f"missing in {type(request).__name__}")])
    if faults := lines_faults(len(claim.lines)):
        raise InvalidRequest(faults)
    return claim
