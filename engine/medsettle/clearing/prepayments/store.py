"""What is prepaid, noticed, paid in and used: the durable store of one centre.

What stands on a line is the sum of what was paid on its notices, so nothing is ever set to a value:
a recalculation issues a notice over the difference and supersedes what was not paid of older ones.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, Self

import orjson

from medsettle import limits
from medsettle.clearing.prepayments.notices import Aged, Notice, NoticeKind, aged
from medsettle.clearing.prepayments.prepayment import (
    Line,
    Requirement,
    Usage,
    check_prepaid,
    check_text,
    pooled,
    usage_of,
)
from medsettle.clearing.prepayments.schema import FORM, NOTICE_COLUMNS
from medsettle.clearing.prepayments.terms import PrepaymentRules, PrepaymentTerms
from medsettle.core.dates import date_of, day_number, microseconds
from medsettle.core.money import yuan_from_fen
from medsettle.errors import Fault, InvalidRequest, NotFound, Precondition
from medsettle.ledger.side_file import (
    open_store,
    private_folder,
    rows_of,
    transaction,
    unavailable,
)
from medsettle.policy.vocabulary import quoted

PREPAYMENTS_FILE: Final = "prepayments.db"
# What was paid on a notice until a day, and whether it was superseded by then.
_PAID: Final = (
    "(select coalesce(sum(p.amount_fen), 0) from payments p where p.notice = n.id and p.day <= ?)"
)
_EVER: Final = (limits.INT64_MAX, limits.INT64_MAX)
_GONE: Final = "exists (select 1 from superseded s where s.notice = n.id and s.day <= ?)"


class PrepaymentStore:
    """The prepayments of a folder; several processes may have it open."""

    def __init__(self, folder: Path) -> None:
        """Open the store, made where there is none.

        Raises:
            StoreUnavailable: It is damaged, of another version, or on an unfit disk.
        """
        self.path = private_folder(folder) / PREPAYMENTS_FILE
        self.connection = open_store(self.path, FORM)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    # --- the year ----------------------------------------------------------------------------

    def recalculate(
        self,
        required: Sequence[Requirement],
        terms: PrepaymentTerms,
        issue_day: date,
        due_day: date,
        who: str,
        now: datetime,
    ) -> list[Notice]:
        """Record what is required for a year, and issue a notice over each difference.

        Giving the same requirements again issues nothing. What was not paid of older notices of a
        line is superseded, with increases that are under way: the difference has it all.

        Args:
            required: From `prepayment.requirements`.
            terms: By which they were computed.
            issue_day: The day of the notices.
            due_day: Until when they are to be paid, not before `issue_day`.
            who: Who recalculates.
            now: When.

        Returns:
            The notices issued, none for a line where nothing is to be paid.

        Raises:
            InvalidRequest: The due day lies before the notice, or `who` is no name.
            Precondition: A later year has been recalculated.
        """
        check_text("who", who)
        if due_day < issue_day:
            text = f"{due_day} lies before the notice of {issue_day}; correct one"
            raise InvalidRequest([Fault("due_day", text)])
        issued = []
        with transaction(self.connection, self.path):
            for each in required:
                notice = self._recalculated(
                    each, terms, issue_day, due_day, (who, microseconds(now))
                )
                issued += [] if notice is None else [notice]
        return [self._notice(notice) for notice in issued]

    def _recalculated(
        self,
        required: Requirement,
        terms: PrepaymentTerms,
        issue_day: date,
        due_day: date,
        by: tuple[str, int],
    ) -> int | None:
        line = required.line
        latest = self._rows(
            "select year, required_fen from requirements where insured = ? and care = ? "
            "and fund = ? order by id desc limit 1",
            *key_of(line),
        )
        year, before_fen = latest[0] if latest else (0, 0)
        if year > required.year:
            raise Precondition(
                f"{line} has been recalculated for {year}; {required.year} is over",
                line=str(line),
                year=str(year),
            )
        if (year, before_fen) == (required.year, required.required_fen):
            return None
        months = {f"{month:%Y-%m}": fen for month, fen in required.months_fen.items()}
        requirement = self._insert(
            "insert into requirements (insured, care, fund, year, months_fen, multiple_e4, "
            "rounding, required_fen, who, create_time_us) values (?,?,?,?,?,?,?,?,?,?)",
            *(*key_of(line), required.year, orjson.dumps(months).decode(), terms.multiple_e4),
            *(terms.rounding.value, required.required_fen, *by),
        )
        self._supersede(line, requirement, issue_day, by)
        difference_fen = required.required_fen - self.standing_fen(line)
        if not difference_fen:
            return None
        first = not latest and not self.standing_fen(line)
        kind = NoticeKind.PREPAYMENT if first else NoticeKind.ADJUSTMENT
        return self._insert(
            "insert into notices (insured, care, fund, year, kind, amount_fen, issue_day, due_day, "
            "requirement, who, create_time_us) values (?,?,?,?,?,?,?,?,?,?,?)",
            *(*key_of(line), required.year, kind.value, difference_fen),
            *(day_number(issue_day), day_number(due_day), requirement, *by),
        )

    def _supersede(self, line: Line, requirement: int, day: date, by: tuple[str, int]) -> None:
        self._rows(
            "insert into superseded select n.id, ?, ? from notices n where n.insured = ? and "  # noqa: S608
            f"n.care = ? and n.fund = ? and not {_GONE} and {_PAID} <> n.amount_fen",
            *(requirement, day_number(day), *key_of(line), *_EVER),
        )
        self._rows(
            "insert into increase_steps select i.id, s.number + 1, 'superseded', ?, ?, "
            "'the line was recalculated', ? from increases i join increase_steps s "
            "on s.increase = i.id and s.number = "
            "(select max(number) from increase_steps where increase = i.id) "
            "where i.insured = ? and i.care = ? and i.fund = ? "
            "and s.state in ('requested', 'approved', 'noticed')",
            *(day_number(day), *by, *key_of(line)),
        )

    # --- notices and payments ----------------------------------------------------------------

    def pay(
        self, number: str, amount_fen: int, day: date, reference: str, who: str, now: datetime
    ) -> Notice:
        """Register a payment on a notice; the same reference with the same payment is one payment.

        Args:
            number: Of the notice, with or without `-P` or `-R`.
            amount_fen: What was paid, above 0 whichever way the notice goes.
            day: When the money arrived.
            reference: What tells the payment from others, such as its EndToEndId.
            who: Who registers it.
            now: When.

        Raises:
            InvalidRequest: The amount is out of bounds, or a text is no name.
            NotFound: There is no such notice.
            Precondition: The notice is superseded, less of it is open, the money came before the
                notice, or the reference was used for another payment.
        """
        check_text("who", who)
        check_text("reference", reference)
        check_prepaid(amount_fen, "amount")
        with transaction(self.connection, self.path):
            notice = self._numbered(number)
            signed_fen = amount_fen if notice.amount_fen > 0 else -amount_fen
            paid = (notice.id, signed_fen, day_number(day))
            known = self._rows(
                "select notice, amount_fen, day from payments where reference = ?", reference
            )
            if known and known[0] != paid:
                raise Precondition(
                    f"reference {quoted(reference)} is that of another payment; name this one "
                    "by its own",
                    reference=reference,
                )
            if known:
                return notice
            _check_payable(notice, amount_fen, day)
            self._insert(
                "insert into payments (notice, amount_fen, day, reference, who, create_time_us) "
                "values (?,?,?,?,?,?)",
                *(*paid, reference, who, microseconds(now)),
            )
            after = self._notice(notice.id)
            if after.increase is not None and not after.open_fen:
                # A reference may be as long as a reason, so nothing is put before it.
                self.add_step(after.increase, "paid", day, who, reference, now)
        return after

    def notices(self, line: Line | None = None, *, on: date | None = None) -> list[Notice]:
        """Return notices in their order: all, or those of a line; as they stand, or did on a day.

        Those that were issued after the day are left out.
        """
        where, values = (
            ("where true", ())
            if line is None
            else ("where n.insured = ? and n.care = ? and n.fund = ?", key_of(line))
        )
        until = limits.INT64_MAX if on is None else day_number(on)
        rows = self._notice_rows(f"{where} and n.issue_day <= ?", *values, until, until=until)
        return [_notice_of(row) for row in rows]

    def unpaid(self, on: date) -> list[Aged]:
        """Return every notice of which something was open on a day, the most overdue first."""
        found = [aged(notice, on) for notice in self.notices(on=on) if notice.open_fen]
        return sorted(found, key=lambda each: (-each.overdue_days, each.notice.id))

    def standing_fen(self, line: Line, on: date | None = None) -> int:
        """Return what stands on a line: all that was paid, or what was paid until a day."""
        until = limits.INT64_MAX if on is None else day_number(on)
        rows = self._rows(
            "select coalesce(sum(p.amount_fen), 0) from payments p join notices n "
            "on n.id = p.notice where n.insured = ? and n.care = ? and n.fund = ? and p.day <= ?",
            *key_of(line),
            until,
        )
        return int(rows[0][0])

    def lines(self) -> list[Line]:
        """Return every line that anything was recorded of, in order."""
        rows = self._rows(
            "select insured, care, fund from requirements union "
            "select insured, care, fund from usages union "
            "select insured, care, fund from notices order by 1, 2, 3"
        )
        return [Line(*row) for row in rows]

    # --- usage -------------------------------------------------------------------------------

    def record_usages(
        self,
        cleared_fen: Iterable[tuple[Line, date, int]],
        rules: PrepaymentRules,
        now: datetime,
    ) -> list[Usage]:
        """Record what a month cleared on lines so far, and return how far it uses them up.

        The latest record of a month counts; earlier ones are kept.
        """
        found = []
        with transaction(self.connection, self.path):
            for line, month, fen in cleared_fen:
                usage = usage_of(line, month, fen, self.standing_fen(line), rules.on(month))
                self._insert(
                    "insert into usages (insured, care, fund, month, cleared_fen, standing_fen, "
                    "level, create_time_us) values (?,?,?,?,?,?,?,?)",
                    *(*key_of(line), day_number(month), fen, usage.standing_fen),
                    *(usage.level.value, microseconds(now)),
                )
                found.append(usage)
        return found

    def usages(self, month: date, rules: PrepaymentRules) -> list[Usage]:
        """Return how far a month uses up each line, against what stands now."""
        rows = self._rows(
            "select insured, care, fund, cleared_fen, max(id) from usages where month = ? "
            "group by insured, care, fund order by 1, 2, 3",
            day_number(month),
        )
        return [
            usage_of(line, month, fen, self.standing_fen(line), rules.on(month))
            for line, fen in ((Line(*row[:3]), row[3]) for row in rows)
        ]

    def pools(self, month: date, rules: PrepaymentRules) -> list[Usage]:
        """Return how far a month uses up all that each place of care holds of a fund.

        What stands on lines that cleared nothing counts too: it can be used for the others.
        """
        usages = self.usages(month, rules)
        rest = sorted({*self.lines()} - {usage.line for usage in usages})
        terms = rules.on(month)
        usages += [usage_of(line, month, 0, self.standing_fen(line), terms) for line in rest]
        return pooled(usages, terms)

    def usage(self, line: Line, month: date, rules: PrepaymentRules) -> Usage | None:
        """Return how far a month uses up a line; None where nothing of it is recorded."""
        return next((each for each in self.usages(month, rules) if each.line == line), None)

    def last_month(self) -> date | None:
        """Return the last month of which usage is recorded; None where there is none."""
        found = self._rows("select max(month) from usages")[0][0]
        return None if found is None else date_of(found)

    # --- rows --------------------------------------------------------------------------------

    def add_step(
        self, increase: int, state: str, day: date, who: str, why: str, now: datetime
    ) -> None:
        """Add the next step of an increase, inside a transaction of the caller."""
        self._insert(
            "insert into increase_steps select ?, coalesce(max(number) + 1, 0), ?, ?, ?, ?, ? "
            "from increase_steps where increase = ?",
            *(increase, state, day_number(day), who, why, microseconds(now), increase),
        )

    def _numbered(self, number: str) -> Notice:
        for notice in self.notices():
            if number in {notice.number, f"{notice.number}-P", f"{notice.number}-R"}:
                return notice
        raise NotFound(
            f"there is no notice {quoted(number)}; see medsettle prepay notices", notice=number
        )

    def _notice(self, notice: int) -> Notice:
        return _notice_of(self._notice_rows("where n.id = ?", notice)[0])

    def _notice_rows(
        self, where: str, *values: str | int, until: int = limits.INT64_MAX
    ) -> list[tuple[Any, ...]]:
        return self._rows(
            f"select {NOTICE_COLUMNS}, {_PAID}, {_GONE} from notices n {where} order by n.id",  # noqa: S608
            *(until, until, *values),
        )

    def _insert(self, sql: str, *values: str | int | None) -> int:
        self._rows(sql, *values)
        return self.connection.last_insert_rowid()

    def _rows(self, sql: str, *values: str | int | None) -> list[tuple[Any, ...]]:
        with unavailable(self.path, "use"):
            return rows_of(self.connection, sql, *values)


def _notice_of(row: Sequence[Any]) -> Notice:
    number, insured, care, fund, year, kind, amount_fen, issued, due, increase, paid, gone = row
    return Notice(
        id=number,
        line=Line(insured, care, fund),
        year=year,
        kind=NoticeKind(kind),
        amount_fen=amount_fen,
        issue_day=date_of(issued),
        due_day=date_of(due),
        increase=increase,
        paid_fen=paid,
        superseded=bool(gone),
    )


def _check_payable(notice: Notice, amount_fen: int, day: date) -> None:
    if notice.superseded:
        raise Precondition(
            f"notice {notice.number} was superseded by the recalculation of its line; pay on the "
            "later one",
            notice=notice.number,
        )
    if amount_fen > notice.open_fen:
        raise Precondition(
            f"of notice {notice.number} {yuan_from_fen(notice.open_fen)} yuan are open, not "
            f"{yuan_from_fen(amount_fen)}; correct the amount",
            notice=notice.number,
        )
    if day < notice.issue_day:
        raise Precondition(
            f"notice {notice.number} was issued on {notice.issue_day}, after {day}; "
            "correct the day",
            notice=notice.number,
        )


def key_of(line: Line) -> tuple[str, str, str]:
    """Return the values of a line in the order of its columns."""
    return line.insured, line.care, line.fund
