"""Declarations: a month that an institution applies for, beside what its settlements come to.

An institution states five sums (3203); the records of the book that it covers come to sums of their
own. What differs is told in numbers and decided by people: a declaration with differences is
accepted with a reason, or rejected, and what is paid is always what the book has.

    applied 10 → accepted 20 → reviewing 30 → reviewed 40 → cleared 50 → paid 60; rejected 70

A rejected one frees its records for another, or is reopened while no other has them.

Source: fields of 3203 and the status chain, `clearing.md` §3.2; `interface.md` §5.4.
"""

from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Final

from medsettle import limits
from medsettle.clearing.hospitals.store import Decision, HospitalStore
from medsettle.clearing.months.month import Month
from medsettle.core.dates import date_of, day_number
from medsettle.core.money import plain_yuan
from medsettle.errors import ClearingRefused, Fault, InvalidRequest, NotFound


class Status(IntEnum):
    """How far a declaration is."""

    APPLIED = 10
    ACCEPTED = 20
    REVIEWING = 30
    REVIEWED = 40
    CLEARED = 50
    PAID = 60
    REJECTED = 70


_NEXT: Final = {
    Status.APPLIED: Status.ACCEPTED,
    Status.ACCEPTED: Status.REVIEWING,
    Status.REVIEWING: Status.REVIEWED,
}
"""Steps that people take; the month's slices clear, and payments pay."""
_REJECTABLE: Final = (*_NEXT, Status.REVIEWED)


@dataclass(frozen=True, slots=True)
class Sums:
    """What is declared, or what records come to: persons and amounts in fen."""

    persons: int
    total_fen: int
    account_fen: int
    cash_fen: int
    fund_fen: int


@dataclass(frozen=True, slots=True)
class Application:
    """What an institution applies for: a month of one clearing class (清算类别) and way (清算方式).

    `declaration` is its number (`clr_appy_evt_id`). `pooling_area` and `insurance_type` are empty
    where it covers all of them. `stated` is what the institution says.
    """

    declaration: str
    institution: str
    month: Month
    clearing_class: str
    clearing_way: str
    first: date
    last: date
    stated: Sums
    pooling_area: str = ""
    insurance_type: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One status of a declaration: who set it, when (µs since 1970-01-01, UTC), and why."""

    status: Status
    by: str
    create_time_us: int
    reason: str


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declaration with what its records come to and all its steps, the last one counting."""

    application: Application
    records: int
    own: Sums
    steps: tuple[Step, ...]

    @property
    def status(self) -> Status:
        """How far it is."""
        return self.steps[-1].status

    @property
    def differences(self) -> dict[str, int]:
        """Return what is stated less what the records come to, where that is not 0.

        Accounts or cash stated as 0 are not stated: some clients send them so.
        """
        found = {}
        for name in Sums.__slots__:
            stated, own = getattr(self.application.stated, name), getattr(self.own, name)
            unstated = name in {"account_fen", "cash_fen"} and stated == 0
            if stated != own and not unstated:
                found[name] = stated - own
        return found


def declare(store: HospitalStore, what: Application, decision: Decision) -> Declaration:
    """Record an application with the records it covers, and return it; again, the same.

    It covers the records of its institution, month and class, on its days, that no other standing
    declaration has.

    Raises:
        InvalidRequest: Everything that is wrong with it.
        ClearingRefused: The same is applied for in another that stands, the number was used for
            something else, or there is no record to cover.
    """
    decision.check()
    faults = _faults(what)
    if faults:
        raise InvalidRequest(faults)
    with store.change():
        known = store.rows(
            "select declaration from declarations where declaration = ?", what.declaration
        )
        if known:
            before = declaration(store, what.declaration)
            if before.application != what:
                raise ClearingRefused(
                    f"{what.declaration} was applied for with other sums, days or kinds; use a new "
                    "number, or withdraw that one first",
                    clr_appy_evt_id=what.declaration,
                )
            return before
        _check_alone(store, what)
        _record(store, what, decision)
        if not _cover(store, what):
            raise ClearingRefused(
                f"no record of {what.institution} is left to declare for {what.month.text}, class "
                f"{what.clearing_class}, {what.first} to {what.last}; read the book in first",
                clr_appy_evt_id=what.declaration,
            )
        _step(store, what.declaration, 0, Status.APPLIED, decision)
        return declaration(store, what.declaration)


def _faults(what: Application) -> list[Fault]:
    faults = [
        Fault(name, f"expected 1 to {limits.CODE_CHARS_MAX} characters")
        for name in ("declaration", "institution", "clearing_class", "clearing_way")
        if not 1 <= len(getattr(what, name)) <= limits.CODE_CHARS_MAX
    ]
    days = (what.last - what.first).days + 1
    if not 1 <= days <= limits.STATEMENT_DAYS_MAX:
        most = limits.STATEMENT_DAYS_MAX
        faults.append(Fault("last", f"is {days} days from the first, expected 1 to {most}"))
    return faults + [
        Fault(f"stated.{name}", f"is above {limits.AMOUNT_FEN_MAX}")
        for name in Sums.__slots__
        if abs(getattr(what.stated, name)) > limits.AMOUNT_FEN_MAX
    ]


STANDING: Final = (
    "(select status from statuses s where s.declaration = d.declaration "
    "order by number desc limit 1) <> 70"
)
"""Whether the declaration of a row `d` stands: a condition for queries beside this module."""


def _check_alone(store: HospitalStore, what: Application) -> None:
    rows = store.rows(
        f"select declaration from declarations d where institution = ? and month = ? "  # noqa: S608
        f"and clearing_class = ? and clearing_way = ? and pooling_area = ? "
        f"and insurance_type = ? and {STANDING}",
        *(what.institution, what.month.text, what.clearing_class, what.clearing_way),
        *(what.pooling_area, what.insurance_type),
    )
    if rows:
        raise ClearingRefused(
            f"{what.month.text} is applied for as {rows[0][0]}; reject that first",
            clr_appy_evt_id=str(rows[0][0]),
        )


def _cover(store: HospitalStore, what: Application) -> bool:
    """Record what an application covers, and return whether it is anything."""
    store.rows(
        "insert into declared (declaration, record) "  # noqa: S608 - our own condition
        "select ?, e.record from entries e join claims c on c.claim = e.claim "
        "where e.institution = ? and e.month = ? and e.record_day between ? and ? "
        "and e.kind <> 'case' and c.clearing_class = ? "
        "and (? = '' or c.pooling_area = ?) and (? = '' or c.insurance_type = ?) "
        "and not exists (select 1 from declared r join declarations d "
        f"on d.declaration = r.declaration where r.record = e.record and {STANDING})",
        *(what.declaration, what.institution, what.month.text),
        *(day_number(what.first), day_number(what.last), what.clearing_class),
        *(what.pooling_area, what.pooling_area, what.insurance_type, what.insurance_type),
    )
    return store.connection.changes() > 0


def _record(store: HospitalStore, what: Application, decision: Decision) -> None:
    store.add(
        "declarations",
        {
            "declaration": what.declaration,
            "institution": what.institution,
            "month": what.month.text,
            "clearing_class": what.clearing_class,
            "clearing_way": what.clearing_way,
            "pooling_area": what.pooling_area,
            "insurance_type": what.insurance_type,
            "first_day": day_number(what.first),
            "last_day": day_number(what.last),
            "persons": what.stated.persons,
            "total_fen": what.stated.total_fen,
            "account_fen": what.stated.account_fen,
            "cash_fen": what.stated.cash_fen,
            "fund_fen": what.stated.fund_fen,
            "create_time_us": decision.moment_us,
        },
    )


def step(store: HospitalStore, number: str, status: Status, decision: Decision) -> Declaration:
    """Take a declaration one step further, reject it, or reopen a rejected one; return it.

    Raises:
        InvalidRequest: The decision does not say who, or why where it must: for a rejection, a
            reopening, and for accepting a declaration whose sums differ.
        NotFound: There is no such declaration.
        ClearingRefused: It cannot take that step now, or its records are declared anew.
    """
    decision.check()
    with store.change():
        found = declaration(store, number)
        if found.status is Status.REJECTED and status is Status.APPLIED:
            decision.check(reason=True)
            _check_free(store, found)
        elif status is Status.REJECTED and found.status in _REJECTABLE:
            decision.check(reason=True)
        elif _NEXT.get(found.status) is status:
            decision.check(reason=status is Status.ACCEPTED and bool(found.differences))
        else:
            raise ClearingRefused(
                f"declaration {number} is {found.status.name.lower()} ({found.status:d}) and does "
                f"not become {status.name.lower()} ({status:d}); {_possible(found.status)}",
                clr_appy_evt_id=number,
            )
        _step(store, number, len(found.steps), status, decision)
        return declaration(store, number)


def next_steps(status: Status) -> list[Status]:
    """Return what people may make of a declaration that is so far."""
    able = [_NEXT[status]] if status in _NEXT else []
    able += [Status.REJECTED] if status in _REJECTABLE else []
    return able + ([Status.APPLIED] if status is Status.REJECTED else [])


def _possible(status: Status) -> str:
    able = next_steps(status)
    if not able:
        return "the month's slices and payments take it further"
    return "it may become " + " or ".join(each.name.lower() for each in able)


def _check_free(store: HospitalStore, found: Declaration) -> None:
    number = found.application.declaration
    _check_alone(store, found.application)
    taken = store.rows(
        "select r.record, d.declaration from declared r "  # noqa: S608
        "join declared o on o.record = r.record and o.declaration <> r.declaration "
        f"join declarations d on d.declaration = o.declaration where r.declaration = ? "
        f"and {STANDING} limit 1",
        number,
    )
    if taken:
        raise ClearingRefused(
            f"record {taken[0][0]} of it is declared in {taken[0][1]} since; reject that first",
            clr_appy_evt_id=number,
        )


def carry_on(store: HospitalStore, number: str, status: Status, decision: Decision) -> None:
    """Record inside a change that a declaration was cleared or paid."""
    ((steps,),) = store.rows("select count(*) from statuses where declaration = ?", number)
    _step(store, number, steps, status, decision)


def _step(store: HospitalStore, number: str, at: int, status: Status, decision: Decision) -> None:
    store.add(
        "statuses",
        {
            "declaration": number,
            "number": at,
            "status": int(status),
            "reason": decision.reason,
            "decided_by": decision.by,
            "create_time_us": decision.moment_us,
        },
    )


def declaration(store: HospitalStore, number: str) -> Declaration:
    """Return a declaration.

    Raises:
        NotFound: There is none of that number.
    """
    rows = store.rows("select * from declarations where declaration = ?", number)
    if not rows:
        raise NotFound(
            f"there is no declaration {number!r}; see medsettle hospital declarations",
            clr_appy_evt_id=number,
        )
    _, institution, month, clearing_class, way, area, insurance, first, last, *stated, _ = rows[0]
    application = Application(
        declaration=number,
        institution=institution,
        month=Month.of(month),
        clearing_class=clearing_class,
        clearing_way=way,
        first=date_of(first),
        last=date_of(last),
        stated=Sums(*stated),
        pooling_area=area,
        insurance_type=insurance,
    )
    ((records, settled, *amounts),) = store.rows(
        "select count(*), coalesce(sum(case e.kind when 'settle' then 1 when 'cancel' then -1 "
        "else 0 end), 0), coalesce(sum(e.total_fen), 0), coalesce(sum(e.account_fen), 0), "
        "coalesce(sum(e.cash_fen), 0), coalesce(sum(e.fund_fen), 0) from declared r "
        "join entries e on e.record = r.record where r.declaration = ?",
        number,
    )
    steps = store.rows(
        "select status, decided_by, create_time_us, reason from statuses where declaration = ? "
        "order by number",
        number,
    )
    return Declaration(
        application,
        records,
        Sums(settled, *amounts),
        tuple(Step(Status(status), *rest) for status, *rest in steps),
    )


def declarations(store: HospitalStore, month: Month, status: Status | None = None) -> list[str]:
    """Return the numbers of the declarations of a month, those at a status where one is given."""
    rows = store.rows(
        "select d.declaration, (select status from statuses s where s.declaration = d.declaration "
        "order by number desc limit 1) from declarations d where month = ? order by d.declaration",
        month.text,
    )
    return [number for number, at in rows if status in {None, at}]


def describe_differences(found: Declaration) -> list[str]:
    """Return a sentence for each sum that differs, with both numbers."""
    words = []
    for name, fen in found.differences.items():
        stated, own = getattr(found.application.stated, name), getattr(found.own, name)
        if name.endswith("_fen"):
            shown = [plain_yuan(each) for each in (stated, own, fen)]
            words.append(f"{name[:-4]}: stated {shown[0]}, the book has {shown[1]} ({shown[2]})")
        else:
            words.append(f"{name}: stated {stated}, the book has {own} ({fen})")
    return words
