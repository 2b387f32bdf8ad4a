"""What the quantities of a policy are for some claims (`medsettle.policy.quantity.Quantity`)."""

from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medsettle.core.dates import (
    MONTHS_PER_YEAR,
    YearStart,
    age_years,
    benefit_year,
    day_number,
    year_month_day,
)
from medsettle.policy.quantity import Quantity, QuantityKind

NO_DAY: Final = np.iinfo(np.int64).min
"""Stands for a date that is not stated."""


def held_by(quantity: Quantity, values: Sequence[object]) -> NDArray[np.int64]:
    """Return what claims state in the column of a quantity, as `quantity_values` takes it."""
    if quantity.kind is QuantityKind.NUMBER:
        found = [value or 0 for value in values]
    elif quantity.kind is QuantityKind.COUNT:
        found = [len(value) for value in values]  # type: ignore[arg-type]
    else:
        found = [day_number(value) if isinstance(value, date) else NO_DAY for value in values]
    return np.array(found, dtype=np.int64)


def quantity_values(
    quantity: Quantity,
    held: NDArray[np.int64],
    days: NDArray[np.int64],
    start: YearStart,
) -> NDArray[np.int64]:
    """Return a quantity of each claim.

    Args:
        quantity: What to look at.
        held: What each of n claims states in its column: a number or the length of a list, 0 where
            there is none; a date in days since 1970-01-01, `NO_DAY` where there is none. Nothing is
            asked of the month's.
        days: Shape (n,), the rule date of each, days since 1970-01-01.
        start: First day of the benefit year.

    Returns:
        Shape (n,), in 0..quantity.most.
    """
    source = np.maximum(_source(quantity, held, days, start) - quantity.less, 0)
    counted: NDArray[np.int64] = -(-np.minimum(source, quantity.at_most) // quantity.every)
    return np.minimum(counted, quantity.most)


def _source(
    quantity: Quantity,
    held: NDArray[np.int64],
    days: NDArray[np.int64],
    start: YearStart,
) -> NDArray[np.int64]:
    kind = quantity.kind
    if kind is QuantityKind.MONTH_OF:
        _, month, day = year_month_day(days)
        year, _, _ = year_month_day(days)
        months = (year - benefit_year(days, start)) * MONTHS_PER_YEAR + month - start.month
        return months - (day < start.day) + 1
    if kind in {QuantityKind.NUMBER, QuantityKind.COUNT}:
        return held
    # Nothing has passed since a day that is not stated.
    since = np.where(held == NO_DAY, days, held)
    if kind is QuantityKind.DAYS_SINCE:
        return days - since
    if kind is QuantityKind.YEARS_SINCE:
        return age_years(since, days)
    year, month, _ = year_month_day(days)
    since_year, since_month, _ = year_month_day(since)
    return (year - since_year) * MONTHS_PER_YEAR + month - since_month
