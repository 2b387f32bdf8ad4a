"""Run the waterfall for a batch: claims of one person in order, each with its counters.

A person's claims depend on one another through deductibles, caps and the account balance. A batch
of a few claims is settled one after another, by the compiled interpreter or, in a process that has
not loaded it, by the generated function of each policy. A larger one goes through the interpreter
in waves, nobody twice in one, which comes to the same.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core.counters import BALANCES
from medsettle.policy.compiled import CompiledPolicy
from medsettle.settle.scalar import ScalarFunction, scalar_function

if TYPE_CHECKING:
    from medsettle.settle.blocks import BlockRunner

Column: TypeAlias = NDArray[np.int64]

_BLOCKS = "medsettle.settle.blocks"


class Named(Mapping[str, Column]):
    """Columns by name, rows of one matrix; several names may have one column.

    A settlement has some sixty results, so views of them are made when they are asked for.

    Args:
        numbers: The row of the matrix that each name has.
        matrix: Shape (columns, claims).
    """

    def __init__(self, numbers: Mapping[str, int], matrix: NDArray[np.int64]) -> None:
        self._numbers, self._matrix = numbers, matrix

    def __getitem__(self, name: str) -> Column:
        column: Column = self._matrix[self._numbers[name]]
        return column

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def numbers(self) -> Mapping[str, int]:
        """The row of the matrix that each name has."""
        return self._numbers

    @property
    def matrix(self) -> NDArray[np.int64]:
        """The columns, shape (columns, claims)."""
        return self._matrix

    def claims(self) -> Iterator[dict[str, int]]:
        """Yield the values of each claim by name."""
        names, columns = tuple(self._numbers), self._matrix.tolist()
        for claim in zip(*[columns[number] for number in self._numbers.values()], strict=True):
            yield dict(zip(names, claim, strict=True))

    def total(self, names: Iterable[str]) -> Column:
        """Return the sum of some columns, shape (claims,)."""
        summed: Column = self._matrix[[self._numbers[name] for name in names]].sum(axis=0)
        return summed


def _nothing() -> Named:
    return Named({}, np.zeros((0, 0), dtype=np.int64))


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
    results: Named = field(default_factory=_nothing)
    before: Named = field(default_factory=_nothing)


def few_rows(works: int) -> int:
    """Return up to how many claims of some works are best settled one by one in this process.

    Where the interpreter is not loaded, loading it costs as much as a few thousand claims.
    """
    loaded = _BLOCKS in sys.modules
    return limits.SCALAR_ROWS_MAX * works if loaded else limits.UNLOADED_ROWS_MAX


@dataclass
class Kernel:
    """Runs works; holds the lowered and generated programs of the policies it has met.

    Args:
        scalar_rows_max: Up to how many claims a batch is settled one by one; as `few_rows` says
            where it is None.
        outputs: What is worked out of a program; where it is None, all that a settlement records,
            and the counters as each claim met them.
        generated: Whether claims are settled one by one by generated functions even where the
            interpreter is loaded.
    """

    scalar_rows_max: int | None = None
    outputs: Sequence[str] | None = None
    generated: bool = False
    _scalars: dict[object, tuple[CompiledPolicy, "_Scalar"]] = field(default_factory=dict)
    _blocks: dict[object, tuple[CompiledPolicy, "BlockRunner"]] = field(default_factory=dict)

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
        most = few_rows(len(works)) if self.scalar_rows_max is None else self.scalar_rows_max
        if sum(len(work.rows) for work in works) <= most:
            self._settle_in_order(works, state, refuse_gaps)
        else:
            self._settle_in_waves(works, persons, state, refuse_gaps)

    def _settle_in_order(self, works: Sequence[Work], state: Column, refuse_gaps: bool) -> None:
        """Settle the claims of all works one after another, as they stand in the batch."""
        alone = [self._single(work, state, refuse_gaps) for work in works]
        if len(works) == 1:
            for position in range(len(works[0].rows)):
                alone[0].settle(position)
        else:
            turns = sorted(
                (row, number, position)
                for number, work in enumerate(works)
                for position, row in enumerate(work.rows.tolist())
            )
            for _, number, position in turns:
                alone[number].settle(position)
        for one in alone:
            one.finish()

    def _single(self, work: Work, state: Column, refuse_gaps: bool) -> "_Single":
        if _BLOCKS in sys.modules and not self.generated:
            return _ByMachine(work, self._runner_of(work, refuse_gaps), state)
        return _OneByOne(work, self._scalar_of(work), state, refuse_gaps)

    def _settle_in_waves(
        self, works: Sequence[Work], persons: Column, state: Column, refuse_gaps: bool
    ) -> None:
        """Settle waves of claims, nobody twice in one, by the interpreter."""
        # Loaded here for the time it takes; a server has it loaded before its port opens.
        from medsettle.settle import waves  # noqa: PLC0415

        runs = []
        for work in works:
            runner, count = self._runner_of(work, refuse_gaps), len(work.rows)
            results = np.empty((runner.result_count, count), dtype=np.int64)
            before = np.empty((len(work.slots), count), dtype=np.int64)
            runs.append((work, runner, (results, None if self.outputs else before)))
        if len(works) == 1:
            ((work, runner, into),) = runs
            own = waves.waves_of(persons[work.rows])
            runner.settle(work.columns, work.slots, state, own, into)
        else:
            # A person's claims may alternate between policies, so a wave is finished by all of them
            # before the next.
            ranks = np.empty(len(persons), dtype=np.uint32)
            highest = waves.ranks_within(persons, ranks)
            ordered = [waves.waves_by_rank(ranks[work.rows], highest) for work in works]
            for rank in range(highest + 1):
                for (work, runner, into), own in zip(runs, ordered, strict=True):
                    runner.settle(work.columns, work.slots, state, own.wave(rank), into)
        for work, runner, (results, held) in runs:
            work.results = Named(runner.results, results)
            work.before = _nothing() if held is None else _met(work, held)

    def _names(self, policy: CompiledPolicy) -> list[str]:
        """Return the outputs that are worked out: of single bands only if they are asked for."""
        if self.outputs is not None:
            return list(self.outputs)
        return [name for name in policy.program.outputs if not name.startswith("detail:")]

    def _scalar_of(self, work: Work) -> "_Scalar":
        # Holding the policy keeps its id from being another one's.
        key = id(work.policy)
        if key not in self._scalars:
            self._scalars[key] = work.policy, _Scalar(work.policy, self._names(work.policy))
        return self._scalars[key][1]

    def _runner_of(self, work: Work, refuse_gaps: bool) -> "BlockRunner":
        key = id(work.policy), tuple(work.slots), refuse_gaps
        if key not in self._blocks:
            from medsettle.settle.blocks import BlockRunner  # noqa: PLC0415

            program, names = work.policy.program, self._names(work.policy)
            runner = BlockRunner(program, names, list(work.slots), refuse_gaps=refuse_gaps)
            self._blocks[key] = work.policy, runner
        return self._blocks[key][1]


class _Scalar:
    """The generated function of a policy, which works out equal outputs once.

    `results` says which result each output is; `moved` and `gaps` those that move counters, by
    name, and those that tell of an amount that the policy cannot decide.
    """

    def __init__(self, policy: CompiledPolicy, names: Sequence[str]) -> None:
        outputs = policy.program.outputs
        telling = [name for name in outputs if name.startswith(("counter:", "gap:"))]
        firsts = {outputs[name].number: name for name in (*names, *telling)}
        numbers = {number: position for position, number in enumerate(firsts)}
        at = {name: numbers[outputs[name].number] for name in (*names, *telling)}
        self.function: ScalarFunction = scalar_function(policy.program, list(firsts.values()))
        self.result_count = len(firsts)
        self.results = {name: at[name] for name in names}
        self.moved = {name.removeprefix("counter:"): at[name] for name in telling if name[0] == "c"}
        self.gaps = [at[name] for name in telling if name[0] == "g"]


def _met(work: Work, held: NDArray[np.int64]) -> Named:
    """Return the counters as each claim met them."""
    return Named({name: number for number, name in enumerate(work.slots)}, held)


class _Single(Protocol):
    """A work whose claims are settled one at a time, when it is their turn."""

    def settle(self, position: int) -> None:
        """Settle a claim and move its counters in the state."""
        ...

    def finish(self) -> None:
        """Hand the results to the work in the order of its claims, which is that of their turns."""
        ...


class _ByMachine:
    """A work whose claims go through the compiled interpreter, one at a time."""

    def __init__(self, work: Work, runner: "BlockRunner", state: Column) -> None:
        self.work, self.runner, self.one = work, runner, runner.one()
        self.one.bind(state)
        columns = [*work.slots.values(), *(work.columns[name] for name in runner.inputs)]
        self.claims = list(zip(*[column.tolist() for column in columns], strict=True))
        self.answers: list[tuple[int, ...]] = []

    def settle(self, position: int) -> None:
        self.answers.append(self.one.settle(self.claims[position]))

    def finish(self) -> None:
        self.runner.done_with(self.one)
        counters = len(self.work.slots)
        found = np.array(self.answers, dtype=np.int64).reshape(len(self.answers), self.one.width).T
        self.work.before = _met(self.work, found[:counters])
        self.work.results = Named(self.runner.results, found[counters:])


class _OneByOne:
    """A work whose claims go through the generated function of its policy."""

    def __init__(self, work: Work, scalar: _Scalar, state: Column, refuse_gaps: bool) -> None:
        self.work, self.scalar, self.state = work, scalar, state
        lists = [column.tolist() for column in work.columns.values()]
        self.rows = list(zip(*lists, strict=True))
        self.slots = [(f"counter:{name}", own.tolist()) for name, own in work.slots.items()]
        self.gaps = scalar.gaps if refuse_gaps else []
        self.moves = [
            (position, scalar.moved[name], -1 if name in BALANCES else 1)
            for position, name in enumerate(work.slots)
            if name in scalar.moved
        ]
        self.answers: list[tuple[int, ...]] = []
        self.before: list[list[int]] = []

    def settle(self, position: int) -> None:
        inputs = dict(zip(self.work.columns, self.rows[position], strict=True))
        held = [self.state.item(slots[position]) for _, slots in self.slots]
        inputs |= zip((name for name, _ in self.slots), held, strict=True)
        answer = self.scalar.function(inputs)
        self.answers.append(answer)
        self.before.append(held)
        if not any(answer[gap] > 0 for gap in self.gaps):
            for number, result, sign in self.moves:
                slot = self.slots[number][1][position]
                self.state[slot] = held[number] + sign * answer[result]

    def finish(self) -> None:
        count = len(self.answers)
        results = np.array(self.answers, dtype=np.int64).reshape(count, self.scalar.result_count)
        self.work.results = Named(self.scalar.results, np.ascontiguousarray(results.T))
        before = np.array(self.before, dtype=np.int64).reshape(count, len(self.slots))
        self.work.before = _met(self.work, np.ascontiguousarray(before.T))
