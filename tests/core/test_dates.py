"""Dates, benefit years, period keys and ages around every edge."""

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle import limits
from medsettle.core import dates
from medsettle.core.dates import Period, YearStart

_FIRST = date(limits.SERVICE_YEAR_MIN, 1, 1)
_LAST = date(limits.SERVICE_YEAR_MAX, 12, 31)
_DAYS = st.dates(_FIRST, _LAST)
_JULY = YearStart(7, 1)
_SEPTEMBER = YearStart(9, 1)

_KEYED = [period for period in Period if period is not Period.TREATMENT_YEAR]


def _numbers(*days: date) -> dates.DayArray:
    return np.array([dates.day_number(day) for day in days], np.int32)


@given(_DAYS)
def test_day_number_is_undone(day: date) -> None:
    """A date and its day number are the same thing."""
    assert day == dates.date_of(dates.day_number(day))


@given(_DAYS)
def test_year_month_day_agrees_with_the_calendar(day: date) -> None:
    """The columns of year, month and day are those of the calendar."""
    year, month, number = dates.year_month_day(_numbers(day))

    assert (day.year, day.month, day.day) == (year[0], month[0], number[0])


@pytest.mark.parametrize("count", [1_024, 1_025])
@pytest.mark.parametrize("width", [np.int32, np.int64])
def test_many_days_of_few_agree_with_the_calendar(count: int, width: type) -> None:
    """A day that comes again is worked out once, from so many on; leap days are among them."""
    first = dates.day_number(date(2023, 12, 25))
    days: dates.DayArray = (first + np.arange(count) % 400).astype(width)

    found = zip(*(column.tolist() for column in dates.year_month_day(days)), strict=True)

    calendar = [date.fromordinal(date(2023, 12, 25).toordinal() + at % 400) for at in range(count)]
    assert [(each.year, each.month, each.day) for each in calendar] == list(found)


def test_days_before_1970_have_the_right_month() -> None:
    """A birth before the epoch, where day numbers are negative, is not moved by a division."""
    year, month, number = dates.year_month_day(_numbers(date(1969, 12, 31), date(1920, 2, 29)))

    assert [1969, 1920] == year.tolist()
    assert [12, 2] == month.tolist()
    assert [31, 29] == number.tolist()


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        pytest.param(
            datetime(2023, 12, 31, 15, 59, 59, tzinfo=UTC), date(2023, 12, 31), id="before"
        ),
        pytest.param(datetime(2023, 12, 31, 16, 0, tzinfo=UTC), date(2024, 1, 1), id="midnight"),
        pytest.param(
            datetime(2024, 1, 1, 0, 0, tzinfo=timezone(timedelta(hours=9))),
            date(2023, 12, 31),
            id="another-zone",
        ),
    ],
)
def test_service_day_is_that_of_china(moment: datetime, day: date) -> None:
    """A moment falls on the day it has in China Standard Time, wherever it was written."""
    assert day == dates.service_day_of(moment)


def test_a_moment_without_zone_has_no_day() -> None:
    """A naive timestamp is refused, because its day would be a guess."""
    with pytest.raises(ValueError, match="without a time zone"):
        dates.service_day_of(datetime(2024, 1, 1))  # noqa: DTZ001 - the naive moment is the case


@pytest.mark.parametrize(
    ("start", "day", "year"),
    [
        pytest.param(YearStart(), date(2023, 12, 31), 2023, id="january-last-day"),
        pytest.param(YearStart(), date(2024, 1, 1), 2024, id="january-first-day"),
        pytest.param(YearStart(), date(2024, 12, 31), 2024, id="january-leap-year-end"),
        pytest.param(_JULY, date(2024, 6, 30), 2023, id="july-last-day"),
        pytest.param(_JULY, date(2024, 7, 1), 2024, id="july-first-day"),
        pytest.param(_JULY, date(2024, 12, 31), 2024, id="july-old-year-end"),
        pytest.param(_JULY, date(2025, 1, 1), 2024, id="july-new-year"),
        pytest.param(_JULY, date(2025, 6, 30), 2024, id="july-next-last-day"),
        pytest.param(_JULY, date(2025, 7, 1), 2025, id="july-next-first-day"),
        pytest.param(_SEPTEMBER, date(2024, 8, 31), 2023, id="september-last-day"),
        pytest.param(_SEPTEMBER, date(2024, 9, 1), 2024, id="september-first-day"),
        pytest.param(YearStart(7, 15), date(2024, 7, 14), 2023, id="mid-month-last-day"),
        pytest.param(YearStart(7, 15), date(2024, 7, 15), 2024, id="mid-month-first-day"),
    ],
)
def test_benefit_year_begins_on_its_first_day(start: YearStart, day: date, year: int) -> None:
    """The day before the first of a benefit year belongs to the year before."""
    assert [year] == dates.benefit_year(_numbers(day), start).tolist()
    assert [year] == dates.period_key(_numbers(day), Period.BENEFIT_YEAR, start).tolist()


@given(_DAYS, st.sampled_from([YearStart(), _JULY, _SEPTEMBER, YearStart(12, 31)]))
def test_benefit_year_holds_its_own_day(day: date, start: YearStart) -> None:
    """A day lies between the first day of its benefit year and the first of the next."""
    year = int(dates.benefit_year(_numbers(day), start)[0])

    assert date(year, start.month, start.day) <= day < date(year + 1, start.month, start.day)


@pytest.mark.parametrize(
    ("period", "last", "first", "keys"),
    [
        pytest.param(
            Period.MONTH,
            date(2023, 12, 31),
            date(2024, 1, 1),
            [202312, 202401],
            id="year-of-months",
        ),
        pytest.param(
            Period.MONTH, date(2024, 2, 29), date(2024, 3, 1), [202402, 202403], id="leap-february"
        ),
        pytest.param(
            Period.QUARTER, date(2024, 3, 31), date(2024, 4, 1), [20241, 20242], id="quarter"
        ),
        pytest.param(
            Period.QUARTER,
            date(2024, 12, 31),
            date(2025, 1, 1),
            [20244, 20251],
            id="year-of-quarters",
        ),
        pytest.param(Period.DAY, date(1970, 1, 1), date(1970, 1, 2), [0, 1], id="day"),
        pytest.param(Period.LIFE, date(1998, 1, 1), date(2099, 12, 31), [0, 0], id="life"),
    ],
)
def test_period_key_changes_at_the_edge(
    period: Period, last: date, first: date, keys: list[int]
) -> None:
    """The last day of a period and the first of the next have different, ordered keys."""
    assert keys == dates.period_key(_numbers(last, first), period, YearStart()).tolist()


@given(_DAYS, st.sampled_from([Period.MONTH, Period.QUARTER, Period.DAY]))
def test_calendar_periods_ignore_the_benefit_year(day: date, period: Period) -> None:
    """A benefit year that starts in July moves no month, quarter or day."""
    number = _numbers(day)

    expected = dates.period_key(number, period, YearStart()).tolist()

    assert expected == dates.period_key(number, period, _JULY).tolist()


@given(st.lists(_DAYS, min_size=2, max_size=20), st.sampled_from(_KEYED), st.booleans())
def test_period_keys_sort_as_days_do(days: list[date], period: Period, from_july: bool) -> None:
    """A later day never has a smaller key, and keys are int64."""
    start = _JULY if from_july else YearStart()
    keys = dates.period_key(_numbers(*sorted(days)), period, start)

    assert np.int64 == keys.dtype
    assert sorted(keys.tolist()) == keys.tolist()


@pytest.mark.parametrize(
    ("birth", "on", "age"),
    [
        pytest.param(date(1954, 5, 2), date(2024, 5, 1), 69, id="day-before-birthday"),
        pytest.param(date(1954, 5, 2), date(2024, 5, 2), 70, id="birthday"),
        pytest.param(date(1954, 5, 2), date(2024, 5, 3), 70, id="day-after-birthday"),
        pytest.param(date(2004, 2, 29), date(2022, 2, 28), 17, id="leap-day-28-february"),
        pytest.param(date(2004, 2, 29), date(2022, 3, 1), 18, id="leap-day-1-march"),
        pytest.param(date(2004, 2, 29), date(2024, 2, 29), 20, id="leap-day-leap-year"),
        pytest.param(date(2024, 5, 1), date(2024, 5, 1), 0, id="born-today"),
        pytest.param(date(1924, 12, 31), date(2024, 1, 1), 99, id="day-after-99th-birthday"),
    ],
)
def test_age_is_full_years(birth: date, on: date, age: int) -> None:
    """A year of age is complete on the birthday, and of a leap day on 1 March."""
    assert [age] == dates.age_years(_numbers(birth), _numbers(on)).tolist()


@given(_DAYS)
def test_columns_of_dates_keep_their_length(day: date) -> None:
    """Empty columns come back empty, and longer ones row for row."""
    for count in (0, 1, 3):
        column = _numbers(*[day] * count)
        for period in _KEYED:
            assert count == len(dates.period_key(column, period, _JULY))


def test_a_treatment_year_begins_on_its_own_day() -> None:
    """Each period begins years after the first day, on 1 March where that was 29 February."""
    since = dates.day_number(date(2024, 2, 29))
    days = {
        date(2024, 2, 29): date(2024, 2, 29),
        date(2025, 2, 28): date(2024, 2, 29),
        date(2025, 3, 1): date(2025, 3, 1),
        date(2028, 2, 28): date(2027, 3, 1),
        date(2028, 2, 29): date(2028, 2, 29),
        # Before it began there is nothing yet to go on with.
        date(2020, 5, 1): date(2020, 5, 1),
    }
    asked = np.array([dates.day_number(day) for day in days])

    found = dates.rolling_period(asked, np.full(len(days), since), 1)

    assert [dates.day_number(begin) for begin in days.values()] == found.tolist()


def test_a_period_of_several_years_lasts_them_all() -> None:
    """Four years from the first day are one period, the day after is in the next."""
    since = np.full(3, dates.day_number(date(2020, 6, 1)))
    asked = [date(2020, 6, 1), date(2024, 5, 31), date(2024, 6, 1)]

    found = dates.rolling_period(np.array([dates.day_number(day) for day in asked]), since, 4)

    assert [date(2020, 6, 1), date(2020, 6, 1), date(2024, 6, 1)] == [
        dates.date_of(day) for day in found.tolist()
    ]


def test_a_treatment_year_needs_its_day() -> None:
    """Asked for like any other period, it is refused with what is missing."""
    with pytest.raises(ValueError, match="without the day on which it began"):
        dates.period_key(np.array([1]), Period.TREATMENT_YEAR, YearStart())
