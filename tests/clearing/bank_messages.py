"""Messages of an invented bank, written from the message definitions and not by our code."""

from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from tests.clearing.notices_made import DEBTOR_ACCOUNT

NAMES = {"053": ("BkToCstmrStmt", "Stmt"), "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn")}


@dataclass(frozen=True)
class Line:
    """An entry with one transaction, as the bank tells it."""

    amount: str
    end_to_end: str
    reference: str = "REF1"
    indicator: str = "DBIT"
    currency: str = "CNY"
    status: str = "BOOK"
    reversal: str = ""
    returned: str = ""
    day: date = date(2024, 5, 20)

    def xml(self) -> str:
        """Return the entry."""
        reversal = f"<RvslInd>{self.reversal}</RvslInd>" if self.reversal else ""
        back = ""
        if self.returned:
            back = (
                f"<RtrInf><Rsn><Cd>{self.returned}</Cd></Rsn><AddtlInf>invented</AddtlInf></RtrInf>"
            )
        reference = f"<AcctSvcrRef>{self.reference}</AcctSvcrRef>" if self.reference else ""
        end = f"<EndToEndId>{self.end_to_end}</EndToEndId>" if self.end_to_end else ""
        return (
            f'<Ntry><Amt Ccy="{self.currency}">{self.amount}</Amt>'
            f"<CdtDbtInd>{self.indicator}</CdtDbtInd>{reversal}<Sts><Cd>{self.status}</Cd></Sts>"
            f"<ValDt><Dt>{self.day}</Dt></ValDt><BkTxCd/>"
            f"<NtryDtls><TxDtls><Refs>{reference}{end}</Refs>{back}</TxDtls></NtryDtls></Ntry>"
        )


@dataclass(frozen=True)
class Message:
    """A statement with one account; `changes` overrides what the header states."""

    lines: tuple[Line, ...]
    kind: str = "053"
    version: str = "08"
    message: str = "M1"
    statement: str = "ST1"
    account: str = DEBTOR_ACCOUNT
    opening: Decimal = Decimal("5000000.00")
    states: dict[str, str] = field(default_factory=dict)
    before: str = ""
    entries: str = ""

    def xml(self) -> bytes:
        """Return the message with a summary and balances that hold, unless `states` says else."""
        outer, inner = NAMES[self.kind]
        closing = self.opening + sum(
            Decimal(each.amount) * (1 if each.indicator == "CRDT" else -1)
            for each in self.lines
            if each.status == "BOOK"
        )
        total = sum((Decimal(each.amount) for each in self.lines), Decimal(0))
        debits = sum(
            (Decimal(each.amount) for each in self.lines if each.indicator == "DBIT"), Decimal(0)
        )
        told = {
            "count": str(len(self.lines)),
            "sum": str(total),
            "debits": str(debits),
            "opening": str(self.opening),
            "closing": str(closing),
        } | self.states
        balances = "".join(
            f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
            f'<Amt Ccy="CNY">{told[name]}</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
            "<Dt><Dt>2024-05-20</Dt></Dt></Bal>"
            for code, name in (("OPBD", "opening"), ("CLBD", "closing"))
        )
        entries = self.entries or "".join(each.xml() for each in self.lines)
        space = f"urn:iso:std:iso:20022:tech:xsd:camt.{self.kind}.001.{self.version}"
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>{self.before}<Document xmlns="{space}">'
            f"<{outer}><GrpHdr><MsgId>{self.message}</MsgId>"
            f"<CreDtTm>2024-05-21T00:00:00Z</CreDtTm></GrpHdr><{inner}><Id>{self.statement}</Id>"
            f"<Acct><Id><Othr><Id>{self.account}</Id></Othr></Id></Acct>{balances}"
            f"<TxsSummry><TtlNtries><NbOfNtries>{told['count']}</NbOfNtries>"
            f"<Sum>{told['sum']}</Sum>"
            f"</TtlNtries><TtlDbtNtries><Sum>{told['debits']}</Sum></TtlDbtNtries></TxsSummry>"
            f"{entries}</{inner}></{outer}></Document>"
        ).encode()

    def with_(self, **changes: object) -> "Message":
        """Return the same with other fields."""
        return replace(self, **changes)  # type: ignore[arg-type]
