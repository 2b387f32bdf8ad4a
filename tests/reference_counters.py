"""Which counters a claim meets, for the oracle: its own calendar, plain ifs, one claim at a time.

It shares nothing with the engine but the meaning of a counter in the document: in which stretch of
time it counts, from which day a treatment year runs, and what it is split by.
"""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple, TypeAlias

from medsettle.policy.model import Counter, Policy

Stated: TypeAlias = Mapping[str, object]
"""What a claim states by the names of its columns; a fact it does not state may be missing."""


class Kept(NamedTuple):
    """What makes two claims of a person meet in one counter: all of this is the same."""

    pooling_area: str
    insurance_type: str
    counter: str
    split: tuple[str, ...]
    period: tuple[str | int, ...]


# What the payer of the same name pays from; claims take of it.
BALANCES = ("account", "mutual_aid")


def balance_of(policy: Policy, name: str) -> Kept:
    """Return the account, or relatives' limits: a person has one in each pooling area."""
    return Kept(policy.pooling_area, "", name, (), ())


def kept(
    counter: Counter, policy: Policy, stated: Stated, day: date, classes: Mapping[str, int]
) -> Kept:
    """Return the counter of a claim as something that can be looked up.

    Args:
        counter: What counts.
        policy: The document that has the counter.
        stated: What the claim states.
        day: Its rule date.
        classes: The number of its class in each dimension.
    """
    if counter.dated_by is not None:
        stated_day = stated[counter.dated_by]
        assert isinstance(stated_day, date)
        day = stated_day
    split = []
    for name in counter.split_by:
        if name in policy.dimensions:
            split.append(policy.dimensions[name].values[classes[name]])
        else:
            split += _identifier(name, stated)
    return Kept(
        policy.pooling_area,
        policy.insurance_type,
        counter.name,
        tuple(split),
        period_of(counter, policy, stated, day),
    )


def period_of(counter: Counter, policy: Policy, stated: Stated, day: date) -> tuple[str | int, ...]:
    """Return something that is the same for all days on which a counter goes on counting."""
    if counter.period == "life":
        return ("life",)
    if counter.period == "day":
        return ("day", day.toordinal())
    if counter.period == "month":
        return ("month", day.year, day.month)
    if counter.period == "quarter":
        return ("quarter", day.year, (day.month - 1) // 3)
    if counter.period == "benefit_year":
        start = policy.year_start
        before = (day.month, day.day) < (start.month, start.day)
        return ("benefit year", day.year - 1 if before else day.year)
    assert counter.period == "treatment_year"
    assert counter.since is not None
    begun = stated.get(counter.since)
    if not isinstance(begun, date) or begun > day:
        # Nothing was approved yet: the visit itself begins a treatment.
        begun = day
    return ("treatment", treatment_year(begun, counter.lasts, day).toordinal())


def treatment_year(begun: date, lasts: int, day: date) -> date:
    """Return when the period began that holds a day, counted from a day in steps of some years."""
    first = begun
    years = 0
    while (following := anniversary(begun, years + lasts)) <= day:
        first, years = following, years + lasts
    return first


def anniversary(begun: date, years: int) -> date:
    """Return the day on which so many years are full; after 29 February it may be 1 March."""
    year = begun.year + years
    leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
    if (begun.month, begun.day) == (2, 29) and not leap:
        return date(year, 3, 1)
    return date(year, begun.month, begun.day)


def _identifier(name: str, stated: Stated) -> tuple[str, ...]:
    """Return an identifier of a claim with what makes it unique, and its kind.

    A stay without an episode of its own is its encounter; a claim without an encounter is a stay of
    its own. Encounters are numbered by their institution. No disease is one value like any other.
    """
    value = stated.get(name)
    if name == "institution":
        return ("institution", str(value))
    if name == "disease":
        return ("disease", "none" if value is None else str(value))
    if name == "episode" and value is not None:
        return ("episode", str(value))
    encounter = stated.get("encounter")
    if encounter is not None:
        return ("encounter", str(stated["institution"]), str(encounter))
    return ("claim", str(stated["institution"]), str(stated["request_id"]))
