"""HTTP connections that end where a client sends or reads nothing, or more than it may.

uvicorn waits for the head of a request for as long as its client likes, and keeps whatever of it
has come. A client that sends a byte a minute would hold a connection for ever, and one that sends
a header without an end would fill the memory.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from medsettle import limits


class BoundedHttp(HttpToolsProtocol):
    """A connection: its requests have heads of so many bytes, which come within so long."""

    _head_bytes = 0
    _awaits_head = True
    _head_timer: asyncio.TimerHandle | None = None
    _unread_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection, or end it where there are as many as may be."""
        super().connection_made(transport)
        if len(self.connections) > limits.HTTP_CONNECTIONS_MAX:
            transport.close()
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection."""
        for timer in (self._head_timer, self._unread_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; a head that grows beyond its bound is refused with the connection."""
        super().data_received(data)
        if not self._awaits_head or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > limits.HTTP_HEAD_BYTES_MAX:
            self.send_400_response(f"a head has at most {limits.HTTP_HEAD_BYTES_MAX} bytes")

    def on_headers_complete(self) -> None:
        """Begin to answer a request whose head has come."""
        self._awaits_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request of the connection."""
        self._awaits_head, self._head_bytes = True, 0
        self._await_head()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Hold an answer back whose client does not read it, and see whether it goes on."""
        super().pause_writing()
        self._await_reader(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Go on with an answer that is read."""
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None
        super().resume_writing()

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(limits.HTTP_HEAD_SECONDS_MAX, self._end)

    def _end(self) -> None:
        """End a connection; what its client has not read by now it does not want."""
        if self.transport.is_closing() or self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    def _await_reader(self, unread_bytes: int) -> None:
        def look() -> None:
            left = self.transport.get_write_buffer_size()
            if left > unread_bytes - limits.HTTP_READ_BYTES_LEAST:
                self.transport.abort()
            else:
                self._await_reader(left)

        self._unread_timer = self.loop.call_later(limits.HTTP_UNREAD_SECONDS_MAX, look)
