"""Columns of claims in Arrow: brought to one type each, and asked where they leave their bounds."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core.claim_faults import first_year, read_date
from medsettle.core.columns import Column, Kind
from medsettle.core.credentials import moment_of
from medsettle.core.dates import day_number

Mask: TypeAlias = NDArray[np.bool_]

_FIRST_PRINTABLE, _LAST_PRINTABLE = ord("!"), ord("~")


class Unusual(Exception):
    """The columns are not those of the schema; rows may say more."""


# --- columns as they came ----------------------------------------------------------------------


def by_name(names: Sequence[str], arrays: Sequence[pa.Array]) -> dict[str, pa.Array]:
    """Return arrays by name, `Unusual` where two have the same."""
    if len({*names}) < len(names):
        raise Unusual
    return dict(zip(names, arrays, strict=True))


def whole(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array; `Unusual` where its dictionaries have no room for one."""
    if column.num_chunks == 1:
        return column.chunk(0)
    try:
        return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    except pa.ArrowInvalid as error:
        raise Unusual from error


def typed_columns(
    columns: Sequence[Column], arrays: dict[str, pa.Array], count: int
) -> dict[str, pa.Array]:
    """Return an array for each column, of the type that its kind has here."""
    if not {column.name for column in columns}.issuperset(arrays):
        raise Unusual
    found = {}
    for column in columns:
        array = arrays.get(column.name)
        if array is None or pa.types.is_null(array.type):
            array = pa.nulls(count, column.arrow_field().type)
        found[column.name] = _TYPED[column.kind](column, array)
    return found


def _coded(column: Column, array: pa.Array) -> pa.Array:
    """Return codes with null for what is empty; items as a dictionary, whose texts are few."""
    texts = decoded(array)
    if array.null_count == len(array) and array is texts and column.name != "item_code":
        return array
    if pa.types.is_dictionary(array.type) and array.type.index_type != pa.int32():
        # Senders number their texts in whatever they need; the loops take one kind of number.
        numbers = array.indices.cast(pa.int32())
        array = pa.DictionaryArray.from_arrays(numbers, array.dictionary)
    if pa.types.is_dictionary(array.type) and not _lengths(array.dictionary).all():
        array = texts
    if not pa.types.is_dictionary(array.type):
        if not _lengths(texts).all():
            texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
        array = texts.dictionary_encode() if column.name == "item_code" else texts
    return array


def decoded(array: pa.Array) -> pa.Array:
    """Return codes as texts."""
    if pa.types.is_dictionary(array.type):
        if array.dictionary.null_count or not pa.types.is_string(array.dictionary.type):
            raise Unusual
        return array.dictionary_decode()
    if not pa.types.is_string(array.type):
        raise Unusual
    return array


def _listed(_: Column, array: pa.Array) -> pa.Array:
    if not pa.types.is_list(array.type) or not pa.types.is_string(array.type.value_type):
        raise Unusual
    return array


def _dated(_: Column, array: pa.Array) -> pa.Array:
    if not pa.types.is_string(array.type):
        return _of_type(pa.date32(), array)
    # A text that is no date becomes one outside all bounds, which is in doubt.
    return _parsed(array, lambda text: read_date(text) or date.max, pa.date32())


def _timed(_: Column, array: pa.Array) -> pa.Array:
    if pa.types.is_string(array.type):
        return _parsed(array, lambda text: moment_of(text) or _NO_MOMENT, _MOMENTS)
    return _of_type(_MOMENTS, array)


def _parsed(array: pa.Array, read: Callable[[str], object], kind: pa.DataType) -> pa.Array:
    coded = array.dictionary_encode()
    return pa.array([*map(read, coded.dictionary.to_pylist())], kind).take(coded.indices)


def _numbered(_: Column, array: pa.Array) -> pa.Array:
    return _of_type(pa.int64(), array)


def _switched(_: Column, array: pa.Array) -> pa.Array:
    return _of_type(pa.bool_(), array)


def _of_type(kind: pa.DataType, array: pa.Array) -> pa.Array:
    if array.type != kind:
        raise Unusual
    return array


_MOMENTS: Final = pa.timestamp("us", tz="UTC")
_NO_MOMENT: Final = datetime.max.replace(tzinfo=UTC)
_NO_MOMENT_MICROSECONDS: Final = pa.scalar(_NO_MOMENT, _MOMENTS).value
_TYPED: Final[dict[Kind, Callable[[Column, pa.Array], pa.Array]]] = {
    Kind.CODE: _coded,
    Kind.CODES: _listed,
    Kind.DATE: _dated,
    Kind.BOOLEAN: _switched,
    Kind.FEN: _numbered,
    Kind.INTEGER: _numbered,
    Kind.TIMESTAMP: _timed,
}


# --- arrays ------------------------------------------------------------------------------------


def nulls_in(array: pa.Array) -> Mask:
    """Return where an array is null."""
    if not array.null_count:
        return np.zeros(len(array), dtype=np.bool_)
    found: Mask = array.is_null().to_numpy(zero_copy_only=False)
    return found


def numbers_in(array: pa.Array) -> NDArray[np.int64]:
    """Return whole numbers or moments in microseconds, 0 for null."""
    if array.type == _MOMENTS:
        array = array.view(pa.int64())
    found: NDArray[np.int64] = array.fill_null(0).to_numpy(zero_copy_only=False)
    return found


def days_in(array: pa.Array) -> NDArray[np.int64]:
    """Return dates as days since 1970-01-01, 0 for null."""
    found: NDArray[np.int32] = array.view(pa.int32()).fill_null(0).to_numpy(zero_copy_only=False)
    return found.astype(np.int64)


def years_of(days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the year of each day, counted from 1970."""
    return days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64)


def offsets_of(texts: pa.Array) -> NDArray[np.int32]:
    """Return where each text begins in the buffer of letters, and where the last one ends."""
    if not len(texts):
        return np.zeros(1, dtype=np.int32)
    offsets: NDArray[np.int32] = np.frombuffer(texts.buffers()[1], dtype=np.int32)
    return offsets[texts.offset : texts.offset + len(texts) + 1]


def _lengths(texts: pa.Array) -> NDArray[np.int32]:
    """Return the length of each text in bytes, 1 for null."""
    lengths = np.diff(offsets_of(texts))
    if texts.null_count:
        lengths[nulls_in(texts)] = 1
    return lengths


def values_in(column: Column, array: pa.Array) -> list[Any]:
    """Return an array as checked Python values."""
    values: list[Any] = array.to_pylist()
    if column.kind is Kind.CODES:
        return [[] if value is None else value for value in values]
    if column.kind is Kind.TIMESTAMP:
        return [value and moment_of(value) for value in values]
    return values


# --- what is in doubt --------------------------------------------------------------------------


def mark(doubt: Mask, column: Column, array: pa.Array) -> None:
    """Mark in `doubt` where a column may be out of its bounds."""
    if column.required and array.null_count:
        doubt |= nulls_in(array)
    if array.null_count < len(array):
        _MARKS[column.kind](doubt, column, array)


def _mark_codes(doubt: Mask, column: Column, array: pa.Array) -> None:
    if pa.types.is_dictionary(array.type):
        odd = np.zeros(len(array.dictionary), dtype=np.bool_)
        _mark_codes(odd, column, array.dictionary)
        if odd.any():
            at = array.indices.fill_null(0).to_numpy(zero_copy_only=False)
            doubt |= odd[at]
    elif column.values:
        known = pc.is_in(array, value_set=pa.array(column.values), skip_nulls=False)
        doubt |= ~(known.to_numpy(zero_copy_only=False) | nulls_in(array))
    else:
        doubt |= _odd_texts(array, column.least, column.most)


def _odd_texts(texts: pa.Array, least: int, most: int) -> Mask:
    """Return which texts are too long or short, or not printable ASCII without spaces."""
    offsets = offsets_of(texts)
    lengths = np.diff(offsets)
    odd: Mask = (lengths < least) | (lengths > most)
    if offsets[-1] > offsets[0]:
        letters = np.frombuffer(texts.buffers()[2], dtype=np.uint8)[offsets[0] : offsets[-1]]
        # Below the first they wrap round to large numbers.
        strange = letters - np.uint8(_FIRST_PRINTABLE) > _LAST_PRINTABLE - _FIRST_PRINTABLE
        if strange.any():
            places = np.flatnonzero(strange) + offsets[0]
            odd[np.searchsorted(offsets, places, side="right") - 1] = True
    return odd & ~nulls_in(texts) if texts.null_count else odd


def _mark_lists(doubt: Mask, column: Column, array: pa.Array) -> None:
    counts = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    doubt |= counts > column.most
    texts = array.flatten()
    odd = _odd_texts(texts, 1, limits.CODE_CHARS_MAX) | nulls_in(texts)
    doubt[np.repeat(np.arange(len(array)), counts)[odd]] = True


def _mark_numbers(doubt: Mask, column: Column, array: pa.Array) -> None:
    numbers = numbers_in(array)
    doubt |= ((numbers < column.least) | (numbers > column.most)) & ~nulls_in(array)


def _mark_dates(doubt: Mask, column: Column, array: pa.Array) -> None:
    days = days_in(array)
    first = day_number(date(first_year(column.name), 1, 1))
    doubt |= ((days < first) | (days > _LAST_DAY)) & ~nulls_in(array)


def _mark_moments(doubt: Mask, _: Column, array: pa.Array) -> None:
    # A text that is no moment was read as the last one of the calendar.
    doubt |= (numbers_in(array) == _NO_MOMENT_MICROSECONDS) & ~nulls_in(array)


def _mark_none(_: Mask, __: Column, ___: pa.Array) -> None:
    """Any value will do."""


_LAST_DAY: Final = day_number(date(limits.SERVICE_YEAR_MAX, 12, 31))
_MARKS: Final[dict[Kind, Callable[[Mask, Column, pa.Array], None]]] = {
    Kind.CODE: _mark_codes,
    Kind.CODES: _mark_lists,
    Kind.DATE: _mark_dates,
    Kind.BOOLEAN: _mark_none,
    Kind.FEN: _mark_numbers,
    Kind.INTEGER: _mark_numbers,
    Kind.TIMESTAMP: _mark_moments,
}


def repeated(ids: pa.Array, claim: NDArray[np.int64]) -> Mask:
    """Return which ids another line of the same claim has as well."""
    numbers = decoded(ids).dictionary_encode().indices.fill_null(-1).to_numpy()
    repeated = np.zeros(len(ids), dtype=np.bool_)
    # Numbers are given in the order in which ids occur, so where all are new they rise.
    falls = np.flatnonzero((numbers[1:] <= numbers[:-1]) & (claim[1:] == claim[:-1]))
    if len(falls):
        places = np.flatnonzero(np.isin(claim, claim[falls]))
        keys = claim[places] * (int(numbers.max()) + 2) + numbers[places] + 1
        _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
        repeated[places] = counts[inverse] > 1
    return repeated
