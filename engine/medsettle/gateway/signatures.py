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
from typing import Protocol

from cryptography.hazmat.primitives.hashes import SM3
from cryptography.hazmat.primitives.hmac import HMAC

from medsettle import limits

Headers = Iterable[tuple[bytes, bytes]]


class Signatures(Protocol):
    """Judges the headers of a request."""

    def refusal(self, headers: Headers) -> str | None:
        """Return why a request is not let in, None where it is."""
        ...


@dataclass(frozen=True, slots=True)
class Unsigned:
    """Lets everybody in: the network says who may reach the port."""

    def refusal(self, headers: Headers) -> str | None:
        """Return None."""
        return None


@dataclass(frozen=True, slots=True)
class Signed:
    """Lets in whoever signs with the token of a known client, once a nonce.

    `tokens` are secrets by the client's name (x-tif-paasid, x-ca-key). A timestamp, in seconds
    since 1970, may be minutes away from `clock`; a nonce counts once in that time.
    """

    tokens: Mapping[str, str]
    clock: Callable[[], datetime]
    _seen: dict[tuple[str, str], float] = field(default_factory=dict)

    def refusal(self, headers: Headers) -> str | None:
        """Return why a request is not let in, None where it is."""
        stated = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
        for prefix, who, sign in (("x-tif", "paasid", _tif), ("x-ca", "key", _ca)):
            if f"{prefix}-signature" in stated:
                names = (who, "timestamp", "nonce", "signature")
                values = [stated.get(f"{prefix}-{name}", "") for name in names]
                return self._judged(prefix, values, sign)
        return "unsigned; send the headers x-tif-* or x-ca-* of your client"

    def _judged(
        self, prefix: str, values: list[str], sign: Callable[[str, str, str], str]
    ) -> str | None:
        client, stamp, nonce, signature = values
        token = self.tokens.get(client)
        if token is None:
            return f"{prefix}: no such client is known; ask the bureau to register it"
        right = sign(token, stamp, nonce)
        if not hmac.compare_digest(right.encode(), signature.lower().encode()):
            return f"{prefix}: the signature is not that of the client's token"
        now = self.clock().timestamp()
        if not stamp.isascii() or not stamp.isdigit() or len(stamp) > len(str(int(now))):
            return f"{prefix}-timestamp: seconds since 1970 are asked"
        if abs(now - int(stamp)) > limits.GATEWAY_CLOCK_MINUTES_MAX * 60:
            return f"{prefix}-timestamp: more than {limits.GATEWAY_CLOCK_MINUTES_MAX} minutes away"
        return self._repeated(prefix, client, nonce, now)

    def _repeated(self, prefix: str, client: str, nonce: str, now: float) -> str | None:
        oldest = now - 2 * limits.GATEWAY_CLOCK_MINUTES_MAX * 60
        while self._seen and next(iter(self._seen.values())) < oldest:
            del self._seen[next(iter(self._seen))]
        if not nonce or (client, nonce) in self._seen:
            return f"{prefix}-nonce: a new one is asked for every request"
        self._seen[client, nonce] = now
        return None


def _tif(token: str, stamp: str, nonce: str) -> str:
    return sha256(f"{stamp}{token}{nonce}{stamp}".encode()).hexdigest()


def _ca(token: str, stamp: str, nonce: str) -> str:
    made = HMAC(token.encode(), SM3())
    made.update(f"{stamp}\n{nonce}".encode())
    return made.finalize().hex()
