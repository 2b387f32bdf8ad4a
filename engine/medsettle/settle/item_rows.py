"""From the item codes of charge lines to rows of a catalogue, for millions of lines."""

import sys
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medsettle.core.coded import Coded
from medsettle.policy.catalogue import Catalogue

_NATIVE: Final = "medsettle.settle.native_lines"


def item_rows(
    catalogue: Catalogue,
    items: Sequence[str],
    days: NDArray[np.int64],
    unit_prices_e6: NDArray[np.int64],
    ids: NDArray[np.int32] | None = None,
) -> NDArray[np.int32]:
    """Return the row of the version in force for each line, as `Catalogue.rows` does.

    Where the loops are loaded, the last version of each item is looked at by machine code; only
    lines of an earlier one, which are few, are searched for.

    Args:
        catalogue: The catalogue.
        items: The code of each of n lines.
        days: Shape (n,), the day of each, days since 1970-01-01.
        unit_prices_e6: Shape (n,), micro-yuan.
        ids: What `Catalogue.items` gives for the texts of `items`, where somebody has asked before.
    """
    if ids is not None and isinstance(items, Coded) and catalogue.most_bands > 1:
        return catalogue.rows(ids.take(items.numbers), days.astype(np.int32), unit_prices_e6)
    if catalogue.most_bands > 1 or _NATIVE not in sys.modules or not len(items):
        return catalogue.rows(items, days.astype(np.int32), unit_prices_e6)
    from medsettle.settle import native_lines  # noqa: PLC0415 - it is loaded

    texts, numbers = items, np.arange(len(items), dtype=np.int32)
    if isinstance(items, Coded):
        texts, numbers = items.texts, items.numbers
    ids = catalogue.items(texts) if ids is None else ids
    found = np.empty(len(items), dtype=np.int32)
    room = np.empty((3, len(ids)), dtype=np.int32)
    tables = catalogue.last_of_item, catalogue.valid_from, catalogue.valid_until
    if native_lines.look_at_last(numbers, days, ids, tables, room, found):
        earlier = np.flatnonzero(found == native_lines.EARLIER)
        found[earlier] = catalogue.rows(ids.take(numbers[earlier]), days[earlier])
    return found
