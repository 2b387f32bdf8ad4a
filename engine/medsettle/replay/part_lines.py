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
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core import codes
from medsettle.core.coded import Coded
from medsettle.errors import Fault, InvalidRequest
from medsettle.policy.catalogue import CLASS_C, IN_SCOPE_POT
from medsettle.policy.rule_book import RuleBook
from medsettle.replay.combinations import Places
from medsettle.replay.part_columns import Column, Columns
from medsettle.settle.claim_lines import ScopedLines, item_classes, pot_names, split_for_home
from medsettle.settle.item_rows import item_rows
from medsettle.settle.line_columns import LineColumns

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
    *,
    keep: bool,
) -> PartSplits:
    """Return the lines of a part, split by a rule book.

    Args:
        book: The rule book.
        places: By which catalogue the lines of each combination are split.
        of_claim: Shape (n,), the combination of each claim.
        lines: The lines, in the order of the claims.
        starts: Shape (n + 1,), where the lines of each claim begin.
        keep: Whether the split of each line is wanted.
    """
    # Whoever replays has many lines: the loops over them run as machine code.
    from medsettle.settle import native_lines  # noqa: F401, PLC0415

    count, every = len(of_claim), len(lines)
    width = max((len(pot_names(home)) for _, home in places.areas), default=len(codes.POT_NAMES))
    found = PartSplits(
        pots=np.zeros((width, count), dtype=np.int64),
        odd=places.odd[of_claim],
        parts=np.zeros((len(codes.POT_NAMES), every), dtype=np.int64) if keep else None,
        item_class=np.full(every, CLASS_C, dtype=np.int8) if keep else None,
        pot=np.full(every, IN_SCOPE_POT, dtype=np.int8) if keep else None,
    )
    if count:
        block = _Blocks(book, places, of_claim, lines, starts, found)
        found.odd[block.claims_of(np.flatnonzero(block.unusual()))] = True
        first = 0
        while first < count:
            most = starts[first] + limits.REPLAY_BLOCK_LINES
            end = max(first + 1, int(np.searchsorted(starts, most, side="right")) - 1)
            block.split(first, min(end, count))
            first = min(end, count)
    found.odd[found.pots.sum(axis=0) > limits.CLAIM_TOTAL_FEN_MAX] = True
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
        self._ids = {
            number: book.catalogues[care.code].items(items.texts)
            for number, (care, _) in enumerate(places.areas)
        }
        self._day = _as_they_lie(lines.array("fee_date"))
        self._numbers = {name: _as_they_lie(lines.array(name)) for name in _BOUNDS}
        self._approval = _approvals(lines)
        self._room = np.empty((len(codes.POT_NAMES), 0), dtype=np.int64)

    def unusual(self) -> NDArray[np.bool_]:
        """Return which lines only a checkout's way can split, whatever their catalogue says."""
        found = np.zeros(len(self._lines), dtype=np.bool_)
        for name in ("original_line", "earmark"):
            if self._lines.array(name).null_count < len(found):
                found |= self._lines.known(name) > 0
        for name in _STATED:
            if self._lines.array(name).null_count:
                found |= self._lines.known(name) == 0
        for name, (least, most) in _BOUNDS.items():
            column = self._numbers[name]
            if len(column) and (column.min() < least or column.max() > most):
                found |= (column < least) | (column > most)
        return found

    def claims_of(self, lines: Column) -> Column:
        """Return the claims of some lines."""
        return np.searchsorted(self._starts, lines, side="right") - 1

    def split(self, first: int, end: int) -> None:
        """Split the lines of the claims from `first` to `end`."""
        pairs = self._pair[first:end]
        for number in np.unique(pairs).tolist():
            if number < 0:
                continue
            mine = pairs == number
            if mine.all():
                self._split(
                    number, first, np.arange(first, end), slice(*self._starts[[first, end]])
                )
            else:
                claims = first + np.flatnonzero(mine)
                self._split(number, first, claims, self._places_of(claims))

    def _places_of(self, claims: Column) -> Column:
        """Return the places of the lines of some claims."""
        counts = self._starts[claims + 1] - self._starts[claims]
        shifts = self._starts[claims] - np.concatenate(([0], np.cumsum(counts)[:-1]))
        found: Column = np.arange(counts.sum()) + np.repeat(shifts, counts)
        return found

    def _split(self, number: int, first: int, claims: Column, at: slice | Column) -> None:
        """Split lines of one pair of areas; `claims` are theirs."""
        care, home = self._places.areas[number]
        catalogue = self._book.catalogues[care.code]
        usual = ~self._into.odd[claims]
        if not usual.all():
            # What machine code is not proved for stays out of it.
            claims = claims[usual]
            at = self._places_of(claims)
        counts = self._starts[claims + 1] - self._starts[claims]
        claim = np.repeat(claims - first, counts)
        items = Coded(self._items.texts, self._items.numbers[at])
        days, price = (
            column[at].astype(np.int64) for column in (self._day, self._numbers["unit_price_e6"])
        )
        entry = item_rows(catalogue, items, days, price, self._ids[number])
        columns = LineColumns(
            row=entry,
            scheme=np.repeat(self._scheme[claims], counts),
            price_level=np.repeat(self._level[claims], counts),
            quantity_e4=self._numbers["quantity_e4"][at].astype(np.int64, copy=False),
            unit_price_e6=price,
            amount_fen=self._numbers["amount_fen"][at].astype(np.int64, copy=False),
            approval=self._approval[at],
            claim=claim,
        )
        scoped = ScopedLines(_NOWHERE, items, days, entry, columns)
        sums = self._into.pots[: len(pot_names(home)), first : int(claims.max(initial=first)) + 1]
        whole = isinstance(at, slice) and self._into.parts is not None
        parts = self._into.parts[:, at] if whole else self._parts(len(entry))  # type: ignore[index]
        splits = split_for_home(self._book, (care, home), scoped, claim, sums, parts)
        odd = self._odd_entries(number, entry)
        if odd is not None:
            self._into.odd[first + claim[odd]] = True
        if self._into.parts is not None:
            assert self._into.item_class is not None
            assert self._into.pot is not None
            if not whole:
                self._into.parts[:, at] = splits.parts
            self._into.item_class[at] = item_classes(catalogue, entry)
            numbers = [self._into.pot_number(name) for name in pot_names(home)]
            self._into.pot[at] = np.array(numbers, dtype=np.int8)[splits.pot]

    def _odd_entries(self, number: int, entry: NDArray[np.int32]) -> NDArray[np.bool_] | None:
        """Return which lines have an item that arrays cannot do; None where no item is one."""
        care, _ = self._places.areas[number]
        catalogue = self._book.catalogues[care.code]
        odd = entry < 0 if care.unlisted_items == "refuse" else None
        if catalogue.limits_quantities:
            limited = catalogue.limited.take(np.maximum(entry, 0)) & (entry >= 0)
            odd = limited if odd is None else odd | limited
        return odd

    def _parts(self, count: int) -> NDArray[np.int64]:
        """Return memory for the parts of some lines, the same for one block after another."""
        if self._room.shape[1] < count:
            self._room = np.empty((len(codes.POT_NAMES), count), dtype=np.int64)
        return self._room[:, :count]


_NOWHERE: Final = np.zeros(0, dtype=np.int64)


def _as_they_lie(array: pa.Array) -> NDArray[np.int32] | NDArray[np.int64]:
    """Return numbers or days in the width in which they came, 0 where there is none."""
    if pa.types.is_null(array.type):
        return np.zeros(len(array), dtype=np.int32)
    if pa.types.is_date32(array.type):
        array = array.view(pa.int32())
    if array.null_count:
        array = array.fill_null(0)
    found: NDArray[np.int32] = array.to_numpy(zero_copy_only=False)
    return found


def _approvals(lines: Columns) -> NDArray[np.int8]:
    """Return the approval of each line as a number, 0 where none is stated."""
    held = lines.codes("approval")
    known = {code: number for number, code in enumerate(codes.APPROVALS)}
    numbers = np.array([known.get(text, 0) for text in held.texts] + [0], dtype=np.int8)
    return numbers[held.numbers] if held.texts else np.zeros(len(lines), dtype=np.int8)
