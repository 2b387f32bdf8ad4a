"""Signed notes and checkpoints, as other tools for transparency logs read and write them.

A note is text, an empty line, and a line for each signature (c2sp.org/signed-note). A checkpoint is
a note about a Merkle tree: origin, number of leaves, root in base64, then lines of our own
(c2sp.org/tlog-checkpoint). A cosignature is that of a witness who saw the tree grow, with the
moment in it (c2sp.org/tlog-cosignature).

    example.cn/audit/110000
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
    day 2026-11-29
    segments 412 0d3c…

    — example.cn/audit/110000 Az3grlgtzPICa5OS8npVmf1Myq/…
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from medsettle import limits
from medsettle.audit.tree import HASH_BYTES
from medsettle.signing_keys import raw_key

LOG_KEY: Final = 0x01
"""The kind of an Ed25519 key that signs notes."""
WITNESS_KEY: Final = 0x04
"""The kind of an Ed25519 key that countersigns checkpoints, with the moment."""

_DASH: Final = "\N{EM DASH} "
_KEY_ID_BYTES: Final = 4
_MOMENT_BYTES: Final = 8
_SIGNATURE_BYTES: Final = 64
_SIZE_MAX: Final = limits.INT64_MAX


class NoNote(ValueError):
    """A text is no note, or no checkpoint; the message says why."""


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """A line of a note: the name of a key, four bytes of its digest, and what it signed with."""

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        """Return the line, without its newline."""
        return f"{_DASH}{self.name} {b64encode(self.key_id + self.signature).decode()}"


@dataclass(frozen=True, slots=True)
class Note:
    """A text, its last newline included, and its signatures."""

    text: str
    signatures: tuple[NoteSignature, ...] = ()

    def content(self) -> bytes:
        """Return the note as it stands in a file."""
        lines = "".join(f"{each.line()}\n" for each in self.signatures)
        return f"{self.text}\n{lines}".encode()

    def with_signature(self, signature: NoteSignature) -> Self:
        """Return the note with one more signature; one of the same key is replaced."""
        kept = [each for each in self.signatures if _key_of(each) != _key_of(signature)]
        if len(kept) >= limits.NOTE_SIGNATURES_MAX:
            raise NoNote(f"has {len(kept)} signatures, at most {limits.NOTE_SIGNATURES_MAX}")
        return replace(self, signatures=(*kept, signature))


def _key_of(signature: NoteSignature) -> tuple[str, bytes]:
    return signature.name, signature.key_id


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of its tree: who says it, how many leaves there are, and their root.

    `extension` are lines of the log's own: `day` is the day of recording that it ends, and
    `segments` the last segment within it, by number and digest.
    """

    origin: str
    size: int
    root: bytes
    extension: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the text of its note."""
        head = (self.origin, str(self.size), b64encode(self.root).decode())
        return "".join(f"{line}\n" for line in (*head, *self.extension))

    def told(self, word: str) -> str | None:
        """Return what a line of the extension says that begins with a word; None where none."""
        for line in self.extension:
            before, _, rest = line.partition(" ")
            if before == word:
                return rest
        return None

    def named(self) -> str:
        """Return how messages name it."""
        day = self.told("day")
        return f"checkpoint {self.size}" + (f" of {day}" if day else "")


def check_name(name: str) -> str:
    """Return the name of a log or a witness where it may be one.

    Raises:
        NoNote: It is empty, too long, or has a space, a plus or what cannot be seen in it.
    """
    bad = [each for each in name if each.isspace() or each == "+" or not each.isprintable()]
    if not name or bad:
        raise NoNote(
            f"{name!r} names no log: write one without spaces and plus, such as "
            "example.cn/audit/110000"
        )
    if len(name.encode()) > (most := limits.NOTE_NAME_CHARS_MAX):
        raise NoNote(f"a name of {len(name.encode())} bytes; at most {most}")
    return name


def key_id(name: str, kind: int, key: Ed25519PublicKey) -> bytes:
    """Return the four bytes by which a note names a key (c2sp.org/signed-note)."""
    return sha256(name.encode() + b"\n" + bytes([kind]) + raw_key(key)).digest()[:_KEY_ID_BYTES]


def verifier_key(name: str, kind: int, key: Ed25519PublicKey) -> str:
    """Return a public key as tools for transparency logs are given it, a `vkey`."""
    material = b64encode(bytes([kind]) + raw_key(key)).decode()
    return f"{name}+{key_id(name, kind, key).hex()}+{material}"


def signed(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> Note:
    """Return the note of a checkpoint, signed by its log under its origin."""
    text = checkpoint.text()
    made = key_id(checkpoint.origin, LOG_KEY, key.public_key())
    return Note(text, (NoteSignature(checkpoint.origin, made, key.sign(text.encode())),))


def cosigned(note: Note, name: str, key: Ed25519PrivateKey, seconds: int) -> Note:
    """Return a note with the cosignature of a witness; one of before is replaced.

    Args:
        note: Of a checkpoint.
        name: Of the witness.
        key: Of the witness.
        seconds: The moment, since 1970-01-01 UTC.
    """
    signature = key.sign(_cosigned_bytes(note.text, seconds))
    material = seconds.to_bytes(_MOMENT_BYTES, "big") + signature
    made = key_id(name, WITNESS_KEY, key.public_key())
    return note.with_signature(NoteSignature(name, made, material))


def _cosigned_bytes(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


@dataclass(frozen=True, slots=True)
class Signers:
    """What a key did in a note: it signed, countersigned, or what is said to be its is forged.

    `seconds` is the moment of a cosignature since 1970-01-01 UTC.
    """

    name: str
    seconds: int | None
    genuine: bool


def signature_of(note: Note, key: Ed25519PublicKey, kind: int) -> Signers | None:
    """Return what a key of a kind did in a note; None where no line is of it.

    Whoever trusts a key knows it by its bytes; whatever name stands beside it is part of its id.
    """
    for each in note.signatures:
        if each.key_id != key_id(each.name, kind, key):
            continue
        seconds, signature, content = None, each.signature, note.text.encode()
        if kind == WITNESS_KEY:
            seconds = int.from_bytes(signature[:_MOMENT_BYTES], "big")
            signature, content = signature[_MOMENT_BYTES:], _cosigned_bytes(note.text, seconds)
        try:
            key.verify(signature, content)
        except InvalidSignature:
            return Signers(each.name, seconds, genuine=False)
        return Signers(each.name, seconds, genuine=True)
    return None


def read_note(content: bytes) -> Note:
    """Return the note of a file.

    Raises:
        NoNote: It is none.
    """
    if len(content) > (most := limits.NOTE_BYTES_MAX):
        raise NoNote(f"has {len(content):,} bytes, more than any note ({most:,})")
    try:
        told = content.decode()
    except UnicodeDecodeError as error:
        raise NoNote(f"is not UTF-8: {error}") from error
    if any(each < " " and each != "\n" for each in told):
        raise NoNote("has control characters, as no note has")
    text, separator, rest = told.rpartition("\n\n")
    if not separator or not rest.endswith("\n"):
        raise NoNote("has no empty line between a text and its signatures")
    lines = rest[:-1].split("\n")
    if len(lines) > limits.NOTE_SIGNATURES_MAX:
        raise NoNote(f"has {len(lines)} signatures, at most {limits.NOTE_SIGNATURES_MAX}")
    return Note(f"{text}\n", tuple(map(_signature, lines)))


def _signature(line: str) -> NoteSignature:
    name, _, material = line.removeprefix(_DASH).partition(" ")
    content = _from_base64(material)
    if not line.startswith(_DASH) or content is None or len(content) <= _KEY_ID_BYTES:
        raise NoNote(f"a line is no signature: {line[:80]!r}")
    return NoteSignature(check_name(name), content[:_KEY_ID_BYTES], content[_KEY_ID_BYTES:])


def _from_base64(text: str) -> bytes | None:
    try:
        content = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return content if b64encode(content).decode() == text else None


def hash_of_line(text: str) -> bytes:
    """Return the hash that a line tells in base64.

    Raises:
        NoNote: It tells none.
    """
    content = _from_base64(text)
    if content is None or len(content) != HASH_BYTES:
        raise NoNote(f"{text[:80]!r} is no SHA-256 in base64")
    return content


def number_of_line(text: str) -> int:
    """Return the number that a line tells.

    Raises:
        NoNote: It tells none, or not as it is written.
    """
    plain = text.isascii() and text.isdigit() and len(text) <= len(str(_SIZE_MAX))
    if not plain or str(number := int(text)) != text or number > _SIZE_MAX:
        raise NoNote(f"{text[:80]!r} is no number of leaves")
    return number


def checkpoint_of(note: Note) -> Checkpoint:
    """Return the checkpoint that a note is of.

    Raises:
        NoNote: It is of none.
    """
    lines = note.text[:-1].split("\n")
    if len(lines) < len(("origin", "size", "root")) or not all(lines):
        raise NoNote("is no checkpoint: origin, number of leaves and root are three lines")
    origin, size, root, *extension = lines
    return Checkpoint(
        check_name(origin), number_of_line(size), hash_of_line(root), tuple(extension)
    )


def newest(checkpoints: Sequence[Checkpoint]) -> Checkpoint | None:
    """Return the checkpoint over the most leaves."""
    return max(checkpoints, key=lambda each: each.size, default=None)
