"""The visits of a part's persons, before they have lines: when, where, for what, and how dear."""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.policy.keys import PRICE_LEVELS
from medsettle.replay.population.marginal_keys import KINDS
from medsettle.replay.population.persons import Persons
from medsettle.replay.population.scene import (
    INPATIENT,
    PHARMACY,
    SPECIAL,
    Scene,
    frailty_mean,
    offer_of,
)

_PHARMACY_PLACE: Final = len(PRICE_LEVELS)


@dataclass(frozen=True, slots=True)
class Visits:
    """The n visits of a part, in the order of persons, and of days for each.

    `person` (n,) is the position of each one's person in the part, `group` that of the person's
    group; `kind` its position in `KINDS`;
    `visit_type` that in the offer; `day` of service and `admission`, days since 1970-01-01; `level`
    the price level of the institution, `institution` its number; `severity` has mean 1;
    `target_fen` is what the bill is drawn around; `disease` what it is for, -1 for none; `other`
    says whether it is of an unusual class, and `which` of which one, uniform in 0 to 1.
    """

    person: NDArray[np.int64]
    group: NDArray[np.int64]
    kind: NDArray[np.int64]
    visit_type: NDArray[np.int64]
    day: NDArray[np.int64]
    admission: NDArray[np.int64]
    level: NDArray[np.int64]
    institution: NDArray[np.int64]
    severity: NDArray[np.float64]
    target_fen: NDArray[np.float64]
    disease: NDArray[np.int64]
    other: NDArray[np.bool_]
    which: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.person)

    def taken(self, places: NDArray[np.int64]) -> "Visits":
        """Return the visits at some places."""
        return Visits(*(getattr(self, each.name)[places] for each in fields(self)))


def draw_visits(scene: Scene, persons: Persons, random: np.random.Generator) -> tuple[Visits, int]:
    """Return the visits of some persons, and how many no document settles and were left out."""
    drawn = [
        _drawn(scene, persons, (year, group, kind), random)
        for year in scene.span.years
        for group in range(len(scene.takes.groups))
        for kind in range(len(KINDS))
        if offer_of(scene, group, kind) is not None
    ]
    every = Visits(
        *(np.concatenate([getattr(own, each.name) for own in drawn]) for each in fields(Visits))
    )
    order = np.lexsort((np.arange(len(every)), every.day, every.person))
    every = every.taken(order)
    settled = np.flatnonzero(_settled(scene, persons, every))
    kept = every.taken(settled)
    _part_stays(kept)
    return kept, len(every) - len(kept)


def _drawn(
    scene: Scene, persons: Persons, which: tuple[int, int, int], random: np.random.Generator
) -> Visits:
    """Return the visits of one kind of the persons of one group in one year."""
    year, group, kind = which
    own = np.flatnonzero(persons.group == group)
    if kind == SPECIAL:
        own = own[persons.diseases[own, 0] >= 0]
    age = persons.age[own] + year - scene.span.first_year
    age = np.minimum(age, limits.AGE_YEARS_MAX)
    rate = scene.rate[group, kind, persons.chronic[own].astype(np.int64), age]
    person = np.repeat(own, random.poisson(rate * persons.frailty[own]))
    count = len(person)
    day = _days(scene, year, count, random)
    level = random.choice(len(PRICE_LEVELS), count, p=scene.level_chance[group, kind])
    sigma = scene.marginals.number("bill_sigma", KINDS[kind])
    severity = random.lognormal(-sigma * sigma / 2, sigma, count)
    frail = persons.frailty[person] ** scene.marginals.number("frailty_on_cost")
    target = scene.bill_fen[group, kind, level] * severity * frail / frailty_mean(scene)
    offer = offer_of(scene, group, kind)
    assert offer is not None
    unusual = random.random(count) < scene.marginals.number("other_class_share")
    type_number = random.integers(0, len(offer.visit_types), count)
    stay = np.zeros(count, dtype=np.int64)
    if kind == INPATIENT:
        stay = _stay_days(scene, severity, random)
    return Visits(
        person=person,
        group=np.full(count, group, dtype=np.int64),
        kind=np.full(count, kind, dtype=np.int64),
        visit_type=np.where(unusual, type_number, 0),
        day=day,
        admission=np.maximum(day - stay, persons.birth[person]),
        level=level,
        institution=_places(scene, persons, (person, kind, level), random),
        severity=severity,
        target_fen=np.clip(target, 1, limits.POPULATION_BILL_FEN_MAX),
        disease=_disease(scene, persons, (person, kind), random),
        other=random.random(count) < scene.marginals.number("other_class_share"),
        which=random.random(count),
    )


def _days(scene: Scene, year: int, count: int, random: np.random.Generator) -> NDArray[np.int64]:
    first = scene.span.first_day
    begins = np.datetime64(f"{year}-01-01").astype("datetime64[D]").astype(np.int64) - first
    ends = np.datetime64(f"{year + 1}-01-01").astype("datetime64[D]").astype(np.int64) - first
    chance = scene.day_chance[int(begins) : int(ends)]
    days: NDArray[np.int64] = first + int(begins) + random.choice(len(chance), count, p=chance)
    return days


def _stay_days(
    scene: Scene, severity: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.int64]:
    """Return days from admission to discharge, 1 and more; dearer stays are longer."""
    mean = scene.marginals.number("stay_days")
    days = 1 + random.poisson(max(mean - 1, 0) * severity)
    return np.minimum(days, limits.POPULATION_STAY_DAYS_MAX)


def _places(
    scene: Scene,
    persons: Persons,
    where: tuple[NDArray[np.int64], int, NDArray[np.int64]],
    random: np.random.Generator,
) -> NDArray[np.int64]:
    """Return the institution of each visit: mostly the one that somebody keeps to."""
    person, kind, level = where
    place = np.full(len(level), _PHARMACY_PLACE) if kind == PHARMACY else level
    first = np.array(scene.institutions.first)
    another = random.integers(first[place], first[place + 1])
    kept = random.random(len(level)) < scene.marginals.number("main_institution_share")
    main: NDArray[np.int64] = persons.main[person, place]
    return np.where(kept, main, another)


def _disease(
    scene: Scene,
    persons: Persons,
    whose: tuple[NDArray[np.int64], int],
    random: np.random.Generator,
) -> NDArray[np.int64]:
    """Return the disease of each visit: one that is approved, or the person's main one."""
    person, kind = whose
    if kind != SPECIAL:
        main: NDArray[np.int64] = persons.disease[person]
        return main
    first: NDArray[np.int64] = persons.diseases[person, 0]
    second = persons.diseases[person, 1]
    share = scene.marginals.number("second_disease_visits")
    chosen = (random.random(len(person)) < share) & (second >= 0)
    return np.where(chosen, second, first)


def _settled(scene: Scene, persons: Persons, visits: Visits) -> NDArray[np.bool_]:
    """Return which visits the documents in force settle."""
    group = visits.group
    code = scene.institutions.level[visits.institution]
    stretch = np.searchsorted(scene.takes.since, visits.day, side="right") - 1
    settled = np.zeros(len(visits), dtype=np.bool_)
    for at in range(len(scene.takes.groups)):
        for kind in range(len(KINDS)):
            offer = offer_of(scene, at, kind)
            own = np.flatnonzero((group == at) & (visits.kind == kind))
            if offer is None or not len(own):
                continue
            good = offer.settled[visits.visit_type[own], code[own], stretch[own]]
            entitled = persons.entitled[visits.person[own]]
            good &= ~entitled[:, [*offer.refused_groups]].any(axis=1)
            settled[own] = good if offer.required is None else good & entitled[:, offer.required]
    return settled


def _part_stays(visits: Visits) -> None:
    """Let no stay of a person begin before the one before it has ended."""
    stays = np.flatnonzero(visits.kind == INPATIENT)
    person, day = visits.person[stays], visits.day[stays]
    again = np.flatnonzero(person[1:] == person[:-1]) + 1
    visits.admission[stays[again]] = np.maximum(visits.admission[stays[again]], day[again - 1])
