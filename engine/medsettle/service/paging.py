"""Page sizes and page tokens (AIP-158).

A token holds the position of the last entry returned and a digest of the other arguments, with a
MAC: it cannot be made up, and a list whose arguments changed on the way is refused, never mixed.
"""

import base64
import binascii
import hashlib
import hmac
import struct
from typing import Final

from medsettle import limits
from medsettle.errors import Fault, InvalidRequest

_POSITION: Final = struct.Struct(">q")
_DIGEST_BYTES: Final = 16
_TOKEN_BYTES: Final = _POSITION.size + 2 * _DIGEST_BYTES


class Pages:
    """Makes and reads the page tokens of one server.

    Tokens end with the server that made them unless `key` is kept and given again.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def token(self, position: int, *arguments: str) -> str:
        """Return the token of the page after `position` of a list with these arguments."""
        body = _POSITION.pack(position) + _digest(arguments)
        return base64.urlsafe_b64encode(body + self._mac(body)).decode("ascii").rstrip("=")

    def position(self, token: str, *arguments: str) -> int:
        """Return the position a token stands for; 0 for the empty token of the first page.

        Raises:
            InvalidRequest: The token is not of this server, or belongs to other arguments.
        """
        if not token:
            return 0
        try:
            whole = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (binascii.Error, ValueError):
            whole = b""
        body, mac = whole[:-_DIGEST_BYTES], whole[-_DIGEST_BYTES:]
        if len(whole) != _TOKEN_BYTES or not hmac.compare_digest(mac, self._mac(body)):
            raise _refused("not a token of this server; start again from the first page")
        if body[_POSITION.size :] != _digest(arguments):
            raise _refused("made for other arguments; repeat those of the first page")
        position: int = _POSITION.unpack_from(body)[0]
        return position

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, "sha256")[:_DIGEST_BYTES]


def page_size(asked: int) -> int:
    """Return how many entries a page has: 50 for 0, at most 1,000.

    Raises:
        InvalidRequest: Below 0.

    >>> page_size(0), page_size(7), page_size(10_000)
    (50, 7, 1000)
    """
    if asked < 0:
        raise InvalidRequest([Fault("page_size", f"found {asked}; expected 0 or more")])
    return min(asked or limits.PAGE_SIZE_DEFAULT, limits.PAGE_SIZE_MAX)


def _digest(arguments: tuple[str, ...]) -> bytes:
    # Lengths first: ("a", "bc") and ("ab", "c") are different lists.
    parts = "".join(f"{len(argument)}:{argument}" for argument in arguments)
    return hashlib.sha256(parts.encode()).digest()[:_DIGEST_BYTES]


def _refused(found: str) -> InvalidRequest:
    return InvalidRequest([Fault("page_token", found)])
