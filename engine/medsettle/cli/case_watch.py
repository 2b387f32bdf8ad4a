"""Looking at the open cases of several engines until nothing is open."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from medsettle.cli.desks import now
from medsettle.peers.open_cases import FILE_NAME, open_rows

_POLL_SECONDS: Final = 0.2
_QUIET_POLLS: Final = 3


@dataclass
class Seen:
    """A case as it was seen: where it was open, until when, and the last trouble with it."""

    engine: str
    kind: str
    record: str
    area: str
    trouble: str
    seconds: float = 0.0


@dataclass
class CaseWatch:
    """Knows every case that it has seen, by the data folders of the engines."""

    folders: Mapping[str, Path]
    seen: dict[tuple[str, str], Seen] = field(default_factory=dict)
    _first: dict[tuple[str, str], float] = field(default_factory=dict)

    def look(self) -> list[Seen]:
        """Return what is open now, as `medsettle peers cases` shows it."""
        found = []
        for engine, folder in self.folders.items():
            for row in open_rows(folder / FILE_NAME, now()):
                key = (engine, str(row["record"]))
                begun = self._first.setdefault(key, monotonic())
                case = self.seen.setdefault(
                    key, Seen(engine, str(row["kind"]), str(row["record"]), str(row["area"]), "")
                )
                case.trouble = str(row["trouble"]) or case.trouble
                case.seconds = monotonic() - begun
                found.append(case)
        return found

    def until_closed(self, seconds_max: float) -> bool:
        """Look again and again; return whether nothing was open any more within these seconds.

        A case opens a moment after the entry that it follows from, so once is not enough.
        """
        end, quiet = monotonic() + seconds_max, 0
        while quiet < _QUIET_POLLS:
            quiet = 0 if self.look() else quiet + 1
            if monotonic() > end:
                return False
            sleep(_POLL_SECONDS)
        return True
