"""Watching what a program does to a disk: by Python's own file functions, and through SQLite."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import apsw
import pytest

from tests.power.disk import Disk, Sync, Truncate, Write

_VFS = "power"
_SYSTEM = "unix"


@contextmanager
def watched(root: Path) -> Iterator[Disk]:
    """Yield the disk of everything that happens below a folder until the end of the block."""
    disk = Disk(root)
    vfs = _Vfs(disk)
    with pytest.MonkeyPatch.context() as patch:
        _Files(disk).replace(patch)
        try:
            yield disk
        finally:
            vfs.unregister()


def _check(disk: Disk, action: str, path: Path) -> None:
    if disk.fault is not None:
        disk.fault(action, path)


class _Vfs(apsw.VFS):
    """The file layer of SQLite for every connection opened while it is registered."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        super().__init__(_VFS, _SYSTEM, makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if not self._disk.watches(path):
            return apsw.VFSFile(_SYSTEM, name, flags)
        assert path is not None
        return _VfsFile(self._disk, Path(path), name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        if self._disk.watches(filename):
            self._disk.removed(Path(filename))
            if syncdir:
                self._disk.synced_folder(Path(filename).parent)


class _VfsFile(apsw.VFSFile):
    def __init__(
        self, disk: Disk, path: Path, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> None:
        _check(disk, "open", path)
        self._disk, self._path = disk, path
        if disk.read_only:
            # As the system opens a file that it must not write.
            flags[0] &= ~(apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
            flags[0] |= apsw.SQLITE_OPEN_READONLY
        # The system's layer syncs the folder of a new log with the first sync of the log.
        self._unnamed = not path.exists() and path.suffix != ".db"
        super().__init__(_SYSTEM, name, flags)
        self._file = disk.made(path)

    def xWrite(self, data: bytes, offset: int) -> None:
        _check(self._disk, "write", self._path)
        super().xWrite(data, offset)
        self._disk.steps.append(Write(self._file, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        _check(self._disk, "write", self._path)
        super().xTruncate(newsize)
        self._disk.steps.append(Truncate(self._file, newsize))

    def xSync(self, flags: int) -> None:
        try:
            _check(self._disk, "sync", self._path)
        except apsw.Error:
            self._disk.steps.append(Sync(self._file, failed=True))
            raise
        # Never synced in truth: nothing here survives the test, and syncs are slow.
        self._disk.steps.append(Sync(self._file))
        if self._unnamed:
            self._unnamed = False
            self._disk.synced_folder(self._path.parent)


class _Raw(io.FileIO):
    """A file opened by Python for writing."""

    def __init__(self, disk: Disk, path: Path, file: Path | int, mode: str) -> None:
        super().__init__(file, mode)
        self._disk, self._path = disk, path
        self.number = disk.made(path)
        self._appends = "a" in mode
        if "w" in mode and not isinstance(file, int):
            disk.steps.append(Truncate(self.number, 0))

    def write(self, data: Any) -> int:  # noqa: ANN401 - anything that is a buffer
        _check(self._disk, "write", self._path)
        offset = os.fstat(self.fileno()).st_size if self._appends else self.tell()
        written = super().write(data)
        self._disk.steps.append(Write(self.number, offset, bytes(data)[:written]))
        return written

    def truncate(self, size: int | None = None) -> int:
        _check(self._disk, "write", self._path)
        length = super().truncate(size)
        self._disk.steps.append(Truncate(self.number, length))
        return length


class _Files:
    """Python's file functions, each doing what it does and noting it."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._opened: dict[int, Path] = {}
        self._open, self._io_open, self._fsync = os.open, io.open, os.fsync
        self._mkdir, self._replace, self._unlink = os.mkdir, os.replace, os.unlink
        self._link = os.link

    def replace(self, patch: pytest.MonkeyPatch) -> None:
        """Stand in for the functions of the system."""
        patch.setattr(io, "open", self.io_open)
        for name in ("open", "fsync", "mkdir", "unlink", "link"):
            patch.setattr(os, name, getattr(self, name))
        patch.setattr(os, "replace", self.rename)
        patch.setattr(os, "rename", self.rename)

    def open(self, path: Any, flags: int, *args: Any, **names: Any) -> int:  # noqa: ANN401
        descriptor = self._open(path, flags, *args, **names)
        self._opened.pop(descriptor, None)
        if self._disk.watches(path):
            self._opened[descriptor] = Path(path)
            if not self._disk.folder(Path(path)):
                number = self._disk.made(Path(path))
                if flags & os.O_TRUNC:
                    self._disk.steps.append(Truncate(number, 0))
        return descriptor

    def io_open(self, file: Any, mode: str = "r", *args: Any, **names: Any) -> IO[Any]:  # noqa: ANN401
        path = self._opened.get(file) if isinstance(file, int) else file
        if not self._disk.watches(path) or not set(mode) & set("wax+"):
            return self._io_open(file, mode, *args, **names)
        assert "b" in mode, "texts are not written here"
        assert path is not None
        raw = _Raw(self._disk, Path(path), file, mode.replace("b", ""))
        self._opened[raw.fileno()] = Path(path)
        return io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)

    def fsync(self, descriptor: int) -> None:
        path = self._opened.get(descriptor)
        if path is None:
            self._fsync(descriptor)
            return
        folder = self._disk.folder(path)
        try:
            _check(self._disk, "sync", path)
        except OSError:
            if not folder:
                self._disk.steps.append(Sync(self._disk.made(path), failed=True))
            raise
        if folder:
            self._disk.synced_folder(path)
        else:
            self._disk.steps.append(Sync(self._disk.made(path)))

    def mkdir(self, path: Any, *args: Any, **names: Any) -> None:  # noqa: ANN401
        self._mkdir(path, *args, **names)
        if self._disk.watches(path):
            self._disk.made(Path(path), folder=True)

    def rename(self, old: Any, new: Any) -> None:  # noqa: ANN401
        self._replace(old, new)
        if self._disk.watches(old):
            self._disk.moved(Path(old), Path(new))

    def link(self, old: Any, new: Any) -> None:  # noqa: ANN401
        self._link(old, new)
        if self._disk.watches(old):
            self._disk.linked(Path(old), Path(new))

    def unlink(self, path: Any, *args: Any, **names: Any) -> None:  # noqa: ANN401
        self._unlink(path, *args, **names)
        if self._disk.watches(path):
            self._disk.removed(Path(path))
