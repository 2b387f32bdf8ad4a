"""What was recorded today, counted as it comes: each segment of the audit tables is read once.

A busy day has tens of thousands of segments, which no page can wait for. They are read behind the
pages, some at a time and the rest next time; a page shows what has been counted so far, and says
so.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Final

from medsettle.audit.hours import AMOUNTS, HOURS, hour_totals
from medsettle.audit.manifest import Segment
from medsettle.audit.manifest_pages import last_segment, segments_before
from medsettle.console.place import Holdings
from medsettle.core import codes
from medsettle.core.dates import CHINA_STANDARD_TIME, microseconds
from medsettle.errors import AuditCorrupt
from medsettle.ledger.opening import OpenReader
from medsettle.logs import events as logged
from medsettle.logs import say
from medsettle.logs.telling import told_of

_READ_AT_ONCE: Final = 256
_WAIT_SECONDS: Final = 0.2


@dataclass(slots=True)
class Hour:
    """What was recorded in an hour: how many of each kind, and fen in the order of `AMOUNTS`."""

    records: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    amounts: list[int] = field(default_factory=lambda: [0] * len(AMOUNTS))

    def add(self, records: Mapping[str, int], amounts: Sequence[int]) -> None:
        """Add what else was recorded in it."""
        for kind, count in records.items():
            self.records[kind] += count
        for at, fen in enumerate(amounts):
            self.amounts[at] += fen


@dataclass(frozen=True, slots=True)
class Counted:
    """A day as far as it has been counted.

    `until_seq` is the last entry that is in it, `audit_seq` the last one in the audit tables, and
    `ledger_seq` the last one of the ledger. `trouble` says why counting stopped, where it did.
    """

    day: date
    hours: tuple[Hour, ...]
    until_seq: int
    audit_seq: int
    ledger_seq: int
    trouble: str = ""

    @property
    def behind(self) -> int:
        """Entries of the ledger that the audit tables do not have yet."""
        return max(self.ledger_seq - self.audit_seq, 0)

    @property
    def uncounted(self) -> int:
        """Entries of the audit tables that are not counted yet."""
        return max(self.audit_seq - self.until_seq, 0)

    def records(self, kind: str) -> int:
        """Return how many records of a kind there are."""
        return sum(hour.records.get(kind, 0) for hour in self.hours)

    def hour_fen(self, hour: int, name: str) -> int:
        """Return one of the amounts of an hour."""
        return self.hours[hour].amounts[AMOUNTS.index(name)]

    def fen(self, *names: str) -> int:
        """Return the sum of some of the amounts."""
        places = [AMOUNTS.index(name) for name in names]
        return sum(hour.amounts[at] for hour in self.hours for at in places)

    @property
    def fund_fen(self) -> int:
        """What all funds pay."""
        return self.fen(*(f"{name}_fen" for name in codes.FUND_NAMES))

    @property
    def accounts_fen(self) -> int:
        """What accounts pay, relatives' money among it."""
        return self.fen(*(f"{name}_fen" for name in codes.PERSONAL_NAMES))


class TodayCounts:
    """Counts the present day of one audit folder. Safe to share between threads."""

    def __init__(self, reader: OpenReader, audit: Path, clock: Callable[[], datetime]) -> None:
        """Count nothing yet.

        Args:
            reader: The ledger, which says where a day begins in it.
            audit: The audit tables.
            clock: Returns the present moment with a time zone.
        """
        self._reader, self._audit, self._clock = reader, audit, clock
        self._lock = threading.Lock()
        self._day: date | None = None
        self._until_seq = 0
        self._hours: dict[str, list[Hour]] = {}
        self._trouble = ""
        self._counting: threading.Thread | None = None
        self._round = 0

    def counted(self, institution: str | None = None) -> Counted:
        """Return what is counted of today, of one institution or of all; what is new is counted.

        Raises:
            AuditCorrupt: The last line of the manifest was changed.
            LedgerUnavailable: The ledger cannot be read.
        """
        day = self._clock().astimezone(CHINA_STANDARD_TIME).date()
        last = last_segment(self._audit)
        audit_seq = 0 if last is None else last.segment.last_seq
        with self._lock:
            if self._day != day or audit_seq < self._until_seq:
                # Another day, or tables that were made anew.
                self._begin(day, audit_seq)
            if self._until_seq < audit_seq and self._counting is None:
                self._counting = threading.Thread(
                    target=self._count, args=(day, self._round), daemon=True
                )
                self._counting.start()
            counting = self._counting
        if counting is not None:
            # Most of the time that is all it takes, and the page has today's numbers at once.
            counting.join(_WAIT_SECONDS)
        with self._lock:
            if institution is None:
                hours = self._summed()
            else:
                hours = tuple(self._hours.get(institution) or _empty())
            until, trouble = self._until_seq, self._trouble
        return Counted(day, hours, until, audit_seq, self._reader.last_seq(), trouble)

    def wait(self) -> None:
        """Return once what was begun has been counted."""
        counting = self._counting
        if counting is not None:
            counting.join()

    def _begin(self, day: date, audit_seq: int) -> None:
        self._day, self._hours, self._trouble = day, {}, ""
        self._round += 1
        self._until_seq = min(self._reader.seq_before(_midnight_us(day)), audit_seq)

    def _summed(self) -> tuple[Hour, ...]:
        total = _empty()
        for hours in self._hours.values():
            for at, hour in enumerate(hours):
                total[at].add(hour.records, hour.amounts)
        return tuple(total)

    def _count(self, day: date, own_round: int) -> None:
        """Count what follows, until all of it is counted or counting began anew."""
        try:
            for part in _parts(list(_after(self._audit, self._until_seq))):
                found = hour_totals(self._audit, part, _midnight_us(day))
                with self._lock:
                    if self._round != own_round:
                        return
                    for each in found:
                        hours = self._hours.setdefault(each.institution, _empty())
                        hours[each.hour].add({each.kind: each.records}, each.amounts)
                    self._until_seq, self._trouble = part[-1].last_seq, ""
        except (AuditCorrupt, OSError) as error:
            say(logged.TODAY_UNREADABLE, told=told_of(error))
            self._trouble = str(error)
        finally:
            self._counting = None


def counts_of(held: Holdings) -> TodayCounts:
    """Return what counts the day of a place; kept by `Holdings.kept`."""
    return TodayCounts(held.reader, held.place.audit, held.clock)


def _midnight_us(day: date) -> int:
    return microseconds(datetime.combine(day, time(), CHINA_STANDARD_TIME))


def _empty() -> list[Hour]:
    return [Hour() for _ in range(HOURS)]


def _after(folder: Path, seq: int) -> Iterator[Segment]:
    """Yield the segments that hold what comes after an entry, the oldest first."""
    found: list[Segment] = []
    place: int | None = None
    while part := segments_before(folder, place, _READ_AT_ONCE):
        new = [each.segment for each in part if each.segment.last_seq > seq]
        found += new
        if len(new) < len(part):
            break
        place = part[-1].place
    yield from reversed(found)


def _parts(segments: list[Segment]) -> Iterator[list[Segment]]:
    for first in range(0, len(segments), _READ_AT_ONCE):
        yield segments[first : first + _READ_AT_ONCE]
