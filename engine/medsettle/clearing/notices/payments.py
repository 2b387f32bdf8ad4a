"""Payments of notices, their return, and how old what is unpaid is.

A notice may be paid in parts. What is paid is the sum of payments less what came back; once it
reaches what is due the notice is paid, and a return takes that back. More than is open is recorded
where somebody says that it came (`Notice.over_fen`): a slip of the hand is more likely.

A payment is known by the account it was seen on and the reference of the bank: the same twice is
one payment. Where no account was told it is known by the reference alone, for it may be any.

What came back is not what was registered by mistake: money that came back had gone, and the bank is
no longer at it; a mistake moved nothing, so the bank may still have what it was asked for
(`clearing.notices.under_way`), and the reference is free for what it really belongs to.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from medsettle.clearing.months.ages import BANDS, band_of, overdue_days
from medsettle.clearing.months.months import MonthStore, check_texts
from medsettle.clearing.notices.book import PAYABLE, Notice, Status, add_event, notice
from medsettle.clearing.notices.camt_values import fen_of, units_of
from medsettle.clearing.notices.deductions import check_amount
from medsettle.core.dates import date_of, day_number, microseconds, service_day_of
from medsettle.core.money import plain_yuan
from medsettle.errors import Fault, InvalidRequest, NotFound, Precondition
from medsettle.ledger.side_file import transaction
from medsettle.payments.pain001 import CURRENCY


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that moved for a notice, in fen.

    `returns` names the payment that it takes back. What is `unregistered` was a mistake, and no
    money moved.
    """

    payment: int
    notice: int
    amount_fen: int
    returns: int | None
    account: str
    reference: str
    value_date: date
    source: str
    who: str
    reason: str
    unregistered: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """Where a payment was seen: an account, the bank's reference, the day, and who says so.

    `source` is `bank` for a line of a statement and `hand` for what somebody registers.
    """

    reference: str
    value_date: date
    who: str
    account: str = ""
    source: str = "hand"


def register(
    store: MonthStore,
    number: int,
    amount_fen: int,
    seen: Seen,
    moment: datetime,
    *,
    over: bool = False,
) -> int:
    """Record a payment of a notice, and return the payment's id.

    The same payment again is recorded once.

    Args:
        store: Of the clearing centre.
        number: Of the notice.
        amount_fen: What came.
        seen: Where it was seen.
        moment: Now, with a time zone.
        over: Whether more came than is open, and is recorded all the same.

    Raises:
        InvalidRequest: The amount or a text is out of bounds, or the day is after today.
        NotFound: There is no such notice.
        Precondition: The notice is not cleared, the reference stands for another payment, or more
            came than is open and nobody says so.
    """
    check_amount(amount_fen)
    check_texts(reference=seen.reference, who=seen.who)
    _check_day(seen, moment)
    with transaction(store.connection, store.path):
        return add_payment(store, number, amount_fen, seen, microseconds(moment), over=over)


def _check_day(seen: Seen, moment: datetime) -> None:
    today = service_day_of(moment)
    if seen.value_date > today:
        text = f"is {seen.value_date}, after today, {today}; money was seen on a day that has come"
        raise InvalidRequest([Fault("on", text)])


def add_payment(
    store: MonthStore,
    number: int,
    amount_fen: int,
    seen: Seen,
    time_us: int,
    *,
    over: bool = False,
) -> int:
    """Record a payment inside a transaction; see `register`."""
    found = notice(store, number)
    known = seen_before(store, seen.reference, seen.account)
    for each in known:
        if (each.notice, each.amount_fen, each.returns) == (number, amount_fen, None):
            return each.payment
    if known:
        raise Precondition(
            f"reference {seen.reference} stands for {known[0].amount_fen} fen of notice "
            f"{known[0].notice}; state the reference of this payment",
            reference=seen.reference,
        )
    if found.status not in PAYABLE:
        raise Precondition(
            f"notice {number} is {found.status.name.lower()} and only a cleared one is paid; "
            "clear it first",
            notice=str(number),
        )
    if amount_fen > found.open_fen and not over:
        raise Precondition(
            f"{plain_yuan(amount_fen)} is above the {plain_yuan(found.open_fen)} that are open of "
            f"notice {number}; check the amount, or say that more came",
            notice=str(number),
        )
    payment = _insert(store, (number, amount_fen, None), seen, "", time_us)
    _follow(store, number, (seen.who, f"payment {payment}", time_us))
    return payment


def give_back(store: MonthStore, payment: int, seen: Seen, reason: str, moment: datetime) -> int:
    """Record that a payment came back whole, and return the id of the return.

    What never was paid did not come back: that is `unregister`.

    Raises:
        InvalidRequest: A text is missing or too long, or the day is after today.
        NotFound: There is no such payment.
        Precondition: It came back before, is a return itself, was registered wrongly, or the
            reference is known.
    """
    check_texts(reference=seen.reference, who=seen.who, reason=reason)
    _check_day(seen, moment)
    with transaction(store.connection, store.path):
        return add_return(store, payment, seen, reason, microseconds(moment))


def unregister(
    store: MonthStore, payment: int, *, who: str, reason: str, moment: datetime
) -> Payment:
    """Take a payment or return back that was registered by mistake, and return it.

    No money moved by it: whatever the bank was asked for is under way as before, and the reference
    may be registered for what it belongs to. The same again changes nothing.

    Raises:
        InvalidRequest: A text is missing or too long.
        NotFound: There is no such payment.
        Precondition: The bank told it, in a line of its own or in one that says the same, or it
            came back.
    """
    check_texts(who=who, reason=reason)
    time_us = microseconds(moment)
    with transaction(store.connection, store.path):
        found = payment_of(store, payment)
        if found.unregistered:
            return found
        if found.source != "hand":
            raise Precondition(
                f"payment {payment} was told by the bank in a statement; only the bank takes it "
                "back, with a line of its own",
                payment=str(payment),
            )
        if back := _returned(store, payment):
            raise Precondition(
                f"payment {payment} came back as {back}; if that is a mistake too, unregister "
                f"{back} first",
                payment=str(payment),
            )
        if _confirmed(store, found):
            raise Precondition(
                f"the bank told of payment {payment} in a statement as well, under its reference "
                f"{found.reference}; only the bank takes it back, with a line of its own",
                payment=str(payment),
            )
        store.rows(
            "insert into unregistered (payment, who, reason, time_us) values (?,?,?,?)",
            *(payment, who, reason, time_us),
        )
        _follow(store, found.notice, (who, f"payment {payment} was registered wrongly", time_us))
        return payment_of(store, payment)


def _confirmed(store: MonthStore, found: Payment) -> bool:
    """Whether a line of the bank says the same as a payment or return: for its notice, its amount.

    A line with the reference that tells another id, amount or currency says only that somebody
    registered it where it does not belong.
    """
    lines = store.rows(
        "select amount from bank_entries where reference = ? and ? in ('', account) "
        "and finding <> 'pending' and end_to_end = ? and currency = ?",
        *(found.reference, found.account),
        *(notice(store, found.notice).payment_notice, CURRENCY),
    )
    told = [units_of(amount) for (amount,) in lines]
    return any(units is not None and fen_of(units) == found.amount_fen for units in told)


def add_return(store: MonthStore, payment: int, seen: Seen, reason: str, time_us: int) -> int:
    """Record a return inside a transaction; see `give_back`."""
    found = payment_of(store, payment)
    known = seen_before(store, seen.reference, seen.account)
    for each in known:
        if each.returns == payment:
            return each.payment
    came_back = _returned(store, payment)
    if came_back or found.returns is not None or found.unregistered or known:
        state = "cannot come back under that name"
        if found.unregistered:
            state = "was registered wrongly and never paid"
        elif came_back:
            state = f"came back as {came_back}"
        raise Precondition(
            f"payment {payment} {state}; state another payment or reference", payment=str(payment)
        )
    back = _insert(store, (found.notice, found.amount_fen, payment), seen, reason, time_us)
    _follow(store, found.notice, (seen.who, f"payment {payment} came back", time_us))
    return back


def _follow(store: MonthStore, number: int, step: tuple[str, str, int]) -> None:
    """Make a notice paid once all is there, and open it where that is no longer so."""
    now = notice(store, number)
    if now.status is Status.CLEARED and now.open_fen == 0:
        add_event(store, number, Status.PAID, *step)
    elif now.status is Status.PAID and now.open_fen:
        add_event(store, number, Status.CLEARED, *step)


def payment_of(store: MonthStore, payment: int) -> Payment:
    """Return a payment or return by its id.

    Raises:
        NotFound: There is none.
    """
    listed = _payments(store, "id = ?", payment)
    if not listed:
        raise NotFound(
            f"there is no payment {payment}; medsettle clear notice lists those of a notice",
            payment=str(payment),
        )
    return listed[0]


def _returned(store: MonthStore, payment: int) -> int:
    """Return as what a payment came back; 0 where it did not."""
    rows = store.rows("select id from moved where returns = ?", payment)
    return int(rows[0][0]) if rows else 0


def payments(store: MonthStore, number: int | None = None) -> list[Payment]:
    """Return payments and returns in the order they were recorded: all, or those of a notice.

    What was registered wrongly is among them, and says so.
    """
    if number is None:
        return _payments(store, "true")
    return _payments(store, "notice = ?", number)


def seen_before(store: MonthStore, reference: str, account: str) -> list[Payment]:
    """Return payments and returns of a reference on an account; "" is an account nobody told."""
    found = _payments(
        store,
        "reference = ? and (account = ? or account = '' or ? = '')",
        *(reference, account, account),
    )
    return [each for each in found if not each.unregistered]


def _payments(store: MonthStore, condition: str, *values: str | int) -> list[Payment]:
    rows = store.rows(
        "select id, notice, amount_fen, returns, account, reference, value_day, source, who, "  # noqa: S608
        "reason, exists (select 1 from unregistered u where u.payment = p.id) "
        f"from payments p where {condition} order by id",
        *values,
    )
    return [
        Payment(
            *(payment, number, fen, returns, account, reference),
            *(date_of(day), source, who, why, bool(wrong)),
        )
        for payment, number, fen, returns, account, reference, day, source, who, why, wrong in rows
    ]


def _insert(
    store: MonthStore,
    what: tuple[int, int, int | None],
    seen: Seen,
    reason: str,
    time_us: int,
) -> int:
    store.rows(
        "insert into payments (notice, amount_fen, returns, account, reference, value_day, source, "
        "who, reason, time_us) values (?,?,?,?,?,?,?,?,?,?)",
        *(*what, seen.account, seen.reference, day_number(seen.value_date), seen.source),
        *(seen.who, reason, time_us),
    )
    return int(store.rows("select max(id) from payments")[0][0])


@dataclass(frozen=True, slots=True)
class AgeBand:
    """Unpaid notices whose due date passed so many days ago; the first band is not due yet.

    `last_days` is None for the band without an end.
    """

    first_days: int
    last_days: int | None
    notices: tuple[int, ...]
    open_fen: int


def ageing(found: Iterable[Notice], today: date) -> list[AgeBand]:
    """Return what is unpaid of notices by how long it is overdue, every band from young to old.

    A rejected notice that was issued anew is left out: the new one is there.
    """
    unpaid = [each for each in found if each.open_fen and each.replaced_by is None]
    bands = []
    for band in BANDS:
        here = [each for each in unpaid if band_of(overdue_days(each.due_on, today)) is band]
        numbers = tuple(each.number for each in here)
        open_fen = sum(each.open_fen for each in here)
        bands.append(AgeBand(band.first_days, band.last_days, numbers, open_fen))
    return bands
