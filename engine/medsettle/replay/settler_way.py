"""Persons that arrays cannot do, whole: each claim by the settler, as at a checkout, in order.

Everybody's first claims are a batch, then everybody's second ones; so nobody is twice in one, and
each claim meets what stood before it. Counters lie in memory. What a cancel takes back may not be
there in a reform: then the counter is below zero, and nothing is paid from it until it is not.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
import pyarrow as pa

from medsettle import limits
from medsettle.core import codes, schema
from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import CounterKey
from medsettle.core.outcome import Rejection
from medsettle.core.relatives import Granted, Person, Relation, received
from medsettle.core.scopes import CareScope, scope_of
from medsettle.core.settlement import Row
from medsettle.replay.combinations import claim_rows
from medsettle.replay.events import Events
from medsettle.replay.part_columns import Column, Columns, Persons
from medsettle.settle.cancel import Moves, moved_back
from medsettle.settle.run import Settled, Settler

Take: TypeAlias = Callable[[int, Settled | Rejection], None]
"""Takes what a claim comes to, by its row in the part."""

_LINE_NAMES: Final = [column.name for column in schema.LINE]


@dataclass
class Held:
    """The counters of persons in memory."""

    values: Counter[CounterKey] = field(default_factory=Counter)
    _limits: dict[Person, dict[CounterKey, Relation]] = field(default_factory=dict)

    def move(self, moved: Moves) -> None:
        """Change counters."""
        for key, delta in moved:
            self.values[key] += delta
            receiver = Person(key.pooling_area, key.person)
            relation = received(receiver, key.counter, key.period)
            if relation is not None:
                self._limits.setdefault(receiver, {})[key] = relation

    def read(self, keys: Sequence[CounterKey]) -> Mapping[CounterKey, int]:
        """Return the values of counters; nothing is paid from below zero."""
        return {key: max(0, self.values[key]) for key in keys}

    def limits_of(self, persons: Sequence[Person]) -> Mapping[Person, Sequence[Granted]]:
        """Return the limits of receivers that are not used up, each in the order of binding."""
        found = {}
        for person in persons:
            own = sorted(self._limits.get(person, {}).items(), key=lambda each: each[1].number)
            granted = [
                Granted(relation, self.values[key]) for key, relation in own if self.values[key] > 0
            ]
            if granted:
                found[person] = granted
        return found


@dataclass(frozen=True, slots=True, eq=False)
class WholeClaims:
    """The claims of a part from which rows are made, with all that may be stated.

    Args:
        claims: The claims with all columns of `HISTORY_CLAIM`.
        lines: Their lines with all columns of `HISTORY_LINE`.
        starts: Where the lines of each claim begin, and how many there are.
        splits: Lines that another engine split.
        persons: Whose the claims are.
        events: What happened between them.
    """

    claims: Columns
    lines: Columns
    starts: Column
    splits: Columns
    persons: Persons
    events: Events

    def settle(self, whose: Column, settler: Settler, take: Take) -> None:
        """Settle all claims of some persons, in order.

        Args:
            whose: Numbers of persons, rising.
            settler: Settles by the rules of a world.
            take: Takes what each claim comes to.
        """
        held, moved = Held(), dict[int, Moves]()
        between = _Between(self, {*whose.tolist()})
        first, last = self.persons.first[whose], self.persons.first[whose + 1]
        for rank in range(int((last - first).max(initial=0))):
            for key, delta in between.moves.get(rank, ()):
                held.move(((key, delta),))
            for row in between.cancels.get(rank, ()):
                back = moved_back(moved.pop(row, ()), held.values)
                held.move(tuple(each for each in back if self._is_of(row, each[0])))
            rows = (first + rank)[first + rank < last]
            for start in range(0, len(rows), limits.CLAIMS_PER_BATCH_MAX):
                batch_rows = rows[start : start + limits.CLAIMS_PER_BATCH_MAX]
                for row, found in self._settled(batch_rows, settler, held):
                    if isinstance(found, Settled):
                        held.move(found.moved)
                        if row in between.cancelled:
                            moved[row] = found.moved
                    take(row, found)

    def _is_of(self, row: int, key: CounterKey) -> bool:
        """Return whether a counter is of the person of a claim.

        What goes back to a relative is a move of theirs in the history, at its place in time.
        """
        areas, tokens = self.claims.codes("pooling_area"), self.claims.codes("person")
        return (key.pooling_area, key.person) == (areas.text(row), tokens.text(row))

    def _settled(
        self, rows: Column, settler: Settler, held: Held
    ) -> Iterator[tuple[int, Settled | Rejection]]:
        """Yield what claims of as many persons come to."""
        batch = ClaimBatch.from_rows([*self._rows(rows)])
        scopes = {at: scope for at, row in enumerate(rows.tolist()) if (scope := self._scope(row))}
        batch = batch.scoped(scopes)
        good = [at for at in range(len(batch)) if at not in batch.rejections]
        found = settler.run(batch, good, held.read, refuse_gaps=True, limits_of=held.limits_of)
        for at, row in enumerate(rows.tolist()):
            yield row, batch.rejections[at] if at in batch.rejections else found[at]

    def _rows(self, rows: Column) -> Iterator[Row]:
        """Yield claims with their lines."""
        counts = self.starts[rows + 1] - self.starts[rows]
        ends = np.cumsum(counts)
        places = np.arange(ends[-1]) + np.repeat(self.starts[rows] - (ends - counts), counts)
        names = [name for name in _LINE_NAMES if name in self.lines.whole.column_names]
        lines = self.lines.whole.select(names).take(pa.array(places)).to_pylist()
        table = self.claims.whole.take(pa.array(rows))
        for row, count, end in zip(claim_rows(table), counts.tolist(), ends.tolist(), strict=True):
            yield row | {"lines": lines[end - count : end]}

    def _scope(self, row: int) -> CareScope | None:
        """Return how the lines of a claim were split elsewhere, if they were."""
        if not len(self.splits):
            return None
        number = int(self.claims.numbers("claim")[row])
        first, end = np.searchsorted(self.splits.numbers("claim"), [number, number + 1])
        if first == end:
            return None
        rows = self.splits.whole.slice(first, end - first).to_pylist()
        claim = self.claims.whole.slice(row, 1).to_pylist()[0]
        insurance_type = str(claim["insurance_type"])
        parts = [[each[f"{name}_fen"] for each in rows] for name in codes.POT_NAMES]
        classes = [int(each["item_class"]) for each in rows]
        outside = [bool(each["outside"]) for each in rows]
        return CareScope(
            care_area=str(claim["care_area"]),
            catalogue_digest=str(rows[0]["catalogue_digest"]),
            charge_types=tuple(rows[0]["charge_types"] or ()),
            by_type={insurance_type: scope_of(insurance_type, parts, classes, outside)},
        )


class _Between:
    """What happened between the claims of some persons, by before which claim it stands."""

    def __init__(self, whole: WholeClaims, whose: set[int]) -> None:
        events, persons = whole.events, whole.persons
        self.moves: dict[int, list[tuple[CounterKey, int]]] = {}
        self.cancels: dict[int, list[int]] = {}
        self.cancelled: set[int] = set()
        areas, tokens = whole.claims.codes("pooling_area"), whole.claims.codes("person")
        every, names = np.array([*whose], dtype=np.int64), events.name.texts
        for at in np.flatnonzero(np.isin(events.person, every)).tolist():
            first = int(persons.first[events.person[at]])
            key = CounterKey(
                str(areas.text(first)),
                str(tokens.text(first)),
                names[events.name.numbers[at]],
                int(events.period[at]),
            )
            before = int(events.before[at])
            self.moves.setdefault(before, []).append((key, int(events.delta[at])))
        mine = np.flatnonzero(np.isin(persons.of_claim[events.cancelled], every))
        for at in mine.tolist():
            row, before = int(events.cancelled[at]), int(events.cancelled_before[at])
            self.cancels.setdefault(before, []).append(row)
            self.cancelled.add(row)
