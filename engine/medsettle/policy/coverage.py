"""Whom the rules of a document can meet: conditions nobody meets, classes nobody has.

A number for nobody is a number forgotten, and a condition that nobody meets is one mistaken. What
is said here is proved from the document: dimensions that look at one thing are looked at together,
and a policy meets the claims of its own scheme and visit types only.
"""

from collections.abc import Collection, Iterator
from typing import TypeAlias

from medsettle.policy.checker import Checker
from medsettle.policy.compiled import class_of
from medsettle.policy.difference_classes import facts_of
from medsettle.policy.model import Condition, Dimension, Policy
from medsettle.policy.tree import Map, Text, Value
from medsettle.policy.vocabulary import canonical, quoted

Kind: TypeAlias = dict[str, int]
"""Class numbers, by dimension, that one claim can have together."""


def asked(policy: Policy) -> set[str]:
    """Return the dimensions that tables, conditions and counters of a policy are by."""
    found = {name for table in policy.tables.values() for name in table.by}
    for stage in policy.all_stages:
        found |= {name for name, _ in stage.when}
    for counter in policy.counters.values():
        found |= {name for name, _ in counter.when} | {*counter.split_by}
    return found & set(policy.dimensions)


def kinds(policy: Policy, names: Collection[str]) -> list[list[Kind]]:
    """Return for each thing that some dimensions look at the kinds of claim they tell apart.

    Things are independent of one another: a claim is one kind of each of them.
    """
    found = []
    for fact in facts_of(policy, policy):
        own = [policy.dimensions[name] for name, _ in fact.points[0].new if name in names]
        if not own:
            continue
        if (decided := _decided(policy, fact.column)) and fact.kind == "code":
            points = [{each.name: class_of(each, code) for each in own} for code in decided]
        elif fact.kind == "codes":
            # A list may hold codes of several classes, so its dimensions are independent.
            found += [[{each.name: n} for n in range(len(each.values))] for each in own]
            continue
        else:
            points = [
                {name: number for name, number in point.new if name in names}
                for point in fact.points
                if not isinstance(point.sample, int)
                or fact.kind != "quantity"
                or point.sample <= policy.quantities[fact.column].most
            ]
        covered = [point for point in points if min(point.values()) >= 0]
        found.append([point for at, point in enumerate(covered) if point not in covered[:at]])
    return found


def _decided(policy: Policy, column: str) -> tuple[str, ...]:
    """Return the codes of a column for which a policy is, none where it is for all."""
    return {
        "visit_type": policy.visit_types,
        "insurance_type": (policy.insurance_type,),
    }.get(column, ())


def unmet(policy: Policy, when: Condition) -> str:
    """Return what of a condition no claim meets, in words; blank where some claim meets it."""
    for found in kinds(policy, [name for name, _ in when]):
        names = {name for kind in found for name in kind}
        own = [(name, classes) for name, classes in when if name in names]
        if found and not any(_meets(policy, kind, own) for kind in found):
            both = " and ".join(f"{name} {' or '.join(classes)}" for name, classes in own)
            return f"{both} together" if len(own) > 1 else both
    return ""


def _meets(policy: Policy, kind: Kind, when: list[tuple[str, tuple[str, ...]]]) -> bool:
    return all(policy.dimensions[name].values[kind[name]] in classes for name, classes in when)


# --- faults -------------------------------------------------------------------------------------


def refuse_uncovered(check: Checker, policy: Policy, parts: dict[str, Value]) -> None:
    """Refuse visits the policy is for and cannot class, and classes and values for nobody."""
    for name in sorted(asked(policy)):
        _refuse_unclassed(check, policy, policy.dimensions[name])
    for name, place, _ in check.quietly_named(parts.get("dimensions")):
        for message in _nobody(policy, policy.dimensions[name]):
            check.refuse(place, message)
    for name, place, _ in check.quietly_named(parts.get("counters")):
        if why := unmet(policy, policy.counters[name].when):
            check.refuse(
                place,
                f"no claim has {why}, so this counter counts nothing; correct its `when` or "
                "delete it",
            )
    _refuse_late(check, policy, parts)


def _refuse_unclassed(check: Checker, policy: Policy, dimension: Dimension) -> None:
    if dimension.kind != "code":
        return
    column = dimension.column
    left = [code for code in _decided(policy, column) if class_of(dimension, code) < 0]
    if left:
        word = column.replace("_", " ")
        where, else_ = ("insurance_type", "correct it")
        if column == "visit_type":
            where, else_ = ("visit_types", "take it out of here")
        check.refuse(
            policy.places[where],
            f"{word} {', '.join(left)} has no class in dimension {quoted(dimension.name)}, so its "
            f"claims would be refused; add it to a class, or {else_}",
        )


def _nobody(policy: Policy, dimension: Dimension) -> Iterator[str]:
    """Yield why a class of a document's own dimension holds nobody."""
    if dimension.kind == "quantity":
        most = policy.quantities[dimension.column].most
        for word, begins in zip(dimension.values, dimension.thresholds, strict=True):
            if begins > most:
                yield (
                    f"class {quoted(word)} begins at {begins}, and quantity "
                    f"{quoted(dimension.column)} is never above {most}; correct one of the two"
                )
    decided = _decided(policy, dimension.column)
    if dimension.kind == "code" and decided:
        held = {class_of(dimension, code) for code in decided}
        for number, word in enumerate(dimension.values):
            if number not in held:
                yield (
                    f"no claim of this policy has class {quoted(word)}, for its "
                    f"{dimension.column.replace('_', ' ')} is {' or '.join(decided)}; delete the "
                    "class with its rows, or correct its codes"
                )


def _refuse_late(check: Checker, policy: Policy, parts: dict[str, Value]) -> None:
    """Refuse values that begin when the policy has ended by its own word, not by a reform."""
    until, block = policy.in_force_until, parts["in_force"]
    said = [
        entry.value
        for entry in (block if isinstance(block, Map) else ())
        if canonical(entry.key.value) == "until" and isinstance(entry.value, Text)
    ]
    if until is None or not said or said[0].place.file != policy.file:
        return
    for table in policy.tables.values():
        for version in table.versions:
            if version.start >= until:
                check.refuse(
                    version.place,
                    f"these values begin on {version.start}, when the policy has ended on {until}; "
                    "delete them or correct a date",
                )
