"""Total first (3201): what books come to, group by group, before any row is looked at.

A group is what has one day, place of insurance, place of care, insurance type and clearing class,
as far as all books say so. Of each the number of rows, the sum of each amount and a digest are
kept. The digest is the sum of both lanes of its rows (`row_hashes`), so it does not depend on their
order, and a group in which two books have the same number and digest has the same rows in both,
but for an accident of 2**-128. Which groups are not flat tells where to look; the rows themselves
are found by the sketch or the join.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medsettle import limits
from medsettle.clearing.matching.book import AMOUNTS, SHARES, Side
from medsettle.clearing.matching.row_hashes import Lanes, numbers_of, valid_of
from medsettle.clearing.matching.sources import COLUMNS, Book
from medsettle.errors import Fault, InvalidRequest, Precondition

if TYPE_CHECKING:
    from medsettle.clearing.matching.sketch_loops import Words

GROUP: Final[tuple[str, ...]] = (
    "record_date",
    "pooling_area",
    "care_area",
    "insurance_type",
    "clearing_class",
)
SUMMED: Final[tuple[str, ...]] = tuple(column.name for column in (*AMOUNTS, *SHARES))

_TABLE_LEAST: Final = 1024


@dataclass(frozen=True, slots=True)
class Totals:
    """What one book comes to.

    Attributes:
        groups: The columns of `GROUP` that all books have, a row a group.
        rows: Shape (groups,), how many rows each has.
        sums: By amount, shape (groups,): fen.
        digests: By the columns that were hashed, shape (2, groups): the sums of both lanes.
    """

    groups: pa.Table
    rows: NDArray[np.int64]
    sums: Mapping[str, NDArray[np.int64]]
    digests: Mapping[tuple[str, ...], NDArray[np.uint64]]


@dataclass(slots=True)
class Counting:
    """Totals of a book while it is read."""

    book: Book
    group: tuple[str, ...]
    compared: Sequence[tuple[str, ...]]
    _hashes: "Words" = field(default_factory=lambda: np.zeros(_TABLE_LEAST, np.uint64))
    _numbers: NDArray[np.int64] = field(default_factory=lambda: np.zeros(_TABLE_LEAST, np.int64))
    _begun: list[pa.RecordBatch] = field(default_factory=list)
    _count: int = 0
    _read: int = 0
    _sums: dict[object, NDArray[np.int64]] = field(default_factory=dict)
    _reach: dict[str, int] = field(default_factory=dict)

    def add(
        self, batch: pa.RecordBatch, groups: "Words", lanes: Mapping[tuple[str, ...], Lanes]
    ) -> None:
        """Add a batch.

        Args:
            batch: The columns of the group and the amounts that the book has.
            groups: Shape (rows,), the first lane of the columns of the group.
            lanes: By columns, the lanes of the rows.

        Raises:
            InvalidRequest: An amount is beyond its bound, or the sum of one could be.
            Precondition: There are too many groups to be told.
        """
        from medsettle.clearing.matching import sketch_loops as loops  # noqa: PLC0415 - loads numba

        numbered = self._numbered(batch, groups)
        nothing = np.zeros(0, np.uint8)
        self._grow()
        ones = np.ones(batch.num_rows, np.int64)
        loops.add_to_groups(numbered, ones, nothing, self._sum("rows"))
        for columns, found in lanes.items():
            for lane, words in enumerate((found.one, found.two)):
                sums = self._sum((columns, lane))
                loops.add_to_groups(numbered, words.view(np.int64), nothing, sums)
        for name in batch.schema.names:
            if name in SUMMED:
                values, valid = numbers_of(batch.column(name)), valid_of(batch.column(name))
                self._check(name, values, valid)
                loops.add_to_groups(numbered, values, valid, self._sum(name))
        self._read += batch.num_rows

    def totals(self) -> Totals:
        """Return what was added."""
        self._grow()
        schema = self.book.schema(self.group)
        parts = [pa.Table.from_batches([batch]).cast(schema) for batch in self._begun]
        groups = pa.concat_tables([schema.empty_table(), *parts])
        end = self._count
        amounts = [name for name in self.book.columns if name in SUMMED]
        return Totals(
            groups,
            self._sum("rows")[:end],
            {name: self._sum(name)[:end] for name in amounts},
            {
                columns: np.stack([self._sum((columns, lane))[:end] for lane in (0, 1)]).view(
                    np.uint64
                )
                for columns in self.compared
            },
        )

    def _sum(self, key: object) -> NDArray[np.int64]:
        sums = self._sums.get(key)
        if sums is None:
            sums = self._sums[key] = np.zeros(max(self._count, 1), np.int64)
        return sums

    def _grow(self) -> None:
        for key, sums in self._sums.items():
            if len(sums) < self._count:
                self._sums[key] = np.zeros(2 * self._count, np.int64)
                self._sums[key][: len(sums)] = sums

    def _numbered(self, batch: pa.RecordBatch, groups: "Words") -> NDArray[np.int64]:
        """Return the number of the group of each row; new groups are kept with their values."""
        from medsettle.clearing.matching import sketch_loops as loops  # noqa: PLC0415 - loads numba

        groups[groups == 0] = 1
        numbered, begun = np.empty(len(groups), np.int64), np.empty(len(groups), np.int64)
        done = 0
        while done < len(groups):
            stopped, known = loops.number_groups(
                groups, done, self._hashes, self._numbers, self._count, numbered, begun
            )
            if known > limits.TOTAL_GROUPS_MAX:
                raise Precondition(
                    f"{self.book.name} has more than {limits.TOTAL_GROUPS_MAX} groups of "
                    f"{', '.join(self.group)}; compare fewer days or areas at once"
                )
            if known > self._count and self.group:
                rows = pa.array(begun[: known - self._count])
                self._begun.append(batch.select(list(self.group)).take(rows))
            self._count, done = known, stopped
            if done < len(groups):
                self._rehash()
        return numbered

    def _rehash(self) -> None:
        used = self._hashes != 0
        hashes, numbers = self._hashes[used], self._numbers[used]
        size = 4 * len(self._hashes)
        self._hashes, self._numbers = np.zeros(size, np.uint64), np.zeros(size, np.int64)
        for each, number in zip(hashes, numbers, strict=True):
            place = int(each) & (size - 1)
            while self._hashes[place]:
                place = (place + 1) & (size - 1)
            self._hashes[place], self._numbers[place] = each, number

    def _check(self, name: str, values: NDArray[np.int64], valid: NDArray[np.uint8]) -> None:
        seen = values[valid != 0] if len(valid) else values
        if not len(seen):
            return
        most, reach = COLUMNS[name].most, int(max(seen.max(), -seen.min()))
        if reach > most or int(seen.min()) < -most:
            wrong = np.flatnonzero((values > most) | (values < -most))
            shown = wrong[: limits.FILE_FAULTS_SHOWN_MAX]
            path = f"{self.book.name}: row"
            raise InvalidRequest(
                [
                    Fault(
                        f"{path} {self._read + int(row) + 1}.{name}",
                        f"{values[row]} fen is beyond {most} fen",
                    )
                    for row in shown
                ]
            )
        self._reach[name] = self._reach.get(name, 0) + reach * len(seen)
        if self._reach[name] > limits.INT64_MAX:
            raise InvalidRequest(
                [
                    Fault(
                        f"{self.book.name}: {name}",
                        f"{self._read + len(values)} rows of up to {reach} fen may add up to "
                        "more than a sum can hold; compare fewer days at once",
                    )
                ]
            )


def group_columns(books: Iterable[Book]) -> tuple[str, ...]:
    """Return the columns of `GROUP` that all books have."""
    having = [set(book.columns) for book in books]
    return tuple(name for name in GROUP if all(name in columns for columns in having))


def compared_totals(
    totals: Mapping[Side, Totals], pairs: Sequence[tuple[Side, Side, tuple[str, ...]]]
) -> pa.Table:
    """Return the totals of all books beside one another.

    Args:
        totals: Those of each book, of the same group columns.
        pairs: Which sides are compared, and by which columns.

    Returns:
        A row a group, in their order: its columns, `flat`, and for each side `{side}_rows` and
        `{side}_{amount}`, null where the side has none of the group.
    """
    names = next(iter(totals.values())).groups.schema.names
    numbers = {side: _by_group(each) for side, each in totals.items()}
    groups = sorted(set().union(*numbers.values()))
    places = {
        side: np.array([own.get(group, -1) for group in groups], np.int64)
        for side, own in numbers.items()
    }
    columns: dict[str, pa.Array] = {
        name: pa.array([group[at] for group in groups], COLUMNS[name].arrow_field().type)
        for at, name in enumerate(names)
    }
    columns["flat"] = pa.array(_flat(len(groups), totals, places, pairs))
    for side, own in totals.items():
        taken = pa.array(places[side], mask=places[side] < 0)
        columns[f"{side}_rows"] = pa.array(own.rows).take(taken)
        for name, sums in own.sums.items():
            columns[f"{side}_{name}"] = pa.array(sums).take(taken)
    return pa.table(columns)


def _by_group(totals: Totals) -> dict[tuple[Any, ...], int]:
    values = [column.to_pylist() for column in totals.groups.columns]
    if not values:
        return {(): 0} if len(totals.rows) else {}
    return {group: number for number, group in enumerate(zip(*values, strict=True))}


def _flat(
    count: int,
    totals: Mapping[Side, Totals],
    places: Mapping[Side, NDArray[np.int64]],
    pairs: Sequence[tuple[Side, Side, tuple[str, ...]]],
) -> NDArray[np.bool_]:
    flat = np.ones(count, np.bool_)
    for one, other, columns in pairs:
        flat &= (places[one] >= 0) & (places[other] >= 0)
        own, its = totals[one], totals[other]
        at, there = places[one][flat], places[other][flat]
        flat[flat] = (own.rows[at] == its.rows[there]) & (
            own.digests[columns][:, at] == its.digests[columns][:, there]
        ).all(axis=0)
    return flat
