"""Settled claims of one policy that are still columns: what a batch records and answers of them.

Most claims of a large batch differ from one another in their numbers alone. As long as nobody asks
for the settlement of one of them, none is made.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core import codes
from medsettle.core.counters import CounterKey
from medsettle.core.settlement import Settlement
from medsettle.core.table_rows import TableRows
from medsettle.settle.assemble import FUNDS, PERSONAL, POT_COLUMNS, Assembler, StageForms
from medsettle.settle.settled import Settled
from medsettle.settle.waterfall import Work

Amounts: TypeAlias = dict[str, NDArray[np.int64]]

_set = object.__setattr__
_IN_SCOPE = codes.POT_NAMES.index("in_scope")


@dataclass(frozen=True, slots=True, eq=False)
class SettledBlock:
    """The claims of one work, shape (k,), as the waterfall left them.

    `assembler` makes settlements of them one by one.
    """

    assembler: Assembler
    work: Work
    _values: list[tuple[dict[str, int], int]] = field(default_factory=list)

    @property
    def forms(self) -> StageForms:
        """How the results of the policy become columns."""
        return self.assembler.forms.of(self.work)

    def settlement(self, position: int) -> Settlement:
        """Return the settlement of one claim by its position in the work."""
        if not self._values:
            # Whoever asks for one mostly asks for all.
            accounts = self.assembler.accounts(self.work).tolist()
            self._values.extend(zip(self.work.results.claims(), accounts, strict=True))
        return self.assembler.settlement(self.work, position, *self._values[position])

    def inputs(self, position: int) -> dict[str, int]:
        """Return the inputs of the program for one claim, as it met them."""
        return {name: int(column[position]) for name, column in self.given().items()}

    def given(self) -> Mapping[str, NDArray[np.int64]]:
        """Return the inputs of the program, the counters as claims met them among them."""
        met = {f"counter:{name}": held for name, held in self.work.before.items()}
        return {**self.work.columns, **met}

    def same(self) -> dict[str, object]:
        """Return the columns that all settlements of the block share, but for the catalogue."""
        return self.assembler.same(self.work)

    def digests(self, positions: NDArray[np.int64]) -> list[str]:
        """Return the digest of the catalogue that split each claim."""
        rows = self.work.rows[positions].tolist()
        return [self.assembler.catalogue_digest(row) for row in rows]

    def amounts(self) -> Amounts:
        """Return the amounts of the settlements by their columns, in order."""
        work, results = self.work, self.work.results
        pots = self.assembler.prepared.pots[work.rows].T
        found: Amounts = {"total_fen": pots.sum(axis=0)}
        found |= zip(POT_COLUMNS, pots[: len(POT_COLUMNS)], strict=True)
        found["in_scope_fen"] = pots[_IN_SCOPE:].sum(axis=0)
        found |= {column: results[name] for column, name in self.forms.amounts}
        found["fund_total_fen"] = results.total(FUNDS)
        found["person_total_fen"] = results.total(PERSONAL)
        found["cash_fen"] = results["cash"]
        found["account_balance_fen"] = self.assembler.accounts(work)
        found["payouts_fen"] = results["payouts"]
        return found


class LateSettled(Settled):
    """A settled claim of a block, whose settlement is made when somebody asks for it."""

    __slots__ = ("block", "made", "position")

    block: SettledBlock
    position: int
    made: list[Settlement]

    def __init__(
        self, block: SettledBlock, position: int, moved: tuple[tuple[CounterKey, int], ...]
    ) -> None:
        """Stand for the claim at a position of a block."""
        # As the base is frozen; one after another, for there are thousands of them.
        _set(self, "block", block)
        _set(self, "position", position)
        _set(self, "moved", moved)
        _set(self, "scope", None)
        _set(self, "made", [])

    @property
    def settlement(self) -> Settlement:
        """The settlement, made once."""
        if not self.made:
            self.made.append(self.block.settlement(self.position))
        return self.made[0]

    @property
    def inputs(self) -> dict[str, int]:
        """The inputs of the program."""
        return self.block.inputs(self.position)

    @property
    def undecided(self) -> bool:
        """Whether the policy cannot decide an amount of it: such a claim is made at once."""
        return False


def late_ones(
    assembler: Assembler,
    work: Work,
    moves: Sequence[Sequence[tuple[CounterKey, int]]],
    alone: Collection[int],
) -> dict[int, Settled]:
    """Return the claims of a work whose settlements are made late, by row; none of a small one.

    What is left out is settled row by row: claims that came as rows or were in doubt, those with an
    amount that their policy cannot decide, and those that have more than a claim mostly has.

    Args:
        assembler: That of the batch.
        work: The work, as the waterfall left it.
        moves: What each of its claims moves.
        alone: The rows of the batch that have more.

    Raises:
        InternalError: The shares of a claim do not add up to its total.
    """
    rows = assembler.batch.rows
    if len(work.rows) < limits.BLOCK_CLAIMS_MIN or not isinstance(rows, TableRows):
        return {}
    texts = rows.texts()
    if texts is None:
        return {}
    assembler.assert_conserved(work)
    chosen = texts.place[work.rows] >= 0
    gaps = [name for name in work.results if name.startswith("gap:")]
    for name in gaps:
        chosen &= work.results[name] == 0
    block = SettledBlock(assembler, work)
    return {
        row: LateSettled(block, position, tuple(moved))
        for position, (row, moved, late) in enumerate(
            zip(work.rows.tolist(), moves, chosen.tolist(), strict=True)
        )
        if late and row not in alone
    }
