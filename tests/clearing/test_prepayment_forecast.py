"""Forecasts of the day on which a prepayment is used up, counted by hand and against a search."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle import limits
from medsettle.clearing.months.read_calendar import load_calendar
from medsettle.clearing.prepayments.forecast import DayKind, Forecast, forecast, kind_of
from medsettle.clearing.prepayments.prepayment import Level, Line
from medsettle.clearing.prepayments.terms import load_prepayment_rules
from medsettle.errors import InvalidRequest

_LINE = Line("999901", "999902", "310")
_TERMS = load_prepayment_rules().on(date(2026, 3, 1))
_DAYS = load_calendar().working_days
# A weekend of 30 yuan a day and four working days of 100 from Saturday 7 March 2026 on.
_WEEK = {date(2026, 3, 7 + n): 3_000 if n < 2 else 10_000 for n in range(6)}
_THURSDAY = date(2026, 3, 12)


def _forecast(standing_fen: int, today: date = _THURSDAY, top_up_fen: int = 0) -> Forecast:
    return forecast(_LINE, _WEEK, today, standing_fen, _TERMS, _DAYS, top_up_fen)


def _days(found: Forecast) -> list[date | None]:
    return [crossing.day for crossing in found.crossings]


def test_the_worked_example_crosses_on_the_days_counted_by_hand() -> None:
    """460 yuan by Thursday, 560 on Friday, 590, 620 and 720 on Monday, against 800."""
    found = _forecast(80_000)

    assert [date(2026, 3, 13), date(2026, 3, 16)] == _days(found)
    assert 46_000 == found.cleared_fen
    # Thirteen working days are left of March after the 12th, and six days of weekends.
    assert 46_000 + 13 * 10_000 + 6 * 3_000 == found.expected_fen
    assert found.reason == (
        "the 6 day(s) to 2026-03-12 cleared 100.00 yuan a working day, of which a weekend day "
        "counts 30 % and a holiday 30 % (none was seen); so 2026-03 comes to 1,940.00 yuan by its "
        "end, against 800.00 yuan; "
        "yellow (70 %) is reached on 2026-03-13; red (90 %) is reached on 2026-03-16; fewer than "
        "7 days were seen, so this may change much"
    )


@pytest.mark.parametrize(
    ("standing_fen", "crossed"),
    [
        pytest.param(79_999, [date(2026, 3, 13), date(2026, 3, 16)], id="a-fen-less"),
        pytest.param(80_002, [date(2026, 3, 14), date(2026, 3, 17)], id="two-fen-more"),
        pytest.param(65_555, [_THURSDAY, date(2026, 3, 14)], id="yellow-already"),
        pytest.param(65_714, [_THURSDAY, date(2026, 3, 15)], id="591.43-not-on-saturday"),
        pytest.param(0, [_THURSDAY, _THURSDAY], id="nothing-stands"),
        pytest.param(10**9, [None, None], id="never"),
    ],
)
def test_a_crossing_is_exact(standing_fen: int, crossed: list[date | None]) -> None:
    """A fen of what stands moves a crossing by a day, or not at all."""
    assert crossed == _days(_forecast(standing_fen))


def test_a_holiday_counts_as_what_holidays_cleared() -> None:
    """Over the first of May, days off of 10 yuan weigh a tenth of working days of 100."""
    off = [date(2026, 5, day) for day in (1, 2, 3, 4, 5)]
    worked = [date(2026, 5, day) for day in (6, 7, 8, 9)]
    days = dict.fromkeys(off, 1_000) | dict.fromkeys(worked, 10_000)
    kinds = [kind_of(day, _DAYS) for day in (*off, *worked)]
    found = forecast(_LINE, days, date(2026, 5, 9), 10**9, _TERMS, _DAYS)

    assert [DayKind.HOLIDAY] * 5 + [DayKind.WORKING] * 4 == kinds
    assert DayKind.WEEKEND is kind_of(date(2026, 5, 17), _DAYS)
    assert "a weekend day counts 100 % (none was seen) and a holiday 10 %" in found.reason
    # Until the end of May every day left weighs 1: no weekend was seen, and none is a holiday.
    assert 5 * 1_000 + 4 * 10_000 + 22 * 10_000 == found.expected_fen


def test_what_if_moves_the_day() -> None:
    """200 yuan more make 700 and 900 the levels: Monday, and the Wednesday after."""
    found = _forecast(80_000, top_up_fen=20_000)

    assert [date(2026, 3, 16), date(2026, 3, 18)] == _days(found)
    assert "against 1,000.00 yuan with 200.00 yuan more paid in" in found.reason


def test_a_top_up_out_of_bounds_is_refused() -> None:
    """Below nothing and above the bound; the bound itself is taken, and so is no day ahead."""
    most = limits.PREPAYMENT_FEN_MAX
    assert _forecast(1, top_up_fen=most).crossings
    for top_up_fen in (-1, most + 1):
        with pytest.raises(InvalidRequest, match=f"top_up: {top_up_fen} fen are outside 0 to"):
            _forecast(1, top_up_fen=top_up_fen)
    with pytest.raises(InvalidRequest, match="2026-03-12 is after 2026-03-11"):
        _forecast(1, today=date(2026, 3, 11))


@pytest.mark.parametrize(
    ("count", "told"), [(limits.TREND_DAYS_LEAST - 1, True), (limits.TREND_DAYS_LEAST, False)]
)
def test_few_days_are_told(count: int, told: bool) -> None:
    """Six days make a forecast that says it is of few, seven do not."""
    days = {date(2026, 3, 31) - timedelta(days=n): 100 for n in range(count)}
    found = forecast(_LINE, days, date(2026, 3, 31), 1_000, _TERMS, _DAYS)

    assert told is ("fewer than 7 days" in found.reason)


def test_only_the_last_days_make_a_trend() -> None:
    """A day that is 28 days back is not looked at, and one that is 27 days back is."""
    today = date(2026, 3, 10)
    even = {today - timedelta(days=n): 100 for n in range(limits.TREND_DAYS_MAX)}
    plain = forecast(_LINE, even, today, 1_000, _TERMS, _DAYS)
    before = today - timedelta(days=limits.TREND_DAYS_MAX)
    same = forecast(_LINE, even | {before: 10**6}, today, 1_000, _TERMS, _DAYS)
    other = forecast(_LINE, even | {before + timedelta(days=1): 10**6}, today, 1_000, _TERMS, _DAYS)

    assert plain.expected_fen == same.expected_fen < other.expected_fen


def test_a_year_without_holidays_is_told() -> None:
    """The reason of a forecast of 2027 says that its holidays are not known."""
    days = {date(2027, 3, day): 100 for day in range(1, 9)}
    found = forecast(_LINE, days, date(2027, 3, 8), 1_000, _TERMS, _DAYS)

    assert found.reason.endswith("the holidays of 2027 are not known")


def _simulated(days_fen: dict[date, int], today: date, standing_fen: int, bps: int) -> date | None:
    """Walk the month day by day with means of whole kinds: the plain form of the forecast."""
    seen = [today - timedelta(days=n) for n in range(28)]
    seen = [day for day in seen if day >= min(days_fen, default=today)]
    by_kind: dict[str, list[int]] = {}
    for day in seen:
        by_kind.setdefault(kind_of(day, _DAYS).value, []).append(days_fen.get(day, 0))
    means = {kind: Fraction(sum(fen), len(fen)) for kind, fen in by_kind.items()}
    reached = Fraction(sum(fen for day, fen in days_fen.items() if day.month == today.month))
    day = today
    while True:
        if reached * 10_000 >= bps * standing_fen and reached > 0:
            return day
        day += timedelta(days=1)
        if day.month != today.month:
            return None
        reached += means[kind_of(day, _DAYS).value]


@given(
    st.lists(st.integers(1, 10_000), min_size=28, max_size=28),
    st.integers(1, 31),
    st.integers(1, 400_000),
)
def test_a_forecast_agrees_with_a_walk_through_the_month(
    amounts: list[int], last: int, standing_fen: int
) -> None:
    """Where each kind of day was seen, each is expected to clear its mean."""
    today = date(2026, 10, last)
    days_fen = {today - timedelta(days=n): fen for n, fen in enumerate(amounts)}
    found = forecast(_LINE, days_fen, today, standing_fen, _TERMS, _DAYS)
    kinds = {kind_of(day, _DAYS) for day in days_fen}
    ahead = {kind_of(date(2026, 10, day), _DAYS) for day in range(last + 1, 32)}

    if ahead <= kinds:
        expected = [_simulated(days_fen, today, standing_fen, bps) for bps in (7_000, 9_000)]
        assert expected == _days(found)


@given(st.lists(st.integers(1, 10_000), min_size=20, max_size=20), st.integers(0, 200_000))
def test_the_top_up_told_is_the_least(amounts: list[int], standing_fen: int) -> None:
    """With it the month stays below the level; with a fen less it does not."""
    today = date(2026, 3, 20)
    days_fen = {today - timedelta(days=n): fen for n, fen in enumerate(amounts)}
    plain = forecast(_LINE, days_fen, today, standing_fen, _TERMS, _DAYS)

    for at, level in enumerate((Level.YELLOW, Level.RED)):
        least = plain.crossings[at].top_up_fen
        with_it = forecast(_LINE, days_fen, today, standing_fen, _TERMS, _DAYS, least)
        assert level is with_it.crossings[at].level
        assert with_it.crossings[at].day is None
        if least:
            less = forecast(_LINE, days_fen, today, standing_fen, _TERMS, _DAYS, least - 1)
            assert less.crossings[at].day is not None


def test_the_band_is_that_of_the_slowest_and_the_fastest_week() -> None:
    """Two weeks of Monday to Sunday, of 100 yuan and of 200 a working day, half at weekends.

    A weekend day counts half in both. The slowest seven days in a row are the first, 600 yuan of 6
    days' weight; the fastest the second, 1,200; both together 150 a day. Of March 16 to 31 twelve
    days are worked and four are not, so 14 days' weight is left.
    """
    monday = date(2026, 3, 2)
    days = {
        monday + timedelta(days=at): (10_000 if at < 7 else 20_000) // (1 + (at % 7 > 4))
        for at in range(14)
    }
    found = forecast(_LINE, days, date(2026, 3, 15), 1, _TERMS, _DAYS)
    last = found.path[-1]
    assert (date(2026, 3, 15), date(2026, 3, 31)) == (found.path[0].day, last.day)
    assert 180_000 == found.cleared_fen == found.path[0].least_fen == found.path[0].most_fen
    assert 180_000 + 14 * 10_000 == last.least_fen
    assert 180_000 + 14 * 15_000 == last.expected_fen == found.expected_fen
    assert 180_000 + 14 * 20_000 == last.most_fen


def test_before_a_week_was_seen_there_is_no_band() -> None:
    """Six days of the worked example: the least, the expected and the most are one."""
    found = _forecast(80_000)
    assert all(each.least_fen == each.expected_fen == each.most_fen for each in found.path)
    assert (46_000, 194_000) == (found.path[0].expected_fen, found.path[-1].expected_fen)
