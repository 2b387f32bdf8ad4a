"""Run a program over columns by the compiled interpreter.

Importing this module loads numba and the compiled code, some tenths of a second: who settles single
claims does without it (`medsettle.settle.scalar`), who serves imports it before the port opens.
"""

from collections.abc import Mapping, Sequence
from struct import Struct
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core.counters import BALANCES
from medsettle.native import address_of
from medsettle.policy.program import Program
from medsettle.settle.interpreter import (
    PLAN_NUMBERS,
    RECORD_HEAD,
    Matrix,
    run_one,
    run_waves,
)
from medsettle.settle.steps import Steps, lowered
from medsettle.settle.waves import AS_THEY_STAND, Waves

Column: TypeAlias = NDArray[np.int64]

_NO_NUMBERS: Column = np.zeros(0, dtype=np.int64)


class BlockRunner:
    """A program lowered once for some of its outputs; it keeps no rows, so threads may share it.

    Outputs that are proved to be equal, such as the payers a policy does not ask, share a result:
    `results` says which result each output is, `result_count` how many there are.

    Args:
        program: The compiled policy.
        outputs: Names of outputs.
        counters: Names of the counters that `settle` carries in a state.
        refuse_gaps: Whether a claim with an amount its policy cannot decide leaves the counters
            alone, because it will not be recorded.
    """

    def __init__(
        self,
        program: Program,
        outputs: Sequence[str],
        counters: Sequence[str] = (),
        *,
        refuse_gaps: bool = False,
    ) -> None:
        moving = [f"counter:{name}" for name in counters if f"counter:{name}" in program.outputs]
        gaps = [name for name in program.outputs if refuse_gaps and name.startswith("gap:")]
        self._lowered = lowered(program, outputs, counters, [*moving, *gaps])
        numbers = self._lowered.results
        self.results = {name: numbers[name] for name in outputs}
        self.result_count = self._lowered.result_count
        first = len(self._lowered.inputs) + len(counters)
        moves = [
            (position, first + numbers[f"counter:{name}"], -1 if name in BALANCES else 1)
            for position, name in enumerate(counters)
            if f"counter:{name}" in moving
        ]
        self._moves = np.array(moves, dtype=np.int64).reshape(len(moves), 3)
        self._gaps = np.array(sorted({first + numbers[name] for name in gaps}), dtype=np.int64)

        self._ones: list[OneClaim] = []

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs that the program reads, without those of its counters."""
        return self._lowered.inputs

    def one(self) -> "OneClaim":
        """Return what settles single claims, by one thread; hand it back to `done_with`."""
        try:
            return self._ones.pop()
        except IndexError:
            return OneClaim(self._lowered, self._moves, self._gaps)

    def done_with(self, one: "OneClaim") -> None:
        """Take back what settled single claims, for the next who asks."""
        self._ones.append(one)

    def run(self, inputs: Mapping[str, Column], rows: int) -> dict[str, Column]:
        """Return the outputs for every row, of a program that carries no counters.

        Args:
            inputs: Columns of shape (rows,), int64, each within the bounds the program was compiled
                for; they are read, never written.
            rows: Number of claims.

        Returns:
            Each output with shape (rows,), int64, in the order they were asked for. Equal outputs
            share one column.
        """
        results = np.empty((self.result_count, rows), dtype=np.int64)
        waves = Waves(AS_THEY_STAND, np.array([0, rows], dtype=np.int64))
        self.settle(inputs, {}, _NO_NUMBERS, waves, (results, None))
        return self.named(results)

    def named(self, results: NDArray[np.int64]) -> dict[str, Column]:
        """Return the outputs by name, given the results, of shape (result_count, rows)."""
        columns = list(results)
        return {name: columns[number] for name, number in self.results.items()}

    def settle(
        self,
        inputs: Mapping[str, Column],
        slots: Mapping[str, Column],
        state: Column,
        waves: Waves,
        into: tuple[NDArray[np.int64], NDArray[np.int64] | None],
    ) -> None:
        """Settle claims wave by wave, moving their counters; see `bound`.

        Raises:
            IndexError: A slot lies outside the state.
        """
        results, before = into
        counters = (
            dict(zip(self._lowered.counters, before, strict=True)) if before is not None else {}
        )
        self.bound(inputs, slots, state, (results, counters)).settle(waves)

    def bound(
        self,
        inputs: Mapping[str, Column],
        slots: Mapping[str, Column],
        state: Column,
        into: tuple[NDArray[np.int64], Mapping[str, Column]],
    ) -> "BoundClaims":
        """Return claims that may be settled some waves at a time.

        Args:
            inputs: As for `run`, without the counters.
            slots: For each counter of the runner, shape (rows,), its position in the state.
            state: Shape (s,), counter values; changed in place.
            into: A matrix of shape (result_count, rows) for the results, and for each counter that
                is wanted as each claim met it a column of shape (rows,), contiguous. Claims in no
                wave stay as they are.
        """
        results, before = into
        plan = self._lowered
        # Both lists keep their columns alive until the interpreter is done with their addresses.
        own = [np.ascontiguousarray(inputs[name]) for name in plan.inputs]
        places = [np.ascontiguousarray(slots[name]) for name in plan.counters]
        met = [address_of(before[name]) if name in before else 0 for name in plan.counters]
        columns = np.array([*(address_of(column) for column in own), *met], dtype=np.int64)
        where = np.array([address_of(column) for column in places], dtype=np.int64)
        addresses = np.concatenate([columns, _row_addresses(results)]), where
        kept = (*own, *places, results, *before.values())
        return BoundClaims(plan, (self._moves, self._gaps), addresses, state, kept)


class BoundClaims:
    """Claims whose columns are found: what is left is to settle them, wave after wave."""

    def __init__(
        self,
        plan: Steps,
        carried: tuple[Matrix, Column],
        addresses: tuple[Column, Column],
        state: Column,
        kept: Sequence[Column],
    ) -> None:
        self._plan, self._addresses, self._state, self._kept = plan, addresses, state, kept
        self._moves, self._gaps = carried

    def settle(self, waves: Waves) -> None:
        """Settle some waves of the claims, moving their counters.

        Args:
            waves: Of all claims, or some of them.

        Raises:
            IndexError: A slot lies outside the state.
        """
        plan, (columns, where) = self._plan, self._addresses
        run_waves(
            plan.steps,
            plan.reciprocals,
            plan.tables,
            columns,
            where,
            self._moves,
            self._gaps,
            self._state,
            waves.order,
            waves.edges,
            len(plan.inputs),
            plan.scratch,
            limits.INTERPRETER_ROWS,
        )


class OneClaim:
    """One claim at a time through the interpreter, in memory that is used again and again.

    A call of the interpreter with the columns of a batch takes longer than the program of a claim;
    so its columns are cells of one record, whose address is all that is handed over.

    Attributes:
        width: How many numbers a claim comes to: its counters and its results.
    """

    def __init__(self, plan: Steps, moves: Matrix, gaps: Column) -> None:
        counters, results = len(plan.counters), len({*plan.results.values()})
        cells = len(plan.inputs) + counters + plan.result_count + plan.scratch
        kept = (plan.steps, plan.reciprocals.view(np.int64), plan.tables, moves, gaps)
        # They are kept alive, for the record has only their addresses.
        self._kept = kept
        steps, ratios, tables, moved, undecided = (address_of(each.ravel()) for each in kept)
        self._plan = np.array(
            (
                *(steps, len(plan.steps), ratios, tables, len(plan.tables)),
                *(moved, len(moves), undecided, len(gaps), len(plan.inputs), counters, cells),
            ),
            dtype=np.int64,
        )
        assert len(self._plan) == PLAN_NUMBERS
        first = RECORD_HEAD + counters
        # Bytes are read and written in half the time that an array takes to show its memory.
        self._bytes = bytearray(8 * (first + 2 * cells + counters + 1))
        record = np.frombuffer(self._bytes, dtype=np.int64)
        self._address = address_of(record)
        record[0] = address_of(self._plan)
        places = record[first + cells :]
        places[:cells] = self._address + 8 * np.arange(first, first + cells)
        slots = self._address + 8 * np.arange(RECORD_HEAD, first)
        places[cells : cells + counters] = slots
        self._given = Struct(f"{counters + len(plan.inputs)}q")
        self.width = counters + results
        self._found = Struct(f"{self.width}q")
        self._first_found = 8 * (first + len(plan.inputs))

    def bind(self, state: Column) -> None:
        """Carry counters in a state, which the caller keeps until the last claim is settled."""
        _STATE.pack_into(self._bytes, 8, address_of(state), len(state))

    def settle(self, given: Sequence[int]) -> tuple[int, ...]:
        """Settle a claim and move its counters in the state.

        Args:
            given: The slots of its counters in the state, then its inputs, both in the order of
                the runner.

        Returns:
            The counters as it met them, then the results.

        Raises:
            IndexError: A slot lies outside the state.
        """
        self.give(given)
        self.run()
        return self.found()

    def give(self, given: Sequence[int]) -> None:
        """Write a claim into the record, as for `settle`."""
        self._given.pack_into(self._bytes, 8 * RECORD_HEAD, *given)

    def run(self) -> None:
        """Settle the claim that lies in the record, and move its counters."""
        run_one(self._address)

    def found(self) -> tuple[int, ...]:
        """Return what the last claim came to, as `settle` does."""
        return self._found.unpack_from(self._bytes, self._first_found)


_STATE: Final = Struct("2q")


def _row_addresses(matrix: NDArray[np.int64]) -> Column:
    """Return the address of each row of a matrix."""
    return address_of(matrix.ravel()) + matrix.strides[0] * np.arange(len(matrix), dtype=np.int64)


def run_blocks(
    program: Program, inputs: Mapping[str, Column], outputs: Sequence[str], rows: int
) -> dict[str, Column]:
    """Return the named outputs of a program, lowered for this call alone; see `BlockRunner`."""
    return BlockRunner(program, outputs).run(inputs, rows)
