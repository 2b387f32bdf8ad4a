"""A sealed record: what a claim is put into while the engine is out of reach.

A record has three parts. The *header* is in the clear and says whose it is: institution, till,
number, moment, the digest of the record before it and the digest of what is sealed. The *content*
is the claim with the cash that was taken for it, sealed so that nobody without the key reads a
person in it. The *signature* is the institution's, Ed25519 over the header. So a byte that changes
anywhere, a record that is left out and one that stands in another place are all found.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from medsettle.core.settlement import Row
from medsettle.core.tables import plain
from medsettle.privacy.sealed import SealingKey, seal, unseal

_FORMAT: Final = "medsettle-offline-1"
FIRST: Final = "0" * 64
"""What the first record of a till names as the digest of the record before it."""

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_RECEIPT_HEX: Final = 16
_RECEIPT: Final = re.compile(rf"[1-9]\d{{0,9}}-[0-9a-f]{{{_RECEIPT_HEX}}}")


@dataclass(frozen=True, slots=True)
class Header:
    """What a record says of itself in the clear; `moment` has the zone UTC."""

    institution: str
    till: str
    seq: int
    moment: datetime
    previous: str
    content: str = ""

    def bound(self) -> bytes:
        """Return what the content is sealed beside: the header without the digest of the content.

        It stands in the seal too, so that a content cannot be put under another header.
        """
        return _canonical({name: value for name, value in self._fields() if name != "content"})

    def bytes(self) -> bytes:
        """Return what is signed."""
        return _canonical(dict(self._fields()))

    def _fields(self) -> list[tuple[str, object]]:
        return [
            ("format", _FORMAT),
            ("institution", self.institution),
            ("till", self.till),
            ("seq", self.seq),
            ("moment", self.moment.astimezone(UTC).isoformat()),
            ("previous", self.previous),
            ("content", self.content),
        ]


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """A record as it is kept: the bytes of header, content and signature."""

    header: bytes
    sealed: bytes
    signature: bytes

    @property
    def digest(self) -> str:
        """The digest by which the next record and the patient's receipt name this one."""
        return sha256(self.header).hexdigest()


@dataclass(frozen=True, slots=True)
class Content:
    """What is sealed: the claim with its moment as `offline_time`, and the cash that was taken."""

    claim: Row
    paid_fen: int


class Tampered(ValueError):
    """A record is not what was signed; the message says which part."""


def receipt_of(seq: int, digest: str) -> str:
    """Return the words by which a patient can prove that a record was made.

    >>> receipt_of(7, "ab" * 32)
    '7-abababababababab'
    """
    return f"{seq}-{digest[:_RECEIPT_HEX]}"


def is_receipt(text: str) -> bool:
    """Return whether a text has the form of a receipt."""
    return _RECEIPT.fullmatch(text) is not None


def sealed_record(
    header: Header, content: Content, key: Ed25519PrivateKey, seal_key: SealingKey
) -> SealedRecord:
    """Return a record, signed and sealed.

    Args:
        header: Whose it is; its digest of the content is put in here.
        content: The claim and the cash.
        key: Of the institution.
        seal_key: Of the institution's tills and of whoever settles for them.
    """
    text = orjson.dumps(
        {"claim": content.claim, "paid_fen": content.paid_fen},
        default=plain,
        option=orjson.OPT_SORT_KEYS,
    )
    sealed = seal(text, seal_key, header.bound())
    signed = replace(header, content=sha256(sealed).hexdigest()).bytes()
    return SealedRecord(signed, sealed, key.sign(signed))


def header_of(record: SealedRecord, key: Ed25519PublicKey) -> Header:
    """Return the header of a record whose signature and content are those that were signed.

    Raises:
        Tampered: They are not.
    """
    try:
        key.verify(record.signature, record.header)
    except InvalidSignature as error:
        raise Tampered("its header is not what this institution signed") from error
    header = _header(record.header)
    if header.content != sha256(record.sealed).hexdigest():
        raise Tampered("its content is not the one that was signed")
    return header


def content_of(record: SealedRecord, header: Header, seal_key: SealingKey) -> Content:
    """Return what a record holds, whose header is what `header_of` returned.

    Raises:
        Precondition: It was sealed with another key, for what it holds is what was signed.
    """
    found = orjson.loads(unseal(record.sealed, seal_key, header.bound()))
    return Content(found["claim"], found["paid_fen"])


def _header(text: bytes) -> Header:
    """Return a header whose signature holds: it can only be one that a till of ours has made."""
    found: dict[str, Any] = orjson.loads(text)
    if found.get("format") != _FORMAT or not _DIGEST.fullmatch(found["previous"]):
        raise Tampered(f"its format is {found.get('format')!r}; expected {_FORMAT}")
    return Header(
        found["institution"],
        found["till"],
        found["seq"],
        datetime.fromisoformat(found["moment"]),
        found["previous"],
        found["content"],
    )


def _canonical(fields: dict[str, object]) -> bytes:
    return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
