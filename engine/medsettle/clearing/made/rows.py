"""Rows of an invented book in which everything is in order, by whole columns.

The same seed gives the same rows. Every figure here is invented, but for these, which are
published: of 129 M cross-province settlements of 2023, 11.25 M were inpatient ([S42], [S44] of the
domain notes); `fixmedins_code` has 12 characters (H or P, area, number), `msgid` has 30 (code of
the institution, moment, sequence), `mdtrt_id` has 20 ("S", insured area, YYMMDD, number) and
`setl_sn` 30 ("A…"), as the interface has them. The sizes of bills are invented, so that the funds
pay about the 1,191 yuan a settlement of that year (153.67 bn yuan for the 129 M).

Amounts are drawn in whole numbers with a heavy tail (a price doubles with each toss of a coin).
They add up as those of the interface do: total = pots, total = funds + institution's share +
accounts + cash. Nobody has two claims of one day with the same total, unless they are planted.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medsettle.clearing.matching.book import BOOK
from medsettle.core import codes
from medsettle.core.arrow_texts import Chars, digits, letters, picked, texts
from medsettle.core.dates import date_of, day_number
from medsettle.core.money import FenArray

AREAS: Final[tuple[str, ...]] = (
    *("910101", "910102", "910103", "920101", "920102", "920103"),
    *("930101", "930102", "940101", "940102", "950101", "960101"),
)
"""Invented areas of provinces 91 to 96, which there are not; whoever lives in one is treated in any
other."""

SETTLEMENT_LETTER: Final = {"settle": "A", "cancel": "B", "adjust": "C", "deduction": "D"}
"""How the id of a record begins, by its kind; the rest is that of its original."""

OUTPATIENT, INPATIENT, PHARMACY = 0, 1, 2
_VISITS: Final = ("11", "21", "41")
"""医疗类别 and 清算类别 have these three in common."""

_TEN_THOUSAND: Final = 10_000
_HALF: Final = 5_000
# 11.25 M of 129 M are 872 of 10,000; how many of the others are of pharmacies is invented.
_INPATIENT_BPS: Final = 872
_PHARMACY_BPS: Final = 2_500
_EMPLOYEES_PERCENT: Final = 55
_CANCELLED_BPS: Final = 200
_ADJUSTED_BPS: Final = 10
_DEDUCTED_BPS: Final = 30
_INTERIM_BPS: Final = 50
_INSTITUTIONS: Final = 100
# A quarter of a large total without doubling, in fen, of each kind of visit.
_SCALES: Final = np.array([6, 125, 3], dtype=np.int64) * 1_000
_RATIOS: Final = np.array([5_500, 7_500, 5_000], dtype=np.int64)
# Above this the second payer of an insurance type pays a part, and that is how much of it.
_SECOND_FEN: Final = 1_000_000
_SECOND_BPS: Final = 6_000

_SECONDS_A_DAY: Final = 86_400
_OPENS_S, _CLOSES_S = 6 * 3_600, 22 * 3_600
_LATEST_S: Final = 23 * 3_600
_CHINA_S: Final = 8 * 3_600
_MICROSECONDS: Final = 1_000_000

Numbers: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scene:
    """Which rows are made: how many settlements over how many days, from a day on.

    `planted` are positions of settlements that something is planted at, in order: they are no
    interim settlement of a stay, and nothing belongs to them.
    """

    rows: int
    seed: int
    first_day: date
    days: int
    planted: Numbers

    def last_day(self) -> date:
        """Return the last day of the book."""
        return date_of(day_number(self.first_day) + self.days - 1)


@dataclass(frozen=True, slots=True)
class _Settled:
    """The settlements of a stretch, by columns of equal length.

    `chars` are ids of a fixed width as a matrix of characters; `picked` are places in a list of
    values; `known` says where a column is not null.
    """

    position: Numbers
    day: Numbers
    second: Numbers
    chars: dict[str, Chars]
    picked: dict[str, tuple[Numbers, tuple[str, ...]]]
    known: dict[str, NDArray[np.bool_]]
    fen: dict[str, FenArray]


def made_rows(scene: Scene, first: int, last: int) -> pa.Table:
    """Return settlements `first` to `last - 1` (positions), then what belongs to them.

    Columns are those of `BOOK`; `record_time` is when the first book recorded it. Codes that come
    back are Arrow dictionaries. Rows of `last - first` settlements come first, in order.
    """
    random = np.random.default_rng([scene.seed, first])
    plain = ~np.isin(np.arange(first, last), scene.planted)
    settled = _settled(scene, first, plain, random)
    tossed = random.integers(0, _TEN_THOUSAND, last - first)
    bounds = np.cumsum([_CANCELLED_BPS, _ADJUSTED_BPS, _DEDUCTED_BPS])
    tossed[~plain] = _TEN_THOUSAND
    some_fund = settled.fen["pooled_fund_fen"] > 0
    cancelled = np.flatnonzero(tossed < bounds[0])
    adjusted = np.flatnonzero((tossed >= bounds[0]) & (tossed < bounds[1]) & some_fund)
    deducted = np.flatnonzero((tossed >= bounds[1]) & (tossed < bounds[2]) & some_fund)
    parts = [_table(scene, settled, "settle", np.arange(last - first), settled.fen, random)]
    for kind, places in (("cancel", cancelled), ("adjust", adjusted), ("deduction", deducted)):
        fen = _belonging(kind, {name: values[places] for name, values in settled.fen.items()})
        parts.append(_table(scene, settled, kind, places, fen, random))
    return pa.concat_tables(parts).unify_dictionaries().combine_chunks()


def _settled(
    scene: Scene, first: int, plain: NDArray[np.bool_], random: np.random.Generator
) -> _Settled:
    """Return the settlements from a position on; where not `plain`, something is planted."""
    count = len(plain)
    position = np.arange(first, first + count, dtype=np.int64)
    day = position * scene.days // scene.rows
    # The first position of a day, and of the day after it.
    begins = -(-day * scene.rows // scene.days)
    ends = -(-(day + 1) * scene.rows // scene.days)
    in_day = position - begins
    second = _OPENS_S + in_day * (_CLOSES_S - _OPENS_S) // np.maximum(ends - begins, 1)
    # So few people that some come twice on a day, and none three times.
    people = max(1, scene.rows // scene.days * 3 // 4)
    # Those of a day, among all; every fifth of them comes on the next day too.
    everybody = max(people, people * scene.days * 3 // 5)
    person = (in_day % people + day * (people * 4 // 5)) % everybody
    again = in_day // people
    away = random.integers(1, len(AREAS), count)
    visit = _visits(random, count)
    visit[~plain & (visit == PHARMACY)] = OUTPATIENT
    # The first of a list of institutions come more often than the last.
    number = random.integers(0, _INSTITUTIONS, count)
    number = number * number // _INSTITUTIONS
    credential = random.integers(0, 3, count)
    interim = _interims(plain, random)
    for shared in (person, away, visit, number, credential):
        shared[interim] = shared[interim - 1]
    area = person % len(AREAS)
    care = (area + away) % len(AREAS)
    employee = person // len(AREAS) % 100 < _EMPLOYEES_PERCENT
    institution = _institutions(visit, care, number)
    moment = _moments(scene, day, second)
    chars = {
        "institution": institution,
        "request_id": np.hstack([institution, moment, digits(position % _TEN_THOUSAND, 4)]),
        "encounter": np.hstack(
            [_area_chars("S", area), moment[:, 2:8], digits(position % 10**7, 7)]
        ),
        "person": np.hstack([letters("P", count), digits(person, 15)]),
        "card": np.hstack([letters("K", count), digits(person, 15)]),
        "settlement": np.hstack([_area_chars("A", area), moment[:, 2:], digits(position, 11)]),
    }
    chars["institution_settlement"] = chars["request_id"]
    chars["encounter"][interim] = chars["encounter"][interim - 1]
    insurance = np.where(employee, 0, 1)
    rule = area * 2 + insurance
    digests = tuple(f"{7_919 * (each + 1):012x}" for each in range(2 * len(AREAS)))
    picked = {
        "pooling_area": (area, AREAS),
        "care_area": (care, AREAS),
        "insurance_type": (insurance, ("310", "390")),
        "visit_type": (visit, _VISITS),
        "clearing_class": (visit, _VISITS),
        "credential_type": (credential, ("01", "02", "03")),
        "policy": (rule, tuple(f"{each}/{kind}" for each in AREAS for kind in ("310", "390"))),
        "policy_digest": (rule, digests),
        "catalogue_digest": (care, tuple(digest[::-1] for digest in digests[: len(AREAS)])),
    }
    known = {"card": credential == 2}
    # Which claim of a day it is, by the remainder of its total.
    again[interim] += 2
    fen = _amounts(random, visit, again, employee=employee)
    return _Settled(position, day, second, chars, picked, known, fen)


def _interims(plain: NDArray[np.bool_], random: np.random.Generator) -> Numbers:
    """Return the places of settlements of the same visit as the one before each.

    Neither of the two has something planted, and no visit has three.
    """
    interim = random.integers(0, _TEN_THOUSAND, len(plain)) < _INTERIM_BPS
    interim[0] = False
    interim &= plain & np.roll(plain, 1)
    return np.flatnonzero(interim & ~np.roll(interim, 1))


def _visits(random: np.random.Generator, count: int) -> Numbers:
    drawn = random.integers(0, _TEN_THOUSAND, count)
    visit = np.full(count, OUTPATIENT, dtype=np.int64)
    visit[drawn < _INPATIENT_BPS + _PHARMACY_BPS] = PHARMACY
    visit[drawn < _INPATIENT_BPS] = INPATIENT
    return visit


def _amounts(
    random: np.random.Generator, visit: Numbers, again: Numbers, *, employee: NDArray[np.bool_]
) -> dict[str, FenArray]:
    """Return the amounts of settlements, fen, that add up; the funds pay a part of every one.

    Which claim of a person's day it is (`again`, 0 to 3) is the remainder of its total by 4, so
    that nobody has two of the same total on one day.
    """
    count = len(visit)
    scale = _SCALES[visit]
    quarter = random.integers(scale // 10, scale)
    # The lowest bit of a random number is at place n once in 2^(n+1) times.
    tosses = random.integers(0, 1 << 10, count) | 1 << 10
    total = 4 * quarter * (tosses & -tosses) + again
    fen = {f"{payer.name}_fen": np.zeros(count, dtype=np.int64) for payer in codes.PAYERS}
    fen["own_expense_fen"] = _part(total, random.integers(0, 1_500, count))
    fen["over_limit_fen"] = np.where(tosses & 1, 0, _part(total, random.integers(0, 100, count)))
    fen["pre_self_pay_fen"] = _part(total, random.integers(0, 1_500, count))
    outside = fen["own_expense_fen"] + fen["over_limit_fen"] + fen["pre_self_pay_fen"]
    scope = total - outside
    threshold = np.where(visit == INPATIENT, random.integers(3, 21, count) * 10_000, 0)
    deductible = np.minimum(scope // 2, threshold)
    pooled = _part(scope - deductible, _RATIOS[visit] + random.integers(-500, 1_000, count))
    rest = scope - pooled
    second = _part(np.maximum(rest - _SECOND_FEN, 0), np.int64(_SECOND_BPS))
    fen["large_amount_fen"] = np.where(employee, second, 0)
    fen["critical_illness_fen"] = np.where(employee, 0, second)
    some = random.integers(0, 100, count)
    tenth = _part(rest - second, np.int64(1_000))
    fen["civil_servant_fen"] = np.where(employee & (some < 5), tenth, 0)
    fen["assistance_fen"] = np.where(~employee & (some < 3), 5 * tenth, 0)
    fen["institution_share_fen"] = np.where(some == 99, tenth, 0)
    fen["pooled_fund_fen"] = pooled
    funds = sum((fen[f"{name}_fen"] for name in codes.FUND_NAMES), np.zeros(count, dtype=np.int64))
    person = total - funds - fen["institution_share_fen"]
    balance = np.where(employee, random.integers(0, 200_000, count), 0)
    fen["account_fen"] = np.minimum(person, balance)
    left = person - fen["account_fen"]
    fen["mutual_aid_fen"] = np.where(some < 8, np.minimum(left, 50_000), 0)
    cash = left - fen["mutual_aid_fen"]
    return fen | {
        "total_fen": total,
        "in_scope_fen": scope,
        "deductible_fen": deductible,
        "fund_total_fen": funds,
        "person_total_fen": person,
        "cash_fen": cash,
    }


def _part(base: FenArray, rate_bps: Numbers | np.int64) -> FenArray:
    """Return so many parts of 10,000, rounded half up."""
    return (base * rate_bps + _HALF) // _TEN_THOUSAND


def _belonging(kind: str, fen: dict[str, FenArray]) -> dict[str, FenArray]:
    """Return the amounts of records that belong to settlements of these amounts.

    A cancel takes all of it back. An adjustment moves up to 10 yuan from the pooled fund to the
    patient; a deduction takes up to 20 yuan off what the pooled fund pays, and off the bill.
    """
    if kind == "cancel":
        return {name: -values for name, values in fen.items()}
    moved = {name: np.zeros_like(values) for name, values in fen.items()}
    most = np.int64(1_000 if kind == "adjust" else 2_000)
    less = np.minimum(fen["pooled_fund_fen"], most)
    moved["pooled_fund_fen"] = moved["fund_total_fen"] = -less
    if kind == "adjust":
        moved["person_total_fen"] = moved["cash_fen"] = less
    else:
        moved["total_fen"] = moved["in_scope_fen"] = -less
    return moved


def _table(
    scene: Scene,
    settled: _Settled,
    kind: str,
    places: Numbers,
    fen: dict[str, FenArray],
    random: np.random.Generator,
) -> pa.Table:
    """Return the records of a kind that belong to the settlements at some places."""
    count = len(places)
    day, second = settled.day[places], settled.second[places]
    service_day = day
    if kind != "settle":
        day, second = _later(scene, kind, day, second, random)
    chars = {name: values[places] for name, values in settled.chars.items()}
    known = {name: values[places] for name, values in settled.known.items()}
    if kind != "settle":
        chars["original"] = chars["settlement"].copy()
        chars["settlement"][:, 0] = ord(SETTLEMENT_LETTER[kind])
        # The sequence in the message id of a cancel opens with a letter, so it is no other's.
        chars["request_id"][:, -4] += ord("A") - ord("0")
        known["institution_settlement"] = np.zeros(count, dtype=np.bool_)
        known["request_id"] = np.full(count, kind == "cancel")
    columns: dict[str, pa.Array] = {
        name: texts(values, known.get(name)) for name, values in chars.items()
    }
    for name, (chosen, values) in settled.picked.items():
        columns[name] = picked(chosen[places], values)
    columns["institution"] = columns["institution"].dictionary_encode()
    columns["kind"] = picked(np.zeros(count, dtype=np.int64), (kind,))
    first_day = day_number(scene.first_day)
    moment = (first_day + day) * _SECONDS_A_DAY + second - _CHINA_S
    columns["record_time"] = pa.array(moment * _MICROSECONDS, pa.timestamp("us", tz="UTC"))
    columns["record_date"] = pa.array((first_day + day).astype(np.int32), pa.date32())
    columns["service_date"] = pa.array((first_day + service_day).astype(np.int32), pa.date32())
    columns |= {name: pa.array(values) for name, values in fen.items()}
    nothing = pa.nulls(count, pa.string())
    return pa.table({each.name: columns.get(each.name, nothing) for each in BOOK})


def _later(
    scene: Scene, kind: str, day: Numbers, second: Numbers, random: np.random.Generator
) -> tuple[Numbers, Numbers]:
    """Return day and second of what belongs to settlements: cancels mostly on the same day."""
    drawn = random.integers(0, 100, len(day))
    if kind == "cancel":
        days = np.where(drawn < 80, 0, np.where(drawn < 95, 1, 3))
    else:
        days = 1 + drawn % 5
    # An hour before midnight, so that the books, which are seconds apart, have it on the same day.
    late = np.minimum(second + 600 + 60 * drawn, _LATEST_S)
    return np.minimum(day + days, scene.days - 1), late


def _moments(scene: Scene, day: Numbers, second: Numbers) -> Chars:
    """Return moments of China Standard Time as yyyyMMddHHmmss, shape (n, 14)."""
    first = day_number(scene.first_day)
    days = [date_of(first + each).strftime("%Y%m%d") for each in range(scene.days)]
    days_chars = np.array([list(each.encode()) for each in days], dtype=np.uint8)
    parts = (second // 3_600, second // 60 % 60, second % 60)
    return np.hstack([days_chars[day], *(digits(part, 2) for part in parts)])


def _institutions(visit: Numbers, care: Numbers, number: Numbers) -> Chars:
    letter = np.where(visit == PHARMACY, ord("P"), ord("H")).astype(np.uint8)
    return np.hstack([letter[:, None], _area_chars("", care), digits(number + 1, 5)])


def _area_chars(letter: str, area: Numbers) -> Chars:
    codes_chars = np.array([list(f"{letter}{each}".encode()) for each in AREAS], dtype=np.uint8)
    return codes_chars[area]
