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
from typing import Final

from medsettle import limits
from medsettle.clearing.months.calendar import month_span
from medsettle.clearing.months.working_days import WorkingDays
from medsettle.clearing.prepayments.prepayment import Level, Line, percent_of_bps
from medsettle.clearing.prepayments.terms import PrepaymentTerms
from medsettle.core.money import BPS, yuan_from_fen
from medsettle.errors import Fault, InvalidRequest

_SATURDAY: Final = 5
_DAY: Final = timedelta(days=1)


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
class Forecast:
    """Where a month is going on a line, and why."""

    line: Line
    month: date
    seen_until: date
    cleared_fen: int
    expected_fen: int
    standing_fen: int
    crossings: tuple[Crossing, ...]
    reason: str


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
    path: list[tuple[date, Fraction]] = [(today, Fraction(cleared_fen))]
    while path[-1][0] < last:
        day = path[-1][0] + _DAY
        path.append((day, path[-1][1] + rate * weights[kind_of(day, working_days)]))
    crossings = tuple(
        _crossing(level, bps, path, standing_fen)
        for level, bps in ((Level.YELLOW, terms.yellow_bps), (Level.RED, terms.red_bps))
    )
    expected_fen = _half_up(path[-1][1])
    parts = (rate, weights, kinds, path, crossings, standing_fen, top_up_fen, terms)
    reason = _reason(*parts) + _unknown(working_days, known[-1] if known else today, last)
    return Forecast(line, first, today, cleared_fen, expected_fen, standing_fen, crossings, reason)


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


def _crossing(
    level: Level, bps: int, path: list[tuple[date, Fraction]], standing_fen: int
) -> Crossing:
    at_level = (day for day, fen in path if fen > 0 and fen * BPS >= bps * standing_fen)
    day = next(at_level, None)
    # The least t with reached * BPS < bps * (standing + t).
    reached = path[-1][1]
    least = (reached * BPS / bps).__floor__() + 1 - standing_fen
    return Crossing(level, day, day == path[0][0], max(least, 0) if reached > 0 else 0)


def _half_up(amount: Fraction) -> int:
    return (2 * amount.numerator + amount.denominator) // (2 * amount.denominator)


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
        f"{days} cleared {yuan_from_fen(_half_up(rate))} yuan a working day, of which a "
        f"weekend day counts {weekend} and a holiday {holiday}",
        f"so {path[0][0]:%Y-%m} comes to {yuan_from_fen(_half_up(path[-1][1]))} yuan by its end, "
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
    return f"{_half_up(weights[kind] * 100)} %{seen}"


def _unknown(working_days: WorkingDays, first: date, last: date) -> str:
    years = working_days.unknown_between(first, last)
    return f"; the holidays of {', '.join(map(str, years))} are not known" if years else ""
