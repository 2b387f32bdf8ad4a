"""What of an error may stand in a log."""

import traceback
from pathlib import Path
from typing import Final

from medsettle import errors

_CHAIN_MAX: Final = 5

# Their words are of files, disks and sockets, and repeat nothing that a caller sent.
_OF_THE_MACHINE = (OSError, errors.LedgerUnavailable, errors.StoreUnavailable, errors.AuditCorrupt)


def reason_of(error: BaseException) -> str:
    """Return the reason of an error of ours, the kind of any other."""
    return error.reason if isinstance(error, errors.SettlementError) else type(error).__name__


def told_of(error: BaseException) -> str:
    """Return the words of an error of the machine; of any other its reason or kind alone."""
    return str(error) if isinstance(error, _OF_THE_MACHINE) else reason_of(error)


def raised_lines(error: BaseException | None) -> list[str]:
    """Return the lines of code that an exception came through, its kind, and what it came of."""
    told: list[str] = []
    while error is not None and len(told) < _CHAIN_MAX:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [f"{each.name} {_file(each.filename)}:{each.lineno}" for each in frames[::-1]]
        where = " < ".join(lines)
        told.append(f"{type(error).__module__}.{type(error).__qualname__}: {where}")
        error = error.__cause__ or error.__context__
    return told


def _file(path: str) -> str:
    return "/".join(Path(path).parts[-2:])
