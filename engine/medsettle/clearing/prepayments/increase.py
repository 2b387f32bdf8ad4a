"""Urgent increases of a prepayment: asked for at red, reviewed, noticed and paid.

    requested ──► approved ──► noticed ──► paid
        └───────► refused          (a recalculation of the line supersedes what is not paid)

The place of care asks, the national centre reviews, the adjustment notice goes to the place of
insurance, which pays within some working days. Each step has its day, who took it and why; nothing
is changed. Source: `clearing.md` §3.4.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from medsettle import limits
from medsettle.clearing.months.working_days import WorkingDays
from medsettle.clearing.prepayments.notices import Notice, NoticeKind
from medsettle.clearing.prepayments.prepayment import Level, Line, check_prepaid, check_text
from medsettle.clearing.prepayments.store import PrepaymentStore, key_of
from medsettle.clearing.prepayments.terms import PrepaymentRules
from medsettle.core.dates import date_of, day_number, microseconds
from medsettle.core.money import yuan_from_fen
from medsettle.core.persons import same_person
from medsettle.errors import Fault, InvalidRequest, NotFound, Precondition
from medsettle.ledger.side_file import rows_of, transaction, unavailable


class IncreaseState(StrEnum):
    """Where an increase is."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REFUSED = "refused"
    NOTICED = "noticed"
    PAID = "paid"
    SUPERSEDED = "superseded"


_UNDER_WAY = (IncreaseState.REQUESTED, IncreaseState.APPROVED, IncreaseState.NOTICED)


@dataclass(frozen=True, slots=True)
class IncreaseStep:
    """One step: the state it led to, the day, who took it and why."""

    state: IncreaseState
    day: date
    who: str
    why: str


@dataclass(frozen=True, slots=True)
class Increase:
    """An increase with every step it took."""

    id: int
    line: Line
    month: date
    amount_fen: int
    steps: tuple[IncreaseStep, ...]

    @property
    def state(self) -> IncreaseState:
        """Where it is."""
        return self.steps[-1].state

    @property
    def under_way(self) -> bool:
        """Whether somebody still has to do something about it."""
        return self.state in _UNDER_WAY


class Increases:
    """The increases of a store."""

    def __init__(self, store: PrepaymentStore, rules: PrepaymentRules) -> None:
        self._store = store
        self._rules = rules

    def request(
        self, line: Line, month: date, amount_fen: int, day: date, who: str, now: datetime
    ) -> Increase:
        """Ask for an increase, because a month is red.

        Args:
            line: Whose prepayment is too low.
            month: The month that uses it up; its usage has been recorded.
            amount_fen: By how much.
            day: The day of the request.
            who: Of the place of care.
            now: When it is recorded.

        Raises:
            InvalidRequest: The amount is out of bounds, alone or with what stands, or `who` is no
                name.
            NotFound: No usage of the month is recorded on that line.
            Precondition: The usage is not red, or an increase of the line is under way.
        """
        check_prepaid(amount_fen, "amount")
        check_text("who", who)
        with transaction(self._store.connection, self._store.path):
            usage = self._store.usage(line, month, self._rules)
            if usage is None:
                raise NotFound(
                    f"no usage of {month:%Y-%m} is recorded on {line}; give medsettle prepay usage",
                    line=str(line),
                )
            if usage.level is not Level.RED:
                raise Precondition(
                    f"an increase is for a red line, and {line} is {usage.level}: {usage.reason}",
                    line=str(line),
                )
            for other in self._all("where i.insured = ? and i.care = ? and i.fund = ?", line):
                if other.under_way:
                    raise Precondition(
                        f"increase {other.id} of {line} is {other.state}; finish it first",
                        line=str(line),
                    )
            self._check_bound(line, amount_fen)
            increase = self._insert(
                "insert into increases (insured, care, fund, month, amount_fen, create_time_us) "
                "values (?,?,?,?,?,?)",
                *(*key_of(line), day_number(month), amount_fen, microseconds(now)),
            )
            self._step(increase, IncreaseState.REQUESTED, day, who, usage.reason, now)
        return self.get(increase)

    def review(
        self, increase: int, *, approved: bool, why: str, day: date, who: str, now: datetime
    ) -> Increase:
        """Approve or refuse a request, by somebody else than who asked.

        Raises:
            InvalidRequest: A text is empty or too long.
            NotFound: There is no such increase.
            Precondition: It is not requested by that day, or the same person asked for it.
        """
        check_text("why", why)
        state = IncreaseState.APPROVED if approved else IncreaseState.REFUSED
        with transaction(self._store.connection, self._store.path):
            found = self._at(increase, IncreaseState.REQUESTED, day)
            if same_person(found.steps[0].who, who):
                raise Precondition(
                    f"increase {increase} was requested by {who}; somebody else reviews it",
                    increase=str(increase),
                )
            self._step(increase, state, day, who, why, now)
        return self.get(increase)

    def notice(
        self, increase: int, day: date, who: str, working_days: WorkingDays, now: datetime
    ) -> Notice:
        """Issue the adjustment notice of an approved increase, due some working days later.

        Raises:
            InvalidRequest: `who` is no name.
            NotFound: There is no such increase.
            Precondition: It is not approved by that day.
        """
        store = self._store
        with transaction(store.connection, store.path):
            found = self._at(increase, IncreaseState.APPROVED, day)
            due = working_days.after(day, self._rules.on(day).increase_days)
            number = self._insert(
                "insert into notices (insured, care, fund, year, kind, amount_fen, issue_day, "
                "due_day, increase, who, create_time_us) values (?,?,?,?,?,?,?,?,?,?,?)",
                *(*key_of(found.line), day.year, NoticeKind.INCREASE.value, found.amount_fen),
                *(day_number(day), day_number(due), increase, who, microseconds(now)),
            )
            self._step(increase, IncreaseState.NOTICED, day, who, f"to be paid by {due}", now)
        return next(each for each in store.notices(found.line) if each.id == number)

    def get(self, increase: int) -> Increase:
        """Return an increase.

        Raises:
            NotFound: There is no such increase.
        """
        found = self._all("where i.id = ?", increase)
        if not found:
            raise NotFound(
                f"there is no increase {increase}; see medsettle prepay alarms",
                increase=str(increase),
            )
        return found[0]

    def all(self) -> list[Increase]:
        """Return every increase in the order of requests."""
        return self._all("")

    def _check_bound(self, line: Line, amount_fen: int) -> None:
        noticed = (each for each in self._store.notices(line) if each.amount_fen > 0)
        others_fen = self._store.standing_fen(line) + sum(each.open_fen for each in noticed)
        if amount_fen + others_fen > limits.PREPAYMENT_FEN_MAX:
            most = yuan_from_fen(limits.PREPAYMENT_FEN_MAX - others_fen)
            text = (
                f"{yuan_from_fen(amount_fen)} yuan beside the {yuan_from_fen(others_fen)} that "
                f"stand or are noticed are beyond the bound; ask for {most} at most"
            )
            raise InvalidRequest([Fault("amount", text)])

    def _at(self, increase: int, state: IncreaseState, day: date) -> Increase:
        found = self.get(increase)
        last = found.steps[-1]
        if found.state is state and day < last.day:
            raise Precondition(
                f"increase {increase} is {state} since {last.day}, after {day}; correct the day",
                increase=str(increase),
            )
        if found.state is not state:
            raise Precondition(
                f"increase {increase} is {found.state} since {last.day} ({last.who}: {last.why}), "
                f"and this is for one that is {state}",
                increase=str(increase),
            )
        return found

    def _step(
        self, increase: int, state: IncreaseState, day: date, who: str, why: str, now: datetime
    ) -> None:
        check_text("who", who)
        self._store.add_step(increase, state.value, day, who, why, now)

    def _all(self, where: str, *values: int | Line) -> list[Increase]:
        flat = [part for value in values for part in _parts(value)]
        rows = self._rows(
            f"select id, insured, care, fund, month, amount_fen from increases i {where} "  # noqa: S608
            "order by id",
            *flat,
        )
        return [
            Increase(number, Line(*key), date_of(month), amount_fen, self._steps(number))
            for number, *key, month, amount_fen in rows
        ]

    def _steps(self, increase: int) -> tuple[IncreaseStep, ...]:
        rows = self._rows(
            "select state, day, who, why from increase_steps where increase = ? order by number",
            increase,
        )
        return tuple(
            IncreaseStep(IncreaseState(state), date_of(day), who, why)
            for state, day, who, why in rows
        )

    def _insert(self, sql: str, *values: str | int) -> int:
        self._rows(sql, *values)
        return self._store.connection.last_insert_rowid()

    def _rows(self, sql: str, *values: str | int) -> list[tuple[Any, ...]]:
        with unavailable(self._store.path, "use"):
            return rows_of(self._store.connection, sql, *values)


def _parts(value: int | Line) -> tuple[str | int, ...]:
    return key_of(value) if isinstance(value, Line) else (value,)
