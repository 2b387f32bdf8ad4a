"""How many cases are open between an engine and others, for whoever only looks."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import apsw

from medsettle import limits
from medsettle.core.dates import microseconds
from medsettle.errors import LedgerUnavailable
from medsettle.peers.open_cases import FILE_NAME

_US: Final = 1_000_000
_COUNTS: Final = (
    "select {area}, count(*), min(opened_us), max(attempts), max(trouble) from {table} group by 1"
)


@dataclass(frozen=True, slots=True)
class OpenWith:
    """What is open with an area: cases of a kind, the seconds of the oldest, and a trouble of one.

    `kind` is `delivery` or `unknown`.
    """

    area: str
    kind: str
    cases: int
    seconds: int
    attempts: int
    trouble: str


def open_with(data: Path, moment: datetime) -> list[OpenWith]:
    """Return what is open by area and kind, the oldest first; nothing where there are no peers.

    Args:
        data: The data folder of the engine.
        moment: The present, with a time zone.

    Raises:
        LedgerUnavailable: The file cannot be read.
    """
    path = data / FILE_NAME
    if not path.exists():
        return []
    now_us = microseconds(moment)
    found = []
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            connection.set_busy_timeout(limits.LEDGER_LOCKED_MS_MAX)
            for kind, table, area in (
                ("delivery", "deliveries", "care_area"),
                ("unknown", "unknowns", "area"),
            ):
                for row in connection.execute(_COUNTS.format(area=area, table=table)):
                    named, cases, opened_us, attempts, trouble = row
                    seconds = max((now_us - opened_us) // _US, 0)
                    found.append(OpenWith(named, kind, cases, seconds, attempts, trouble))
        finally:
            connection.close()
    except apsw.Error as error:
        raise LedgerUnavailable(
            f"{path} cannot be read: {error}; look at the disk, and at the server that keeps it",
            path=str(path),
        ) from error
    return sorted(found, key=lambda each: (-each.seconds, each.area, each.kind))
