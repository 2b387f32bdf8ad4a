"""Settlements that differ and were adjusted: what counts is what both records add up to.

A book that has been corrected has its settlement as it was, and an adjustment beside it that the
other books do not have. The rule: where a settlement and its adjustments add up to the same amounts
in all books, none of these amounts is told, nor that a book lacks an adjustment; every other column
of rows that two books have is compared as ever, since what agrees in money may still be claimed of
another area, person or month.

What takes the settlement back counts as well: of books that have a cancel, what it leaves is the
same, or a cancel that forgot the adjustment would be hidden.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from medsettle.clearing.matching.book import AMOUNTS, SHARES, RecordKind, Side
from medsettle.clearing.matching.doubles import Doubles
from medsettle.clearing.matching.odd_records import AT, Record, Records

ADDED: Final = frozenset(column.name for column in (*AMOUNTS, *SHARES))
"""The columns that an adjustment adds to."""

_PLACES: Final = tuple(AT[name] for name in ADDED)


class Adjusted:
    """The adjustments among odd records, by what they belong to."""

    def __init__(self, found: Records, doubles: Doubles) -> None:
        """Gather the adjustments of each settlement, also of those that are not odd."""
        self._found, self._doubles = found, doubles
        self._of: dict[Record | str, list[Record]] = {}
        self._alike: dict[Record | str, bool] = {}
        for record in found.records:
            if record.kind == RecordKind.ADJUST:
                self._of.setdefault(self._original(record), []).append(record)

    def alike(self, record: Record) -> bool:
        """Return whether a settlement that was adjusted stands with the same amounts in all books.

        Args:
            record: The settlement, or one of its adjustments. Of a settlement that is not odd all
                books have the same, so its adjustments alone are to be alike. What is of another
                kind is not.
        """
        if record.kind not in {RecordKind.SETTLE, RecordKind.ADJUST}:
            return False
        original = record if record.kind == RecordKind.SETTLE else self._original(record)
        if original not in self._of:
            return False
        if original not in self._alike:
            self._alike[original] = self._adds_up(original)
        return self._alike[original]

    def _adds_up(self, original: Record | str) -> bool:
        parts, sides = list(self._of[original]), self._found.sides
        if isinstance(original, Record):
            if len(original.held) < len(sides):
                return False
            parts.append(original)
        cancels = self._cancels(original)
        taken = [side for side in sides if any(side in each.held for each in cancels)]
        return self._equal(sides, parts) and self._equal(taken, [*parts, *cancels])

    def _cancels(self, original: Record | str) -> list[Record]:
        """Return what takes a settlement back, without what is told as a duplicate."""
        if isinstance(original, Record):
            belonging = self._found.belonging.get(original, [])
        else:
            belonging = self._found.cancels.get(original, [])
        cancels = [each for each in belonging if each.kind == RecordKind.CANCEL]
        return [each for each in cancels if self._doubles.twin_of(each) is None]

    def _original(self, record: Record) -> Record | str:
        return self._found.originals.get(record) or self._found.original_id(record)

    def _equal(self, sides: Iterable[Side], parts: Sequence[Record]) -> bool:
        """Return whether some records add up to the same in books, as far as these know it."""
        sums = [self._sums(side, parts) for side in sides]
        columns = zip(*sums, strict=True)
        return all(len({fen for fen in each if fen is not None}) <= 1 for each in columns)

    def _sums(self, side: Side, parts: Sequence[Record]) -> list[int | None]:
        """Return what some records add up to in a book, by column; None where unknown."""
        rows = [self._found.rows[side][part.held[side][0]] for part in parts if side in part.held]
        found: list[int | None] = []
        for place in _PLACES:
            values = [row[place] for row in rows]
            known = [value for value in values if isinstance(value, int)]
            found.append(sum(known) if len(known) == len(values) else None)
        return found
