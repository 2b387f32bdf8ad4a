"""The port at which a server tells its measurements and how it is, and nothing else.

GET /metrics    the measurements
GET /livez      200 while the process answers at all
GET /readyz     200 while calls are to be sent here, else 503; a line for each part
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, TypeAlias

from medsettle.service.measures import CONTENT_TYPE_LATEST, Measures

METRICS_PATH: Final = "/metrics"
LIVE_PATH: Final = "/livez"
READY_PATH: Final = "/readyz"

_Message: TypeAlias = MutableMapping[str, Any]


class MeasuresPage:
    """The measurements of a server as an ASGI application."""

    def __init__(self, measures: Measures) -> None:
        self._measures = measures
        self.readiness: Callable[[], Mapping[str, bool]] = dict
        """What must be well for calls to be sent here, and whether it is."""

    async def __call__(
        self,
        scope: _Message,
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = [(b"cache-control", b"no-store")]
        if scope["path"] not in {METRICS_PATH, LIVE_PATH, READY_PATH}:
            known = f"{METRICS_PATH}, {LIVE_PATH} or {READY_PATH}"
            status, body = 404, f"nothing is at this path; get {known}\n".encode()
        elif scope["method"] not in {"GET", "HEAD"}:
            status, body = 405, b"only GET\n"
            headers.append((b"allow", b"GET"))
        elif scope["path"] == LIVE_PATH:
            # Whoever answers is alive; restarting what is not ready would help nobody.
            status, body = 200, b"live\n"
        elif scope["path"] == READY_PATH:
            parts = self.readiness()
            status = 200 if parts and all(parts.values()) else 503
            lines = [f"{name} {'well' if well else 'not well'}\n" for name, well in parts.items()]
            body = "".join(lines).encode()
        else:
            # Beside the loop: a page of many series takes some milliseconds.
            status, body = 200, await asyncio.to_thread(self._measures.page)
        told = status == 200 and scope["path"] == METRICS_PATH
        media = CONTENT_TYPE_LATEST if told else "text/plain; charset=utf-8"
        headers.append((b"content-type", media.encode()))
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        shown = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": shown})
