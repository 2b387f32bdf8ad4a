"""Invalid lists of the invented area and their keepers."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from medsettle.cards.invalid_list import InvalidList, Slot, slots_of
from medsettle.cards.list_format import list_bytes, read_list
from medsettle.core.cards import InvalidReason

from tests.cards.desks import at
from tests.service.claims import AREA

NATIONAL, PROVINCIAL, CITY = slots_of(AREA)
NOW = datetime(2024, 5, 20, tzinfo=UTC)
SINCE = at(5, 1, 12)

_KEYS = {
    slot: Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    for number, slot in enumerate((NATIONAL, PROVINCIAL, CITY))
}

Entry = tuple[str, InvalidReason, datetime]


def keeper(slot: Slot) -> Ed25519PrivateKey:
    """Return the private key of the keeper of a list."""
    return _KEYS[slot]


def lost(*cards: str, since: datetime = SINCE) -> list[Entry]:
    """Return entries of lost cards."""
    return [(card, InvalidReason.LOST, since) for card in cards]


def content_of(slot: Slot, version: int, entries: Iterable[Entry]) -> bytes:
    """Return the file of a list that was made on 10 May."""
    issued = at(5, 10)
    return list_bytes(slot, version, issued, issued + timedelta(days=1), entries)


def list_of(slot: Slot, version: int, entries: Iterable[Entry]) -> InvalidList:
    """Return a list as a server has it."""
    content, key = content_of(slot, version, entries), keeper(slot)
    return read_list(content, key.sign(content), key.public_key(), slot, NOW)


def write_list(folder: Path, slot: Slot, version: int, entries: Iterable[Entry]) -> Path:
    """Write a list, its signature and, into `keys`, the key of its keeper; return its file."""
    for name in ("lists", "keys"):
        (folder / name).mkdir(exist_ok=True)
    content, key = content_of(slot, version, entries), keeper(slot)
    path = folder / "lists" / f"{slot}.arrow"
    path.write_bytes(content)
    path.with_name(f"{path.name}.sig").write_bytes(key.sign(content))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "keys" / f"{slot}.pem").write_bytes(public)
    return path
