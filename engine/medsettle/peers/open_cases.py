"""What is open between this engine and others, durable beside the ledger.

A *delivery* is something recorded here, at the place of insurance, of which the place of care has
not yet said whether it took it. An *unknown* is a request sent from here, the place of care, whose
answer did not come.

The file follows from the ledgers: a delivery is found again by reading the ledger from `position`
on, and an unknown that is lost is resolved from the other side, which delivers what it recorded. So
it need not be synced at every change; a cut of the power takes it back a moment, and no further.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import apsw

from medsettle import limits
from medsettle.core.dates import microseconds
from medsettle.errors import LedgerUnavailable

FILE_NAME: Final = "peers.db"

# "MSPR" in ASCII.
_APPLICATION_ID: Final = 0x4D53_5052
_VERSION: Final = 2
_US: Final = 1_000_000

# The longest pause with its jitter: what is due later was put off by a clock that was set back.
_FARTHEST_US: Final = int(2 * limits.CASE_SECONDS_MAX * _US)
_DUE: Final = "(next_us <= ?1 or next_us > ?1 + ?2)"

_DELIVERED_AREAS: Final = "select care_area from deliveries"
_UNKNOWN_AREAS: Final = "union select area from unknowns"
_DELIVERIES: Final = "select record, care_area, opened_us, attempts, trouble from deliveries"

_TABLES: Final = """
create table position (one integer primary key check (one = 1), seq integer not null) strict;
create table deliveries (
  record text primary key, care_area text not null, opened_us integer not null,
  attempts integer not null, next_us integer not null, trouble text not null
) strict, without rowid;
create index deliveries_due on deliveries (next_us);
create table unknowns (
  institution text not null, request_id text not null, method text not null, area text not null,
  body blob not null, digest blob not null, person text not null, opened_us integer not null,
  attempts integer not null, next_us integer not null, trouble text not null,
  primary key (institution, request_id)
) strict, without rowid;
create index unknowns_due on unknowns (next_us);
create index unknowns_of_person on unknowns (area, person);
insert into position values (1, 0);
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something recorded here that the place of care, or a hub, has not agreed to yet."""

    record: str
    care_area: str
    opened_us: int
    attempts: int
    trouble: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A request whose answer did not come.

    `method` is that of the peer service with its `body`, empty where it is not sent again from
    here; `digest` that of the request of the institution, `area` the one asked, `person` whom it is
    about.
    """

    institution: str
    request_id: str
    method: str
    area: str
    body: bytes
    digest: bytes
    person: str
    opened_us: int = 0
    attempts: int = 0
    trouble: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Under which the request is recorded."""
        return self.institution, self.request_id


class OpenCases:
    """The open cases of one engine; used on one thread."""

    def __init__(
        self,
        path: Path,
        now_us: Callable[[], int],
        draw: Callable[[float, float], float] = random.uniform,
        opened: Callable[[], None] = lambda: None,
    ) -> None:
        """Open the file; make it where there is none.

        Args:
            path: The file.
            now_us: Returns the present in microseconds since 1970-01-01.
            draw: Returns a number between two, for the jitter of pauses.
            opened: Called whenever a case has been opened.

        Raises:
            LedgerUnavailable: It cannot be opened, or is another program's or version's.
        """
        self._path, self._now_us, self._draw, self._opened = path, now_us, draw, opened
        self._log_pages = 0
        try:
            self._connection = apsw.Connection(str(path))
            self._connection.set_busy_timeout(limits.LEDGER_LOCKED_MS_MAX)
            # One statement each: what follows one that answers with a row waits until that is read.
            self._connection.pragma("journal_mode", "wal")
            self._connection.pragma("synchronous", "normal")
            # Moving the log syncs twice, for which nobody's claim is to wait; see `move_log`.
            self._connection.pragma("wal_autocheckpoint", 0)
            self._connection.set_wal_hook(self._log_grown)
            found = self._value("pragma user_version"), self._value("pragma application_id")
            if found == (0, 0):
                with self._connection:
                    self._connection.execute(_TABLES)
                    self._connection.pragma("application_id", _APPLICATION_ID)
                    self._connection.pragma("user_version", _VERSION)
            elif found != (_VERSION, _APPLICATION_ID):
                raise LedgerUnavailable(
                    f"{path} is no list of open cases of this version ({found[0]}); move it aside, "
                    "and it is made anew from the ledger",
                    path=str(path),
                )
        except apsw.Error as error:
            raise LedgerUnavailable(
                f"{path} cannot be opened: {error}; move it aside, and it is made anew from the "
                "ledger",
                path=str(path),
            ) from error
        # Every claim is looked up in it, those that are decided here too.
        self._unknown = {each.key for each in self.unknowns()}

    def close(self) -> None:
        """Let go of the file. Closing twice is harmless."""
        self._connection.close()

    @property
    def log_is_long(self) -> bool:
        """Whether the write-ahead log is to be moved into the file."""
        return self._log_pages >= limits.CASES_LOG_PAGES

    def move_log(self) -> None:
        """Move the log into the file, on a connection of its own and so on any thread.

        Raises:
            apsw.Error: The disk failed; what is open is in the log, and is safe.
        """
        connection = apsw.Connection(str(self._path))
        try:
            connection.set_busy_timeout(limits.LEDGER_LOCKED_MS_MAX)
            # Who has read nothing yet does not know that there is a log.
            connection.execute("select seq from position").fetchall()
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        finally:
            connection.close()

    def _log_grown(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._log_pages = pages
        return apsw.SQLITE_OK

    # --- deliveries ------------------------------------------------------------------------

    @property
    def position(self) -> int:
        """The place in the ledger up to which deliveries have been opened."""
        return self._value("select seq from position")

    def open_deliveries(self, records: Iterable[tuple[str, str]], position: int) -> None:
        """Open the deliveries of (record, care area), all of them up to a place in the ledger."""
        now = self._now_us()
        first = now + int(limits.CASE_SECONDS_FIRST * _US)
        rows = [(record, area, now, 0, first, "") for record, area in records]
        with self._connection as connection:
            connection.executemany(
                "insert into deliveries values (?, ?, ?, ?, ?, ?) on conflict do nothing", rows
            )
            connection.execute("update position set seq = max(seq, ?)", (position,))
        if rows:
            self._opened()

    def start_over(self) -> None:
        """Begin at the first entry again, for another ledger or an older copy stands there now."""
        with self._connection as connection:
            connection.execute("update position set seq = 0")

    def due_areas(self) -> list[str]:
        """Return the areas with which something is to be tried now, sorted."""
        rows = self._rows(
            f"{_DELIVERED_AREAS} where {_DUE} {_UNKNOWN_AREAS} where {_DUE} order by 1",
            (self._now_us(), _FARTHEST_US),
        )
        return [str(area) for (area,) in rows]

    def due_deliveries(self, area: str | None = None) -> list[Delivery]:
        """Return the deliveries, of an area or of all, to be tried now, the oldest first."""
        rows = self._rows(
            f"{_DELIVERIES} where {_DUE} and (?3 is null or care_area = ?3) "
            "order by opened_us, record limit ?4",
            (self._now_us(), _FARTHEST_US, area, limits.CASES_AT_ONCE_MAX),
        )
        return [Delivery(*row) for row in rows]

    def close_deliveries(self, records: Sequence[str]) -> None:
        """Close deliveries that the place of care and the hubs on the way agreed to."""
        with self._connection as connection:
            connection.executemany(
                "delete from deliveries where record = ?", [(record,) for record in records]
            )

    def put_off_deliveries(self, deliveries: Sequence[Delivery], trouble: str) -> None:
        """Try deliveries again later, each time after twice the pause."""
        rows = [
            (each.attempts + 1, self._next_us(each.attempts + 1), trouble, each.record)
            for each in deliveries
        ]
        with self._connection as connection:
            connection.executemany(
                "update deliveries set attempts = ?, next_us = ?, trouble = ? where record = ?",
                rows,
            )

    # --- unknowns --------------------------------------------------------------------------

    def open_unknown(self, unknown: Unknown, *, synced: bool = False) -> bool:
        """Open what became unknown, or is about to be sent; return whether it was not open before.

        Args:
            unknown: The request; one that is open already stays as it is.
            synced: Whether it outlives a cut of the power, as what is opened before sending must.
        """
        now = self._now_us()
        values = (
            *(unknown.institution, unknown.request_id, unknown.method, unknown.area),
            *(unknown.body, unknown.digest, unknown.person),
            *(now, 0, now + int(limits.CASE_SECONDS_FIRST * _US), unknown.trouble),
        )
        self._connection.pragma("synchronous", "full" if synced else "normal")
        with self._connection as connection:
            connection.execute(
                "insert into unknowns values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "on conflict do nothing",
                values,
            )
            opened: int = connection.changes()
        self._unknown.add(unknown.key)
        self._connection.pragma("synchronous", "normal")
        self._opened()
        return opened > 0

    def unknown(self, key: tuple[str, str]) -> Unknown | None:
        """Return a request that is open as unknown; None where it is not."""
        if key not in self._unknown:
            return None
        rows = self._rows(_UNKNOWNS + "where institution = ? and request_id = ?", key)
        return Unknown(*rows[0]) if rows else None

    def is_unknown(self, key: tuple[str, str]) -> bool:
        """Return whether a request is open as unknown."""
        return key in self._unknown

    def unknown_of(self, area: str, person: str, key: tuple[str, str]) -> str | None:
        """Return the id of another request about a person that is open; None where none is."""
        if not self._unknown - {key}:
            return None
        rows = self._rows(
            "select institution, request_id from unknowns where area = ? and person = ?",
            (area, person),
        )
        return next((str(each[1]) for each in rows if tuple(each) != key), None)

    def due_unknowns(self, area: str | None = None) -> list[Unknown]:
        """Return the unknowns, of an area or of all, to be tried now, the oldest first."""
        rows = self._rows(
            _UNKNOWNS + f"where {_DUE} and (?3 is null or area = ?3) order by opened_us limit ?4",
            (self._now_us(), _FARTHEST_US, area, limits.CASES_AT_ONCE_MAX),
        )
        return [Unknown(*row) for row in rows]

    def close_unknown(self, key: tuple[str, str]) -> None:
        """Close what is known by now."""
        with self._connection as connection:
            connection.execute("delete from unknowns where institution = ? and request_id = ?", key)
        self._unknown.discard(key)

    def put_off_unknowns(self, unknowns: Sequence[Unknown], trouble: str) -> None:
        """Try requests again later, each after twice its pause."""
        now, rows = self._now_us(), []
        for each in unknowns:
            attempts = each.attempts + 1
            next_us = self._next_us(attempts)
            # The end of its grace is not slept through.
            graced_us = each.opened_us + int(limits.UNKNOWN_GRACE_SECONDS * _US)
            next_us = min(next_us, graced_us) if now < graced_us else next_us
            rows.append((attempts, next_us, trouble, *each.key))
        with self._connection as connection:
            connection.executemany(
                "update unknowns set attempts = ?, next_us = ?, trouble = ? "
                "where institution = ? and request_id = ?",
                rows,
            )

    # --- what there is ---------------------------------------------------------------------

    def seconds_to_next(self) -> float | None:
        """Return in how many seconds something is due; None where nothing is open."""
        found = self._rows(
            "select min(next_us) from (select min(next_us) as next_us from deliveries "
            "union all select min(next_us) from unknowns)"
        )[0][0]
        if found is None:
            return None
        left_us = found - self._now_us()
        # A clock that was set back lets nothing sleep for as long.
        return 0.0 if left_us > _FARTHEST_US else max(0.0, left_us / _US)

    def deliveries(self) -> list[Delivery]:
        """Return all open deliveries, the oldest first."""
        rows = self._rows(_DELIVERIES + " order by opened_us, record")
        return [Delivery(*row) for row in rows]

    def unknowns(self) -> list[Unknown]:
        """Return all that is unknown, the oldest first."""
        return [Unknown(*row) for row in self._rows(_UNKNOWNS + "order by opened_us")]

    def age_seconds(self, opened_us: int) -> float:
        """Return how long ago something was; what lies ahead, for the clock went back, is old."""
        age = (self._now_us() - opened_us) / _US
        return age if age >= 0 else limits.UNKNOWN_GRACE_SECONDS

    def _next_us(self, attempts: int) -> int:
        pause = min(limits.CASE_SECONDS_FIRST * 2 ** min(attempts, 16), limits.CASE_SECONDS_MAX)
        # A fifth either way keeps cases that failed together from returning together.
        return self._now_us() + int(pause * self._draw(0.8, 1.2) * _US)

    def _rows(self, statement: str, values: Sequence[object] = ()) -> list[tuple]:  # type: ignore[type-arg]
        return self._connection.execute(statement, values).fetchall()

    def _value(self, statement: str) -> int:
        return int(self._rows(statement)[0][0])


def open_rows(path: Path, moment: datetime) -> Iterator[dict[str, object]]:
    """Yield what is open as a person is told it, the oldest of each kind first.

    Args:
        path: The file; where there is none, nothing is open.
        moment: The present, with a time zone.
    """
    if not path.exists():
        return
    now_us = microseconds(moment)
    cases = OpenCases(path, lambda: now_us)
    try:
        for each in cases.deliveries():
            yield {
                "kind": "delivery",
                "record": each.record,
                "area": each.care_area,
                "attempts": each.attempts,
                "seconds": (now_us - each.opened_us) // _US,
                "trouble": each.trouble,
            }
        for unknown in cases.unknowns():
            yield {
                "kind": "unknown",
                "record": f"{unknown.institution}/{unknown.request_id}",
                "area": unknown.area,
                "attempts": unknown.attempts,
                "seconds": (now_us - unknown.opened_us) // _US,
                "trouble": unknown.trouble,
            }
    finally:
        cases.close()


_UNKNOWNS: Final = (
    "select institution, request_id, method, area, body, digest, person, opened_us, attempts, "
    "trouble from unknowns "
)
