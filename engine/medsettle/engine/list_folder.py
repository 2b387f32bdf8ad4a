"""Invalid lists in a folder: read, checked and put in use, each for itself.

    lists/national.arrow          lists/national.arrow.sig
    lists/provincial-990000.arrow lists/provincial-990000.arrow.sig
    lists/city-999900.arrow       lists/city-999900.arrow.sig
    keys/national.pem, keys/provincial-990000.pem, keys/city-999900.pem

The keys lie elsewhere than the lists: whoever may put lists into place must not be the one who says
whom to trust. A list that is refused changes nothing: the one before stays in use.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from medsettle.cards.invalid_list import (
    NATION,
    InvalidList,
    InvalidLists,
    Slot,
    slots_of,
    superseding,
)
from medsettle.cards.list_format import read_list
from medsettle.core.cards import ListLevel
from medsettle.errors import InvalidListRejected

SUFFIX: Final = ".arrow"
SIGNATURE_SUFFIX: Final = ".sig"
NAMES: Final = (
    f"name it national{SUFFIX}, provincial-990000{SUFFIX} or city-999900{SUFFIX}: a city's list is "
    "that of its prefecture, also for the counties in it"
)
"""How lists are called, for messages."""


@dataclass(frozen=True, slots=True)
class ListFolders:
    """Where the lists lie, and the keys of those who keep them."""

    lists: Path
    keys: Path


@dataclass(frozen=True, slots=True)
class LoadedLists:
    """The lists that are in use from now on, and what was refused on the way."""

    lists: InvalidLists
    faults: tuple[str, ...]


def slot_named(name: str) -> Slot | None:
    """Return the list that a file's name says it is; None where it says none that is ever asked.

    A card is looked up in the lists of the nation, of its province (99 0000) and of its city
    (9999 00); there is none of a county.

    >>> slot_named("city-999900.arrow")
    Slot(level=<ListLevel.CITY: 'city'>, area='999900')
    >>> slot_named("national.arrow").area, slot_named("list.arrow")
    ('000000', None)
    >>> slot_named("city-999930.arrow"), slot_named("provincial-999900.arrow")
    (None, None)
    """
    level, _, area = name.removesuffix(SUFFIX).partition("-")
    if level not in set(ListLevel):
        return None
    kind = ListLevel(level)
    if kind is ListLevel.NATIONAL:
        return Slot(kind, NATION) if not area else None
    digits = area.isascii() and area.isdigit() and len(area) == len(NATION)
    return Slot(kind, area) if digits and Slot(kind, area) in slots_of(area) else None


def load_lists(folders: ListFolders, old: InvalidLists, now: datetime) -> LoadedLists:
    """Return the lists of a folder, where one is refused or gone the old one of its kind.

    Raises:
        OSError: The folder cannot be read.
    """
    found: dict[Slot, InvalidList] = dict(old.by_slot)
    faults = []
    seen = set()
    for path in sorted(each for each in folders.lists.iterdir() if each.suffix == SUFFIX):
        slot = slot_named(path.name)
        if slot is None:
            faults.append(f"{path}: no list is called so; {NAMES}")
            continue
        seen.add(slot)
        try:
            found[slot] = _loaded(path, slot, folders.keys, found.get(slot), now)
        except InvalidListRejected as error:
            faults.append(f"{path}: {error.message}")
        except OSError as error:
            faults.append(f"{path}: cannot be read: {error}")
    # A list that vanishes would let every card pass that it named.
    gone = [slot for slot in found if slot not in seen]
    faults += [f"{folders.lists / str(slot)}{SUFFIX}: is gone; put it back" for slot in gone]
    return LoadedLists(InvalidLists(found.values()), tuple(faults))


def _loaded(
    path: Path, slot: Slot, keys: Path, old: InvalidList | None, now: datetime
) -> InvalidList:
    content = path.read_bytes()
    if old is not None and sha256(content).digest() == old.content_digest:
        return old
    signature = path.with_name(path.name + SIGNATURE_SUFFIX).read_bytes()
    key = public_key(keys / f"{slot}.pem", slot)
    return superseding(old, read_list(content, signature, key, slot, now))


def public_key(path: Path, slot: Slot) -> Ed25519PublicKey:
    """Return the key of the keeper of a list.

    Raises:
        InvalidListRejected: The file holds no Ed25519 key.
        OSError: It cannot be read.
    """
    try:
        key = load_pem_public_key(path.read_bytes())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidListRejected(f"{path} holds no public key", list=str(slot)) from error
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidListRejected(f"{path} holds no Ed25519 key", list=str(slot))
    return key
