"""What a change of policy means in yuan: both programs over a grid of bills, for whom it matters.

The grid is that of a first settlement of the year: nothing counted before, the whole bill in
scope, nothing from accounts. Bills are sampled at the edges of both documents (deductibles, band
limits, caps, and where they meet), so that between two samples little bends.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from medsettle import limits
from medsettle.core import codes, schema
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.difference import Change, Moment
from medsettle.policy.difference_classes import (
    Classes,
    Fact,
    Point,
    facts_of,
    grouped,
    narrowed,
)
from medsettle.policy.difference_values import version_on
from medsettle.policy.model import Unit
from medsettle.policy.program import Register
from medsettle.policy.stage_leaves import stage_leaves
from medsettle.settle.scalar import ScalarFunction, scalar_function

_YUAN: Final = 100
_ROUND_BILLS: Final = tuple(yuan * _YUAN for yuan in (1_000, 10_000, 100_000))
_BORNE: Final = ("cash", *(f"payer:{name}" for name in codes.PERSONAL_NAMES))
# What is said of sources alone changes no settlement, and what later days change is less asked for.
_STRETCHES_MAX: Final = 4
# A rounded amount lies less than a fen off the straight line, on either side of both ends.
_STRAIGHT_FEN: Final = 2


class Bill(NamedTuple):
    """A bill in fen, and what the person bears of it under the old and the new policy."""

    total: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Effect:
    """What changes for some classes: bills where it begins, bends and ends, rising."""

    classes: Classes
    bills: tuple[Bill, ...]


@dataclass(frozen=True, slots=True)
class Effects:
    """What changes for whom, for a first settlement of the year from a day on.

    `unchanged` are classes that bear the same at every sampled bill. `held` names what the grid
    did not vary because there would be too many combinations.
    """

    since: date
    changed: tuple[Effect, ...]
    unchanged: tuple[Classes, ...]
    held: tuple[str, ...]


def effects_of(
    old: CompiledPolicy,
    new: CompiledPolicy,
    stretches: Sequence[Moment],
    changes: Sequence[Change],
) -> list[Effects]:
    """Return what changes mean from each day on which some begin, for the first such days."""
    days = {change.since for change in changes}
    chosen = [
        moment
        for moment in stretches
        if moment.since in days
        and old.unstated_on(moment.old_day) is None
        and new.unstated_on(moment.new_day) is None
    ]
    return [effects(old, new, moment) for moment in chosen[:_STRETCHES_MAX]]


def effects(old: CompiledPolicy, new: CompiledPolicy, moment: Moment) -> Effects:
    """Return what a first settlement of the year costs the person before and after.

    Args:
        old: The policy as it was.
        new: The policy as it is to be.
        moment: The day on which each is looked at.
    """
    facts, held = _bounded(_facts(old, new))
    bills = _bills(old, moment.old_day) | _bills(new, moment.new_day) | {*_ROUND_BILLS}
    highest = min(2 * max(bills), limits.CLAIM_TOTAL_FEN_MAX)
    totals = _spread(sorted({*bills, highest}))
    was, now = _Costs(old, moment.old_day), _Costs(new, moment.new_day)

    def borne(points: tuple[Point, ...]) -> tuple[Bill, ...] | None:
        if not all(point.covered() for point in points):
            return None
        before = was.of([held for point in points for held in point.old], points)
        after = now.of([held for point in points for held in point.new], points)
        bills = [Bill(total, before(total), after(total)) for total in totals]
        return tuple(_with_turns(bills, before, after))

    changed: list[Effect] = []
    unchanged: list[Classes] = []
    for classes, row in grouped(facts, lambda points: _told(borne(points))):
        if row is None:
            continue
        if row:
            changed.append(Effect(classes, row))
        else:
            unchanged.append(classes)
    return Effects(moment.since, tuple(changed), tuple(unchanged), held)


def _with_turns(
    bills: Sequence[Bill], before: Callable[[int], int], after: Callable[[int], int]
) -> Iterator[Bill]:
    """Yield bills, and between two the one from which on a gain is a loss or the other way."""
    for left, right in pairwise(bills):
        yield left
        sign = 1 if right.before > right.after else -1
        if (left.before - left.after) * (right.before - right.after) < 0:
            low, high = left.total, right.total
            while high - low > 1:
                middle = (low + high) // 2
                turned = sign * (before(middle) - after(middle)) > 0
                low, high = (low, middle) if turned else (middle, high)
            yield Bill(high, before(high), after(high))
    yield bills[-1]


def _told(bills: tuple[Bill, ...] | None) -> tuple[Bill, ...] | None:
    """Return the bills that tell a row: none where nothing differs, not those on straight lines."""
    if bills is None:
        return None
    differs = [bill.before != bill.after for bill in bills]
    if not any(differs):
        return ()
    first = max(differs.index(True) - 1, 0)
    kept = list(bills[first:])
    index = 1
    while index < len(kept) - 1:
        before, here = _sign(kept[index - 1]), _sign(kept[index])
        turns = before * here < 0 or (before and not here)
        if not turns and _straight(*kept[index - 1 : index + 2]):
            del kept[index]
        else:
            index += 1
    return tuple(kept)


def _sign(bill: Bill) -> int:
    """Return 1 for a gain, -1 for a loss, 0 for neither."""
    return (bill.before > bill.after) - (bill.before < bill.after)


def _straight(left: Bill, middle: Bill, right: Bill) -> bool:
    """Return whether both costs run straight through the middle bill, give or take rounding."""
    width, here = right.total - left.total, middle.total - left.total
    for low, found, high in ((left[1], middle[1], right[1]), (left[2], middle[2], right[2])):
        if abs((found - low) * width - (high - low) * here) > _STRAIGHT_FEN * width:
            return False
    return True


# --- whom -------------------------------------------------------------------------------------


def _facts(old: CompiledPolicy, new: CompiledPolicy) -> tuple[Fact, ...]:
    """Return what the programs look at of a claim; what is counted is that of a first visit."""
    names = [
        [name for name in policy.policy.dimensions if f"dimension:{name}" in policy.program.inputs]
        + [
            each.name
            for each in policy.policy.dimensions.values()
            if each.kind == "quantity" and f"quantity:{each.column}" in policy.program.inputs
        ]
        for policy in (old, new)
    ]
    facts = facts_of(old.policy, new.policy)
    found = narrowed(facts, (old.policy, names[0]), (new.policy, names[1]))
    # Who the person is before where and when, groups last: most of them matter to few classes.
    columns = [column.name for column in schema.CLAIM if column.name != "benefit_groups"]
    place = {name: number for number, name in enumerate(columns)}
    return tuple(sorted(found, key=lambda fact: place.get(fact.column, len(place))))


def _bounded(facts: Sequence[Fact]) -> tuple[tuple[Fact, ...], tuple[str, ...]]:
    """Return facts with so many combinations as are looked at, and the names of those held."""
    kept: list[Fact] = []
    held = []
    combinations = 1
    for fact in facts:
        if combinations * len(fact.points) > limits.DIFFERENCE_CLASSES_MAX:
            kept.append(replace(fact, points=fact.points[:1]))
            held.append(f"{fact.name} {fact.points[0].words}")
        else:
            combinations *= len(fact.points)
            kept.append(fact)
    return tuple(kept), tuple(held)


# --- bills ------------------------------------------------------------------------------------


def _bills(policy: CompiledPolicy, day: date) -> set[int]:
    """Return the bills at which something of a document begins or ends, in fen."""
    document = policy.policy
    kinds: dict[str, set[Fraction]] = {"amount": set(), "payment": set(), "rate": set()}
    for stage in document.stages:
        for leaf in stage_leaves(document, stage).values():
            if leaf.table is None:
                continue
            table = document.tables[leaf.table]
            version = version_on(table, day)
            if version is None:
                continue
            kinds["amount"] |= {Fraction(limit) for limit in version.limits_fen if limit}
            if table.unit is Unit.RATE:
                kinds["rate"] |= {1 - cell if leaf.own_side else cell for cell in version.cells}
            elif table.unit is Unit.AMOUNT:
                payment = leaf.head.startswith("cap on payment")
                kinds["payment" if payment else "amount"] |= {*version.cells}
    rates = [rate for rate in (*kinds["rate"], Fraction(1)) if rate > 0]
    edges = kinds["amount"] | {cap / rate for cap in kinds["payment"] for rate in rates}
    found = edges | {edge + amount for edge in edges for amount in kinds["amount"]}
    return {int(bill) for bill in found if 0 < bill <= limits.CLAIM_TOTAL_FEN_MAX}


def _spread(totals: Sequence[int]) -> tuple[int, ...]:
    """Return so many bills as are looked at, evenly among all."""
    most = limits.DIFFERENCE_BILLS_MAX
    if len(totals) <= most:
        return tuple(totals)
    return tuple(totals[index * (len(totals) - 1) // (most - 1)] for index in range(most))


@dataclass(frozen=True)
class _Costs:
    """What a person bears under one policy on one day."""

    policy: CompiledPolicy
    day: date

    def of(
        self, classes: Iterable[tuple[str, int]], points: Iterable[Point]
    ) -> Callable[[int], int]:
        """Return what a person of some classes bears of a bill, in fen."""
        known = {f"dimension:{name}": number for name, number in classes}
        epoch = int(self.policy.epoch_of(np.array([self.day.toordinal()]))[0])
        known |= {"epoch": max(epoch, 0)} | self._quantities(points)
        program = self.policy.program
        inputs = {
            name: _within(register, known.get(name, _unstated(name)))
            for name, register in program.inputs.items()
        }
        function = self.function
        return lambda total: sum(function(inputs | {"total": total, "pot:in_scope": total}))

    @cached_property
    def function(self) -> ScalarFunction:
        """The program for one claim, made once for all bills."""
        return scalar_function(self.policy.program, _BORNE)

    def _quantities(self, points: Iterable[Point]) -> dict[str, int]:
        """Return the quantities that the classes of the points by a quantity need."""
        dimensions = self.policy.policy.dimensions
        return {
            f"quantity:{dimensions[name].column}": point.sample
            for point in points
            for name, _ in (*point.old, *point.new)
            if isinstance(point.sample, int)
            and name in dimensions
            and dimensions[name].kind == "quantity"
        }


def _unstated(name: str) -> int:
    """Return an input that no class decides: one of each quantity, nothing counted before."""
    return int(name.startswith("quantity:"))


def _within(register: Register, value: int) -> int:
    return min(max(value, register.low), register.high)
