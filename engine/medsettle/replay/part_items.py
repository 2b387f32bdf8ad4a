"""The item codes of a part in one catalogue: which row each has, looked up once for all lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medsettle.policy.area import Area
from medsettle.policy.catalogue import Catalogue
from medsettle.replay import native_blocks

_FAR: Final = 10**6


@dataclass(frozen=True, slots=True, eq=False)
class PartItems:
    """The item codes of a part in one catalogue, t of them.

    - `ids` (t,): what the catalogue calls them;
    - `rows` (s * t,): int32, the rows of all codes in the first of s stretches of time, then in the
      next; `MIXED` where it hangs on the price of the line;
    - `stretch`: int32, the stretch of each day from `first_day` on;
    - `odd`: by row, and for lines without a row at the end: whether arrays cannot do the lines of
      an entry; None where they can do all.
    """

    ids: NDArray[np.int32]
    rows: NDArray[np.int32]
    stretch: NDArray[np.int32]
    first_day: int
    odd: NDArray[np.bool_] | None

    @classmethod
    def of(
        cls, care: Area, catalogue: Catalogue, texts: Sequence[str], days: NDArray[np.int32]
    ) -> "PartItems":
        """Return the codes of lines as the catalogue of a place of care has them."""
        ids = catalogue.items(texts)
        first, last = int(days.min(initial=_FAR)), int(days.max(initial=0))
        # Versions of items begin and end on few days: between two of them all stay as they are.
        edges = np.unique(np.concatenate([catalogue.valid_from, catalogue.valid_until]))
        edges = edges[(edges > first) & (edges <= last)]
        stretch = np.searchsorted(edges, np.arange(first, last + 1), side="right")
        rows = [
            catalogue.rows(ids, np.full(len(ids), day, dtype=np.int32))
            for day in (first, *edges.tolist())
        ]
        banded = catalogue.bands.take(np.maximum(np.concatenate(rows), 0)) > 1
        refuses, limited = care.unlisted_items == "refuse", catalogue.limits_quantities
        odd = None
        if refuses or limited:
            # Lines without a row have negative ones: they find the entries at the end.
            odd = np.append(catalogue.limited, [refuses] * 2)
        table = np.where(banded, native_blocks.MIXED, np.concatenate(rows)).astype(np.int32)
        if odd is not None and not (banded.any() or odd[table].any()):
            odd = None
        return cls(ids, table, stretch.astype(np.int32), first, odd)
