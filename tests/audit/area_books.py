"""Audit tables of two areas and a hub that hold the same settlements, and what is wrong in them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from pathlib import Path

import orjson
from medsettle.audit import Projector
from medsettle.audit.three_books import Book, Comparison, compare_books
from medsettle.core.columns import Kind
from medsettle.core.dates import day_number
from medsettle.core.schema import PAYER_DETAIL, SETTLEMENT
from medsettle.ledger import Entry, SqliteLedger

from tests.audit.records import CREATE_TIME_US, Row

AREA_A, AREA_B = "999941", "999942"
A, B, HUB = "a", "b", "national"
_DAY = date(2026, 3, 1)
_POOLED, _LARGE, _ACCOUNT = 70_000, 5_000, 2_000
TOTAL = 100_000
OWED = _POOLED + _LARGE + _ACCOUNT


@dataclass
class Settled:
    """One settlement as a book holds it; `sign` is -1 in what takes one back."""

    name: str
    home: str
    care: str
    sign: int = 1
    original: str | None = None
    columns: Row = field(default_factory=dict)
    shares: Mapping[str, Row] = field(default_factory=dict)

    def entry(self, side: str | None) -> Entry:
        """Return the ledger entry."""
        settlement: Row = {
            each.name: 0 if each.kind is Kind.FEN else f"{each.name}-1"
            for each in SETTLEMENT
            if each.required and each.kind in {Kind.FEN, Kind.CODE}
        }
        settlement |= {"admission_date": _DAY.isoformat(), "service_date": _DAY.isoformat()}
        settlement |= {
            **{"request_id": f"R-{self.name}", "insurance_type": "310", "visit_type": "21"},
            **{"pooling_area": self.home, "care_area": self.care, "side": side},
            **{"kind": "settle" if self.sign > 0 else "cancel", "original": self.original},
            **{"total_fen": TOTAL * self.sign, "in_scope_fen": TOTAL * self.sign},
            **{"pooled_fund_fen": _POOLED * self.sign, "large_amount_fen": _LARGE * self.sign},
            **{"fund_total_fen": (_POOLED + _LARGE) * self.sign},
            **{"account_fen": _ACCOUNT * self.sign, "cash_fen": (TOTAL - OWED) * self.sign},
            "person_total_fen": (TOTAL - _POOLED - _LARGE) * self.sign,
            **self.columns,
        }
        paid = {"pooled_fund": _POOLED, "large_amount": _LARGE, "account": _ACCOUNT}
        payers = [
            self._share(at, payer, fen * self.sign) for at, (payer, fen) in enumerate(paid.items())
        ]
        content = {"settlement": settlement, "payers": payers, "lines": [], "relatives": []}
        return Entry(
            kind="settle" if self.sign > 0 else "cancel",
            settlement=self.name,
            original=self.original,
            institution="H1",
            request_id=f"R-{self.name}",
            institution_settlement=None,
            pooling_area=self.home,
            person="P1",
            service_day=day_number(_DAY),
            content_digest=sha256(self.name.encode()).digest(),
            record=orjson.dumps(content),
        )

    def _share(self, position: int, payer: str, fen: int) -> Row:
        row: Row = {
            each.name: 0 if each.kind is Kind.FEN else None
            for each in PAYER_DETAIL
            if each.name not in {"seq", "settlement"}
        }
        row |= {"position": position, "stage": payer, "payer": payer, "paid_fen": fen}
        row |= {"fund_pay_type": f"F-{payer}", "care_fund_pay_type": f"C-{payer}", "payee": "bill"}
        return row | dict(self.shares.get(payer, {}))


@dataclass
class ThreeBooks:
    """What each of the three books holds; tests change it before it is compared."""

    folder: Path
    held: dict[str, dict[str, Settled]] = field(default_factory=lambda: {A: {}, B: {}, HUB: {}})

    def settle(self, name: str, home: str, care: str) -> None:
        """Let all three record a settlement."""
        for book in self.held.values():
            book[name] = Settled(name, home, care)

    def take_back(self, name: str) -> None:
        """Let all three record what takes one back, under its name with `-X`."""
        for book in self.held.values():
            first = book[name]
            book[f"{name}-X"] = Settled(f"{name}-X", first.home, first.care, -1, name)

    def local(self, name: str, area: str) -> None:
        """Let an area settle a claim of its own."""
        self.held[A if area == AREA_A else B][name] = Settled(name, area, area)

    def compared(self, *, hub: bool = True) -> Comparison:
        """Write the audit tables of all three and compare them."""
        *areas, national = self.written()
        return compare_books(areas, national if hub else None)

    def written(self) -> list[Book]:
        """Write the audit tables of both areas and the hub."""
        return [self._written(A, AREA_A), self._written(B, AREA_B), self._written(HUB)]

    def _written(self, name: str, *areas: str) -> Book:
        audit = self.folder / name / "audit"
        audit.parent.mkdir()
        with SqliteLedger(self.folder / name / "ledger.db") as ledger:
            held = self.held[name].values()
            ledger.append([each.entry(_side(each, areas)) for each in held], CREATE_TIME_US)
            with Projector(ledger, audit) as projector:
                projector.run_once()
        return Book(name, audit, areas)


def _side(settled: Settled, areas: tuple[str, ...]) -> str | None:
    if not areas:
        return "hub"
    return None if settled.home in areas else "care"
