"""Everything that all parts of a population share, worked out once before the first is drawn.

Streams of random numbers are named by what they are for, so that a part is the same whoever draws
it, in whatever order, and on however many threads.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core.dates import date_of, year_month_day
from medsettle.policy.keys import PRICE_LEVELS
from medsettle.policy.rule_book import RuleBook
from medsettle.replay.population.accepted import Accepted, Offer, Span, accepted
from medsettle.replay.population.goods import Goods, ordinary_item, priced_goods
from medsettle.replay.population.marginal_keys import KINDS, OTHER
from medsettle.replay.population.marginals import Marginals

OUTPATIENT, SPECIAL, INPATIENT, PHARMACY = range(len(KINDS))
MALE, FEMALE = 0, 1

_MILLION: Final = 1_000_000
# Few as an area's persons are, each place has some institutions to choose from.
_INSTITUTIONS_LEAST: Final = 2

SCENE_STREAM, TRIAL_STREAM, PART_STREAM = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Institutions:
    """The institutions of an area: hospitals by level, then pharmacies.

    `codes` are theirs; `level` (n,) the position of each one's code in `Accepted.level_codes`;
    `first` where those of each price level begin, and the pharmacies, and the end; `kind` (n,)
    draws which of several kinds each is, uniform in 0 to 1.
    """

    codes: tuple[str, ...]
    level: NDArray[np.int64]
    first: tuple[int, ...]
    kind: NDArray[np.float64]

    def among(self, place: int) -> range:
        """Return the numbers of those of a price level, or of the pharmacies."""
        return range(self.first[place], self.first[place + 1])


@dataclass(frozen=True, slots=True)
class Scene:
    """What all parts share.

    `group_chance` (g,) is the share of each accepted group among all persons; `sick` (2, a) the
    prevalence of chronic diseases by sex and age in years; `rate` (g, k, 2, a) how often
    somebody of mean frailty comes a year, by chronic or not; `day_chance` (days,) the weight of
    each day of the span; `level_chance` and `bill_fen` (g, k, 3) where somebody goes and the mean
    bill there, fen as floats that are drawn around; `group_share` (b,) of each benefit group.
    """

    book: RuleBook
    area: str
    marginals: Marginals
    span: Span
    seed: int
    persons: int
    refunds: float
    takes: Accepted
    goods: Goods
    institutions: Institutions
    group_chance: NDArray[np.float64]
    sick: NDArray[np.float64]
    rate: NDArray[np.float64]
    day_chance: NDArray[np.float64]
    level_chance: NDArray[np.float64]
    bill_fen: NDArray[np.float64]
    group_share: NDArray[np.float64]

    def stream(self, *name: int) -> np.random.Generator:
        """Return the random numbers of one purpose; the same name gives the same ones."""
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed, *name])))


def make_scene(
    book: RuleBook,
    area: str,
    marginals: Marginals,
    span: Span,
    *,
    persons: int,
    seed: int,
    refunds: float,
) -> Scene:
    """Return what all parts of a population share.

    Raises:
        NotFound: The rules have no such area.
        InvalidRequest: The area settles none of the visits, or has no items for them.
    """
    random = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, SCENE_STREAM])))
    catalogue = book.catalogues.get(area)
    item = ordinary_item(catalogue, span) if catalogue is not None else ""
    takes = accepted(book, area, marginals, span, item)
    assert catalogue is not None, "an area that settles has a catalogue"
    insurances = {group.insurance_type for group in takes.groups}
    types = {each for own in takes.offers for offer in own if offer for each in offer.visit_types}
    policies = [
        compiled
        for compiled in book.policies
        if compiled.policy.pooling_area == area
        and compiled.policy.insurance_type in insurances
        and types & {*compiled.policy.visit_types}
    ]
    goods = priced_goods(catalogue, policies, marginals, span, random)
    institutions = _institutions(takes, area, marginals, persons, random)
    rates = _Rates(marginals, takes)
    level_chance = _level_chances(takes, marginals)
    shares = marginals.named("benefit_group_share")
    return Scene(
        book=book,
        area=area,
        marginals=marginals,
        span=span,
        seed=seed,
        persons=persons,
        refunds=refunds,
        takes=takes,
        goods=goods,
        institutions=institutions,
        group_chance=rates.group_chance(),
        sick=rates.sick(),
        rate=rates.rate(),
        day_chance=_day_chances(marginals, span),
        level_chance=level_chance,
        bill_fen=_bills(takes, marginals, level_chance),
        group_share=np.array([shares.get(name, shares[OTHER]) for name in takes.benefit_groups]),
    )


def drawn_ages(marginals: Marginals, group: str) -> NDArray[np.float64]:
    """Return the share of each age in years among a group: even within each step of `ages`."""
    starts, shares = marginals.steps("ages", group)
    ends = np.append(starts[1:], int(marginals.number("age_limit", group)))
    every = np.arange(limits.AGE_YEARS_MAX + 1)
    step = np.searchsorted(starts, every, side="right") - 1
    at = np.maximum(step, 0)
    inside = (step >= 0) & (every < ends[at])
    return np.where(inside, shares[at] / (ends - starts)[at], 0)


@dataclass(frozen=True, slots=True)
class _Rates:
    """How often somebody comes, so that the mean of each insurance is that of the marginals."""

    marginals: Marginals
    takes: Accepted

    def group_chance(self) -> NDArray[np.float64]:
        insured, share = self.marginals.named("insured"), self.marginals.named("group_share")
        chance: NDArray[np.float64] = np.array(
            [insured[each.insurance] * share[each.name] for each in self.takes.groups]
        )
        chance /= chance.sum()
        return chance

    def sick(self) -> NDArray[np.float64]:
        """Return the prevalence by sex and age; both sexes together have that of the age."""
        by_sex = np.array([*self.marginals.named("chronic_by_sex").values()])
        male = self.marginals.number("male_share")
        ratio = by_sex / (by_sex @ [male, 1 - male])
        sick: NDArray[np.float64] = ratio[:, None] * self.marginals.at_ages("chronic_share")
        return np.minimum(sick, 1)

    def rate(self) -> NDArray[np.float64]:
        """Return visits a year by accepted group, kind, chronic or not, and age."""
        marginals, takes = self.marginals, self.takes
        ages = limits.AGE_YEARS_MAX + 1
        rate = np.zeros((len(takes.groups), len(KINDS), 2, ages))
        special = marginals.number("special_visits_a_year")
        for at, group in enumerate(takes.groups):
            for number, kind in enumerate(KINDS):
                if takes.offers[at][number] is None:
                    continue
                if number == SPECIAL:
                    rate[at, number] = special
                    continue
                mean = marginals.number("visits_a_year", group.insurance, kind)
                if number == OUTPATIENT:
                    mean = max(mean - self._special_mean(group.insurance), 0)
                rate[at, number] = mean * self._relative(group.insurance, kind)
        return rate

    def _weights(self, insurance: str) -> Mapping[str, float]:
        share = self.marginals.named("group_share")
        own = [each for each in self.marginals.groups if each.insurance == insurance]
        return {each.name: share[each.name] for each in own}

    def _prevalence(self) -> NDArray[np.float64]:
        male = self.marginals.number("male_share")
        prevalence: NDArray[np.float64] = np.array([male, 1 - male]) @ self.sick()
        return prevalence

    def _relative(self, insurance: str, kind: str) -> NDArray[np.float64]:
        """Return how often persons come, (2, ages), the mean of the insurance being 1."""
        factor = self.marginals.number("chronic_factor", kind)
        of_age = self.marginals.at_ages("visits_by_age", kind)
        relative: NDArray[np.float64] = np.array([[1.0], [factor]]) * of_age
        sick = self._prevalence()
        mean = sum(
            weight
            * (
                drawn_ages(self.marginals, name) * ((1 - sick) * relative[0] + sick * relative[1])
            ).sum()
            for name, weight in self._weights(insurance).items()
        )
        relative /= mean
        return relative

    def _special_mean(self, insurance: str) -> float:
        """Return the visits for special diseases a year of each insured person."""
        offered = {
            group.name
            for group, own in zip(self.takes.groups, self.takes.offers, strict=True)
            if own[SPECIAL] is not None
        }
        sick = self._prevalence()
        approved = sum(
            weight * (drawn_ages(self.marginals, name) * sick).sum()
            for name, weight in self._weights(insurance).items()
            if name in offered
        ) * self.marginals.number("approved_share")
        return float(approved * self.marginals.number("special_visits_a_year"))


def _day_chances(marginals: Marginals, span: Span) -> NDArray[np.float64]:
    """Return the weight of each day of a span by month and weekday; each year adds up to 1."""
    days = np.arange(span.first_day, span.last_day + 1, dtype=np.int64)
    year, month, _ = year_month_day(days)
    by_month = np.array([*marginals.named("month_weight").values()])
    by_weekday = np.array([*marginals.named("weekday_weight").values()])
    monday = date_of(span.first_day).weekday()
    weight: NDArray[np.float64] = (
        by_month[month - 1] * by_weekday[(np.arange(len(days)) + monday) % len(by_weekday)]
    )
    for each in span.years:
        weight[year == each] /= weight[year == each].sum()
    return weight


def _level_chances(takes: Accepted, marginals: Marginals) -> NDArray[np.float64]:
    """Return where a group goes for each kind of visit, among the levels that are settled."""
    chance = np.zeros((len(takes.groups), len(KINDS), len(PRICE_LEVELS)))
    for at, own in enumerate(takes.offers):
        for number, offer in enumerate(own):
            if offer is None:
                continue
            open_at = [
                offer.settled[:, takes.level_of == level].any()
                for level in range(len(PRICE_LEVELS))
            ]
            named = marginals.named("level_share", KINDS[number])
            shares = np.array([*named.values()]) * open_at
            shares = shares if shares.sum() else np.array(open_at, dtype=np.float64)
            chance[at, number] = shares / shares.sum()
    return chance


def _bills(
    takes: Accepted, marginals: Marginals, level_chance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the mean bill in fen by group, kind and level, with the mean of the insurance."""
    bills = np.zeros_like(level_chance)
    for at, group in enumerate(takes.groups):
        for number, kind in enumerate(KINDS):
            named = marginals.named("bill_by_level", kind)
            relative = np.array([named[level] for level in PRICE_LEVELS])
            usual = np.array([*marginals.named("level_share", kind).values()])
            mean = marginals.number("mean_bill", group.insurance, kind)
            bills[at, number] = mean * 100 * relative / (relative @ usual)
    return bills


def _institutions(
    takes: Accepted, area: str, marginals: Marginals, persons: int, random: np.random.Generator
) -> Institutions:
    """Return as many institutions of each level as so many persons have."""
    settled = _settled_codes(takes)
    codes: list[str] = []
    levels: list[int] = []
    first = [0]
    for place, a_million in marginals.named("institutions_a_million").items():
        count = max(_INSTITUTIONS_LEAST, math.ceil(a_million * persons / _MILLION))
        pharmacy = place not in PRICE_LEVELS
        level = 0 if pharmacy else PRICE_LEVELS.index(place)
        numbers = np.arange(len(codes), len(codes) + count)
        codes += [f"{'P' if pharmacy else 'H'}{area}{number:05d}" for number in numbers.tolist()]
        among = settled[level]
        levels += random.choice(among, count).tolist() if len(among) else [-1] * count
        first.append(len(codes))
    kind = random.random(len(codes))
    return Institutions(tuple(codes), np.array(levels, dtype=np.int64), tuple(first), kind)


def _settled_codes(takes: Accepted) -> list[NDArray[np.int64]]:
    """Return the level codes of each level at which most kinds of visits are settled."""
    often = np.zeros(len(takes.level_codes), dtype=np.int64)
    for own in takes.offers:
        for offer in filter(None, own):
            often += offer.settled.any(axis=(0, 2))
    found = []
    for level in range(len(PRICE_LEVELS)):
        inside = np.flatnonzero(takes.level_of == level)
        most = often[inside].max(initial=0)
        found.append(inside[(often[inside] == most) & (most > 0)])
    return found


def offer_of(scene: Scene, group: int, kind: int) -> Offer | None:
    """Return what the area settles of a kind of visit of a group."""
    return scene.takes.offers[group][kind]


def frailty_mean(scene: Scene) -> float:
    """Return the mean over visits of the frailty's effect on a bill.

    Frailty has a gamma distribution of mean 1 and shape k, and whoever has more comes more often,
    so the mean over visits of its power p is that of the power 1 + p over persons:
    Γ(k + 1 + p) / (Γ(k) k^(1 + p)).
    """
    shape = scene.marginals.number("frailty_shape")
    power = 1 + scene.marginals.number("frailty_on_cost")
    return math.exp(math.lgamma(shape + power) - math.lgamma(shape) - power * math.log(shape))
