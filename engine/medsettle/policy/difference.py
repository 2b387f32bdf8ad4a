"""Compare two policies by what they mean, not by how they are written.

Tables compare by the role they have in a stage, whatever they are called; classes on the common
ground of both documents (`medsettle.policy.difference_classes`); bands over the ranges that the
limits of either cut; rates as what the payer pays, whichever side a document states. What remains
different is a `Change`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import TypeAlias

from medsettle.core.dates import YearStart
from medsettle.policy.difference_classes import Classes
from medsettle.policy.model import Policy, Unit
from medsettle.policy.tree import Place


class Topic(StrEnum):
    """What a change is about, in the order in which changes are told; evidence comes last."""

    SCOPE = "scope"
    STAGE = "stage"
    VALUE = "value"
    CONDITION = "condition"
    SWITCH = "switch"
    COUNTER = "counter"
    CLASS = "class"
    EVIDENCE = "evidence"


Places: TypeAlias = tuple[Place | None, Place | None]
"""Where something stands in the old and in the new document; None where it does not."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that two policies say differently, for whom, where, and from when.

    `before` and `after` are fen, a rate (of the payer) or points by `unit`, words without one, None
    where a document says nothing. `band` is the range of amounts in fen, None without bands and
    open above with None. `until` is the first day on which it no longer holds.
    """

    topic: Topic
    stage: str
    what: str
    before: Fraction | str | None
    after: Fraction | str | None
    unit: Unit | None = None
    classes: Classes = ()
    band: tuple[int, int | None] | None = None
    places: Places = (None, None)
    since: date = date.min
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """A stretch of days on which one version of each table holds in both policies.

    The policies may be looked at on different days: one that has ended, on its last.
    """

    since: date
    until: date | None
    old_day: date
    new_day: date


def moments(
    old: Policy, new: Policy, old_day: date | None = None, new_day: date | None = None
) -> list[Moment]:
    """Return the stretches of days to compare, in order of time.

    With a day for each, that is one. Otherwise it is the time in which both are in force; where
    there is none, a policy that is not in force is looked at on the nearest day on which it was.
    """
    if old_day is not None or new_day is not None:
        before = old_day or _nearest(old, new_day or old.in_force_from)
        after = new_day or _nearest(new, before)
        return [Moment(after, None, before, after)]
    since, until = _together(old, new)
    starts = {since}
    for policy in (old, new):
        versions = [each for table in policy.tables.values() for each in table.versions]
        starts |= {each.start for each in versions}
        starts |= {each.until for each in versions if each.until is not None}
    days = sorted(day for day in starts if day >= since and (until is None or day < until))
    ends = [*days[1:], until]
    return [
        Moment(day, end, _nearest(old, day), _nearest(new, day))
        for day, end in zip(days, ends, strict=True)
    ]


def _together(old: Policy, new: Policy) -> tuple[date, date | None]:
    """Return the days in which both are in force, or else those of the one that comes later."""
    since = max(old.in_force_from, new.in_force_from)
    ends = [end for end in (old.in_force_until, new.in_force_until) if end is not None]
    if not ends or min(ends) > since:
        return since, min(ends, default=None)
    later = new if new.in_force_from == since else old
    return since, later.in_force_until


def _nearest(policy: Policy, day: date) -> date:
    """Return a day, or the nearest on which a policy is in force."""
    last = policy.in_force_until
    if last is not None and day >= last:
        return last - timedelta(days=1)
    return max(day, policy.in_force_from)


def joined(found: Iterable[tuple[Moment, Iterable[Change]]]) -> list[Change]:
    """Return the changes of stretches that follow one another, each once with its whole time."""
    told: list[Change] = []
    for moment, changes in found:
        for change in changes:
            dated = replace(change, since=moment.since, until=moment.until)
            same = next((i for i, held in enumerate(told) if _goes_on(held, dated)), None)
            if same is None:
                told.append(dated)
            else:
                told[same] = replace(told[same], until=moment.until)
    order = list(Topic)
    return sorted(told, key=lambda change: order.index(change.topic))


def _goes_on(held: Change, change: Change) -> bool:
    return held.until == change.since and replace(
        held, since=change.since, until=change.until, places=(None, None)
    ) == replace(change, places=(None, None))


def policy_changes(old: Policy, new: Policy) -> Iterator[Change]:
    """Yield what differs in the head of two documents: whom they are for, and their dates."""
    places = old.places.get("policy"), new.places.get("policy")
    for name, word in _HEADS:
        before, after = (_head_words(getattr(policy, name)) for policy in (old, new))
        if before != after:
            yield Change(Topic.SCOPE, "", word, before, after, places=places)
    gaps = [{gap.amount: gap.says for gap in policy.gaps} for policy in (old, new)]
    for amount in dict.fromkeys([*gaps[0], *gaps[1]]):
        said = gaps[0].get(amount), gaps[1].get(amount)
        if said[0] != said[1]:
            yield Change(Topic.SCOPE, "", f"undecided {amount}", *said, places=places)


_HEADS = (
    ("pooling_area", "pooling area"),
    ("insurance_type", "insurance type"),
    ("visit_types", "visit types"),
    ("rule_date", "rule date"),
    ("year_start", "start of the benefit year"),
)


def _head_words(value: object) -> str:
    if isinstance(value, YearStart):
        return f"{value.month:02d}-{value.day:02d}"
    return ", ".join(value) if isinstance(value, tuple) else str(value)
