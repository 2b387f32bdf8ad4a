"""Claims as columns, on their way to a batch: which of them have no fault.

Claims come by the hundred and nearly all are sound, so a batch is looked at column by column: one
question to a whole column of codes, dates or amounts, instead of one to each value of each line.
Only whether a claim is sound is decided here. What is wrong with one that is not, in words and with
its place, is told by `medsettle.core.claims`, which also judges the rare claims with negative lines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core import schema
from medsettle.core.codes import APPROVALS
from medsettle.core.columns import Column, Kind
from medsettle.core.credentials import check_credential
from medsettle.core.dates import day_number
from medsettle.core.tables import ColumnRows, Row, squeezed
from medsettle.errors import Fault

Head = dict[str, object]

_HEAD: Final[dict[str, Column]] = {column.name: column for column in schema.CLAIM}
_REQUIRED: Final = tuple(column.name for column in schema.CLAIM if column.required)
_LISTS: Final = tuple(column.name for column in schema.CLAIM if column.kind is Kind.CODES)
_ABSENT: Final[Head] = dict.fromkeys(_HEAD)
_OF_CREDENTIAL: Final = tuple(column.name for column in schema.CREDENTIAL)
_PAST: Final = {"birth_date", "retirement_date"}
_NO_DAY: Final = -1


def new_head() -> Head:
    """Return the columns of a claim with nothing stated."""
    head = _ABSENT.copy()
    for name in _LISTS:
        head[name] = []
    return head


@dataclass(slots=True)
class ClaimColumns:
    """Claims as they came: what each states for itself, and the columns of all their lines.

    A head has every column of `schema.CLAIM`; what was not stated is None, or an empty list. Codes
    of lines that were not stated are empty. `fee_date` is year * 10,000 + month * 100 + day, be
    there such a day or not. `unstated` are the places of lines that lack a number.
    """

    heads: list[Head] = field(default_factory=list)
    line_counts: list[int] = field(default_factory=list)
    line_id: list[str] = field(default_factory=list)
    item_code: list[str] = field(default_factory=list)
    fee_date: list[int] = field(default_factory=list)
    quantity_e4: list[int] = field(default_factory=list)
    unit_price_e6: list[int] = field(default_factory=list)
    amount_fen: list[int] = field(default_factory=list)
    approval: list[str] = field(default_factory=list)
    original_line: list[str] = field(default_factory=list)
    earmark: list[str] = field(default_factory=list)
    diagnosis: list[str] = field(default_factory=list)
    unstated: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class SoundClaims:
    """What was found in claims: which are sound, and the lines of all as arrays.

    `starts` has the place of each claim's first line, and behind the last one the number of lines;
    arrays are int64, and `days` counts from 1970-01-01. Where a claim is not sound its values are
    anything at all.
    """

    sound: NDArray[np.bool_]
    starts: NDArray[np.int64]
    dates: list[date]
    days: NDArray[np.int64]
    quantity_e4: NDArray[np.int64]
    unit_price_e6: NDArray[np.int64]
    amount_fen: NDArray[np.int64]


def found_sound(claims: ClaimColumns) -> SoundClaims:
    """Return which claims have no fault that can be found without rules."""
    count = len(claims.heads)
    starts = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(claims.line_counts, out=starts[1:])
    quantity, price, amount = (
        np.array(column, dtype=np.int64)
        for column in (claims.quantity_e4, claims.unit_price_e6, claims.amount_fen)
    )
    days, dates = _days(claims.fee_date)
    heads = np.array([_sound_head(head) for head in claims.heads], dtype=np.bool_)
    first = np.zeros(count, dtype=np.int64)
    last = np.zeros(count, dtype=np.int64)
    for at in np.flatnonzero(heads).tolist():
        first[at] = day_number(claims.heads[at]["admission_date"])  # type: ignore[arg-type]
        last[at] = day_number(claims.heads[at]["service_date"])  # type: ignore[arg-type]
    owner = np.repeat(np.arange(count), claims.line_counts)
    lines = _sound_numbers(quantity, price, amount)
    lines &= (days >= first[owner]) & (days <= last[owner]) & (days != _NO_DAY)
    lines[claims.unstated] = False
    for faulty in (_faulty_codes(claims), _taking_back(claims)):
        lines[faulty] = False
    sound = heads
    sound[owner[~lines]] = False
    sums = np.concatenate(([0], np.cumsum(np.where(lines, amount, 0))))
    sound &= sums[starts[1:]] - sums[starts[:-1]] <= limits.CLAIM_TOTAL_FEN_MAX
    sound &= np.array(claims.line_counts) <= limits.LINES_PER_CLAIM_MAX
    for at, (start, end) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)):
        if len(set(claims.line_id[start:end])) < end - start:
            sound[at] = False
    return SoundClaims(sound, starts, dates, days, quantity, price, amount)


def lines_of(claims: ClaimColumns, found: SoundClaims, at: int) -> Sequence[Row]:
    """Return the lines of one sound claim as rows keyed by the columns of `schema.LINE`."""
    start, end = int(found.starts[at]), int(found.starts[at + 1])
    if start == end:
        return []

    def stated(codes: list[str]) -> list[str | None]:
        return [code or None for code in codes[start:end]]

    return ColumnRows(
        squeezed(
            {
                "line_id": claims.line_id[start:end],
                "item_code": claims.item_code[start:end],
                "fee_date": found.dates[start:end],
                "quantity_e4": claims.quantity_e4[start:end],
                "unit_price_e6": claims.unit_price_e6[start:end],
                "amount_fen": claims.amount_fen[start:end],
                "approval": stated(claims.approval),
                "original_line": None,
                "earmark": stated(claims.earmark),
                "diagnosis": stated(claims.diagnosis),
            }
        )
    )


def _days(packed: Sequence[int]) -> tuple[NDArray[np.int64], list[date]]:
    """Return the day number and the date of each packed date; no day where there is none."""
    known = {each: _date(each) for each in set(packed)}
    numbers = {
        each: day_number(day)
        if limits.SERVICE_YEAR_MIN <= day.year <= limits.SERVICE_YEAR_MAX
        else _NO_DAY
        for each, day in known.items()
    }
    days = np.array([numbers[each] for each in packed], dtype=np.int64)
    return days, [known[each] for each in packed]


@lru_cache(maxsize=4_096)
def _date(packed: int) -> date:
    month_and_year, day = divmod(packed, 100)
    try:
        return date(*divmod(month_and_year, 100), day)
    except (ValueError, OverflowError):
        return date.min


def _sound_numbers(
    quantity: NDArray[np.int64], price: NDArray[np.int64], amount: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return which lines have numbers in their bounds that go together.

    Those that take something back are none of them.
    """
    sound = (quantity > 0) & (quantity <= limits.QUANTITY_E4_MAX)
    sound &= (price >= 0) & (price <= limits.UNIT_PRICE_E6_MAX)
    sound &= (amount >= 0) & (amount <= limits.LINE_AMOUNT_FEN_MAX)
    # In two parts, for price times quantity passes int64 (see `limits`).
    unit = limits.PRICE_QUANTITY_PER_FEN
    quantity, price = np.where(sound, quantity, 0), np.where(sound, price, 0)
    whole, rest = np.divmod(price, unit)
    stated = whole * quantity + rest * quantity // unit
    tolerance = limits.LINE_AMOUNT_TOLERANCE_FEN + limits.PRICE_UNCERTAINTY_E6 * quantity // unit
    return sound & (np.abs(stated - np.where(sound, amount, 0)) <= tolerance)


def _faulty_codes(claims: ClaimColumns) -> list[int]:
    """Return the places of lines with a code that is missing or malformed."""
    faulty: list[int] = []
    for codes, least in (
        (claims.line_id, 1),
        (claims.item_code, 1),
        (claims.earmark, 0),
        (claims.diagnosis, 0),
    ):
        if not least and not any(codes):
            continue
        if not _printable("".join(codes)):
            faulty += [at for at, code in enumerate(codes) if not _printable(code)]
        lengths = list(map(len, codes))
        if min(lengths, default=least) < least or max(lengths, default=0) > limits.CODE_CHARS_MAX:
            faulty += [
                at for at, n in enumerate(lengths) if not least <= n <= limits.CODE_CHARS_MAX
            ]
    known = {"", *APPROVALS}
    if not known.issuperset(claims.approval):
        faulty += [at for at, code in enumerate(claims.approval) if code not in known]
    return faulty


def _taking_back(claims: ClaimColumns) -> list[int]:
    """Return the places of lines that name another line."""
    if not any(claims.original_line):
        return []
    return [at for at, name in enumerate(claims.original_line) if name]


def _printable(text: str) -> bool:
    """Whether a text is printable ASCII without spaces, or empty."""
    return text.isascii() and text.isprintable() and " " not in text


def _sound_head(head: Mapping[str, object]) -> bool:
    """Whether what a claim states for itself has no fault."""
    for name in _REQUIRED:
        if head[name] is None:
            return False
    for name, value in head.items():
        if value is not None and value != [] and not _sound_value(_HEAD[name], value):
            return False
    birth, admission, service = head["birth_date"], head["admission_date"], head["service_date"]
    assert isinstance(birth, date), birth
    assert isinstance(admission, date), admission
    assert isinstance(service, date), service
    if not birth <= admission <= service or service.year - birth.year > limits.AGE_YEARS_MAX:
        return False
    if any(head[name] is not None for name in _OF_CREDENTIAL):
        faults: list[Fault] = []
        check_credential(head, faults)
        return not faults
    return True


def _sound_value(column: Column, value: object) -> bool:
    """Whether a stated value fits its column."""
    kind = column.kind
    if kind is Kind.CODE:
        if not isinstance(value, str) or not _printable(value):
            return False
        return column.least <= len(value) <= column.most and (
            not column.values or value in column.values
        )
    if kind is Kind.DATE:
        if not isinstance(value, date):
            return False
        past = limits.AGE_YEARS_MAX if column.name in _PAST else 0
        return limits.SERVICE_YEAR_MIN - past <= value.year <= limits.SERVICE_YEAR_MAX
    if kind is Kind.BOOLEAN:
        return isinstance(value, bool)
    if kind is Kind.TIMESTAMP:
        return isinstance(value, datetime)
    if kind is Kind.CODES:
        assert isinstance(value, list)
        return len(value) <= column.most and all(
            1 <= len(code) <= limits.CODE_CHARS_MAX and _printable(code) for code in value
        )
    return isinstance(value, int) and column.least <= value <= column.most
