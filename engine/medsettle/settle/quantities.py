"""What the quantities of a policy are for some claims (`medsettle.policy.quantity.Quantity`)."""

from collections.abc import Sequence
from datetime import date

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


def quantity_values(
    quantity: Quantity,
    held: Sequence[object],
    days: NDArray[np.int64],
    start: YearStart,
) -> NDArray[np.int64]:
    """Return a quantity of each claim.

    Args:
        quantity: What to look at.
        held: What each of n claims states in its column; nothing is asked of the month's.
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
    held: Sequence[object],
    days: NDArray[np.int64],
    start: YearStart,
) -> NDArray[np.int64]:
    kind = quantity.kind
    if kind is QuantityKind.MONTH_OF:
        _, month, day = year_month_day(days)
        year, _, _ = year_month_day(days)
        months = (year - benefit_year(days, start)) * MONTHS_PER_YEAR + month - start.month
        return months - (day < start.day) + 1
    if kind is QuantityKind.NUMBER:
        return np.array([value or 0 for value in held], dtype=np.int64)
    if kind is QuantityKind.COUNT:
        return np.array([len(value) for value in held], dtype=np.int64)  # type: ignore[arg-type]
    # Nothing has passed since a day that is not stated.
    begun = [
        day_number(day) if isinstance(day, date) else on
        for day, on in zip(held, days.tolist(), strict=True)
    ]
    since = np.array(begun, dtype=np.int64)
    if kind is QuantityKind.DAYS_SINCE:
        return days - since
    if kind is QuantityKind.YEARS_SINCE:
        return age_years(since, days)
    year, month, _ = year_month_day(days)
    since_year, since_month, _ = year_month_day(since)
    return (year - since_year) * MONTHS_PER_YEAR + month - since_month
