"""Run the waterfall for a batch: claims of one person in order, each with its counters.

A person's claims depend on one another through deductibles, caps and the account balance. Claims
are ranked within their person; all first claims run as one vectorised pass, then all second ones,
and so on, so that the result is the same as settling one by one in order. A wave of few rows runs
through the scalar function instead.

The claims are put in order of rank once, which makes a wave a slice of every column: its inputs are
read and its results written where they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core.counters import BALANCES
from medsettle.policy.compiled import CompiledPolicy
from medsettle.settle.blocks import BlockRunner
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


@dataclass(frozen=True, slots=True)
class _Runners:
    """Both runners of one policy, for the outputs that a settlement records."""

    policy: CompiledPolicy
    blocks: BlockRunner
    scalar: ScalarFunction


@dataclass
class Kernel:
    """Runs works; holds the planned and generated programs of the policies it has met."""

    scalar_rows_max: int = limits.SCALAR_ROWS_MAX
    _runners: dict[int, _Runners] = field(default_factory=dict)

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
        ranked = [
            _Ranked(work, self._runners_of(work.policy), ranks[work.rows], refuse_gaps)
            for work in works
        ]
        for rank in range(int(ranks.max(initial=-1)) + 1):
            for one in ranked:
                one.settle_wave(rank, state, self.scalar_rows_max)
        for one in ranked:
            one.finish()

    def _runners_of(self, policy: CompiledPolicy) -> _Runners:
        held = self._runners.get(id(policy))
        if held is None or held.policy is not policy:
            program = policy.program
            # What is recorded is all but the details of single bands.
            names = [name for name in program.outputs if not name.startswith("detail:")]
            blocks = BlockRunner(program, names)
            firsts = {number: name for name, number in reversed(blocks.results.items())}
            scalar = scalar_function(program, [firsts[n] for n in range(blocks.result_count)])
            held = self._runners[id(policy)] = _Runners(policy, blocks, scalar)
        return held


class _Ranked:
    """A work with its claims in order of rank, so that each wave is a slice of every column."""

    def __init__(self, work: Work, runners: _Runners, ranks: Column, refuse_gaps: bool) -> None:
        self.work = work
        self.runners = runners
        count, highest = len(ranks), int(ranks.max(initial=-1))
        # Where nobody comes twice the claims are in order already.
        self.order = None if highest <= 0 else _stable_order(ranks)
        self.edges = np.cumsum(np.bincount(ranks, minlength=highest + 1)).tolist()
        self.columns = {name: self._sorted(column) for name, column in work.columns.items()}
        self.slots = {name: self._sorted(column) for name, column in work.slots.items()}
        self.before = {name: np.empty(count, dtype=np.int64) for name in work.slots}
        blocks = runners.blocks
        self.results = [np.empty(count, dtype=np.int64) for _ in range(blocks.result_count)]
        # Which result moves each counter, by its sign, and which tell of a gap.
        self.moves = [
            (name, -1 if name in BALANCES else 1, blocks.results[moved])
            for name in work.slots
            if (moved := f"counter:{name}") in blocks.results
        ]
        gaps = [number for name, number in blocks.results.items() if name.startswith("gap:")]
        self.gaps = gaps if refuse_gaps else []

    def _sorted(self, column: Column) -> Column:
        return column if self.order is None else column.take(self.order)

    def settle_wave(self, rank: int, state: Column, scalar_rows_max: int) -> None:
        """Settle the claims of one rank and move their counters."""
        if rank >= len(self.edges):
            # A person comes more often under another policy of the batch than anybody under this.
            return
        start, stop = self.edges[rank - 1] if rank else 0, self.edges[rank]
        if start == stop:
            return
        part = slice(start, stop)
        inputs = {name: column[part] for name, column in self.columns.items()}
        for name, slots in self.slots.items():
            inputs[f"counter:{name}"] = held = self.before[name][part]
            state.take(slots[part], out=held, mode="clip")
        outputs = [column[part] for column in self.results]
        if stop - start <= scalar_rows_max:
            self._settle_few(inputs, outputs)
        else:
            self.runners.blocks.fill(inputs, outputs, stop - start)
        self._move(part, outputs, state)

    def _settle_few(self, inputs: dict[str, Column], outputs: list[Column]) -> None:
        names = tuple(inputs)
        rows = zip(*(column.tolist() for column in inputs.values()), strict=True)
        function = self.runners.scalar
        answers = [function(dict(zip(names, row, strict=True))) for row in rows]
        for column, values in zip(outputs, zip(*answers, strict=True), strict=True):
            column[:] = values

    def _move(self, part: slice, outputs: list[Column], state: Column) -> None:
        """Add what each claim of the wave moves; slots are distinct, one claim a person."""
        refused = [outputs[number] > 0 for number in self.gaps]
        kept = 1 - np.logical_or.reduce(refused) if refused else 1
        for name, sign, number in self.moves:
            state[self.slots[name][part]] = self.before[name][part] + outputs[number] * (
                sign * kept
            )

    def finish(self) -> None:
        """Hand the results to the work in the order of its claims."""
        self._restore_order()
        numbers = self.runners.blocks.results
        self.work.results = {name: self.results[number] for name, number in numbers.items()}
        self.work.before = self.before

    def _restore_order(self) -> None:
        if self.order is None:
            return
        places = np.empty_like(self.order)
        places[self.order] = np.arange(len(places))
        self.results = [column.take(places) for column in self.results]
        self.before = {name: column.take(places) for name, column in self.before.items()}


def ranks_within(persons: Column) -> Column:
    """Return for each claim how many earlier claims of the batch its person has.

    >>> ranks_within(np.array([7, 3, 7, 7, 3]))
    array([0, 0, 1, 2, 1])
    """
    count = len(persons)
    order = _stable_order(persons)
    ordered = persons[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if count else ordered
    lengths = np.diff(np.r_[starts, count])
    ranks = np.empty(count, dtype=np.int64)
    ranks[order] = np.arange(count) - np.repeat(starts, lengths)
    return ranks


def _stable_order(numbers: Column) -> Column:
    """Return the positions of numbers, none negative, from the smallest to the largest.

    NumPy sorts 16 bits in one counting pass: two of them are four times as fast as a comparison
    sort of a large batch.
    """
    order = np.argsort((numbers & 0xFFFF).astype(np.uint16), kind="stable")
    higher = numbers >> 16
    while higher.any():
        digits = (higher & 0xFFFF).astype(np.uint16)
        order = order[np.argsort(digits[order], kind="stable")]
        higher >>= 16
    return order
