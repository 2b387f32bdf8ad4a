"""Reads a payment file without the code that wrote it: what a bank's parser would see."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

_NAMESPACE = "{urn:iso:std:iso:20022:tech:xsd:pain.001.001.09}"


@dataclass(frozen=True)
class Paid:
    """One credit transfer of a file: names as on the wire, the amount as decimal yuan."""

    end_to_end: str
    reference: str
    amount: Decimal
    currency: str
    debtor_account: str
    creditor_account: str
    creditor_bank: str
    day: str
    remittance: tuple[str, ...]


@dataclass(frozen=True)
class Message:
    """A payment file: header values, and the transfers of each payment information."""

    message_id: str
    count: int
    control_sum: Decimal
    groups: tuple[tuple[int, Decimal, tuple[Paid, ...]], ...]

    @property
    def transfers(self) -> tuple[Paid, ...]:
        """All transfers in the order of the file."""
        return tuple(paid for _, _, group in self.groups for paid in group)


def root_of(content: bytes) -> ET.Element:
    """Return the root element of a file that we wrote."""
    return ET.fromstring(content)  # noqa: S314 - our own file, in a test


def tag(element: ET.Element) -> str:
    """Return the name of an element without its name space, which must be the message's."""
    assert element.tag.startswith(_NAMESPACE), element.tag
    return element.tag.removeprefix(_NAMESPACE)


def _at(element: ET.Element, path: str) -> str:
    found = element.findall("/".join(f"{_NAMESPACE}{part}" for part in path.split("/")))
    assert len(found) == 1, (path, len(found))
    assert found[0].text
    return found[0].text


def read(path: Path) -> Message:
    """Return what a payment file says."""
    return read_bytes(path.read_bytes())


def read_bytes(content: bytes) -> Message:
    """Return what the bytes of a payment file say."""
    (initiation,) = root_of(content)
    header, *parts = initiation
    groups = []
    for part in parts:
        paid = tuple(_paid(part, each) for each in part.findall(f"{_NAMESPACE}CdtTrfTxInf"))
        groups.append((int(_at(part, "NbOfTxs")), Decimal(_at(part, "CtrlSum")), paid))
    return Message(
        _at(header, "MsgId"),
        int(_at(header, "NbOfTxs")),
        Decimal(_at(header, "CtrlSum")),
        tuple(groups),
    )


def _paid(part: ET.Element, transfer: ET.Element) -> Paid:
    (amount,) = transfer.findall(f"{_NAMESPACE}Amt/{_NAMESPACE}InstdAmt")
    remittance = transfer.findall(f"{_NAMESPACE}RmtInf/{_NAMESPACE}Ustrd")
    return Paid(
        end_to_end=_at(transfer, "PmtId/EndToEndId"),
        reference=_at(transfer, "PmtId/UETR"),
        amount=Decimal(amount.text or ""),
        currency=amount.attrib["Ccy"],
        debtor_account=_at(part, "DbtrAcct/Id/Othr/Id"),
        creditor_account=_at(transfer, "CdtrAcct/Id/Othr/Id"),
        creditor_bank=_at(transfer, "CdtrAgt/FinInstnId/ClrSysMmbId/MmbId"),
        day=_at(part, "ReqdExctnDt/Dt"),
        remittance=tuple(each.text or "" for each in remittance),
    )
