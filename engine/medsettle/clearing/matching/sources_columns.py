"""The columns of a file as those of a book: by which name, in which unit, and what is wrong.

Amounts under our names (`total_fen`) are whole fen. Amounts under national names (`medfee_sumamt`)
are yuan with two decimals, as text or as decimals; a float holds no amount and is refused. The name
alone tells the unit, so no file can be read as a hundred times too much.

National `acct_pay` includes what relatives pay (`acct_mulaid_pay`), and here the two are apart:
`account_fen` is their difference, and absent where the file has only the sum.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from medsettle import limits
from medsettle.clearing.matching.book import BOOK, RecordKind
from medsettle.clearing.matching.sources import COLUMNS, Faults
from medsettle.core.columns import Column, Kind
from medsettle.core.statement_lines import REFUNDED

_ACCOUNTS: Final = "acct_pay"
_FLAG: Final = "refd_setl_flag"
_MOMENT: Final = "setl_time"
_ALIASES: Final[dict[str, str]] = {
    **{column.alias: column.name for column in BOOK if column.alias},
    "init_setl_id": "original",
    _MOMENT: "record_time",
}
_FEN: Final = r"^[+-]?[0-9]{1,15}$"
_YUAN: Final = r"^[+-]?[0-9]{1,13}(\.[0-9]{1,2}0{0,4})?$"
# All 18 digits fit into int64, so that the low word of a decimal is its fen.
_FEN_DIGITS: Final = pa.decimal128(18, 2)
_NATIONAL_MOMENT: Final = r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,6})?$"
_ZONED: Final = r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)$"
_CHINA_SECONDS: Final = 8 * 3600


@dataclass(frozen=True, slots=True)
class Reading:
    """Which column of a file is which of a book.

    `national` says that it has a national name, and so amounts in yuan and times of China;
    `with_relatives` that an amount of accounts includes what relatives pay.
    """

    name: str
    column: Column
    national: bool
    with_relatives: bool = False


def plan(
    names: Sequence[str], path: str, faults: Faults, *, relatives_apart: bool = False
) -> tuple[list[Reading], list[str]]:
    """Return how the columns of a file are read, and which are passed over.

    A book needs `settlement`, by which rows are compared; one that is named twice is a fault. With
    `relatives_apart` national accounts are without what relatives pay.
    """
    found: dict[str, Reading] = {}
    passed_over = []
    for name in names:
        own = name if name in COLUMNS else _ALIASES.get(name)
        if own is None:
            passed_over.append(name)
            continue
        if own in found:
            faults.add(path, f"has {own} twice, as {found[own].name} and {name}; keep one")
            continue
        found[own] = Reading(
            name, COLUMNS[own], name != own, name == _ACCOUNTS and not relatives_apart
        )
    if "settlement" not in found:
        alias = COLUMNS["settlement"].alias
        faults.add(path, f"has no column settlement (or {alias}), by which rows are compared")
    return list(found.values()), passed_over


@dataclass(frozen=True, slots=True)
class Place:
    """Where rows stand, for messages: a file, and the line of each row of a batch."""

    file: str
    lines: NDArray[np.int64]

    def at(self, row: int, name: str) -> str:
        """Return the path of a cell."""
        return f"{self.file}:{self.lines[row]}.{name}"


def book_columns(
    arrays: Mapping[str, pa.Array], readings: Sequence[Reading], place: Place, faults: Faults
) -> dict[str, pa.Array]:
    """Return the columns of a book that a batch of a file makes, in their order.

    Args:
        arrays: Columns of the file by name; texts are trimmed, and null where they are empty.
        readings: What `plan` returned.
        place: Where the rows stand.
        faults: What is wrong is added here; what is faulty is null in the columns returned.
    """
    made: dict[str, pa.Array] = {}
    for reading in readings:
        if reading.name != _FLAG:
            made[reading.column.name] = _read(arrays[reading.name], reading, place, faults)
    if any(reading.with_relatives for reading in readings):
        both = made.pop("account_fen")
        if "mutual_aid_fen" in made:
            made["account_fen"] = pc.subtract(both, made["mutual_aid_fen"])
    if _MOMENT in arrays and "record_date" not in made:
        made["record_date"] = china_date(made["record_time"])
    if "kind" not in made and "total_fen" in made:
        made["kind"] = _kind(made["total_fen"], arrays.get(_FLAG))
    _check_signs(made, place, faults)
    return {name: made[name] for name in COLUMNS if name in made}


def made_columns(readings: Sequence[Reading]) -> tuple[str, ...]:
    """Return the names of what `book_columns` makes, in their order."""
    nothing = {reading.name: pa.array([], pa.string()) for reading in readings}
    nowhere = Place("", np.zeros(0, np.int64))
    return tuple(book_columns(nothing, readings, nowhere, Faults()))


def china_date(moments: pa.Array) -> pa.Array:
    """Return the days of moments in China Standard Time, which knows no summer time.

    >>> china_date(pa.array(["2026-03-31T16:00:00Z"]).cast(pa.timestamp("us", "UTC"))).to_pylist()
    [datetime.date(2026, 4, 1)]
    """
    shifted = pc.add(moments, pa.scalar(_CHINA_SECONDS, pa.duration("s")))
    # The zone goes first: a cast of a moment with a zone would be to the day there.
    return shifted.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us")).cast(pa.date32())


def _read(array: pa.Array, reading: Reading, place: Place, faults: Faults) -> pa.Array:
    column = reading.column
    kind = column.kind
    if kind is Kind.FEN:
        made = _amounts(array, reading, place, faults)
    elif kind is Kind.DATE:
        made = _days(array, reading, place, faults)
    elif kind is Kind.TIMESTAMP:
        made = _moments(array, reading, place, faults)
    else:
        made = _codes(array, reading, place, faults)
    if column.required and array.null_count:
        missing = _rows(array.is_null())
        _tell(missing, place, reading.name, faults, lambda _row: "missing")
    return made


def _codes(array: pa.Array, reading: Reading, place: Place, faults: Faults) -> pa.Array:
    column = reading.column
    texts = array.dictionary if pa.types.is_dictionary(array.type) else array
    texts = texts.cast(pa.string())
    wrong = pc.greater(pc.utf8_length(texts), column.most)
    if column.values:
        allowed = pa.array(column.values, pa.string())
        wrong = pc.or_(wrong, pc.invert(pc.is_in(texts, allowed)))
    if texts is array or not pa.types.is_dictionary(array.type):
        made, rows = texts, wrong
    else:
        made = pa.DictionaryArray.from_arrays(array.indices, texts)
        rows = wrong.take(array.indices)

    def message(row: int) -> str:
        value = made[row].as_py()
        if not column.values:
            return f"has {len(value)} characters; at most {column.most}"
        return f"{_shown(value)} is none of {', '.join(column.values)}"

    _tell(_rows(rows), place, reading.name, faults, message)
    return made


def _amounts(array: pa.Array, reading: Reading, place: Place, faults: Faults) -> pa.Array:
    own = array.type
    if pa.types.is_string(own):
        made = _amounts_of_text(array, reading, place, faults)
    elif pa.types.is_integer(own) and not reading.national:
        made = _cast_each(array, pa.int64())
    elif pa.types.is_decimal(own) and reading.national and own.scale <= 2:
        made = _fen_of(array)
    else:
        unit = "yuan as text or decimals of two places" if reading.national else "whole fen"
        faults.add(f"{place.file}.{reading.name}", f"{own} holds no amounts; write {unit}")
        return pa.nulls(len(array), pa.int64())
    most = reading.column.most
    beyond = pc.or_(pc.greater(made, most), pc.less(made, -most))
    kept, unit = made, "fen"
    if not pa.types.is_string(own):
        # What has too many digits is null by now; of texts, their form has seen to it.
        beyond = pc.or_kleene(beyond, pc.and_(made.is_null(), array.is_valid()))
        kept, unit = array, "yuan" if reading.national else "fen"
    _tell(
        _rows(beyond),
        place,
        reading.name,
        faults,
        lambda row: f"{kept[row].as_py()} {unit} is beyond {most} fen",
    )
    return made


def _amounts_of_text(array: pa.Array, reading: Reading, place: Place, faults: Faults) -> pa.Array:
    form = _YUAN if reading.national else _FEN
    right = pc.match_substring_regex(array, form)
    unit = "yuan like 1300.50" if reading.national else "whole fen like 130050"
    _tell(
        _rows(pc.invert(right)),
        place,
        reading.name,
        faults,
        lambda row: f"{_shown(array[row].as_py())} is no amount; write {unit}",
    )
    kept = pc.if_else(right, array, pa.scalar(None, pa.string()))
    kept = pc.utf8_ltrim(kept, characters="+")
    return _fen_of(kept) if reading.national else kept.cast(pa.int64())


def _fen_of(yuan: pa.Array) -> pa.Array:
    """Return decimals, or their text, in fen: the digits of a decimal of two places are fen.

    What has more digits than fit is null.
    """
    exact = _cast_each(yuan, _FEN_DIGITS)
    words = np.frombuffer(exact.buffers()[1], np.int64)
    fen = words[2 * exact.offset :: 2][: len(exact)]
    return pa.array(fen, mask=exact.is_null().to_numpy(zero_copy_only=False))


def _days(array: pa.Array, reading: Reading, place: Place, faults: Faults) -> pa.Array:
    if pa.types.is_date(array.type):
        return array.cast(pa.date32())
    if not pa.types.is_string(array.type):
        faults.add(f"{place.file}.{reading.name}", f"{array.type} holds no days; write dates")
        return pa.nulls(len(array), pa.date32())
    # A book has few days, so each is read once.
    coded = array.dictionary_encode()
    days = [_day(text) for text in coded.dictionary.to_pylist()]
    made = pa.array(days, pa.date32()).take(coded.indices)
    _tell(
        _rows(pc.and_(made.is_null(), array.is_valid())),
        place,
        reading.name,
        faults,
        lambda row: f"{_shown(array[row].as_py())} is no day; write it like 2026-03-31",
    )
    return made


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == len("2026-03-31") else None
    except ValueError:
        return None


def _moments(array: pa.Array, reading: Reading, place: Place, faults: Faults) -> pa.Array:
    own, utc = array.type, pa.timestamp("us", "UTC")
    if pa.types.is_timestamp(own) and own.tz is not None:
        return array.cast(utc)
    if not pa.types.is_string(own):
        faults.add(
            f"{place.file}.{reading.name}", f"{own} holds no moments; write them with their zone"
        )
        return pa.nulls(len(array), utc)
    form = _NATIONAL_MOMENT if reading.national else _ZONED
    right = pc.match_substring_regex(array, form)
    kept = pc.if_else(right, array, pa.scalar(None, pa.string()))
    made = _cast_each(kept, pa.timestamp("us") if reading.national else utc)
    if reading.national:
        made = pc.subtract(made, pa.scalar(_CHINA_SECONDS, pa.duration("s")))
        made = made.cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
    example = "2026-03-31 09:10:00" if reading.national else "2026-03-31T09:10:00+08:00"
    _tell(
        _rows(pc.and_(made.is_null(), array.is_valid())),
        place,
        reading.name,
        faults,
        lambda row: f"{_shown(array[row].as_py())} is no moment; write it like {example}",
    )
    return made


def _cast_each(array: pa.Array, to: pa.DataType) -> pa.Array:
    """Return values cast one by one where not all can be: those that cannot are null."""
    try:
        return array.cast(to)
    except pa.ArrowInvalid:
        if len(array) == 1:
            return pa.nulls(1, to)
        half = len(array) // 2
        return pa.concat_arrays([_cast_each(array[:half], to), _cast_each(array[half:], to)])


def _kind(total: pa.Array, flag: pa.Array | None) -> pa.Array:
    """Return what rows are that say it by their sign; see `core.statement_lines.is_refund`."""
    back = pc.less(total, 0)
    if flag is not None:
        marked = pc.fill_null(pc.equal(flag.cast(pa.string()), REFUNDED), False)
        back = pc.or_(back, pc.and_(pc.equal(total, 0), marked))
    settle, cancel = (pa.scalar(str(each)) for each in (RecordKind.SETTLE, RecordKind.CANCEL))
    return pc.if_else(pc.fill_null(back, False), cancel, settle)


def _check_signs(made: Mapping[str, pa.Array], place: Place, faults: Faults) -> None:
    if "kind" not in made or "total_fen" not in made:
        return
    cancels = pc.equal(made["kind"].cast(pa.string()), str(RecordKind.CANCEL))
    _tell(
        _rows(pc.and_(cancels, pc.greater(made["total_fen"], 0))),
        place,
        "total_fen",
        faults,
        lambda row: f"a cancel of {made['total_fen'][row].as_py()} fen; write it below zero",
    )


def _rows(wrong: pa.Array) -> NDArray[np.int64]:
    """Return where a mask is true; null is not."""
    found: NDArray[np.int64] = np.flatnonzero(
        pc.fill_null(wrong, False).to_numpy(zero_copy_only=False)
    )
    return found


def _tell(
    rows: NDArray[np.int64],
    place: Place,
    name: str,
    faults: Faults,
    message: Callable[[int], str],
) -> None:
    shown = max(0, limits.FILE_FAULTS_SHOWN_MAX - len(faults.found))
    for row in rows[:shown]:
        faults.add(place.at(int(row), name), message(int(row)))
    faults.count += len(rows[shown:])


def _shown(text: str) -> str:
    return repr(text[: limits.VALUE_CHARS_SHOWN_MAX])
