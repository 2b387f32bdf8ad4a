"""Lists of items for people to look at: narrowed, in parts by position, and counted by age.

A part costs the same wherever it begins. What is counted is counted in the store.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final, TypeAlias

import orjson

from medsettle.clearing.items.deadlines import due_of
from medsettle.clearing.items.item import DECIDED, RECORDS, Item, Run
from medsettle.clearing.items.reading import ItemReading
from medsettle.clearing.items.rows import item_of, run_of
from medsettle.clearing.items.schema import ITEM_COLUMNS, RUN_COLUMNS
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.classes import Action, DifferenceClass
from medsettle.core.dates import date_of, day_number
from medsettle.ledger.side_file import rows_of, unavailable

Condition: TypeAlias = tuple[str, list[str | int]]


class Standing(StrEnum):
    """Which items a list has, by where they stand."""

    STANDING = "standing"
    """Neither closed nor settled by a decision."""
    OPEN = "open"
    HELD = "held"
    PROPOSED = "proposed"
    TO_APPROVE = "to_approve"
    """Proposed, and another person has to agree."""
    APPROVED = "approved"
    APPLIED = "applied"
    OVERDUE = "overdue"
    """Standing after the day until which they were to be resolved."""
    ENDED = "ended"
    ALL = "all"


def _listed(words: frozenset[Action]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


_STANDING: Final = (
    "(state <> 'closed' and "
    f"(held = 1 or state <> 'applied' or action not in ({_listed(DECIDED)})))"
)
_TO_APPROVE: Final = (
    f"(state = 'proposed' and (action in ({_listed(RECORDS | {Action.WRITE_OFF})}) "
    "or (action = 'acknowledge' and at_risk_fen > 0)))"
)
_BY_STANDING: Final = {
    Standing.STANDING: _STANDING,
    Standing.OPEN: "(state = 'open' and held = 0)",
    Standing.HELD: "held = 1",
    Standing.PROPOSED: "state = 'proposed'",
    Standing.TO_APPROVE: _TO_APPROVE,
    Standing.APPROVED: "state = 'approved'",
    Standing.APPLIED: "state = 'applied'",
    Standing.OVERDUE: _STANDING,
    Standing.ENDED: f"not {_STANDING}",
    Standing.ALL: "true",
}

BANDS: Final[tuple[tuple[int, int | None], ...]] = (
    (0, 1),
    (2, 7),
    (8, 30),
    (31, 90),
    (91, None),
)
"""Ages in days, both included, by which items are counted; the last has no end."""


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What a list of items is narrowed to; None of each for no bound.

    Attributes:
        standing: Where they stand.
        reconciliation: Of which.
        run: Found by which run.
        difference_class: Of which class.
        owner: Whose turn it is.
        band: Of which of `BANDS`.
        settlement: About which settlement, in any book.
        numbers: Only these.
        without: None of these.
    """

    standing: Standing = Standing.STANDING
    reconciliation: str | None = None
    run: int | None = None
    difference_class: DifferenceClass | None = None
    owner: Side | None = None
    band: int | None = None
    settlement: str | None = None
    numbers: Sequence[int] | None = None
    without: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class Aged:
    """How many items of a class and of a band of ages there are, and the money at risk in them."""

    difference_class: DifferenceClass
    band: int
    items: int
    at_risk_fen: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How many items there are, and the money at risk in them."""

    items: int
    at_risk_fen: int


def part_of_items(
    store: ItemReading,
    narrowed: Narrowed,
    today: date,
    *,
    size: int,
    before: int | None = None,
    after: int | None = None,
    by_risk: bool = False,
) -> list[Item]:
    """Return items, the newest first.

    Args:
        store: Where they are.
        narrowed: Which ones.
        today: From which ages count.
        size: How many at most.
        before: Only those below the item of this number.
        after: Only those above the item of this number; the ones next to it, if `before` is None.
        by_risk: Whether those come first in which most money is at risk.
    """
    where, values = _where(store, narrowed, today)
    upwards = after is not None and before is None
    place = "at_risk_fen, number" if by_risk else "number"
    for bound, sign in ((before, "<"), (after, ">")):
        if bound is not None:
            there = f"select {place} from items where number = ?"  # noqa: S608 - our own words
            where += f" and ({place}) {sign} ({there})"
            values.append(bound)
    way = "asc" if upwards else "desc"
    rows = _rows(
        store,
        f"select {ITEM_COLUMNS} from items where {where} "  # noqa: S608 - our own words
        f"order by {', '.join(f'{each} {way}' for each in place.split(', '))} limit {size}",
        *values,
    )
    return [item_of(row) for row in (reversed(rows) if upwards else rows)]


def counted(store: ItemReading, narrowed: Narrowed, today: date) -> Counts:
    """Return how many items there are."""
    where, values = _where(store, narrowed, today)
    sql = f"select count(*), coalesce(sum(at_risk_fen), 0) from items where {where}"  # noqa: S608
    return Counts(*_rows(store, sql, *values)[0])


def aged(store: ItemReading, narrowed: Narrowed, today: date) -> list[Aged]:
    """Return how many items each class has of each band of ages, those that there are."""
    where, values = _where(store, narrowed, today)
    day = day_number(today)
    bands = " ".join(
        f"when record_day >= {day - last} then {at}"
        for at, (_, last) in enumerate(BANDS)
        if last is not None
    )
    rows = _rows(
        store,
        f"select difference_class, case {bands} else {len(BANDS) - 1} end as band, count(*), "  # noqa: S608
        f"sum(at_risk_fen) from items where {where} group by 1, 2 order by 1, 2",
        *values,
    )
    return [Aged(DifferenceClass(of_class), *others) for of_class, *others in rows]


def part_of_runs(
    store: ItemReading,
    *,
    size: int,
    reconciliation: str | None = None,
    before: int | None = None,
    after: int | None = None,
) -> list[Run]:
    """Return runs, the latest first, as `part_of_items` does items."""
    upwards = after is not None and before is None
    rows = _rows(
        store,
        f"select {RUN_COLUMNS} from runs where reconciliation = coalesce(?, reconciliation) "  # noqa: S608
        "and number < coalesce(?, number + 1) and number > coalesce(?, number - 1) "
        f"order by number {'asc' if upwards else 'desc'} limit {size}",
        reconciliation,
        before,
        after,
    )
    return [run_of(row) for row in (reversed(rows) if upwards else rows)]


def reconciliations(store: ItemReading) -> list[str]:
    """Return what is compared, by name."""
    return [
        str(name) for (name,) in _rows(store, "select distinct reconciliation from runs order by 1")
    ]


def _where(
    store: ItemReading, narrowed: Narrowed, today: date
) -> tuple[str, list[str | int | None]]:
    """Return the condition of a list, and its values."""
    own: list[Condition] = [(_BY_STANDING[narrowed.standing], [])]
    for name in ("reconciliation", "difference_class", "owner"):
        value = getattr(narrowed, name)
        if value is not None:
            own.append((f"{name} = ?", [value]))
    if narrowed.run is not None:
        found = "select 1 from events e where e.number = items.number and e.run = ?"
        own.append((f"exists ({found} and e.happened <> 'closed')", [narrowed.run]))
    if narrowed.settlement is not None:
        about = "select number from item_settlements where settlement = ?"
        own.append((f"number in ({about})", [narrowed.settlement]))
    for numbers, word in ((narrowed.numbers, "in"), (narrowed.without, "not in")):
        if numbers is not None:
            listed = orjson.dumps(list(numbers)).decode()
            among = "(select value from json_each(?))"
            own.append((f"number {word} {among}", [listed]))
    if narrowed.band is not None:
        first, last = BANDS[narrowed.band]
        # What was recorded after today has no age yet.
        if first:
            own.append(("record_day <= ?", [day_number(today - timedelta(days=first))]))
        if last is not None:
            own.append(("record_day >= ?", [day_number(today - timedelta(days=last))]))
    if narrowed.standing is Standing.OVERDUE:
        pairs = orjson.dumps(_overdue(store, today)).decode()
        own.append(("term || record_day in (select value from json_each(?))", [pairs]))
    conditions, values = zip(*own, strict=True)
    return " and ".join(conditions), [value for each in values for value in each]


def _overdue(store: ItemReading, today: date) -> list[str]:
    """Return the terms with the days of record of which what stands is overdue."""
    rows = _rows(
        store,
        f"select distinct term, record_day from items where {_STANDING}",  # noqa: S608
    )
    return [
        f"{term}{day}"
        for term, day in rows
        if (due := due_of(term, date_of(day))) is not None and today > due
    ]


def _rows(store: ItemReading, sql: str, *values: str | int | None) -> list[tuple[Any, ...]]:
    with unavailable(store.path, "use"):
        return rows_of(store.connection, sql, *values)
