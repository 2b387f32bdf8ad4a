"""What a quantity of a claim is: days, persons, months since a date."""

from dataclasses import dataclass
from enum import StrEnum

from medsettle import limits


class QuantityKind(StrEnum):
    """What a quantity is before anything is taken off."""

    NUMBER = "number"
    YEARS_SINCE = "years_since"
    MONTHS_SINCE = "months_since"
    DAYS_SINCE = "days_since"
    MONTH_OF = "month_of"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A whole number that rules look at: days of a stay, children, months since an approval.

    Of the source is taken `less`, never below zero; then it is at most `at_most`; then every
    `every` of it, a begun one too, counts as one. What a claim does not state is zero, and so is
    the time since a date that is not stated or lies ahead. From March to April is one month.
    """

    name: str
    kind: QuantityKind
    column: str
    less: int = 0
    at_most: int = limits.QUANTITY_MAX
    every: int = 1

    @property
    def most(self) -> int:
        """The most it can be."""
        return -(-min(self.at_most, limits.QUANTITY_MAX) // self.every)
