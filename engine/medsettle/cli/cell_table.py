"""The cells of a table as lines of text, laid out as notices print them."""

from collections.abc import Sequence

from rich.cells import cell_len

from medsettle.policy.description import VersionText

_COLUMN_GAP = "  "


def cell_lines(version: VersionText, width: int) -> list[str]:
    """Return the cells of a version as lines of a table.

    The last dimension runs across, as notices print it, where that fits; else each class has a
    line of its own.
    """
    if version.alone is not None:
        return [version.alone]
    if version.across is not None and _widths(version.across) <= width:
        return _aligned(version.across)
    return _aligned(version.down)


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
