"""Failed calls as exceptions: the errors of medsettle, rebuilt from `google.rpc.Status`.

Where a server's answer is missing there is no status to rebuild from. A deadline that passed is a
`TimeoutError`; a server out of reach, or a call that was cut off, is a `ConnectionError`. What
became of a write is unknown then, and sending the same request id again tells.
"""

from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2 as details  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from grpc_status import rpc_status

from medsettle import errors
from medsettle.errors import Fault, SettlementError, Violation
from medsettle.errors.reasons import by_reason, rebuilt

_DOMAIN: Final = "medsettle"


_UNANSWERED: Final[dict[grpc.StatusCode, tuple[type[Exception], str]]] = {
    grpc.StatusCode.DEADLINE_EXCEEDED: (TimeoutError, "No answer before the deadline"),
    grpc.StatusCode.UNAVAILABLE: (ConnectionError, "The server cannot be reached"),
    # Not by the caller, who waits; a server or a proxy that stops cuts calls off this way.
    grpc.StatusCode.CANCELLED: (ConnectionError, "The call was cut off"),
}
# gRPC says no more of a handshake that failed at either end, nor of a port that speaks TLS.
_HANDSHAKE: Final = ("Socket closed", "Connection reset", "handshake", "SSL_ERROR")
_OF_TLS: Final = (
    "; it may speak TLS, ask for a certificate, or not know the one that was shown: name its "
    "authority (--tls-authority), a certificate and its key (--certificate, --key)"
)
# What an error is at least whose reason only newer servers know.
_NEAREST: Final[dict[grpc.StatusCode, type[SettlementError]]] = {
    grpc.StatusCode.NOT_FOUND: errors.NotFound,
    grpc.StatusCode.FAILED_PRECONDITION: errors.Precondition,
    grpc.StatusCode.UNAVAILABLE: errors.OutcomeUnknown,
}


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt.

    `again` says whether the same request may be sent again; `unknown` whether the server may have
    done it all the same; `delay_seconds` how long it asked to wait; `status` what medsettle
    answered, as it came, and None where it was not medsettle that did.
    """

    error: Exception
    again: bool = False
    unknown: bool = False
    delay_seconds: float = 0.0
    status: Status | None = None


def failure_of(call: grpc.RpcError) -> Failure:
    """Return what a failed call means, whether it was made by `grpc` or by `grpc.aio`."""
    assert isinstance(call, grpc.Call | grpc.aio.AioRpcError)
    code, text = call.code(), call.details() or ""
    status = _status(call)
    parts = _parts(status)
    info = parts.get("ErrorInfo")
    if info is not None and info.domain == _DOMAIN:
        error = _rebuilt(info, code, text, parts.get("BadRequest"))
        return Failure(
            error,
            again=code is grpc.StatusCode.UNAVAILABLE,
            unknown=isinstance(error, errors.OutcomeUnknown),
            delay_seconds=_delay_seconds(parts.get("RetryInfo")),
            status=status,
        )
    if code in _UNANSWERED:
        kind, said = _UNANSWERED[code]
        if code is grpc.StatusCode.UNAVAILABLE and any(sign in text for sign in _HANDSHAKE):
            text += _OF_TLS
        return Failure(kind(f"{said} ({text})."), again=True, unknown=True)
    if code in {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}:
        return Failure(PermissionError(text))
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return Failure(errors.BatchTooLarge([Fault("", text)]))
    return Failure(errors.InternalError(f"{code.name}: {text}"), unknown=True)


def _status(call: grpc.Call | grpc.aio.AioRpcError) -> Status | None:
    """Return the status with details that a call was answered by."""
    try:
        # It asks for no more than both have, whatever its types say.
        return rpc_status.from_call(call)  # type: ignore[arg-type]
    except (ValueError, DecodeError):
        # A status that contradicts its call, or is none, was not made by a medsettle server.
        return None


def _parts(status: Status | None) -> dict[str, Any]:
    """Return the details of a status by the name of their message."""
    found: dict[str, Any] = {}
    for packed in status.details if status is not None else ():
        for kind in (details.ErrorInfo, details.BadRequest, details.RetryInfo):
            if packed.Is(kind.DESCRIPTOR):
                found[kind.DESCRIPTOR.name] = kind.FromString(packed.value)
    return found


def _rebuilt(
    info: Any,  # noqa: ANN401 - google.rpc comes without types
    code: grpc.StatusCode,
    text: str,
    bad: Any | None,  # noqa: ANN401
) -> SettlementError:
    """Return the error of the class that has the reason, with message, metadata and faults.

    A reason that only a newer server knows is told in the metadata of the nearest class.
    """
    kind = by_reason(info.reason)
    if kind is SettlementError and info.reason != kind.reason and code in _NEAREST:
        return rebuilt(_NEAREST[code].reason, text, {**info.metadata, "reason": info.reason})
    violations = bad.field_violations if bad is not None else ()
    if issubclass(kind, errors.InvalidRequest):
        error: SettlementError = kind([Fault(each.field, each.description) for each in violations])
    elif issubclass(kind, errors.PolicyRejected):
        error = kind([_violation(each.field, each.description) for each in violations])
    else:
        return rebuilt(info.reason, text, info.metadata)
    error.metadata = dict(info.metadata)
    return error


def _violation(field: str, message: str) -> Violation:
    """Return a violation from a field such as `employee.yaml:41:9 pooled.bands[2].rate`."""
    place, _, key_path = field.partition(" ")
    file, line, column = place.rsplit(":", 2)
    return Violation(file, int(line), int(column), key_path, message)


def _delay_seconds(retry: Any | None) -> float:  # noqa: ANN401
    return float(retry.retry_delay.ToTimedelta().total_seconds()) if retry is not None else 0.0
