"""The cells of a table as rows of texts, laid out as notices print them."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final, TypeAlias

from medsettle.core.money import yuan_from_fen
from medsettle.policy.model import Policy, Unit, Version
from medsettle.policy.model import Table as RuleTable
from medsettle.policy.values import cell_text

Rows: TypeAlias = list[list[str]]
"""Rows of texts of one width; the first has the heads of the columns."""

_HEADS: Final = {
    Unit.AMOUNT: "yuan",
    Unit.RATE: "rate",
    Unit.POINTS: "points",
    Unit.COUNT: "count",
}


def cell_texts(table: RuleTable, cells: Sequence[Fraction]) -> list[str]:
    """Return the values of cells as a notice prints them."""
    return [cell_text(table.unit, cell) for cell in cells]


def rows_down(policy: Policy, table: RuleTable, version: Version) -> Rows:
    """Return a row for each combination of classes, its bands beside one another."""
    heads = [_HEADS[table.unit]]
    if table.banded:
        heads = [
            "above" if limit is None else f"to {yuan_from_fen(limit)}"
            for limit in version.limits_fen
        ]
    rows = [[*table.by, *heads]]
    width = len(version.limits_fen)
    for number, row in enumerate(_classes(policy, table.by)):
        own = version.cells[number * width : (number + 1) * width]
        rows.append([*row, *cell_texts(table, own)])
    return rows


def rows_across(policy: Policy, table: RuleTable, version: Version) -> Rows | None:
    """Return a row for each combination of all dimensions but the last, which runs across.

    None where bands run across already, or where fewer than two dimensions make a table of it.
    """
    if table.banded or len(table.by) <= 1:
        return None
    *down, last = table.by
    words = policy.dimensions[last].values
    rows = [[*down, *(word if at else f"{last}: {word}" for at, word in enumerate(words))]]
    for number, row in enumerate(_classes(policy, down)):
        own = version.cells[number * len(words) : (number + 1) * len(words)]
        rows.append([*row, *cell_texts(table, own)])
    return rows


def _classes(policy: Policy, names: Sequence[str]) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for name in names:
        found = [[*row, word] for row in found for word in policy.dimensions[name].values]
    return found
