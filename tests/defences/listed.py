"""The lists of changes, each of which takes one defence out, and what they may not be."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
LISTS: Final = sorted(Path(__file__).parent.glob("*.toml"))


@dataclass(frozen=True, slots=True)
class Change:
    """Text of a file and what stands there without the defence; it occurs once."""

    file: str
    old: str
    new: str

    def made(self, root: Path) -> str:
        """Make the change below a folder and return the text as it was.

        Raises:
            ValueError: The file does not hold the text exactly once.
        """
        path = root / self.file
        before = path.read_text(encoding="utf-8")
        if before.count(self.old) != 1:
            found = before.count(self.old)
            msg = f"{self.file} holds this {found} times, one is wanted:\n{self.old}"
            raise ValueError(msg)
        path.write_text(before.replace(self.old, self.new), encoding="utf-8")
        return before


@dataclass(frozen=True, slots=True)
class Without:
    """One defence taken out: the number of its threat, how, and the tests that must fail."""

    threat: int
    what: str
    tests: tuple[str, ...]
    changes: tuple[Change, ...]


def listed() -> list[Without]:
    """Return all that the lists hold, by the number of the threat."""
    rows: list[dict[str, Any]] = []
    for path in LISTS:
        rows += tomllib.loads(path.read_text(encoding="utf-8"))["without"]
    found = [
        Without(
            row["threat"],
            row["what"],
            tuple(row["tests"]),
            tuple(Change(**change) for change in row["change"]),
        )
        for row in rows
    ]
    return sorted(found, key=lambda without: without.threat)
