"""Claims of many persons as messages, and what each answer must hold.

Items are taken from the catalogue of an area as it lies in the file: those without a ceiling, a
special pot or a restriction. What is own expense and what is paid first follows from class and
ratio alone, so that an answer can be checked without the engine.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from google.type.date_pb2 import Date  # type: ignore[import-untyped]
from medsettle.core.schema import claim_schema
from medsettle.v1 import settlement_service_pb2 as settlements

RULES: Final = Path(__file__).parents[2] / "rules"
AREA: Final = "330100"
_DAY: Final = date(2024, 5, 20)
_SEED: Final = 20_240_501
# Different bills; a claim takes one of them by its number. Fewer would flatter what compresses.
_BILLS: Final = 2_048
_CLASS_C: Final = "03"
# Odd, so that it meets every person; numbers near one another are persons far apart.
_STRIDE: Final = 2_654_435_761
_AMOUNT_FEN_MEDIAN: Final = 4_000
_LINE_FEN_MAX: Final = 1_000_000
_PERCENT: Final = 100


class Item(NamedTuple):
    """What a line of an item comes to: all own expense, or a part of it paid first."""

    code: str
    own_expense: bool
    pre_self_pay_percent: int


class Line(NamedTuple):
    """One line of one unit."""

    item: Item
    amount_fen: int

    @property
    def own_expense_fen(self) -> int:
        """Return what is outside the catalogue."""
        return self.amount_fen if self.item.own_expense else 0

    @property
    def pre_self_pay_fen(self) -> int:
        """Return what is paid first, half a fen rounded up."""
        if self.item.own_expense:
            return 0
        return (self.amount_fen * self.item.pre_self_pay_percent + _PERCENT // 2) // _PERCENT


def read_items(catalogue: Path, day: date = _DAY) -> list[Item]:
    """Return the plain items of a catalogue that are valid on a day.

    Raises:
        ValueError: There is none.
    """
    found = []
    with catalogue.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            ceilings = any(row[f"ceiling_level_{level}_yuan"] for level in (1, 2, 3))
            until = row["valid_until"] or "9999-12-31"
            valid = row["valid_from"] <= day.isoformat() < until
            if valid and not ceilings and not row["pot"] and row["restricted"] == "no":
                own = row["item_class"] == _CLASS_C
                found.append(Item(row["item_code"], own, int(row["pre_self_pay_310_percent"])))
    if not found:
        raise ValueError(f"{catalogue} has no plain item valid on {day}; name another area")
    return found


@dataclass(frozen=True, slots=True)
class Bills:
    """The bills that claims are made from, and where and for how many persons.

    `area` is the place of care, whose catalogue the items are of; persons are insured there too,
    unless `insured` names another area. Two runs against one server need different values of
    `run`, which begins the request ids.
    """

    bills: Sequence[Sequence[Line]]
    area: str
    persons: int
    run: str
    insured: str = ""

    def lines(self, number: int) -> Sequence[Line]:
        """Return the lines of claim `number`."""
        return self.bills[number % len(self.bills)]

    def person(self, number: int) -> str:
        """Return the person of claim `number`."""
        return f"P{number * _STRIDE % 2**32 % self.persons}"

    def request_id(self, number: int) -> str:
        """Return the request id of claim `number`."""
        return f"{self.run}-{number}"


def draw_bills(
    run: str,
    *,
    lines: int = 30,
    persons: int = 100_000,
    area: str = AREA,
    rules: Path = RULES,
    insured: str = "",
) -> Bills:
    """Return bills of so many lines over the catalogue of an area.

    Raises:
        ValueError: The catalogue has no item to draw.
        OSError: It cannot be read.
    """
    return Bills(_drawn(lines, area, rules), area, persons, run, insured)


@lru_cache(maxsize=4)
def _drawn(lines: int, area: str, rules: Path) -> list[list[Line]]:
    items = read_items(rules / area / "catalogue.csv")
    random = np.random.default_rng(_SEED)
    drawn = []
    for _ in range(_BILLS):
        chosen = random.integers(0, len(items), lines).tolist()
        amounts = _AMOUNT_FEN_MEDIAN * np.exp(random.normal(0, 1, lines))
        fen = np.clip(amounts.astype(np.int64), 1, _LINE_FEN_MAX).tolist()
        drawn.append([Line(items[at], each) for at, each in zip(chosen, fen, strict=True)])
    return drawn


def requests(bills: Bills) -> Iterator[bytes]:
    """Yield the request of claim 0, 1, 2 and so on, ready to send."""
    templates = [_request(bills, number) for number in range(len(bills.bills))]
    number = 0
    while True:
        request = templates[number % len(templates)]
        request.claim.request_id = bills.request_id(number)
        request.claim.person = bills.person(number)
        yield request.SerializeToString()
        number += 1


def _request(bills: Bills, number: int) -> settlements.CreateSettlementRequest:
    facts = row(bills, number)
    day = Date(year=_DAY.year, month=_DAY.month, day=_DAY.day)
    lines = [
        settlements.ClaimLine(
            line_id=str(position),
            item_code=line.item.code,
            fee_date=day,
            quantity_e4=10_000,
            unit_price_e6=line.amount_fen * 10_000,
            amount_fen=line.amount_fen,
        )
        for position, line in enumerate(bills.lines(number))
    ]
    fixed: dict[str, Any] = {
        name: value for name, value in facts.items() if isinstance(value, str | bool)
    }
    birth = Date(year=1980, month=1, day=1)
    claim = settlements.Claim(
        **fixed, birth_date=birth, admission_date=day, service_date=day, lines=lines
    )
    if bills.insured:
        claim.filing_date.CopyFrom(day)
    return settlements.CreateSettlementRequest(claim=claim)


def row(bills: Bills, number: int) -> dict[str, object]:
    """Return claim `number` as a row keyed by the columns of a claim."""
    lines = [
        {
            "line_id": str(position),
            "item_code": line.item.code,
            "fee_date": _DAY,
            "quantity_e4": 10_000,
            "unit_price_e6": line.amount_fen * 10_000,
            "amount_fen": line.amount_fen,
        }
        for position, line in enumerate(bills.lines(number))
    ]
    elsewhere: dict[str, object] = {}
    if bills.insured:
        elsewhere = {"care_area": bills.area, "filing": "long_term", "filing_date": _DAY}
    return {
        "request_id": bills.request_id(number),
        "institution": "H-BENCH",
        "pooling_area": bills.insured or bills.area,
        "person": bills.person(number),
        "insurance_type": "310",
        "visit_type": "21",
        "person_type": "1101",
        "institution_level": "02",
        "birth_date": date(1980, 1, 1),
        "admission_date": _DAY,
        "service_date": _DAY,
        "account_used": True,
        "lines": lines,
        **elsewhere,
    }


def stream(bills: Bills, numbers: range) -> bytes:
    """Return claims as the Arrow stream of one `SettleClaims` message."""
    table = pa.Table.from_pylist([row(bills, number) for number in numbers], claim_schema())
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content
