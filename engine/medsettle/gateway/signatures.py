"""Who may post: the signed headers of the two families of gateways in use.

`x-tif-signature` is the SHA-256 in hex of timestamp, token, nonce and timestamp, one after the
other, where the token belongs to the client named in `x-tif-paasid`. `x-ca-signature` is an SM3
digest by the key named in `x-ca-key`; what it covers differs between vendors and no description of
it is public, so ours is a choice: the HMAC with SM3 over timestamp, newline, nonce.
"""

import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final, Protocol

from cryptography.hazmat.primitives.hashes import SM3
from cryptography.hazmat.primitives.hmac import HMAC

from medsettle import limits

Headers = Iterable[tuple[bytes, bytes]]


class NotLetIn(Exception):
    """The headers of a request are not those of a known client; the text says why."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who signs requests: by which secret, and for which institutions; None is for any."""

    name: str
    token: str
    institutions: frozenset[str] | None = None

    def speaks_for(self, institution: str) -> bool:
        """Return whether requests of an institution are taken from it."""
        return self.institutions is None or institution in self.institutions


ANYBODY: Final = Client("", "")
"""Whoever reaches a port where nobody signs."""


class Signatures(Protocol):
    """Judges the headers of a request."""

    def client(self, headers: Headers) -> Client:
        """Return who sends a request.

        Raises:
            NotLetIn: Nobody known does.
        """
        ...


@dataclass(frozen=True, slots=True)
class Unsigned:
    """Lets everybody in: the network says who may reach the port."""

    def client(self, headers: Headers) -> Client:
        """Return that nobody knows who it is."""
        return ANYBODY


@dataclass(frozen=True, slots=True)
class Signed:
    """Lets in whoever signs with the token of a known client, once a nonce.

    `clients` are by name (x-tif-paasid, x-ca-key). A timestamp, in seconds
    since 1970, may be minutes away from `clock`; a nonce counts once in that time.
    """

    clients: Mapping[str, Client]
    clock: Callable[[], datetime]
    _seen: dict[tuple[str, str], float] = field(default_factory=dict)

    def client(self, headers: Headers) -> Client:
        """Return who signed a request.

        Raises:
            NotLetIn: Nobody known did, or not now, or not this once.
        """
        stated = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
        for prefix, who, sign in (("x-tif", "paasid", _tif), ("x-ca", "key", _ca)):
            if f"{prefix}-signature" in stated:
                names = (who, "timestamp", "nonce", "signature")
                values = [stated.get(f"{prefix}-{name}", "") for name in names]
                return self._judged(prefix, values, sign)
        raise NotLetIn("unsigned; send the headers x-tif-* or x-ca-* of your client")

    def _judged(
        self, prefix: str, values: list[str], sign: Callable[[str, str, str], str]
    ) -> Client:
        name, stamp, nonce, signature = values
        client = self.clients.get(name)
        if client is None:
            raise NotLetIn(f"{prefix}: no such client is known; ask the bureau to register it")
        right = sign(client.token, stamp, nonce)
        if not hmac.compare_digest(right.encode(), signature.lower().encode()):
            raise NotLetIn(f"{prefix}: the signature is not that of the client's token")
        now = self.clock().timestamp()
        if not stamp.isascii() or not stamp.isdigit() or len(stamp) > len(str(int(now))):
            raise NotLetIn(f"{prefix}-timestamp: seconds since 1970 are asked")
        if abs(now - int(stamp)) > limits.GATEWAY_CLOCK_MINUTES_MAX * 60:
            most = limits.GATEWAY_CLOCK_MINUTES_MAX
            raise NotLetIn(f"{prefix}-timestamp: more than {most} minutes away")
        self._count(prefix, name, nonce, now)
        return client

    def _count(self, prefix: str, client: str, nonce: str, now: float) -> None:
        """Remember a nonce; one that is remembered is not let in again."""
        oldest = now - 2 * limits.GATEWAY_CLOCK_MINUTES_MAX * 60
        while self._seen and next(iter(self._seen.values())) < oldest:
            del self._seen[next(iter(self._seen))]
        if not nonce or (client, nonce) in self._seen:
            raise NotLetIn(f"{prefix}-nonce: a new one is asked for every request")
        self._seen[client, nonce] = now


def _tif(token: str, stamp: str, nonce: str) -> str:
    return sha256(f"{stamp}{token}{nonce}{stamp}".encode()).hexdigest()


def _ca(token: str, stamp: str, nonce: str) -> str:
    made = HMAC(token.encode(), SM3())
    made.update(f"{stamp}\n{nonce}".encode())
    return made.finalize().hex()
