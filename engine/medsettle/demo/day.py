"""Invented claims: a day at a hospital and a pharmacy, the same ones for the same seed.

Nothing here knows an area: places, levels and items come with the `Scene`. Amounts have a heavy
tail in whole numbers (a price doubles with each toss of a coin), so that no float stands near
money; sizes of visits follow what hospitals and pharmacies send: 1-5 lines for an outpatient, 1-3
at a pharmacy, dozens for a stay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core.dates import day_number
from medsettle.core.money import E6_PER_FEN
from medsettle.core.settlement import Opening, Row
from medsettle.policy.catalogue import NO_CEILING, Catalogue

OUTPATIENT: Final = "11"
INPATIENT: Final = "21"
PHARMACY: Final = "41"

_DRUGS: Final = "101"
_E4_ONE: Final = 10_000
_STAY_DAYS_MAX: Final = 21
_SHARE: Final[dict[str, int]] = {OUTPATIENT: 55, PHARMACY: 30, INPATIENT: 15}


@dataclass(frozen=True, slots=True)
class Site:
    """A hospital or pharmacy: its code and its level in the dictionary of hospital levels."""

    institution: str
    level: str


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a day takes place, and who may come.

    `person_types` maps each person type to the first and last year of birth of its people; types
    are equally frequent. Every fifth person belongs to one of `benefit_groups`, if there are any.
    """

    pooling_area: str
    insurance_type: str
    hospital: Site
    pharmacy: Site
    catalogue: Catalogue
    seed: int
    person_count: int = 400
    person_types: Mapping[str, tuple[int, int]] = field(
        default_factory=lambda: {"1101": (1966, 2002), "1201": (1932, 1963)}
    )
    benefit_groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """An invented person: a token and what claims say about it."""

    person: str
    person_type: str
    birth_date: date
    benefit_groups: tuple[str, ...]
    account_fen: int


def people(scene: Scene) -> list[Person]:
    """Return everybody who may come, the same for every day of the scene."""
    random = np.random.default_rng([scene.seed, 1])
    types = list(scene.person_types.items())
    found = []
    for number in range(scene.person_count):
        person_type, (first, last) = types[int(random.integers(len(types)))]
        birth = date(int(random.integers(first, last + 1)), 1, 1)
        birth += timedelta(days=int(random.integers(365)))
        groups: tuple[str, ...] = ()
        if scene.benefit_groups and random.integers(5) == 0:
            groups = (str(random.choice(scene.benefit_groups)),)
        found.append(
            Person(f"P{number:06d}", person_type, birth, groups, heavy_tailed_fen(random, 20_000))
        )
    return found


def person_openings(scene: Scene) -> list[Opening]:
    """Return what everybody brings along: the balance of the personal account."""
    return [
        Opening(
            institution=scene.hospital.institution,
            request_id=f"OPEN-{scene.pooling_area}-{person.person}",
            pooling_area=scene.pooling_area,
            person=person.person,
            account_fen=person.account_fen,
        )
        for person in people(scene)
    ]


def heavy_tailed_fen(random: np.random.Generator, scale_fen: int) -> int:
    """Return an amount of at least a tenth of the scale; each doubling is half as likely."""
    doublings = min(int(random.geometric(0.5)) - 1, 10)
    return int(random.integers(scale_fen // 10, scale_fen)) << doublings


def day_of_claims(
    scene: Scene,
    day: date,
    count: int,
    visit_types: Sequence[str] = (OUTPATIENT, PHARMACY, INPATIENT),
) -> list[Row]:
    """Return the claims of one day in the order in which they arrive.

    Args:
        scene: Places, people and catalogue.
        day: The service date: day of the visit, or of discharge.
        count: How many claims. Some people come more than once.
        visit_types: Which kinds of visit there are; the scene's policies must cover them.

    Returns:
        Rows with the columns of `schema.CLAIM` and their `lines`, accepted by `ClaimBatch`.
    """
    random = np.random.default_rng([scene.seed, 2, day_number(day)])
    everybody = people(scene)
    shares = np.array([_SHARE[visit_type] for visit_type in visit_types])
    edges = np.cumsum(shares)
    counter = _Counter(scene, day, _prices(scene), random)
    rows = []
    for number in range(count):
        chosen = np.searchsorted(edges, random.integers(edges[-1]), side="right")
        # Squaring brings the first tokens of the list back again and again.
        position = int(random.integers(len(everybody))) * int(random.integers(len(everybody)))
        person = everybody[position // len(everybody)]
        rows.append(counter.claim(number, person, visit_types[int(chosen)]))
    return rows


def _prices(scene: Scene) -> NDArray[np.int64]:
    """Return an invented price in fen for each row of the catalogue, the same on every day.

    An item with a ceiling is priced below, at or above it.
    """
    random = np.random.default_rng([scene.seed, 3])
    prices = np.empty(len(scene.catalogue), dtype=np.int64)
    for row, ceilings in enumerate(scene.catalogue.ceiling_e6):
        stated = ceilings[(ceilings != NO_CEILING) & (ceilings > 0)]
        tail_fen = heavy_tailed_fen(random, 5_000)
        percent = int(random.choice([80, 100, 100, 130]))
        ceiling_fen = int(stated[-1]) // E6_PER_FEN if len(stated) else 0
        prices[row] = ceiling_fen * percent // 100 or tail_fen
    return prices


@dataclass(frozen=True, slots=True)
class _Counter:
    """The counter at which one day's claims are made out."""

    scene: Scene
    day: date
    prices_fen: NDArray[np.int64]
    random: np.random.Generator

    def claim(self, number: int, person: Person, visit_type: str) -> Row:
        site = self.scene.pharmacy if visit_type == PHARMACY else self.scene.hospital
        admission = self.day
        if visit_type == INPATIENT:
            admission -= timedelta(days=int(self.random.integers(1, _STAY_DAYS_MAX)))
        return {
            "request_id": f"{site.institution}{self.day:%Y%m%d}{number:06d}",
            "institution": site.institution,
            "institution_settlement": f"S{self.day:%Y%m%d}{number:06d}",
            "pooling_area": self.scene.pooling_area,
            "person": person.person,
            "insurance_type": self.scene.insurance_type,
            "visit_type": visit_type,
            "person_type": person.person_type,
            "institution_level": site.level,
            "birth_date": person.birth_date,
            "admission_date": admission,
            "service_date": self.day,
            "benefit_groups": list(person.benefit_groups),
            "account_used": bool(self.random.integers(5)),
            "lines": self.lines(visit_type, admission),
        }

    def lines(self, visit_type: str, admission: date) -> list[Row]:
        stay_days = (self.day - admission).days
        counts = {OUTPATIENT: (1, 6), PHARMACY: (1, 4), INPATIENT: (8, 20 + 3 * stay_days)}
        rows = self._valid_rows(visit_type, admission)
        chosen = self.random.choice(rows, size=int(self.random.integers(*counts[visit_type])))
        lines = []
        for number, row in enumerate(chosen.tolist(), 1):
            fee_date = admission + timedelta(days=int(self.random.integers(stay_days + 1)))
            lines.append(self._line(number, row, fee_date))
        return lines

    def _valid_rows(self, visit_type: str, admission: date) -> NDArray[np.int32]:
        """Return rows valid from admission to the service date; drugs only at a pharmacy."""
        catalogue = self.scene.catalogue
        first, last = day_number(admission), day_number(self.day)
        valid = (catalogue.valid_from <= first) & (catalogue.valid_until > last)
        if visit_type == PHARMACY:
            valid &= np.array(catalogue.list_types) == _DRUGS
        rows = np.flatnonzero(valid).astype(np.int32)
        assert len(rows), f"the catalogue has nothing for visit type {visit_type} on {self.day}"
        current = catalogue.rows(catalogue.item[rows], np.full(len(rows), last, dtype=np.int32))
        in_force: NDArray[np.int32] = rows[current == rows]
        return in_force

    def _line(self, number: int, row: int, fee_date: date) -> Row:
        catalogue = self.scene.catalogue
        price_fen = int(self.prices_fen[row])
        units = min(int(self.random.geometric(0.5)), 10)
        approval = None
        if catalogue.restricted[row]:
            approval = "2" if self.random.integers(10) == 0 else "1"
        amount_fen = price_fen * units
        assert amount_fen <= limits.LINE_AMOUNT_FEN_MAX
        return {
            "line_id": f"{number:04d}",
            "item_code": catalogue.item_codes[catalogue.item[row]],
            "fee_date": fee_date,
            "quantity_e4": units * _E4_ONE,
            "unit_price_e6": price_fen * E6_PER_FEN,
            "amount_fen": amount_fen,
            "approval": approval,
        }
