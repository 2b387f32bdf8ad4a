"""What institutions are paid on a day: a payment for each institution and fund, and what it is of.

A payment is the sum of its movements and nothing else, or the store refuses it: slices of claims,
money that claims give back, and adjustments of no one claim. This is the rule of the remittance
advice X12 835, whose PLB segment lists such adjustments apart and must reconcile. A payment whose
adjustments eat it up is one of 0, with its remittance.

What is to come back is taken in this order, as far as the slices of the payment go: of those slices
what is not due any more; what claims were paid too much, oldest first; then deductions of the
institution by the day from which they are taken. The rest waits. An advance settles nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Final

from medsettle import limits
from medsettle.clearing.hospitals.approvals import check_payer
from medsettle.clearing.hospitals.declarations import Status, carry_on
from medsettle.clearing.hospitals.deductions import deductions, open_of_part
from medsettle.clearing.hospitals.schema import ON_HOLD, TOO_MUCH
from medsettle.clearing.hospitals.store import (
    OF_PARTS,
    Decision,
    Fund,
    HospitalStore,
    Part,
)
from medsettle.core.dates import date_of, day_number
from medsettle.errors import Fault, InvalidRequest, NotFound
from medsettle.ledger.side_file import unavailable


@dataclass(frozen=True, slots=True)
class Payment:
    """What an institution gets out of a fund: `payment` is its end-to-end id, `fen` may be 0."""

    payment: str
    batch: int
    institution: str
    fund: Fund
    fen: int
    day: date


@dataclass(frozen=True, slots=True)
class Batch:
    """The payments of a run."""

    number: int
    day: date
    payments: tuple[Payment, ...]

    @property
    def sum_fen(self) -> int:
        """What they come to."""
        return sum(payment.fen for payment in self.payments)


def pay(store: HospitalStore, day: date, decision: Decision) -> Batch | None:
    """Record payments of all that is approved up to a day, and return them; None where nothing is.

    What waits of claims on hold is left out. Declarations whose claims are paid by it are paid.
    Killed at any moment it leaves the whole batch or nothing, and run again it comes to the same.

    Args:
        store: Where what is approved is.
        day: The day on which to pay.
        decision: Who runs it.

    Raises:
        InvalidRequest: The decision does not say who, or more payments than one run has.
        Precondition: Who runs it approved some of it.
    """
    decision.check()
    with store.change():
        waiting = _waiting(store, day)
        if not waiting:
            return None
        check_payer(store, chain.from_iterable(waiting.values()), decision)
        if len(waiting) > limits.HOSPITAL_PAYMENTS_PER_RUN_MAX:
            most = limits.HOSPITAL_PAYMENTS_PER_RUN_MAX
            text = f"{len(waiting)} payments in one run, at most {most}; pay an earlier day first"
            raise InvalidRequest([Fault("day", text)])
        ((number, installation),) = store.rows(
            "select 1 + coalesce((select max(number) from batches), 0), value from meta "
            "where name = 'installation'"
        )
        payments = []
        for at, (institution, fund) in enumerate(sorted(waiting), 1):
            name = f"HP{installation}-{number:06d}-{at:05d}"
            assert len(name) <= limits.END_TO_END_CHARS_MAX, name
            movements = waiting[institution, fund]
            movements += _taken_back(store, institution, fund, movements, day)
            fen = _sum_of(store, movements)
            payments.append(Payment(name, number, institution, fund, fen, day))
            _record(store, payments[-1], movements)
        batch = Batch(number, day, tuple(payments))
        store.add(
            "batches",
            {
                "number": number,
                "day": day_number(day),
                "payments": len(payments),
                "sum_fen": batch.sum_fen,
                "decided_by": decision.by,
                "create_time_us": decision.moment_us,
            },
        )
        _mark_paid(store, decision)
        return batch


def _waiting(store: HospitalStore, day: date) -> dict[tuple[str, Fund], list[int]]:
    """Return the numbers of movements to be paid, by institution and fund.

    What a bank returned waits anew, with what was taken back in it. Of that there may be more than
    there is to pay now, since a claim is on hold: it waits for the next payment.
    """
    found: dict[tuple[str, Fund], list[int]] = {}
    purses: dict[tuple[str, Fund], int] = {}
    # Slices first, then the reserve that belongs to them.
    for number, fen, lent, institution, *names in store.rows(
        "select m.number, m.fen, m.kind = 'advance', m.institution, m.pooling_area, "  # noqa: S608 - our own condition
        "m.insurance_type, m.payer from movements m "
        "left join paid_for_good d on d.movement = m.number "
        "left join claims c on c.claim = m.claim "
        f"where d.movement is null and m.day <= ? and {ON_HOLD} = 0 "
        "order by m.fen < 0, m.kind <> 'withheld', m.number",
        day_number(day),
    ):
        key = (institution, Fund(*names))
        # An advance settles nothing.
        left_fen = purses.get(key, 0) + (0 if lent else fen)
        if left_fen >= 0:
            purses[key] = left_fen
            found.setdefault(key, []).append(number)
    return found


def _sum_of(store: HospitalStore, movements: list[int], *, without_advances: bool = False) -> int:
    kinds = " and kind <> 'advance'" if without_advances else ""
    ((fen,),) = store.rows(
        "select coalesce(sum(fen), 0) from movements "  # noqa: S608 - our own words
        f"where number in (select value from json_each(?)){kinds}",
        str(movements),
    )
    return int(fen)


def _record(store: HospitalStore, payment: Payment, movements: list[int]) -> None:
    store.add(
        "payments",
        {
            "payment": payment.payment,
            "batch": payment.batch,
            "institution": payment.institution,
            **payment.fund.row(),
            "fen": payment.fen,
        },
    )
    with unavailable(store.path, "write"):
        store.connection.executemany(
            "insert into paid values (?,?)", [(number, payment.payment) for number in movements]
        )


def _taken_back(
    store: HospitalStore, institution: str, fund: Fund, movements: list[int], day: date
) -> list[int]:
    """Record what a payment takes back, and return the numbers of these movements."""
    left_fen = _sum_of(store, movements, without_advances=True)
    found = []
    for claim, deduction, open_fen in _to_take(store, institution, fund, day):
        fen = min(open_fen, left_fen)
        if not fen:
            break
        found.append(
            store.add(
                "movements",
                {
                    "kind": "recovery" if deduction is None else "deduction",
                    "institution": institution,
                    **fund.row(),
                    "claim": claim,
                    "deduction": deduction,
                    "fen": -fen,
                    "day": day_number(day),
                },
            )
        )
        left_fen -= fen
    return found


def _to_take(
    store: HospitalStore, institution: str, fund: Fund, day: date
) -> Iterator[tuple[str | None, int | None, int]]:
    """Yield claim, deduction and fen of what is to come back to a fund, in order.

    Whoever takes it records each before the next is asked for.
    """
    # A slice that was approved and whose claim fell since is not paid to settle another claim.
    yield from _too_much(store, institution, fund, day, of_payment=True)
    yield from _too_much(store, institution, fund, day, of_payment=False)
    for each in deductions(
        store,
        "d.claim is null and d.institution = ? and d.pooling_area = ? and d.insurance_type = ? "
        "and d.payer = ? and d.from_day <= ?",
        institution,
        *fund.row().values(),
        day_number(day),
    ):
        if each.open_fen:
            yield None, each.number, each.open_fen


# What the payment of a day has of a part: what waits, unless the claim is on hold.
_IN_PAYMENT: Final = (
    f"(1 - {ON_HOLD}) * (select coalesce(sum(m.fen), 0) from movements m "  # noqa: S608
    "left join paid_for_good d on d.movement = m.number "
    "where m.claim = p.claim and m.payer = p.payer and d.movement is null and m.day <= ?)"
)


def _too_much(
    store: HospitalStore, institution: str, fund: Fund, day: date, *, of_payment: bool
) -> Iterator[tuple[str, int | None, int]]:
    """Yield claim, deduction and fen of what claims have too much, of the payment itself or all.

    What waits for another payment is in none yet, so nothing of it is taken back.
    """
    rows = store.rows(
        f"select {_IN_PAYMENT}, {OF_PARTS} from parts p "  # noqa: S608 - our own names
        f"join claims c on c.claim = p.claim where {TOO_MUCH} and c.institution = ? "
        "and c.pooling_area = ? and c.insurance_type = ? and p.payer = ? "
        "order by c.record_day, p.claim",
        *(day_number(day), institution),
        *fund.row().values(),
    )
    for in_payment_fen, part in ((in_payment, Part(*row)) for in_payment, *row in rows):
        left_fen = max(0, part.paid_fen + in_payment_fen - part.due_fen)
        if of_payment:
            # Below 0 where it has only what was taken back in a payment that a bank returned.
            left_fen = min(left_fen, max(0, in_payment_fen))
        for each in open_of_part(store, part.claim, part.payer):
            fen = min(each.open_fen, left_fen)
            if fen:
                yield part.claim, each.number, fen
                left_fen -= fen
        if left_fen:
            yield part.claim, None, left_fen


def _mark_paid(store: HospitalStore, decision: Decision) -> None:
    """Take cleared declarations further of which nothing waits any more."""
    for (number,) in store.rows(
        "select d.declaration from declarations d where (select status from statuses s "
        "where s.declaration = d.declaration order by number desc limit 1) = ? and not exists ("
        "select 1 from declared r join entries e on e.record = r.record "
        "join parts p on p.claim = e.claim where r.declaration = d.declaration "
        "and p.approved_fen <> p.paid_fen)",
        int(Status.CLEARED),
    ):
        carry_on(store, number, Status.PAID, decision)


def batch_of(store: HospitalStore, number: int) -> Batch:
    """Return the batch of a number.

    Raises:
        NotFound: There is none.
    """
    rows = store.rows("select day from batches where number = ?", number)
    if not rows:
        raise NotFound(f"there is no batch {number}; see medsettle hospital batches")
    day = date_of(rows[0][0])
    payments = store.rows(
        "select payment, batch, institution, pooling_area, insurance_type, payer, fen "
        "from payments where batch = ? order by payment",
        number,
    )
    return Batch(number, day, tuple(payment_of(row, day) for row in payments))


def batches(store: HospitalStore) -> list[Batch]:
    """Return all batches in their order."""
    numbers = store.rows("select number from batches order by number")
    return [batch_of(store, number) for (number,) in numbers]


def payment_of(row: tuple[object, ...], day: date) -> Payment:
    """Return the payment of a row: its id, batch, institution, three columns of a fund, fen."""
    payment, batch, institution, area, insurance, payer, fen = row
    fund = Fund(str(area), str(insurance), str(payer))
    return Payment(str(payment), int(str(batch)), str(institution), fund, int(str(fen)), day)
