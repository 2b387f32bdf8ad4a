"""Invalid lists: a million cards that no longer count, looked up in well under a microsecond.

A list holds digests of card tokens, never the tokens. Digests are spread evenly, so the first
`_BITS` bits of one say where it stands among all: a table with the first position of each such
prefix leaves one or two rows to compare. Measured with a million entries against its alternatives:
`benchmarks/test_invalid_list.py` and decision 0011.

Three levels keep lists of their own: the nation, a province, a city. A card is invalid where any of
those above its area says so; the highest is told.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from medsettle import limits
from medsettle.core.cards import InvalidReason, Listing, ListLevel
from medsettle.errors import InvalidListRejected

DIGEST_BYTES: Final = 16
NATION: Final = "000000"
REASONS: Final = tuple(InvalidReason)

_BITS: Final = 20
_PREFIX_BYTES: Final = 3
_SHIFT: Final = 8 * _PREFIX_BYTES - _BITS
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Slot(NamedTuple):
    """Which list it is: its level, and the area it is kept for (`NATION` for the nation)."""

    level: ListLevel
    area: str

    def __str__(self) -> str:
        name = self.level.value
        return name if self.level is ListLevel.NATIONAL else f"{name}-{self.area}"


Versions: TypeAlias = Mapping[ListLevel, int]


def digest_of(card: str) -> bytes:
    """Return the digest under which a card stands on a list: 16 bytes of SHA-256 of its token."""
    return sha256(card.encode()).digest()[:DIGEST_BYTES]


def prefix_of(digest: bytes) -> int:
    """Return the first bits of a digest as a number: its row in the table of prefixes."""
    return int.from_bytes(digest[:_PREFIX_BYTES]) >> _SHIFT


def slots_of(pooling_area: str) -> tuple[Slot, ...]:
    """Return the lists that a card of an area may stand on, the highest level first.

    >>> [str(slot) for slot in slots_of("999901")]
    ['national', 'provincial-990000', 'city-999900']
    """
    return (
        Slot(ListLevel.NATIONAL, NATION),
        Slot(ListLevel.PROVINCIAL, f"{pooling_area[:2]}0000"),
        Slot(ListLevel.CITY, f"{pooling_area[:4]}00"),
    )


@dataclass(frozen=True, slots=True, eq=False)
class InvalidList:
    """One list: read-only, and never anything but what its keeper signed.

    `digests` has `DIGEST_BYTES` of each entry, rising; `since_us` and `reason` are those of the
    entries in the same order. `due_time` is when its keeper promised the next one. `content_digest`
    tells two lists of one version apart.
    """

    slot: Slot
    version: int
    issue_time: datetime
    due_time: datetime
    content_digest: bytes
    digests: bytes
    since_us: memoryview
    reason: memoryview
    _first: memoryview = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make the table of prefixes."""
        object.__setattr__(self, "_first", _first_of_prefixes(self.digests))

    def __len__(self) -> int:
        return len(self.since_us)

    def position(self, digest: bytes) -> int:
        """Return the position of a digest, -1 where it is not listed."""
        return self.position_after(prefix_of(digest), digest)

    def position_after(self, prefix: int, digest: bytes) -> int:
        """Return the position of a digest whose prefix is known; several lists share that work."""
        first = self._first
        position, end = first[prefix], first[prefix + 1]
        while position < end:
            if self.digests.startswith(digest, position * DIGEST_BYTES):
                return position
            position += 1
        return -1

    def listing(self, position: int) -> Listing:
        """Return the entry at a position."""
        return Listing(
            level=self.slot.level,
            version=self.version,
            since=_EPOCH + timedelta(microseconds=self.since_us[position]),
            reason=REASONS[self.reason[position]],
        )


def _first_of_prefixes(digests: bytes) -> memoryview:
    """Return the position of the first entry with each prefix or a later one, and the end."""
    rows = np.frombuffer(digests, dtype=np.uint8).reshape(-1, DIGEST_BYTES)
    prefixes = np.zeros(len(rows), dtype=np.int64)
    for byte in range(_PREFIX_BYTES):
        prefixes = prefixes << 8 | rows[:, byte]
    wanted = np.arange((1 << _BITS) + 1, dtype=np.int64)
    first = np.searchsorted(prefixes >> _SHIFT, wanted).astype(np.int32)
    return memoryview(first.data)


def superseding(old: InvalidList | None, new: InvalidList) -> InvalidList:
    """Return which of two lists of a slot is in use from now on: the new one, or an equal old one.

    Raises:
        InvalidListRejected: The new one is older, or another one of the same version.
    """
    if old is None or new.version > old.version:
        return new
    if new.version < old.version:
        raise InvalidListRejected(
            f"list {new.slot}: version {new.version} is older than version {old.version}, which is "
            "in use; publish a higher version",
            list=str(new.slot),
        )
    if new.content_digest != old.content_digest:
        raise InvalidListRejected(
            f"list {new.slot}: version {new.version} has other content than the one in use; two "
            "lists never share a version, so publish the next",
            list=str(new.slot),
        )
    return old


class _Asked(NamedTuple):
    """The lists that cards of one area are looked up in, and what a settlement records of them."""

    lists: tuple[InvalidList, ...]
    versions: Versions
    columns: Mapping[str, int]


class InvalidLists:
    """The lists in use at one time. Read-only: a reload makes another and swaps the two."""

    def __init__(self, lists: Iterable[InvalidList] = ()) -> None:
        self.by_slot: Mapping[Slot, InvalidList] = {each.slot: each for each in lists}
        self._of_area: dict[str, _Asked] = {}

    def versions(self, pooling_area: str) -> Versions:
        """Return the version of each list that a card of an area is looked up in."""
        return self._asked(pooling_area).versions

    def columns(self, pooling_area: str) -> Mapping[str, int]:
        """Return the same versions by the column in which a settlement records each."""
        return self._asked(pooling_area).columns

    def find(self, pooling_area: str, card: str, moment: datetime) -> Listing | None:
        """Return the highest entry that makes a card of an area invalid at a moment, if any."""
        lists = self._asked(pooling_area).lists
        if not lists:
            return None
        digest = digest_of(card)
        prefix = prefix_of(digest)
        for each in lists:
            position = each.position_after(prefix, digest)
            if position >= 0:
                listing = each.listing(position)
                if listing.since <= moment:
                    return listing
        return None

    def _asked(self, pooling_area: str) -> _Asked:
        known = self._of_area.get(pooling_area)
        if known is None:
            found = [self.by_slot.get(slot) for slot in slots_of(pooling_area)]
            lists = tuple(each for each in found if each is not None)
            versions = {each.slot.level: each.version for each in lists}
            columns = {f"{level}_list_version": number for level, number in versions.items()}
            known = _Asked(lists, versions, columns)
            # Inquiries may name any six digits, and what they name must not fill the memory.
            if len(self._of_area) < limits.LIST_AREAS_MAX:
                self._of_area[pooling_area] = known
        return known
