"""The power is cut while the ledger commits: what was acknowledged is there, once and complete."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import apsw
import pytest
from medsettle import limits
from medsettle.durable import make_folder
from medsettle.errors import SettlementError
from medsettle.ledger import SqliteLedger

from tests.ledger.appending_process import numbered_entry
from tests.ledger.building import recorded, sums
from tests.power.disk import Disk, Step, Sync, SyncFolder, Write, cuts_at_random
from tests.power.watching import watched

_FILE = "ledger.db"
_BATCHES = 24
_CREATED_US = 7
_SEEDS = (0, 1, 2, 3)
# The statements of an append, by their first words.
_STATEMENTS = (
    "begin immediate",
    "insert into entries",
    "insert into postings",
    "insert into counters",
    "commit",
)


@contextmanager
def _traced(disk: Disk, synchronous: str | None = None) -> Iterator[None]:
    """Mark each statement of an append as it begins; weaken the writer where asked to."""

    def mark(_: object, sql: str, __: object) -> bool:
        for words in _STATEMENTS:
            if sql.strip().startswith(words):
                disk.mark(f"before {words}")
                if synchronous is not None and words == "begin immediate":
                    writers[-1].execute(f"pragma synchronous = {synchronous}")
        return True

    def follow(connection: apsw.Connection) -> None:
        if disk.watches(connection.filename) and not connection.readonly("main"):
            writers.append(connection)
            connection.exec_trace = mark

    writers: list[apsw.Connection] = []
    apsw.connection_hooks.append(follow)
    try:
        yield
    finally:
        apsw.connection_hooks.remove(follow)


def _append(root: Path, disk: Disk, batches: int, seed: int) -> None:
    rng = random.Random(seed)
    with SqliteLedger(root / _FILE) as ledger:
        disk.mark("opened")
        for _ in range(batches):
            first = ledger.last_seq() + 1
            end = first + rng.choice((1, 1, 2, 5)) - 1
            ledger.append([numbered_entry(seq, end) for seq in range(first, end + 1)], _CREATED_US)
            disk.mark("acknowledged", end)


def _run(root: Path, batches: int = _BATCHES, synchronous: str | None = None) -> Disk:
    """Return the disk of a ledger that was filled, closed, opened and filled again."""
    root.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch, watched(root) as disk:
        # Small enough for the log to be moved into the file and begun anew several times.
        patch.setattr(limits, "LEDGER_CHECKPOINT_PAGES", 60)
        with _traced(disk, synchronous):
            _append(root, disk, batches, 1)
            _append(root, disk, batches // 2, 2)
    return disk


@pytest.fixture(scope="module")
def appended(tmp_path_factory: pytest.TempPathFactory) -> Disk:
    """Return the disk of a ledger as it is."""
    return _run(tmp_path_factory.mktemp("disk"))


def _is_whole(path: Path, promised: int) -> str | None:
    with SqliteLedger(path) as ledger:
        found = ledger.page(after_seq=0, limit=limits.PAGE_SIZE_MAX)
        if len(found) < promised:
            return f"acknowledged entries are lost: {len(found)} of {promised}"
        ends = [int(one.record) for one in found]
        written = [numbered_entry(seq, end) for seq, end in enumerate(ends, 1)]
        if found != [recorded(seq, _CREATED_US, one) for seq, one in enumerate(written, 1)]:
            return "an entry is not as it was recorded"
        if ends and ends[-1] != len(found):
            return "a batch is there in part"
        if ledger.verify() or ledger.counters(list(sums(written))) != sums(written):
            return "counters and postings differ"
        ledger.append([numbered_entry(len(found) + 1, len(found) + 1)], _CREATED_US)
    return None


def _faults(disk: Disk, cuts: Sequence[int], seeds: Sequence[int], folder: Path) -> Iterator[str]:
    numbers = count()
    for cut in cuts:
        for seed in seeds:
            target = folder / f"{next(numbers)}"
            disk.after_cut(cut, seed, target)
            if seed % 2:
                # The log's index is shared memory, and may hold anything after a restart.
                (target / f"{_FILE}-shm").write_bytes(random.Random(seed).randbytes(32_768))
            promised = max((int(str(told)) for told in disk.told(cut)), default=0)
            try:
                fault = _is_whole(target / _FILE, promised)
            except SettlementError as error:
                fault = f"the ledger does not open: {error}"
            if fault is not None:
                yield f"cut {cut}, seed {seed}: {fault}"


def _checkpoints(disk: Disk) -> list[int]:
    """Return the places right before and after each sync of the file itself."""
    return [
        place + after
        for place, step in enumerate(disk.steps)
        if isinstance(step, Sync) and disk.paths[step.file].name == _FILE
        for after in (0, 1)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("statement", [*(f"before {each}" for each in _STATEMENTS), "acknowledged"])
def test_a_cut_at_each_step_of_an_append_loses_nothing(
    statement: str, appended: Disk, tmp_path: Path
) -> None:
    """Begun, entries, postings and counters inserted, before the commit, after its answer."""
    places = appended.marks(statement)
    assert len(places) >= _BATCHES

    cuts = [place + 1 for place in places[1::5]]
    assert [] == list(_faults(appended, cuts, _SEEDS, tmp_path))


@pytest.mark.slow
def test_a_cut_inside_a_commit_loses_nothing(appended: Disk, tmp_path: Path) -> None:
    """Between the first write of a commit, its sync and the answer every step is cut."""
    begins, ends = appended.marks("before commit")[2::9], appended.marks("acknowledged")
    spans = [(begin, next(end for end in ends if end > begin)) for begin in begins]
    cuts = [cut for begin, end in spans for cut in range(begin, end + 2)]
    inside = [appended.steps[cut] for cut in cuts[:-1]]
    assert any(isinstance(step, Sync) for step in inside)
    assert any(isinstance(step, Write) for step in inside)

    assert [] == list(_faults(appended, cuts, (0, 2, 3), tmp_path))


@pytest.mark.slow
def test_a_cut_while_the_log_is_moved_loses_nothing(appended: Disk, tmp_path: Path) -> None:
    """Nothing is lost when the power fails before or after the file itself is synced."""
    cuts = _checkpoints(appended)
    assert len(cuts) >= 6

    assert [] == list(_faults(appended, cuts, _SEEDS, tmp_path))


@pytest.mark.slow
def test_a_cut_anywhere_loses_nothing(appended: Disk, tmp_path: Path) -> None:
    """Cuts and what they leave are drawn, from the first step of the first opening on."""
    rng = random.Random(11)
    for number in range(cuts_at_random(1)):
        cut, seed = rng.randrange(len(appended.steps) + 1), rng.randrange(2, 100_000)
        assert [] == list(_faults(appended, [cut], [seed], tmp_path / f"{number}"))


def test_a_new_data_folder_does_not_take_its_ledger_with_it(tmp_path: Path) -> None:
    """The names of a new folder and of its new parent are synced too, or the cut is found."""
    with watched(tmp_path) as disk:
        make_folder(tmp_path / "hospital" / "data")
        with SqliteLedger(tmp_path / "hospital" / "data" / _FILE) as ledger:
            ledger.append([numbered_entry(1, 1)], _CREATED_US)
            told = len(disk.steps)

    def is_there(disk: Disk, name: str) -> bool:
        disk.after_cut(len(disk.steps) - gone, 0, tmp_path / name)
        return (tmp_path / name / "hospital" / "data" / _FILE).exists()

    gone = len(disk.steps) - told
    assert is_there(disk, "whole")
    for folder in (tmp_path, tmp_path / "hospital"):
        careless = disk.without(
            lambda disk, step, folder=folder: (  # type: ignore[misc]
                isinstance(step, SyncFolder) and disk.paths[step.folder] == folder
            )
        )
        assert not is_there(careless, f"without-{folder.name}")


def test_a_ledger_that_syncs_less_is_found(tmp_path: Path) -> None:
    """With synchronous=NORMAL the same cuts find acknowledged entries lost."""
    disk = _run(tmp_path / "disk", batches=4, synchronous="normal")
    cuts = [place + 1 for place in disk.marks("acknowledged")]

    faults = list(_faults(disk, cuts, _SEEDS, tmp_path / "after"))
    assert any("acknowledged entries are lost" in fault for fault in faults)


_FORGOTTEN: dict[str, Callable[[Disk, Step], bool]] = {
    "folder": lambda _, step: isinstance(step, SyncFolder),
    "log": lambda disk, step: isinstance(step, Sync) and disk.paths[step.file].suffix == ".db-wal",
    "file": lambda disk, step: isinstance(step, Sync) and disk.paths[step.file].suffix == ".db",
}


@pytest.mark.parametrize("forgotten", _FORGOTTEN)
def test_a_sync_that_is_missing_is_found(forgotten: str, appended: Disk, tmp_path: Path) -> None:
    """Were the folder, the log or the file not synced, the same cuts would find entries lost."""
    careless = appended.without(_FORGOTTEN[forgotten])
    cuts = [place + 1 for place in careless.marks("acknowledged")]

    faults = _faults(careless, cuts, _SEEDS, tmp_path)
    assert next(faults, None) is not None
