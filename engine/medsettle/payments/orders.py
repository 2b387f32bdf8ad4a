"""Payment orders: who pays whom how much beside a bill, and why.

An order is made of what a settlement records, never of a second calculation, and its id of the
settlement and the row that it pays. The same row makes the same order however often it is read.

What a payout replaces of the bill (`replaced_fen`) the payee has from the clearing of the bill, so
the order is over the difference. Where a payout is less than it replaces, nothing is ordered: the
payee owes the difference, which is a receivable. A credit of the personal account is no payment:
the ledger has moved it.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid5

from medsettle import limits
from medsettle.core.codes import BILL, Payee
from medsettle.core.settlement import Row, Settlement

INSTITUTION_SHARE: Final = "institution_share"

# A name space of our own, so that no other program's references can be ours.
_REFERENCES: Final = uuid5(UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), "payments.medsettle")


class OrderKind(StrEnum):
    """Why money is to be sent.

    A payout (拨付), a reimbursement (零星报销), a refund (退费), or the clearing of a month between
    provinces (清算).
    """

    PAYOUT = "payout"
    REIMBURSEMENT = "reimbursement"
    REFUND = "refund"
    CLEARING = "clearing"


_LETTERS: Final = {OrderKind.PAYOUT: "P", OrderKind.REIMBURSEMENT: "B", OrderKind.REFUND: "R"}


class PartyType(StrEnum):
    """Whose account is looked up. An employer has no token of its own: see `Party`."""

    PERSON = "person"
    EMPLOYER = "employer"
    INSTITUTION = "institution"
    FUND = "fund"
    FISCAL = "fiscal"
    """财政专户: the fiscal special account of a province for a fund line."""


@dataclass(frozen=True, slots=True, order=True)
class Party:
    """Somebody who has an account: type, pooling area (统筹区) and token.

    The token of a fund is the name of its payer (`pooled_fund`), that of a fiscal account the
    fund line (`employee`), its area the code of the province with four zeros. A claim does not
    state who employs a person, so an employer is named by the token of the person it employs.
    """

    type: PartyType
    pooling_area: str
    token: str


@dataclass(frozen=True, slots=True)
class PaymentOrder:
    """One payment to be made.

    `order` is its id and its end-to-end id at the bank. `amount_fen` is in 1..PAYMENT_FEN_MAX, and
    in 1..NOTICE_FEN_MAX for a clearing.
    `execution_date` is the first day on which the bank is asked to pay. `stage` and `clause` say by
    which rule.
    """

    order: str
    kind: OrderKind
    settlement: str
    stage: str
    debtor: Party
    creditor: Party
    amount_fen: int
    execution_date: date
    clause: str


@dataclass(frozen=True, slots=True)
class Receivable:
    """Money that somebody has and is not due: more was replaced on the bill than is paid beside it.

    `amount_fen` is greater than 0: no payment is ever negative.
    """

    receivable: str
    settlement: str
    debtor: Party
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What a settlement does not record of its payments: the clause of each stage, and the day."""

    clauses: dict[str, str]
    execution_date: date


def end_to_end_reference(order: str) -> str:
    """Return the UETR of an order: the same for the same order, everywhere and for ever.

    ISO 20022 admits only the form of a version 4 UUID (its pattern has a 4 in the thirteenth
    place), so the digest of a version 5 UUID is written in that form.

    >>> end_to_end_reference("999913c2f4-P02")
    '86c05741-94cf-42a9-a781-e18c0cdb9dc1'
    """
    return str(UUID(bytes=uuid5(_REFERENCES, order).bytes, version=4))


def payouts_of(settlement: Settlement, terms: Terms) -> tuple[list[PaymentOrder], list[Receivable]]:
    """Return what the payouts of a recorded settlement are to pay, and what is owed instead.

    Args:
        settlement: Recorded, and no cancel.
        terms: The clause behind each stage, and the first day on which to pay.
    """
    orders: list[PaymentOrder] = []
    owed: list[Receivable] = []
    for row in settlement.payers:
        payee = str(row["payee"])
        if payee in {BILL, Payee.ACCOUNT}:
            continue
        creditor = _creditor(settlement, PartyType(payee))
        due_fen = _fen(row, "paid_fen") - _fen(row, "replaced_fen")
        if due_fen > 0:
            orders.append(_order(OrderKind.PAYOUT, settlement, row, creditor, due_fen, terms))
        elif due_fen < 0:
            own_id = str(settlement.columns["settlement"])
            name = f"{own_id}-D{_fen(row, 'position'):02d}"
            owed.append(Receivable(name, own_id, creditor, -due_fen))
    return orders, owed


def reimbursement_of(settlement: Settlement, terms: Terms) -> list[PaymentOrder]:
    """Return orders to the person for what others pay of a bill that the person has paid in full.

    That is every share but the hospital's own, which nobody has advanced, and the cash.
    """
    person = _creditor(settlement, PartyType.PERSON)
    return [
        _order(OrderKind.REIMBURSEMENT, settlement, row, person, paid_fen, terms)
        for row in settlement.payers
        if row["payee"] == BILL
        and row["payer"] != INSTITUTION_SHARE
        and (paid_fen := _fen(row, "paid_fen")) > 0
    ]


def refund_of(settlement: Settlement, cancel: str, execution_date: date) -> PaymentOrder | None:
    """Return the order to give back the cash of a cancelled settlement; None where it had none.

    The institution took the cash, so it pays.
    """
    cash_fen = settlement.fen("cash_fen")
    if cash_fen == 0:
        return None
    own_id = str(settlement.columns["settlement"])
    return PaymentOrder(
        order=f"{own_id}-{_LETTERS[OrderKind.REFUND]}00",
        kind=OrderKind.REFUND,
        settlement=own_id,
        stage="cash",
        debtor=_creditor(settlement, PartyType.INSTITUTION),
        creditor=_creditor(settlement, PartyType.PERSON),
        amount_fen=cash_fen,
        execution_date=execution_date,
        clause=f"cash of a settlement that {cancel} took back",
    )


def _order(
    kind: OrderKind,
    settlement: Settlement,
    row: Row,
    creditor: Party,
    amount_fen: int,
    terms: Terms,
) -> PaymentOrder:
    own_id = str(settlement.columns["settlement"])
    stage = str(row["stage"])
    name = f"{own_id}-{_LETTERS[kind]}{_fen(row, 'position'):02d}"
    assert len(name) <= limits.END_TO_END_CHARS_MAX, name
    return PaymentOrder(
        order=name,
        kind=kind,
        settlement=own_id,
        stage=stage,
        debtor=Party(PartyType.FUND, creditor.pooling_area, str(row["payer"])),
        creditor=creditor,
        amount_fen=amount_fen,
        execution_date=terms.execution_date,
        clause=terms.clauses.get(stage, ""),
    )


def _creditor(settlement: Settlement, kind: PartyType) -> Party:
    columns = settlement.columns
    token = columns["institution"] if kind is PartyType.INSTITUTION else columns["person"]
    return Party(kind, str(columns["pooling_area"]), str(token))


def _fen(row: Row, column: str) -> int:
    value = row[column]
    assert isinstance(value, int)
    return value
