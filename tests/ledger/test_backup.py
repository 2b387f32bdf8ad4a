"""Copies of a ledger: one moment, whole or absent under their name, never over another file."""

import fcntl
import random
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from medsettle.errors import LedgerUnavailable, Precondition
from medsettle.ledger import Posting, SqliteLedger, SqliteReader
from medsettle.ledger.backup import back_up, check_is_copy, restore

from tests.ledger.building import ACCOUNT_KEY, PAID_KEY, entry, ledger_path

_ROOT = Path(__file__).parents[2]


def _anything(_: SqliteReader) -> None:
    """Find nothing wrong."""


def _refused(_: SqliteReader) -> None:
    raise LedgerUnavailable("not as it should be")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    """Yield an open ledger of three entries."""
    with SqliteLedger(ledger_path(tmp_path)) as ledger:
        ledger.append([entry(1, Posting(PAID_KEY, 10)), entry(2, Posting(ACCOUNT_KEY, 20))], 5)
        ledger.append([entry(3)], 6)
        yield ledger


def test_a_copy_is_the_ledger_at_one_moment(ledger: SqliteLedger, tmp_path: Path) -> None:
    """What was recorded before is in it, what comes later is not; nothing else is left."""
    target = tmp_path / "copies" / "one.db"
    target.parent.mkdir()
    copied = back_up(ledger.path, target, _anything)
    ledger.append([entry(4)], 7)

    assert (target, 3, target.stat().st_size) == (copied.path, copied.last_seq, copied.size_bytes)
    with SqliteReader(target, still=True) as copy:
        assert ledger.page(after_seq=0, limit=3) == copy.page(after_seq=0, limit=10)
        assert {PAID_KEY: 10, ACCOUNT_KEY: 20} == copy.counters([PAID_KEY, ACCOUNT_KEY])
        assert [] == copy.damage()
    assert [target] == list(target.parent.iterdir())
    assert 0o600 == target.stat().st_mode & 0o777


def test_a_restored_ledger_goes_on(ledger: SqliteLedger, tmp_path: Path) -> None:
    """The ledger made from a copy takes the next entry at the next place."""
    back_up(ledger.path, tmp_path / "copy.db", _anything)
    restored = tmp_path / "elsewhere.db"
    assert 3 == restore(tmp_path / "copy.db", restored, _anything).last_seq

    with SqliteLedger(restored) as again:
        assert 4 == again.append([entry(4, Posting(PAID_KEY, 1))], 8)
        assert again.verify() is None


def test_no_file_is_written_over(ledger: SqliteLedger, tmp_path: Path) -> None:
    """A file that is there stays as it is, be it a copy, a ledger or anything else."""
    target = tmp_path / "copy.db"
    target.write_bytes(b"something")
    with pytest.raises(Precondition, match=r"copy\.db exists.*move it away"):
        back_up(ledger.path, target, _anything)
    assert b"something" == target.read_bytes()

    copy = tmp_path / "other.db"
    back_up(ledger.path, copy, _anything)
    with pytest.raises(LedgerUnavailable, match="one writer"):
        restore(copy, ledger.path, _anything)
    ledger.close()
    with pytest.raises(Precondition, match="exists"):
        restore(copy, ledger.path, _anything)


@pytest.mark.parametrize("ending", ["-wal", "-shm", "-journal"])
def test_the_log_of_another_ledger_is_not_taken_for_ours(
    ending: str, ledger: SqliteLedger, tmp_path: Path
) -> None:
    """A log that lies where a ledger is to be restored would be replayed into it."""
    back_up(ledger.path, tmp_path / "copy.db", _anything)
    left = tmp_path / f"new.db{ending}"
    left.write_bytes(b"left behind")

    with pytest.raises(Precondition, match=f"{ending} belongs to a ledger that was here"):
        restore(tmp_path / "copy.db", tmp_path / "new.db", _anything)
    assert not (tmp_path / "new.db").exists()


def test_a_ledger_in_use_is_no_copy(ledger: SqliteLedger, tmp_path: Path) -> None:
    """A file with a log beside it may lack what stands in the log."""
    with pytest.raises(LedgerUnavailable, match="not a copy"):
        check_is_copy(ledger.path)
    back_up(ledger.path, tmp_path / "copy.db", _anything)
    check_is_copy(tmp_path / "copy.db")


def test_a_copy_finished_meanwhile_is_not_emptied(
    ledger: SqliteLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who opened the unfinished file before another gave it its name leaves it as it is."""
    target, lock = tmp_path / "copy.db", fcntl.flock
    copied = []

    def late(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        copied.append(back_up(ledger.path, target, _anything))
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(Precondition, match="another process writes"):
        back_up(ledger.path, target, _anything)

    (found,) = copied
    assert 0 < found.size_bytes == target.stat().st_size
    assert [target.name] == [each.name for each in tmp_path.glob("copy*")]


def test_what_is_not_as_it_should_be_gets_no_name(ledger: SqliteLedger, tmp_path: Path) -> None:
    """A copy that its check refuses is not there afterwards."""
    with pytest.raises(LedgerUnavailable, match="should be"):
        back_up(ledger.path, tmp_path / "copy.db", _refused)

    assert {"ledger.sqlite"} == {
        each.name.split("-")[0].removesuffix(".lock") for each in tmp_path.iterdir()
    }


def test_what_is_no_ledger_is_not_restored(tmp_path: Path) -> None:
    """A file of something else, or none, makes no ledger."""
    other = tmp_path / "other.db"
    for content in (None, b"", b"no database, but long enough to be looked at" * 100):
        if content is not None:
            other.write_bytes(content)
        with pytest.raises(LedgerUnavailable):
            restore(other, tmp_path / "new.db", _anything)
    assert not (tmp_path / "new.db").exists()


def _backing_up(ledger: Path, target: Path) -> "subprocess.Popen[str]":
    words = [sys.executable, "-m", "tests.ledger.backing_up_process", str(ledger), str(target)]
    return subprocess.Popen(
        words, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_a_killed_backup_leaves_nothing_under_its_name(
    ledger: SqliteLedger, tmp_path: Path
) -> None:
    """Killed with the copy complete and not named, or anywhere: no name, and the next one works.

    While one process makes a copy, a second one to the same name is refused.
    """
    target = tmp_path / "copy.db"
    for seed in range(4):
        with _backing_up(ledger.path, target) as process:
            assert process.stdout is not None
            assert "begun\n" == process.stdout.readline()
            if seed == 0:
                assert "checked\n" == process.stdout.readline()
                with pytest.raises(Precondition, match="another process writes"):
                    back_up(ledger.path, target, _anything)
            for _ in range(random.Random(seed).randrange(20_000)):
                sha256(b"a while").digest()
            process.kill()
        assert not target.exists()

    assert 3 == back_up(ledger.path, target, _anything).last_seq
