"""The connection of a client: encrypted or not, and with a token on every call or without."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import grpc

from medsettle import limits
from medsettle.errors import Fault, InvalidRequest
from medsettle.identity.addresses import is_loopback

_Metadata: TypeAlias = tuple[tuple[str, str | bytes], ...]
_AUTHORIZATION: Final = "authorization"


def channel_to(
    address: str,
    credentials: grpc.ChannelCredentials | None,
    token: str | None,
    options: Sequence[tuple[str, Any]],
) -> grpc.Channel:
    """Return a connection, made with the first call.

    Args:
        address: Host and port.
        credentials: TLS; None for none.
        token: Sent with every call; None for none.
        options: Of gRPC.

    Raises:
        InvalidRequest: The token is none, or would leave this machine unencrypted.
    """
    if token is not None:
        _check_token(address, token, encrypted=credentials is not None)
    if credentials is None:
        channel = grpc.insecure_channel(address, options=options)
    else:
        channel = grpc.secure_channel(address, credentials, options=options)
    return channel if token is None else grpc.intercept_channel(channel, _Bearer(token))


def _check_token(address: str, token: str, *, encrypted: bool) -> None:
    most = limits.TOKEN_CHARS_MAX
    if not 1 <= len(token) <= most or not token.isascii() or not token.isprintable():
        text = f"is none: 1 to {most} printable ASCII characters, as `medsettle access token` shows"
        raise InvalidRequest([Fault("token", text)])
    if not encrypted and not is_loopback(address):
        text = f"would travel unencrypted to {address}; name its authority (--tls-authority)"
        raise InvalidRequest([Fault("token", text)])


class _Details(grpc.ClientCallDetails):
    """The details of a call with other metadata."""

    def __init__(self, details: grpc.ClientCallDetails, metadata: _Metadata) -> None:
        self.method = details.method
        self.timeout = details.timeout
        self.metadata = metadata
        self.credentials = details.credentials
        self.wait_for_ready = details.wait_for_ready
        self.compression = details.compression


class _Bearer(grpc.UnaryUnaryClientInterceptor):
    """Sends a token with every call."""

    def __init__(self, token: str) -> None:
        self._entry = _AUTHORIZATION, f"Bearer {token}"

    def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.ClientCallDetails, Any], Any],
        client_call_details: grpc.ClientCallDetails,
        request: Any,  # noqa: ANN401 - any message
    ) -> Any:  # noqa: ANN401 - any call
        """Return the call with the token among its metadata."""
        metadata = (*(client_call_details.metadata or ()), self._entry)
        return continuation(_Details(client_call_details, metadata), request)
