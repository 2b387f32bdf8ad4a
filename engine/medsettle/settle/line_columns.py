"""Charge lines as the split takes them, and the parts it makes of them."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medsettle.core.money import FenArray
from medsettle.policy.catalogue import IN_SCOPE_POT


@dataclass(frozen=True, slots=True, eq=False)
class LineColumns:
    """Charge lines of one catalogue as columns of n rows.

    - `row`: int32, entry of the catalogue; negative when it has none, then the line is own expense;
    - `scheme`: position of the claim's insurance type or population in `Catalogue.schemes`;
    - `price_level`: column of the ceiling prices, from 1: the hospital level, and 3 more for each
      set of ceilings before the claim's;
    - `quantity_e4` in 0..QUANTITY_E4_MAX, `unit_price_e6` in 0..UNIT_PRICE_E6_MAX, `amount_fen` in
      0..LINE_AMOUNT_FEN_MAX: int64;
    - `approval`: 0 none needed, 1 approved, 2 refused;
    - `claim`: int64, rising; needed where first-self-pay is rounded once a settlement;
    - `covered_e4`: int64, the most units that the insurance looks at, `NO_LIMIT` for all;
    - `marked_pot`: int64, where the in-scope part of a marked line goes, -1 for unmarked ones;
    - `unowed`: whether a mark makes the whole line own expense;
    - `before`: int64, for a line that takes back a part of another: the line of which this one, by
      quantity and amount, is what is left (`medsettle.settle.refunds`); -1 for all others.
    """

    row: NDArray[np.int32]
    scheme: NDArray[np.int8]
    price_level: NDArray[np.int8]
    quantity_e4: NDArray[np.int64]
    unit_price_e6: NDArray[np.int64]
    amount_fen: FenArray
    approval: NDArray[np.int8]
    claim: NDArray[np.int64] | None = None
    covered_e4: NDArray[np.int64] | None = None
    marked_pot: NDArray[np.int64] | None = None
    unowed: NDArray[np.bool_] | None = None
    before: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.row)

    def block(self, part: slice | NDArray[np.int64]) -> "LineColumns":
        """Return some of the lines; those of a slice share their memory."""
        chosen: dict[str, Any] = {}
        for field in fields(self):
            column = getattr(self, field.name)
            chosen[field.name] = None if column is None else column[part]
        return LineColumns(**chosen)


@dataclass(frozen=True, slots=True, eq=False)
class LineSplits:
    """The parts of each of n lines, int64 fen, adding up to the line's amount.

    `parts` has shape (4, n), in the order of `POT_NAMES`. They are >= 0, and <= 0 where a line
    takes back a part of another, but for a fen of rounding. `special_pot` says where the in-scope
    part goes: `IN_SCOPE_POT`, or 4 + the number of a special pot; None where no line has one.
    """

    parts: NDArray[np.int64]
    special_pot: NDArray[np.int8] | None

    @property
    def pot(self) -> NDArray[np.int8]:
        """Where the in-scope part of each line goes."""
        if self.special_pot is None:
            return np.full(self.parts.shape[1], IN_SCOPE_POT, dtype=np.int8)
        return self.special_pot

    @property
    def own_expense_fen(self) -> FenArray:
        """What the insurance never looks at."""
        return self._part(0)

    @property
    def over_limit_fen(self) -> FenArray:
        """What is above a ceiling or a limit."""
        return self._part(1)

    @property
    def pre_self_pay_fen(self) -> FenArray:
        """What the person pays first."""
        return self._part(2)

    @property
    def in_scope_fen(self) -> FenArray:
        """The remainder."""
        return self._part(3)

    def _part(self, number: int) -> FenArray:
        part: FenArray = self.parts[number]
        return part
