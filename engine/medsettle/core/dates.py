"""Dates and periods of China Standard Time.

A date is an int32 number of days since 1970-01-01; no date is ever derived from a timestamp except
through `service_day_of`. Counters live in periods; a period key is a plain integer that sorts.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

DayArray: TypeAlias = NDArray[np.int32] | NDArray[np.int64]

MONTHS_PER_YEAR: Final = 12
CHINA_STANDARD_TIME = timezone(timedelta(hours=8), "CST")
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Period(StrEnum):
    """In which stretch of time a counter counts before it starts again from zero."""

    DAY = "day"
    MONTH = "month"
    QUARTER = "quarter"
    BENEFIT_YEAR = "benefit_year"
    LIFE = "life"
    TREATMENT_YEAR = "treatment_year"


@dataclass(frozen=True, slots=True)
class YearStart:
    """First day of a benefit year: 1 January in most areas, 1 July or 1 September in some."""

    month: int = 1
    day: int = 1


def day_number(value: date) -> int:
    """Return days since 1970-01-01.

    >>> day_number(date(1970, 1, 2))
    1
    """
    return value.toordinal() - _EPOCH_ORDINAL


def date_of(day: int) -> date:
    """Return the date of a day number.

    >>> date_of(19_844)
    datetime.date(2024, 5, 1)
    """
    return date.fromordinal(int(day) + _EPOCH_ORDINAL)


def service_day_of(moment: datetime) -> date:
    """Return the date a moment falls on in China Standard Time.

    >>> from datetime import UTC
    >>> service_day_of(datetime(2023, 12, 31, 16, 0, tzinfo=UTC))
    datetime.date(2024, 1, 1)
    """
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone has no date; attach one")
    return moment.astimezone(CHINA_STANDARD_TIME).date()


def microseconds(moment: datetime) -> int:
    """Return a moment as stores count it: microseconds since 1970-01-01 UTC.

    >>> from datetime import UTC
    >>> microseconds(datetime(1970, 1, 2, 0, 0, 0, 3, tzinfo=UTC))
    86400000003
    """
    assert moment.tzinfo is not None, "a clock needs a time zone"
    return (moment - _EPOCH) // _MICROSECOND


def benefit_year(days: DayArray, start: YearStart) -> NDArray[np.int64]:
    """Return the benefit year of each day: the calendar year in which that year began.

    Args:
        days: Shape (n,), days since 1970-01-01.
        start: First day of the benefit year.

    Returns:
        Shape (n,), such as 2024.

    >>> july = YearStart(7, 1)
    >>> benefit_year(np.array([day_number(date(2024, 6, 30)), day_number(date(2024, 7, 1))]), july)
    array([2023, 2024])
    """
    year, month, day = year_month_day(days)
    before = (month < start.month) | ((month == start.month) & (day < start.day))
    years: NDArray[np.int64] = year - before
    return years


def year_month_day(
    days: DayArray,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return year, month 1-12 and day 1-31 of each day number, shape (n,) each."""
    if len(days) > _FEW_DAYS:
        low, high = int(days.min()), int(days.max())
        if high - low < len(days) // 2:
            # Many claims have few days, so that each is worked out once.
            every = _year_month_day(np.arange(low, high + 1))
            at = days - low
            return every[0][at], every[1][at], every[2][at]
    return _year_month_day(days)


_FEW_DAYS = 1_024


def _year_month_day(
    days: DayArray,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    moments = np.asarray(days).astype("datetime64[D]")
    months = moments.astype("datetime64[M]")
    year = months.astype("datetime64[Y]").astype(np.int64) + 1970
    month = months.astype(np.int64) % 12 + 1
    day = (moments - months).astype(np.int64) + 1
    return year, month, day


def period_key(days: DayArray, period: Period, start: YearStart) -> NDArray[np.int64]:
    """Return the key of the period each day falls into, shape (n,).

    Months are `year * 100 + month`, quarters `year * 10 + quarter`, days the day number, a life
    always 0.

    >>> period_key(np.array([19_844]), Period.MONTH, YearStart())
    array([202405])

    Raises:
        ValueError: The period is a treatment year, which begins on a day of its own
            (`rolling_period`).
    """
    if period is Period.TREATMENT_YEAR:
        raise ValueError("a treatment year has no key without the day on which it began")
    if period is Period.BENEFIT_YEAR:
        return benefit_year(days, start)
    if period is Period.DAY:
        return np.asarray(days).astype(np.int64)
    if period is Period.LIFE:
        return np.zeros(len(days), dtype=np.int64)
    year, month, _ = year_month_day(days)
    if period is Period.MONTH:
        return year * 100 + month
    return year * 10 + (month - 1) // 3 + 1


def rolling_period(days: DayArray, since: DayArray, years: int) -> NDArray[np.int64]:
    """Return the key of the period of some years that each day falls into, counted from a day.

    The key is the day number on which the period begins, so that a new start begins a new count.

    Args:
        days: Shape (n,).
        since: Shape (n,), when the first period began; a later one than the day counts as the day.
        years: How many years a period lasts, from 1 on.

    >>> begun, on = day_number(date(2023, 3, 15)), day_number(date(2025, 3, 14))
    >>> date_of(rolling_period(np.array([on]), np.array([begun]), 1)[0])
    datetime.date(2024, 3, 15)
    """
    since = np.minimum(since, days)
    whole = age_years(since, days) // years * years
    year, month, day = year_month_day(since)
    months = ((year + whole - 1970) * 12 + month - 1).astype("datetime64[M]")
    # The day after 28 February is 1 March in other years: when a year since 29 February is full.
    starts: NDArray[np.int64] = months.astype("datetime64[D]").astype(np.int64) + day - 1
    return starts


def full_years(birth: date, on: date) -> int:
    """Return full years of age of one person on a day, as `age_years` does.

    >>> full_years(date(1954, 5, 2), date(2024, 5, 1))
    69
    """
    return on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))


def age_years(birth_days: DayArray, on_days: DayArray) -> NDArray[np.int64]:
    """Return full years of age on a day, shape (n,).

    A person born on 29 February completes a year on 1 March of other years.

    >>> born, on = day_number(date(1954, 5, 2)), day_number(date(2024, 5, 1))
    >>> age_years(np.array([born]), np.array([on]))
    array([69])
    """
    year, month, day = year_month_day(on_days)
    birth_year, birth_month, birth_day = year_month_day(birth_days)
    early = (month < birth_month) | ((month == birth_month) & (day < birth_day))
    years: NDArray[np.int64] = year - birth_year - early
    return years
