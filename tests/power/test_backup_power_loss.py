"""The power is cut while a ledger is copied: the name of a copy has all of it or is not there."""

from pathlib import Path

import pytest
from medsettle.errors import LedgerUnavailable
from medsettle.ledger import Posting, SqliteLedger, SqliteReader
from medsettle.ledger.backup import back_up

from tests.ledger.building import PAID_KEY, entry
from tests.power.disk import Disk, Sync, SyncFolder
from tests.power.watching import watched

_ENTRIES = 300


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Disk:
    """Return the disk that a ledger was copied to."""
    ledger_path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    root = tmp_path_factory.mktemp("disk")
    with SqliteLedger(ledger_path) as ledger:
        ledger.append([entry(n, Posting(PAID_KEY, 1)) for n in range(1, _ENTRIES + 1)], 5)
        with watched(root) as disk:
            disk.mark("made", back_up(ledger_path, root / "copy.db", lambda _: None).last_seq)
    return disk


def _is_whole_or_absent(disk: Disk, cut: int, seed: int, target: Path) -> bool:
    disk.after_cut(cut, seed, target)
    if not (target / "copy.db").exists():
        return not list(disk.told(cut))
    with SqliteReader(target / "copy.db", still=True) as copy:
        return not copy.damage() and copy.last_seq() == _ENTRIES and copy.verify() is None


def test_a_cut_leaves_a_whole_copy_or_none(copied: Disk, tmp_path: Path) -> None:
    """Cut at every step; once the command has returned, the copy is there."""
    cuts = range(len(copied.steps) + 1)
    assert any(isinstance(step, Sync) for step in copied.steps)

    for cut in cuts:
        for seed in (0, 1, 2):
            assert _is_whole_or_absent(copied, cut, seed, tmp_path / f"{cut}-{seed}"), (cut, seed)


@pytest.mark.parametrize("forgotten", [Sync, SyncFolder])
def test_a_sync_that_is_missing_is_found(
    forgotten: type[Sync | SyncFolder], copied: Disk, tmp_path: Path
) -> None:
    """Were the copy or its folder not synced, a cut would leave less than the copy."""
    careless = copied.without(lambda _, step: isinstance(step, forgotten))

    def sound(seed: int) -> bool:
        try:
            return _is_whole_or_absent(careless, len(careless.steps), seed, tmp_path / f"{seed}")
        except LedgerUnavailable:
            return False

    assert not all(sound(seed) for seed in (0, 2, 3))
