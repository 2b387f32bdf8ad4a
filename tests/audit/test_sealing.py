"""Each entry is sealed once, whatever interrupted it, and each ended day is signed once."""

import shutil
from datetime import date
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from medsettle import limits
from medsettle.audit import Projector, connect, read_segments
from medsettle.audit.leaves import entry_leaves, row_digests, rows_as_json, rows_of_json
from medsettle.audit.notes import Checkpoint, NoNote, checkpoint_of
from medsettle.audit.sealed_verification import verify_sealed
from medsettle.audit.sealing import Sealer
from medsettle.audit.seals import (
    checkpoint_paths,
    opened_tree,
    read_checkpoint,
    read_seals,
    sealed_to,
)
from medsettle.audit.segments import in_leaf_order, partition_of, read_parquet
from medsettle.audit.tree import Tree
from medsettle.errors import AuditCorrupt, Precondition
from medsettle.ledger import SqliteLedger

from tests.audit.records import made_before_claims
from tests.audit.tampering import fill_days
from tests.audit.test_tampering import KEY, ORIGIN

_OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
_FIRST_DAY, _SECOND_DAY, _LATER = date(2024, 4, 25), date(2024, 4, 26), date(2024, 5, 1)


@pytest.fixture
def log(ledger: SqliteLedger, folder: Path) -> Path:
    """Return an audit folder of two days with four segments, not sealed."""
    fill_days(ledger, 40, 2)
    with Projector(ledger, folder) as projector:
        while projector.run_once(10):
            pass
    return folder


def _sealed(folder: Path) -> list[int]:
    with Sealer(folder) as sealer:
        found = []
        while entries := sealer.seal_once():
            found.append(entries)
        return found


def _leaves(folder: Path) -> bytes:
    return (folder / "seals" / "leaves.sha256").read_bytes()


def test_how_far_seals_go_is_told_whatever_became_of_them(log: Path) -> None:
    """Nothing before the first, the last entry after it, and nothing where its line was changed."""
    assert 0 == sealed_to(log)
    _sealed(log)
    assert 40 == sealed_to(log)
    journal = log / "seals" / "seals.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"last_seq":40', b'"last_seq":41'))

    assert 0 == sealed_to(log)


def test_each_entry_is_sealed_once(log: Path) -> None:
    """What is sealed is not sealed again, and its root is that of one leaf an entry."""
    assert [40] == _sealed(log)
    assert [] == _sealed(log)
    (seal,) = read_seals(log)

    assert 40 * 32 == len(_leaves(log))
    assert Tree(_leaves(log)).root().hex() == seal.root
    assert (("2024-04-25", 20), ("2024-04-26", 40)) == seal.days
    assert () == verify_sealed(log).findings.told()


def test_leaves_do_not_tell_how_entries_were_cut_into_segments(
    log: Path, ledger: SqliteLedger, tmp_path: Path
) -> None:
    """Projected as one segment, the same entries have the same leaves."""
    other = tmp_path / "other"
    with Projector(ledger, other) as projector:
        projector.run_once()
    _sealed(log)
    _sealed(other)

    assert (4, 1) == (len(read_segments(log)), len(read_segments(other)))
    assert _leaves(log) == _leaves(other)


def test_segments_without_claims_and_moves_are_sealed(log: Path) -> None:
    """Those of version 2 are sealed and verified as they are."""
    made_before_claims(log)
    _sealed(log)

    assert 40 == verify_sealed(log).sealed
    assert () == verify_sealed(log).findings.told()


@pytest.mark.parametrize("stage", ["places", "leaves", "nodes", "line"])
def test_what_a_crash_left_behind_is_cut_off(
    ledger: SqliteLedger, folder: Path, tmp_path: Path, stage: str
) -> None:
    """A seal that ended before its line is made again, and comes out the same."""
    fill_days(ledger, 600, 1)
    with Projector(ledger, folder) as projector:
        projector.run_once(300)
        _sealed(folder)
        before = tmp_path / "before"
        shutil.copytree(folder / "seals", before)
        projector.run_once()
    _sealed(folder)
    whole = {path.name: path.read_bytes() for path in _files(folder)}
    later = {path.name: path.read_bytes() for path in (folder / "seals" / "places").iterdir()}

    # The files are written in this order, the line last; each later one is still as it was.
    order = ("places", "leaves", "nodes", "line")
    shutil.rmtree(folder / "seals")
    shutil.copytree(before, folder / "seals")
    for name, content in later.items():
        (folder / "seals" / "places" / name).write_bytes(content)
    for each, name in (("leaves", "leaves.sha256"), ("nodes", "nodes-8.sha256")):
        if order.index(stage) >= order.index(each):
            (folder / "seals" / name).write_bytes(whole[name])
    if stage == "line":
        (folder / "seals" / "seals.jsonl").write_bytes(whole["seals.jsonl"][:-7])

    assert [300] == _sealed(folder)
    assert whole == {path.name: path.read_bytes() for path in _files(folder)}
    assert () == verify_sealed(folder).findings.told()


def _files(folder: Path) -> list[Path]:
    return [path for path in (folder / "seals").rglob("*") if path.is_file()]


def test_what_the_manifest_does_not_say_is_not_sealed(log: Path) -> None:
    """A file that was altered before is named, and nothing of its stretch is sealed."""
    file = read_segments(log)[2].files[1]
    path = log / file.path
    path.write_bytes(path.read_bytes() + b"x")

    with Sealer(log) as sealer, pytest.raises(AuditCorrupt, match=r"segment 3 .*not sealed"):
        sealer.seal_once()
    assert [] == read_seals(log)
    path.unlink()
    with Sealer(log) as sealer, pytest.raises(AuditCorrupt, match=r"segment 3 .*not sealed"):
        sealer.seal_once()


def test_seals_of_a_manifest_that_went_back_are_not_gone_on_with(log: Path) -> None:
    """Neither one that was cut off nor leaves that were is sealed upon."""
    _sealed(log)
    manifest = log / "manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    manifest.write_bytes(b"".join(lines[:-1]))
    with pytest.raises(AuditCorrupt, match="not in the manifest any more"):
        Sealer(log)

    manifest.write_bytes(b"".join(lines))
    (log / "seals" / "leaves.sha256").write_bytes(_leaves(log)[:-1])
    with pytest.raises(AuditCorrupt, match="cut off"):
        Sealer(log)


def test_one_process_seals(log: Path) -> None:
    """While one has the folder another is refused."""
    with Sealer(log), pytest.raises(Precondition, match="another process seals"):
        Sealer(log)


def _sizes(made: list[Checkpoint]) -> list[int]:
    return [each.size for each in made]


def test_each_ended_day_is_signed_once(log: Path) -> None:
    """A day is signed when it has ended, over its last entry, and never again."""
    with Sealer(log) as sealer:
        sealer.seal_once()
        assert [] == sealer.sign(KEY, ORIGIN, _FIRST_DAY)
        assert [20] == _sizes(sealer.sign(KEY, ORIGIN, _SECOND_DAY))
        assert [] == sealer.sign(KEY, ORIGIN, _SECOND_DAY)
        assert [40] == _sizes(sealer.sign(KEY, ORIGIN, _LATER))
    first, last = (checkpoint_of(read_checkpoint(path)) for path in checkpoint_paths(log))
    segment = read_segments(log)[1]

    assert (f"day {_FIRST_DAY}", f"segments 2 {segment.digest()}") == first.extension
    assert last.root == Tree(_leaves(log)).root()


def test_all_that_is_sealed_is_signed_on_demand(log: Path) -> None:
    """Before a day has ended, and the day is signed all the same when it has."""
    with Sealer(log) as sealer:
        sealer.seal_once()
        assert [20, 40] == _sizes(sealer.sign(KEY, ORIGIN, _SECOND_DAY, to_the_end=True))
        assert [] == sealer.sign(KEY, ORIGIN, _LATER, to_the_end=True)


def test_nothing_is_signed_that_contradicts_what_was(log: Path) -> None:
    """Leaves that were altered, fewer of them, and another key or origin, end the series."""
    with Sealer(log) as sealer:
        sealer.seal_once()
        sealer.sign(KEY, ORIGIN, _SECOND_DAY)
        for key, origin in ((_OTHER, ORIGIN), (KEY, "example.cn/other")):
            with pytest.raises(Precondition, match="another"):
                sealer.sign(key, origin, _LATER)
        with pytest.raises(NoNote, match="without spaces"):
            sealer.sign(KEY, "a b", _LATER)
        path = log / "seals" / "leaves.sha256"
        path.write_bytes(bytes(32) + _leaves(log)[32:])
        with pytest.raises(AuditCorrupt, match="altered since"):
            sealer.sign(KEY, ORIGIN, _LATER)
    (log / "seals" / "seals.jsonl").unlink()
    with Sealer(log) as sealer, pytest.raises(AuditCorrupt, match="the tables went back"):
        sealer.sign(KEY, ORIGIN, _LATER)
    assert 1 == len(checkpoint_paths(log))


def test_readers_do_not_find_seals(log: Path) -> None:
    """Neither what projects, what queries nor who reads every Parquet file meets them."""
    _sealed(log)

    assert [] == list((log / "seals").rglob("*.parquet"))
    with connect(log) as connection:
        found = connection.execute("select count(*) from settlements").fetchone()
    assert found == (36,)


def test_rows_told_as_json_come_to_the_same_leaves(log: Path) -> None:
    """Every kind of value comes back from the form that proofs have."""
    _sealed(log)
    for segment in read_segments(log):
        found = []
        for file in in_leaf_order(segment.files):
            rows = read_parquet((log / file.path).read_bytes())
            partition = partition_of(file.path)
            again = rows_of_json(rows_as_json(file.table, partition, rows))
            found.append(row_digests(*again))
        leaves = entry_leaves(segment.first_seq, segment.last_seq, found)
        with opened_tree(log, 40) as tree:
            assert leaves == [
                tree.leaf(seq - 1) for seq in range(segment.first_seq, segment.last_seq + 1)
            ]


@pytest.mark.parametrize("wrong", [{}, {"table": "moves"}, [], None], ids=str)
def test_what_are_no_rows_is_refused(wrong: object) -> None:
    """Rows that somebody made up are no reason to fail otherwise."""
    with pytest.raises(ValueError, match="no rows"):
        rows_of_json(wrong)  # type: ignore[arg-type]


def test_stretches_are_bounded(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line takes segments up to the bound of entries or of segments, and never cuts one."""
    monkeypatch.setattr(limits, "SEAL_ENTRIES_MAX", 11)
    assert [20, 20] == _sealed(log)
    shutil.rmtree(log / "seals")
    monkeypatch.setattr(limits, "SEAL_ENTRIES_MAX", 10)
    assert [10, 10, 10, 10] == _sealed(log)
    shutil.rmtree(log / "seals")
    monkeypatch.setattr(limits, "SEAL_ENTRIES_MAX", 100)
    monkeypatch.setattr(limits, "SEAL_SEGMENTS_MAX", 3)
    assert [30, 10] == _sealed(log)
    assert () == verify_sealed(log).findings.told()
