"""What is left of the counted limits of a policy, for a person of whom some facts are stated.

Every class that is not stated is tried: where all of them have one limit, that is the limit, and
where they differ, the facts that make the difference are named instead of a number. Values come out
of the limit's own program (`medsettle.policy.counted_limits`), never of a second calculation.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import product
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core import schema
from medsettle.core.counters import ACCOUNT, BALANCES, CounterKey, CounterValues
from medsettle.core.dates import age_years, day_number
from medsettle.core.enquiries import LimitLeft, StatedFacts
from medsettle.core.relatives import Person
from medsettle.core.settlement import Row
from medsettle.policy.compiled import CompiledPolicy, band_of, class_of, group_class, list_class
from medsettle.policy.counted_limits import APPLIES, LEFT, LIMIT, CountedLimit
from medsettle.policy.keys import NONE
from medsettle.policy.model import Counter, Dimension
from medsettle.policy.program import Program
from medsettle.policy.quantity import QuantityKind
from medsettle.settle.counter_keys import counter_key, stored_name
from medsettle.settle.quantities import held_by, quantity_values
from medsettle.settle.scalar import scalar_function

_Axes: TypeAlias = dict[str, tuple[str, int]]
"""Columns of the dimensions that are not stated, and how many classes each has, by input."""

_COUNTER, _DIMENSION, _QUANTITY, _CLAIM = "counter:", "dimension:", "quantity:", "claim:"
_NOT_KNOWN: Final = -1
_NO_CLASS: Final = -1


def limits_left(
    policy: CompiledPolicy,
    person: Person,
    facts: StatedFacts,
    today: date,
    counters: CounterValues,
) -> Iterator[LimitLeft]:
    """Yield the counted limits of a policy that are, or may be, for a person, in stage order.

    Args:
        policy: A policy in force today.
        person: Whose limits.
        facts: What is stated of the person.
        today: The day that decides versions, periods and ages.
        counters: Reads what has been counted.
    """
    asked = _Asked(policy, person, facts, today, counters)
    for limit in policy.counted_limits:
        found = asked.left(limit)
        if found is not None:
            yield found


@dataclass(slots=True)
class _Asked:
    """One question: a policy, a person, what is known of the person, and the day."""

    policy: CompiledPolicy
    person: Person
    facts: StatedFacts
    today: date
    read: CounterValues
    claim: Row = field(init=False)
    known: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Lay out what is known as the columns of a claim of today."""
        stated = {name: value for name, value in self.facts.row().items() if value}
        stated |= {
            "pooling_area": self.person.pooling_area,
            "person": self.person.person,
            "insurance_type": self.policy.policy.insurance_type,
            self.policy.policy.rule_date: self.today,
        }
        if stated.get("benefit_groups") == (NONE,):
            stated["benefit_groups"] = ()
        self.known = frozenset(stated)
        self.claim = {column.name: None for column in schema.CLAIM} | stated

    def left(self, limit: CountedLimit) -> LimitLeft | None:
        """Return a limit with what is left of it; None where it is not for this person."""
        counter = self.policy.policy.counters[limit.counter]
        key, missing = self._key(counter)
        if limit.program is None:
            return self._told(limit, key, None, None, (*limit.bill, *missing))
        inputs, axes, needs = self._inputs(limit.program, limit.limit_inputs)
        if inputs is None:
            return None
        values, left = _values(limit.program, inputs, axes)
        if needs or values is None:
            needs = (*needs, *(column for column, _ in axes.values()))
            return self._told(limit, key, None, None, (*needs, *missing))
        found = np.unique(values)
        if found.tolist() == [_NOT_KNOWN]:
            return None
        if len(found) > 1:
            needs = _deciding(values, axes)
            return self._told(limit, key, None, None, (*needs, *missing))
        over = None if key is None else int(left.flat[0])
        return self._told(limit, key, int(found[0]), over, missing)

    def _told(
        self,
        limit: CountedLimit,
        key: CounterKey | None,
        fen: int | None,
        left: int | None,
        needs: tuple[str, ...],
    ) -> LimitLeft:
        document = self.policy.policy
        name = stored_name(document.insurance_type, limit.counter)
        return LimitLeft(
            policy=document.name,
            insurance_type=document.insurance_type,
            visit_types=document.visit_types,
            stage=limit.stage.name,
            title=limit.stage.title,
            kind=limit.kind,
            counter=name if key is None else key.counter,
            period=None if key is None else key.period,
            limit_fen=fen,
            used_fen=None if key is None else self.read([key]).get(key, 0),
            left_fen=left,
            needs=tuple(dict.fromkeys(needs)),
            source=document.sources[limit.stage.source].title,
        )

    # --- what is known ---------------------------------------------------------------------

    def _inputs(
        self, program: Program, deciding: frozenset[str]
    ) -> tuple[dict[str, int] | None, _Axes, tuple[str, ...]]:
        """Return the inputs of a limit that are known, the classes to try, and what is missing.

        The inputs are None where the person belongs to no class of a dimension: what the document
        does not cover has no limit.
        """
        inputs: dict[str, int] = {}
        axes: _Axes = {}
        needs: list[str] = []
        for name in program.inputs:
            value, missing = self._input(name)
            if value is not None:
                inputs[name] = value
            elif name.startswith(_DIMENSION):
                dimension = self.policy.policy.dimensions[name.removeprefix(_DIMENSION)]
                axes[name] = (dimension.column, len(dimension.values))
            else:
                inputs[name] = 0
                needs += missing if name in deciding else ()
        if any(inputs.get(name) == _NO_CLASS for name in deciding):
            return None, axes, ()
        return inputs, axes, tuple(needs)

    def _input(self, name: str) -> tuple[int | None, tuple[str, ...]]:
        """Return an input of the program, or None and the columns that would say it."""
        document = self.policy.policy
        if name.startswith(_DIMENSION):
            return self._class(document.dimensions[name.removeprefix(_DIMENSION)]), ()
        if name.startswith(_COUNTER):
            return self._counted(name.removeprefix(_COUNTER))
        if name.startswith(_CLAIM):
            return None, (f"{name.removeprefix(_CLAIM)}_fen",)
        days = np.array([day_number(self.today)], dtype=np.int64)
        if name.startswith(_QUANTITY):
            quantity = document.quantities[name.removeprefix(_QUANTITY)]
            if quantity.kind is not QuantityKind.MONTH_OF and quantity.column not in self.known:
                return None, (quantity.column,)
            start = document.year_start
            held = held_by(quantity, [self.claim.get(quantity.column)])
            return int(quantity_values(quantity, held, days, start)[0]), ()
        ordinal = np.array([self.today.toordinal()], dtype=np.int64)
        return max(int(self.policy.epoch_of(ordinal)[0]), 0), ()

    def _class(self, dimension: Dimension) -> int | None:
        """Return the class number of the person in a dimension, None where it is not known."""
        if dimension.column not in self.known:
            return None
        held = self.claim[dimension.column]
        if dimension.kind == "code":
            return class_of(dimension, str(held))
        if dimension.kind == "age":
            assert isinstance(held, date)
            born, on = (np.array([day_number(day)]) for day in (held, self.today))
            return int(band_of(dimension, age_years(born, on))[0])
        if dimension.kind == "date":
            assert isinstance(held, date)
            return int(band_of(dimension, np.array([held.toordinal()]))[0])
        assert isinstance(held, tuple)
        choose = group_class if dimension.kind == "group" else list_class
        return choose(dimension, held)

    # --- what was counted ------------------------------------------------------------------

    def _counted(self, name: str) -> tuple[int | None, tuple[str, ...]]:
        """Return what a counter holds now, or None and what would say which one it is."""
        if name == ACCOUNT:
            return self._held(CounterKey(*self.person, ACCOUNT, 0)), ()
        if name in BALANCES:
            return None, (name,)
        key, missing = self._key(self.policy.policy.counters[name])
        return (None, missing) if key is None else (self._held(key), ())

    def _held(self, key: CounterKey) -> int:
        return self.read([key]).get(key, 0)

    def _key(self, counter: Counter) -> tuple[CounterKey | None, tuple[str, ...]]:
        """Return the key of a counter for this person today, or None and the missing columns."""
        dimensions = self.policy.policy.dimensions
        columns = [counter.dated_by, counter.since]
        classes: dict[str, int] = {}
        for name in counter.split_by:
            if name not in dimensions:
                columns.append(name)
                continue
            number = self._class(dimensions[name])
            columns.append(dimensions[name].column)
            classes[f"{_DIMENSION}{name}"] = _NO_CLASS if number is None else number
        missing = tuple(name for name in columns if name is not None and name not in self.known)
        if missing or _NO_CLASS in classes.values():
            return None, missing
        return counter_key(self.policy, counter, self.claim, classes), ()


def _values(
    program: Program, inputs: Mapping[str, int], axes: _Axes
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64]]:
    """Return the limit for every combination of the classes to try, and what is left of it.

    The limit is `_NOT_KNOWN` where the stage is not for that combination; it is None where there
    are more combinations than a batch has claims.
    """
    shape = tuple(size for _, size in axes.values())
    count = int(np.prod(shape, dtype=np.int64))
    nothing = np.zeros(0, dtype=np.int64)
    if count > limits.CLAIMS_PER_BATCH_MAX:
        return None, nothing
    limit = scalar_function(program, [APPLIES, LIMIT, LEFT])
    # Most questions are for one combination, or a handful; the interpreter is for batches.
    found = np.array(
        [
            limit({**inputs, **dict(zip(axes, classes, strict=True))})
            for classes in product(*(range(size) for size in shape))
        ],
        dtype=np.int64,
    ).reshape(*shape, 3)
    applies, fen, left = np.moveaxis(found, -1, 0)
    return np.where(applies > 0, fen, _NOT_KNOWN), left


def _deciding(values: NDArray[np.int64], axes: _Axes) -> tuple[str, ...]:
    """Return the columns of the dimensions along which a limit differs."""
    return tuple(
        column
        for axis, (column, _) in enumerate(axes.values())
        if (values != values.take([0], axis=axis)).any()
    )
