"""Files that are whole or absent after a power cut.

Two things are lost when the power fails: what was written to a file and not synced, and names that
were added to a folder and not synced with it. So content is synced before it gets its name, and a
name counts once its folder has been synced.
"""

import os
from pathlib import Path
from typing import Final

TOO_OPEN: Final = 0o037
"""Bits of a mode that no file with a secret has: others may do nothing, the group may only read.

That the group reads is how containers hand a secret to an account that is not root.
"""


def put(path: Path, content: bytes | memoryview, mode: int = 0o666) -> None:
    """Write a file under its name, whole; the name lasts once `sync_folder` has been called on it.

    One process at a time writes to a folder: the unfinished file has one name, and is written over
    by whoever comes after a crash.

    Raises:
        OSError: The disk failed; the name is as it was.
    """
    unfinished = unfinished_of(path)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno is None:
            raise
        # A descriptor has no name, and who reads of a full disk asks which.
        raise OSError(error.errno, error.strerror, str(path)) from error
    unfinished.replace(path)


def unfinished_of(path: Path) -> Path:
    """Return the name under which the file at `path` is written before it has its own."""
    return path.with_name(path.name + ".tmp")


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Make a folder, and its parents where they are missing, so that their names last too.

    Args:
        folder: What is there already is left as it is.
        mode: Of the folder itself, as far as the process may give it.

    Raises:
        OSError: It cannot be made, a file has its name, or the disk failed.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; name a folder")
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(mode, parents=True, exist_ok=True)
    for each in missing:
        sync_folder(each.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; syncing a file alone does not.

    Raises:
        OSError: The disk failed; which names last is unknown.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_again(path: Path, start: int = 0) -> None:
    """Write what a file holds from byte `start` on to its disk once more, unchanged, and sync it.

    After a failed sync the system may take for written what is not: it is still read back, and the
    next sync skips it. Whoever builds on what a crashed process left makes sure of it first.

    Raises:
        OSError: The disk failed.
    """
    with path.open("r+b") as file:
        file.seek(start)
        content = file.read()
        file.seek(start)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
