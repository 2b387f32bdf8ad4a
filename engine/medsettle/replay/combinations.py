"""What the codes of claims decide, worked out once for each combination of them in a part.

A combination is a set of codes, lists of codes and stretches of rule dates that no policy tells
apart any further; its first claim stands for all of its claims and is looked up as a claim at a
checkout is (`medsettle.settle.prepare.Preparer`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medsettle.core import schema
from medsettle.core.claims import ClaimBatch
from medsettle.core.columns import Kind
from medsettle.core.dates import day_number
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Row
from medsettle.limits import INT64_MAX
from medsettle.policy.area import Area
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.keys import RULE_DATES
from medsettle.policy.rule_book import RuleBook
from medsettle.replay.part_columns import Column, Columns
from medsettle.settle.claim_lines import Facts
from medsettle.settle.prepare import Preparer

_LISTS: Final = tuple(column.name for column in schema.CLAIM if column.kind is Kind.CODES)
_NO_ROWS: Final = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Combinations:
    """The combinations of n claims.

    - `of_claim` (n,): int64, the number of the combination of each claim;
    - `first` (c,): the first claim of each;
    - `batch`: these claims, without their lines, and `billed` how many lines each has.
    """

    of_claim: Column
    first: Column
    batch: ClaimBatch
    billed: Sequence[int]

    def __len__(self) -> int:
        return len(self.first)

    def facts(self, preparer: Preparer) -> list[Facts | Rejection]:
        """Return what each combination decides by a rule book."""
        return [*preparer.facts_of(self.batch, range(len(self)), self.billed)]


def combinations_of(claims: Columns, preparers: Sequence[Preparer]) -> Combinations:
    """Return the combinations of claims that any of some rule books tells apart.

    Args:
        claims: n claims.
        preparers: What looks claims up in each rule book.
    """
    counts = claims.numbers("line_count")
    key = (counts > 0).astype(np.int64)
    size = 2
    for numbers, width in _parts(claims, preparers):
        if width == 1:
            continue
        if size > INT64_MAX // width:
            key, size = _renumbered(key)
        key = key * width + numbers
        size *= width
    of_claim, found = _renumbered(key)
    first = np.empty(found, dtype=np.int64)
    first[of_claim[::-1]] = np.arange(len(of_claim) - 1, -1, -1)
    looked_at = [name for each in preparers for name in (*each.columns, *each.lists)]
    there = {*claims.table.column_names}
    names = [name for name in dict.fromkeys([*looked_at, *RULE_DATES]) if name in there]
    table = claims.table.select(names)
    rows = claim_rows(table.take(pa.array(first)))
    return Combinations(of_claim, first, _without_lines(rows), counts[first].tolist())


def _parts(claims: Columns, preparers: Sequence[Preparer]) -> Iterator[tuple[Column, int]]:
    """Yield a number of each claim for each thing that tells claims apart, and how many there are.

    Codes, lists, and on which side of the days on which policies begin or end the rule dates lie.
    """
    for name in dict.fromkeys(name for each in preparers for name in each.columns):
        codes = claims.codes(name)
        yield codes.dense(), len(codes) + 1
    for name in dict.fromkeys(name for each in preparers for name in each.lists):
        codes = claims.lists(name)
        yield codes.dense(), len(codes) + 1
    policies = [policy for each in preparers for policy in each.book.policies]
    for name in RULE_DATES:
        edges = np.array(sorted(_edges(policies, name)), dtype=np.int64)
        if len(edges) and len(claims):
            days = claims.days(name)
            low = int(days.min())
            # The days of a part are few, so that each is looked for once.
            sides = np.searchsorted(edges, np.arange(low, int(days.max()) + 1), side="right")
            yield sides[days - low], len(edges) + 1


def _edges(policies: Sequence[CompiledPolicy], rule_date: str) -> set[int]:
    """Return the days on which something begins or ends to be in force."""
    found: set[date | None] = set()
    for each in policies:
        if each.policy.rule_date == rule_date:
            found |= {each.policy.in_force_from, each.policy.in_force_until}
            found |= {day for _, since, until in each.unstated for day in (since, until)}
    return {day_number(day) for day in found if day is not None}


def _renumbered(key: Column) -> tuple[Column, int]:
    """Return a dense number for each value of a column, and how many there are."""
    coded = pa.array(key).dictionary_encode()
    return coded.indices.to_numpy().astype(np.int64), len(coded.dictionary)


def claim_rows(table: pa.Table) -> list[Row]:
    """Return claims of a history as checked rows, without their lines."""
    names = [column.name for column in schema.CLAIM]
    missing = dict.fromkeys(names)
    known = [name for name in names if name in table.column_names]
    rows = [missing | row for row in table.select(known).to_pylist()]
    for row in rows:
        row |= {name: row[name] or [] for name in _LISTS}
        row["lines"] = []
    return rows


def _without_lines(rows: Sequence[Row]) -> ClaimBatch:
    return ClaimBatch(
        rows=rows,
        rejections={},
        line_claim=_NO_ROWS,
        line_item=[],
        line_day=_NO_ROWS,
        quantity_e4=_NO_ROWS,
        unit_price_e6=_NO_ROWS,
        amount_fen=_NO_ROWS,
        approval=np.zeros(0, dtype=np.int8),
        original=_NO_ROWS,
        earmarks={},
    )


# --- by whose catalogue lines are split ----------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """By which catalogue the lines of each of c combinations are split.

    - `areas`: pairs of the place of care and the insured area;
    - `pair` (c,): the pair of each combination, -1 where no lines are split;
    - `scheme`, `price_level` (c,): int8, as `Place` has them;
    - `odd` (c,): whether arrays cannot do this: the area of care tells persons apart by columns of
      its catalogue, or worlds differ about the place.
    """

    areas: list[tuple[Area, Area]]
    pair: Column
    scheme: NDArray[np.int8]
    price_level: NDArray[np.int8]
    odd: NDArray[np.bool_]


def places_of(book: RuleBook, by_world: Sequence[Sequence[Facts | Rejection]]) -> Places:
    """Return the places of combinations in worlds that split lines alike.

    Args:
        book: The rule book of one of these worlds.
        by_world: What each combination decides, for each of the worlds.
    """
    count = len(by_world[0])
    pairs: dict[tuple[str, str], int] = {}
    found = Places(
        [],
        np.full(count, -1, dtype=np.int64),
        np.zeros(count, dtype=np.int8),
        np.ones(count, dtype=np.int8),
        np.zeros(count, dtype=np.bool_),
    )
    for number, decided in enumerate(zip(*by_world, strict=True)):
        told = {
            (place.area.code, each.area.code, place.scheme, place.price_level)
            for each in decided
            if isinstance(each, Facts) and (place := each.place) is not None
        }
        if not told:
            continue
        (care, home, scheme, level), *others = sorted(told)
        if (care, home) not in pairs:
            pairs[care, home] = len(pairs)
            found.areas.append((book.areas[care], book.areas[home]))
        found.pair[number] = pairs[care, home]
        found.scheme[number], found.price_level[number] = scheme, level
        found.odd[number] = bool(others) or bool(book.areas[care].lines.populations)
    return found
