"""An endpoint of the national interface, as a client that waits for each answer reaches it."""

import base64
import http.client
import json
import secrets
import socket
import ssl
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

from medsettle import limits
from medsettle.core.dates import CHINA_STANDARD_TIME

_FILE: Final = "application/octet-stream"
_SCHEMES: Final = {"http", "https"}


class OutOfReach(ConnectionError):
    """The endpoint gave no answer that can be read; whether it did anything is not known."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A client that signs its requests with a token, in the headers x-tif-*."""

    client: str
    token: str

    def headers(self) -> dict[str, str]:
        """Return the headers of one request."""
        stamp = str(int(datetime.now(CHINA_STANDARD_TIME).timestamp()))
        nonce = secrets.token_hex(8)
        signed = sha256(f"{stamp}{self.token}{nonce}{stamp}".encode()).hexdigest()
        names = ("paasid", "timestamp", "nonce", "signature")
        return {
            f"x-tif-{name}": value
            for name, value in zip(names, (self.client, stamp, nonce, signed), strict=True)
        }


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests are posted: `url` itself, or, `by_path`, below it under the infno."""

    url: str
    by_path: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    signer: Signer | None = None
    seconds: float = limits.CONFORM_SECONDS_DEFAULT

    def __post_init__(self) -> None:
        """Check the address.

        Raises:
            ValueError: It is no address of HTTP.
        """
        split = urllib.parse.urlsplit(self.url)
        if split.scheme not in _SCHEMES or not split.hostname:
            raise ValueError(f"{self.url!r} is no address; write it like http://127.0.0.1:8080")

    def reach(self) -> None:
        """Check that somebody listens.

        Raises:
            OutOfReach: Nobody does.
        """
        self._connected().close()

    def ask(self, infno: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the answer to a request, its numbers as decimals.

        A file that is sent as such is told as an output that encloses it, in `file_byte`.

        Raises:
            OutOfReach: There was no answer in time, or it was no JSON object with status 200.
        """
        connection = self._sent(infno, request)
        try:
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise OutOfReach(f"no answer from {self.url}: {error}") from error
        finally:
            connection.close()
        done = response.status == http.HTTPStatus.OK
        if done and response.headers.get_content_type() == _FILE:
            return {"infcode": 0, "output": {"file_byte": base64.b64encode(body).decode()}}
        try:
            answer = json.loads(body, parse_float=Decimal)
        except ValueError:
            answer = None
        if not done or not isinstance(answer, dict):
            said = body[: limits.VALUE_CHARS_SHOWN_MAX].decode("utf-8", "replace")
            raise OutOfReach(f"{self.url} answers HTTP {response.status}: {said}")
        return answer

    def give_up(self, infno: str, request: Mapping[str, Any]) -> None:
        """Send a request and hang up before its answer.

        Raises:
            OutOfReach: It could not even be sent.
        """
        self._sent(infno, request).close()

    def _sent(self, infno: str, request: Mapping[str, Any]) -> http.client.HTTPConnection:
        path = urllib.parse.urlsplit(self.url).path.rstrip("/") + (
            f"/{infno}" if self.by_path else ""
        )
        signed = self.signer.headers() if self.signer is not None else {}
        headers = {"content-type": "application/json", **self.headers, **signed}
        connection = self._connected()
        try:
            connection.request("POST", path or "/", _json(request), headers)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise OutOfReach(f"{self.url} cannot be reached: {error}") from error
        return connection

    def _connected(self) -> http.client.HTTPConnection:
        split = urllib.parse.urlsplit(self.url)
        assert split.hostname is not None
        place = (split.hostname, split.port)
        connection: http.client.HTTPConnection
        if split.scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(*place, timeout=self.seconds, context=context)
        else:
            connection = http.client.HTTPConnection(*place, timeout=self.seconds)
        try:
            connection.connect()
            # Requests are small and wait for their answers.
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            connection.close()
            raise OutOfReach(f"{self.url} cannot be reached: {error}") from error
        return connection


def _json(request: Mapping[str, Any]) -> bytes:
    return json.dumps(request, default=_number, ensure_ascii=False).encode()


def _number(value: object) -> object:
    # As text, which the interface takes: JSON's own numbers would pass through a float.
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{value!r} cannot be sent")
