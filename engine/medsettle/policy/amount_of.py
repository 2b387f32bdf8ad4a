"""An amount as notices state it: so much, so many times, by a factor, with additions, limited.

Deductibles, caps and whatever else is an amount say it with the same words, so that per day, per
session, per child, for each month so far and for each year of enrolment are one construct.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AmountOf:
    """An amount of a table, and everything that changes it, in one order.

    The amount of `table`, times the quantity `times` (Q5, Q6, C5), by the factor of the table
    `factor`, rounded half up to the fen (C14, D13); then each amount of `plus` is added, some times
    a quantity (C6, C11, Q4); in the end it is no more than the amount of `at_most`. 300 yuan for
    each of 3 months, of which 120 % are 1,080, with 50 for each of 2 children, at most 1,150, is
    1,150 yuan.
    """

    table: str
    times: str | None = None
    factor: str | None = None
    plus: tuple[tuple[str, str | None], ...] = ()
    at_most: str | None = None

    def tables(self) -> tuple[str, ...]:
        """Return the names of all tables the amount is made of."""
        others = (self.factor, *(table for table, _ in self.plus), self.at_most)
        return (self.table, *(name for name in others if name is not None))

    def quantities(self) -> tuple[str, ...]:
        """Return the names of all quantities the amount is made of."""
        named = (self.times, *(times for _, times in self.plus))
        return tuple(name for name in named if name is not None)
