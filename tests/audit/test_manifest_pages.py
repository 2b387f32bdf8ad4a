"""Parts of a manifest: the same segments as the whole has, without reading the whole."""

from itertools import pairwise
from pathlib import Path

import pytest
from medsettle.audit import Projector, read_segments
from medsettle.audit.manifest_pages import (
    last_segment,
    segment_at,
    segment_with,
    segments_after,
    segments_before,
)
from medsettle.errors import AuditCorrupt
from medsettle.ledger import SqliteLedger

from tests.audit.records import fill


@pytest.fixture
def log(ledger: SqliteLedger, folder: Path) -> Path:
    """Return an audit folder with seven segments of one entry."""
    fill(ledger, 1, 7)
    with Projector(ledger, folder) as projector:
        while projector.run_once(max_rows=1):
            pass
    return folder


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8])
def test_parts_of_any_size_are_the_whole(log: Path, count: int) -> None:
    """Backwards from the end, and forwards again; each segment is found at its place."""
    whole = read_segments(log)
    backwards = segments_before(log, None, count)
    found = list(backwards)
    while backwards:
        backwards = segments_before(log, backwards[-1].place, count)
        found += backwards
    forwards, again = [found[-1]], [found[-1]]
    while forwards:
        forwards = segments_after(log, forwards[0].place, count)
        again = forwards + again

    assert whole[::-1] == [each.segment for each in found]
    assert found == again
    assert [each.segment for each in found] == [segment_at(log, each.place) for each in found]
    assert [each.digest() for each in whole[::-1]] == [each.digest for each in found]
    assert found[0] == last_segment(log)


def test_nothing_stands_where_no_line_begins(log: Path) -> None:
    """Neither within a line, nor at the end or behind it."""
    size = (log / "manifest.jsonl").stat().st_size

    assert [None, None, None] == [segment_at(log, place) for place in (1, size, 10**30)]
    assert [] == segments_after(log, 1, 3)
    assert 7 == segments_before(log, size - 1, 1)[0].segment.number + 1


def test_without_a_manifest_there_is_no_segment(folder: Path) -> None:
    """Nor is there one in an empty manifest."""
    for _ in range(2):
        found = (last_segment(folder), segment_at(folder, 0), segment_with(folder, "0" * 64))
        assert (None, None, None) == found
        assert [] == segments_after(folder, 0, 1)
        folder.mkdir(exist_ok=True)
        (folder / "manifest.jsonl").touch()


def test_a_line_that_a_crash_cut_off_counts_for_nothing(log: Path) -> None:
    """As for whoever reads the whole."""
    path = log / "manifest.jsonl"
    path.write_bytes(path.read_bytes()[:-1])

    assert read_segments(log) == [each.segment for each in segments_before(log, None, 9)][::-1]


def test_a_segment_is_found_by_the_digest_of_its_line(log: Path) -> None:
    """Not by one that another line names, as that of the one before it, nor by a part of one."""
    whole = read_segments(log)

    assert whole == [segment_with(log, each.digest()) for each in whole]
    assert None is segment_with(log, whole[0].last_entry)
    assert None is segment_with(log, whole[0].digest()[:-1])


@pytest.mark.parametrize("removed", range(1, 6))
def test_a_line_that_was_removed_shows_within_a_part(log: Path, removed: int) -> None:
    """Each is held to the one before it."""
    path = log / "manifest.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    del lines[removed]
    path.write_bytes(b"".join(lines))

    with pytest.raises(AuditCorrupt, match="does not follow"):
        segments_before(log, None, 7)


@pytest.mark.slow
def test_every_byte_of_a_line_is_sealed(log: Path) -> None:
    """Whichever is altered, the part with it says so."""
    path = log / "manifest.jsonl"
    whole = path.read_bytes()
    ends = [at for at, byte in enumerate(whole) if byte == ord("\n")]
    second, third = list(pairwise(ends))[:2]
    for position in range(second[0] + 1, second[1]):
        altered = bytearray(whole)
        altered[position] ^= 1 << position % 7
        path.write_bytes(altered)
        with pytest.raises(AuditCorrupt):
            segments_before(log, third[1] + 1, 3)
