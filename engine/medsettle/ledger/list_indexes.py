"""Indexes by which lists of settlements are read: by kind, by service day, by institution.

They say nothing that the entries do not, so no version of a schema counts them: an older medsettle
keeps them up without knowing them, and a ledger that has not got them yet answers all the same,
only slower. A file gets them from the first writer that opens it, a ledger in PostgreSQL when it is
made or by `medsettle ledger migrate`, which keeps no writer waiting meanwhile.

Every settlement stands in two of them. What takes back or adds is rare, and stands in all.
"""

from dataclasses import dataclass
from typing import Final

LISTED: Final = "kind in ('settle', 'cancel', 'adjust')"
"""What a list of settlements has, in words that a store knows as those of an index."""
RARE: Final = "kind in ('cancel', 'adjust')"
"""What is too rare to be met on a walk through all settlements."""
RARE_OF_ONE: Final = "kind in ('adjust', 'cancel')"
"""The same of one institution, in other words: so SQLite does not take the index of all for it."""
RARE_KINDS: Final = ("cancel", "adjust")


@dataclass(frozen=True, slots=True)
class ListIndex:
    """An index of entries: its name, its columns before the number of the entry, and of which."""

    name: str
    columns: str
    condition: str

    def in_file(self) -> str:
        """Return the statement of SQLite, whose indexes end in the number of the row."""
        return (
            f"create index if not exists {self.name} on entries ({self.columns}) "
            f"where {self.condition}"
        )

    def at_server(self, *, beside_writers: bool) -> str:
        """Return the statement of PostgreSQL.

        Args:
            beside_writers: Whether entries may be recorded meanwhile; outside a transaction only.
        """
        how = "concurrently if not exists" if beside_writers else "if not exists"
        return (
            f"create index {how} {self.name} on entries ({self.columns}, seq) "
            f"where {self.condition}"
        )


LIST_INDEXES: Final = (
    ListIndex("settlements_of_day", "kind, service_day", LISTED),
    ListIndex("settlements_of_institution_by_day", "institution, kind, service_day", LISTED),
    ListIndex("changes_of_settlements", "kind", RARE),
    ListIndex("changes_of_institution", "institution, kind", RARE_OF_ONE),
)
