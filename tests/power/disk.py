"""A disk that remembers in which order it was told things, and what a power cut leaves of them.

Everything that happens below one folder is done and written down: writes, truncations, names made,
moved and removed, and syncs of files and folders. From what was written down up to any point follow
the states that a cut at that point can leave: what was synced is there; of the rest, each write and
each name may be there or not, and a write may be torn between two sectors. One run so gives the
states after a cut at every point.

The promises are the least that POSIX makes: syncing a file does not make its name durable, syncing
a folder does. After a sync that failed, what it should have written may be gone although it is
still read back, and a later sync does not bring it back.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from hypothesis import settings

ROOT = 0


def cuts_at_random(share: int) -> int:
    """Return how many cuts a test draws: fifty times as many with `--hypothesis-profile=long`."""
    return settings().max_examples // share


_SECTOR = 512


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes written to a file."""

    file: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    """A file cut off, or extended by zeros."""

    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    """A file synced; where it `failed`, the system forgets that it has something to write."""

    file: int
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Names:
    """Names of a folder that change at once; a name that goes has None."""

    folder: int
    changes: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class SyncFolder:
    """The names of a folder synced."""

    folder: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that the test wants to find again; `told` is what somebody was promised here."""

    step: str
    told: object = None


Step: TypeAlias = Write | Truncate | Sync | Names | SyncFolder | Mark
_Content: TypeAlias = Write | Truncate


@dataclass
class Disk:
    """What happened below `root`, in order. `fault` may raise before a write or a sync."""

    root: Path
    steps: list[Step] = field(default_factory=list)
    folders: set[int] = field(default_factory=lambda: {ROOT})
    paths: dict[int, Path] = field(default_factory=dict)
    fault: Callable[[str, Path], None] | None = None
    read_only: bool = False
    _present: dict[Path, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Know the folder itself."""
        self._present[self.root] = ROOT
        self.paths[ROOT] = self.root

    def watches(self, path: object) -> bool:
        """Whether something is below the folder."""
        return isinstance(path, str | Path) and self.root in (Path(path), *Path(path).parents)

    def mark(self, step: str, told: object = None) -> None:
        """Note that a step of the program begins, or that somebody was told something."""
        self.steps.append(Mark(step, told))

    def made(self, path: Path, *, folder: bool = False) -> int:
        """Return the number of what is at a path; it is new if nothing was known there."""
        if path not in self._present:
            number = len(self.paths)
            self.paths[number] = path
            self._present[path] = number
            if folder:
                self.folders.add(number)
            self.steps.append(Names(self._present[path.parent], ((path.name, number),)))
        return self._present[path]

    def moved(self, old: Path, new: Path) -> None:
        """Note a rename inside one folder."""
        assert old.parent == new.parent, "one folder's sync must cover both names"
        number = self._present.pop(old)
        self._present[new] = number
        self.steps.append(Names(self._present[old.parent], ((new.name, number), (old.name, None))))

    def linked(self, old: Path, new: Path) -> None:
        """Note a second name of a file."""
        number = self._present[new] = self._present[old]
        self.steps.append(Names(self._present[new.parent], ((new.name, number),)))

    def removed(self, path: Path) -> None:
        """Note that a name is gone."""
        if self._present.pop(path, None) is not None:
            self.steps.append(Names(self._present[path.parent], ((path.name, None),)))

    def synced_folder(self, path: Path) -> None:
        """Note a sync of a folder."""
        self.steps.append(SyncFolder(self._present[path]))

    def folder(self, path: Path) -> bool:
        """Whether there is a folder at a path."""
        return self._present.get(path) in self.folders

    def marks(self, step: str) -> list[int]:
        """Return the places of a mark."""
        return [
            place
            for place, each in enumerate(self.steps)
            if isinstance(each, Mark) and each.step == step
        ]

    def told(self, cut: int) -> Iterator[object]:
        """Yield what somebody had been told when the power was cut before step `cut`."""
        for each in self.steps[:cut]:
            if isinstance(each, Mark) and each.told is not None:
                yield each.told

    def without(self, forgotten: Callable[["Disk", Step], bool]) -> "Disk":
        """Return the disk of a program that leaves out some of the steps."""
        kept = [each for each in self.steps if not forgotten(self, each)]
        return Disk(self.root, kept, self.folders, self.paths)

    def after_cut(self, cut: int, seed: int, target: Path) -> None:
        """Write into a new folder what a power cut before step `cut` may leave.

        Args:
            cut: A place among the steps.
            seed: Chooses what of the unsynced is there; 0 loses all of it, 1 nothing.
            target: The folder to make.
        """
        survived = _Survived(random.Random(seed), {0: 0.0, 1: 1.0}.get(seed, 0.5))
        survived.replay(self.steps[:cut])
        self._write(survived, ROOT, target)

    def _write(self, survived: "_Survived", folder: int, target: Path) -> None:
        target.mkdir(parents=True)
        for name, number in survived.names(folder).items():
            if number in self.folders:
                self._write(survived, number, target / name)
            else:
                (target / name).write_bytes(survived.content(number))


class _Survived:
    """What is on the disk after a cut: what was synced, and by chance of what was not."""

    def __init__(self, rng: random.Random, chance: float) -> None:
        self._rng = rng
        self._chance = chance
        self._synced: dict[int, bytearray] = {}
        self._unsynced: dict[int, list[_Content]] = {}
        self._synced_names: dict[int, dict[str, int]] = {}
        self._unsynced_names: dict[int, list[Names]] = {}

    def replay(self, steps: Sequence[Step]) -> None:
        for step in steps:
            match step:
                case Write() | Truncate():
                    self._unsynced.setdefault(step.file, []).append(step)
                case Sync(file=file, failed=failed):
                    for change in self._unsynced.pop(file, []):
                        if not failed or self._lucky():
                            _apply(self._synced.setdefault(file, bytearray()), change)
                case Names():
                    self._unsynced_names.setdefault(step.folder, []).append(step)
                case SyncFolder(folder=folder):
                    for names in self._unsynced_names.pop(folder, []):
                        self._rename(names)
                case Mark():
                    pass

    def names(self, folder: int) -> dict[str, int]:
        for names in self._unsynced_names.pop(folder, []):
            if self._lucky():
                self._rename(names)
        return self._synced_names.get(folder, {})

    def content(self, file: int) -> bytes:
        content = self._synced.setdefault(file, bytearray())
        for change in self._unsynced.pop(file, []):
            if self._lucky():
                for part in self._torn(change):
                    _apply(content, part)
        return bytes(content)

    def _lucky(self) -> bool:
        return self._rng.random() < self._chance

    def _torn(self, change: _Content) -> Iterator[_Content]:
        if isinstance(change, Truncate) or self._chance == 1 or self._rng.random() < 0.5:
            yield change
            return
        first = change.offset // _SECTOR
        for sector in range(first, (change.offset + len(change.data)) // _SECTOR + 1):
            start = max(sector * _SECTOR, change.offset) - change.offset
            end = (sector + 1) * _SECTOR - change.offset
            if self._lucky():
                yield Write(change.file, change.offset + start, change.data[start:end])

    def _rename(self, names: Names) -> None:
        own = self._synced_names.setdefault(names.folder, {})
        for name, number in names.changes:
            if number is None:
                own.pop(name, None)
            else:
                own[name] = number


def _apply(content: bytearray, change: _Content) -> None:
    if isinstance(change, Truncate):
        del content[change.size :]
        content.extend(bytes(change.size - len(content)))
        return
    if not change.data:
        return
    content.extend(bytes(max(0, change.offset - len(content))))
    content[change.offset : change.offset + len(change.data)] = change.data
