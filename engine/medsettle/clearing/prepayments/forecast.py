"""When a prepayment will be used up to a level: a trend over days that are not alike.

Fewer people settle on weekends and holidays, so a day counts by its *weight*: 1 for a working day,
and for weekends and holidays what they cleared beside working days in the days looked at. A worked
example: four working days of 100 yuan and a weekend of 30 a day give a weekend the weight 3/10 and
a working day 100 yuan; from 400 yuan on a Thursday evening, 500 are reached on the Friday and 550
on the Sunday (500 + 30 + 30).

Everything is an integer or a fraction. What was given up: seasons within a month and growth; both
need more history than a line has, and a forecast is read beside its reason, which tells the days it
was made of.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from itertools import accumulate
from typing import Final

from medsettle import limits
from medsettle.clearing.months.calendar import month_span
from medsettle.clearing.months.working_days import WorkingDays
from medsettle.clearing.prepayments.prepayment import Level, Line, percent_of_bps
from medsettle.clearing.prepayments.terms import PrepaymentTerms
from medsettle.core.money import BPS, half_away, yuan_from_fen
from medsettle.errors import Fault, InvalidRequest

_SATURDAY: Final = 5
_DAY: Final = timedelta(days=1)
_WEEK_DAYS: Final = 7
_NONE: Final = Fraction(0)


class DayKind(StrEnum):
    """What people do on a day, as far as settlements care."""

    WORKING = "working"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"


_OFF: Final = (DayKind.WEEKEND, DayKind.HOLIDAY)


@dataclass(frozen=True, slots=True)
class Crossing:
    """When a level is reached in the month: a day, or None where the trend does not reach it.

    `top_up_fen` is the least amount that, paid in now, keeps the month below the level.
    """

    level: Level
    day: date | None
    already: bool
    top_up_fen: int


@dataclass(frozen=True, slots=True)
class Reached:
    """What a month comes to by a day, in fen: as expected, and at the least and most.

    The band is that of the slowest and fastest seven days in a row among those that were seen: it
    says how unlike weeks were, and is no probability.
    """

    day: date
    least_fen: int
    expected_fen: int
    most_fen: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """Where a month is going on a line, and why.

    `path` begins on the last day that was seen and ends with the month.
    """

    line: Line
    month: date
    seen_until: date
    cleared_fen: int
    expected_fen: int
    standing_fen: int
    crossings: tuple[Crossing, ...]
    reason: str
    path: tuple[Reached, ...]


def kind_of(day: date, working_days: WorkingDays) -> DayKind:
    """Return the kind of a day; a weekday off is a holiday, and so is a weekend between such."""
    if working_days.is_working(day):
        return DayKind.WORKING
    if day.weekday() < _SATURDAY:
        return DayKind.HOLIDAY
    monday, friday = day + (7 - day.weekday()) * _DAY, day - (day.weekday() - 4) * _DAY
    off = not working_days.is_working(monday) or not working_days.is_working(friday)
    return DayKind.HOLIDAY if off else DayKind.WEEKEND


def forecast(
    line: Line,
    days_fen: Mapping[date, int],
    today: date,
    standing_fen: int,
    terms: PrepaymentTerms,
    working_days: WorkingDays,
    top_up_fen: int = 0,
) -> Forecast:
    """Return where the month of `today` is going.

    Args:
        line: Whose prepayment it is.
        days_fen: What each day cleared; days that are not there cleared nothing.
        today: The last day that is known whole.
        standing_fen: What stands on the line.
        terms: The terms of the month.
        working_days: Which days are worked.
        top_up_fen: What would be paid in besides: what-if.

    Raises:
        InvalidRequest: A top-up below 0 or beyond the bound, or a day after `today`.
    """
    _check(days_fen, today, top_up_fen)
    first, last = month_span(today)
    standing_fen += top_up_fen
    seen = [day for n in range(limits.TREND_DAYS_MAX) if (day := today - n * _DAY)]
    known = [day for day in seen if day >= min(days_fen, default=today)]
    kinds = {day: kind_of(day, working_days) for day in known}
    weights = _weights(kinds, days_fen)
    weight = sum((weights[kind] for kind in kinds.values()), Fraction(0))
    spent = sum(days_fen.get(day, 0) for day in known)
    rate = Fraction(max(spent, 0)) / weight if weight else Fraction(0)
    cleared_fen = sum(days_fen.get(first + n * _DAY, 0) for n in range((today - first).days + 1))
    to_come = [today + n * _DAY for n in range(1, (last - today).days + 1)]
    ahead = list(
        accumulate((weights[kind_of(day, working_days)] for day in to_come), initial=_NONE)
    )
    path = [
        (day, cleared_fen + rate * weight)
        for day, weight in zip([today, *to_come], ahead, strict=True)
    ]
    crossings = tuple(
        _crossing(level, bps, path, standing_fen)
        for level, bps in ((Level.YELLOW, terms.yellow_bps), (Level.RED, terms.red_bps))
    )
    expected_fen = half_away(path[-1][1])
    parts = (rate, weights, kinds, path, crossings, standing_fen, top_up_fen, terms)
    reason = _reason(*parts) + _unknown(working_days, known[-1] if known else today, last)
    slowest, fastest = _week_rates(kinds, weights, days_fen, rate)
    reached = tuple(
        Reached(
            day,
            half_away(cleared_fen + slowest * weight),
            half_away(fen),
            half_away(cleared_fen + fastest * weight),
        )
        for (day, fen), weight in zip(path, ahead, strict=True)
    )
    parts_of_it = (cleared_fen, expected_fen, standing_fen, crossings, reason, reached)
    return Forecast(line, first, today, *parts_of_it)


def _check(days_fen: Mapping[date, int], today: date, top_up_fen: int) -> None:
    faults = []
    if not 0 <= top_up_fen <= limits.PREPAYMENT_FEN_MAX:
        most = limits.PREPAYMENT_FEN_MAX
        faults.append(Fault("top_up", f"{top_up_fen} fen are outside 0 to {most}; correct it"))
    if (latest := max(days_fen, default=today)) > today:
        text = f"{latest} is after {today}, the last day said to be known; leave it out"
        faults.append(Fault("day", text))
    if faults:
        raise InvalidRequest(faults)


def _weights(
    kinds: Mapping[date, DayKind], days_fen: Mapping[date, int]
) -> dict[DayKind, Fraction]:
    """Return the weight of each kind; one that was not seen is taken for the next like it."""
    means = {}
    for kind in DayKind:
        days = [day for day, found in kinds.items() if found is kind]
        spent = sum(days_fen.get(day, 0) for day in days)
        if days:
            means[kind] = Fraction(max(spent, 0), len(days))
    weights = {DayKind.WORKING: Fraction(1)}
    for kind, like in ((DayKind.WEEKEND, DayKind.WORKING), (DayKind.HOLIDAY, DayKind.WEEKEND)):
        working = means.get(DayKind.WORKING)
        seen = kind in means and working
        weights[kind] = means[kind] / working if seen and working else weights[like]
    return weights


def _week_rates(
    kinds: Mapping[date, DayKind],
    weights: Mapping[DayKind, Fraction],
    days_fen: Mapping[date, int],
    rate: Fraction,
) -> tuple[Fraction, Fraction]:
    """Return what a working day cleared in the slowest and the fastest week that was seen.

    Where less than a week was seen, or none in which anything is expected, both are the rate of
    all days.
    """
    days = sorted(kinds)
    weeks = [days[at : at + _WEEK_DAYS] for at in range(len(days) - _WEEK_DAYS + 1)]
    rates = [
        Fraction(max(sum(days_fen.get(day, 0) for day in week), 0)) / weight
        for week in weeks
        if (weight := sum((weights[kinds[day]] for day in week), _NONE))
    ]
    return min([rate, *rates]), max([rate, *rates])


def _crossing(
    level: Level, bps: int, path: list[tuple[date, Fraction]], standing_fen: int
) -> Crossing:
    at_level = (day for day, fen in path if fen > 0 and fen * BPS >= bps * standing_fen)
    day = next(at_level, None)
    # The least t with reached * BPS < bps * (standing + t).
    reached = path[-1][1]
    least = (reached * BPS / bps).__floor__() + 1 - standing_fen
    return Crossing(level, day, day == path[0][0], max(least, 0) if reached > 0 else 0)


def _reason(
    rate: Fraction,
    weights: Mapping[DayKind, Fraction],
    kinds: Mapping[date, DayKind],
    path: list[tuple[date, Fraction]],
    crossings: tuple[Crossing, ...],
    standing_fen: int,
    top_up_fen: int,
    terms: PrepaymentTerms,
) -> str:
    levels = {Level.YELLOW: terms.yellow_bps, Level.RED: terms.red_bps}
    days = f"the {len(kinds)} day(s) to {path[0][0]}"
    weekend, holiday = (_weight(kind, weights, kinds) for kind in _OFF)
    said = [
        f"{days} cleared {yuan_from_fen(half_away(rate))} yuan a working day, of which a "
        f"weekend day counts {weekend} and a holiday {holiday}",
        f"so {path[0][0]:%Y-%m} comes to {yuan_from_fen(half_away(path[-1][1]))} yuan by its end, "
        f"against {yuan_from_fen(standing_fen)} yuan"
        + (f" with {yuan_from_fen(top_up_fen)} yuan more paid in" if top_up_fen else ""),
    ]
    for crossing in crossings:
        name = f"{crossing.level} ({percent_of_bps(levels[crossing.level])})"
        if crossing.already:
            said.append(f"{name} is reached already")
        elif crossing.day is not None:
            said.append(f"{name} is reached on {crossing.day}")
        else:
            said.append(f"{name} is not reached")
    if len(kinds) < limits.TREND_DAYS_LEAST:
        said.append(f"fewer than {limits.TREND_DAYS_LEAST} days were seen, so this may change much")
    return "; ".join(said)


def _weight(
    kind: DayKind, weights: Mapping[DayKind, Fraction], kinds: Mapping[date, DayKind]
) -> str:
    seen = "" if kind in kinds.values() else " (none was seen)"
    return f"{half_away(weights[kind] * 100)} %{seen}"


def _unknown(working_days: WorkingDays, first: date, last: date) -> str:
    years = working_days.unknown_between(first, last)
    return f"; the holidays of {', '.join(map(str, years))} are not known" if years else ""
