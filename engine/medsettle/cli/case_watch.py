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
    """A case as it was seen: where it was open, for how long, and the last trouble with it."""

    engine: str
    kind: str
    record: str
    area: str
    trouble: str
    first: float
    seconds: float = 0.0


@dataclass
class CaseWatch:
    """Knows every case that it has seen, by the data folders of the engines."""

    folders: Mapping[str, Path]
    seen: dict[tuple[str, str], Seen] = field(default_factory=dict)
    _open: set[tuple[str, str]] = field(default_factory=set)

    def look(self) -> list[Seen]:
        """Return what is open now, as `medsettle peers cases` shows it."""
        found = {}
        for engine, folder in self.folders.items():
            for row in open_rows(folder / FILE_NAME, now()):
                key = (engine, str(row["record"]))
                case = self.seen.get(key)
                if case is None:
                    told = str(row["kind"]), str(row["record"]), str(row["area"])
                    case = self.seen[key] = Seen(engine, *told, "", monotonic())
                case.trouble = str(row["trouble"]) or case.trouble
                found[key] = case
        for key in self._open - found.keys():
            self.seen[key].seconds = monotonic() - self.seen[key].first
        self._open = set(found)
        return list(found.values())

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
