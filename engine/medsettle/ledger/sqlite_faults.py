"""What SQLite objects to, said to whoever has to do something about it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw

from medsettle.errors import LedgerFailed, LedgerUnavailable

# Of what is refused at the first step of a transaction, or rolled back whole, nothing is in doubt.
HARMLESS: Final = (apsw.BusyError, apsw.LockedError, apsw.FullError)

_UNSYNCED: Final = {apsw.SQLITE_IOERR_FSYNC, apsw.SQLITE_IOERR_DIR_FSYNC}
_REMEDIES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (apsw.FullError, "Its disk is full, or its quota is used up: free space there"),
    (apsw.BusyError, "Another program holds it locked: find it (fuser names it) and end it"),
    (apsw.LockedError, "Another program holds it locked: find it (fuser names it) and end it"),
    (apsw.ReadOnlyError, "It cannot be written: look at owner, mode and mount of file and folder"),
    (apsw.CantOpenError, "Look at owner, mode and mount of file and folder"),
    (apsw.NotADBError, "Name another file, or restore a backup"),
    (apsw.CorruptError, "It is damaged: restore a backup"),
    (apsw.IOError, "The disk refuses: look at the system's log, at its health and its space"),
)


@contextmanager
def unavailable(path: Path, action: str) -> Iterator[None]:
    """Turn whatever SQLite or the disk objects to into LedgerUnavailable, with what to do."""
    try:
        yield
    except apsw.Error as error:
        raise LedgerUnavailable(
            f"cannot {action} the ledger {path}: {error}. {remedy(error)}",
            path=str(path),
            cause=str(error),
        ) from error
    except OSError as error:
        raise LedgerUnavailable(
            f"cannot {action} the ledger {path}: {error.strerror}. Look at its folder, its disk "
            "and its owner",
            path=str(path),
            cause=str(error),
        ) from error


def failed(path: Path, cause: str) -> LedgerFailed:
    """Return the error of a ledger that takes nothing more until it is opened again."""
    return LedgerFailed(
        f"the ledger {path} failed and takes no more entries: {cause}. Open it again: that decides "
        "what was recorded, and the same request id tells",
        path=str(path),
        cause=cause,
    )


def described(error: apsw.Error) -> str:
    """Return what SQLite says, and what to do about it."""
    return f"{error}. {remedy(error)}"


def remedy(error: apsw.Error) -> str:
    """Return what to do about an error of SQLite."""
    if getattr(error, "extendedresult", 0) in _UNSYNCED:
        return "A sync failed: what was written may be gone, so look at the disk's health"
    for kind, words in _REMEDIES:
        if isinstance(error, kind):
            return words
    return "Look at the disk, and restore a backup if it stays so"
