"""The catalogue of a pooling area: what each item of a bill is worth to the insurance, and when.

One line of the file is one version of one item, or one band of unit prices of it. Two versions of
an item follow one another in time; the version in force on the day of the fee decides its class,
ratio and ceiling price. The loaded catalogue is a handful of read-only arrays, one row for each
entry, sorted by item and first day, so that ten million charge lines are looked up by one search
instead of ten million.

Percent and yuan are what the notices print, so they are what the file holds; inside there are
parts per million and micro-yuan, and a number that is not exact in them is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from medsettle.core.coded import Coded
from medsettle.core.dates import DayArray
from medsettle.errors import PolicyRejected, Violation
from medsettle.policy.catalogue_cells import NO_CEILING, NO_LIMIT, PPM_ONE
from medsettle.policy.catalogue_columns import (
    CLASS_C,
    COLUMNS,
    IN_SCOPE_POT,
    Columns,
    Entry,
    QuantityLimit,
    optional_columns,
    read_columns,
    read_entries,
)
from medsettle.policy.catalogue_sheet import Sheet, read_sheet
from medsettle.policy.line_terms import LineTerms

__all__ = [
    "CLASS_C",
    "IN_SCOPE_POT",
    "NOT_LISTED",
    "NOT_VALID",
    "NO_CEILING",
    "NO_LIMIT",
    "PPM_ONE",
    "TERM_FLAGS",
    "Catalogue",
]

Scalar = TypeVar("Scalar", bound=np.generic)

NOT_LISTED: Final = -1
"""Row of an item that the catalogue does not hold."""

NOT_VALID: Final = -2
"""Row of an item that the catalogue holds, but not on the day of the fee."""

TERM_FLAGS: Final = (1 << 20, 1 << 21, 1 << 22)
"""What stands above the ratio in the terms of an entry: wholly own expense, own expense above the
ceiling, restricted."""

# An item and a day share one int64 sort key; days fit 32 bits.
_DAYS_PER_ITEM = 2**32


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """The entries of one catalogue file, sorted by item code and first day. Arrays are read-only.

    With n entries, m items, s ratio columns, c sets of ceilings and q quantity limits:

    - `digest`: SHA-256 of the file, hex; `terms`: what its area says about lines;
    - `schemes`: insurance types and populations of the ratio columns; `ceiling_sets`: populations
      with ceilings of their own, behind the general set, whose name is empty;
    - `item_codes`: the m codes in order, `index` their dense ids, `item` (n,) the id of each row;
    - `last_of_item` (m,): int32, the row of the last version of each item, its band of the highest
      prices;
    - `valid_from`, `valid_until` (n,): int32 days, the second one exclusive;
    - `item_class` (n,): int8, 1 to 3 for class A to C; `restricted` (n,): bool;
    - `class_of_line`, `pot_of_line` (n + 2,): int8, class and pot of a line by its row; two entries
      stand at the end for lines without one, whose rows are `NOT_VALID` and `NOT_LISTED`;
    - `pre_self_pay_ppm` (n, s): int64 parts per million in 0..1,000,000;
    - `cells` (n, 3c + s): int64, what is asked of every line, side by side so that it is in one
      place of memory: in the first `price_levels` columns `ceiling_e6`, behind them `terms_ppm`;
    - `ceiling_e6` (n, 3c): int64 micro-yuan, for each set the hospital levels 1 to 3, `NO_CEILING`
      for none;
    - `terms_ppm` (n, s): int64, the ratios with the `TERM_FLAGS` of the entry;
    - `own_expense_above` (n,): bool, the whole line is own expense when its price is above;
    - `pot` (n,): int64, where the in-scope part goes: `IN_SCOPE_POT`, or 4 + position in `pots`;
    - `price_above_e6` (n,): int64 micro-yuan above which the entry counts; `bands` (n,): int64, how
      many entries share its version, one for each band of prices;
    - `line_limit_fen` (n,): int64, the most of a line that is in scope, `NO_LIMIT` for none;
    - `most_e4` (n, q): int64 units in 1/10,000, for each of `quantity_limits`; `limited` (n,):
      bool, whether some of them is one;
    - `most_bands`, `limits_lines`, `limits_quantities`: whether any entry has them, so that nobody
      asks for each line of a bill what no entry says;
    - `names`, `list_types`, `charge_types`: texts of each row, for people;
    - `source_line` (n,): int32, the line of the file on which each entry stands.
    """

    file: str
    digest: str
    terms: LineTerms
    schemes: tuple[str, ...]
    ceiling_sets: tuple[str, ...]
    quantity_limits: tuple[QuantityLimit, ...]
    item_codes: tuple[str, ...]
    index: Mapping[str, int]
    names: tuple[str, ...]
    list_types: tuple[str, ...]
    charge_types: tuple[str, ...]
    item: NDArray[np.int32]
    last_of_item: NDArray[np.int32]
    valid_from: DayArray
    valid_until: DayArray
    item_class: NDArray[np.int8]
    class_of_line: NDArray[np.int8]
    pot_of_line: NDArray[np.int8]
    pre_self_pay_ppm: NDArray[np.int64]
    cells: NDArray[np.int64]
    price_levels: int
    own_expense_above: NDArray[np.bool_]
    pot: NDArray[np.int64]
    restricted: NDArray[np.bool_]
    price_above_e6: NDArray[np.int64]
    bands: NDArray[np.int64]
    line_limit_fen: NDArray[np.int64]
    most_e4: NDArray[np.int64]
    limited: NDArray[np.bool_]
    sort_key: NDArray[np.int64]
    source_line: NDArray[np.int32]
    most_bands: int
    limits_lines: bool
    limits_quantities: bool

    @property
    def ceiling_e6(self) -> NDArray[np.int64]:
        """Ceiling prices, shape (n, 3c)."""
        return self.cells[:, : self.price_levels]

    @property
    def terms_ppm(self) -> NDArray[np.int64]:
        """Ratios with the flags of their entries, shape (n, s)."""
        return self.cells[:, self.price_levels :]

    @classmethod
    def load(cls, path: Path, terms: LineTerms) -> "Catalogue":
        """Return the catalogue of a file.

        Args:
            path: UTF-8 CSV; comment lines at the top begin with `#`.
            terms: What its area says about lines: special pots, populations, switches.

        Raises:
            PolicyRejected: The file has faults; carries all of them with line and column.
            OSError: The file cannot be read.
        """
        return _loaded(read_sheet(path, COLUMNS, optional_columns(terms)), terms)

    def __len__(self) -> int:
        """Return the number of entries, versions counted apart."""
        return len(self.item)

    def items(self, item_codes: Sequence[str]) -> NDArray[np.int32]:
        """Return the dense id of each code, shape (n,); `NOT_LISTED` for unknown ones."""
        if isinstance(item_codes, Coded):
            # A text that no line has may still be among those of a column.
            ids = self.items(item_codes.texts)
            return ids.take(item_codes.numbers) if len(item_codes) else ids[:0]
        found = map(self.index.get, item_codes, repeat(NOT_LISTED))
        return np.fromiter(found, dtype=np.int32, count=len(item_codes))

    def rows(
        self,
        item_codes: Sequence[str] | NDArray[np.int32],
        fee_days: NDArray[np.integer[Any]],
        unit_prices_e6: NDArray[np.int64] | None = None,
    ) -> NDArray[np.int32]:
        """Return the row of the version in force for each line.

        Args:
            item_codes: Shape (n,), codes, or their dense ids from `items`.
            fee_days: Shape (n,), days since 1970-01-01.
            unit_prices_e6: Shape (n,), micro-yuan; without it the band of the lowest prices counts.

        Returns:
            Shape (n,), int32; `NOT_LISTED` or `NOT_VALID` where there is none.
        """
        ids = item_codes if isinstance(item_codes, np.ndarray) else self.items(item_codes)
        # Most lines are younger than the last version of their item.
        last = self.last_of_item.take(np.maximum(ids, 0))
        row = last.astype(np.intp)
        earlier = np.flatnonzero(fee_days < self.valid_from.take(last))
        if len(earlier):
            key = ids[earlier].astype(np.int64) * _DAYS_PER_ITEM + fee_days[earlier]
            row[earlier] = np.searchsorted(self.sort_key, key, side="right") - 1
        if self.most_bands > 1:
            row = self._band_rows(row, unit_prices_e6)
        at = np.maximum(row, 0)
        valid = (row >= 0) & (self.item.take(at) == ids) & (fee_days < self.valid_until.take(at))
        found = row.astype(np.int32)
        found[~valid] = NOT_VALID
        found[ids < 0] = NOT_LISTED
        return found

    def _band_rows(
        self, last: NDArray[np.intp], unit_prices_e6: NDArray[np.int64] | None
    ) -> NDArray[np.intp]:
        """Return the row of each line's price band, given the row of the last band."""
        bands = np.where(last < 0, 1, self.bands[np.maximum(last, 0)])
        row = last - bands + 1
        if unit_prices_e6 is None:
            return row
        first = row.copy()
        for number in range(1, int(bands.max(initial=1))):
            at = np.where(number < bands, first + number, 0)
            row += (number < bands) & (unit_prices_e6 > self.price_above_e6[at])
        return row


def _loaded(sheet: Sheet, terms: LineTerms) -> Catalogue:
    if not sheet.columns:
        raise _rejected(sheet)
    columns = read_columns(sheet, terms)
    entries = read_entries(sheet, columns)
    if sheet.violations:
        raise _rejected(sheet)
    return _compiled(sheet, terms, columns, entries)


def _rejected(sheet: Sheet) -> PolicyRejected:
    def position(violation: Violation) -> tuple[int, int]:
        return violation.line, violation.column

    return PolicyRejected(sorted(sheet.violations, key=position))


def _frozen(column: NDArray[Scalar]) -> NDArray[Scalar]:
    column = np.ascontiguousarray(column)
    column.setflags(write=False)
    return column


def _compiled(sheet: Sheet, terms: LineTerms, columns: Columns, entries: list[Entry]) -> Catalogue:
    order = np.array([entry.record for entry in entries])
    item_codes = tuple(dict.fromkeys(entry.item_code for entry in entries))
    index = {code: number for number, code in enumerate(item_codes)}
    item = np.array([index[entry.item_code] for entry in entries], dtype=np.int32)
    valid_from = np.array([entry.valid_from for entry in entries], dtype=np.int32)
    sort_key = item.astype(np.int64) * _DAYS_PER_ITEM + valid_from
    most = np.array(columns.most, dtype=np.int64).reshape(len(columns.most), len(order)).T[order]
    item_class = np.array(columns.item_class, dtype=np.int8)[order]
    ratios = np.array(columns.ratios, dtype=np.int64).T[order]
    ceilings = np.array(columns.ceilings, dtype=np.int64).T[order]
    own_expense_above = np.array(columns.over_limit_as)[order] == "own_expense"
    restricted = np.array(columns.restricted, dtype=np.bool_)[order]
    flags = (item_class == CLASS_C, own_expense_above, restricted)
    pot = _class_pots(np.array(columns.pot, dtype=np.int64)[order], item_class, terms)

    def texts(name: str) -> tuple[str, ...]:
        return tuple(sheet.columns[name][record] for record in order)

    return Catalogue(
        file=sheet.file,
        digest=sheet.digest,
        terms=terms,
        schemes=columns.schemes,
        ceiling_sets=columns.ceiling_sets,
        quantity_limits=columns.quantity_limits,
        item_codes=item_codes,
        index=MappingProxyType(index),
        names=texts("name"),
        list_types=texts("list_type"),
        charge_types=texts("charge_type"),
        item=_frozen(item),
        last_of_item=_frozen(_last_of_each(item, len(item_codes))),
        valid_from=_frozen(valid_from),
        valid_until=_frozen(np.array([entry.valid_until for entry in entries], dtype=np.int32)),
        item_class=_frozen(item_class),
        class_of_line=_frozen(np.append(item_class, [CLASS_C] * 2).astype(np.int8)),
        pot_of_line=_frozen(np.append(pot, [IN_SCOPE_POT] * 2).astype(np.int8)),
        pre_self_pay_ppm=_frozen(ratios),
        cells=_frozen(np.hstack([ceilings, _with_flags(ratios, flags)])),
        price_levels=ceilings.shape[1],
        own_expense_above=_frozen(own_expense_above),
        pot=_frozen(pot),
        restricted=_frozen(restricted),
        price_above_e6=_frozen(np.array(columns.price_above, dtype=np.int64)[order]),
        bands=_frozen(_same_version(sort_key)),
        line_limit_fen=_frozen(np.array(columns.line_limit, dtype=np.int64)[order]),
        most_e4=_frozen(most),
        limited=_frozen((most != NO_LIMIT).any(axis=1)),
        sort_key=_frozen(sort_key),
        source_line=_frozen(np.array(sheet.lines, dtype=np.int32)[order]),
        most_bands=int(_same_version(sort_key).max(initial=1)),
        limits_lines=any(limit != NO_LIMIT for limit in columns.line_limit),
        limits_quantities=bool((most != NO_LIMIT).any()),
    )


def _with_flags(ratios: NDArray[np.int64], flags: Sequence[NDArray[np.bool_]]) -> NDArray[np.int64]:
    """Return ratios with the flags of their entries above them."""
    word = sum(held * flag for held, flag in zip(flags, TERM_FLAGS, strict=True))
    return ratios | np.asarray(word, dtype=np.int64)[:, np.newaxis]


def _last_of_each(item: NDArray[np.int32], items: int) -> NDArray[np.int32]:
    """Return the last row of each item; a row of no item where there are none at all."""
    ends = np.searchsorted(item, np.arange(max(items, 1)), side="right")
    return (ends - 1).astype(np.int32)


def _same_version(sort_key: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many entries share the item and first day of each."""
    _, inverse, counts = np.unique(sort_key, return_inverse=True, return_counts=True)
    return counts[inverse].astype(np.int64)


def _class_pots(
    pot: NDArray[np.int64], item_class: NDArray[np.int8], terms: LineTerms
) -> NDArray[np.int64]:
    """Return the pot of each entry: the one it names, else the one of its class (shape L12)."""
    for number, name in terms.class_pots.items():
        own = IN_SCOPE_POT + 1 + terms.pots.index(name)
        pot = np.where((pot == IN_SCOPE_POT) & (item_class == number), own, pot)
    return pot
