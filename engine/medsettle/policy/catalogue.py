"""The catalogue of a pooling area: what each item of a bill is worth to the insurance, and when.

One line of the file is one version of one item. Two versions of an item follow one another in
time; the version in force on the day of the fee decides its class, ratio and ceiling price. The
loaded catalogue is a handful of read-only arrays, one row for each entry, sorted by item and first
day, so that ten million charge lines are looked up by one search instead of ten million.

Percent and yuan are what the notices print, so they are what the file holds; inside there are
parts per million and micro-yuan, and a number that is not exact in them is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, repeat
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from medsettle.core.codes import INSURANCE_TYPES, POT_NAMES
from medsettle.core.dates import DayArray
from medsettle.errors import PolicyRejected, Violation
from medsettle.policy import catalogue_cells as cells
from medsettle.policy.catalogue_cells import NO_CEILING, OPEN_END, OVER_LIMIT_AS, PPM_ONE
from medsettle.policy.catalogue_sheet import Sheet, read_sheet
from medsettle.policy.vocabulary import suggestion

__all__ = [
    "CLASS_C",
    "IN_SCOPE_POT",
    "NOT_LISTED",
    "NOT_VALID",
    "NO_CEILING",
    "PPM_ONE",
    "Catalogue",
]

Scalar = TypeVar("Scalar", bound=np.generic)

NOT_LISTED: Final = -1
"""Row of an item that the catalogue does not hold."""

NOT_VALID: Final = -2
"""Row of an item that the catalogue holds, but not on the day of the fee."""

CLASS_C: Final = 3
IN_SCOPE_POT: Final = POT_NAMES.index("in_scope")
"""Pot of ordinary items; the special pots of an area follow the national four."""

CEILINGS: Final = tuple(f"ceiling_level_{level}_yuan" for level in (1, 2, 3))
RATIOS: Final = MappingProxyType({f"pre_self_pay_{code}_percent": code for code in INSURANCE_TYPES})
"""Columns of the first-self-pay ratio, one for each insurance type the catalogue serves."""

COLUMNS: Final = (
    *("item_code", "name", "list_type", "charge_type", "valid_from", "valid_until", "item_class"),
    *CEILINGS,
    *("over_limit_as", "pot", "restricted"),
)
# An item and a day share one int64 sort key; days fit 32 bits.
_DAYS_PER_ITEM = 2**32


class _Entry(NamedTuple):
    """One checked record, before it becomes a row."""

    item_code: str
    valid_from: int
    valid_until: int
    record: int


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """The entries of one catalogue file, sorted by item code and first day. Arrays are read-only.

    With n entries, m items, s insurance types:

    - `digest`: SHA-256 of the file, hex; `schemes`: the insurance types of the ratio columns;
    - `item_codes`: the m codes in order, `index` their dense ids, `item` (n,) the id of each row;
    - `valid_from`, `valid_until` (n,): int32 days, the second one exclusive;
    - `item_class` (n,): int8, 1 to 3 for class A to C; `restricted` (n,): bool;
    - `pre_self_pay_ppm` (n, s): int64 parts per million in 0..1,000,000;
    - `ceiling_e6` (n, 3): int64 micro-yuan for hospital levels 1 to 3, `NO_CEILING` for none;
    - `own_expense_above` (n,): bool, the whole line is own expense when its price is above;
    - `pot` (n,): int64, where the in-scope part goes: `IN_SCOPE_POT`, or 4 + position in `pots`;
    - `names`, `list_types`, `charge_types`: texts of each row, for people.
    """

    file: str
    digest: str
    schemes: tuple[str, ...]
    pots: tuple[str, ...]
    item_codes: tuple[str, ...]
    index: Mapping[str, int]
    names: tuple[str, ...]
    list_types: tuple[str, ...]
    charge_types: tuple[str, ...]
    item: NDArray[np.int32]
    valid_from: DayArray
    valid_until: DayArray
    item_class: NDArray[np.int8]
    pre_self_pay_ppm: NDArray[np.int64]
    ceiling_e6: NDArray[np.int64]
    own_expense_above: NDArray[np.bool_]
    pot: NDArray[np.int64]
    restricted: NDArray[np.bool_]
    sort_key: NDArray[np.int64]

    @classmethod
    def load(cls, path: Path, pots: Sequence[str]) -> "Catalogue":
        """Return the catalogue of a file.

        Args:
            path: UTF-8 CSV; comment lines at the top begin with `#`.
            pots: The special pots that its entries may name, in the order of their numbers.

        Raises:
            PolicyRejected: The file has faults; carries all of them with line and column.
            OSError: The file cannot be read.
        """
        return _loaded(read_sheet(path, COLUMNS, RATIOS), tuple(pots))

    def __len__(self) -> int:
        """Return the number of entries, versions counted apart."""
        return len(self.item)

    def items(self, item_codes: Sequence[str]) -> NDArray[np.int32]:
        """Return the dense id of each code, shape (n,); `NOT_LISTED` for unknown ones."""
        found = map(self.index.get, item_codes, repeat(NOT_LISTED))
        return np.fromiter(found, dtype=np.int32, count=len(item_codes))

    def rows(
        self, item_codes: Sequence[str] | NDArray[np.int32], fee_days: NDArray[np.integer[Any]]
    ) -> NDArray[np.int32]:
        """Return the row of the version in force for each line.

        Args:
            item_codes: Shape (n,), codes, or their dense ids from `items`.
            fee_days: Shape (n,), days since 1970-01-01.

        Returns:
            Shape (n,), int32; `NOT_LISTED` or `NOT_VALID` where there is none.
        """
        ids = item_codes if isinstance(item_codes, np.ndarray) else self.items(item_codes)
        key = ids.astype(np.int64) * _DAYS_PER_ITEM + fee_days
        row = np.searchsorted(self.sort_key, key, side="right") - 1
        at = np.maximum(row, 0)
        valid = (row >= 0) & (self.item[at] == ids) & (fee_days < self.valid_until[at])
        found = np.where(ids < 0, NOT_LISTED, np.where(valid, row, NOT_VALID))
        return found.astype(np.int32)


@dataclass(slots=True)
class _Columns:
    """Every column of a sheet, read; None where a cell was refused."""

    schemes: tuple[str, ...]
    pots: tuple[str, ...]
    item_code: list[str | None]
    name: list[str | None]
    list_type: list[str | None]
    charge_type: list[str | None]
    valid_from: list[int | None]
    valid_until: list[int | None]
    item_class: list[int | None]
    ratios: list[list[int | None]]
    ceilings: list[list[int | None]]
    over_limit_as: list[str | None]
    pot: list[int | None]
    restricted: list[bool | None]


def _loaded(sheet: Sheet, pots: tuple[str, ...]) -> Catalogue:
    schemes = tuple(RATIOS[name] for name in sheet.header if name in RATIOS)
    if sheet.columns and not schemes:
        first = next(iter(RATIOS))
        sheet.refuse_line(sheet.header_line, f"no ratio column; add one such as {first!r}")
    if not sheet.columns:
        raise _rejected(sheet)
    columns = _columns(sheet, schemes, pots)
    entries = _entries(sheet, columns)
    _check_together(sheet, columns)
    _check_versions(sheet, entries)
    if sheet.violations:
        raise _rejected(sheet)
    return _compiled(sheet, columns, entries)


def _rejected(sheet: Sheet) -> PolicyRejected:
    def position(violation: Violation) -> tuple[int, int]:
        return violation.line, violation.column

    return PolicyRejected(sorted(sheet.violations, key=position))


def _columns(sheet: Sheet, schemes: tuple[str, ...], pots: tuple[str, ...]) -> _Columns:
    numbers = {"": IN_SCOPE_POT, **{pot: len(POT_NAMES) + at for at, pot in enumerate(pots)}}

    def pot_number(text: str) -> int:
        if text not in numbers:
            hint = suggestion(text, pots)
            raise ValueError(f"the area has no special pot {text!r}; {hint}")
        return numbers[text]

    return _Columns(
        schemes=schemes,
        pots=pots,
        item_code=sheet.parsed("item_code", cells.item_code),
        name=sheet.parsed("name", cells.item_name),
        list_type=sheet.parsed("list_type", cells.list_type),
        charge_type=sheet.parsed("charge_type", cells.charge_type),
        valid_from=sheet.parsed("valid_from", cells.first_day),
        valid_until=sheet.parsed("valid_until", cells.end_day),
        item_class=sheet.parsed("item_class", cells.item_class),
        ratios=[sheet.parsed(f"pre_self_pay_{code}_percent", cells.ratio_ppm) for code in schemes],
        ceilings=[sheet.parsed(name, cells.ceiling_e6) for name in CEILINGS],
        over_limit_as=sheet.parsed("over_limit_as", cells.over_limit_as),
        pot=sheet.parsed("pot", pot_number),
        restricted=sheet.parsed("restricted", cells.restricted),
    )


def _entries(sheet: Sheet, columns: _Columns) -> list[_Entry]:
    """Return the entries whose code and dates could be read, sorted by code and first day."""
    dated = zip(columns.item_code, columns.valid_from, columns.valid_until, strict=True)
    found = []
    for record, (code, start, end) in enumerate(dated):
        if code is None or start is None or end is None:
            continue
        if end <= start:
            sheet.refuse(
                record,
                "valid_until",
                "it is the first day no longer valid and must come after valid_from",
            )
        found.append(_Entry(code, start, end, record))
    return sorted(found)


def _check_together(sheet: Sheet, columns: _Columns) -> None:
    """Refuse entries whose cells contradict one another."""
    for record, excess in enumerate(columns.over_limit_as):
        ceilings = [column[record] for column in columns.ceilings]
        if excess == "" and any(ceiling not in (None, NO_CEILING) for ceiling in ceilings):
            choices = " or ".join(OVER_LIMIT_AS)
            sheet.refuse(record, "over_limit_as", f"an entry with a ceiling must say {choices}")
        special = columns.pot[record] not in (None, IN_SCOPE_POT)
        if special and columns.item_class[record] == CLASS_C:
            sheet.refuse(record, "pot", "a class C entry has no in-scope part; leave pot blank")


def _check_versions(sheet: Sheet, entries: list[_Entry]) -> None:
    """Refuse versions of one item that overlap; an open end is closed by the next version."""
    for entry, following in pairwise(entries):
        if entry.item_code != following.item_code:
            continue
        line = sheet.lines[entry.record]
        if entry.valid_from == following.valid_from:
            sheet.refuse(
                following.record,
                "valid_from",
                f"the version of {entry.item_code} on line {line} begins on the same day",
            )
        elif entry.valid_until != OPEN_END and entry.valid_until > following.valid_from:
            sheet.refuse(
                following.record,
                "valid_from",
                f"the version of {entry.item_code} on line {line} is still valid on this day; "
                "end it here or begin later",
            )


def _frozen(column: NDArray[Scalar]) -> NDArray[Scalar]:
    column = np.ascontiguousarray(column)
    column.setflags(write=False)
    return column


def _compiled(sheet: Sheet, columns: _Columns, entries: list[_Entry]) -> Catalogue:
    order = np.array([entry.record for entry in entries])
    item_codes = tuple(dict.fromkeys(entry.item_code for entry in entries))
    index = {code: number for number, code in enumerate(item_codes)}
    item = np.array([index[entry.item_code] for entry in entries], dtype=np.int32)
    valid_from = np.array([entry.valid_from for entry in entries], dtype=np.int32)

    def texts(name: str) -> tuple[str, ...]:
        return tuple(sheet.columns[name][record] for record in order)

    return Catalogue(
        file=sheet.file,
        digest=sheet.digest,
        schemes=columns.schemes,
        pots=columns.pots,
        item_codes=item_codes,
        index=MappingProxyType(index),
        names=texts("name"),
        list_types=texts("list_type"),
        charge_types=texts("charge_type"),
        item=_frozen(item),
        valid_from=_frozen(valid_from),
        valid_until=_frozen(np.array([entry.valid_until for entry in entries], dtype=np.int32)),
        item_class=_frozen(np.array(columns.item_class, dtype=np.int8)[order]),
        pre_self_pay_ppm=_frozen(np.array(columns.ratios, dtype=np.int64).T[order]),
        ceiling_e6=_frozen(np.array(columns.ceilings, dtype=np.int64).T[order]),
        own_expense_above=_frozen(np.array(columns.over_limit_as)[order] == "own_expense"),
        pot=_frozen(np.array(columns.pot, dtype=np.int64)[order]),
        restricted=_frozen(np.array(columns.restricted, dtype=np.bool_)[order]),
        sort_key=_frozen(item.astype(np.int64) * _DAYS_PER_ITEM + valid_from),
    )
