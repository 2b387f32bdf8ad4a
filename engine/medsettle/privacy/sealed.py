"""Bytes that only the holder of a key can read, and that nobody can change unseen.

    MSEAL1 | length of name | name of key | algorithm | nonce (12) | ciphertext | tag (16)

What stands before the ciphertext is authenticated with it, and so is what the caller names as
`associated`: a sealed claim that is moved to another person's place does not open there. Nonces are
random, so a key is replaced before it has sealed 2^32 times (NIST SP 800-38D, 8.3).

>>> key = new_sealing_key("offline-1", "SM4-GCM")
>>> unseal(seal(b"claim", key, b"till 7"), key, b"till 7")
b'claim'
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import Cipher, CipherAlgorithm, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES, SM4

from medsettle import limits
from medsettle.errors import Fault, InvalidRequest, NotFound, Precondition
from medsettle.privacy import key_files
from medsettle.privacy.key_files import SecretKey

_MAGIC: Final = b"MSEAL1"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class _Form:
    """An algorithm: the byte that says it in what was sealed, its cipher and its length of key."""

    number: int
    cipher: Callable[[bytes], CipherAlgorithm]
    secret_bytes: int


# GM/T 0002 gives SM4 one length of key, 128 bits.
_FORMS: Final = {"AES-256-GCM": _Form(1, AES, 32), "SM4-GCM": _Form(2, SM4, 16)}
ALGORITHMS: Final = tuple(_FORMS)
"""What can be asked of a sealing key."""

SealingKey = SecretKey
"""A key whose algorithm is one of `ALGORITHMS`."""


def new_sealing_key(name: str, algorithm: str = "AES-256-GCM") -> SealingKey:
    """Return a random key.

    Raises:
        InvalidRequest: There is no such algorithm.
        Precondition: The name is none that a key can have.
    """
    return key_files.new_key(name, algorithm, _form(algorithm).secret_bytes)


def open_sealing_key(folder: Path, name: str, algorithm: str = "AES-256-GCM") -> SealingKey:
    """Return the key of a name in a folder, made there if it is not there yet.

    An existing key keeps its algorithm, whatever is asked for.

    Raises:
        InvalidRequest: There is no such algorithm.
        Precondition: The file of the key is open to others or damaged.
        OSError: The folder cannot be read or written.
    """
    try:
        key = key_files.read_key(folder, name)
    except NotFound:
        key = key_files.keep_key(folder, new_sealing_key(name, algorithm))
    _checked_form(key)
    return key


def seal(plain: bytes, key: SealingKey, associated: bytes) -> bytes:
    """Return bytes sealed under a key.

    Args:
        plain: At most `SEALED_BYTES_MAX` bytes.
        key: Its name stands in front of the sealed bytes, readable.
        associated: What the same bytes must be given to `unseal`; it is not in what is returned.

    Raises:
        InvalidRequest: There is too much to seal.
        Precondition: The key is for something else, or the library here lacks its algorithm.
    """
    form = _checked_form(key)
    if len(plain) > limits.SEALED_BYTES_MAX:
        most = limits.SEALED_BYTES_MAX
        found = f"{len(plain)} bytes; at most {most} are sealed at once"
        raise InvalidRequest([Fault("plain", found)])
    name = key.name.encode("ascii")
    nonce = secrets.token_bytes(_NONCE_BYTES)
    head = _MAGIC + bytes((len(name),)) + name + bytes((form.number,)) + nonce
    try:
        encryptor = Cipher(form.cipher(key.secret), modes.GCM(nonce)).encryptor()
    except UnsupportedAlgorithm as error:
        raise _lacking(key) from error
    encryptor.authenticate_additional_data(_authenticated(head, associated))
    return head + encryptor.update(plain) + encryptor.finalize() + encryptor.tag


def unseal(sealed: bytes, key: SealingKey, associated: bytes) -> bytes:
    """Return what was sealed under a key with the same associated bytes.

    Raises:
        Precondition: It was sealed by another key or for something else, or was changed; or the
            library here lacks the algorithm.
    """
    form = _checked_form(key)
    name = sealed_by(sealed)
    if name != key.name:
        raise Precondition(f"sealed by key {name}, not {key.name}; use that key", key=name)
    start = len(_MAGIC) + 1 + len(name) + 1 + _NONCE_BYTES
    head, content, tag = sealed[:start], sealed[start:-_TAG_BYTES], sealed[-_TAG_BYTES:]
    if len(sealed) < start + _TAG_BYTES or head[-_NONCE_BYTES - 1] != form.number:
        raise _changed(key)
    try:
        mode = modes.GCM(head[-_NONCE_BYTES:], tag)
        decryptor = Cipher(form.cipher(key.secret), mode).decryptor()
        decryptor.authenticate_additional_data(_authenticated(head, associated))
        return decryptor.update(content) + decryptor.finalize()
    except UnsupportedAlgorithm as error:
        raise _lacking(key) from error
    except InvalidTag:
        raise _changed(key) from None


def sealed_by(sealed: bytes) -> str:
    """Return the name of the key that bytes say they were sealed by, before anything is checked.

    Raises:
        Precondition: They are nothing that was sealed.
    """
    size = sealed[len(_MAGIC)] if sealed.startswith(_MAGIC) and len(sealed) > len(_MAGIC) else 0
    name = sealed[len(_MAGIC) + 1 :][:size]
    if not size or len(name) != size or not name.isascii():
        raise Precondition("these bytes were not sealed by medsettle, or their beginning is gone")
    return name.decode("ascii")


def _authenticated(head: bytes, associated: bytes) -> bytes:
    # The head says its own length, so no other pair of head and associated bytes looks the same.
    return head + associated


def _form(algorithm: str) -> _Form:
    if algorithm not in _FORMS:
        known = ", ".join(ALGORITHMS)
        raise InvalidRequest([Fault("algorithm", f"{algorithm!r} does not seal; there is {known}")])
    return _FORMS[algorithm]


def _checked_form(key: SealingKey) -> _Form:
    form = _FORMS.get(key.algorithm)
    if form is None or len(key.secret) != form.secret_bytes:
        raise Precondition(
            f"key {key.name} ({key.algorithm}, {len(key.secret)} bytes) does not seal; there is "
            f"{', '.join(ALGORITHMS)}",
            key=key.name,
        )
    return form


def _lacking(key: SealingKey) -> Precondition:
    return Precondition(
        f"the OpenSSL here has no {key.algorithm}; use a key of another algorithm, or a library "
        "with it",
        key=key.name,
    )


def _changed(key: SealingKey) -> Precondition:
    return Precondition(
        f"what key {key.name} sealed was changed, cut, or sealed for something else", key=key.name
    )
