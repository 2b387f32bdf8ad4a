"""A folder of which one process is the only writer."""

import fcntl
from pathlib import Path
from typing import IO

from medsettle.errors import Precondition


def locked(path: Path, busy: str) -> IO[bytes]:
    """Return the locked file at a path; closing it lets go of the lock.

    Args:
        path: The file, made where it is missing.
        busy: What is said where another process holds it.

    Raises:
        Precondition: Another process holds it.
        OSError: It cannot be made.
    """
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise Precondition(busy, folder=str(path.parent)) from error
    return file
