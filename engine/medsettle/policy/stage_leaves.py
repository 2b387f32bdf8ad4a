"""What a stage says, piece by piece: each table with its role, each switch with its word.

Showing and comparing documents walk the same pieces, whatever constructs a stage has: a piece is
found by its field, so that a new construct of the model is shown and compared without being listed
here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from typing import TypeGuard

from medsettle.policy.amount_of import AmountRounding, Base
from medsettle.policy.keys import BALANCE_LIMITS, DEDUCTIBLE_SIDES, SETTLEMENT
from medsettle.policy.model import Cap, Policy, Rate, RateSide, Stage
from medsettle.policy.tree import Place

# What is told apart from the questions, and where a name is none of a table.
_APART = {"name", "title", "source", "place", "when", "note"}
_NO_TABLES = {"counter", "counting", "times", "payer"}
# Whether the own or the payer's share is stated changes no rate; a target is a role of its own.
# What a cap limits, and in which counter, is in its head.
_SAID_BY_ROLE = {(Rate, "side"), (Cap, "on"), (Cap, "counter")}
_WORDS = {"counter": "per", "account_limited": "limit", "deductible_inside": "deductible"}


@dataclass(frozen=True, slots=True)
class Leaf:
    """One piece of a stage: a table in its role, or a switch in its words.

    `head` is the part of the stage it belongs to, `role` what it is in it.
    """

    head: str
    role: str
    table: str | None = None
    words: str | None = None
    own_side: bool = False


def stage_leaves(policy: Policy, stage: Stage) -> dict[str, Leaf]:
    """Return the pieces of a stage by role, the first of each, in the order of its questions."""
    found: dict[str, Leaf] = {}
    for leaf in all_leaves(policy, stage):
        found.setdefault(leaf.role, leaf)
    return found


def all_leaves(policy: Policy, stage: Stage) -> Iterator[Leaf]:
    """Yield the pieces of a stage in the order of its questions; caps may have one role."""
    for field in fields(stage):
        if field.name in _APART:
            continue
        value = getattr(stage, field.name)
        if field.name == "account_limited" and value:
            value = BALANCE_LIMITS[stage.payer]
        for leaf in _leaves(policy, field.name, value):
            # Where nothing is deducted it lies on neither side of the first band.
            if stage.deductible is not None or leaf.role != "bands.deductible":
                yield leaf


def _leaves(policy: Policy, name: str, value: object) -> Iterator[Leaf]:
    if isinstance(value, tuple) and value:
        for item in value:
            yield from _leaves(policy, _head_of(name, item), item)
    elif _is_part(value):
        yield from _part(policy, name, name, value)
    else:
        yield from _one(policy, (name, name), name, value)


def _is_part(value: object) -> TypeGuard[object]:
    return is_dataclass(value) and not isinstance(value, Base | type)


def _head_of(name: str, item: object) -> str:
    """Return what one of several parts is called: a cap by what it limits, and how it counts."""
    return f"cap on {item.on} per {item.counter or SETTLEMENT}" if isinstance(item, Cap) else name


def _part(policy: Policy, head: str, role: str, part: object) -> Iterator[Leaf]:
    """Yield the pieces of a part: its main table under the role itself."""
    assert is_dataclass(part)
    target = isinstance(part, Rate) and part.side is RateSide.TARGET
    own = isinstance(part, Rate) and part.side is RateSide.OWN
    for field in fields(part):
        value = getattr(part, field.name)
        if value == AmountRounding():
            continue
        if (type(part), field.name) in _SAID_BY_ROLE:
            continue
        if field.name == "counter" and value is None and head != "bands":
            value = SETTLEMENT
        # The amount of a deductible or cap is what it is, and no part of it.
        inner = role if field.name == "amount" else f"{role}.{_WORDS.get(field.name, field.name)}"
        if field.name == "table":
            own_role = f"{role}.target" if target else role
            yield Leaf(head, own_role, table=value, own_side=own)
        elif _is_part(value):
            yield from _part(policy, head, inner, value)
        elif isinstance(value, tuple):
            yield from _several(policy, (head, inner), field.name, value)
        else:
            yield from _one(policy, (head, inner), field.name, value)


def _several(
    policy: Policy, where: tuple[str, str], field: str, items: tuple[object, ...]
) -> Iterator[Leaf]:
    """Yield the pieces of a list: each table, some times a quantity; other words together."""
    head, role = where
    words = []
    for item in items:
        if isinstance(item, tuple) and item and item[0] in policy.tables:
            times = f" x {item[1]}" if item[1:] and item[1] is not None else ""
            yield Leaf(head, f"{role} {item[0]}{times}", table=str(item[0]))
        elif field not in _NO_TABLES and item in policy.tables:
            yield Leaf(head, f"{role} {item}" if len(items) > 1 else role, table=str(item))
        elif _is_part(item):
            yield from _part(policy, head, role, item)
        else:
            words.append(str(item))
    if words:
        yield Leaf(head, role, words=" + ".join(words))


def _one(policy: Policy, where: tuple[str, str], field: str, value: object) -> Iterator[Leaf]:
    head, role = where
    if field == "deductible_inside":
        yield Leaf(head, role, words=DEDUCTIBLE_SIDES[0 if value else 1])
        return
    if value is None or value is False or value == () or isinstance(value, Place):
        return
    if isinstance(value, Base):
        yield Leaf(head, role, words=base_words(value))
    elif isinstance(value, StrEnum):
        # A switch, also where some table is called like it.
        yield Leaf(head, role, words=str(value))
    elif isinstance(value, str) and field not in _NO_TABLES and value in policy.tables:
        yield Leaf(head, role, table=value)
    elif value is True:
        yield Leaf(head, role, words="yes")
    else:
        yield Leaf(head, _WORDS.get(role, role), words=str(value))


def base_words(base: Base) -> str:
    """Return the sum that a base is.

    >>> base_words(Base(("remaining",), ("own_expense",)))
    'remaining - own_expense'
    """
    return " + ".join(base.plus) + "".join(f" - {name}" for name in base.minus)


def texts_of(value: object) -> Iterator[str]:
    """Yield every text in a part of a document, whatever constructs it has."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from texts_of(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from texts_of(getattr(value, field.name))
