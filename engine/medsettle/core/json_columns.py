"""JSON of many rows at once, column by column: what an encoder would write of each row by itself.

A record has some two hundred values, and making a dictionary of them for an encoder costs more than
all else that is done about a claim. Here Arrow makes texts of whole columns and joins them; what
all rows have the same is written once. Each text is to the byte what `orjson` writes of the value.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import Any, Final, TypeAlias

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from medsettle.core.arrow_columns import offsets_of
from medsettle.core.columns import Column, Kind
from medsettle.core.credentials import moment_of

Texts: TypeAlias = str | pa.StringArray
"""A text that all rows have, or one for each."""

NULL: Final = "null"
_ESCAPED: Final = (("\\", "\\\\"), ('"', '\\"'))


def of_value(value: object) -> str:
    """Return the JSON of one value."""
    return orjson.dumps(value).decode()


def of_numbers(matrix: NDArray[np.int64]) -> list[Texts]:
    """Return the JSON of whole numbers, a text for each row of a matrix that has the same in it.

    Args:
        matrix: Shape (columns, rows), one row at least.

    >>> same, differing = of_numbers(np.array([[7, 7], [1, -2]]))
    >>> same, differing.to_pylist()
    ('7', ['1', '-2'])
    """
    differs = (matrix != matrix[:, :1]).any(axis=1)
    # One call for all: what a call of Arrow takes by itself is that of some hundred numbers.
    flat = _texts(matrix[differs].ravel())
    count, place = matrix.shape[1], 0
    found: list[Texts] = []
    for first, varies in zip(matrix[:, 0].tolist(), differs.tolist(), strict=True):
        found.append(flat.slice(place, count) if varies else str(first))
        place += count * varies
    return found


def of_codes(codes: pa.Array) -> Texts:
    r"""Return the JSON of printable ASCII texts, or of none.

    >>> of_codes(pa.array(['a"b', None])).to_pylist()
    ['"a\\"b"', 'null']
    """
    if codes.null_count == len(codes):
        return NULL
    if pa.types.is_dictionary(codes.type):
        quoted = pc.binary_join_element_wise('"', _escaped(codes.dictionary), '"', "")
        return _with_nulls(quoted.take(codes.indices))
    return _with_nulls(pc.binary_join_element_wise('"', _escaped(codes), '"', ""))


def of_column(column: Column, array: pa.Array) -> Texts:
    """Return the JSON of a column of checked claims or lines, an Arrow array of its kind."""
    if array.null_count == len(array):
        return "[]" if column.kind is Kind.CODES else NULL
    return _OF_KIND[column.kind](array)


def within(texts: Texts, starts: NDArray[np.int64], numbers: NDArray[np.integer[Any]]) -> Texts:
    """Return the JSON of the columns of tables, one for each row that has some of the elements.

    Where all elements of a row are the same, the one stands for the list (`tables.squeezed`).

    Args:
        texts: The JSON of n elements.
        starts: Shape (rows + 1,), rising: row i has the elements from `starts[i]` on, one at least.
        numbers: Shape (n,), the same for equal elements and for no others.

    >>> texts = pa.array(["1", "1", "2", "3"])
    >>> within(texts, np.array([0, 2, 4]), np.array([1, 1, 2, 3])).to_pylist()
    ['1', '[2,3]']
    """
    if isinstance(texts, str):
        return texts
    first = starts[:-1]
    same = np.minimum.reduceat(numbers, first) == np.maximum.reduceat(numbers, first)
    if same.all():
        return texts.take(pa.array(first))
    lists = pa.ListArray.from_arrays(pa.array(starts.astype(np.int32)), texts)
    listed = pc.binary_join_element_wise("[", pc.binary_join(lists, ","), "]", "")
    return pc.if_else(pa.array(same), texts.take(pa.array(first)), listed) if same.any() else listed


def numbered(codes: pa.Array) -> NDArray[np.int64]:
    """Return a number for each text, the same for the same text; -1 for none."""
    plain = codes.dictionary_decode() if pa.types.is_dictionary(codes.type) else codes
    found = plain.dictionary_encode().indices.fill_null(-1)
    numbers: NDArray[np.int64] = found.to_numpy(zero_copy_only=False).astype(np.int64)
    return numbers


def members(columns: Mapping[str, Texts]) -> list[Texts]:
    """Return the parts of members of an object, without its braces.

    >>> joined(members({"a": "1", "b": pa.array(["2", "3"])}), 2).to_pylist()
    ['"a":1,"b":2', '"a":1,"b":3']
    """
    parts: list[Texts] = []
    for name, texts in columns.items():
        parts += [f"{',' if parts else ''}{of_value(name)}:", texts]
    return parts


def joined(parts: Iterable[Texts], count: int) -> pa.StringArray:
    """Return the texts of parts one after another, for each of `count` rows."""
    folded: list[Texts] = []
    for same, run in groupby(parts, lambda part: isinstance(part, str)):
        own = list(run)
        folded += ["".join(own)] if same else own
    if len(folded) == 1 and isinstance(folded[0], str):
        return pa.array(folded * count, pa.string())
    return pc.binary_join_element_wise(*folded, "")


def at(texts: Texts, places: pa.Array | None) -> Texts:
    """Return the texts of some rows; of all where `places` is None."""
    return texts if isinstance(texts, str) or places is None else texts.take(places)


def _of_lists(array: pa.ListArray) -> pa.StringArray:
    quoted = of_codes(array.flatten())
    if isinstance(quoted, str):
        # No list has anything in it.
        return pa.array(["[]"] * len(array), pa.string())
    counts = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    offsets = pa.array(np.concatenate(([0], np.cumsum(counts))).astype(np.int32))
    lists = pa.ListArray.from_arrays(offsets, quoted)
    return pc.binary_join_element_wise("[", pc.binary_join(lists, ","), "]", "")


def _of_dates(dates: pa.Array) -> pa.StringArray:
    return _with_nulls(pc.binary_join_element_wise('"', pc.cast(dates, pa.string()), '"', ""))


def _of_moments(moments: pa.Array) -> pa.StringArray:
    # Hardly any claim states one.
    read = (value and moment_of(value) for value in moments.to_pylist())
    return pa.array([of_value(value) for value in read], pa.string())


_OF_KIND: Final[Mapping[Kind, Callable[[pa.Array], Texts]]] = {
    Kind.CODE: of_codes,
    Kind.CODES: _of_lists,
    Kind.DATE: _of_dates,
    Kind.BOOLEAN: lambda array: _with_nulls(pc.if_else(array, "true", "false")),
    Kind.TIMESTAMP: _of_moments,
    Kind.INTEGER: lambda array: _with_nulls(pc.cast(array, pa.string())),
    Kind.FEN: lambda array: _with_nulls(pc.cast(array, pa.string())),
}


def _texts(values: NDArray[np.int64]) -> pa.StringArray:
    return pc.cast(pa.array(values), pa.string())


def _with_nulls(texts: pa.StringArray) -> pa.StringArray:
    return texts.fill_null(NULL) if texts.null_count else texts


def _escaped(texts: pa.StringArray) -> pa.StringArray:
    """Return printable ASCII texts as they stand between quotes; hardly any has such a mark."""
    first, last = offsets_of(texts)[[0, -1]].tolist()
    letters = np.frombuffer(texts.buffers()[2] or b"", dtype=np.uint8)[first:last]
    for mark, escaped in _ESCAPED:
        if (letters == ord(mark)).any():
            texts = pc.replace_substring(texts, mark, escaped)
    return texts
