"""Ed25519 keys in PEM files: how they are called, written and read.

Statements and checkpoints of audit tables are signed with keys of this one form.
"""

from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from medsettle import durable

_MAKERS = "`statement keygen`, or `audit key` for the log of audit tables"

_PRIVATE_MODE = 0o600


class UnreadableKey(OSError):
    """A file holds no key of the wanted kind; the message says why."""


def raw_key(key: Ed25519PublicKey) -> bytes:
    """Return the 32 bytes of a public key (RFC 8032)."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def fingerprint_of(key: Ed25519PublicKey) -> str:
    """Return the fingerprint of a key: SHA-256 of its 32 bytes, as 64 hexadecimal digits."""
    return sha256(raw_key(key)).hexdigest()


def key_files(name: str) -> tuple[str, str]:
    """Return how the files of a private and a public key are called.

    >>> key_files("centre-a")
    ('centre-a.key.pem', 'centre-a.pub.pem')
    """
    return f"{name}.key.pem", f"{name}.pub.pem"


def key_pems(key: Ed25519PrivateKey) -> tuple[bytes, bytes]:
    """Return a private key and its public half as PEM."""
    return (
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    )


def make_key(name: str, out: Path) -> tuple[Path, Path, Ed25519PublicKey]:
    """Make a key and write both halves; the private file is for its owner alone.

    Args:
        name: Whose key it is; the files are called by it.
        out: Folder of the two files, made where it is missing.

    Returns:
        Path of the private and of the public file, and the public key.

    Raises:
        UnreadableKey: There is such a file already, or the name names no file.
        OSError: The folder cannot be written.
    """
    if not name.isprintable() or "/" in name or not name.strip("."):
        raise UnreadableKey(f"{name!r} names no file; write a name such as centre-a")
    private, public = (out / file for file in key_files(name))
    if private.exists() or public.exists():
        raise UnreadableKey(f"{private} or {public} is there already; name another key")
    key = Ed25519PrivateKey.generate()
    pems = key_pems(key)
    durable.make_folder(out)
    durable.put(private, pems[0], _PRIVATE_MODE)
    durable.put(public, pems[1])
    durable.sync_folder(out)
    return private, public, key.public_key()


def private_key(path: Path) -> Ed25519PrivateKey:
    """Return the private key of a PEM file.

    Raises:
        UnreadableKey: The file holds no private Ed25519 key without a password.
        OSError: It cannot be read.
    """
    try:
        key = load_pem_private_key(_read(path), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _no_key(path, f"private Ed25519 key without a password: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path, "private Ed25519 key but one of another kind")
    return key


def public_key(path: Path) -> Ed25519PublicKey:
    """Return the public key of a PEM file.

    Raises:
        UnreadableKey: The file holds no public Ed25519 key.
        OSError: It cannot be read.
    """
    try:
        key = load_pem_public_key(_read(path))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _no_key(path, f"public Ed25519 key: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key(path, "public Ed25519 key but one of another kind")
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        text = f"{path} is not there; name the file of a key, or make one: {_MAKERS}"
        raise FileNotFoundError(text) from error


def _no_key(path: Path, text: str) -> UnreadableKey:
    return UnreadableKey(f"{path} holds no {text}; what makes one: {_MAKERS}")
