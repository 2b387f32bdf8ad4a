"""The same thing twice in one book: an id twice, a service under two ids, a cancel twice."""

from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from medsettle.clearing.matching.book import NATURAL_KEYS, SAME_SERVICE, RecordKind, Side
from medsettle.clearing.matching.odd_records import AT, Record, Records, Values
from medsettle.clearing.matching.standing import State, states_of

STAY: Final = "person+stay"
"""How a stay at the time of another one elsewhere is told (`repeats`)."""

_PERSON, _TOTAL = AT["person"], AT["total_fen"]
_TIME, _INSTITUTION = AT["record_time"], AT["institution"]
_ALIKE: Final = (AT["insurance_type"], AT["service_date"])
_SERVICE_KEYS: Final = [
    ("+".join(key), itemgetter(*(AT[name] for name in key)))
    for key in (*NATURAL_KEYS[1:], SAME_SERVICE)
]
_LAST: Final = 2**63


@dataclass(frozen=True, slots=True)
class Twin:
    """The record that another one repeats in the same book, and by what it is told."""

    record: Record
    key: str

    @property
    def elsewhere(self) -> bool:
        """Whether it is told by the service alone, so that both may be real."""
        return self.key in {"+".join(SAME_SERVICE), STAY}


def doubled_at(record: Record) -> tuple[Side, ...]:
    """Return the sides whose books have an id more than once."""
    return tuple(side for side, numbers in record.held.items() if len(numbers) > 1)


class Doubles:
    """Finds the record that another one repeats.

    A record that not all books have is the second of a service if a book that has it has another
    one, of the same kind, total, person, day and insurance, under the same message id, number or
    visit; or under none of them, at another institution. The first is what more books have, then
    what insurance recorded first. What was taken back is no first: the next one replaces it. Of
    cancels, the second is what takes the same settlement back.
    """

    def __init__(self, found: Records) -> None:
        self._found = found
        self._sharing: dict[tuple[Side, str, Values], list[Record]] = {}
        # Only what some books lack can be a second one, so only its keys are looked for.
        for record in found.records:
            if found.lacking(record):
                for side, row in found.first_rows(record).items():
                    for key, value in self._values(record, side, row):
                        self._sharing[side, key, value] = []
        for record in sorted(found.records, key=self._rank):
            for side, row in found.first_rows(record).items():
                for key, value in self._values(record, side, row):
                    sharing = self._sharing.get((side, key, value))
                    if sharing is not None:
                        sharing.append(record)

    def twin_of(self, record: Record) -> Twin | None:
        """Return what a record that not all books have repeats; None if it repeats nothing."""
        found: list[tuple[int, tuple[int, int, str], Twin]] = []
        if not self._found.lacking(record):
            return None
        for side, row in self._found.first_rows(record).items():
            for place, (key, value) in enumerate(self._values(record, side, row)):
                first = self._first(record, side, key, value)
                if first is not None:
                    found.append((place, self._rank(first), Twin(first, key)))
        return min(found, key=lambda each: each[:2])[2] if found else None

    def _first(self, record: Record, side: Side, key: str, value: Values) -> Record | None:
        """Return the first record of a service that another one is the second of."""
        for other in self._sharing[side, key, value]:
            if other is record:
                return None
            if self._repeats(record, other, side, key):
                return other
        return None

    def _values(self, record: Record, side: Side, row: Values) -> list[tuple[str, Values]]:
        if record.kind == RecordKind.CANCEL:
            original = self._found.original_at(record, side)
            name = original.item if isinstance(original, Record) else original
            return [("original+kind", (name,))]
        if record.kind != RecordKind.SETTLE:
            return []
        # What is of other people or amounts is another service, so it need not be looked through.
        alike = (row[_PERSON], row[_TOTAL])
        if None in alike:
            return []
        named = [(key, (*picked(row), *alike)) for key, picked in _SERVICE_KEYS]
        return [(key, value) for key, value in named if None not in value]

    def _repeats(self, record: Record, other: Record, side: Side, key: str) -> bool:
        if record.kind == RecordKind.CANCEL:
            return True
        own = self._found.rows[side][record.held[side][0]]
        its = self._found.rows[side][other.held[side][0]]
        if any(own[at] != its[at] and None not in {own[at], its[at]} for at in _ALIKE):
            return False
        if key == "+".join(SAME_SERVICE) and own[_INSTITUTION] == its[_INSTITUTION]:
            return False
        return states_of(self._found, other)[side] is State.STANDS

    def _rank(self, record: Record) -> tuple[int, int, str]:
        """Return what orders records of one service: the one to keep comes first."""
        first = next(iter(self._found.first_rows(record).values()))
        moment = first[_TIME]
        recorded = moment if isinstance(moment, int) else _LAST
        return (-len(record.held), recorded, record.item)
