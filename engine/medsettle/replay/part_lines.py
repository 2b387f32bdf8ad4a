"""The lines of a part, split in blocks whose temporaries stay in the cache and summed to pots.

Claims that a split by arrays cannot do are named, not split: negative lines, marked ones, items
whose quantity is limited or that their area refuses, and numbers outside their bounds. Whoever
reads a history trusts that its claims were checked when they were settled; the bounds on which the
machine code relies are asked all the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core import codes
from medsettle.core.coded import Coded
from medsettle.errors import Fault, InvalidRequest
from medsettle.policy.area import Area
from medsettle.policy.catalogue import CLASS_C, IN_SCOPE_POT
from medsettle.policy.rule_book import RuleBook
from medsettle.replay import native_blocks
from medsettle.replay.combinations import Places
from medsettle.replay.part_columns import Column, Columns
from medsettle.replay.part_items import PartItems
from medsettle.settle.claim_lines import ScopedLines, item_classes, pot_names, split_for_home
from medsettle.settle.item_rows import item_rows
from medsettle.settle.line_columns import LineColumns, LineSplits

LINE_COLUMNS: Final = (
    *("item_code", "fee_date", "quantity_e4", "unit_price_e6", "amount_fen"),
    *("approval", "original_line", "earmark"),
)
"""What the split looks at."""

_STATED: Final = LINE_COLUMNS[:5]
_BOUNDS: Final[Mapping[str, tuple[int, int]]] = {
    "quantity_e4": (1, limits.QUANTITY_E4_MAX),
    "unit_price_e6": (0, limits.UNIT_PRICE_E6_MAX),
    "amount_fen": (0, limits.LINE_AMOUNT_FEN_MAX),
}


@dataclass(frozen=True, slots=True, eq=False)
class PartSplits:
    """The lines of n claims, split.

    - `pots` (k, n): int64 fen by the pots of each claim's own area, zeros behind them;
    - `odd` (n,): claims that are to be settled whole, one by one; their pots mean nothing;
    - `parts` (4, lines), `item_class`, `pot` (lines,): the split of each line, where it is wanted;
      pots are numbers of `pot_names`.
    """

    pots: NDArray[np.int64]
    odd: NDArray[np.bool_]
    parts: NDArray[np.int64] | None = None
    item_class: NDArray[np.int8] | None = None
    pot: NDArray[np.int8] | None = None
    pot_names: list[str] = field(default_factory=lambda: [*codes.POT_NAMES])

    def pot_number(self, name: str) -> int:
        """Return the number of a pot, which gets one where it has none."""
        if name not in self.pot_names:
            self.pot_names.append(name)
        return self.pot_names.index(name)

    def clear(self, refused: NDArray[np.bool_]) -> None:
        """Leave nothing of the split of some lines, whose claims are refused."""
        if self.parts is not None and self.item_class is not None and self.pot is not None:
            self.parts[:, refused] = 0
            self.item_class[refused] = CLASS_C
            self.pot[refused] = IN_SCOPE_POT


class LineMemory:
    """Memory for the splits of one part after another: what was used before costs nothing to make.

    Whoever is given some of it is done with it before the next part.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._parts = np.empty((len(codes.POT_NAMES), 0), dtype=np.int64)
        self._small = np.empty((2, 0), dtype=np.int8)

    def of(self, lines: int) -> tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.int8]]:
        """Return parts, classes and pots of some lines, to be written."""
        if lines > self._small.shape[1]:
            self._parts = np.empty((len(codes.POT_NAMES), lines), dtype=np.int64)
            self._small = np.empty((2, lines), dtype=np.int8)
        return self._parts[:, :lines], self._small[0, :lines], self._small[1, :lines]


def starts_of(claims: Columns, lines: Columns) -> Column:
    """Return where the lines of each of n claims begin, and how many there are, shape (n + 1,).

    Raises:
        InvalidRequest: The claims state another number of lines than there are.
    """
    starts = np.concatenate(([0], np.cumsum(claims.numbers("line_count"), dtype=np.int64)))
    if starts[-1] != len(lines):
        message = f"the claims of a part state {starts[-1]} lines, and it has {len(lines)}; "
        raise InvalidRequest([Fault("history.lines", message + "make the history again")])
    return starts


def split_part(
    book: RuleBook,
    places: Places,
    of_claim: Column,
    lines: Columns,
    starts: Column,
    memory: LineMemory | None,
) -> PartSplits:
    """Return the lines of a part, split by a rule book.

    Args:
        book: The rule book.
        places: By which catalogue the lines of each combination are split.
        of_claim: Shape (n,), the combination of each claim.
        lines: The lines, in the order of the claims.
        starts: Shape (n + 1,), where the lines of each claim begin.
        memory: Takes the split of each line, where it is wanted.
    """
    # Whoever replays has many lines: the loops over them run as machine code.
    from medsettle.settle import native_lines  # noqa: F401, PLC0415

    count = len(of_claim)
    width = max((len(pot_names(home)) for _, home in places.areas), default=len(codes.POT_NAMES))
    kept = (None, None, None) if memory is None else memory.of(len(lines))
    pots = np.zeros((width, count), dtype=np.int64)
    found = PartSplits(pots, places.odd[of_claim], *kept)
    if count:
        block = _Blocks(book, places, of_claim, lines, starts, found)
        found.odd[block.claims_of(block.unusual())] = True
        first = 0
        while first < count:
            most = starts[first] + limits.REPLAY_BLOCK_LINES
            end = max(first + 1, int(np.searchsorted(starts, most, side="right")) - 1)
            block.split(first, min(end, count))
            first = min(end, count)
        found.odd[found.pots.sum(axis=0) > limits.CLAIM_TOTAL_FEN_MAX] = True
        unsplit = found.odd | (places.pair[of_claim] < 0)
        if unsplit.any():
            found.clear(np.repeat(unsplit, np.diff(starts)))
    return found


class _Blocks:
    """Splits runs of claims, their columns made once for the part."""

    def __init__(
        self,
        book: RuleBook,
        places: Places,
        of_claim: Column,
        lines: Columns,
        starts: Column,
        into: PartSplits,
    ) -> None:
        self._book, self._places, self._starts, self._into = book, places, starts, into
        self._lines = lines
        self._pair = places.pair[of_claim]
        self._scheme, self._level = places.scheme[of_claim], places.price_level[of_claim]
        items = lines.codes("item_code")
        self._items = Coded(items.texts, items.numbers)
        self._day = _days(lines)
        self._numbers = tuple(lines.numbers(name) for name in _BOUNDS)
        self._approval = _approvals(lines)
        self._tables = [
            PartItems.of(care, book.catalogues[care.code], items.texts, self._day)
            for care, _ in places.areas
        ]
        self._room = _Room()

    def unusual(self) -> Column:
        """Return the lines that only a checkout's way can split, whatever their catalogue says."""
        lines = self._lines
        found = [
            np.flatnonzero(lines.known(name))
            for name in ("original_line", "earmark")
            if lines.array(name).null_count < len(lines)
        ]
        found += [
            np.flatnonzero(lines.known(name) == 0)
            for name in _STATED
            if lines.array(name).null_count
        ]
        return np.concatenate([_NOWHERE, *found])

    def claims_of(self, lines: Column) -> Column:
        """Return the claims of some lines."""
        return np.searchsorted(self._starts, lines, side="right") - 1

    def split(self, first: int, end: int) -> None:
        """Split the lines of the claims from `first` to `end`."""
        pairs = self._pair[first:end]
        for number in dict.fromkeys([int(pairs[0])] if _same(pairs) else pairs.tolist()):
            if number < 0:
                self._look_at(first + np.flatnonzero(pairs < 0))
                continue
            mine = (pairs == number) & ~self._into.odd[first:end]
            if mine.all():
                at: slice | Column = slice(*self._starts[[first, end]].tolist())
                self._split(number, np.arange(first, end), at)
            elif mine.any():
                claims = first + np.flatnonzero(mine)
                self._split(number, claims, self._places_of(claims))

    def _look_at(self, claims: Column) -> None:
        """Mark claims whose lines nobody splits as odd where a number is outside its bounds."""
        at = self._places_of(claims)
        odd = np.flatnonzero(_outside(*(each[at] for each in self._numbers)))
        self._into.odd[self.claims_of(at[odd])] = True

    def _places_of(self, claims: Column) -> Column:
        """Return the places of the lines of some claims."""
        counts = self._starts[claims + 1] - self._starts[claims]
        shifts = self._starts[claims] - np.concatenate(([0], np.cumsum(counts)[:-1]))
        found: Column = np.arange(counts.sum()) + np.repeat(shifts, counts)
        return found

    def _split(self, number: int, claims: Column, at: slice | Column) -> None:
        """Split the lines at some places, which are all of some claims of one pair of areas."""
        care, home = self._places.areas[number]
        counts = self._starts[claims + 1] - self._starts[claims]
        edges = np.concatenate(([0], np.cumsum(counts)))
        if not edges[-1]:
            return
        scoped = self._laid_out(number, claims, at, edges)
        entry, claim = scoped.lines.row, scoped.lines.claim
        assert claim is not None
        if not len(entry):
            left = claims[~self._into.odd[claims]]
            self._split(number, left, self._places_of(left))
            return
        parts = self._room.parts[:, : len(entry)]
        if isinstance(at, slice) and self._into.parts is not None:
            parts = self._into.parts[:, at]
        together = len(claims) == int(claims[-1]) + 1 - int(claims[0])
        width = len(pot_names(home))
        sums = self._into.pots[:width, claims[0] : claims[-1] + 1]
        if not together:
            sums = np.zeros((width, len(claims)), dtype=np.int64)
        splits = split_for_home(self._book, (care, home), scoped, claim, sums, parts)
        if not together:
            self._into.pots[:width, claims] = sums
        odd = self._tables[number].odd
        if odd is not None:
            self._into.odd[claims[claim[odd.take(entry)]]] = True
        if self._into.parts is not None:
            classes = item_classes(self._book.catalogues[care.code], entry)
            self._keep(at, splits, classes, home)

    def _laid_out(
        self, number: int, claims: Column, at: slice | Column, edges: Column
    ) -> ScopedLines:
        """Return the lines at some places, ready to be split.

        Where a number is outside the bounds for which machine code is proved its claim is marked as
        odd, and no lines are returned.
        """
        care, home = self._places.areas[number]
        table, room = self._tables[number], self._room
        room.make(int(edges[-1]))
        quantity, price, amount = (np.ascontiguousarray(each[at]) for each in self._numbers)
        numbers, days = self._items.numbers[at], self._day[at]
        columns = LineColumns(
            row=room.row[: edges[-1]],
            scheme=room.scheme[: edges[-1]],
            price_level=room.level[: edges[-1]],
            quantity_e4=quantity,
            unit_price_e6=price,
            amount_fen=amount,
            approval=self._approval[at],
            claim=room.claim[: edges[-1]],
        )
        told = native_blocks.lay_out(
            edges,
            self._scheme[claims],
            self._level[claims],
            (np.ascontiguousarray(numbers), np.ascontiguousarray(days)),
            (table.rows, table.stretch, table.first_day),
            (quantity, price, amount),
            _MOST,
            room.claim[: edges[-1]],
            columns.scheme,
            columns.price_level,
            columns.row,
        )
        items = Coded(self._items.texts, numbers)
        if told & native_blocks.OUTSIDE:
            odd = np.flatnonzero(_outside(quantity, price, amount))
            self._into.odd[claims[room.claim[odd]]] = True
            return ScopedLines(_NOWHERE, items, _NOWHERE, _NO_ROWS, columns.block(slice(0)))
        if told & native_blocks.MIXES:
            some = np.flatnonzero(columns.row == native_blocks.MIXED)
            on, own = days[some].astype(np.int64), Coded(items.texts, numbers[some])
            catalogue = self._book.catalogues[care.code]
            columns.row[some] = item_rows(catalogue, own, on, price[some], table.ids)
        # Only another area's catalogue asks for the day of every line.
        asked = _NOWHERE if care is home else days.astype(np.int64)
        return ScopedLines(_NOWHERE, items, asked, columns.row, columns)

    def _keep(
        self,
        at: slice | Column,
        splits: LineSplits,
        item_class: NDArray[np.int8],
        home: Area,
    ) -> None:
        """Keep the splits of lines."""
        assert self._into.parts is not None
        assert self._into.item_class is not None
        assert self._into.pot is not None
        if not isinstance(at, slice):
            self._into.parts[:, at] = splits.parts
        self._into.item_class[at] = item_class
        numbers = [self._into.pot_number(name) for name in pot_names(home)]
        same = numbers == [*range(len(numbers))]
        self._into.pot[at] = splits.pot if same else np.array(numbers, np.int8).take(splits.pot)


class _Room:
    """What a block needs beside its lines, in memory that is used again and again."""

    def __init__(self) -> None:
        self._size = 0

    def make(self, lines: int) -> None:
        """See to it that there is room for some lines."""
        if lines > self._size:
            self._size = lines
            self.claim = np.empty(lines, dtype=np.int64)
            self.scheme = np.empty(lines, dtype=np.int8)
            self.level = np.empty(lines, dtype=np.int8)
            self.row = np.empty(lines, dtype=np.int32)
            self.parts = np.empty((len(codes.POT_NAMES), lines), dtype=np.int64)


def _same(numbers: Column) -> bool:
    return bool((numbers == numbers[0]).all())


def _outside(*columns: Column) -> NDArray[np.bool_]:
    """Return which lines have a number outside its bounds."""
    found = np.zeros(len(columns[0]), dtype=np.bool_)
    for column, (least, most) in zip(columns, _BOUNDS.values(), strict=True):
        found |= (column < least) | (column > most)
    return found


_NOWHERE: Final = np.zeros(0, dtype=np.int64)
_NO_ROWS: Final = np.zeros(0, dtype=np.int32)
_MOST: Final = np.array([most for _, most in _BOUNDS.values()], dtype=np.int64)


def _days(lines: Columns) -> NDArray[np.int32]:
    """Return the day of each line, in days since 1970-01-01.

    Lines without a day have that of another one; they are settled by a checkout's way.
    """
    array = lines.array("fee_date")
    if pa.types.is_null(array.type):
        return np.zeros(len(lines), dtype=np.int32)
    days = array.view(pa.int32())
    if array.null_count:
        days = days.fill_null(pc.min(days).as_py() or 0)
    found: NDArray[np.int32] = days.to_numpy()
    return found


def _approvals(lines: Columns) -> NDArray[np.int8]:
    """Return the approval of each line as a number, 0 where none is stated."""
    if lines.array("approval").null_count == len(lines):
        return np.zeros(len(lines), dtype=np.int8)
    held = lines.codes("approval")
    known = {code: number for number, code in enumerate(codes.APPROVALS)}
    numbers = np.array([known.get(text, 0) for text in held.texts] + [0], dtype=np.int8)
    return numbers[held.numbers]
