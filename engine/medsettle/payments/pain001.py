"""A batch of payment orders as ISO 20022 customer credit transfer initiation, `pain.001.001.09`.

Elements stand in the order of the published message: a group header, then a payment information for
each debtor and day, then its credit transfers. Amounts are written as text from whole fen. The same
batch gives the same bytes.

Source: ISO 20022, message definition CustomerCreditTransferInitiationV09, and the external code
sets for `CNAPS` (clearing system) and `SSBE` (social security benefit).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Final
from xml.etree import ElementTree as ET

from medsettle import limits
from medsettle.core.money import FEN_PER_YUAN
from medsettle.payments.accounts import BankAccount
from medsettle.payments.orders import (
    Party,
    PartyType,
    PaymentOrder,
    end_to_end_reference,
)

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
CURRENCY: Final = "CNY"

# What XML 1.0 cannot carry, not even escaped.
_UNWRITABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Transfer:
    """An order with the accounts it runs between, and the day on which the bank is asked to pay."""

    order: PaymentOrder
    debtor: BankAccount
    creditor: BankAccount
    day: date

    @property
    def group(self) -> tuple[Party, date]:
        """Whose account it leaves, and when: what one payment information has in common."""
        return self.order.debtor, self.day


def decimal_text(fen: int) -> str:
    """Return fen as the decimal number of yuan that ISO 20022 writes: a point and no commas.

    >>> decimal_text(123456789), decimal_text(5)
    ('1234567.89', '0.05')
    """
    assert 0 < fen <= limits.CONTROL_SUM_FEN_MAX, fen
    whole, part = divmod(fen, FEN_PER_YUAN)
    return f"{whole}.{part:02d}"


def initiation(
    message_id: str, moment: datetime, initiator: str, transfers: Iterable[Transfer]
) -> bytes:
    """Return the message that asks a bank for these transfers.

    Args:
        message_id: Unique for ever at the bank, at most END_TO_END_CHARS_MAX characters less three.
        moment: When the batch was made, with a time zone.
        initiator: Who asks, at most PARTY_NAME_CHARS_MAX characters.
        transfers: At least one; they are sorted here by debtor, day and order.
    """
    ordered = sorted(transfers, key=lambda each: (*each.group, each.order.order))
    document = ET.Element("Document", {"xmlns": NAMESPACE})
    root = ET.SubElement(document, "CstmrCdtTrfInitn")
    header = ET.SubElement(root, "GrpHdr")
    _text(header, "MsgId", message_id)
    _text(header, "CreDtTm", f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
    _sums(header, ordered)
    _text(ET.SubElement(header, "InitgPty"), "Nm", initiator)
    for number, (_, group) in enumerate(groupby(ordered, lambda each: each.group), 1):
        _payment_information(root, f"{message_id}-{number}", list(group))
    ET.indent(document, " ")
    written: bytes = ET.tostring(document, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _payment_information(root: ET.Element, name: str, transfers: list[Transfer]) -> None:
    first = transfers[0]
    part = ET.SubElement(root, "PmtInf")
    _text(part, "PmtInfId", name)
    _text(part, "PmtMtd", "TRF")
    _sums(part, transfers)
    if first.order.debtor.type is PartyType.FUND:
        _text(_path(part, "PmtTpInf", "CtgyPurp"), "Cd", "SSBE")
    _text(ET.SubElement(part, "ReqdExctnDt"), "Dt", first.day.isoformat())
    _party(part, "Dbtr", first.order.debtor, first.debtor)
    _text(_path(part, "DbtrAcct", "Id", "Othr"), "Id", first.debtor.account)
    _agent(part, "DbtrAgt", first.debtor)
    # The payee gets what was settled, so the fund bears what the bank charges.
    _text(part, "ChrgBr", "DEBT")
    for transfer in transfers:
        _credit_transfer(part, transfer)


def _credit_transfer(part: ET.Element, transfer: Transfer) -> None:
    order = transfer.order
    element = ET.SubElement(part, "CdtTrfTxInf")
    names = ET.SubElement(element, "PmtId")
    _text(names, "InstrId", order.order)
    _text(names, "EndToEndId", order.order)
    _text(names, "UETR", end_to_end_reference(order.order))
    amount = _text(ET.SubElement(element, "Amt"), "InstdAmt", decimal_text(order.amount_fen))
    amount.set("Ccy", CURRENCY)
    _agent(element, "CdtrAgt", transfer.creditor)
    _party(element, "Cdtr", order.creditor, transfer.creditor)
    _text(_path(element, "CdtrAcct", "Id", "Othr"), "Id", transfer.creditor.account)
    remittance = ET.SubElement(element, "RmtInf")
    _text(remittance, "Ustrd", _line(f"{order.settlement} {order.kind} {order.stage}"))
    if order.clause:
        _text(remittance, "Ustrd", _line(order.clause))


def _sums(element: ET.Element, transfers: list[Transfer]) -> None:
    _text(element, "NbOfTxs", str(len(transfers)))
    _text(element, "CtrlSum", decimal_text(sum(each.order.amount_fen for each in transfers)))


def _party(element: ET.Element, tag: str, party: Party, account: BankAccount) -> None:
    """Add a party by the name of its account; whoever is no person or employer also by its token.

    The token of a person stays with us: the bank knows its customer by the account.
    """
    found = ET.SubElement(element, tag)
    _text(found, "Nm", account.name)
    if party.type in {PartyType.FUND, PartyType.INSTITUTION, PartyType.FISCAL}:
        token = f"{party.pooling_area}-{party.token}"
        if len(token) <= limits.END_TO_END_CHARS_MAX:
            _text(_path(found, "Id", "OrgId", "Othr"), "Id", token)


def _agent(element: ET.Element, tag: str, account: BankAccount) -> None:
    member = _path(element, tag, "FinInstnId", "ClrSysMmbId")
    _text(ET.SubElement(member, "ClrSysId"), "Cd", "CNAPS")
    _text(member, "MmbId", account.bank)


def _path(element: ET.Element, *tags: str) -> ET.Element:
    for tag in tags:
        element = ET.SubElement(element, tag)
    return element


def _text(element: ET.Element, tag: str, text: str) -> ET.Element:
    added = ET.SubElement(element, tag)
    added.text = _UNWRITABLE.sub("\ufffd", text)
    return added


def _line(text: str) -> str:
    """Return a text in one line of what a remittance information may hold, cut with a mark."""
    line = " ".join(text.split())
    most = limits.REMITTANCE_CHARS_MAX
    return line if len(line) <= most else f"{line[: most - 1]}…"
