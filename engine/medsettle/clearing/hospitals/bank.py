"""The bank's side of what hospitals are paid: what it is asked for, and what it returns.

A bank gets a `pain.001` message of a batch (`payments.pain001`), each payment under its end-to-end
id. What it returns was not paid: the movements wait anew, and the next payment has them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias

from medsettle.clearing.hospitals.batches import Payment, batch_of, payment_of
from medsettle.clearing.hospitals.declarations import Status, carry_on
from medsettle.clearing.hospitals.store import Decision, HospitalStore
from medsettle.core.dates import date_of, day_number
from medsettle.errors import Fault, InvalidRequest, NotFound, Precondition
from medsettle.payments.accounts import BankAccount
from medsettle.payments.orders import OrderKind, Party, PartyType, PaymentOrder
from medsettle.payments.pain001 import Transfer, initiation

Accounts: TypeAlias = Mapping[Party, BankAccount]


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks a bank when: the moment has a time zone; `accounts` say whose account is which."""

    initiator: str
    moment: datetime
    accounts: Accounts


def message_of(store: HospitalStore, number: int, insurance_type: str, asking: Asking) -> bytes:
    """Return the message that asks a bank for the payments of a batch out of one insurance's funds.

    Funds of two insurance types have accounts of their own, which an accounts file does not tell
    apart: so a message is of one of them, with the accounts file of its funds.

    Args:
        store: Where the batch is.
        number: Of the batch.
        insurance_type: Whose funds pay.
        asking: Accounts of the funds by pooling area and payer, and of institutions by the area of
            care; for persons insured elsewhere the account out of which their area's share is paid.

    Raises:
        NotFound: There is no batch of that number.
        InvalidRequest: A payment has no account on a side, accounts are at several banks, or there
            is nothing to pay.
    """
    batch, accounts = batch_of(store, number), asking.accounts
    transfers, faults = [], []
    for payment in batch.payments:
        if payment.fund.insurance_type != insurance_type or not payment.fen:
            continue
        order = _order(payment, _care_area(store, payment.institution))
        missing = [each for each in (order.debtor, order.creditor) if each not in accounts]
        faults += [
            Fault(
                payment.payment, f"{each.type} {each.token} of {each.pooling_area} has no account"
            )
            for each in missing
        ]
        if not missing:
            transfers.append(
                Transfer(order, accounts[order.debtor], accounts[order.creditor], batch.day)
            )
    if not faults and not transfers:
        text = f"batch {number} pays nothing out of funds of {insurance_type}"
        faults.append(Fault("insurance_type", text))
    banks = {transfer.debtor.bank for transfer in transfers}
    if len(banks) > 1:
        text = f"are at {len(banks)} banks, {', '.join(sorted(banks))}; a message goes to one"
        faults.append(Fault("accounts", text))
    if faults:
        raise InvalidRequest(faults)
    installation = batch.payments[0].payment.partition("-")[0]
    message_id = f"{installation}-{number:06d}-{insurance_type}"
    return initiation(message_id, asking.moment, asking.initiator, transfers)


def _care_area(store: HospitalStore, institution: str) -> str:
    """Return where an institution is: the area of care of its claims."""
    rows = store.rows("select min(care_area) from claims where institution = ?", institution)
    return str(rows[0][0])


def _order(payment: Payment, care_area: str) -> PaymentOrder:
    """Return a payment as an order to a bank; its id is the end-to-end id."""
    return PaymentOrder(
        order=payment.payment,
        kind=OrderKind.PAYOUT,
        settlement=payment.payment,
        stage=payment.fund.payer,
        debtor=Party(PartyType.FUND, payment.fund.pooling_area, payment.fund.payer),
        creditor=Party(PartyType.INSTITUTION, care_area, payment.institution),
        amount_fen=payment.fen,
        execution_date=payment.day,
        clause="",
    )


def returned(store: HospitalStore, payment: str, day: date, decision: Decision) -> Payment:
    """Record that a bank returned a payment (退票), and return it: its movements wait anew.

    Declarations that it paid are cleared and not paid, until the next payment has them.

    Args:
        store: Where the payment is.
        payment: Its id, the end-to-end id.
        day: When it came back.
        decision: Who records it, and the reason that the bank gives.

    Raises:
        InvalidRequest: The decision does not say who and why.
        NotFound: There is no such payment.
        Precondition: It is of 0, or came back before.
    """
    decision.check(reason=True)
    with store.change():
        rows = store.rows(
            "select p.payment, p.batch, p.institution, p.pooling_area, p.insurance_type, p.payer, "
            "p.fen, b.day, r.payment from payments p join batches b on b.number = p.batch "
            "left join returns r on r.payment = p.payment where p.payment = ?",
            payment,
        )
        if not rows:
            raise NotFound(
                f"there is no payment {payment!r}; see medsettle hospital batches", payment=payment
            )
        *row, paid_on, before = rows[0]
        found = payment_of(tuple(row), date_of(paid_on))
        if before is not None or not found.fen:
            why = "came back before" if before is not None else "is of 0, so no bank has it"
            raise Precondition(f"payment {payment} {why}", payment=payment)
        store.add(
            "returns",
            {
                "payment": payment,
                "day": day_number(day),
                "reason": decision.reason,
                "decided_by": decision.by,
                "create_time_us": decision.moment_us,
            },
        )
        for number in _paid_by(store, payment):
            carry_on(store, number, Status.CLEARED, decision)
        return found


def _paid_by(store: HospitalStore, payment: str) -> list[str]:
    """Return the declarations that are paid, of whose claims a payment has something."""
    rows = store.rows(
        "select distinct r.declaration from paid d join movements m on m.number = d.movement "
        "join entries e on e.claim = m.claim join declared r on r.record = e.record "
        "where d.payment = ? and (select status from statuses s "
        "where s.declaration = r.declaration order by number desc limit 1) = ? order by 1",
        *(payment, int(Status.PAID)),
    )
    return [number for (number,) in rows]
