"""What a document sees in a claim, for the oracle: classes and quantities, in plain ifs.

It shares nothing with the engine but the meaning of the document: a claim is what was stated, one
value for each column, and nothing where nothing was stated.
"""

from collections.abc import Sequence
from datetime import date

from medsettle.policy.model import Dimension, Policy
from medsettle.policy.quantity import Quantity

from tests.reference_counters import Stated, anniversary


def classes_of(policy: Policy, stated: Stated, day: date) -> dict[str, int] | None:
    """Return the class of a claim in each dimension that is not counted; None where it has none."""
    found = {}
    for name, dimension in policy.dimensions.items():
        if dimension.kind in {"counter", "quantity"}:
            continue
        number = _class_of(dimension, stated, day)
        if number is None:
            return None
        found[name] = number
    return found


def quantities_of(policy: Policy, stated: Stated, day: date) -> dict[str, int]:
    """Return every quantity of a claim."""
    found = {}
    for name, quantity in policy.quantities.items():
        left = max(_source(policy, quantity, stated, day), 0) - quantity.less
        number = 0
        # One for every so many, and for a begun one too.
        for _ in range(0, min(max(left, 0), quantity.at_most), quantity.every):
            number += 1
        found[name] = number
    return found


# --- classes -------------------------------------------------------------------------------------


def _class_of(dimension: Dimension, stated: Stated, day: date) -> int | None:
    value = stated.get(dimension.column)
    if dimension.kind == "code":
        return _by_prefix(dimension, "none" if value is None else str(value))
    if dimension.kind == "codes":
        numbers = [_by_prefix(dimension, code) for code in _codes(value)]
        known = [number for number in numbers if number is not None]
        return min(known) if known else _by_prefix(dimension, "none")
    if dimension.kind == "group":
        (member,) = dimension.codes[1]
        return 1 if member in _codes(value) else 0
    if dimension.kind == "age":
        assert isinstance(value, date)
        return _last_begun(dimension.thresholds, full_years(value, day))
    assert dimension.kind == "date"
    return 0 if value is None else _last_begun(dimension.thresholds, _date(value).toordinal())


def _by_prefix(dimension: Dimension, code: str) -> int | None:
    """Return the class with the longest beginning of a code; None where no class has one."""
    best, longest = None, ""
    for number, beginnings in enumerate(dimension.codes):
        for beginning in beginnings:
            if code[: len(beginning)] == beginning and len(beginning) > len(longest):
                best, longest = number, beginning
    return best


def _last_begun(thresholds: Sequence[int], number: int) -> int:
    """Return the last class that begins at a number or before."""
    last = 0
    for position, threshold in enumerate(thresholds):
        if threshold <= number:
            last = position
    return last


def _codes(value: object) -> list[str]:
    return [] if value is None else [str(code) for code in value]  # type: ignore[attr-defined]


def _date(value: object) -> date:
    assert isinstance(value, date)
    return value


# --- quantities ----------------------------------------------------------------------------------


def _source(policy: Policy, quantity: Quantity, stated: Stated, day: date) -> int:
    """Return what a quantity is before anything is taken off; negative where it lies ahead."""
    if quantity.kind == "month_of":
        return _month_of_year(policy, day)
    value = stated.get(quantity.column)
    if value is None:
        return 0
    if quantity.kind == "number":
        assert isinstance(value, int)
        return value
    if quantity.kind == "count":
        return len(_codes(value))
    return _since(quantity, _date(value), day)


def _since(quantity: Quantity, begun: date, day: date) -> int:
    if quantity.kind == "days_since":
        return (day - begun).days
    if quantity.kind == "years_since":
        return full_years(begun, day)
    assert quantity.kind == "months_since"
    return day.year * 12 + day.month - begun.year * 12 - begun.month


def full_years(begun: date, day: date) -> int:
    """Return how many years since a day are full; none where it lies ahead."""
    years = 0
    while anniversary(begun, years + 1) <= day:
        years += 1
    return years


def _month_of_year(policy: Policy, day: date) -> int:
    """Return which month of its benefit year a day is in, from 1.

    A month of that year begins on the number of the day on which the year begins, and where there
    is no such day on the first one after.
    """
    start = policy.year_start
    begun = date(day.year, start.month, start.day)
    if begun > day:
        begun = date(day.year - 1, start.month, start.day)
    month = 0
    while _months_later(begun, month) <= day:
        month += 1
    return month


def _months_later(begun: date, months: int) -> date:
    year, month = divmod(begun.year * 12 + begun.month - 1 + months, 12)
    try:
        return date(year, month + 1, begun.day)
    except ValueError:
        return date(year, month + 2, 1)
