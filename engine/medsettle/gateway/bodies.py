"""The body of a request as it comes in: bounded by what it asks for, and by time."""

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

from medsettle import limits

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]

_UPLOAD: Final = "9101"
_NAMES_UPLOAD: Final = re.compile(rb'"infno"\s*:\s*"?9101"?\s*[,}]')


class TooLarge(Exception):
    """A body is longer than one of its transaction may be; `most` bytes are taken."""

    def __init__(self, most: int) -> None:
        """Say how many bytes are taken."""
        super().__init__(most)
        self.most = most


async def received(receive: Receive, infno: str | None) -> bytes | None:
    """Return the whole body, None where the caller hung up before its end.

    Nobody has signed in yet, so a long one is taken only where a file is sent (9101): by its path,
    or, where that names no transaction, by an infno near the beginning.

    Args:
        receive: Gives the parts of the body.
        infno: The transaction that the path names, if it names one.

    Raises:
        TooLarge: It has more bytes than a request of its transaction may.
        TimeoutError: It was not there in time.
    """
    parts: list[bytes] = []
    size, most = 0, _most(infno, b"")
    async with asyncio.timeout(limits.GATEWAY_BODY_SECONDS_MAX):
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            part = message.get("body", b"")
            size += len(part)
            parts.append(part)
            if size > most:
                most = _most(infno, b"".join(parts)[: limits.GATEWAY_HEAD_BYTES])
            if size > most:
                raise TooLarge(most)
            if not message.get("more_body"):
                return b"".join(parts)


def _most(infno: str | None, head: bytes) -> int:
    """Return how many bytes a body may have that begins so."""
    is_file = infno == _UPLOAD or (infno is None and _NAMES_UPLOAD.search(head) is not None)
    return limits.GATEWAY_FILE_REQUEST_BYTES_MAX if is_file else limits.GATEWAY_BYTES_MAX
