"""What a comparison should say, worked out from settlements in plain Python.

Nothing of `medsettle.replay` is used: persons are sorted, summed and counted one by one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeAlias

from medsettle.core.settlement import Settlement

from tests.replay_report.compared_worlds import Told, past_caps, past_deductibles

Limit: TypeAlias = tuple[str, str, str]
"""A policy of the baseline, a stage, and what kind of limit."""


@dataclass
class Person:
    """What one person was billed and bore in both worlds, over a year."""

    first_claim: int
    age: int
    claims: int = 0
    cost: int = 0
    fund: tuple[int, int] = (0, 0)
    part: tuple[int, int] = (0, 0)
    past: tuple[set[Limit], set[Limit]] = field(default_factory=lambda: (set(), set()))

    @property
    def gain(self) -> int:
        """What the person bears less."""
        return self.part[0] - self.part[1]


def age_of(claim: dict[str, Any]) -> int:
    """Return full years on the day of service."""
    born, day = claim["birth_date"], claim["service_date"]
    return int(day.year - born.year - ((day.month, day.day) < (born.month, born.day)))


def persons_of(told: Told, reform: str) -> list[Person]:
    """Return the persons of a reform in the order of their first compared claims."""
    found: dict[tuple[str, str], Person] = {}
    for claim, before, after in told.compared(reform):
        key = (claim["pooling_area"], claim["person"])
        person = found.setdefault(key, Person(claim["claim"], age_of(claim)))
        both = (before, after)
        person.claims += 1
        person.cost += before.fen("total_fen")
        person.fund = _added(person.fund, both, "fund_total_fen")
        person.part = _added(person.part, both, "person_total_fen")
        policy = str(before.columns["policy"])
        for world, settlement in enumerate(both):
            person.past[world].update(
                (policy, stage, "deductible") for stage in past_deductibles(settlement)
            )
            person.past[world].update((policy, stage, "cap") for stage in past_caps(settlement))
    return list(found.values())


def _added(
    sums: tuple[int, int], both: tuple[Settlement, Settlement], name: str
) -> tuple[int, int]:
    return sums[0] + both[0].fen(name), sums[1] + both[1].fen(name)


def by_cost(persons: list[Person]) -> list[Person]:
    """Return persons in order of cost, those alike by their first claims."""
    return sorted(persons, key=lambda person: (person.cost, person.first_claim))


def deciles(persons: list[Person]) -> list[list[Person]]:
    """Return ten groups in order of cost; where ten does not divide, the first have one more."""
    ordered = by_cost(persons)
    size, more = divmod(len(ordered), 10)
    found, start = [], 0
    for place in range(10):
        end = start + size + (place < more)
        found.append(ordered[start:end])
        start = end
    return found


def quantile(values: list[int], percent: int) -> int:
    """Return the least value that at least so many percent of all values do not exceed."""
    ordered = sorted(values)
    return next(
        value
        for place, value in enumerate(ordered, 1)
        if Fraction(place, len(ordered)) >= Fraction(percent, 100)
    )


def gini(values: list[int]) -> Fraction:
    """Return half the mean difference of all pairs over the mean: the definition, pair by pair."""
    differences = sum(abs(one - other) for one in values for other in values)
    return Fraction(differences, 2 * len(values) * sum(values))


def grouped(
    told: Told, reform: str, key: Callable[[dict[str, Any]], Any]
) -> dict[Any, tuple[int, int, int, int]]:
    """Return claims, persons, cost and what funds pay more, by what a claim belongs to."""
    claims: dict[Any, list[tuple[dict[str, Any], Settlement, Settlement]]] = {}
    for claim, before, after in told.compared(reform):
        for group in key(claim):
            claims.setdefault(group, []).append((claim, before, after))
    return {
        group: (
            len(own),
            len({(claim["pooling_area"], claim["person"]) for claim, _, _ in own}),
            sum(before.fen("total_fen") for _, before, _ in own),
            sum(a.fen("fund_total_fen") - b.fen("fund_total_fen") for _, b, a in own),
        )
        for group, own in sorted(claims.items())
    }
