"""A gRPC server that tells what cannot be read as a fault of the request.

gRPC for Python answers UNKNOWN, with the text of an exception, where bytes are no message of the
method, such as a text that is no UTF-8. Callers take that for a fault of the server and send the
same bytes again. Here whatever cannot be read is INVALID_ARGUMENT, of every service alike.
"""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from medsettle.errors import Fault, InvalidRequest, SettlementError
from medsettle.service.calls import Context, refuse
from medsettle.service.entrance import Entrance

_Read: TypeAlias = Callable[[bytes], Any]
_Method: TypeAlias = Callable[[Any, Context], Any]


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """What stands in place of a message that cannot be read."""

    fault: str


class ReadableServer(grpc.aio.Server):
    """A server of `grpc.aio`, all handlers of which are given messages or are not called."""

    def __init__(self, server: grpc.aio.Server, entrance: Entrance) -> None:
        """Serve by a server of gRPC whatever an entrance lets in."""
        self._server = server
        self._entrance = entrance

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Iterable[Any]) -> None:
        """Add nothing: generated code adds the same handlers by name after this."""

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, Any]
    ) -> None:
        """Add the handlers of a service by the names of their methods."""
        handlers = {
            name: _checked(each, f"/{service_name}/{name}", self._entrance)
            for name, each in method_handlers.items()
        }
        generic = grpc.method_handlers_generic_handler(service_name, handlers)
        self._server.add_generic_rpc_handlers((generic,))

    def add_handlers_of_bytes(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Add handlers that take and give bytes, and say themselves what they cannot read."""
        self._server.add_generic_rpc_handlers(handlers)

    def add_insecure_port(self, address: str) -> int:
        """Open a port for plain text, and return its number."""
        return self._server.add_insecure_port(address)

    def add_secure_port(self, address: str, server_credentials: grpc.ServerCredentials) -> int:
        """Open a port for TLS, and return its number."""
        return self._server.add_secure_port(address, server_credentials)

    async def start(self) -> None:
        """Begin to serve."""
        await self._server.start()

    async def stop(self, grace: float | None) -> None:
        """Stop, and return when calls under way have ended or their grace has."""
        await self._server.stop(grace)

    async def wait_for_termination(self, timeout: float | None = None) -> bool:
        """Return once the server has stopped."""
        return await self._server.wait_for_termination(timeout)


def _checked(handler: Any, path: str, entrance: Entrance) -> Any:  # noqa: ANN401 - gRPC's named tuple, which it does not export
    """Return a handler whose method is called with messages only, by whom an entrance lets in."""
    forms = {"unary_unary": _unary, "unary_stream": _unary, "stream_stream": _stream}
    passing = _Passing(path, entrance)
    changes = {
        form: wrap(method, passing)
        for form, wrap in forms.items()
        if (method := getattr(handler, form)) is not None
    }
    read = _reader(handler.request_deserializer)
    return handler._replace(request_deserializer=read, **changes)


def _reader(deserializer: _Read) -> _Read:
    def read(data: bytes) -> Any:  # noqa: ANN401 - a message of the method
        try:
            return deserializer(data)
        except DecodeError as error:
            return _Unreadable(str(error))

    return read


@dataclass(frozen=True, slots=True)
class _Passing:
    """The way of the calls of one method through the entrance."""

    path: str
    entrance: Entrance

    async def begin(self, context: Context) -> None:
        """Let a call in, or end it."""
        try:
            self.entrance.admit(self.path, context)
        except SettlementError as error:
            await refuse(context, error, "")

    async def check(self, request: Any, context: Context) -> None:  # noqa: ANN401 - any message
        """End a call whose request cannot be read, or names what is not the caller's."""
        if isinstance(request, _Unreadable):
            fault = Fault("request", f"its bytes are no message of this method: {request.fault}")
            await refuse(context, InvalidRequest([fault]), "")
        try:
            self.entrance.check_request(self.path, request)
        except SettlementError as error:
            await refuse(context, error, "")


def _unary(method: _Method, passing: _Passing) -> _Method:
    if inspect.isasyncgenfunction(method):

        async def streamed(request: Any, context: Context) -> AsyncIterator[Any]:  # noqa: ANN401
            await passing.begin(context)
            await passing.check(request, context)
            async for answer in method(request, context):
                yield answer

        return streamed

    async def answered(request: Any, context: Context) -> Any:  # noqa: ANN401
        await passing.begin(context)
        await passing.check(request, context)
        answer: Awaitable[Any] = method(request, context)
        return await answer

    return answered


def _stream(method: _Method, passing: _Passing) -> _Method:
    async def streamed(requests: AsyncIterator[Any], context: Context) -> AsyncIterator[Any]:
        await passing.begin(context)

        async def readable() -> AsyncIterator[Any]:
            async for request in requests:
                await passing.check(request, context)
                yield request

        async for answer in method(readable(), context):
            yield answer

    return streamed
