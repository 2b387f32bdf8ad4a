"""The months of a clearing centre: open, then closed, and never changed.

A month is closed by writing its lines to `months/YYYY-MM/lines.parquet` and what it holds back to
`held.parquet` beside it, and then recording both digests in one transaction. A file without that
record never existed: whenever the process dies there is a closed month or none, and closing again
writes the same bytes from the same book.

Months are closed one after another, from whichever was the first; a month that is not over cannot
be closed. The book is that of the place of insurance, whose date of settlement is the period.
"""

import fcntl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, Self

import pyarrow.parquet as pq

from medsettle import durable, limits
from medsettle.clearing.months.book import has_record
from medsettle.clearing.months.closing import (
    HELD_FILE,
    LINES_FILE,
    CheckDays,
    Decision,
    Gathering,
    digest_of,
    gather,
)
from medsettle.clearing.months.month import Month
from medsettle.clearing.months.months_schema import FORM
from medsettle.core.dates import microseconds
from medsettle.errors import Fault, InvalidRequest, NotFound, Precondition, StoreUnavailable
from medsettle.ledger.side_file import (
    open_store,
    private_folder,
    rows_of,
    transaction,
    unavailable,
)

MONTHS_FILE: Final = "months.db"
MONTHS_FOLDER: Final = "months"
_LOCK: Final = "months.lock"


@dataclass(frozen=True, slots=True)
class ClosedMonth:
    """A closed month: how many lines, what they owe in all in fen, what was held, and by whom."""

    month: Month
    close_time_us: int
    who: str
    late_months: int
    lines: int
    owed_fen: int
    held: int
    lines_sha256: str
    held_sha256: str


class MonthStore:
    """The months and notices of one clearing centre, in one folder. One thread uses it."""

    def __init__(self, folder: Path) -> None:
        """Open the store, made with its folder where there is none.

        Raises:
            StoreUnavailable: The file is something else, damaged or cannot be written.
        """
        with unavailable(folder, "make"):
            self.folder = private_folder(folder)
        self.path = folder / MONTHS_FILE
        self.connection = open_store(self.path, FORM)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store. Closing twice is harmless."""
        self.connection.close()

    def rows(self, sql: str, *values: str | int | bytes | None) -> list[tuple[Any, ...]]:
        """Return the rows of a statement on the store.

        Raises:
            StoreUnavailable: The store failed.
        """
        with unavailable(self.path, "use"):
            return rows_of(self.connection, sql, *values)

    def months(self) -> list[ClosedMonth]:
        """Return the closed months in their order."""
        rows = self.rows(f"select {_COLUMNS} from months order by month")  # noqa: S608
        return [ClosedMonth(Month.of(month), *rest) for month, *rest in rows]

    def closed(self, month: Month) -> ClosedMonth:
        """Return a closed month.

        Raises:
            NotFound: It is not closed.
        """
        for each in self.months():
            if each.month == month:
                return each
        raise NotFound(
            f"month {month.text} is not closed; close it with medsettle clear close {month.text}",
            month=month.text,
        )

    def open_month(self) -> Month | None:
        """Return the month that is open: the one after the last that was closed; None if none."""
        months = self.months()
        return months[-1].month.plus(1) if months else None

    def decide(
        self, settlement: str, *, included: bool, who: str, reason: str, moment: datetime
    ) -> None:
        """Record whether a month takes a record that is late, or why it takes something back.

        The last word counts, until a month has taken the record.

        Raises:
            InvalidRequest: A text is missing or too long.
        """
        check_texts(settlement=settlement, who=who, reason=reason)
        with transaction(self.connection, self.path):
            self.rows(
                "insert into decisions (settlement, included, who, reason, time_us) "
                "values (?,?,?,?,?)",
                settlement,
                int(included),
                who,
                reason,
                microseconds(moment),
            )

    def decisions(self) -> dict[str, Decision]:
        """Return the decisions in force, by settlement."""
        rows = self.rows("select settlement, included, who, reason from decisions order by seq")
        return {name: Decision(bool(taken), who, reason) for name, taken, who, reason in rows}

    def close_month(
        self,
        month: Month,
        book: Path,
        open_settlements: Iterable[str],
        *,
        today: date,
        who: str,
        moment: datetime,
        late_months: int = limits.LATE_MONTHS_DEFAULT,
        check_days: CheckDays | None = None,
    ) -> tuple[ClosedMonth, Mapping[str, int]]:
        """Close a month, and return it with how many records were held, by `Held`.

        Args:
            month: The one after the last closed, or any if none is.
            book: The book of the place of insurance, whatever `sources_files` opens.
            open_settlements: Settlements about which a difference is open.
            today: The day in China Standard Time.
            who: Who closes it.
            moment: Now, with a time zone.
            late_months: How many months late a record may come without a decision, at most
                LATE_MONTHS_MAX.
            check_days: Refuses days that were not reconciled.

        Raises:
            InvalidRequest: A text or number is out of bounds, or the book is faulty.
            Precondition: It is closed, is not the next, is not over, or has days that
                `check_days` refuses.
            StoreUnavailable: Another process closes a month, or the disk failed. Nothing was
                closed; the same call may be made again.
        """
        check_texts(who=who)
        if not 0 <= late_months <= limits.LATE_MONTHS_MAX:
            most = limits.LATE_MONTHS_MAX
            raise InvalidRequest([Fault("late_months", f"is {late_months}; expected 0 to {most}")])
        with self.alone():
            refuse_out_of_turn([each.month for each in self.months()], month, today)
            folder = self._folder(month)
            with unavailable(folder, "write"):
                durable.make_folder(folder, 0o700)
                gathered = gather(
                    Gathering(
                        month,
                        book,
                        frozenset(open_settlements),
                        self.lines_files(),
                        self.decisions(),
                        late_months,
                        check_days,
                    ),
                    folder,
                )
            closed = ClosedMonth(
                month,
                microseconds(moment),
                who,
                late_months,
                gathered.lines,
                gathered.owed_fen,
                sum(gathered.held.values()),
                gathered.lines_sha256,
                gathered.held_sha256,
            )
            self._record(closed)
        return closed, gathered.held

    def lines_file(self, month: Month) -> Path:
        """Return the file of the lines of a closed month, after its digest was checked.

        Raises:
            NotFound: The month is not closed.
            StoreUnavailable: The file is missing or not what was closed.
        """
        return self._checked(month, LINES_FILE, self.closed(month).lines_sha256)

    def lines_path(self, month: Month) -> Path:
        """Return where the lines of a month stand, whatever stands there by now."""
        return self._folder(month) / LINES_FILE

    def lines_files(self) -> tuple[Path, ...]:
        """Return the files of the lines of all closed months, each after its digest was checked.

        Raises:
            StoreUnavailable: One is missing or not what was closed.
        """
        return tuple(self.lines_file(each.month) for each in self.months())

    def held_file(self, month: Month) -> Path:
        """Return the file of what a closed month held back, after its digest was checked.

        Raises:
            NotFound: The month is not closed.
            StoreUnavailable: The file is missing or not what was closed.
        """
        return self._checked(month, HELD_FILE, self.closed(month).held_sha256)

    def refuse_unknown(self, settlement: str, book: Path | None) -> None:
        """Refuse a record that no closed month held back and no book has, such as a misspelt one.

        Args:
            settlement: Its id.
            book: That of which the next month will be closed, for what no month has seen yet; None
                asks only what was held.

        Raises:
            InvalidRequest: The book is faulty.
            NotFound: Neither has it.
            StoreUnavailable: A list of what was held is missing or not what was closed.
        """
        for each in reversed(self.months()):
            held = pq.read_table(self.held_file(each.month), columns=["settlement"])
            if settlement in held["settlement"].to_pylist():
                return
        if book is None:
            rest = "; name with --book the book that has it, for a month that is not closed"
        elif has_record(self.folder, book, settlement):
            return
        else:
            rest = f" and {book} does not have it"
        raise NotFound(
            f"no closed month held {settlement!r} back{rest}; "
            "medsettle clear held MONTH lists what a month held",
            settlement=settlement,
        )

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the right to close months and to write payment files; a crash gives it back.

        Raises:
            StoreUnavailable: Another process holds it.
        """
        path = self.folder / _LOCK
        with unavailable(path, "lock"):
            file = path.open("ab")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StoreUnavailable(
                    f"another process closes or pays in {self.folder}; wait for it", path=str(path)
                ) from error
            yield

    def _record(self, closed: ClosedMonth) -> None:
        values = (getattr(closed, name) for name in ClosedMonth.__slots__ if name != "month")
        with transaction(self.connection, self.path):
            self.rows(
                f"insert into months ({_COLUMNS}) values (?,?,?,?,?,?,?,?,?)",  # noqa: S608
                closed.month.text,
                *values,
            )

    def _folder(self, month: Month) -> Path:
        return self.folder / MONTHS_FOLDER / month.text

    def _checked(self, month: Month, name: str, digest: str) -> Path:
        path = self._folder(month) / name
        with unavailable(path, "read"):
            found = digest_of(path)
        if found != digest:
            raise StoreUnavailable(
                f"{path} has the digest {found}, and month {month.text} was closed with {digest}: "
                "it was changed or damaged. Restore it from a copy",
                path=str(path),
            )
        return path


_COLUMNS: Final = ", ".join(ClosedMonth.__slots__)


def check_texts(**texts: str) -> None:
    """Check texts that are recorded with somebody's name on them.

    Raises:
        InvalidRequest: One is empty, too long or not printable; all faults.
    """
    most = limits.CLEARING_TEXT_CHARS_MAX
    faults = [
        Fault(name, f"has {len(text)} characters; expected 1 to {most} printable ones")
        for name, text in texts.items()
        if not (1 <= len(text) <= most and text.isprintable())
    ]
    if faults:
        raise InvalidRequest(faults)


def refuse_out_of_turn(months: Sequence[Month], month: Month, today: date) -> None:
    """Refuse a month that is not the next to be closed.

    Args:
        months: Those that are closed, in their order.
        month: The one that is to be closed.
        today: The day in China Standard Time.

    Raises:
        Precondition: It is not over, is closed, or is not the one after the last closed.
    """
    if today <= month.last_day:
        raise Precondition(
            f"month {month.text} ends on {month.last_day} and today is {today}; close it "
            "after its last day",
            month=month.text,
        )
    if months and month != (following := months[-1].plus(1)):
        state = "is closed" if month in months else "comes later"
        if month < months[0]:
            state = f"was never closed, and {months[0].text} was: it comes too late"
        raise Precondition(
            f"month {month.text} {state}; the open month is {following.text}",
            month=month.text,
            open_month=following.text,
        )
