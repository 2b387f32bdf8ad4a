"""Texts of one width as Arrow columns, made of matrices of characters, without loops over rows."""

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Chars: TypeAlias = NDArray[np.uint8]
"""ASCII characters, shape (n, width): a text a row."""


def letters(letter: str, count: int) -> Chars:
    """Return one letter for each of some rows, shape (n, 1)."""
    return np.full((count, 1), ord(letter), dtype=np.uint8)


def digits(values: NDArray[np.int64], width: int) -> Chars:
    """Return decimal digits of a fixed width, shape (n, width); higher ones are left out.

    >>> digits(np.array([7, 42]), 3).tobytes()
    b'007042'
    """
    chars = np.empty((len(values), width), dtype=np.uint8)
    for place in range(width - 1, -1, -1):
        chars[:, place] = values % 10 + ord("0")
        values = values // 10
    return chars


def texts(chars: Chars, known: NDArray[np.bool_] | None = None) -> pa.StringArray:
    """Return rows of characters as texts; null where not `known`.

    >>> texts(np.hstack([letters("P", 2), digits(np.array([7, 42]), 3)])).to_pylist()
    ['P007', 'P042']
    """
    count, width = chars.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int32)
    buffers = (pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(chars)))
    if known is None:
        return pa.StringArray.from_buffers(count, *buffers)
    bits = np.packbits(known, bitorder="little")
    nulls = int(count - np.count_nonzero(known))
    return pa.StringArray.from_buffers(count, *buffers, pa.py_buffer(bits), nulls)


def picked(chosen: NDArray[np.int64], values: tuple[str, ...] | list[str]) -> pa.DictionaryArray:
    """Return codes by their place in a list, as a dictionary; null where the place is negative."""
    none = chosen < 0
    places = pa.array(chosen.astype(np.int32), mask=none if none.any() else None)
    return pa.DictionaryArray.from_arrays(places, pa.array(values, pa.string()))


def bytes_of(found: pa.StringArray) -> Iterator[memoryview]:
    """Yield the bytes of each text, all of which are there; nothing is copied.

    >>> [bytes(text) for text in bytes_of(pa.array(["a", "", "bc"])[1:])]
    [b'', b'bc']
    """
    _, offsets, letters = found.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)[found.offset : found.offset + len(found) + 1]
    held = memoryview(letters or b"")
    first, *others = ends.tolist()
    for last in others:
        yield held[first:last]
        first = last
