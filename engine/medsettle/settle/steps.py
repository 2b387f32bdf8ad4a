"""Lower a program to the steps of the compiled interpreter: what each reads and writes, and where.

An instruction becomes a step; a few that often follow one another become one step together, so that
what lies between them needs no column: a subtraction and a maximum with 0, and a multiplication
with its rounding and division. A number that is the same for every claim is a part of its step.

Every step writes a place that it does not read. Places of scratch are used again after their last
reader, the one that was used last first, since it is still in the nearest cache.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from medsettle.native import Column
from medsettle.policy.program import Instruction, Op, Program, Register
from medsettle.settle import interpreter as machine
from medsettle.settle.interpreter import Matrix, Ratios

# By what an operation with two columns is done, and by what one with a column and a number.
_TWO: Final = {
    Op.ADD: machine.ADD,
    Op.SUB: machine.SUB,
    Op.MUL: machine.MUL,
    Op.MIN: machine.MIN,
    Op.MAX: machine.MAX,
    Op.AT_LEAST: machine.AT_LEAST,
    Op.EQUAL: machine.EQUAL,
}
_WITH_NUMBER: Final = {
    Op.ADD: machine.ADD_K,
    Op.MUL: machine.MUL_K,
    Op.MIN: machine.MIN_K,
    Op.MAX: machine.MAX_K,
    Op.AT_LEAST: machine.AT_LEAST_K,
    Op.EQUAL: machine.EQUAL_K,
}
_OF_NUMBER: Final = {Op.SUB: machine.FROM_K, Op.AT_LEAST: machine.AT_MOST_K}


class Step(NamedTuple):
    """What to do; numbers of registers while drafting, of places once they are given out."""

    op: int
    out: int
    a: int
    b: int
    c: int
    k: int = 0
    addend: int = 0
    factor: int = 0


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of a program for some of its outputs, as the interpreter takes them.

    Places are those of `inputs`, of `counters`, of the results, then `scratch` more. `results` says
    which result each output is: what is equal for every claim is worked out and kept once. From
    `result_count` on they are scratch, for outputs that only the counters ask.
    """

    steps: Matrix
    reciprocals: Ratios
    tables: Column
    inputs: tuple[str, ...]
    counters: tuple[str, ...]
    results: dict[str, int]
    result_count: int
    scratch: int


def lowered(
    program: Program,
    outputs: Sequence[str],
    counters: Sequence[str] = (),
    passing: Sequence[str] = (),
) -> Steps:
    """Return the steps that work out the named outputs, and no others.

    Args:
        program: A compiled policy.
        outputs: Names of its outputs.
        counters: Names of the counters that come from a state, read by the program or not.
        passing: Names of outputs that are asked for while a block is at hand, and not kept.
    """
    draft = _Draft(program, (*outputs, *passing))
    read = {number for step in draft.steps for number in (step.a, step.b, step.c)}
    carried = {f"counter:{name}" for name in counters}
    inputs = {
        name: register.number
        for name, register in program.inputs.items()
        if register.number in read and name not in carried
    }
    # A counter that the program does not ask has a place all the same.
    asked = {name: program.inputs.get(f"counter:{name}") for name in counters}
    met = [draft.fresh() if one is None else one.number for one in asked.values()]
    results = list(dict.fromkeys(draft.outputs.values()))
    kept = len({draft.outputs[name] for name in outputs})
    homes = {column: place for place, column in enumerate([*inputs.values(), *met, *results])}
    steps, places = _placed(draft.steps, homes)
    rows = np.array(steps, dtype=np.int64).reshape(len(steps), len(Step._fields))
    return Steps(
        steps=rows,
        reciprocals=1 / np.maximum(rows[:, Step._fields.index("k")], 1),
        tables=np.concatenate([np.zeros(0, dtype=np.int64), *program.tables]),
        inputs=tuple(inputs),
        counters=tuple(counters),
        results={name: results.index(column) for name, column in draft.outputs.items()},
        result_count=kept,
        scratch=places - len(homes) + len(results) - kept,
    )


@dataclass
class _Draft:
    """Steps over registers, each written once; `outputs` are the columns of the results."""

    program: Program
    names: Sequence[str]
    steps: list[Step] = field(default_factory=list)
    outputs: dict[str, int] = field(default_factory=dict)
    filled: set[int] = field(default_factory=set)
    copies: dict[int, int] = field(default_factory=dict)
    offsets: list[int] = field(default_factory=list)
    made: dict[int, Instruction] = field(default_factory=dict)
    uses: dict[int, int] = field(default_factory=dict)
    count: int = 0

    def __post_init__(self) -> None:
        """Lower what the outputs need."""
        program = self.program
        registers = [*program.inputs.values(), *program.outputs.values()]
        registers += [each for step in program.instructions for each in (step.out, *step.args)]
        self.count = max((register.number for register in registers), default=0)
        sizes = [len(table) for table in self.program.tables]
        self.offsets = [sum(sizes[:position]) for position in range(len(sizes))]
        kept = self._needed()
        joined = self._joined(kept)
        for instruction in kept:
            if instruction.out.number not in joined:
                self._lower(instruction)
        for name in self.names:
            self.outputs[name] = self._result(self.program.outputs[name])

    def fresh(self) -> int:
        """Return the number of a column that is no register's."""
        self.count += 1
        return self.count

    def _needed(self) -> list[Instruction]:
        """Return the instructions that the outputs need, and count who reads each register."""
        for name in self.names:
            self._use(self.program.outputs[name].number)
        kept = []
        for instruction in reversed(self.program.instructions):
            if instruction.out.number in self.uses:
                kept.append(instruction)
                self.made[instruction.out.number] = instruction
                for argument in instruction.args:
                    self._use(argument.number)
        kept.reverse()
        return kept

    def _use(self, number: int) -> None:
        self.uses[number] = self.uses.get(number, 0) + 1

    def _only(self, register: Register, op: Op) -> Instruction | None:
        """Return what makes a register, if it is done by `op` for one reader alone."""
        made = self.made.get(register.number)
        outputs = {self.program.outputs[name].number for name in self.names}
        alone = self.uses.get(register.number) == 1 and register.number not in outputs
        return made if alone and made is not None and made.op is op else None

    def _product(self, numerator: Register) -> tuple[Instruction, int, set[int]] | None:
        """Return the product in a numerator, what is added to it, and the registers between."""
        between = {numerator.number}
        addend, added = 0, self._only(numerator, Op.ADD)
        if added is not None and added.args[1].constant is not None:
            numerator, addend = added.args[0], added.args[1].constant
            between.add(numerator.number)
        product = self._only(numerator, Op.MUL)
        return None if product is None else (product, addend, between)

    def _joined(self, kept: Sequence[Instruction]) -> set[int]:
        """Return the registers that are worked out within the step of their reader."""
        joined: set[int] = set()
        for instruction in kept:
            if instruction.op is Op.DIVIDE and _is_small(instruction):
                product = self._product(instruction.args[0])
                joined |= set() if product is None else product[2]
            elif (less := self._less(instruction)) is not None:
                joined.add(less.out.number)
        return joined

    def _less(self, instruction: Instruction) -> Instruction | None:
        """Return the subtraction of which an instruction is the maximum with 0."""
        if instruction.op is not Op.MAX or instruction.args[1].constant != 0:
            return None
        return self._only(instruction.args[0], Op.SUB)

    def _emit(self, op: int, out: int, *columns: int, **numbers: int) -> None:
        a, b, c = (*columns, *columns[:1] * 3)[:3] if columns else (out, out, out)
        self.steps.append(Step(op, out, a, b, c, **numbers))

    def _column(self, register: Register) -> int:
        """Return the column of a register; one of a number is filled."""
        if register.constant is None:
            return register.number
        if register.number not in self.filled:
            self.filled.add(register.number)
            self._emit(machine.FILL, register.number, k=register.constant)
        return register.number

    def _result(self, register: Register) -> int:
        """Return the column of an output, which some step writes even if it is an input."""
        column = self._column(register)
        if register.constant is not None or column in self.made:
            return column
        if column not in self.copies:
            self.copies[column] = self.fresh()
            self._emit(machine.COPY, self.copies[column], column)
        return self.copies[column]

    def _lower(self, instruction: Instruction) -> None:
        """Append the step of an instruction."""
        out, args, extra = instruction.out.number, instruction.args, instruction.extra
        if instruction.op is Op.GATHER:
            table = self.program.tables[extra[0]]
            place = self.offsets[extra[0]]
            self._emit(machine.GATHER, out, self._column(args[0]), k=len(table), addend=place)
        elif instruction.op is Op.SELECT:
            self._select(out, *args)
        elif instruction.op is Op.DIVIDE:
            self._divide(instruction)
        elif instruction.op is Op.SPLIT:
            divisor, addend = extra
            small = args[0].high // divisor < machine.QUOTIENT_END
            assert args[1].high < machine.QUOTIENT_END - 1
            op = machine.SPLIT if small else machine.SPLIT_LARGE
            self._emit(op, out, *map(self._column, args), k=divisor, addend=addend)
        elif instruction.op is Op.QUOTIENT:
            self._emit(machine.QUOTIENT, out, *map(self._column, args), factor=extra[0])
        else:
            self._combine(instruction)

    def _combine(self, instruction: Instruction) -> None:
        op, out = instruction.op, instruction.out.number
        if (less := self._less(instruction)) is not None:
            a, b = less.args
            if a.constant is not None:
                self._emit(machine.EXCESS_OF_K, out, self._column(b), k=a.constant)
            else:
                self._emit(machine.EXCESS, out, self._column(a), self._column(b))
            return
        a, b = instruction.args
        if a.constant is not None and op in _WITH_NUMBER and op not in _OF_NUMBER:
            a, b = b, a
        if b.constant is not None and op is Op.SUB:
            self._emit(machine.ADD_K, out, self._column(a), k=-b.constant)
        elif b.constant is not None:
            self._emit(_WITH_NUMBER[op], out, self._column(a), k=b.constant)
        elif a.constant is not None:
            self._emit(_OF_NUMBER[op], out, self._column(b), k=a.constant)
        else:
            self._emit(_TWO[op], out, self._column(a), self._column(b))

    def _select(self, out: int, condition: Register, chosen: Register, other: Register) -> None:
        columns = self._column(condition), self._column(chosen)
        if other.constant is not None:
            self._emit(machine.SELECT_OR_K, out, *columns, k=other.constant)
        else:
            self._emit(machine.SELECT, out, *columns, self._column(other))

    def _divide(self, instruction: Instruction) -> None:
        (numerator, by), out = instruction.args, instruction.out.number
        assert by.constant is not None
        assert numerator.low >= 0
        if not _is_small(instruction):
            self._emit(machine.DIVIDE_LARGE, out, self._column(numerator), k=by.constant)
            return
        found = self._product(numerator)
        if found is None:
            self._emit(machine.DIVIDE, out, self._column(numerator), k=by.constant)
            return
        product, addend, _ = found
        a, b = product.args
        if a.constant is not None:
            a, b = b, a
        numbers = {"k": by.constant, "addend": addend}
        if b.constant is not None:
            self._emit(machine.SHARE_K, out, self._column(a), factor=b.constant, **numbers)
        else:
            self._emit(machine.SHARE, out, self._column(a), self._column(b), **numbers)


def _is_small(division: Instruction) -> bool:
    """Return whether a quotient is proved to be one that a multiplication finds."""
    return division.out.high < machine.QUOTIENT_END


def _placed(steps: Sequence[Step], homes: dict[int, int]) -> tuple[list[Step], int]:
    """Return the steps with places for columns, and the count of all places.

    Args:
        steps: Steps over columns.
        homes: The place of each input, counter and result.
    """
    last_read = {column: position for position, step in enumerate(steps) for column in step[2:5]}
    homes, kept, count = dict(homes), set(homes), len(homes)
    free: list[int] = []
    placed = []
    for position, step in enumerate(steps):
        if step.out not in homes:
            homes[step.out] = free.pop() if free else count
            count += homes[step.out] == count
        out, a, b, c = (homes[column] for column in step[1:5])
        placed.append(step._replace(out=out, a=a, b=b, c=c))
        ended = {column for column in step[1:5] if last_read.get(column, -1) <= position}
        free += [homes[column] for column in ended if column not in kept]
    return placed, count
