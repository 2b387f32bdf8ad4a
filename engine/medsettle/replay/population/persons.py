"""The persons of a part: who they are, how frail, what they suffer from, and where they go."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medsettle.core.dates import date_of
from medsettle.core.money import FenArray
from medsettle.policy.keys import PRICE_LEVELS
from medsettle.replay.population.marginals import Marginals
from medsettle.replay.population.scene import FEMALE, MALE, SPECIAL, Scene, drawn_ages

PLACES: Final = len(PRICE_LEVELS) + 1
"""The hospital levels, and pharmacies."""

_DAYS_A_YEAR: Final = 365
# Contribution bases are drawn in whole hundreds of yuan.
_WAGE_STEP_FEN: Final = 10_000


@dataclass(frozen=True, slots=True)
class Persons:
    """The n persons of a part.

    `group` (n,) is the position of each among the accepted groups, `age` full years on the first
    day of the span, `birth` days since 1970-01-01; `frailty` has mean 1; `diseases` (n, 2) are
    positions of the diseases that are approved, -1 for none; `approval` the day of it, not before
    birth; `main` (n, 4) the institution that each keeps to at each level, and the pharmacy;
    `entitled` (n, b) whether each belongs to each benefit group; `wage_fen` the monthly
    contribution base, int64 fen, 0 where there is no account.
    """

    first: int
    group: NDArray[np.int64]
    sex: NDArray[np.int64]
    age: NDArray[np.int64]
    birth: NDArray[np.int64]
    frailty: NDArray[np.float64]
    chronic: NDArray[np.bool_]
    disease: NDArray[np.int64]
    diseases: NDArray[np.int64]
    approval: NDArray[np.int64]
    main: NDArray[np.int64]
    entitled: NDArray[np.bool_]
    account: NDArray[np.bool_]
    account_used: NDArray[np.bool_]
    wage_fen: FenArray

    def __len__(self) -> int:
        return len(self.group)


def draw_persons(scene: Scene, first: int, count: int, random: np.random.Generator) -> Persons:
    """Return persons `first` to `first + count - 1` of a population."""
    marginals, takes = scene.marginals, scene.takes
    group = random.choice(len(takes.groups), count, p=scene.group_chance)
    age = np.zeros(count, dtype=np.int64)
    for at, each in enumerate(takes.groups):
        own = np.flatnonzero(group == at)
        chance = drawn_ages(marginals, each.name)
        age[own] = random.choice(len(chance), len(own), p=chance)
    male = random.random(count) < marginals.number("male_share")
    sex = np.where(male, MALE, FEMALE)
    chronic = random.random(count) < scene.sick[sex, age]
    disease, diseases = _diseases(marginals, chronic, random)
    offered = np.array([own[SPECIAL] is not None for own in takes.offers])
    approved = (
        chronic & offered[group] & (random.random(count) < marginals.number("approved_share"))
    )
    diseases[~approved] = -1
    years = round(marginals.number("approval_years") * _DAYS_A_YEAR)
    account = np.array([each.account for each in takes.groups])[group]
    used = random.random(count) < marginals.number("account_used_share")
    shape = marginals.number("frailty_shape")
    birth = _births(scene, age, random)
    frailty = random.gamma(shape, 1 / shape, count)
    approval = scene.span.first_day - random.integers(0, years, count, endpoint=True)
    return Persons(
        first=first,
        group=group,
        sex=sex,
        age=age,
        birth=birth,
        frailty=frailty,
        chronic=chronic,
        disease=disease,
        diseases=diseases,
        approval=np.maximum(approval, birth),
        main=_main_institutions(scene, count, random),
        entitled=_entitled(scene, group, random),
        account=account,
        account_used=account & used,
        wage_fen=np.where(account, _wages(marginals, count, random), 0),
    )


def _births(scene: Scene, age: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """Return a day on which somebody was born who has these full years on the first day."""
    january = date_of(scene.span.first_day)
    # From the day after new year on, to the next one: the days of the year before last birthday.
    year = january.year - age - 1
    starts = (year - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    ends = (year - 1969).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    return random.integers(starts + 1, ends, endpoint=True)


def _diseases(
    marginals: Marginals, chronic: NDArray[np.bool_], random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the main disease of each, -1 for none, and up to two that may be approved."""
    weights = np.array([*marginals.named("disease_weight").values()])
    count = len(chronic)
    found = random.choice(len(weights), (count, 2), p=weights / weights.sum())
    second = random.random(count) < marginals.number("second_disease_share")
    found[~second | (found[:, 0] == found[:, 1]), 1] = -1
    return np.where(chronic, found[:, 0], -1), found


def _main_institutions(scene: Scene, count: int, random: np.random.Generator) -> NDArray[np.int64]:
    main = np.empty((count, PLACES), dtype=np.int64)
    for place in range(PLACES):
        among = scene.institutions.among(place)
        main[:, place] = random.integers(among.start, among.stop, count)
    return main


def _entitled(
    scene: Scene, group: NDArray[np.int64], random: np.random.Generator
) -> NDArray[np.bool_]:
    """Return which benefit groups each belongs to, of those that their insurance asks for."""
    asked = np.array(
        [[at in own for at in range(len(scene.group_share))] for own in scene.takes.asked],
        dtype=np.bool_,
    ).reshape(len(scene.takes.groups), len(scene.group_share))
    drawn = random.random((len(group), len(scene.group_share))) < scene.group_share
    return drawn & asked[group]


def _wages(marginals: Marginals, count: int, random: np.random.Generator) -> FenArray:
    """Return contribution bases in fen, in whole hundreds of yuan, within their bounds.

    This is where they are rounded.
    """
    mean, sigma = marginals.number("wage_base"), marginals.number("wage_sigma")
    wage = mean * random.lognormal(-sigma * sigma / 2, sigma, count)
    least, most = (mean * marginals.number("wage_bounds", bound) for bound in ("least", "most"))
    steps: NDArray[np.float64] = np.rint(np.clip(wage, least, most) * 100 / _WAGE_STEP_FEN)
    return steps.astype(np.int64) * _WAGE_STEP_FEN
