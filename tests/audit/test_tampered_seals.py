"""Manifest, seals and checkpoints that were altered: what is trusted then, and what is named."""

import random
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from medsettle.audit import read_segments
from medsettle.audit.checkpoint_checks import Keys
from medsettle.audit.findings import Altered, Finding
from medsettle.audit.manifest import MANIFEST_NAME, NO_DIGEST, Segment, SegmentFile
from medsettle.audit.notes import Checkpoint, checkpoint_of, cosigned, signed
from medsettle.audit.sealed_verification import verify_sealed
from medsettle.audit.sealing import Sealer
from medsettle.audit.seals import (
    checkpoint_paths,
    read_checkpoint,
    read_seals,
)
from medsettle.audit.segments import parquet_bytes, read_parquet, stored_columns

from tests.audit.tampering import change_cell, drop_row
from tests.audit.test_tampering import KEY, KEYS, ORIGIN, TODAY, made

_OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return sealed and signed audit tables of three days in six segments."""
    return made(tmp_path_factory.mktemp("seals"), 60)


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """Return a copy of them that a test may alter."""
    shutil.copytree(whole, tmp_path / "audit")
    return tmp_path / "audit"


def _found(folder: Path, keys: Keys = KEYS, since: Checkpoint | None = None) -> tuple[Finding, ...]:
    return verify_sealed(folder, keys, since).findings.told()


def _flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def _checkpoints(folder: Path) -> list[Checkpoint]:
    return [checkpoint_of(read_checkpoint(path)) for path in checkpoint_paths(folder)]


def _chained_anew(folder: Path, changed: SegmentFile) -> None:
    """Write the manifest so that it holds, with the digest that a file has now."""
    content = (folder / changed.path).read_bytes()
    rows = read_parquet(content).num_rows
    now = replace(changed, bytes=len(content), rows=rows, sha256=sha256(content).hexdigest())
    lines, previous = [], NO_DIGEST
    for segment in read_segments(folder):
        files = tuple(now if file.path == changed.path else file for file in segment.files)
        anew = replace(segment, files=files, previous=previous)
        previous = anew.digest()
        lines.append(anew.line())
    (folder / MANIFEST_NAME).write_bytes(b"".join(lines))


def _altered_row(folder: Path) -> tuple[Segment, SegmentFile, Finding]:
    """Change a row of the third segment, and return what is to be found of it alone."""
    segment = read_segments(folder)[2]
    file = segment.files[0]
    expected = change_cell(folder, file, random.Random(5))
    (found,) = _found(folder)
    assert expected.found_in((found,))
    return segment, file, found


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_a_byte_of_the_manifest(folder: Path, seed: int) -> None:
    """The line with the flipped byte is named, and no row is said to be altered."""
    path = folder / MANIFEST_NAME
    content = path.read_bytes()
    at = random.Random(seed).randrange(len(content))
    _flip(path, at)
    first, *others = _found(folder)

    assert (Altered.MANIFEST, content[:at].count(b"\n") + 1) == (first.kind, first.line)
    assert {Altered.MANIFEST} >= {each.kind for each in others}


@pytest.mark.parametrize(
    ("order", "line"),
    [
        pytest.param([0, 2, 3, 4, 5], 2, id="removed"),
        pytest.param([1, 2, 3, 4, 5], 1, id="first-removed"),
        pytest.param([0, 1, 2, 3, 4], 6, id="last-removed"),
        pytest.param([0, 2, 1, 3, 4, 5], 2, id="reordered"),
        pytest.param([0, 1, 1, 2, 3, 4, 5], 3, id="repeated"),
    ],
)
def test_lines_of_the_manifest(folder: Path, order: list[int], line: int) -> None:
    """The first line that is not in its place is named; all rows are held to their seals."""
    path = folder / MANIFEST_NAME
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[at] for at in order))
    first, *_ = _found(folder)

    assert (Altered.MANIFEST, line) == (first.kind, first.line)


def test_a_manifest_chained_anew(folder: Path) -> None:
    """Who alters a row and writes the whole manifest for it is found by the seals, row and line."""
    segment, file, row = _altered_row(folder)
    _chained_anew(folder, file)
    found = _found(folder)

    assert row in found
    assert [segment.number] == [each.line for each in found if each.line is not None]
    assert read_segments(folder)


def test_a_removed_manifest(folder: Path) -> None:
    """All its lines are missing, and no row is said to be."""
    (folder / MANIFEST_NAME).unlink()
    found = _found(folder)

    assert {Altered.MANIFEST} == {each.kind for each in found}
    assert [None, 1, 2, 3, 4, 5, 6] == [each.line for each in found]


def test_a_leaf_that_was_altered(folder: Path) -> None:
    """The rows come to the root that was sealed and signed, so the leaf is what was altered."""
    name = "seals/leaves.sha256"
    _flip(folder / name, 32 * 41 + 3)
    (found,) = _found(folder)

    assert (Altered.SEAL, 42, name) == (found.kind, found.seq, found.path)
    assert (32 * 41, 32 * 42 - 1) == (found.first_byte, found.last_byte)


def test_leaves_that_were_cut_off(folder: Path) -> None:
    """What is sealed beyond them is told."""
    path = folder / "seals" / "leaves.sha256"
    path.write_bytes(path.read_bytes()[:-1])
    found = _found(folder)

    assert Altered.SEAL in {each.kind for each in found}
    assert any("cut off" in each.message for each in found)


@pytest.mark.slow
def test_a_kept_node_that_was_altered(tmp_path: Path) -> None:
    """The leaves are held to the roots of their subtrees, to the byte."""
    folder = made(tmp_path, 600)
    _flip(folder / "seals" / "nodes-8.sha256", 40)
    (found,) = _found(folder)

    assert (Altered.SEAL, 40) == (found.kind, found.first_byte)
    assert "nodes-8" in str(found.path)


def test_places_that_were_altered(folder: Path) -> None:
    """Rows are found all the same, by entry, without the place in their file."""
    segment = read_segments(folder)[2]
    expected = drop_row(folder, segment.files[0], random.Random(3))
    places = folder / "seals" / read_seals(folder)[2].places
    _flip(places, places.stat().st_size // 2)
    found = _found(folder)

    assert Altered.SEAL in {each.kind for each in found}
    assert expected.values["seq"] in {each.seq for each in found if each.kind is Altered.ENTRY}


@pytest.mark.parametrize("line", [1, 3, 6])
def test_a_line_of_the_journal(folder: Path, line: int) -> None:
    """The line is named; what it sealed is held to the manifest alone."""
    path = folder / "seals" / "seals.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[line - 1] = lines[line - 1].replace(b'"version":1', b'"version":2')
    path.write_bytes(b"".join(lines))
    found = _found(folder)

    assert (Altered.SEAL, line) in {(each.kind, each.line) for each in found}


def _sealed_anew(folder: Path, key: Ed25519PrivateKey | None = None) -> None:
    """Seal everything again, as somebody would who may write everywhere but has not the key."""
    kept = [(path, path.read_bytes()) for path in checkpoint_paths(folder)]
    shutil.rmtree(folder / "seals")
    with Sealer(folder) as sealer:
        while sealer.seal_once():
            pass
        if key is not None:
            sealer.sign(key, ORIGIN, TODAY)
            return
    for path, content in kept:
        path.write_bytes(content)


def test_who_rewrites_everything_is_found_by_the_signed_root(folder: Path) -> None:
    """Row, manifest, leaves and journal fit: the first checkpoint over the row contradicts them."""
    _, file, row = _altered_row(folder)
    _chained_anew(folder, file)
    _sealed_anew(folder)
    sizes = [each.size for each in _checkpoints(folder)]
    found = _found(folder)
    (contradicted,) = [each for each in found if each.kind is Altered.CHECKPOINT]

    assert row.seq is not None
    over = next(size for size in sizes if size >= row.seq)
    before = max((size for size in sizes if size < row.seq), default=0)
    assert f"an entry from {before + 1} to {over} was altered" in contradicted.message
    assert Altered.MANIFEST in {each.kind for each in found}


def test_who_signs_everything_anew_has_another_key(folder: Path) -> None:
    """Checkpoints of a key that is not the log's are not signed, and a noted one contradicts."""
    noted = _checkpoints(folder)[-1]
    _, file, _ = _altered_row(folder)
    _chained_anew(folder, file)
    _sealed_anew(folder, _OTHER)

    assert {Altered.UNSIGNED} == {each.kind for each in _found(folder)}
    assert Altered.CHECKPOINT in {each.kind for each in _found(folder, since=noted)}
    assert () == _found(folder, Keys(_OTHER.public_key()))


@pytest.mark.parametrize(
    ("at", "kind"),
    [
        pytest.param(0, Altered.NO_CHECKPOINT, id="all"),
        pytest.param(1, Altered.NO_CHECKPOINT, id="middle"),
    ],
)
def test_checkpoints_that_were_removed(folder: Path, at: int, kind: Altered) -> None:
    """A day without its checkpoint is named, and so are all of them where none is left."""
    paths = checkpoint_paths(folder)
    for path in paths if at == 0 else paths[at : at + 1]:
        path.unlink()
    (found,) = _found(folder)

    assert kind is found.kind
    assert at == 0 or "2024-04-26" in found.message


def test_a_log_that_went_back(folder: Path, tmp_path: Path) -> None:
    """Tables that end earlier, seals and checkpoints too, contradict what was noted."""
    noted = _checkpoints(folder)[-1]
    (tmp_path / "earlier").mkdir()
    earlier = made(tmp_path / "earlier", 40)

    assert () == _found(earlier)
    assert {Altered.ROLLED_BACK} == {each.kind for each in _found(earlier, since=noted)}


def test_seals_that_went_back_below_a_checkpoint(folder: Path) -> None:
    """A checkpoint over more than is sealed tells that the seals were cut off."""
    path = folder / "seals" / "seals.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]))

    assert Altered.ROLLED_BACK in {each.kind for each in _found(folder)}


@pytest.mark.parametrize("at", [0, 2])
def test_a_forged_signature(folder: Path, at: int) -> None:
    """A signature that is said to be of the key and is not, over this text or another."""
    path = checkpoint_paths(folder)[at]
    note = read_checkpoint(path)
    (real,) = note.signatures
    forged = replace(real, signature=real.signature[::-1])
    path.write_bytes(replace(note, signatures=(forged,)).content())
    (found,) = _found(folder)

    assert (Altered.FORGED, path.relative_to(folder).as_posix()) == (found.kind, found.path)


def test_a_checkpoint_that_was_altered(folder: Path) -> None:
    """With another root it is forged, and contradicts the leaves."""
    path = checkpoint_paths(folder)[0]
    note = read_checkpoint(path)
    other = replace(checkpoint_of(note), root=bytes(32))
    path.write_bytes(replace(note, text=other.text()).content())

    assert {Altered.FORGED, Altered.CHECKPOINT} == {each.kind for each in _found(folder)}


def test_a_witness_must_have_countersigned(folder: Path) -> None:
    """Only the newest checkpoint needs it, and a forged one is found anywhere."""
    keys = replace(KEYS, witnesses=(_OTHER.public_key(),))
    paths = checkpoint_paths(folder)
    (missing,) = _found(folder, keys)
    paths[-1].write_bytes(cosigned(read_checkpoint(paths[-1]), "b.cn/w", _OTHER, 7).content())
    seen = _found(folder, keys)
    whole = cosigned(read_checkpoint(paths[0]), "b.cn/w", _OTHER, 7)
    last = whole.signatures[-1]
    bad = replace(last, signature=last.signature[:-1] + bytes([last.signature[-1] ^ 1]))
    paths[0].write_bytes(replace(whole, signatures=(*whole.signatures[:-1], bad)).content())
    (forged,) = _found(folder, keys)

    assert Altered.UNSIGNED is missing.kind
    assert () == seen
    assert Altered.FORGED is forged.kind


def test_files_that_were_swapped_between_segments(folder: Path) -> None:
    """Each of two files is named with the path at which it was sealed."""
    one, two = (segment.files[0].path for segment in read_segments(folder)[1:3])
    content = (folder / one).read_bytes(), (folder / two).read_bytes()
    (folder / one).write_bytes(content[1])
    (folder / two).write_bytes(content[0])
    found = _found(folder)

    assert [(Altered.FILE_SWAPPED, one), (Altered.FILE_SWAPPED, two)] == [
        (each.kind, each.path) for each in found
    ]
    assert two in found[0].message


def test_what_comes_after_a_noted_checkpoint_alone_is_read(folder: Path) -> None:
    """Since a checkpoint, an alteration behind it is found, and one before it is not looked for."""
    noted = _checkpoints(folder)[0]
    segments = read_segments(folder)
    chance = random.Random(1)
    change_cell(folder, segments[0].files[0], chance)
    assert () == _found(folder, since=noted)

    expected = change_cell(folder, segments[-1].files[0], chance)
    assert expected.found_in(_found(folder, since=noted))
    assert 2 == len(_found(folder))


def test_what_is_not_sealed_yet_is_held_to_the_manifest(folder: Path) -> None:
    """Without seals, as before there were any, a file is named."""
    shutil.rmtree(folder / "seals")
    assert () == _found(folder, Keys())

    segment = read_segments(folder)[3]
    change_cell(folder, segment.files[1], random.Random(1))
    (folder / segment.files[2].path).unlink()
    found = _found(folder, Keys())
    assert [
        (Altered.BYTES, segment.files[1].path),
        (Altered.FILE_MISSING, segment.files[2].path),
    ] == [(each.kind, each.path) for each in found]


def test_a_note_of_another_log_is_no_checkpoint_of_ours(folder: Path) -> None:
    """Signed by the key under another origin, it is told."""
    path = checkpoint_paths(folder)[1]
    other = replace(checkpoint_of(read_checkpoint(path)), origin="example.cn/other")
    path.write_bytes(signed(other, KEY).content())

    assert [Altered.CHECKPOINT] == [each.kind for each in _found(folder)]


def test_what_is_no_note_is_told(folder: Path) -> None:
    """A checkpoint that cannot be read is named, and the others are checked."""
    path = checkpoint_paths(folder)[1]
    path.write_bytes(b"nothing\n")
    found = _found(folder)

    assert (Altered.SEAL, path.relative_to(folder).as_posix()) in {
        (each.kind, each.path) for each in found
    }


def test_rows_out_of_ledger_order_are_found_though_no_leaf_is_another(folder: Path) -> None:
    """Rows of two entries change places and all is sealed anew: leaves and roots stay the same."""
    segment = read_segments(folder)[2]
    file = next(each for each in segment.files if each.table == "settlements" and each.rows > 1)
    rows = read_parquet((folder / file.path).read_bytes())
    turned = rows.take(pa.array(range(rows.num_rows - 1, -1, -1)))
    (folder / file.path).write_bytes(parquet_bytes(stored_columns(file.table), turned))
    _chained_anew(folder, file)
    _sealed_anew(folder)
    found = _found(folder)

    moved = [each for each in found if each.kind is Altered.ROWS_REORDERED]
    assert (file.path, 2) == (moved[0].path, moved[0].row)
    assert Altered.MANIFEST in {each.kind for each in found}
    assert Altered.CHECKPOINT not in {each.kind for each in found}
