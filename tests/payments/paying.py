"""Settlements with payouts in an invented area, stores of their orders, and invented accounts."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

from medsettle.core.settlement import Settlement
from medsettle.engine import Engine
from medsettle.payments.accounts import COLUMNS, BankAccount
from medsettle.payments.batches import Exporter
from medsettle.payments.order_store import OrderStore
from medsettle.payments.orders import Party, PartyType, PaymentOrder, Terms

from tests.engine.engines import engine_on

AREA = "999913"
SHAPES = Path(__file__).parents[2] / "fixtures" / "policies" / "shapes"
DAY = date(2024, 3, 10)
TODAY = date(2024, 3, 12)
MOMENT = datetime(2024, 3, 12, 1, 2, 3, 456, tzinfo=UTC)
FUND = Party(PartyType.FUND, AREA, "pooled_fund")
HOSPITAL = Party(PartyType.INSTITUTION, AREA, "H1")


def person(number: int = 1) -> Party:
    """Return the person of claim `number`."""
    return Party(PartyType.PERSON, AREA, f"P{number}")


def line(amount_fen: int) -> dict[str, object]:
    """Return a line of one unit of class A at this price."""
    return {
        "line_id": "1",
        "item_code": "009902000001000990200000100",
        "fee_date": DAY,
        "quantity_e4": 10_000,
        "unit_price_e6": amount_fen * 10_000,
        "amount_fen": amount_fen,
        "approval": None,
    }


def claim(number: int, visit_type: str, insurance_type: str, **facts: object) -> dict[str, Any]:
    """Return claim `number`, of a person of its own, without a bill."""
    row: dict[str, Any] = {
        "request_id": f"R{number}",
        "institution": "H1",
        "institution_settlement": None,
        "pooling_area": AREA,
        "person": f"P{number}",
        "insurance_type": insurance_type,
        "visit_type": visit_type,
        "person_type": "1501" if insurance_type == "390" else "1101",
        "institution_level": "02",
        "birth_date": date(1992, 5, 1),
        "admission_date": DAY,
        "service_date": DAY,
        "benefit_groups": [],
        "account_used": True,
        "lines": [],
    }
    return row | facts


def delivery(number: int, amount_fen: int = 400_000) -> dict[str, Any]:
    """Return a caesarean: 5,000 to the hospital in place of the fund's share, 800 to the mother."""
    return claim(number, "52", "390", delivery="2", children=1, lines=[line(amount_fen)])


def allowance(number: int) -> dict[str, Any]:
    """Return an allowance of 98 days at 8,000 a month, without a bill: 26,133.33."""
    return claim(number, "52", "510", delivery="1", children=1, wage_base_fen=800_000)


@contextmanager
def engine_with_payouts(folder: Path) -> Iterator[Engine]:
    """Yield an engine of the invented area, its ledger in a folder."""
    with engine_on(folder, SHAPES) as engine:
        yield engine


def clauses_of(_settlement: Settlement) -> dict[str, str]:
    """Return the clause behind the payouts that tests look at."""
    return {"package": "包干价 (invented)", "lump": "一次性补助 (invented)"}


def terms_of(settlement: Settlement) -> Terms:
    """Return the clauses of a settlement and the usual day."""
    return Terms(clauses_of(settlement), DAY)


def collect(store: OrderStore, engine: Engine) -> int:
    """Follow the ledger of an engine to its end."""
    return store.collect(engine.ledger, clauses_of, DAY)


def exporter(store: OrderStore) -> Exporter:
    """Return an exporter into a folder beside the store."""
    return Exporter(store, store.folder / "out", "Invented agency")


def accounts_of(*parties: Party, seed: int = 1) -> dict[Party, BankAccount]:
    """Return an invented account for each party, the same for the same seed."""
    rng = Random(seed)
    return {
        party: BankAccount(
            account=f"{rng.randrange(10**18):019d}",
            name=f"示例{party.token}",
            bank=f"999{rng.randrange(10**9):09d}",
        )
        for party in parties
    }


def order(number: int, amount_fen: int, **changes: object) -> PaymentOrder:
    """Return an order of settlement `number` to the person of its own."""
    values: dict[str, Any] = {
        "order": f"{AREA}{number:020d}-P03",
        "kind": "payout",
        "settlement": f"{AREA}{number:020d}",
        "stage": "lump",
        "debtor": FUND,
        "creditor": person(number),
        "amount_fen": amount_fen,
        "execution_date": DAY,
        "clause": "一次性补助 (invented)",
    }
    return PaymentOrder(**values | changes)


def write_accounts(path: Path, accounts: dict[Party, BankAccount]) -> Path:
    """Write an accounts file, marked as invented, and return its path."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("# All accounts are invented.\n")
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for party, account in accounts.items():
            cells = (party.type, party.pooling_area, party.token)
            rows.writerow([*cells, account.account, account.name, account.bank])
    return path
