"""Faults that show only between documents: claims decided twice, counters meant in two ways."""

from medsettle.core.dates import Period
from medsettle.errors import Violation
from medsettle.policy.model import Counter, Policy
from medsettle.policy.vocabulary import quoted


def conflicts(policies: list[Policy]) -> list[Violation]:
    """Return a violation for every pair that would both decide the same claim."""
    found = []
    for index, policy in enumerate(policies):
        for other in policies[:index]:
            if policy.name == other.name:
                place = policy.places["policy"]
                fault = f"{quoted(policy.name)} is also the name of {other.file}; rename one"
                found.append(place.violation(fault))
            if (policy.pooling_area, policy.insurance_type) == (
                other.pooling_area,
                other.insurance_type,
            ):
                found += [*_overlap(policy, other), *_counter_conflicts(policy, other)]
    return found


def _overlap(policy: Policy, other: Policy) -> list[Violation]:
    """Return a violation where two policies of one scheme share a visit type and a day."""
    shared = [kind for kind in policy.visit_types if kind in other.visit_types]
    since = max(policy.in_force_from, other.in_force_from)
    ends = [end for end in (policy.in_force_until, other.in_force_until) if end is not None]
    if not shared or any(end <= since for end in ends):
        return []
    until = f"until {min(ends)}" if ends else "on"
    kinds = f"visit type{'s' if len(shared) > 1 else ''} {', '.join(shared)}"
    return [
        policy.places["visit_types"].violation(
            f"{kinds} from {since} {until}: {other.file} decides the same claims; take the visit "
            "type out of one of the two, or end one with `until`"
        )
    ]


def _counter_conflicts(policy: Policy, other: Policy) -> list[Violation]:
    """Return a violation for every counter that two policies of one scheme share but not mean."""
    found = []
    for name, mine in policy.counters.items():
        theirs = other.counters.get(name)
        if theirs is None:
            continue
        messages = (
            _other_period(policy, other, mine, theirs),
            _other_split(policy, other, mine, theirs),
            _other_kind(other, mine, theirs),
        )
        found += [mine.place.violation(message) for message in messages if message]
    return found


def _other_period(policy: Policy, other: Policy, mine: Counter, theirs: Counter) -> str:
    """Return how two documents let a counter begin again; blank where they do it alike."""
    name = quoted(mine.name)
    if mine.period is not theirs.period:
        return (
            f"counter {name} counts per {mine.period} here and per {theirs.period} in "
            f"{other.file}; a shared counter has one period, so change it or rename one"
        )
    if mine.period is Period.BENEFIT_YEAR and policy.year_start != other.year_start:
        days = (policy.year_start, other.year_start)
        starts = [f"{each.month:02d}-{each.day:02d}" for each in days]
        return (
            f"counter {name} counts per benefit year, which starts on {starts[0]} here and on "
            f"{starts[1]} in {other.file}; a shared counter has one year, so correct "
            "`benefit_year` or rename one"
        )
    return ""


def _other_split(policy: Policy, other: Policy, mine: Counter, theirs: Counter) -> str:
    """Return how two documents keep a counter apart; blank where they do it alike."""
    name = quoted(mine.name)
    if (mine.split_by, mine.since, mine.lasts) != (theirs.split_by, theirs.since, theirs.lasts):
        return (
            f"counter {name} is split or begins otherwise than in {other.file}; a shared counter "
            "has one `split_by`, `since` and `lasts`, so change it or rename one"
        )
    for word in mine.split_by:
        if policy.dimensions.get(word) != other.dimensions.get(word):
            return (
                f"counter {name} is split by {quoted(word)}, whose classes are others in "
                f"{other.file}; a shared counter has one set of classes, so write the dimension "
                "alike, once in the area, or rename one counter"
            )
    return ""


def _other_kind(other: Policy, mine: Counter, theirs: Counter) -> str:
    """Return that one document counts what the other adds up; blank where both do the same."""
    if bool(mine.sums) is bool(theirs.sums):
        return ""
    kinds = ("settlements", "amounts")
    return (
        f"counter {quoted(mine.name)} holds {kinds[bool(mine.sums)]} here and "
        f"{kinds[bool(theirs.sums)]} in {other.file}; rename one"
    )
