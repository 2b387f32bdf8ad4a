"""What is prepaid between two areas, and how far a month uses it up.

A *prepayment* (预付金) is a multiple of the monthly average of some months of the year before, paid
by the place of insurance and held by the place of care: a temporary payment (暂付款) of the one
and a temporary receipt (暂收款) of the other, never expenditure. A *line* is one pair of areas and
one fund, for no fund pays for another. *Usage* is what a month cleared, against what stands on the
line. Source: `clearing.md` §3.4 (医保发〔2022〕22号, 财会〔2017〕28号).

Nothing is divided to find a level: an amount is at 70 % when it times 10,000 is at least 7,000
times the prepayment. The percentage that is shown has one decimal and is rounded down, so that
70.0 % is never shown of a usage that is below.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from medsettle import limits
from medsettle.clearing.prepayments.terms import PrepaymentTerms
from medsettle.core.money import BPS, Rounding, decimal, yuan_from_fen
from medsettle.errors import Fault, InvalidRequest
from medsettle.policy.vocabulary import quoted

INSURED_ACCOUNT: Final = "暂付款"
CARE_ACCOUNT: Final = "暂收款"
"""The accounts of both sides; neither is expenditure (财会〔2017〕28号)."""

_SHOWN: Final = 1_000
"""Parts of one that a percentage with one decimal shows."""


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """A pair of areas and a fund: who prepays to whom out of what."""

    insured: str
    care: str
    fund: str

    def __str__(self) -> str:
        return f"{self.insured}→{self.care} {self.fund}"


class Level(StrEnum):
    """How far a prepayment is used up."""

    NORMAL = "normal"
    YELLOW = "yellow"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Requirement:
    """What is to be prepaid for a year on a line, and from which months it was computed."""

    line: Line
    year: int
    months_fen: Mapping[date, int]
    required_fen: int


@dataclass(frozen=True, slots=True)
class Usage:
    """How far a month uses up what stands on a line, with the reason in one sentence."""

    line: Line
    month: date
    cleared_fen: int
    standing_fen: int
    level: Level
    shown: str
    reason: str


def required_fen(total_fen: int, months: int, terms: PrepaymentTerms) -> int:
    """Return the prepayment of some months that cleared `total_fen` together, rounded once.

    >>> from medsettle.clearing.prepayments.terms import load_prepayment_rules
    >>> terms = load_prepayment_rules().on(date(2026, 1, 1))
    >>> required_fen(1_200_000_000 + 1_350_000_000 + 1_410_000_000, 3, terms)
    2640000000
    """
    divisor = months * BPS
    whole, rest = divmod(total_fen * terms.multiple_e4, divisor)
    if terms.rounding is Rounding.HALF_UP:
        return whole + (2 * rest >= divisor)
    return whole + (rest > 0 and terms.rounding is Rounding.UP)


def requirements(
    cleared_fen: Mapping[tuple[Line, date], int], year: int, terms: PrepaymentTerms
) -> list[Requirement]:
    """Return what is to be prepaid for a year on every line, in the order of lines.

    Args:
        cleared_fen: What was cleared, by line and first day of the month. Months that count and
            are not there are faults, since a missing file must not halve a prepayment; a month
            without care is stated as 0.
        year: The year to prepay for; its months of the year before are averaged.
        terms: The terms of that year.

    Raises:
        InvalidRequest: A line has not all of the months, or less than nothing was cleared on it.
    """
    wanted = [date(year - 1, month, 1) for month in terms.months]
    faults = []
    found = []
    for line in sorted({line for line, month in cleared_fen if month in wanted}):
        missing = [f"{month:%Y-%m}" for month in wanted if (line, month) not in cleared_fen]
        if missing:
            text = f"nothing is stated for {', '.join(missing)}; state 0 where nothing was cleared"
            faults.append(Fault(str(line), text))
            continue
        months_fen = {month: cleared_fen[line, month] for month in wanted}
        total_fen = sum(months_fen.values())
        if total_fen < 0:
            text = f"{yuan_from_fen(total_fen)} yuan were cleared; an average below 0 is no basis"
            faults.append(Fault(str(line), text))
            continue
        required = required_fen(total_fen, len(wanted), terms)
        found.append(Requirement(line, year, months_fen, required))
    if not found and not faults:
        months = f"{wanted[0]:%Y-%m} to {wanted[-1]:%Y-%m}"
        faults.append(Fault("month", f"no line has an amount of {months}; name the tables of them"))
    if faults:
        raise InvalidRequest(faults)
    return found


def level_of(cleared_fen: int, standing_fen: int, terms: PrepaymentTerms) -> Level:
    """Return the level of a usage, exact at its edges.

    Where nothing stands, whatever was cleared is red.
    """
    if standing_fen <= 0:
        return Level.RED if cleared_fen > 0 else Level.NORMAL
    if cleared_fen * BPS >= terms.red_bps * standing_fen:
        return Level.RED
    return Level.YELLOW if cleared_fen * BPS >= terms.yellow_bps * standing_fen else Level.NORMAL


def usage_shown(cleared_fen: int, standing_fen: int) -> str:
    """Return a usage as people read it: percent with one decimal, rounded down.

    >>> usage_shown(1_920_000_000, 2_640_000_000), usage_shown(2_400_000_000, 2_640_000_000)
    ('72.7 %', '90.9 %')
    >>> usage_shown(6_999, 10_000), usage_shown(1, 0)
    ('69.9 %', 'all')
    """
    if standing_fen <= 0:
        return "all" if cleared_fen > 0 else "0.0 %"
    if cleared_fen <= 0:
        return "0.0 %"
    whole, part = divmod(cleared_fen * _SHOWN // standing_fen, 10)
    return f"{whole}.{part} %"


def percent_of_bps(bps: int) -> str:
    """Return a level as it is written.

    >>> percent_of_bps(7000), percent_of_bps(9255)
    ('70 %', '92.55 %')
    """
    return f"{decimal(bps, 2)} %"


def usage_of(
    line: Line, month: date, cleared_fen: int, standing_fen: int, terms: PrepaymentTerms
) -> Usage:
    """Return how far a month uses up what stands on a line.

    Args:
        line: Whose prepayment it is.
        month: First day of the month.
        cleared_fen: What the month cleared on the line so far.
        standing_fen: What was paid in and stands when it is looked at.
        terms: The terms of the month.
    """
    level = level_of(cleared_fen, standing_fen, terms)
    shown = usage_shown(cleared_fen, standing_fen)
    reason = _reason(month, cleared_fen, standing_fen, level, terms)
    return Usage(line, month, cleared_fen, standing_fen, level, shown, reason)


def _reason(
    month: date, cleared_fen: int, standing_fen: int, level: Level, terms: PrepaymentTerms
) -> str:
    cleared = f"{month:%Y-%m} cleared {yuan_from_fen(cleared_fen)} yuan"
    if standing_fen <= 0:
        return f"{cleared} and nothing stands on the line; register what was paid in, or ask for it"
    shown = usage_shown(cleared_fen, standing_fen)
    used = f"{cleared}, {shown} of the {yuan_from_fen(standing_fen)} yuan that stand"
    if level is Level.RED:
        over = _above(cleared_fen, standing_fen, terms.red_bps)
        return (
            f"{used}: red from {percent_of_bps(terms.red_bps)} on, passed by {over} yuan; the "
            "place of care may ask for an increase"
        )
    if level is Level.YELLOW:
        over = _above(cleared_fen, standing_fen, terms.yellow_bps)
        left = _below(cleared_fen, standing_fen, terms.red_bps)
        return (
            f"{used}: yellow from {percent_of_bps(terms.yellow_bps)} on, passed by {over} yuan; "
            f"{left} yuan more are red"
        )
    left = _below(cleared_fen, standing_fen, terms.yellow_bps)
    return f"{used}: {left} yuan more are yellow ({percent_of_bps(terms.yellow_bps)})"


def threshold_fen(standing_fen: int, bps: int) -> int:
    """Return the least whole amount that is at a level.

    >>> threshold_fen(2_640_000_000, 7_000), threshold_fen(1, 7_000)
    (1848000000, 1)
    """
    return -(-standing_fen * bps // BPS)


def _above(cleared_fen: int, standing_fen: int, bps: int) -> str:
    return yuan_from_fen(cleared_fen - threshold_fen(standing_fen, bps))


def _below(cleared_fen: int, standing_fen: int, bps: int) -> str:
    return yuan_from_fen(threshold_fen(standing_fen, bps) - cleared_fen)


def pooled(usages: Iterable[Usage], terms: PrepaymentTerms) -> list[Usage]:
    """Return the usages of each place of care over all who prepay to it, fund by fund.

    The place of care may use the prepayments of all provinces as one pool; the money of one fund
    still never pays for another. The `insured` of a pooled line is `*`.
    """
    sums: dict[tuple[Line, date], tuple[int, int]] = {}
    for usage in usages:
        key = (Line("*", usage.line.care, usage.line.fund), usage.month)
        cleared_fen, standing_fen = sums.get(key, (0, 0))
        sums[key] = (cleared_fen + usage.cleared_fen, standing_fen + usage.standing_fen)
    return [
        usage_of(line, month, cleared_fen, standing_fen, terms)
        for (line, month), (cleared_fen, standing_fen) in sorted(sums.items())
    ]


def line_of(insured: str, care: str, fund: str) -> Line:
    """Return the line of two areas and a fund.

    Raises:
        InvalidRequest: An area is not six digits, nor the two of a province; both are the same; or
            the fund is no code.
    """
    faults = [
        Fault(name, f"{quoted(area)} is no area; write six digits, or the two of a province")
        for name, area in (("insured", insured), ("care", care))
        if re.fullmatch(r"[0-9]{2}|[0-9]{6}", area) is None
    ]
    if insured == care:
        faults.append(Fault("care", f"{quoted(care)} prepays to itself; name two areas"))
    if len(fund) > limits.CODE_CHARS_MAX or re.fullmatch(r"[A-Za-z0-9_-]+", fund) is None:
        faults.append(
            Fault("fund", f"{quoted(fund)} is no code of a fund; write one such as employee")
        )
    if faults:
        raise InvalidRequest(faults)
    return Line(insured, care, fund)


def check_prepaid(fen: int, path: str) -> None:
    """Refuse an amount that is no prepayment.

    Raises:
        InvalidRequest: It is not above 0, or beyond the bound.
    """
    most = limits.PREPAYMENT_FEN_MAX
    if not 1 <= fen <= most:
        raise InvalidRequest([Fault(path, f"{fen} fen are outside 1 to {most}; correct it")])


def check_text(path: str, text: str) -> None:
    """Refuse a text that says nothing, has a blank at an end, or is too long.

    Raises:
        InvalidRequest: It has no printable character, more than the bound, or such a blank.
    """
    most = limits.CLEARING_TEXT_CHARS_MAX
    if not (1 <= len(text) <= most and text.isprintable() and text == text.strip()):
        text = f"{quoted(text)} must be 1 to {most} printable characters without blanks at its ends"
        fault = Fault(path, text)
        raise InvalidRequest([fault])
