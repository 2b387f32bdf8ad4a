"""Run the waterfall for a batch: claims of one person in order, each with its counters.

A person's claims depend on one another through deductibles, caps and the account balance. Claims
are ranked within their person; all first claims run as one vectorised pass, then all second ones,
and so on, so that the result is the same as settling one by one in order. A wave of few rows runs
through the scalar function instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.policy.compiled import CompiledPolicy
from medsettle.settle.blocks import run_blocks
from medsettle.settle.scalar import ScalarFunction, scalar_function

Column: TypeAlias = NDArray[np.int64]


@dataclass
class Work:
    """The claims of one policy within a batch.

    Args:
        policy: The compiled policy that decides them.
        rows: Shape (k,), rising positions of the claims in the batch.
        columns: Static inputs of the program, each of shape (k,).
        slots: For each counter, shape (k,), its position in the state array.
    """

    policy: CompiledPolicy
    rows: Column
    columns: dict[str, Column]
    slots: dict[str, Column]
    results: dict[str, Column] = field(default_factory=dict)
    before: dict[str, Column] = field(default_factory=dict)


@dataclass
class Kernel:
    """Runs works; holds the generated scalar functions of the policies it has met."""

    scalar_rows_max: int = limits.SCALAR_ROWS_MAX
    _scalars: dict[int, tuple[CompiledPolicy, ScalarFunction]] = field(default_factory=dict)

    def settle(
        self, works: Sequence[Work], persons: Column, state: Column, *, refuse_gaps: bool
    ) -> None:
        """Fill `results` and `before` of every work and move the state.

        Args:
            works: Disjoint parts of one batch.
            persons: Shape (n,), a dense number for the person of each claim of the batch.
            state: Shape (s,), counter values at their slots; changed in place.
            refuse_gaps: Whether a claim with an amount its policy cannot decide leaves the
                counters alone, because it will not be recorded.
        """
        ranks = ranks_within(persons)
        parts = [ranks[work.rows] for work in works]
        for work in works:
            count = len(work.rows)
            work.results = {name: np.zeros(count, dtype=np.int64) for name in outputs_of(work)}
            work.before = {name: np.zeros(count, dtype=np.int64) for name in work.slots}
        for rank in range(int(ranks.max(initial=-1)) + 1):
            for work, own_ranks in zip(works, parts, strict=True):
                wave = np.flatnonzero(own_ranks == rank)
                if len(wave):
                    self._wave(work, wave, state, refuse_gaps=refuse_gaps)

    def _wave(self, work: Work, wave: Column, state: Column, *, refuse_gaps: bool) -> None:
        inputs = {name: column[wave] for name, column in work.columns.items()}
        for name, slots in work.slots.items():
            values = state[slots[wave]]
            work.before[name][wave] = values
            inputs[f"counter:{name}"] = values
        if len(wave) <= self.scalar_rows_max:
            outputs = self._scalar_wave(work, inputs, len(wave))
        else:
            outputs = run_blocks(work.policy.program, inputs, tuple(work.results), len(wave))
        refused = np.zeros(len(wave), dtype=bool)
        for name, column in outputs.items():
            work.results[name][wave] = column
            if refuse_gaps and name.startswith("gap:"):
                refused |= column > 0
        self._move(work, wave, outputs, state, refused)

    def _move(
        self,
        work: Work,
        wave: Column,
        outputs: dict[str, Column],
        state: Column,
        refused: NDArray[np.bool_],
    ) -> None:
        """Add what each claim of the wave moves; slots are distinct, one claim a person."""
        for name, slots in work.slots.items():
            moved = outputs.get(f"counter:{name}")
            if moved is not None:
                sign = -1 if name == work.policy.account_counter else 1
                state[slots[wave]] += np.where(refused, 0, sign * moved)

    def _scalar_wave(self, work: Work, inputs: dict[str, Column], rows: int) -> dict[str, Column]:
        function = self._scalar(work.policy, tuple(work.results))
        lists = {name: column.tolist() for name, column in inputs.items()}
        answers = [
            function({name: column[row] for name, column in lists.items()}) for row in range(rows)
        ]
        columns = np.array(answers, dtype=np.int64).reshape(rows, len(work.results)).T
        return dict(zip(work.results, columns, strict=True))

    def _scalar(self, policy: CompiledPolicy, outputs: Sequence[str]) -> ScalarFunction:
        held = self._scalars.get(id(policy))
        if held is None or held[0] is not policy:
            held = (policy, scalar_function(policy.program, outputs))
            self._scalars[id(policy)] = held
        return held[1]


def outputs_of(work: Work) -> list[str]:
    """Return the outputs a settlement records: all but the details of single bands."""
    return [name for name in work.policy.program.outputs if not name.startswith("detail:")]


def ranks_within(persons: Column) -> Column:
    """Return for each claim how many earlier claims of the batch its person has.

    >>> ranks_within(np.array([7, 3, 7, 7, 3]))
    array([0, 0, 1, 2, 1])
    """
    count = len(persons)
    order = np.argsort(persons, kind="stable")
    ordered = persons[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if count else ordered
    lengths = np.diff(np.r_[starts, count])
    ranks = np.empty(count, dtype=np.int64)
    ranks[order] = np.arange(count) - np.repeat(starts, lengths)
    return ranks
