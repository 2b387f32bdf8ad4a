"""Run a program for one claim: generated plain Python, a few microseconds a call.

It is for who has not loaded the interpreter, such as a command that settles one claim and would
wait for the compiler, and for questions about a single amount. The text below is made from the same
instructions that the interpreter runs, so there is nothing to keep equal; tests run both on the
same claims all the same.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from medsettle.policy.program import Instruction, Op, Program, Register

Inputs: TypeAlias = dict[str, int]
ScalarFunction: TypeAlias = Callable[[Inputs], tuple[int, ...]]


def scalar_source(program: Program, outputs: Sequence[str]) -> str:
    """Return the Python text of a function from inputs by name to the named outputs."""
    needed = {program.outputs[name].number for name in outputs}
    body: list[str] = []
    for instruction in reversed(program.instructions):
        if instruction.out.number in needed:
            needed |= {argument.number for argument in instruction.args}
            body += reversed(_lines(instruction))
    loads = [
        f"    r{register.number} = inputs[{name!r}]"
        for name, register in program.inputs.items()
        if register.number in needed
    ]
    results = ", ".join(_operand(program.outputs[name]) for name in outputs)
    lines = ["def settle_one(inputs):", *loads, *reversed(body), f"    return ({results},)"]
    return "\n".join(lines) + "\n"


def scalar_function(program: Program, outputs: Sequence[str]) -> ScalarFunction:
    """Return the compiled function of `scalar_source`."""
    tables: dict[str, Any] = {}
    for index, table in enumerate(program.tables):
        tables[f"t{index}"] = table.tolist()
    source = scalar_source(program, outputs)
    # The text holds register numbers, integers and names of named amounts that the checker
    # accepted; nothing of it comes from a request.
    exec(compile(source, "<compiled policy>", "exec"), tables)  # noqa: S102
    function: ScalarFunction = tables["settle_one"]
    return function


def _operand(register: Register) -> str:
    return f"r{register.number}" if register.constant is None else str(register.constant)


def _lines(instruction: Instruction) -> list[str]:
    out = f"    r{instruction.out.number} = "
    args = [_operand(argument) for argument in instruction.args]
    extra = instruction.extra
    if instruction.op is Op.SELECT:
        return [f"{out}{args[1]} if {args[0]} else {args[2]}"]
    if instruction.op is Op.GATHER:
        return [f"{out}t{extra[0]}[{args[0]}]"]
    if instruction.op is Op.QUOTIENT:
        return [f"{out}({args[0]} * {extra[0]} + {args[2]}) // ({args[1]} or 1)"]
    a, b = args
    text = {
        Op.ADD: f"{a} + {b}",
        Op.SUB: f"{a} - {b}",
        Op.MUL: f"{a} * {b}",
        Op.MIN: f"{a} if {a} < {b} else {b}",
        Op.MAX: f"{a} if {a} > {b} else {b}",
        Op.AT_LEAST: f"1 if {a} >= {b} else 0",
        Op.EQUAL: f"1 if {a} == {b} else 0",
        Op.DIVIDE: f"{a} // {b}",
    }
    if instruction.op is Op.SPLIT:
        divisor, addend = extra
        return [f"{out}({a} * {b} + {addend}) // {divisor}"]
    return [out + text[instruction.op]]
