"""Statements and notifications of a bank: ISO 20022 `camt.053` and `camt.054`.

Read is what matching needs: whose account, which entries, what each moved, by whose reference, and
whether it is a reversal or a return. Everything a message says twice is compared: numbers and sums
of entries, the amounts of a batch, and opening and closing balance. A message that contradicts
itself, or has a document type or an entity in it, is refused as a whole.

Source: ISO 20022, message definitions BankToCustomerStatement and BankToCustomerDebitCredit-
Notification, versions 08 to 10, which have in common all that is read here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final
from xml.etree import ElementTree as ET
from xml.parsers import expat

from medsettle import limits
from medsettle.clearing.notices.camt_values import (
    Direction,
    Totals,
    day_of,
    fen_of,
    shown,
    units_of,
)
from medsettle.errors import Fault, InvalidRequest

_NAMESPACE: Final = re.compile(
    r"\{urn:iso:std:iso:20022:tech:xsd:camt\.05([34])\.001\.(\d\d)\}", re.ASCII
)
_VERSIONS: Final = {"08", "09", "10"}
_ROOTS: Final = {"3": ("BkToCstmrStmt", "Stmt"), "4": ("BkToCstmrDbtCdtNtfctn", "Ntfctn")}
# A transaction of an entry may tell its amount among its details only, in its own currency.
_OF_TRANSACTION: Final = ("Amt", "AmtDtls/TxAmt/Amt")
_DIRECTIONS: Final = {"CRDT": Direction.CREDIT, "DBIT": Direction.DEBIT}


@dataclass(frozen=True, slots=True)
class BankEntry:
    """One movement of an account, or one transaction of an entry that has several.

    Attributes:
        place: Its place in the statement, from 1.
        reference: Of the bank; empty where it gives none.
        end_to_end: What the payer's message called it; empty where none is told.
        amount: As it stands in the message, such as `1041500.00`.
        amount_fen: The same in fen; None where it is no whole number of them.
        currency: Its code.
        direction: Which way it moved the balance.
        returned: Whether it takes an earlier movement back: a reversal or a return.
        reason: Why it came back: code and words of the bank.
        booked: Whether it is final; pending ones may still go.
        value_date: The day from which it counts.
    """

    place: int
    reference: str
    end_to_end: str
    amount: str
    amount_fen: int | None
    currency: str
    direction: Direction
    returned: bool
    reason: str
    booked: bool
    value_date: date


@dataclass(frozen=True, slots=True)
class BankStatement:
    """A statement (053) or notification (054) of one account."""

    message: str
    statement: str
    account: str
    entries: tuple[BankEntry, ...]


def read_statements(content: bytes, name: str) -> list[BankStatement]:
    """Return the statements of a message.

    Args:
        content: At most BANK_FILE_BYTES_MAX bytes.
        name: What faults call the file.

    Raises:
        InvalidRequest: It is too large, no XML, no such message, has a document type or entity, or
            contradicts itself; all faults of the first kind that is found.
    """
    most = limits.BANK_FILE_BYTES_MAX
    if len(content) > most:
        raise InvalidRequest([Fault(name, f"has {len(content)} bytes, at most {most}; split it")])
    _refuse_document_type(content, name)
    try:
        root = ET.fromstring(content)  # noqa: S314 - without a document type nothing is expanded
    except (ET.ParseError, LookupError, ValueError) as error:
        raise InvalidRequest([Fault(name, f"is no XML that can be read: {error}")]) from error
    return _Reader(name, root).statements()


class _DocumentType(Exception):
    """A document type stands before the root element."""


class _Reached(Exception):
    """The root element was reached, and nothing can declare an entity any more."""


def _refuse_document_type(content: bytes, name: str) -> None:
    parser = expat.ParserCreate()

    def declared(*_: object) -> None:
        raise _DocumentType

    def reached(*_: object) -> None:
        raise _Reached

    parser.StartDoctypeDeclHandler = declared
    parser.StartElementHandler = reached
    try:
        parser.Parse(content, True)
    except _DocumentType as error:
        message = "has a document type; a bank's message needs none, so nothing of it is read"
        raise InvalidRequest([Fault(name, message)]) from error
    except _Reached:
        return
    except (expat.ExpatError, LookupError, ValueError) as error:
        # Of an encoding that it does not know the parser raises what codecs do.
        raise InvalidRequest([Fault(name, f"is no XML that can be read: {error}")]) from error


class _Reader:
    """Reads one message; gathers everything that is wrong with it."""

    def __init__(self, name: str, root: ET.Element) -> None:
        self._name = name
        self._root = root
        found = _NAMESPACE.match(root.tag)
        if found is None or found[2] not in _VERSIONS or root.tag[found.end() :] != "Document":
            shown = root.tag[: limits.VALUE_CHARS_SHOWN_MAX]
            versions = ", ".join(sorted(_VERSIONS))
            raise InvalidRequest(
                [
                    Fault(
                        name,
                        f"begins with {shown}; expected a Document of camt.053.001 or "
                        f"camt.054.001, version {versions}",
                    )
                ]
            )
        self._space = found[0]
        self._outer, self._inner = _ROOTS[found[1]]
        self._faults: list[Fault] = []

    def statements(self) -> list[BankStatement]:
        """Return what the message holds, or raise all its faults."""
        body = self._root.find(f"{self._space}{self._outer}")
        if body is None:
            raise InvalidRequest([Fault(self._name, f"has no {self._outer}")])
        message = self._name_at(body, "GrpHdr/MsgId")
        found = [self._statement(message, each) for each in self._all(body, self._inner)]
        if not found:
            self._refuse(self._inner, "is missing; the message states nothing")
        if not message:
            self._refuse("GrpHdr/MsgId", "is missing")
        names = [(each.account, each.statement) for each in found]
        if len(names) != len(set(names)):
            self._refuse(self._inner, "has the same account and Id twice")
        if self._faults:
            raise InvalidRequest(self._faults)
        return found

    def _statement(self, message: str, element: ET.Element) -> BankStatement:
        name = self._name_at(element, "Id")
        where = f"{self._inner} {name or '?'}"
        account = self._name_at(element, "Acct/Id/IBAN") or self._name_at(
            element, "Acct/Id/Othr/Id"
        )
        if not name or not account:
            self._refuse(where, "lacks Id or account")
        entries: list[BankEntry] = []
        totals = Totals()
        for entry in self._all(element, "Ntry"):
            entries += self._entry(f"{where} Ntry {totals.count + 1}", entry, totals, len(entries))
            if len(entries) > limits.BANK_ENTRIES_MAX:
                most = limits.BANK_ENTRIES_MAX
                raise InvalidRequest([Fault(where, f"has more than {most} entries; split it")])
        self._compare(where, element, totals)
        return BankStatement(message, name, account, tuple(entries))

    def _entry(
        self, where: str, entry: ET.Element, totals: Totals, before: int
    ) -> Iterator[BankEntry]:
        """Yield an entry, or each transaction of it, and add it to the totals."""
        amount, currency = self._amount(where, entry)
        direction = self._direction(where, entry)
        status = self._text(entry, "Sts/Cd") or self._text(entry, "Sts/Prtry")
        day = self._day(where, entry)
        if amount is None or direction is None or day is None:
            totals.count += 1
            return
        booked = status == "BOOK"
        totals.add(amount, direction, booked=booked)
        reversal = self._text(entry, "RvslInd") in {"true", "1"}
        details = self._details(where, entry)
        parts = details if len(details) > 1 else [details[0] if details else entry]
        sum_units, currencies = 0, {currency}
        for at, part in enumerate(parts, 1):
            own, own_currency = (
                self._amount(f"{where} TxDtls {at}", part, _OF_TRANSACTION)
                if len(parts) > 1
                else (amount, currency)
            )
            if own is None:
                return
            sum_units += own
            currencies.add(own_currency)
            back = part.find(self._path("RtrInf"))
            yield BankEntry(
                place=before + at,
                reference=self._reference(entry, part, alone=len(parts) == 1),
                end_to_end=self._end_to_end(part),
                amount=shown(own),
                amount_fen=fen_of(own),
                currency=own_currency,
                direction=direction,
                returned=reversal or back is not None,
                reason="" if back is None else self._reason(back),
                booked=booked,
                value_date=day,
            )
        # What is told in another currency than the entry does not add up to it.
        if sum_units != amount and currencies == {currency}:
            self._refuse(
                where, f"is {shown(amount)}, and its transactions add up to {shown(sum_units)}"
            )

    def _details(self, where: str, entry: ET.Element) -> list[ET.Element]:
        """Return the transactions of an entry; each batch has as many as it states."""
        found = []
        for part in self._all(entry, "NtryDtls"):
            details = self._all(part, "TxDtls")
            told = self._text(part, "Btch/NbOfTxs")
            if told and details and told != str(len(details)):
                self._refuse(where, f"states {told} transactions, and there are {len(details)}")
            found += details
        return found

    def _reference(self, entry: ET.Element, part: ET.Element, *, alone: bool) -> str:
        """Return the bank's own reference; that of the entry only where it is one transaction.

        The number of an entry (NtryRef) is none: it begins anew with each statement.
        """
        own = self._name_at(part, "Refs/AcctSvcrRef")
        return own if own or not alone else self._name_at(entry, "AcctSvcrRef")

    def _end_to_end(self, part: ET.Element) -> str:
        text = self._name_at(part, "Refs/EndToEndId")
        return "" if text == "NOTPROVIDED" else text

    def _reason(self, back: ET.Element) -> str:
        code = self._text(back, "Rsn/Cd") or self._text(back, "Rsn/Prtry")
        words = " ".join(each.text or "" for each in self._all(back, "AddtlInf"))
        return f"{code} {words}".strip()[: limits.CLEARING_TEXT_CHARS_MAX]

    def _compare(self, where: str, element: ET.Element, totals: Totals) -> None:
        """Compare the entries with the summary of the message and with its balances."""
        summary = element.find(self._path("TxsSummry"))
        if summary is not None:
            for tag, count, units in (
                ("TtlNtries", totals.count, totals.credit + totals.debit),
                ("TtlCdtNtries", totals.credit_count, totals.credit),
                ("TtlDbtNtries", totals.debit_count, totals.debit),
            ):
                self._compare_sum(f"{where} {tag}", summary.find(self._path(tag)), count, units)
        balances = {
            self._text(each, "Tp/CdOrPrtry/Cd"): self._signed(where, each)
            for each in self._all(element, "Bal")
        }
        first = balances.get("OPBD", balances.get("PRCD"))
        last = balances.get("CLBD")
        if first is not None and last is not None and first + totals.booked != last:
            self._refuse(
                where,
                f"opens with {shown(first)}, books {shown(totals.booked)} and closes with "
                f"{shown(last)}, which do not add up",
            )

    def _compare_sum(self, where: str, stated: ET.Element | None, count: int, units: int) -> None:
        if stated is None:
            return
        told = self._text(stated, "NbOfNtries")
        if told and told != str(count):
            self._refuse(where, f"states {told} entries, and there are {count}")
        sum_text = self._text(stated, "Sum")
        if sum_text and units_of(sum_text) != units:
            self._refuse(where, f"states the sum {sum_text}, and they add up to {shown(units)}")

    def _signed(self, where: str, balance: ET.Element) -> int | None:
        amount, _ = self._amount(f"{where} Bal", balance)
        direction = self._direction(f"{where} Bal", balance)
        if amount is None or direction is None:
            return None
        return amount if direction is Direction.CREDIT else -amount

    def _amount(
        self, where: str, element: ET.Element, paths: tuple[str, ...] = ("Amt",)
    ) -> tuple[int | None, str]:
        """Return the first amount of some paths in units of 1/100,000, and its currency."""
        told = (element.find(self._path(path)) for path in paths)
        found = next((each for each in told if each is not None), None)
        text = "" if found is None else (found.text or "").strip()
        units = units_of(text)
        if units is None or found is None:
            shown = text[: limits.VALUE_CHARS_SHOWN_MAX]
            self._refuse(where, f"has the amount {shown!r}; expected one such as 1041500.00")
            return None, ""
        return units, found.get("Ccy", "")

    def _direction(self, where: str, element: ET.Element) -> Direction | None:
        text = self._text(element, "CdtDbtInd")
        if text not in _DIRECTIONS:
            self._refuse(where, f"has the indicator {text!r}; expected CRDT or DBIT")
            return None
        return _DIRECTIONS[text]

    def _day(self, where: str, entry: ET.Element) -> date | None:
        for path in ("ValDt/Dt", "ValDt/DtTm", "BookgDt/Dt", "BookgDt/DtTm"):
            if (text := self._text(entry, path)) and (day := day_of(text)) is not None:
                return day
        self._refuse(where, "has neither a value date nor a booking date")
        return None

    def _refuse(self, where: str, message: str) -> None:
        if len(self._faults) < limits.FAULTS_PER_CLAIM_MAX:
            self._faults.append(Fault(f"{self._name} {where}", message))

    def _text(self, element: ET.Element, path: str) -> str:
        found = element.find(self._path(path))
        return "" if found is None else (found.text or "").strip()

    def _name_at(self, element: ET.Element, path: str) -> str:
        """Return a text by which something is known: at most Max35Text."""
        text = self._text(element, path)
        most = limits.END_TO_END_CHARS_MAX
        if len(text) > most:
            self._refuse(path, f"has {len(text)} characters, at most {most}")
        return text

    def _all(self, element: ET.Element, tag: str) -> list[ET.Element]:
        return element.findall(self._path(tag))

    def _path(self, path: str) -> str:
        return "/".join(f"{self._space}{tag}" for tag in path.split("/"))
