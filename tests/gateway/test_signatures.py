"""Signed headers of both families."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.hashes import SM3
from cryptography.hazmat.primitives.hmac import HMAC
from medsettle import limits
from medsettle.gateway.signatures import Client, NotLetIn, Signed

_NOW = datetime(2024, 6, 3, 2, 0, tzinfo=UTC)
_STAMP = int(_NOW.timestamp())
_TOKEN = "test-token"


def _signed() -> Signed:
    return Signed({"hospital": Client("hospital", _TOKEN)}, lambda: _NOW)


def _tif(stamp: int = _STAMP, nonce: str = "n1", token: str = _TOKEN) -> dict[str, str]:
    text = f"{stamp}{token}{nonce}{stamp}"
    return {
        "x-tif-paasid": "hospital",
        "x-tif-timestamp": str(stamp),
        "x-tif-nonce": nonce,
        "x-tif-signature": sha256(text.encode()).hexdigest(),
    }


def _ca(stamp: int = _STAMP, nonce: str = "n1", token: str = _TOKEN) -> dict[str, str]:
    made = HMAC(token.encode(), SM3())
    made.update(f"{stamp}\n{nonce}".encode())
    return {
        "x-ca-key": "hospital",
        "x-ca-timestamp": str(stamp),
        "x-ca-nonce": nonce,
        "x-ca-signature": made.finalize().hex(),
    }


def _refusal(signed: Signed, headers: dict[str, str]) -> str | None:
    try:
        signed.client([(name.encode(), value.encode()) for name, value in headers.items()])
    except NotLetIn as error:
        return str(error)
    return None


@pytest.mark.parametrize("made", [_tif, _ca])
def test_a_signature_counts_once(made: type) -> None:
    """The right one is let in, and the same nonce not again."""
    signed = _signed()
    assert _refusal(signed, made()) is None
    assert "nonce" in str(_refusal(signed, made()))
    assert _refusal(signed, made(nonce="n2")) is None
    assert "not that of the client" in str(_refusal(signed, made(token="other")))
    unknown = {name: "nobody" if value == "hospital" else value for name, value in made().items()}
    assert "no such client" in str(_refusal(signed, unknown))
    assert "unsigned" in str(_refusal(signed, {}))


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_clock_may_be_minutes_away(sign: int) -> None:
    """At the bound it counts, a second beyond it does not."""
    bound = sign * limits.GATEWAY_CLOCK_MINUTES_MAX * 60
    assert _refusal(_signed(), _tif(_STAMP + bound)) is None
    assert "minutes away" in str(_refusal(_signed(), _tif(_STAMP + bound + sign)))


def test_nonces_are_forgotten_with_their_time() -> None:
    """Memory holds the nonces of the minutes in which they could count again."""
    now = [_NOW]
    signed = Signed({"hospital": Client("hospital", _TOKEN)}, lambda: now[0])
    for minutes in range(0, 200, 10):
        now[0] = _NOW + timedelta(minutes=minutes)
        stamp = int(now[0].timestamp())
        assert _refusal(signed, _tif(stamp, nonce=f"n{minutes}")) is None
    assert len(signed._seen) <= 2 * limits.GATEWAY_CLOCK_MINUTES_MAX // 10 + 1


@pytest.mark.parametrize("made", [_tif, _ca])
def test_a_client_speaks_for_its_institutions(made: Callable[[], dict[str, str]]) -> None:
    """Who signed is told, with the institutions of the token; without any it is for all."""
    bound = Client("hospital", _TOKEN, frozenset({"H11000000001"}))
    signed = Signed({"hospital": bound}, lambda: _NOW)
    found = signed.client([(name.encode(), value.encode()) for name, value in made().items()])

    assert bound == found
    assert found.speaks_for("H11000000001")
    assert not found.speaks_for("H11000000002")
    assert Client("any", _TOKEN).speaks_for("H11000000002")
