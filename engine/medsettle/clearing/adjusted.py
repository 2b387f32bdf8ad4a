"""Settlements that differ and were adjusted: what counts is what both records add up to.

A book that has been corrected has its settlement as it was, and an adjustment beside it that the
other books do not have. Where that makes it equal to them, nothing is left to be told.
"""

from collections.abc import Sequence
from typing import Final

from medsettle.clearing.book import AMOUNTS, SHARES, RecordKind, Side
from medsettle.clearing.odd_records import AT, Record, Records

ADDED: Final = frozenset(column.name for column in (*AMOUNTS, *SHARES))
"""The columns that an adjustment adds to."""

_PLACES: Final = tuple(AT[name] for name in ADDED)


class Adjusted:
    """The adjustments among odd records, by what they belong to."""

    def __init__(self, found: Records) -> None:
        """Gather the adjustments of each settlement, also of those that are not odd."""
        self._found = found
        self._of: dict[Record | str, list[Record]] = {}
        for record in found.records:
            if record.kind == RecordKind.ADJUST:
                self._of.setdefault(self._original(record), []).append(record)

    def alike(self, record: Record) -> bool:
        """Return whether a settlement that was adjusted stands with the same amounts in all books.

        Args:
            record: The settlement, or one of its adjustments. Of a settlement that is not odd all
                books have the same, so its adjustments alone are to be alike.
        """
        settled = record.kind == RecordKind.SETTLE
        original = record if settled else self._original(record)
        adjustments = self._of.get(original, [])
        if not adjustments:
            return False
        parts = list(adjustments)
        if isinstance(original, Record):
            if len(original.held) < len(self._found.sides):
                return False
            parts.append(original)
        sums = [self._sums(side, parts) for side in self._found.sides]
        return all(
            one == other
            for at in range(len(_PLACES))
            for one, other in [(sums[0][at], each[at]) for each in sums[1:]]
            if one is not None and other is not None
        )

    def _original(self, record: Record) -> Record | str:
        return self._found.originals.get(record) or self._found.original_id(record)

    def _sums(self, side: Side, parts: Sequence[Record]) -> list[int | None]:
        """Return what some records add up to in a book, by column; None where unknown."""
        rows = [self._found.rows[side][part.held[side][0]] for part in parts if side in part.held]
        found: list[int | None] = []
        for place in _PLACES:
            values = [row[place] for row in rows]
            known = [value for value in values if isinstance(value, int)]
            found.append(sum(known) if len(known) == len(values) else None)
        return found
