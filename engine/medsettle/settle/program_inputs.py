"""The inputs of a policy's program that do not change within a batch, as columns of whole numbers.

What they are is said once here, for claims of a batch and for claims of a table alike: whoever has
claims says what they state as numbers (`Stated`), and gets the columns that a program reads.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from medsettle.core import schema
from medsettle.core.claims import ClaimBatch
from medsettle.core.dates import age_years, day_number
from medsettle.policy.compiled import CompiledPolicy, band_of
from medsettle.policy.quantity import QuantityKind
from medsettle.settle.claim_lines import Prepared, pot_names
from medsettle.settle.quantities import NO_DAY, quantity_values

Column: TypeAlias = NDArray[np.int64]

_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_NOTHING: Final = np.zeros(0, dtype=np.int64)


class Stated(Protocol):
    """What n claims of one policy state, by names of columns; each answer has shape (n,), int64."""

    def days(self, name: str) -> Column:
        """Return a date in days since 1970-01-01, `NO_DAY` where it is not stated."""
        ...

    def numbers(self, name: str) -> Column:
        """Return a number or a switch, 0 where it is not stated."""
        ...

    def known(self, name: str) -> Column:
        """Return 1 where something is stated, else 0."""
        ...

    def counts(self, name: str) -> Column:
        """Return how many codes a list has."""
        ...

    def classes(self, position: int) -> Column:
        """Return the class by codes or groups of the dimension at a position of the policy."""
        ...


@dataclass(frozen=True)
class ProgramInputs:
    """The inputs of a policy's program for n claims.

    Args:
        policy: The policy that decides the claims.
        claims: What they state.
        pots: Shape (n, k), fen, by the pots of the policy's area and in their order.
    """

    policy: CompiledPolicy
    claims: Stated
    pots: NDArray[np.int64]

    @cached_property
    def days(self) -> Column:
        """The day that decides rule version and period of each claim (shape T2)."""
        return self.claims.days(self.policy.policy.rule_date)

    def names(self) -> Iterator[str]:
        """Yield the names of all inputs but counters, and of what counters are split by."""
        yield from (f"pot:{name}" for name in pot_names(self.policy.area))
        yield from ("total", "epoch")
        yield from (f"dimension:{dimension.name}" for dimension in self.policy.dimensions)
        yield from (f"quantity:{quantity.name}" for quantity in self.policy.quantities)
        for name in schema.CLAIM_AMOUNTS:
            yield from (f"claim:{name}", f"stated:{name}")
        yield "account_used"

    def column(self, name: str) -> Column:
        """Return an input, shape (n,), int64, contiguous.

        Raises:
            KeyError: The policy has none of that name.
        """
        kind, _, own = name.partition(":")
        if kind == "pot":
            found = self.pots[:, pot_names(self.policy.area).index(own)]
        elif kind == "total":
            found = self.pots.sum(axis=1)
        elif kind == "epoch":
            found = self.policy.epoch_of(self.days + _EPOCH_ORDINAL)
        elif kind == "dimension":
            found = self._class_of(own)
        elif kind == "quantity":
            found = self._quantity(own)
        elif kind == "claim":
            found = self.claims.numbers(f"{own}_fen")
        elif kind == "stated":
            found = self.claims.known(f"{own}_fen")
        elif kind == "account_used":
            found = self.claims.numbers(kind)
        else:
            raise KeyError(name)
        return np.ascontiguousarray(found)

    def _class_of(self, name: str) -> Column:
        names = [dimension.name for dimension in self.policy.dimensions]
        position = names.index(name)
        dimension = self.policy.dimensions[position]
        if dimension.kind == "age":
            return band_of(dimension, age_years(self.claims.days("birth_date"), self.days))
        if dimension.kind == "date":
            days = self.claims.days(dimension.column)
            return band_of(dimension, np.where(days == NO_DAY, 0, days + _EPOCH_ORDINAL))
        return self.claims.classes(position)

    def _quantity(self, name: str) -> Column:
        (quantity,) = [each for each in self.policy.quantities if each.name == name]
        column, kind = quantity.column, quantity.kind
        if kind is QuantityKind.MONTH_OF:
            held = _NOTHING
        elif kind is QuantityKind.NUMBER:
            held = self.claims.numbers(column)
        elif kind is QuantityKind.COUNT:
            held = self.claims.counts(column)
        else:
            held = self.claims.days(column)
        return quantity_values(quantity, held, self.days, self.policy.policy.year_start)


@dataclass(frozen=True, slots=True)
class _OfBatch:
    """What some claims of a batch state."""

    batch: ClaimBatch
    rows: Sequence[int]
    prepared: Prepared

    def _values(self, name: str) -> Sequence[Any]:
        column = self.batch.column(name)
        if len(self.rows) == len(self.batch):
            return column
        return [column[row] for row in self.rows]

    def days(self, name: str) -> Column:
        return days_of(self._values(name))

    def numbers(self, name: str) -> Column:
        return np.array([value or 0 for value in self._values(name)], dtype=np.int64)

    def known(self, name: str) -> Column:
        return np.array([value is not None for value in self._values(name)], dtype=np.int64)

    def counts(self, name: str) -> Column:
        return np.array([len(value) for value in self._values(name)], dtype=np.int64)

    def classes(self, position: int) -> Column:
        facts = self.prepared.facts
        return np.array(
            [fact.classes[position] for row in self.rows if (fact := facts[row])], dtype=np.int64
        )


def static_columns(
    policy: CompiledPolicy, batch: ClaimBatch, rows: Sequence[int], prepared: Prepared
) -> dict[str, Column]:
    """Return the inputs of a policy's program that do not change within a batch.

    Args:
        policy: The policy that decides the claims at `rows`.
        batch: The batch.
        rows: Positions of the claims, rising.
        prepared: The prepared batch.

    Returns:
        Columns of shape (len(rows),), int64, keyed by input name.
    """
    sums = prepared.pots[np.array(rows, dtype=np.int64)]
    inputs = ProgramInputs(policy, _OfBatch(batch, rows, prepared), sums)
    return {name: inputs.column(name) for name in inputs.names()}


def rule_days(policy: CompiledPolicy, claims: Sequence[dict[str, object]]) -> Column:
    """Return the day that decides rule version and period of each claim (shape T2)."""
    column = policy.policy.rule_date
    return days_of([claim[column] for claim in claims])


def days_of(dates: Sequence[Any]) -> Column:
    """Return dates as days since 1970-01-01, `NO_DAY` for None; the same is often many claims'."""
    numbers = {day: NO_DAY if day is None else day_number(day) for day in {*dates}}
    return np.fromiter(map(numbers.__getitem__, dates), dtype=np.int64, count=len(dates))
