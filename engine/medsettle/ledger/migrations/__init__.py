"""Numbered SQL files that bring the tables of a ledger from one schema version to the next.

A file is never changed once it was released; what it did is done. `postgres/0001_ledger.sql` makes
the first tables there. A file ledger is made whole at its newest version, and `sqlite/` has the
steps for those that are older.

A step that only adds what older programs neither read nor write says so in a line of its own,
`-- least: N`: a medsettle that knows version N goes on with the ledger after the step. The ledger
keeps the highest of these, so that an upgrade can be taken back and both versions can be at work
while it goes on. A step without the line leaves older programs outside.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal, TypeAlias

Store: TypeAlias = Literal["postgres", "sqlite"]

_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_LEAST = re.compile(r"^-- least: (\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Migration:
    """The statements that lead to schema version `version`."""

    version: int
    name: str
    sql: str

    @property
    def least(self) -> int:
        """The oldest schema version whose medsettle goes on with the ledger after this step."""
        said = _LEAST.search(self.sql)
        return int(said[1]) if said else self.version


@cache
def migrations(store: Store) -> tuple[Migration, ...]:
    """Return the migrations of a kind of store, by version; there is none missing between them."""
    found = []
    for file in resources.files(__name__).joinpath(store).iterdir():
        named = _NAME.fullmatch(file.name)
        if named is not None:
            sql = file.read_text(encoding="utf-8")
            found.append(Migration(int(named[1]), named[2], sql))
    found.sort(key=lambda each: each.version)
    versions = [each.version for each in found]
    assert versions == list(range(versions[0], versions[0] + len(versions))), versions
    return tuple(found)


def least_after(steps: Sequence[Migration], before: int) -> int:
    """Return the oldest schema version that goes on after some steps.

    Args:
        steps: What was done.
        before: The oldest that could go on before them.
    """
    return max([before, *(step.least for step in steps)])
