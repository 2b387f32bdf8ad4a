"""Run a program over columns with NumPy, a cache-sized block of rows at a time.

Temporaries are a few blocks that are used again, so a pass over a million claims allocates its
results and nothing else: fresh memory costs ten times the arithmetic.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.policy.program import Program
from medsettle.settle import passes

Column: TypeAlias = NDArray[np.int64]


class BlockRunner:
    """A program planned once for some of its outputs; it keeps no rows, so threads may share it.

    Outputs that are proved to be equal, such as the payers a policy does not ask, share a result:
    `results` says which result each output is, `result_count` how many there are.
    """

    def __init__(self, program: Program, outputs: Sequence[str]) -> None:
        self._plan = passes.plan(program, outputs)
        self.results = self._plan.results
        self.result_count = self._plan.result_count

    def run(self, inputs: Mapping[str, Column], rows: int) -> dict[str, Column]:
        """Return the planned outputs for every row.

        Args:
            inputs: Columns of shape (rows,), int64, each within the bounds the program was compiled
                for; they are read, never written.
            rows: Number of claims.

        Returns:
            Each output with shape (rows,), int64, in the order they were asked for. Equal outputs
            share one column.
        """
        columns = [np.empty(rows, dtype=np.int64) for _ in range(self.result_count)]
        self.fill(inputs, columns, rows)
        return {name: columns[number] for name, number in self.results.items()}

    def fill(self, inputs: Mapping[str, Column], results: Sequence[Column], rows: int) -> None:
        """Write the results into columns of shape (rows,) that share no memory; see `run`."""
        plan = self._plan
        columns = [*(inputs[name] for name in plan.inputs), *results]
        size = min(rows, limits.BLOCK_ROWS)
        scratch = [np.empty(size, dtype=np.int64) for _ in range(plan.scratch_count)]
        if rows <= limits.BLOCK_ROWS:
            self._run_block([*columns, *scratch])
            return
        for start in range(0, rows, limits.BLOCK_ROWS):
            block = [column[start : start + limits.BLOCK_ROWS] for column in columns]
            own = [column[: rows - start] for column in scratch]
            self._run_block([*block, *own])

    def _run_block(self, columns: list[Column]) -> None:
        plan = self._plan
        places = [*plan.fixed, *columns]
        places += [places[place].view(np.uint64) for place in plan.viewed]
        for function, a, b, out, _ in plan.passes:
            function(places[a], places[b], out=places[out])


def run_blocks(
    program: Program, inputs: Mapping[str, Column], outputs: Sequence[str], rows: int
) -> dict[str, Column]:
    """Return the named outputs of a program, planned for this call alone; see `BlockRunner`."""
    return BlockRunner(program, outputs).run(inputs, rows)
