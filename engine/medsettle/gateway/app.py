"""The gateway as an ASGI application: bytes of HTTP to and from `Dispatch`.

An envelope is posted to `/` or to a path that ends in the number of the transaction, such as
`/fsi/api/outpatientSettleService/2207`. Whatever became of it is told inside, with HTTP status
200; only what never reached an envelope has another status.
"""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

import orjson

from medsettle import limits
from medsettle.gateway.bodies import Receive, TooLarge, received
from medsettle.gateway.dispatch import Dispatch
from medsettle.gateway.signatures import Client, NotLetIn, Signatures

Scope: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

DESCRIPTION_PATH: Final = "/openapi.json"

_JSON: Final = (b"content-type", b"application/json; charset=utf-8")
_FILE: Final = (b"content-type", b"application/octet-stream")
# What was not read of a request is no beginning of the next.
_LAST: Final = ((b"connection", b"close"),)
_INFNO: Final = re.compile(r"(?:/[\w.-]+)*?/(\d{4,5}A?)/?")
_PREFIX: Final = re.compile(r"/|/fsi/api(?:/[\w.-]+)*/?")


class Gateway:
    """Serves the national interface; `description` is its OpenAPI document."""

    def __init__(self, dispatch: Dispatch, signatures: Signatures, description: object) -> None:
        """Serve what a dispatch answers, to those whose headers are signed."""
        self._dispatch = dispatch
        self._signatures = signatures
        self._description = orjson.dumps(description)
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        path, method = scope["path"], scope["method"]
        if path == DESCRIPTION_PATH:
            if method != "GET":
                await _plain(send, 405, "only GET", ((b"allow", b"GET"),))
            else:
                await _send(send, 200, self._description)
            return
        numbered = _INFNO.fullmatch(path)
        if numbered is None and not _PREFIX.fullmatch(path):
            await _plain(
                send, 404, f"nothing is at this path; post to /, or get {DESCRIPTION_PATH}"
            )
        elif method != "POST":
            await _plain(send, 405, "only POST", ((b"allow", b"POST"),))
        else:
            try:
                client = self._signatures.client(scope["headers"])
            except NotLetIn as error:
                self._dispatch.not_let_in()
                await _plain(send, 401, str(error))
                return
            await self._posted(receive, send, numbered[1] if numbered else None, client)

    async def _posted(
        self, receive: Receive, send: Send, infno: str | None, client: Client
    ) -> None:
        if self._open >= limits.GATEWAY_REQUESTS_OPEN_MAX:
            await _send(send, 200, self._dispatch.overloaded(), _LAST)
            return
        self._open += 1
        try:
            await self._answered(receive, send, infno, client)
        finally:
            self._open -= 1

    async def _answered(
        self, receive: Receive, send: Send, infno: str | None, client: Client
    ) -> None:
        try:
            body = await received(receive, infno)
        except TooLarge as error:
            text = f"a request has at most {error.most} bytes; send fewer lines a call"
            await _plain(send, 413, text, _LAST)
            return
        except TimeoutError:
            text = f"the body was not there in {limits.GATEWAY_BODY_SECONDS_MAX:.0f} seconds"
            await _plain(send, 408, f"{text}; nothing was done, send it again", _LAST)
            return
        if body is not None:
            reply = await self._dispatch.reply(body, infno, client)
            await _send(send, 200, reply.body, media=_FILE if reply.is_file else _JSON)


async def _plain(
    send: Send, status: int, message: str, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    await _send(send, status, orjson.dumps({"message": message}), headers)


async def _send(
    send: Send,
    status: int,
    body: bytes,
    headers: tuple[tuple[bytes, bytes], ...] = (),
    media: tuple[bytes, bytes] = _JSON,
) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send(
        {"type": "http.response.start", "status": status, "headers": [media, length, *headers]}
    )
    await send({"type": "http.response.body", "body": body})
