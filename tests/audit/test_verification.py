"""Whatever is changed in an audit log, verification names the place."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from medsettle.audit import Head, Projector, read_segments, verify
from medsettle.audit.segments import AUDIT_TABLES
from medsettle.errors import AuditCorrupt
from medsettle.ledger import SqliteLedger

from tests.audit.records import fill


@pytest.fixture
def log(ledger: SqliteLedger, folder: Path) -> Path:
    """Return an audit folder with three segments of two entries."""
    fill(ledger, 1, 6)
    with Projector(ledger, folder) as projector:
        while projector.run_once(max_rows=2):
            pass
    return folder


def test_an_untouched_log_ends_where_the_manifest_ends(log: Path) -> None:
    """Verification returns the number of segments, the last entry, and the seal of the log."""
    last = read_segments(log)[-1]

    assert Head(3, 6, last.digest()) == verify(log)


def test_an_empty_log_is_whole(ledger: SqliteLedger, folder: Path) -> None:
    """Before the first segment there is nothing to be wrong."""
    with Projector(ledger, folder):
        assert Head(0, 0, "0" * 64) == verify(folder)


@pytest.mark.slow
def test_every_byte_of_the_manifest_is_sealed(log: Path) -> None:
    """Whichever byte of the manifest is altered, its segment is named."""
    manifest = log / "manifest.jsonl"
    whole = manifest.read_bytes()
    for position in range(len(whole)):
        altered = bytearray(whole)
        altered[position] ^= 1 << position % 8
        manifest.write_bytes(altered)
        line = whole[:position].count(b"\n") + 1
        with pytest.raises(AuditCorrupt) as caught:
            read_segments(log)
        assert str(line) == caught.value.metadata["segment"]


@pytest.mark.slow
def test_every_byte_of_a_segment_is_sealed(log: Path) -> None:
    """Whichever byte of a file is altered, segment and file are named."""
    file = read_segments(log)[1].files[0]
    path = log / file.path
    whole = path.read_bytes()
    for position in range(0, len(whole), 13):
        altered = bytearray(whole)
        altered[position] ^= 1 << position % 8
        path.write_bytes(altered)
        with pytest.raises(AuditCorrupt, match=r"segment 2 \(seq 3 to 4\)") as caught:
            verify(log)
        assert {"segment": "2", "path": file.path} == caught.value.metadata


def test_the_first_bad_segment_is_named(log: Path) -> None:
    """Of several missing files the one of the oldest segment is reported."""
    segments = read_segments(log)
    for segment in segments[1:]:
        (log / segment.files[-1].path).unlink()

    with pytest.raises(AuditCorrupt, match=r"segment 2 .*is missing"):
        verify(log)


@pytest.mark.parametrize(
    ("order", "line"),
    [
        pytest.param([0, 2], 2, id="line-removed"),
        pytest.param([1, 2], 1, id="first-line-removed"),
        pytest.param([0, 2, 1], 2, id="lines-swapped"),
        pytest.param([0, 0, 1, 2], 2, id="line-repeated"),
    ],
)
def test_lines_keep_their_order(log: Path, order: list[int], line: int) -> None:
    """Lines that are each whole but not in their place break the chain."""
    manifest = log / "manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    manifest.write_bytes(b"".join(lines[position] for position in order))

    with pytest.raises(AuditCorrupt, match=f"manifest.jsonl:{line}:"):
        verify(log)


def test_a_line_that_was_written_anew_breaks_the_chain(log: Path) -> None:
    """With a digest of its own it is whole, and the line after it names another."""
    manifest = log / "manifest.jsonl"
    first, *rest = manifest.read_bytes().splitlines(keepends=True)
    anew = replace(read_segments(log)[0], last_entry="0" * 64).line()
    assert anew != first
    manifest.write_bytes(b"".join((anew, *rest)))

    with pytest.raises(AuditCorrupt, match=r"manifest.jsonl:2:.* does not follow line 1"):
        verify(log)


def test_a_log_cut_short_shows_in_its_head(log: Path) -> None:
    """Without its last line a log is whole, but its head went back and files stand unlisted."""
    before = verify(log)
    manifest = log / "manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    files = tuple(sorted(file.path for file in read_segments(log)[-1].files))
    manifest.write_bytes(b"".join(lines[:-1]))

    after = verify(log)
    assert (2, 4, files) == (after.segments, after.last_seq, after.unlisted)
    assert before.digest != after.digest


def test_a_lost_manifest_is_noticed(log: Path) -> None:
    """Segments without any manifest are damage; a folder with neither is empty."""
    (log / "manifest.jsonl").unlink()
    with pytest.raises(AuditCorrupt, match="is missing"):
        verify(log)

    for table in AUDIT_TABLES:
        shutil.rmtree(log / table, ignore_errors=True)
    assert Head(0, 0, "0" * 64) == verify(log)
