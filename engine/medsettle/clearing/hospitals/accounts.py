"""What stands on the account of an institution: payments to it, and what it was lent."""

from dataclasses import dataclass
from datetime import date

from medsettle import limits
from medsettle.clearing.hospitals.batches import Payment, payment_of
from medsettle.clearing.hospitals.store import Fund, HospitalStore
from medsettle.core.dates import date_of


@dataclass(frozen=True, slots=True)
class BatchHead:
    """A batch of payments without them: its day, how many, what they come to, and who ran it."""

    number: int
    day: date
    payments: int
    sum_fen: int
    decided_by: str


@dataclass(frozen=True, slots=True)
class PaidTo:
    """A payment, and why the bank gave it back: empty where it did not."""

    payment: Payment
    returned: str


@dataclass(frozen=True, slots=True)
class Lent:
    """An advance: to whom out of which fund, for what, and what is still to come back in fen."""

    number: int
    institution: str
    fund: Fund
    fen: int
    day: date
    purpose: str
    decided_by: str
    open_fen: int


def batch_heads(
    store: HospitalStore, *, below: int = limits.INT64_MAX, most: int
) -> list[BatchHead]:
    """Return the newest batches with a number below one, the newest first."""
    rows = store.rows(
        "select number, day, payments, sum_fen, decided_by from batches where number < ? "
        "order by number desc limit ?",
        *(below, most),
    )
    return [BatchHead(number, date_of(day), *rest) for number, day, *rest in rows]


_PAYMENTS = (
    "select p.payment, p.batch, p.institution, p.pooling_area, p.insurance_type, p.payer, p.fen, "
    "b.day, coalesce(r.reason, '') from payments p join batches b on b.number = p.batch "
    "left join returns r on r.payment = p.payment"
)


def payments_to(store: HospitalStore, institution: str, *, most: int) -> list[PaidTo]:
    """Return the newest payments to an institution, the newest first."""
    rows = store.rows(
        f"{_PAYMENTS} where p.institution = ? order by p.batch desc, p.payment limit ?",
        *(institution, most),
    )
    return [_paid(row) for row in rows]


def payments_of(store: HospitalStore, batch: int, *, after: str = "", most: int) -> list[PaidTo]:
    """Return the first payments of a batch behind an id, by id."""
    rows = store.rows(
        f"{_PAYMENTS} where p.batch = ? and p.payment > ? order by p.payment limit ?",
        *(batch, after, most),
    )
    return [_paid(row) for row in rows]


def _paid(row: tuple[object, ...]) -> PaidTo:
    *payment, day, returned = row
    return PaidTo(payment_of(tuple(payment), date_of(int(str(day)))), str(returned))


def lent(
    store: HospitalStore,
    institution: str | None = None,
    *,
    below: int = limits.INT64_MAX,
    most: int,
) -> list[Lent]:
    """Return the newest advances with a number below one, all or those to an institution."""
    rows = store.rows(
        "select a.number, a.institution, a.pooling_area, a.insurance_type, a.payer, a.fen, a.day, "
        "a.purpose, a.decided_by, a.fen + (select coalesce(sum(m.fen), 0) from movements m "
        "join deductions d on d.number = m.deduction where d.advance = a.number) "
        "- (select coalesce(sum(u.fen), 0) from uses u join deductions d on d.number = u.deduction "
        "where d.advance = a.number) from advances a "
        "where (? is null or a.institution = ?) and a.number < ? order by a.number desc limit ?",
        *(institution, institution, below, most),
    )
    return [
        Lent(number, name, Fund(area, insurance, payer), fen, date_of(day), *rest)
        for number, name, area, insurance, payer, fen, day, *rest in rows
    ]


def last_month(store: HospitalStore) -> str | None:
    """Return the last month of which settlements were read in; None where there are none."""
    return store.rows("select max(month) from entries")[0][0]  # type: ignore[no-any-return]
