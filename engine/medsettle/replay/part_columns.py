"""The claims of a part as columns of numbers: codes by dictionaries, dates as days, whose they are.

Nothing here makes a Python value of each claim.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from medsettle.errors import Fault, InvalidRequest
from medsettle.limits import INT64_MAX
from medsettle.replay.history import COLUMNS
from medsettle.replay.layout import arrow_schema
from medsettle.settle.quantities import NO_DAY

Column: TypeAlias = NDArray[np.int64]
Numbers: TypeAlias = NDArray[np.int32]

_BETWEEN_CODES: Final = " "
"""No code has a blank."""


@dataclass(frozen=True, slots=True, eq=False)
class Codes:
    """Codes of n rows: row i has the known text `numbers[i]`, or none where that is -1."""

    known: pa.Array
    numbers: Numbers

    @property
    def texts(self) -> list[str]:
        """The texts."""
        found: list[str] = self.known.to_pylist()
        return found

    def __len__(self) -> int:
        """Return how many texts there are."""
        return len(self.known)

    def dense(self) -> Column:
        """Return a number of each row from 1 on, 0 where there is no code."""
        return self.numbers.astype(np.int64) + 1

    def text(self, row: int) -> str | None:
        """Return the code of a row."""
        number = int(self.numbers[row])
        return None if number < 0 else str(self.known[number].as_py())


class Tables(Protocol):
    """Where the tables of a part come from."""

    def read(self, name: str, columns: Sequence[str] | None) -> pa.Table:
        """Return some columns of a table, those that there are; all where none are named.

        A table that is missing has no rows.
        """
        ...


@dataclass(frozen=True, slots=True)
class GivenTables:
    """Tables that are at hand."""

    tables: Mapping[str, pa.Table]

    def read(self, name: str, columns: Sequence[str] | None) -> pa.Table:
        """Return some columns of a table; see `Tables`."""
        found = self.tables.get(name)
        if found is None:
            found = arrow_schema(COLUMNS[name]).empty_table()
        if columns is None:
            return found
        return found.select([each for each in columns if each in found.column_names])


class Columns:
    """A table of a part, its columns as numbers, each made once."""

    def __init__(self, tables: Tables, name: str, first: Sequence[str] = ()) -> None:
        """Read nothing yet.

        Args:
            tables: Where the table comes from.
            name: Its name.
            first: Columns that will be asked for, which are read together; others are read when
                somebody asks for them.
        """
        self._tables, self._name, self._first = tables, name, first
        self._made: dict[tuple[str, str], object] = {}

    @cached_property
    def table(self) -> pa.Table:
        """The table with the columns that were named first, all where none were."""
        return self._tables.read(self._name, self._first or None)

    @cached_property
    def whole(self) -> pa.Table:
        """The table with all its columns."""
        return self._tables.read(self._name, None)

    def __len__(self) -> int:
        rows: int = self.table.num_rows
        return rows

    def array(self, name: str) -> pa.Array:
        """Return a column as one Arrow array, codes with one dictionary; nulls where missing."""
        found = self._made.get(("array", name))
        if found is None:
            found = self._made["array", name] = self._array(name)
        return found

    def _array(self, name: str) -> pa.Array:
        table = self.table
        if self._first and name not in self._first:
            table = self._tables.read(self._name, [name])
        if name not in table.column_names:
            return pa.nulls(len(self))
        column = table[name]
        if pa.types.is_dictionary(column.type):
            column = column.unify_dictionaries()
        if column.num_chunks == 1:
            return column.chunk(0)
        return column.combine_chunks() if column.num_chunks else pa.array([], column.type)

    def codes(self, name: str) -> Codes:
        """Return a column of codes."""
        found = self._made.get(("codes", name))
        if not isinstance(found, Codes):
            found = self._made["codes", name] = _codes(self.array(name))
        return found

    def lists(self, name: str) -> Codes:
        """Return a column of lists of codes, each one text with blanks between codes."""
        found = self._made.get(("lists", name))
        if not isinstance(found, Codes):
            array = self.array(name)
            if array.null_count == len(array) or not len(array.flatten()):
                array = pa.nulls(len(array))
            elif pa.types.is_list(array.type):
                array = pc.binary_join(array.fill_null([]), _BETWEEN_CODES)
            found = self._made["lists", name] = _codes(array)
        return found

    def counts(self, name: str) -> Column:
        """Return how many codes each list of a column has."""
        array = self.array(name)
        if not pa.types.is_list(array.type):
            return np.zeros(len(self), dtype=np.int64)
        return _whole(pc.list_value_length(array).fill_null(0))

    def numbers(self, name: str) -> Column:
        """Return a column of numbers or switches, 0 where nothing is stated."""
        found = self._made.get(("numbers", name))
        if not isinstance(found, np.ndarray):
            array = self.array(name)
            if pa.types.is_null(array.type):
                found = np.zeros(len(self), dtype=np.int64)
            else:
                found = _whole(array.fill_null(0) if array.null_count else array)
            self._made["numbers", name] = found
        return found

    def known(self, name: str) -> Column:
        """Return 1 where a column states something, else 0."""
        array = self.array(name)
        if not array.null_count:
            return np.ones(len(self), dtype=np.int64)
        return _whole(array.is_valid())

    def days(self, name: str) -> Column:
        """Return a column of dates in days since 1970-01-01, `NO_DAY` where nothing is stated."""
        found = self._made.get(("days", name))
        if not isinstance(found, np.ndarray):
            array = self.array(name)
            if pa.types.is_null(array.type):
                found = np.full(len(self), NO_DAY, dtype=np.int64)
            else:
                known = array.is_valid()
                found = _whole(array.view(pa.int32()).fill_null(0))
                if array.null_count:
                    found = np.where(known.to_numpy(zero_copy_only=False), found, NO_DAY)
            self._made["days", name] = found
        return found


def _codes(array: pa.Array) -> Codes:
    if array.null_count == len(array):
        return Codes(pa.array([], pa.string()), np.full(len(array), -1, dtype=np.int32))
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    numbers = array.indices
    if numbers.null_count:
        numbers = numbers.fill_null(-1)
    found = numbers.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    return Codes(array.dictionary, found)


def _whole(array: pa.Array) -> Column:
    found: Column = array.to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
    return found


# --- whose they are ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Persons:
    """Whose n claims are, m persons in the order of the part.

    - `of_claim` (n,): the number of the person of each claim, rising;
    - `first` (m + 1,): the first claim of each person, and n;
    - `rank` (n,): how many earlier claims the person of each has;
    - `order` (n,): the place in time of each claim among all that happened to its person.
    """

    of_claim: Column
    first: Column
    rank: Column
    order: Column
    _areas: Codes
    _tokens: Codes

    def __len__(self) -> int:
        return len(self.first) - 1

    def find(self, table: Columns) -> Column:
        """Return the number of the person of each row of another table, -1 where it is nobody's."""
        areas, tokens = table.codes("pooling_area"), table.codes("person")
        width = len(self._tokens) + 1
        at = self.first[:-1]
        own = self._areas.dense()[at] * width + self._tokens.dense()[at]
        asked = _renumbered(areas, self._areas) * width + _renumbered(tokens, self._tokens)
        found = pc.index_in(pa.array(asked), value_set=pa.array(own)).fill_null(-1)
        return _whole(found)

    def events_before(self, person: Column, order: Column) -> Column:
        """Return how many claims of a person come before a place in time, for some of both."""
        claims, places = self.order, order
        width = 1 + max(int(claims.max(initial=0)), int(places.max(initial=0)))
        if (
            width > INT64_MAX // (len(self) + 1)
            or min(claims.min(initial=0), places.min(initial=0)) < 0
        ):
            _, dense = np.unique(np.concatenate([claims, places]), return_inverse=True)
            claims, places = dense[: len(claims)], dense[len(claims) :]
            width = len(dense) + 1
        found = np.searchsorted(self.of_claim * width + claims, person * width + places)
        return found.astype(np.int64) - self.first[person]


def _renumbered(codes: Codes, others: Codes) -> Column:
    """Return the dense numbers that codes have among others, 0 for one that is not there."""
    places = pc.index_in(codes.known, value_set=others.known).fill_null(-1)
    return np.append(_whole(places) + 1, 0)[codes.numbers]


def persons_of(claims: Columns) -> Persons:
    """Return whose the claims of a part are.

    Raises:
        InvalidRequest: A person's claims do not lie together, or not in their order.
    """
    areas, tokens = claims.codes("pooling_area"), claims.codes("person")
    count, order = len(claims), claims.numbers("order")
    starts = np.ones(count, dtype=np.bool_)
    if count:
        starts[1:] = (np.diff(areas.numbers) != 0) | (np.diff(tokens.numbers) != 0)
    first = np.append(np.flatnonzero(starts), count)
    of_claim = np.cumsum(starts, dtype=np.int64) - 1
    keys = areas.dense()[first[:-1]] * (len(tokens) + 1) + tokens.dense()[first[:-1]]
    if len(np.unique(keys)) < len(keys):
        raise _unsorted("a person's claims do not lie together")
    if ((np.diff(order) <= 0) & ~starts[1:]).any():
        raise _unsorted("a person's claims do not rise in `order`")
    rank = np.arange(count, dtype=np.int64) - first[of_claim] if count else order
    return Persons(of_claim, first, rank, order, areas, tokens)


def _unsorted(found: str) -> InvalidRequest:
    message = f"{found}; sort the claims by pooling_area, person and order, and make it again"
    return InvalidRequest([Fault("history.claims", message)])
