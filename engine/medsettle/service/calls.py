"""What every call of every service has in common: its desk, its deadline, its errors."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from time import perf_counter
from typing import Protocol, TypeAlias, TypeVar

import grpc
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from grpc_status import rpc_status

from medsettle.core.claim_faults import lines_faults
from medsettle.errors import Fault, InternalError, InvalidRequest, SettlementError
from medsettle.identity.access_log import Accesses
from medsettle.logs import events as logged
from medsettle.logs import say
from medsettle.service import entrance, measuring, status
from medsettle.service.batcher import DeadlinePassed
from medsettle.service.call_watch import TRACEPARENT, CallWatch, Seen, settlement_of
from medsettle.service.desk import Desk
from medsettle.service.entrance import caller, subject_of
from medsettle.service.measuring import Measuring, Way
from medsettle.v1 import settlement_service_pb2 as settlements

Context: TypeAlias = entrance.Context


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

    @property
    def measuring(self) -> Measuring:
        """What counts the calls."""
        ...

    @property
    def accesses(self) -> Accesses:
        """What takes down who called what."""
        ...

    @property
    def watch(self) -> CallWatch | None:
        """Who looks at the calls one by one, if anybody does."""
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
            about=subject_of(request),
        )

    return answer


async def at_desk(
    desk: Calls,
    context: Context,
    work: Callable[[], Awaitable[Response]],
    *,
    name: str,
    request_id: str = "",
    about: str = "",
) -> Response:
    """Return what a call is answered by; late calls are dropped, errors become statuses.

    Args:
        desk: Begins no more calls while it is stopping.
        context: The call; it is ended by a status where there is no answer.
        work: Begins the work of the call.
        name: The method, one of ours or `measuring.UNKNOWN`, for the log and the measurements.
        request_id: Shown to the caller where the call met a bug of ours.
        about: What it is about, as the log of accesses has it; what it made stands there instead.
    """
    refusal: SettlementError | Relayed | None
    begun = perf_counter()
    watch = desk.watch
    seen = None if watch is None else _begun(watch, context, name, request_id)
    # Unset deadlines are None, whatever the stubs say.
    remaining: float | None = context.time_remaining()
    try:
        if remaining is None or remaining > 0:
            with desk.call():
                answer = await work()
            desk.measuring.call(Way.GRPC, name, measuring.OK, perf_counter() - begun)
            desk.accesses.add(caller(), name, subject_of(answer) or about, measuring.OK)
            if watch is not None and seen is not None:
                watch.end(seen, measuring.OK, settlement_of(answer))
            return answer
        refusal = None
    except (SettlementError, Relayed) as error:
        refusal = error
    except DeadlinePassed:
        refusal = None
    except asyncio.CancelledError:
        # The caller hung up, or the server ends.
        desk.measuring.call(Way.GRPC, name, measuring.CANCELLED, perf_counter() - begun)
        desk.accesses.add(caller(), name, about, measuring.CANCELLED)
        if watch is not None and seen is not None:
            watch.end(seen, measuring.CANCELLED)
        raise
    except Exception as bug:
        # The outermost edge: whatever it is, the caller must not see its text.
        say(logged.CALL_BUG, bug, way=Way.GRPC.value, method=name)
        refusal = InternalError("The call failed; nothing was acknowledged.")
    outcome = _outcome(refusal)
    desk.measuring.call(Way.GRPC, name, outcome, perf_counter() - begun)
    desk.accesses.add(caller(), name, about, outcome)
    if watch is not None and seen is not None:
        watch.end(seen, outcome)
    if refusal is None:
        await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, _LATE)
    elif isinstance(refusal, Relayed):
        ended = rpc_status.to_status(refusal.status)
        await context.abort(ended.code, ended.details, tuple(ended.trailing_metadata or ()))
    else:
        await refuse(context, refusal, request_id)
    raise AssertionError("abort does not return")


def _begun(watch: CallWatch, context: Context, name: str, request_id: str) -> Seen:
    told = dict(context.invocation_metadata() or ())
    parent = told.get(TRACEPARENT)
    return watch.begin(Way.GRPC, name, request_id, parent if isinstance(parent, str) else None)


def _outcome(refusal: SettlementError | Relayed | None) -> str:
    if refusal is None:
        return measuring.DEADLINE_EXCEEDED
    return measuring.RELAYED if isinstance(refusal, Relayed) else refusal.reason


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
