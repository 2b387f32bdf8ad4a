"""Claims at an area of nowhere for the engine: its catalogue, and years of a few people's visits.

A claim states everything that random documents look at, mostly what some class lists; days run on
through the years and sometimes back, as claims that come late do.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from random import Random

from medsettle.core.columns import Kind
from medsettle.core.schema import CLAIM_AMOUNTS, VISIT_FACTS
from medsettle.core.settlement import Row
from medsettle.policy.catalogue import Catalogue

from tests.reference_lines import Item, reference_split
from tests.settle.edges import amount_at, stated_at
from tests.settle.nowhere import AREA, POTS, SPECIAL_POTS

_HEAD = (
    "item_code,name,list_type,charge_type,valid_from,valid_until,item_class,"
    "pre_self_pay_310_percent,ceiling_level_1_yuan,ceiling_level_2_yuan,ceiling_level_3_yuan,"
    "over_limit_as,pot,restricted"
)
_SINCE = date(2020, 1, 1)
_CEILINGS = ("", "40", "60.5", "80")


@dataclass(frozen=True)
class _Entry:
    """An item as the catalogue has it, and what a person would read there."""

    code: str
    item_class: str = "01"
    percent: int = 0
    ceilings: bool = False
    above: str = ""
    pot: str = ""
    restricted: bool = False

    def row(self) -> str:
        """Return its line of the catalogue."""
        ceilings = ",".join(_CEILINGS[1:] if self.ceilings else ("", "", ""))
        restricted = "yes" if self.restricted else "no"
        return (
            f"{self.code},item,201,01,1998-01-01,,{self.item_class},{self.percent},{ceilings},"
            f"{self.above},{self.pot},{restricted}"
        )

    def parts(self, line: Row, level: int) -> dict[str, int]:
        """Return what of a line falls into each pot, by the oracle of lines."""
        ceiling = Fraction(_CEILINGS[level]) if self.ceilings else None
        item = Item(
            self.item_class,
            Fraction(self.percent, 100),
            ceiling,
            self.above == "own_expense",
            self.restricted,
        )
        price, quantity, amount = (line[name] for name in _NUMBERS)
        assert isinstance(price, int)
        assert isinstance(quantity, int)
        assert isinstance(amount, int)
        price_yuan, units = Fraction(price, 1_000_000), Fraction(quantity, 10_000)
        split = reference_split(item, price_yuan, units, amount, str(line["approval"] or "0"))
        return dict(zip((*POTS[:3], self.pot or "in_scope"), split, strict=True))


_NUMBERS = ("unit_price_e6", "quantity_e4", "amount_fen")
_MOST_FEN = 10**8
_ITEMS = (
    _Entry("A"),
    _Entry("B", "02", 10),
    _Entry("L", "02", 15, ceilings=True, above="over_limit"),
    _Entry("O", ceilings=True, above="own_expense"),
    _Entry("C", "03", 100),
    _Entry("R", restricted=True),
    *(_Entry(f"P{number}", "02", 5, pot=pot) for number, pot in enumerate(SPECIAL_POTS)),
)


def load_catalogue(folder: Path) -> Catalogue:
    """Return the catalogue of nowhere, from a file in a folder."""
    path = folder / "catalogue.csv"
    path.write_text("\n".join([_HEAD, *(item.row() for item in _ITEMS)]) + "\n", encoding="utf-8")
    return Catalogue.load(path, AREA.lines)


def pots_of_claim(claim: Row) -> dict[str, int]:
    """Return what the lines of a claim leave in each pot."""
    level = 1 + next(
        number
        for number, codes in enumerate(AREA.price_levels)
        if claim["institution_level"] in codes
    )
    sums = dict.fromkeys(POTS, 0)
    lines: list[Row] = claim["lines"]  # type: ignore[assignment]
    for line in lines:
        (item,) = (each for each in _ITEMS if each.code == line["item_code"])
        for pot, fen in item.parts(line, level).items():
            sums[pot] += fen
    return sums


def claimed_of(claim: Row) -> dict[str, int]:
    """Return the amounts that a claim states beside its bill; nothing where it states none."""
    stated = {name: claim[f"{name}_fen"] for name in CLAIM_AMOUNTS}
    return {name: int(str(fen)) for name, fen in stated.items() if fen is not None}


@dataclass
class Visits:
    """Writes the claims of some people one after another."""

    random: Random
    edges: list[int]
    rule_dates: dict[str, str]
    persons: int
    count: int = 0
    day: date = _SINCE

    def next(self) -> Row:
        """Return the next claim; a thousand of them are some five years."""
        random, self.count = self.random, self.count + 1
        self.day += timedelta(days=random.choice((0, 0, 1, 1, 2, 3)))
        day = self.day - timedelta(days=random.choice((0, 0, 0, 1, 30, 200)))
        visit_type = random.choice(sorted(self.rule_dates))
        claim = {
            **stated_at(random, self.rule_dates[visit_type], _SINCE, max(day, _SINCE)),
            **self._facts(),
            "request_id": f"R{self.count}",
            "pooling_area": AREA.code,
            "person": f"P{random.randrange(self.persons)}",
            "insurance_type": "310",
            "visit_type": visit_type,
            "person_type": random.choice(("1101", "12", "14", "15", "13")),
            "institution_level": random.choice(("01", "02", "05", "10", "11")),
            "benefit_groups": random.choice(((), ("G1",), ("G1", "G2", "G9"))),
            "account_used": random.randrange(3) > 0,
        }
        return claim | {
            "lines": [self._line(number, claim) for number in range(random.randint(1, 3))]
        }

    def _line(self, number: int, claim: Row) -> Row:
        """Return a line whose price is an edge of the documents, or stands near a ceiling."""
        random = self.random
        item = random.choice(_ITEMS)
        price = min(amount_at(random, self.edges), _MOST_FEN) * 10_000
        quantity = 10_000
        if item.ceilings:
            price = random.choice((39_990_000, 40_000_000, 60_505_000, 80_010_000, 955_555_500))
            quantity = random.choice((10_000, 15_000, 70_000))
        return {
            "line_id": str(number),
            "item_code": item.code,
            "fee_date": claim["service_date"],
            "quantity_e4": quantity,
            "unit_price_e6": price,
            "amount_fen": (price * quantity + 50_000_000) // 100_000_000,
            "approval": random.choice((None, "0", "1", "2")),
        }

    def _facts(self) -> Row:
        """Return what a visit states besides dates and identifiers."""
        random = self.random
        codes = ("M1", "M10", "M2", "M29", "M1.M1", "X9")
        facts: Row = {
            "disease": random.choice((None, *codes)),
            "referral": random.choice((None, "1", "2", "2", "21", "9")),
            "filing": random.choice((None, "1", "2")),
            "care_area": random.choice((None, AREA.code)),
            "approved_diseases": random.sample(codes, random.choice((0, 0, 1, 2))),
        }
        for column in VISIT_FACTS:
            if column.kind is Kind.INTEGER:
                most = min(random.choice((2, 12, column.most)), column.most)
                facts[column.name] = random.choice((None, 0, random.randint(0, most)))
            if column.kind is Kind.FEN:
                fen = min(amount_at(random, self.edges), _MOST_FEN)
                facts[column.name] = random.choice((None, fen))
        return facts
