"""Invalid lists: what is found in them, and what is refused."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from medsettle import limits
from medsettle.cards.invalid_list import InvalidLists, digest_of, superseding
from medsettle.cards.list_format import read_list
from medsettle.core.cards import InvalidReason, Listing, ListLevel
from medsettle.errors import InvalidListRejected

from tests.cards.lists import (
    CITY,
    NATIONAL,
    NOW,
    PROVINCIAL,
    SINCE,
    Entry,
    content_of,
    keeper,
    list_of,
    lost,
)
from tests.service.claims import AREA

_MOMENT = timedelta(microseconds=1)


def test_a_card_is_found_by_the_digest_of_its_token() -> None:
    """A digest is the first 16 bytes of SHA-256, so that any tool can write a list."""
    assert sha256(b"C1").digest()[:16] == digest_of("C1")


def test_the_highest_list_that_names_a_card_is_told() -> None:
    """Three lists name it: the nation's answer counts, then the province's, then the city's."""
    reasons = dict(zip((NATIONAL, PROVINCIAL, CITY), InvalidReason, strict=False))
    lists = {
        slot: list_of(slot, version, [("C1", reasons[slot], SINCE)])
        for version, slot in enumerate((NATIONAL, PROVINCIAL, CITY), 7)
    }
    found = []
    for missing in (0, 1, 2, 3):
        used = InvalidLists(list(lists.values())[missing:])
        found.append(used.find(AREA, "C1", SINCE))

    assert [
        Listing(level=ListLevel.NATIONAL, version=7, since=SINCE, reason=InvalidReason.LOST),
        Listing(level=ListLevel.PROVINCIAL, version=8, since=SINCE, reason=InvalidReason.REPLACED),
        Listing(level=ListLevel.CITY, version=9, since=SINCE, reason=InvalidReason.EXPIRED),
        None,
    ] == found


def test_an_entry_counts_from_its_moment() -> None:
    """A moment before it the card was valid; a lower list that names it earlier still counts."""
    late = list_of(NATIONAL, 1, lost("C1"))
    early = list_of(CITY, 1, lost("C1", since=SINCE - timedelta(days=1)))

    assert InvalidLists([late]).find(AREA, "C1", SINCE - _MOMENT) is None
    assert InvalidLists([late]).find(AREA, "C1", SINCE) is not None
    found = InvalidLists([late, early]).find(AREA, "C1", SINCE - _MOMENT)
    assert found is not None
    assert ListLevel.CITY is found.level


def test_lists_of_other_places_say_nothing() -> None:
    """A card is looked up in the lists above its own area, and only their versions are told."""
    lists = InvalidLists([list_of(NATIONAL, 4, []), list_of(CITY, 5, lost("C1"))])

    assert lists.find("110000", "C1", NOW) is None
    assert {ListLevel.NATIONAL: 4} == lists.versions("110000")
    assert {ListLevel.NATIONAL: 4, ListLevel.CITY: 5} == lists.versions(AREA)


def test_areas_beyond_the_bound_are_answered_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many areas as the bound says stay at hand; the next is answered as well, and is not."""
    monkeypatch.setattr(limits, "LIST_AREAS_MAX", 2)
    lists = InvalidLists([list_of(NATIONAL, 4, lost("C1"))])
    areas = ["110000", "120000", "130000"]
    found = [lists.find(area, "C1", SINCE) is not None for area in (*areas, *areas)]

    assert [True] * 6 == found
    assert set(areas[:2]) == set(lists._of_area)


@pytest.mark.slow
def test_a_million_entries_are_found_and_nothing_else() -> None:
    """Of a million cards each thousandth is found with its own moment, and none of a thousand more.

    The digests are drawn evenly, as those of real tokens are, and a few share all that the table of
    prefixes looks at.
    """
    count = 1_000_000
    drawn = np.random.default_rng(7).bytes(16 * count)
    digests = {drawn[at : at + 16] for at in range(0, len(drawn), 16)}
    digests |= {b"\x12\x34\x56" + bytes([last]) * 13 for last in range(256)}
    digests |= {digest_of(f"C{number}") for number in range(1_000)}
    rows = sorted(digests)
    since = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=n) for n in range(len(rows))]
    like = pa.ipc.open_file(content_of(NATIONAL, 1, lost("C1"))).read_all()
    table = pa.table([rows, ["lost"] * len(rows), since], schema=like.schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=300_000)
    content, key = sink.getvalue().to_pybytes(), keeper(NATIONAL)
    held = read_list(content, key.sign(content), key.public_key(), NATIONAL, NOW)

    assert len(rows) == len(held)
    assert all(held.position(rows[at]) == at for at in range(0, len(rows), 1_000))
    assert all(held.listing(at).since == since[at] for at in range(0, len(rows), 1_000))
    assert all(held.position(digest_of(f"C{number}")) >= 0 for number in range(1_000))
    assert {-1} == {held.position(digest_of(f"X{number}")) for number in range(1_000)}
    shared = [b"\x12\x34\x56" + bytes([last]) * 13 for last in range(256)]
    assert len(shared) == len({held.position(digest) for digest in shared} - {-1})


@pytest.mark.parametrize("at", [0, 300, -1])
def test_a_tampered_byte_is_refused(at: int) -> None:
    """Whichever byte of the file or of the signature changes, the list is not its keeper's."""
    content, key = content_of(CITY, 1, lost("C1", "C2")), keeper(CITY)
    signature = key.sign(content)
    for parts in ([content, signature], [signature, content]):
        changed = bytearray(parts[0])
        changed[min(at, len(changed) - 1)] ^= 1
        own = [bytes(changed), parts[1]] if parts[0] is content else [parts[1], bytes(changed)]
        with pytest.raises(InvalidListRejected, match="not that of its keeper"):
            read_list(own[0], own[1], key.public_key(), CITY, NOW)


def test_another_key_is_refused() -> None:
    """The keeper of the city's list cannot sign the nation's."""
    content = content_of(NATIONAL, 1, lost("C1"))
    with pytest.raises(InvalidListRejected, match="list national: the signature"):
        read_list(content, keeper(CITY).sign(content), keeper(NATIONAL).public_key(), NATIONAL, NOW)


@pytest.mark.parametrize("other", [NATIONAL, PROVINCIAL])
def test_another_level_is_refused(other: object) -> None:
    """A list signed by the right keeper that says it is another one is not taken for this one."""
    key = keeper(CITY)
    content = content_of(other, 1, lost("C1"))  # type: ignore[arg-type]
    with pytest.raises(InvalidListRejected, match="put it where that belongs"):
        read_list(content, key.sign(content), key.public_key(), CITY, NOW)


def test_an_older_version_and_a_second_one_of_a_version_are_refused() -> None:
    """Versions only rise; the same list again is the one in use; the next one supersedes it."""
    used = list_of(CITY, 5, lost("C1"))
    with pytest.raises(InvalidListRejected, match="version 4 is older than version 5"):
        superseding(used, list_of(CITY, 4, lost("C1")))
    with pytest.raises(InvalidListRejected, match="version 5 has other content"):
        superseding(used, list_of(CITY, 5, lost("C2")))

    assert used is superseding(used, list_of(CITY, 5, lost("C1")))
    newer = list_of(CITY, 6, [])
    assert newer is superseding(used, newer)
    assert newer is superseding(None, newer)


def test_a_list_of_the_future_is_refused() -> None:
    """A list counts from the moment of its issue, and not a moment before."""
    content, key = content_of(CITY, 1, []), keeper(CITY)
    issued = datetime(2024, 5, 10, 1, tzinfo=UTC)
    read_list(content, key.sign(content), key.public_key(), CITY, issued)
    with pytest.raises(InvalidListRejected, match="lies ahead"):
        read_list(content, key.sign(content), key.public_key(), CITY, issued - _MOMENT)


def _signed(content: bytes) -> tuple[bytes, bytes, Ed25519PrivateKey]:
    key = keeper(CITY)
    return content, key.sign(content), key


def _with(entries: list[Entry], **metadata: str) -> bytes:
    table = pa.ipc.open_file(content_of(CITY, 1, entries)).read_all()
    changed = table.schema.metadata | {k.encode(): v.encode() for k, v in metadata.items()}
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema.with_metadata(changed)) as writer:
        writer.write_table(table.replace_schema_metadata(changed))
    content: bytes = sink.getvalue().to_pybytes()
    return content


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(b"", "no whole Arrow file", id="empty"),
        pytest.param(content_of(CITY, 1, [])[:-9], "no whole Arrow file", id="cut"),
        pytest.param(content_of(CITY, 1, lost("C1", "C1")), "do not rise", id="twice"),
        pytest.param(_with([], version="0"), "expected a whole number from 1", id="version-0"),
        pytest.param(_with([], version="1.5"), "expected a whole number from 1", id="fraction"),
        pytest.param(_with([], format="2"), "its format is '2'", id="format"),
        pytest.param(_with([], due_time="tomorrow"), "no moment with a time zone", id="moment"),
        pytest.param(_with([], issue_time="2024-05-01"), "no moment with a time zone", id="zone"),
    ],
)
def test_a_signed_list_that_is_none_is_refused(content: bytes, why: str) -> None:
    """A keeper's mistake is told and refused like a stranger's list."""
    raw, signature, key = _signed(content)
    with pytest.raises(InvalidListRejected, match=why):
        read_list(raw, signature, key.public_key(), CITY, NOW)


def test_a_version_has_its_bounds() -> None:
    """From 1 to the highest that a settlement can record, and not one beyond."""
    for version in (1, limits.LIST_VERSION_MAX):
        content, signature, key = _signed(_with([], version=str(version)))
        assert version == read_list(content, signature, key.public_key(), CITY, NOW).version
    for version in (0, limits.LIST_VERSION_MAX + 1):
        content, signature, key = _signed(_with([], version=str(version)))
        with pytest.raises(InvalidListRejected, match=f"its version is '{version}'"):
            read_list(content, signature, key.public_key(), CITY, NOW)


def test_a_list_holds_so_many_entries_and_not_one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the bound it is read, one entry above it is refused with both numbers."""
    monkeypatch.setattr(limits, "INVALID_LIST_ENTRIES_MAX", 2)
    content, signature, key = _signed(content_of(CITY, 1, lost("C1", "C2")))
    assert 2 == len(read_list(content, signature, key.public_key(), CITY, NOW))
    content, signature, key = _signed(content_of(CITY, 1, lost("C1", "C2", "C3")))
    with pytest.raises(InvalidListRejected, match="3 entries, more than 2"):
        read_list(content, signature, key.public_key(), CITY, NOW)


def test_other_columns_and_reasons_are_refused() -> None:
    """A list has its three columns, no more and no other, and reasons that are known."""
    table = pa.ipc.open_file(content_of(CITY, 1, lost("C1"))).read_all()
    for changed, why in (
        (table.drop_columns(["since"]), "its columns are"),
        (table.set_column(1, table.schema.field(1), [["gone"]]), "a reason is none of"),
    ):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, changed.schema) as writer:
            writer.write_table(changed)
        content, signature, key = _signed(sink.getvalue().to_pybytes())
        with pytest.raises(InvalidListRejected, match=why):
            read_list(content, signature, key.public_key(), CITY, NOW)
