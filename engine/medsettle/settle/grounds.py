"""Why lines are own expense as a whole: for whoever is told about them.

The split decides it by `line_loops.set_apart`; here each ground stands apart.
"""

from collections.abc import Iterator
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from medsettle.policy.catalogue import CLASS_C, PPM_ONE, Catalogue
from medsettle.settle.line_columns import LineColumns
from medsettle.settle.line_loops import REFUSED
from medsettle.settle.scope import cells_of


class Ground(StrEnum):
    """Why a line is own expense as a whole; several may hold of one line."""

    UNLISTED = "unlisted"
    CLASS_C = "class_c"
    WHOLE_RATIO = "whole_ratio"
    ABOVE_CEILING = "above_ceiling"
    REFUSED_USE = "refused_use"
    MARKED = "marked"


def grounds(lines: LineColumns, catalogue: Catalogue) -> dict[Ground, NDArray[np.bool_]]:
    """Return which lines are own expense as a whole on which ground, shape (n,) each."""
    row = np.maximum(lines.row, 0).astype(np.intp)
    return dict(_grounds(lines, catalogue, row, *cells(lines, catalogue)))


def cells(lines: LineColumns, catalogue: Catalogue) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the ceiling price in micro-yuan and the ratio in parts per million of each line."""
    places = lines.row, lines.scheme, lines.price_level
    return cells_of(*places, catalogue.ceiling_e6, catalogue.pre_self_pay_ppm)


def _grounds(
    lines: LineColumns,
    catalogue: Catalogue,
    row: NDArray[np.intp],
    ceiling: NDArray[np.int64],
    ratio: NDArray[np.int64],
) -> Iterator[tuple[Ground, NDArray[np.bool_]]]:
    """Yield each ground on which lines of a block may be own expense, with where it holds."""
    yield Ground.UNLISTED, lines.row < 0
    yield Ground.CLASS_C, catalogue.item_class.take(row) == CLASS_C
    yield Ground.WHOLE_RATIO, ratio == PPM_ONE
    above = (lines.unit_price_e6 > ceiling) | (ceiling == 0)
    yield Ground.ABOVE_CEILING, catalogue.own_expense_above.take(row) & above
    refused = lines.approval == REFUSED
    if refused.any():
        yield Ground.REFUSED_USE, catalogue.restricted.take(row) & refused
    if lines.unowed is not None:
        yield Ground.MARKED, lines.unowed
