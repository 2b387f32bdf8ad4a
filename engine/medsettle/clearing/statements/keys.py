"""Keys and signatures of statements: Ed25519, a signature a party over the same manifest.

A signature is a file beside the manifest, named by the fingerprint of its key, with the public key
in it. So anyone can tell which key signed; whose key that is says who asks, by the keys he trusts.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Final

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from medsettle import limits
from medsettle.clearing.statements.csv import UnreadableStatementFile
from medsettle.signing_keys import fingerprint_of, raw_key

SIGNATURE_SUFFIX: Final = ".sig"
_SHORT: Final = 16
# What is signed begins with this, so that no signature made for anything else counts here.
_PURPOSE: Final = b"medsettle statement 1\n"


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature with the key that it says it was made by."""

    file: str
    fingerprint: str
    key: Ed25519PublicKey
    signature: bytes

    def signs(self, manifest: bytes) -> bool:
        """Return whether its key signed these bytes."""
        try:
            self.key.verify(self.signature, _PURPOSE + manifest)
        except InvalidSignature:
            return False
        return True


def signature_name(manifest: str, fingerprint: str) -> str:
    """Return how the file of a signature is called."""
    return f"{manifest}.{fingerprint[:_SHORT]}{SIGNATURE_SUFFIX}"


def signature_bytes(manifest: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return the content of the file of a signature."""
    public = key.public_key()
    said = {
        "fingerprint": fingerprint_of(public),
        "public_key": _text(raw_key(public)),
        "signature": _text(key.sign(_PURPOSE + manifest)),
    }
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS) + b"\n"


def read_signature(file: str, content: bytes) -> Signature:
    """Return the signature of a file.

    Raises:
        UnreadableStatementFile: It is no signature, or its key has another fingerprint or name.
    """
    if len(content) > (most := limits.STATED_SIGNATURE_BYTES_MAX):
        raise UnreadableStatementFile(f"has more than {most:,} bytes, more than any signature")
    try:
        said = orjson.loads(content)
        raw = base64.b64decode(said["public_key"], validate=True)
        key = Ed25519PublicKey.from_public_bytes(raw)
        found = Signature(
            file, said["fingerprint"], key, base64.b64decode(said["signature"], validate=True)
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, binascii.Error) as error:
        raise UnreadableStatementFile(f"is no signature of a statement: {error}") from error
    own = fingerprint_of(key)
    if found.fingerprint != own or not file.endswith(f".{own[:_SHORT]}{SIGNATURE_SUFFIX}"):
        raise UnreadableStatementFile(f"says another fingerprint than that of its key, {own}")
    return found


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
