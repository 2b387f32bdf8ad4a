"""The power is cut while audit tables are written: what the manifest names is there, undamaged."""

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest
from medsettle.audit import Projector, connect, verify
from medsettle.audit.manifest import MANIFEST_NAME
from medsettle.audit.segments import AUDIT_TABLES
from medsettle.errors import SettlementError
from medsettle.ledger import SqliteLedger

from tests.audit.records import audited_entry, expected_rows, fill
from tests.power.disk import Disk, Mark, Names, Step, Sync, SyncFolder, Write, cuts_at_random
from tests.power.watching import watched

_ENTRIES = 24
_ROWS_PER_SEGMENT = (5, 3, 8, 8)
_SEEDS = (0, 1, 2)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteLedger]:
    """Yield a ledger that no cut touches."""
    with SqliteLedger(tmp_path_factory.mktemp("ledger") / "ledger.sqlite") as ledger:
        fill(ledger, 1, _ENTRIES)
        yield ledger


@pytest.fixture(scope="module")
def projected(ledger: SqliteLedger, tmp_path_factory: pytest.TempPathFactory) -> Disk:
    """Return the disk of a projection that was begun twice, with what it said in between."""
    root = tmp_path_factory.mktemp("disk")
    with watched(root) as disk:
        for rows in (_ROWS_PER_SEGMENT[:2], _ROWS_PER_SEGMENT[2:]):
            with Projector(ledger, root / "audit") as projector:
                for each in rows:
                    projector.run_once(max_rows=each)
                    disk.mark("projected", projector.last_seq)
    return disk


_EXPECTED = [expected_rows(audited_entry(seq), seq) for seq in range(1, _ENTRIES + 1)]


def _is_complete(folder: Path) -> bool:
    with connect(folder) as connection:
        for table in AUDIT_TABLES:
            rows = connection.sql(f"select seq from {table} order by seq").fetchall()
            wanted = [row["seq"] for each in _EXPECTED for row in each.get(table, [])]
            if [seq for (seq,) in rows] != wanted:
                return False
    return True


def _fault(disk: Disk, ledger: SqliteLedger, cut: int, seed: int, target: Path) -> str | None:
    """Return what is wrong after a cut, None if nothing is."""
    disk.after_cut(cut, seed, target)
    promised = max((int(str(told)) for told in disk.told(cut)), default=0)
    folder = target / "audit"
    try:
        if promised and verify(folder).last_seq < promised:
            return f"cut {cut}, seed {seed}: the manifest has lost a segment"
        with Projector(ledger, folder) as projector:
            while projector.run_once():
                pass
        verify(folder)
    except (SettlementError, OSError) as error:
        return f"cut {cut}, seed {seed}: {error}"
    return None if _is_complete(folder) else f"cut {cut}, seed {seed}: rows missing or twice"


def _faults(
    disk: Disk, ledger: SqliteLedger, cuts: Sequence[int], seeds: Sequence[int], folder: Path
) -> Iterator[str]:
    numbers = count()
    for cut in cuts:
        for seed in seeds:
            fault = _fault(disk, ledger, cut, seed, folder / f"{next(numbers)}")
            if fault is not None:
                yield fault


def _named_steps(disk: Disk) -> dict[str, int]:
    """Return where each step of writing a segment has just been done for the last time."""
    steps: dict[str, int] = {}
    for place, step in enumerate(disk.steps, 1):
        match step:
            case Names(changes=((name, int(number)), *_)):
                steps["folder made" if number in disk.folders else f"{Path(name).suffix}"] = place
            case Write(file=file) | Sync(file=file):
                steps[f"{type(step).__name__} {disk.paths[file].suffix}"] = place
            case SyncFolder():
                steps["folder synced"] = place
            case Mark(step=name):
                steps[name] = place
    return steps


def test_every_step_of_a_segment_is_cut(projected: Disk) -> None:
    """What is cut below is what a segment is made of."""
    assert {
        *("folder made", "folder synced", "projected"),
        *(".tmp", "Write .tmp", "Sync .tmp", ".parquet"),
        *(".jsonl", "Write .jsonl", "Sync .jsonl", ".lock"),
    } == set(_named_steps(projected))


@pytest.mark.slow
def test_cuts_at_named_steps_lose_nothing(
    projected: Disk, ledger: SqliteLedger, tmp_path: Path
) -> None:
    """After a cut right before and after each step, the log verifies and ends as the ledger."""
    places = _named_steps(projected).values()
    cuts = sorted({place - back for place in places for back in (0, 1)})

    assert [] == list(_faults(projected, ledger, cuts, (0, 2), tmp_path))


@pytest.mark.slow
def test_a_process_that_ends_at_any_step_is_resumed(
    projected: Disk, ledger: SqliteLedger, tmp_path: Path
) -> None:
    """With the power on nothing is unsynced, and a killed process leaves all it did."""
    _, begins, ends, _ = projected.marks("projected")

    assert [] == list(_faults(projected, ledger, range(begins, ends, 4), (1,), tmp_path))


@pytest.mark.slow
def test_cuts_anywhere_lose_nothing(projected: Disk, ledger: SqliteLedger, tmp_path: Path) -> None:
    """Cuts and what they leave are drawn; none leaves a log that lacks what was said."""
    rng = random.Random(5)
    for number in range(cuts_at_random(5)):
        cut, seed = rng.randrange(len(projected.steps) + 1), rng.randrange(2, 10_000)
        assert [] == list(_faults(projected, ledger, [cut], [seed], tmp_path / f"{number}"))


def _folder(disk: Disk, step: Step) -> str | None:
    return disk.paths[step.folder].name if isinstance(step, SyncFolder) else None


_FORGOTTEN: dict[str, Callable[[Disk, Step], bool]] = {
    "every folder": lambda _, step: isinstance(step, SyncFolder),
    "the folder of a month": lambda disk, step: (_folder(disk, step) or "").startswith(
        "service_month="
    ),
    "the folder of an area": lambda disk, step: (_folder(disk, step) or "").startswith(
        "pooling_area="
    ),
    "the folder of a table": lambda disk, step: _folder(disk, step) == "payers",
    "the audit folder": lambda disk, step: _folder(disk, step) == "audit",
    "the data folder": lambda disk, step: _folder(disk, step) == disk.root.name,
    "a segment": lambda disk, step: (
        isinstance(step, Sync) and disk.paths[step.file].suffix == ".tmp"
    ),
    "the manifest": lambda disk, step: (
        isinstance(step, Sync) and disk.paths[step.file].name == MANIFEST_NAME
    ),
}


@pytest.mark.parametrize("forgotten", _FORGOTTEN)
def test_a_sync_that_is_missing_is_found(
    forgotten: str, projected: Disk, ledger: SqliteLedger, tmp_path: Path
) -> None:
    """Were any one of these not synced, a cut would lose what was said to be there."""
    careless = projected.without(_FORGOTTEN[forgotten])
    assert len(careless.steps) < len(projected.steps)
    cuts = [place + 1 for place in careless.marks("projected")]

    faults = _faults(careless, ledger, cuts, (*_SEEDS, *range(3, 8)), tmp_path)
    assert next(faults, None) is not None


def test_a_line_whose_sync_failed_is_made_sure_of(ledger: SqliteLedger, tmp_path: Path) -> None:
    """A line that only the system's memory holds is written again before the next one follows."""
    root = tmp_path / "disk"
    root.mkdir()

    def fail(action: str, path: Path) -> None:
        if action == "sync" and path.name == MANIFEST_NAME:
            raise OSError(5, "the disk does not answer")

    with watched(root) as disk:
        with Projector(ledger, root / "audit") as projector:
            projector.run_once(max_rows=3)
            disk.fault = fail
            with pytest.raises(OSError, match="does not answer"):
                projector.run_once(max_rows=3)
        disk.fault = None
        with Projector(ledger, root / "audit") as projector:
            assert 6 == projector.last_seq
            projector.run_once(max_rows=3)
            disk.mark("projected", projector.last_seq)

    assert [] == list(_faults(disk, ledger, [len(disk.steps)], range(6), tmp_path))
