"""Copies of a ledger in a file: taken while it is written, checked, and whole under their name.

A copy is one moment of the ledger, that of one commit. It is made under another name, synced,
checked, and only then given its own: what has the name of a copy is one, also after a power cut.
"""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw

from medsettle import durable
from medsettle.errors import LedgerUnavailable, Precondition
from medsettle.ledger.sqlite import SqliteReader
from medsettle.ledger.sqlite_faults import unavailable
from medsettle.ledger.sqlite_file import LOG_ENDINGS, lock_exclusively, open_reader, open_still

_OWNER_ONLY = 0o600
# Disks of some kinds know no second name of a file.
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy of a ledger: its file, its last entry, and its size."""

    path: Path
    last_seq: int
    size_bytes: int


def back_up(source: Path, target: Path, check: Callable[[SqliteReader], None]) -> Copied:
    """Copy the ledger at `source`, which may be being written, into a new file.

    One of an older version is copied as it is, so that there is a copy before it is migrated. The
    log of the ledger is not begun anew while it is being read, so it grows meanwhile.

    Args:
        source: The ledger's file; its writer may be any process.
        target: A file that does not exist. A copy cut off leaves `<target>.tmp`, which the next one
            to the same name writes over.
        check: Raises where the copy is not as it should be, which then gets no name.

    Raises:
        Precondition: There is a file at `target`, or another process makes one.
        LedgerUnavailable: The source cannot be read, or the copy not be written.
    """
    with unavailable(source, "read"):
        reader = open_reader(source, older=True)
    try:
        return _copy(reader, source, target, check)
    finally:
        reader.close()


def restore(source: Path, target: Path, check: Callable[[SqliteReader], None]) -> Copied:
    """Make a new ledger at `target` from a copy, checked as in `back_up`.

    One of an older version is migrated by whatever opens it to record something.

    Raises:
        Precondition: There is a ledger at `target`, or something one left behind.
        LedgerUnavailable: The source is no copy of a ledger, or the ledger cannot be written.
    """
    with lock_exclusively(target), unavailable(source, "read"):
        _refuse_to_overwrite(target)
        for path in _beside(target):
            raise Precondition(
                f"{path} belongs to a ledger that was here, and would be taken for a part of the "
                "one restored; move it away with its ledger",
                path=str(path),
            )
        copy = open_still(source, older=True)
        try:
            return _copy(copy, source, target, check)
        finally:
            copy.close()


def _beside(path: Path) -> list[Path]:
    """Return the files beside a ledger's own that belong to it."""
    names = (path.with_name(path.name + ending) for ending in LOG_ENDINGS)
    return [name for name in names if name.exists()]


def _copy(
    reader: apsw.Connection, source: Path, target: Path, check: Callable[[SqliteReader], None]
) -> Copied:
    _refuse_to_overwrite(target)
    with _unfinished(target) as (path, descriptor):
        with unavailable(source, "copy"):
            # One snapshot, so that the copy never begins anew however much is written.
            reader.execute("begin")
            ((last_seq,),) = reader.execute("select coalesce(max(seq), 0) from entries")
            _write_pages(reader, path)
            reader.execute("rollback")
        with unavailable(target, "write"):
            os.fsync(descriptor)
        with SqliteReader(path, still=True, older=True) as copy:
            check(copy)
        size_bytes = path.stat().st_size
        with unavailable(target, "write"):
            _name(path, target)
            durable.sync_folder(target.parent)
    assert isinstance(last_seq, int)
    return Copied(target, last_seq, size_bytes)


def _write_pages(reader: apsw.Connection, path: Path) -> None:
    copy = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        # Nobody sees the file before it is whole and synced, so it needs no journal meanwhile.
        copy.execute("pragma journal_mode = off")
        copy.execute("pragma synchronous = off")
        with copy.backup("main", reader, "main") as pages:
            while not pages.done:
                pages.step(-1)
    finally:
        copy.close()


@contextmanager
def _unfinished(target: Path) -> Iterator[tuple[Path, int]]:
    """Yield an empty file of ours beside the target, and its descriptor."""
    path = durable.unfinished_of(target)
    with unavailable(target, "write"):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, _OWNER_ONLY)
    try:
        _keep_alone(descriptor, path)
        os.ftruncate(descriptor, 0)
        try:
            yield path, descriptor
        finally:
            path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _keep_alone(descriptor: int, path: Path) -> None:
    """Lock a file that was opened under this name, and is it still.

    A process that finished meanwhile has given the file its final name and let go of it: locked
    only now, it is a copy that somebody was promised.

    Raises:
        Precondition: Another process writes it, or has just finished.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        ours = os.path.samestat(os.fstat(descriptor), path.stat())
    except (BlockingIOError, FileNotFoundError):
        ours = False
    if not ours:
        raise Precondition(
            f"another process writes {path}; wait for it, or name another file", path=str(path)
        )


def _name(path: Path, target: Path) -> None:
    """Give a file its name unless another has it."""
    try:
        os.link(path, target)
    except FileExistsError:
        _refuse_to_overwrite(target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _refuse_to_overwrite(target)
        path.rename(target)


def _refuse_to_overwrite(target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise Precondition(
            f"{target} exists, and nothing is written over; name another file, or move it away",
            path=str(target),
        )


def check_is_copy(path: Path) -> None:
    """Raise LedgerUnavailable where a file is in use or was left by a crash, so not still."""
    for left in _beside(path):
        raise LedgerUnavailable(
            f"{path} is not a copy but a ledger in use, or one that was cut off: {left.name} "
            "lies beside it. Name its folder, or a copy made by `medsettle ledger backup`",
            path=str(path),
        )
