"""An amount as notices state it: so much, so many times, by a factor, with additions, limited.

Deductibles, caps, payouts and whatever else is an amount say it with the same words, so that per
day, per session, per child, for each month so far, for each year of enrolment, a part of a wage or
an income, and a day's wage for each day of leave are one construct.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from medsettle.core.money import Rounding


@dataclass(frozen=True, slots=True)
class Base:
    """A sum of named amounts less others; never below zero."""

    plus: tuple[str, ...]
    minus: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """A table of amounts, by the factor of another where one is named: 60 % of a local wage."""

    table: str
    factor: str | None = None


@dataclass(frozen=True, slots=True)
class AmountRounding:
    """Where and to what the product with the factor is rounded (Q7, O7).

    With `each`, the factor is taken and rounded for one unit, before the amount is taken times
    anything: 8,000 / 30 is 266.67 a day, 26,133.66 for 98 days. Without, once for the whole:
    26,133.33. `to_fen` is 1, or 100 for whole yuan.
    """

    each: bool = False
    to_fen: int = 1
    mode: Rounding = Rounding.HALF_UP


@dataclass(frozen=True, slots=True)
class AmountOf:
    """An amount of a table, or of named amounts, and everything that changes it, in one order.

    The amount of `table`, or of the sum `of` in whole fen, is no less than `least` and no more than
    `most`; it is taken times the quantity `times` (Q5, Q6, C5), or times all of `counts` together,
    tables of counts of which some are for each of a quantity (Q7); then by the factor of the table
    `factor`, rounded as `rounding` says (C14, D13, D14, C10); then each amount of `plus` is added,
    some times a quantity (C6, C11, Q4); in the end it is no more than the amount of `at_most`. 300
    yuan for each of 3 months, of which 120 % are 1,080, with 50 for each of 2 children, at most
    1,150, is 1,150 yuan.
    """

    table: str | None
    times: str | None = None
    factor: str | None = None
    plus: tuple[tuple[str, str | None], ...] = ()
    at_most: str | None = None
    of: Base | None = None
    least: Bound | None = None
    most: Bound | None = None
    counts: tuple[tuple[str, str | None], ...] = ()
    rounding: AmountRounding = AmountRounding()

    def tables(self) -> tuple[str, ...]:
        """Return the names of all tables the amount is made of."""
        return tuple(name for name in self._tables() if name is not None)

    def _tables(self) -> Iterator[str | None]:
        yield self.table
        for bound in (self.least, self.most):
            if bound is not None:
                yield from (bound.table, bound.factor)
        yield from (table for table, _ in self.counts)
        yield self.factor
        yield from (table for table, _ in self.plus)
        yield self.at_most

    def quantities(self) -> tuple[str, ...]:
        """Return the names of all quantities the amount is made of."""
        named = (self.times, *(times for _, times in (*self.counts, *self.plus)))
        return tuple(name for name in named if name is not None)
