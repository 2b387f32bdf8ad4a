"""A disk that is full, refuses or is locked: a clear error, and a ledger that lost nothing."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest
from medsettle import limits
from medsettle.core.claims import ClaimBatch
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine
from medsettle.errors import LedgerFailed, LedgerUnavailable

from tests.power.disk import Disk
from tests.power.watching import watched
from tests.service.claims import claim
from tests.service.serving import engine_on

_LOG, _FILE = "ledger.db-wal", "ledger.db"


def failing(kind: type[apsw.Error], code: int) -> apsw.Error:
    """Return an error as SQLite's file layer raises it."""
    error = kind("the disk says no")
    error.extendedresult = code  # type: ignore[attr-defined] # the stubs leave it out
    return error


def full() -> apsw.Error:
    """Return what a full disk is told as."""
    return failing(apsw.FullError, apsw.SQLITE_FULL)


def unsynced() -> apsw.Error:
    """Return what a failed sync is told as."""
    return failing(apsw.IOError, apsw.SQLITE_IOERR_FSYNC)


def unwritten() -> apsw.Error:
    """Return what a failed write is told as."""
    return failing(apsw.IOError, apsw.SQLITE_IOERR_WRITE)


def fault_at(
    action: str, name: str, error: Callable[[], apsw.Error], *, nth: int = 1
) -> Callable[[str, Path], None]:
    """Return a fault that begins with the nth action upon a file, and stays."""
    times = 0

    def fault(done: str, path: Path) -> None:
        nonlocal times
        times += (done, path.name) == (action, name)
        if (done, path.name) == (action, name) and times >= nth:
            raise error()

    return fault


def settle(engine: Engine, number: int) -> Settlement:
    """Return the settlement of claim `number`."""
    (answer,) = engine.settle(ClaimBatch.from_rows([claim(number)]))
    assert isinstance(answer, Settlement)
    return answer


@contextmanager
def _engine(folder: Path) -> Iterator[tuple[Engine, Disk]]:
    """Yield an engine on a disk that can be told to fail; claims 1 and 2 are settled."""
    with watched(folder) as disk, engine_on(folder) as engine:
        settle(engine, 1)
        settle(engine, 2)
        yield engine, disk
        disk.fault = None


def _is_as_promised(folder: Path, numbers: set[int], asked: set[int]) -> None:
    """Assert that what was acknowledged is there once, and of the rest all or nothing."""
    with engine_on(folder) as engine:
        found = [str(each.columns["request_id"]) for each in engine.page(limit=100)]
        held = {int(each[1:]) for each in found}
        assert len(found) == len(held)
        assert numbers <= held <= asked
        assert all(settle(engine, number).duplicate for number in held)
        for number in asked - held:
            assert not settle(engine, number).duplicate
        assert engine.ledger.verify() is None  # type: ignore[attr-defined]


def test_a_full_disk_refuses_and_recovers_once_there_is_room(tmp_path: Path) -> None:
    """Nothing is recorded while the disk is full; afterwards the same ledger goes on."""
    with _engine(tmp_path) as (engine, disk):
        disk.fault = fault_at("write", _LOG, full)
        for _ in range(2):
            with pytest.raises(LedgerUnavailable, match=r"disk is full.*free space") as raised:
                settle(engine, 3)
            assert not isinstance(raised.value, LedgerFailed)
        assert settle(engine, 1).duplicate
        disk.fault = None

        assert not settle(engine, 3).duplicate
    _is_as_promised(tmp_path, {1, 2, 3}, {1, 2, 3})


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        pytest.param(fault_at("sync", _LOG, unsynced), r"A sync failed.*disk's health", id="sync"),
        pytest.param(fault_at("write", _LOG, unwritten), r"The disk refuses", id="write"),
    ],
)
def test_a_failing_disk_stops_the_ledger(
    fault: Callable[[str, Path], None], says: str, tmp_path: Path
) -> None:
    """After a failed write or sync nothing is taken until the ledger is opened again."""
    with _engine(tmp_path) as (engine, disk):
        disk.fault = fault
        with pytest.raises(LedgerFailed, match=says):
            settle(engine, 3)
        disk.fault = None
        # The disk seems well again, and is not believed.
        with pytest.raises(LedgerFailed, match=r"Open it again.*same request id"):
            settle(engine, 4)
        assert settle(engine, 2).duplicate
    _is_as_promised(tmp_path, {1, 2}, {1, 2, 3})


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault_at("sync", _LOG, unsynced, nth=2), id="log"),
        pytest.param(fault_at("sync", _FILE, unsynced), id="file"),
        pytest.param(fault_at("write", _FILE, unwritten), id="write"),
    ],
)
def test_a_disk_that_fails_while_the_log_is_moved_stops_the_next_write(
    fault: Callable[[str, Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit before stands, for the log is synced; nothing is built upon it any more."""
    with _engine(tmp_path) as (engine, disk):
        monkeypatch.setattr(limits, "LEDGER_CHECKPOINT_PAGES", 1)
        disk.fault = fault
        settle(engine, 3)
        with pytest.raises(LedgerFailed, match="Open it again"):
            settle(engine, 4)
    _is_as_promised(tmp_path, {1, 2, 3}, {1, 2, 3})


def test_a_log_that_cannot_be_moved_for_want_of_room_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the file cannot grow, commits go on in the log, and it is moved later."""
    with _engine(tmp_path) as (engine, disk):
        monkeypatch.setattr(limits, "LEDGER_CHECKPOINT_PAGES", 1)
        disk.fault = fault_at("write", _FILE, full)
        settle(engine, 3)
        settle(engine, 4)
        disk.fault = None
        before = (tmp_path / _FILE).stat().st_size
        settle(engine, 5)
        assert before < (tmp_path / _FILE).stat().st_size
    _is_as_promised(tmp_path, {1, 2, 3, 4, 5}, {1, 2, 3, 4, 5})


def test_what_a_failed_sync_left_is_made_sure_of(tmp_path: Path) -> None:
    """What a new process finds in the log is on the disk before it answers from it.

    The commit whose sync failed is read back whole; the disk has never seen it. Answered from it,
    and appended to, the ledger would lose all that at the next power cut.
    """
    root = tmp_path / "disk"
    root.mkdir()
    with watched(root) as disk:
        with engine_on(root) as engine:
            settle(engine, 1)
            disk.fault = fault_at("sync", _LOG, unsynced)
            with pytest.raises(LedgerFailed):
                settle(engine, 2)
        disk.fault = None
        with engine_on(root) as engine:
            assert settle(engine, 2).duplicate
            settle(engine, 3)
            told = len(disk.steps)
    for seed in range(8):
        after = tmp_path / f"{seed}"
        disk.after_cut(told, seed, after)
        _is_as_promised(after, {1, 2, 3}, {1, 2, 3})


_HOLDER = """
import apsw, sys
connection = apsw.Connection(sys.argv[1])
connection.execute("begin immediate")
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_ledger_that_another_program_locks_waits_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A foreign lock is named and harms nothing; once it is gone the same ledger goes on."""
    monkeypatch.setattr(limits, "LEDGER_LOCKED_MS_MAX", 20)
    with _engine(tmp_path) as (engine, _):
        words = [sys.executable, "-c", _HOLDER, str(tmp_path / _FILE)]
        with subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as holder:
            assert holder.stdout is not None
            assert "locked" == holder.stdout.readline().strip()
            with pytest.raises(LedgerUnavailable, match=r"locked.*fuser.*end it") as raised:
                settle(engine, 3)
            holder.communicate()
        assert not isinstance(raised.value, LedgerFailed)
        assert not settle(engine, 3).duplicate
    _is_as_promised(tmp_path, {1, 2, 3}, {1, 2, 3})


def test_a_file_that_must_not_be_written_is_named(tmp_path: Path) -> None:
    """A ledger on a read-only disk is not served, and the message says where to look."""
    with engine_on(tmp_path) as engine:
        settle(engine, 1)
    with watched(tmp_path) as disk:
        disk.read_only = True
        with pytest.raises(LedgerUnavailable, match="owner, mode and mount"), engine_on(tmp_path):
            pass
    _is_as_promised(tmp_path, {1}, {1})
