"""The cells of a table as lines of text, laid out as notices print them."""

from collections.abc import Sequence
from fractions import Fraction

from rich.cells import cell_len

from medsettle.core.money import yuan_from_fen
from medsettle.policy.model import Policy, Unit, Version
from medsettle.policy.model import Table as RuleTable
from medsettle.policy.values import cell_text

_COLUMN_GAP = "  "
_HEADS = {Unit.AMOUNT: "yuan", Unit.RATE: "rate", Unit.POINTS: "points", Unit.COUNT: "count"}


def cell_lines(policy: Policy, table: RuleTable, version: Version, width: int) -> list[str]:
    """Return the cells of a version as lines of a table.

    The last dimension runs across, as notices print it, where that fits; else each class has a
    line of its own.
    """
    if not table.by and not table.banded:
        return [cell_text(table.unit, version.cells[0])]
    across = _across(policy, table, version)
    if len(table.by) > 1 and across is not None and _widths(across) <= width:
        return _aligned(across)
    return _aligned(_down(policy, table, version))


def cell_texts(table: RuleTable, cells: Sequence[Fraction]) -> list[str]:
    """Return the values of cells as a notice prints them."""
    return [cell_text(table.unit, cell) for cell in cells]


def _down(policy: Policy, table: RuleTable, version: Version) -> list[list[str]]:
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


def _across(policy: Policy, table: RuleTable, version: Version) -> list[list[str]] | None:
    """Return a row for each combination of all dimensions but the last, which runs across."""
    if table.banded or not table.by:
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


def _column_widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(cell_len(row[at]) for row in rows) for at in range(len(rows[0]))]


def _widths(rows: Sequence[Sequence[str]]) -> int:
    """Return how wide rows are when their columns are aligned."""
    return sum(_column_widths(rows)) + len(_COLUMN_GAP) * (len(rows[0]) - 1)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines, a rule under the first."""
    widths = _column_widths(rows)
    lines = [
        _COLUMN_GAP.join(
            cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
    rule = "─" * _widths(rows)
    return [lines[0], rule, *lines[1:]]
