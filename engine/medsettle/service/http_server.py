"""A server of HTTP on an event loop that others use too."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, TypeAlias

import uvicorn

from medsettle import limits
from medsettle.service.bounded_http import BoundedHttp

_BACKLOG: Final = 2_048

App: TypeAlias = Callable[..., Awaitable[Any]]
"""An application of ASGI."""


class _Beside(uvicorn.Server):
    """A server that leaves the signals of the process to whoever started it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signals."""
        yield


class HttpServer:
    """A running server of one application; `address` has the port that was chosen."""

    def __init__(self, app: App, listen: str, *, open_max: int | None = None) -> None:
        """Take a port; `start` begins to answer there.

        Args:
            app: What answers.
            listen: Host and port; port 0 chooses one.
            open_max: Connections at once, beyond which one is told to come later; None where the
                application sees to that.

        Raises:
            OSError: The address cannot be listened at; the message says what to do.
        """
        host, _, port = listen.rpartition(":")
        try:
            self._socket = _bound(host, int(port))
        except (OSError, ValueError, OverflowError) as error:
            raise OSError(f"cannot listen at {listen}: {error}; choose another address") from error
        self.address = f"{host}:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            app,
            http=BoundedHttp,
            loop="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            # Addresses of callers are not looked at, whoever forwards for them.
            proxy_headers=False,
            limit_concurrency=open_max,
            timeout_graceful_shutdown=int(limits.SHUTDOWN_SECONDS_MAX),
        )
        self._server = _Beside(config)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to answer, on the running event loop."""
        self._task = asyncio.ensure_future(self._server.serve([self._socket]))

    async def stop(self) -> None:
        """Begin no more requests, finish those begun, and return."""
        self._server.should_exit = True
        if self._task is None:
            self._socket.close()
        else:
            await self._task


def _bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    It says that it is of TCP, for asyncio sends at once only on sockets that say so. An answer is
    two writes, its head and its body, and the second would wait 40 ms for the client's kernel to
    have seen the first.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
        opened.listen(_BACKLOG)
    except BaseException:
        opened.close()
        raise
    return opened
