"""The HTTP server of the gateway, on an event loop that others use too."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Final

import uvicorn

from medsettle import limits
from medsettle.gateway.app import Gateway

_BACKLOG: Final = 2_048


class _Beside(uvicorn.Server):
    """A server that leaves the signals of the process to whoever started it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signals."""
        yield


class GatewayServer:
    """A running gateway; `address` has the port that was chosen."""

    def __init__(self, app: Gateway, listen: str) -> None:
        """Take a port; `start` begins to answer there.

        Raises:
            OSError: The address cannot be bound.
        """
        host, _, port = listen.rpartition(":")
        self._socket = _bound(host, int(port))
        self.address = f"{host}:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            app,
            http="httptools",
            loop="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            # Addresses of callers are not looked at, whoever forwards for them.
            proxy_headers=False,
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
        if self._task is not None:
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
