"""Quantity limits of items: what a person may still have, and what a claim uses up (shape L4).

How much of an item was used is a counter of the person, `item.<code>.<stretch>`, in 1/10,000 units
and kept for each day, month, year or treatment that the day of the fee falls into. Claims use it up
in their order, the lines of a claim in theirs; a claim that is refused uses nothing, and a cancel
gives back what its settlement used. A line that is own expense as a whole uses nothing either.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from medsettle.core.counters import CounterKey, CounterValues
from medsettle.core.dates import Period, YearStart, day_number, period_key, rolling_period
from medsettle.core.outcome import Rejection, invalid
from medsettle.core.settlement import Row
from medsettle.errors import Fault
from medsettle.policy.catalogue import NO_LIMIT, Catalogue
from medsettle.policy.catalogue_columns import QuantityLimit
from medsettle.settle.line_columns import LineColumns
from medsettle.settle.line_source import LineSource
from medsettle.settle.scope import outside

_PREFIX = "item"


def no_values(_: Sequence[CounterKey]) -> Mapping[CounterKey, int]:
    """Return the counters of a person of whom nothing is known."""
    return {}


def item_counter(item_code: str, limit: QuantityLimit) -> str:
    """Return the name of the counter of an item in one kind of stretch.

    >>> item_counter("C9901000000000000001", QuantityLimit("month", Period.MONTH))
    'item.C9901000000000000001.month'
    """
    return f"{_PREFIX}.{item_code}.{limit.name}"


class _Limited(NamedTuple):
    """A line under limits: its place, claim, units left of it, and key and room of each limit."""

    at: int
    claim: int
    units: int
    limits: list[tuple[CounterKey, int]]


@dataclass(slots=True)
class ItemUse:
    """What the claims of a batch use up of limited items.

    `moved` is what each claim adds to which counter, `rejections` the claims that lack the date
    from which a limit counts.
    """

    counters: CounterValues
    spared: Collection[int]
    moved: dict[int, tuple[tuple[CounterKey, int], ...]] = field(default_factory=dict)
    rejections: dict[int, Rejection] = field(default_factory=dict)

    def covered(
        self,
        lines: LineColumns,
        source: LineSource,
        catalogue: Catalogue,
        starts: Mapping[int, YearStart],
    ) -> LineColumns:
        """Return the lines with the units that their limits leave.

        Args:
            lines: The columns of the lines of `source`.
            source: The lines.
            catalogue: Their catalogue.
            starts: Where the benefit year of each claim starts; claims without are refused ones.
        """
        found = list(self._limited(lines, source, catalogue, starts))
        if not found:
            return lines
        keys = {key for line in found for key, _ in line.limits if key.counter}
        used = Counter(dict(self.counters(list(keys))))
        covered = np.full(len(lines), NO_LIMIT, dtype=np.int64)
        own: Counter[CounterKey] = Counter()
        for index, line in enumerate(found):
            room = min(most - used[key] - own[key] for key, most in line.limits)
            covered[line.at] = max(room, 0)
            for key, _ in line.limits:
                own[key] += min(line.units, max(room, 0))
            if index + 1 == len(found) or found[index + 1].claim != line.claim:
                self._close(line.claim, own, used)
                own = Counter()
        of = np.searchsorted(source.chosen, source.net.source[source.chosen])
        return replace(lines, covered_e4=covered[of])

    def _close(self, claim: int, own: Counter[CounterKey], used: Counter[CounterKey]) -> None:
        """Add what a claim used to what all used before it, unless it will be refused."""
        kept = tuple((key, units) for key, units in own.items() if units and key.counter)
        if kept and claim not in self.spared and claim not in self.rejections:
            self.moved[claim] = kept
            used.update(dict(kept))

    def _limited(
        self,
        lines: LineColumns,
        source: LineSource,
        catalogue: Catalogue,
        starts: Mapping[int, YearStart],
    ) -> Iterator[_Limited]:
        """Yield the lines that limits concern, but for negative ones, in their order."""
        some = catalogue.limited.take(np.maximum(lines.row, 0)) & (lines.row >= 0)
        if lines.before is not None:
            some &= lines.before < 0
        places = np.flatnonzero(some)
        places = places[~outside(lines.block(places), catalogue)]
        left = _left(lines)
        for at in places.tolist():
            line = int(source.chosen[at])
            claim = int(source.batch.line_claim[line])
            if claim in starts:
                yield _Limited(
                    at=at,
                    claim=claim,
                    units=int(left[at]),
                    limits=list(self._limits(source, line, catalogue, int(lines.row[at]), starts)),
                )

    def _limits(
        self,
        source: LineSource,
        line: int,
        catalogue: Catalogue,
        row: int,
        starts: Mapping[int, YearStart],
    ) -> Iterator[tuple[CounterKey, int]]:
        """Yield the counter and the most of each limit of a line."""
        claim = int(source.batch.line_claim[line])
        facts = source.batch.rows[claim]
        day = int(source.batch.line_day[line])
        for limit, most in zip(
            catalogue.quantity_limits, catalogue.most_e4[row].tolist(), strict=True
        ):
            if most == NO_LIMIT:
                continue
            area, person = str(facts["pooling_area"]), str(facts["person"])
            item = source.batch.line_item[line]
            if limit.period is None:
                # Without a name it is no counter of the ledger, and ends with the claim.
                yield CounterKey(area, f"{person} {item}", "", 0), most
                continue
            period = _period(limit, facts, day, starts[claim])
            if period is None:
                self._refuse(source, line, claim, limit)
                period = 0
            yield CounterKey(area, person, item_counter(item, limit), period), most

    def _refuse(self, source: LineSource, line: int, claim: int, limit: QuantityLimit) -> None:
        item = source.batch.line_item[line]
        fault = Fault(
            "approval_date",
            f"missing; {item!r} is limited for each {limit.name} since its approval, so send the "
            "date",
        )
        self.rejections.setdefault(claim, invalid((fault,)))


def _left(lines: LineColumns) -> NDArray[np.int64]:
    """Return the units of each line that all negative lines leave."""
    left = lines.quantity_e4.copy()
    if lines.before is not None:
        first = np.arange(len(left))
        for at in np.flatnonzero(lines.before >= 0).tolist():
            first[at] = first[lines.before[at]]
            left[first[at]] = lines.quantity_e4[at]
    return left


def _period(limit: QuantityLimit, claim: Row, day: int, start: YearStart) -> int | None:
    """Return the key of the stretch that a day falls into, None without the date it needs."""
    assert limit.period is not None
    days = np.array([day])
    if limit.period is not Period.TREATMENT_YEAR:
        return int(period_key(days, limit.period, start)[0])
    since = claim["approval_date"]
    if not isinstance(since, date):
        return None
    return int(rolling_period(days, np.array([day_number(since)]), limit.years)[0])
