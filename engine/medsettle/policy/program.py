"""The compiled form of a policy: a short straight-line program of integer operations.

A policy compiles to about a hundred operations over registers, each a column of int64: add,
subtract, minimum, maximum, compare, select, gather from a dense table, and multiply-divide-round.
Two runners in `medsettle.settle` execute the same program: NumPy over blocks of claims, and a
generated plain-Python function for one claim. There is no second statement of the arithmetic, so
no twin to keep equal, and no compiler in the request path.

The builder knows an interval for every register. With it, it

* folds what cannot matter (`max(x, 0)` where x is never negative), so that a policy pays only for
  the questions it asks;
* proves that no product or sum passes int64, and splits a product where one might
  (`floor((q*d + r)*m/d) = q*m + floor(r*m/d)`), which a document can therefore never get wrong.

Amounts carry a scale: 1 for whole fen, `SUBFEN` for amounts back-solved at a cap (shape O6).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core.money import Rounding


class Op(StrEnum):
    """What one instruction does to its arguments `a`, `b`, `c`."""

    ADD = "add"
    SUB = "sub"
    MUL = "mul"
    MIN = "min"
    MAX = "max"
    AT_LEAST = "at_least"  # 1 where a >= b, else 0
    EQUAL = "equal"  # 1 where a == b, else 0
    SELECT = "select"  # b where a is not 0, else c
    GATHER = "gather"  # table a at index b
    DIVIDE = "divide"  # floor(a / b), b > 0
    SPLIT = "split"  # floor((a * b + addend) / divisor) without forming a * b
    QUOTIENT = "quotient"  # floor((a * factor + c) / max(b, 1)) without forming a * factor


@dataclass(frozen=True, slots=True)
class Register:
    """A column of the program: its number and the proved bounds of its values.

    A register with `constant` set holds one value for all rows and has no column.
    """

    number: int
    low: int
    high: int
    constant: int | None = None


@dataclass(frozen=True, slots=True)
class Instruction:
    """`out = op(args)`; `extra` holds the plain numbers of SPLIT, QUOTIENT and GATHER."""

    op: Op
    out: Register
    args: tuple[Register, ...]
    extra: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled policy.

    `inputs` and `outputs` map names to registers; `tables` are read-only int64 arrays that GATHER
    addresses by position.
    """

    instructions: tuple[Instruction, ...]
    inputs: dict[str, Register]
    outputs: dict[str, Register]
    tables: tuple[NDArray[np.int64], ...]


@dataclass
class Builder:
    """Appends instructions and keeps the interval of every register."""

    instructions: list[Instruction] = field(default_factory=list)
    inputs: dict[str, Register] = field(default_factory=dict)
    outputs: dict[str, Register] = field(default_factory=dict)
    tables: list[NDArray[np.int64]] = field(default_factory=list)
    count: int = 0
    constants: dict[int, Register] = field(default_factory=dict)
    known: dict[tuple[Op, tuple[Register, ...], tuple[int, ...]], Register] = field(
        default_factory=dict
    )

    def program(self) -> Program:
        """Return the finished program, without instructions nobody reads."""
        needed = {register.number for register in self.outputs.values()}
        kept: list[Instruction] = []
        for instruction in reversed(self.instructions):
            if instruction.out.number in needed:
                needed |= {argument.number for argument in instruction.args}
                kept.append(instruction)
        return Program(
            tuple(reversed(kept)), dict(self.inputs), dict(self.outputs), tuple(self.tables)
        )

    def _register(self, low: int, high: int, constant: int | None = None) -> Register:
        assert -limits.INT64_MAX <= low <= high <= limits.INT64_MAX, (low, high)
        self.count += 1
        return Register(self.count, low, high, constant)

    def _emit(
        self, op: Op, args: tuple[Register, ...], low: int, high: int, extra: tuple[int, ...] = ()
    ) -> Register:
        if low == high:
            return self.constant(low)
        key = (op, args, extra)
        known = self.known.get(key)
        if known is None:
            known = self._register(low, high)
            self.instructions.append(Instruction(op, known, args, extra))
        elif low > known.low or high < known.high:
            # Both bounds are proved of the same column, so their intersection holds as well.
            known = replace(known, low=max(low, known.low), high=min(high, known.high))
        self.known[key] = known
        return known

    def input(self, name: str, low: int, high: int) -> Register:
        """Return the register of an input column with its promised bounds."""
        if name not in self.inputs:
            self.inputs[name] = self._register(low, high)
        return self.inputs[name]

    def output(self, name: str, register: Register) -> None:
        """Name a register as a result."""
        assert name not in self.outputs, name
        self.outputs[name] = register

    def constant(self, value: int) -> Register:
        """Return a register that holds one value for all rows."""
        if value not in self.constants:
            self.constants[value] = self._register(value, value, value)
        return self.constants[value]

    def add(self, a: Register, b: Register) -> Register:
        """Return a + b."""
        if a.constant == 0:
            return b
        if b.constant == 0:
            return a
        return self._emit(Op.ADD, (a, b), a.low + b.low, a.high + b.high)

    def sum(self, registers: Sequence[Register]) -> Register:
        """Return the sum of registers, 0 for none."""
        total = self.constant(0)
        for register in registers:
            total = self.add(total, register)
        return total

    def sub(self, a: Register, b: Register) -> Register:
        """Return a - b."""
        if b.constant == 0:
            return a
        if a == b:
            return self.constant(0)
        return self._emit(Op.SUB, (a, b), a.low - b.high, a.high - b.low)

    def excess(self, a: Register, b: Register) -> Register:
        """Return max(a - b, 0)."""
        return self.max(self.sub(a, b), self.constant(0))

    def within(self, a: Register, b: Register, most: int = limits.INT64_MAX) -> Register:
        """Return a - b where the caller knows 0 <= a - b <= most; keeps the bounds tight."""
        if b.constant == 0:
            return a
        if a == b:
            return self.constant(0)
        return self._emit(Op.SUB, (a, b), 0, min(max(a.high - b.low, 0), most))

    def at_most(self, a: Register, high: int) -> Register:
        """Return a, of which the caller knows that it never passes `high`."""
        return a if a.high <= high else replace(a, high=high)

    def mul(self, a: Register, b: Register) -> Register:
        """Return a * b for values that are not negative and whose product is proved to fit."""
        assert a.low >= 0 and b.low >= 0
        if a.constant == 1:
            return b
        if b.constant == 1:
            return a
        return self._emit(Op.MUL, (a, b), a.low * b.low, a.high * b.high)

    def min(self, a: Register, b: Register) -> Register:
        """Return the smaller of a and b."""
        if a.high <= b.low or a == b:
            return a
        if b.high <= a.low:
            return b
        return self._emit(Op.MIN, (a, b), min(a.low, b.low), min(a.high, b.high))

    def max(self, a: Register, b: Register) -> Register:
        """Return the larger of a and b."""
        if a.low >= b.high or a == b:
            return a
        if b.low >= a.high:
            return b
        return self._emit(Op.MAX, (a, b), max(a.low, b.low), max(a.high, b.high))

    def at_least(self, a: Register, b: Register) -> Register:
        """Return 1 where a >= b, else 0."""
        if a.low >= b.high:
            return self.constant(1)
        if a.high < b.low:
            return self.constant(0)
        if a.low == 0 and b.constant == 1:
            # Half the cost: a comparison makes booleans, which have to become numbers again.
            return self.min(a, b)
        return self._emit(Op.AT_LEAST, (a, b), 0, 1)

    def equal(self, a: Register, b: Register) -> Register:
        """Return 1 where a == b, else 0."""
        if a.low == a.high == b.low == b.high:
            return self.constant(1)
        if a.high < b.low or b.high < a.low:
            return self.constant(0)
        return self._emit(Op.EQUAL, (a, b), 0, 1)

    def select(self, condition: Register, a: Register, b: Register) -> Register:
        """Return a where the condition is not 0, else b."""
        if condition.low > 0:
            return a
        if condition.high == 0:
            return b
        low, high = min(a.low, b.low), max(a.high, b.high)
        if low == high:
            return self.constant(low)
        return self._emit(Op.SELECT, (condition, a, b), low, high)

    def gather(self, table: NDArray[np.int64], index: Register) -> Register:
        """Return the table's value at each index; the index is proved to lie inside."""
        assert index.low >= 0 and index.high < len(table), (index, len(table))
        if index.constant is not None:
            # A quantity that ends below a threshold, say, leaves one class and no column to read.
            return self.constant(int(table[index.constant]))
        low, high = int(table.min()), int(table.max())
        if low == high:
            return self.constant(low)
        position = next(
            (i for i, held in enumerate(self.tables) if np.array_equal(held, table)), None
        )
        if position is None:
            table = table.astype(np.int64)
            table.setflags(write=False)
            position = len(self.tables)
            self.tables.append(table)
        return self._emit(Op.GATHER, (index,), low, high, (position,))

    def share(self, amount: Register, rate: Register, divisor: int, rounding: Rounding) -> Register:
        """Return `amount * rate / divisor` as a whole number, rounded by name.

        An odd divisor has no ties, so adding its floored half rounds half up there too.
        """
        assert amount.low >= 0 and rate.low >= 0 and divisor > 0
        if rate.constant == divisor:
            return amount
        addend = {
            Rounding.HALF_UP: divisor // 2,
            Rounding.UP: divisor - 1,
            Rounding.DOWN: 0,
        }[rounding]
        low = (amount.low * rate.low + addend) // divisor
        high = (amount.high * rate.high + addend) // divisor
        if divisor == 1:
            return self.mul(amount, rate)
        if amount.high * rate.high + addend <= limits.INT64_MAX:
            product = self.add(self.mul(amount, rate), self.constant(addend))
            return self._emit(Op.DIVIDE, (product, self.constant(divisor)), low, high)
        assert divisor * rate.high + addend <= limits.INT64_MAX, "a split product must fit"
        return self._emit(Op.SPLIT, (amount, rate), low, high, (divisor, addend))

    def quotient(
        self, a: Register, factor: int, b: Register, high: int, addend: Register | None = None
    ) -> Register:
        """Return floor((a * factor + addend) / b), at most `high`.

        The caller promises that the true quotient never passes `high`; a row where b is 0 is
        one whose result no later instruction uses.
        """
        addend = self.constant(0) if addend is None else addend
        assert a.low >= 0 and b.low >= 0 and addend.low >= 0
        assert b.high * factor + addend.high <= limits.INT64_MAX, "a split quotient must fit"
        assert high + addend.high <= limits.INT64_MAX
        return self._emit(Op.QUOTIENT, (a, b, addend), 0, high, (factor,))
