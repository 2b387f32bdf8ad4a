"""Who looks into which item of a reconciliation, and what people said of it: `item-notes.db`.

That is the console's own: no book and no decision rests on it, so it is not in the store of items.
What was said is never changed or deleted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

import orjson

from medsettle import limits
from medsettle.core.dates import microseconds
from medsettle.errors import Fault, InvalidRequest
from medsettle.ledger.side_file import (
    StoreForm,
    open_store,
    private_folder,
    rows_of,
    transaction,
    unavailable,
)

_FILE: Final = "item-notes.db"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TABLES: Final = """
create table notes (
  seq integer primary key check (seq >= 1),
  number integer not null check (number >= 1),
  time_us integer not null check (time_us >= 0),
  person text not null,
  assigned_to text,
  said text,
  constraint assigned_or_said check ((assigned_to is null) <> (said is null))
) strict;
create index notes_of_item on notes (number, seq);

create table assigned (
  number integer primary key check (number >= 1),
  person text not null
) strict;
create index assigned_to on assigned (person, number);

create trigger notes_do_not_change before update on notes
  begin select raise(abort, 'notes do not change'); end;
create trigger notes_are_never_deleted before delete on notes
  begin select raise(abort, 'notes are never deleted'); end;
"""

# "MSIN" in ASCII: tells this store from any other SQLite file.
_FORM: Final = StoreForm("a store of notes on items", 0x4D53_494E, 1, _TABLES)


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that a person did beside the decisions about an item.

    `assigned_to` is who looks into it from then on, empty for nobody, None for a comment; `said` is
    the comment, None for an assignment.
    """

    moment: datetime
    person: str
    assigned_to: str | None
    said: str | None


class ItemNotes:
    """The notes of one console. One thread uses it; so may processes."""

    def __init__(self, state: Path) -> None:
        """Open them, made where there are none.

        Raises:
            StoreUnavailable: The file is something else, damaged or cannot be written.
        """
        with unavailable(state, "make"):
            private_folder(state)
        self._path = state / _FILE
        self._connection = open_store(self._path, _FORM)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def notes(self, number: int) -> list[Note]:
        """Return what was noted of an item, in order."""
        rows = self._rows(
            "select time_us, person, assigned_to, said from notes where number = ? order by seq",
            number,
        )
        return [Note(_EPOCH + timedelta(microseconds=each), *others) for each, *others in rows]

    def assignees(self, numbers: Sequence[int]) -> dict[int, str]:
        """Return who looks into which of some items; those that nobody does are absent."""
        rows = self._rows(
            "select number, person from assigned where number in (select value from json_each(?))",
            orjson.dumps(list(numbers)).decode(),
        )
        return dict(rows)

    def numbers_of(self, person: str | None) -> list[int]:
        """Return the items that a person looks into, or that anybody does."""
        rows = self._rows(
            "select number from assigned where person = coalesce(?, person) order by number",
            person,
        )
        return [number for (number,) in rows]

    def assign(self, numbers: Sequence[int], to: str, person: str, moment: datetime) -> int:
        """Let somebody look into items from now on, and return how many that changes.

        Args:
            numbers: The items, which there are.
            to: Who does; empty for nobody.
            person: Who says so.
            moment: The present moment.
        """
        now = self.assignees(numbers)
        changed = [number for number in numbers if now.get(number, "") != to]
        with transaction(self._connection, self._path):
            for number in changed:
                self._rows("delete from assigned where number = ?", number)
                if to:
                    self._rows("insert into assigned values (?,?)", number, to)
                self._note(number, moment, person, to, None)
        return len(changed)

    def say(self, number: int, said: str, person: str, moment: datetime) -> None:
        """Note what somebody says of an item, which there is.

        Raises:
            InvalidRequest: It is nothing, or too long.
        """
        most = limits.ITEM_REASON_CHARS_MAX
        if not 1 <= len(said.strip()) or len(said) > most:
            raise InvalidRequest([Fault("said", f"expected 1 to {most} characters")])
        with transaction(self._connection, self._path):
            self._note(number, moment, person, None, said)

    def _note(
        self, number: int, moment: datetime, person: str, to: str | None, said: str | None
    ) -> None:
        self._rows(
            "insert into notes values (null,?,?,?,?,?)",
            number,
            microseconds(moment),
            person,
            to,
            said,
        )

    def _rows(self, sql: str, *values: str | int | None) -> list[tuple[Any, ...]]:
        with unavailable(self._path, "use"):
            return rows_of(self._connection, sql, *values)
