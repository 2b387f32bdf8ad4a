"""Run a program over columns with NumPy, a cache-sized block of rows at a time.

Temporaries are a fixed set of blocks that are used again, so a pass over a million claims allocates
its results and nothing else: fresh memory costs ten times the arithmetic.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.policy.program import Instruction, Op, Program

Column: TypeAlias = NDArray[np.int64]
_Operand: TypeAlias = Column | int


def run_blocks(
    program: Program, inputs: Mapping[str, Column], outputs: Sequence[str], rows: int
) -> dict[str, Column]:
    """Return the named outputs of a program for every row.

    Args:
        program: A compiled policy.
        inputs: Columns of shape (rows,), int64, each within the bounds the program was compiled
            for; they are read, never written.
        outputs: Names of outputs to return.
        rows: Number of claims.

    Returns:
        Each output with shape (rows,), int64.
    """
    plan = _Plan(program, outputs)
    results = {name: np.empty(rows, dtype=np.int64) for name in outputs}
    scratch = np.empty((plan.slot_count + 2, min(rows, limits.BLOCK_ROWS)), dtype=np.int64)
    for start in range(0, rows, limits.BLOCK_ROWS):
        stop = min(start + limits.BLOCK_ROWS, rows)
        plan.run(
            {name: column[start:stop] for name, column in inputs.items()},
            {name: column[start:stop] for name, column in results.items()},
            scratch[:, : stop - start],
        )
    return results


class _Plan:
    """Which block each register lives in; a block is used again after its last reader."""

    def __init__(self, program: Program, outputs: Sequence[str]) -> None:
        self.program = program
        self.outputs = [(name, program.outputs[name]) for name in outputs]
        needed = {register.number for _, register in self.outputs}
        self.instructions: list[Instruction] = []
        for instruction in reversed(program.instructions):
            if instruction.out.number in needed:
                needed |= {argument.number for argument in instruction.args}
                self.instructions.append(instruction)
        self.instructions.reverse()
        self.slots: dict[int, int] = {}
        self.slot_count = 0
        self._assign()

    def _assign(self) -> None:
        last_read: dict[int, int] = {}
        for position, instruction in enumerate(self.instructions):
            for argument in instruction.args:
                last_read[argument.number] = position
        for _, register in self.outputs:
            last_read[register.number] = len(self.instructions)
        free: list[int] = []
        for position, instruction in enumerate(self.instructions):
            if free:
                slot = free.pop()
            else:
                slot, self.slot_count = self.slot_count, self.slot_count + 1
            self.slots[instruction.out.number] = slot
            ending = {
                argument.number
                for argument in instruction.args
                if last_read[argument.number] == position and argument.number in self.slots
            }
            free += [self.slots[number] for number in ending]

    def run(
        self,
        inputs: Mapping[str, Column],
        results: Mapping[str, Column],
        scratch: NDArray[np.int64],
    ) -> None:
        values: dict[int, _Operand] = {
            register.number: inputs[name]
            for name, register in self.program.inputs.items()
            if name in inputs
        }
        spare = (scratch[-1], scratch[-2])
        for instruction in self.instructions:
            args = [
                argument.constant if argument.constant is not None else values[argument.number]
                for argument in instruction.args
            ]
            out = scratch[self.slots[instruction.out.number]]
            _execute(instruction, args, out, spare, self.program.tables)
            values[instruction.out.number] = out
        for name, register in self.outputs:
            held = register.constant
            results[name][:] = values[register.number] if held is None else held


_BINARY = {
    Op.ADD: np.add,
    Op.SUB: np.subtract,
    Op.MUL: np.multiply,
    Op.MIN: np.minimum,
    Op.MAX: np.maximum,
    Op.AT_LEAST: np.greater_equal,
    Op.EQUAL: np.equal,
}


def _execute(
    instruction: Instruction,
    args: list[_Operand],
    out: Column,
    spare: tuple[Column, Column],
    tables: Sequence[Column],
) -> None:
    op = instruction.op
    if op in _BINARY:
        _BINARY[op](args[0], args[1], out=out)
    elif op is Op.DIVIDE:
        # Numerators are proved not negative, and unsigned division by a scalar is vectorised.
        np.floor_divide(
            np.asarray(args[0]).view(np.uint64), np.uint64(int(args[1])), out=out.view(np.uint64)
        )
    elif op is Op.GATHER:
        np.take(tables[instruction.extra[0]], np.asarray(args[0]), out=out, mode="clip")
    elif op is Op.SELECT:
        np.copyto(out, args[2])
        np.copyto(out, args[1], where=np.not_equal(args[0], 0))
    elif op is Op.SPLIT:
        _split(args[0], args[1], instruction.extra, out, spare)
    else:
        _quotient(args, instruction.extra[0], out, spare)


def _split(
    amount: _Operand,
    rate: _Operand,
    extra: tuple[int, ...],
    out: Column,
    spare: tuple[Column, Column],
) -> None:
    divisor, addend = extra
    whole, rest = spare
    np.floor_divide(amount, divisor, out=whole)
    np.multiply(whole, divisor, out=rest)
    np.subtract(amount, rest, out=rest)
    np.multiply(rest, rate, out=rest)
    np.add(rest, addend, out=rest)
    np.floor_divide(rest, divisor, out=rest)
    np.multiply(whole, rate, out=whole)
    np.add(whole, rest, out=out)


def _quotient(args: list[_Operand], factor: int, out: Column, spare: tuple[Column, Column]) -> None:
    amount, divisor, addend = args
    whole, rest = spare
    bounded = np.maximum(divisor, 1)
    np.floor_divide(amount, bounded, out=whole)
    np.multiply(whole, bounded, out=rest)
    np.subtract(amount, rest, out=rest)
    np.multiply(rest, factor, out=rest)
    np.add(rest, addend, out=rest)
    np.floor_divide(rest, bounded, out=rest)
    np.multiply(whole, factor, out=whole)
    np.add(whole, rest, out=out)
