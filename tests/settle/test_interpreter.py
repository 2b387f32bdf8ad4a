"""What the compiled steps come to at the ends of what they are proved for."""

from itertools import product
from random import Random

import numpy as np
import pytest
from medsettle import limits
from medsettle.core.money import Rounding
from medsettle.policy.program import Builder, Program, Register
from medsettle.settle.blocks import BlockRunner
from medsettle.settle.interpreter import (
    DIVIDE,
    DIVIDE_LARGE,
    QUOTIENT_END,
    SHARE,
    SPLIT,
    SPLIT_LARGE,
)
from medsettle.settle.scalar import scalar_function
from medsettle.settle.steps import lowered
from medsettle.settle.waves import Waves, waves_of


def _same_by_both(program: Program, columns: dict[str, list[int]]) -> None:
    """Assert that the interpreter gives what Python's integers give, row by row."""
    names = list(program.outputs)
    rows = len(next(iter(columns.values())))
    inputs = {name: np.array(column, dtype=np.int64) for name, column in columns.items()}
    one = scalar_function(program, names)
    expected = [one({name: column[row] for name, column in columns.items()}) for row in range(rows)]

    runner = BlockRunner(program, names)
    found = runner.run(inputs, rows)
    record = runner.one()
    alone = [record.settle([columns[name][row] for name in runner.inputs]) for row in range(rows)]

    assert expected == list(zip(*(found[name].tolist() for name in names), strict=True))
    places = [runner.results[name] for name in names]
    assert expected == [tuple(result[place] for place in places) for result in alone]


def _ops(program: Program) -> set[int]:
    return set(lowered(program, list(program.outputs)).steps[:, 0].tolist())


def _around(multiples: list[int], divisor: int, low: int, high: int) -> list[int]:
    found = [multiple * divisor + near for multiple in multiples for near in (-2, -1, 0, 1, 2)]
    return [number for number in (*found, low, high) if low <= number <= high]


@pytest.mark.parametrize("divisor", [2, 3, 7, 500, 9_999, 10_000, 10**6, 2**31 + 11])
@pytest.mark.parametrize("large", [0, 1], ids=["below", "at"])
def test_quotients_on_both_sides_of_the_bound(divisor: int, large: int) -> None:
    """Up to the bound a reciprocal divides, from there on whole numbers do; both to the last."""
    most = min((QUOTIENT_END - 1 + large) * divisor + (0 if large else divisor - 1), 2**63 - 1)
    build = Builder()
    numerator = build.input("numerator", 0, most)
    build.output("share", build.share(numerator, build.constant(1), divisor, Rounding.DOWN))
    program = build.program()
    random = Random(divisor)
    end = most // divisor
    quotients = [random.randrange(2 ** random.randrange(1, 52)) for _ in range(1_000)]
    quotients = [1, 2, end - 1, end, *(number for number in quotients if number <= end)]

    fits = most // divisor == QUOTIENT_END - 1 + large
    assert _ops(program) == {DIVIDE_LARGE if fits and large else DIVIDE}
    _same_by_both(program, {"numerator": _around(quotients, divisor, 0, most)})


_SHARES = [
    pytest.param(10**13, 10_000, 10_000, SHARE, id="a product that fits"),
    pytest.param((2**63 - 10_000) // 10_000, 10_000, 10_000, SHARE, id="the largest that fits"),
    pytest.param(10**17, 10_000, 10_000, SPLIT, id="a product that would not"),
    pytest.param(QUOTIENT_END * 500 - 1, 500, 500, SPLIT, id="below the bound"),
    pytest.param(QUOTIENT_END * 500, 500, 500, SPLIT_LARGE, id="at the bound"),
    pytest.param(2**62, 2, 2, SPLIT_LARGE, id="the largest amount"),
]


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize(("amount_max", "rate_max", "divisor", "op"), _SHARES)
def test_shares_on_both_sides_of_each_bound(
    amount_max: int, rate_max: int, divisor: int, op: int, rounding: Rounding
) -> None:
    """A share is one step, exact for every amount and rate, however large the product."""
    build = Builder()
    amount = build.input("amount", 0, amount_max)
    rate = build.input("rate", 0, rate_max)
    build.output("share", build.share(amount, rate, divisor, rounding))
    program = build.program()
    random = Random(divisor)
    amounts = [random.randrange(amount_max + 1) for _ in range(200)]
    pairs = list(product((*amounts, 0, 1, amount_max - 1, amount_max), (0, 1, rate_max)))
    pairs += [(each, random.randrange(rate_max + 1)) for each in amounts]

    assert _ops(program) == {op}
    _same_by_both(
        program, dict(zip(("amount", "rate"), map(list, zip(*pairs, strict=True)), strict=True))
    )


def test_every_operation_with_columns_and_with_numbers() -> None:
    """Each operation comes out as in Python, whichever side of it is the same for every claim."""
    build = Builder()
    a, b = build.input("a", -9, 9), build.input("b", -9, 9)
    flag, seven = build.input("flag", 0, 1), build.constant(3)
    both = [build.add, build.sub, build.min, build.max, build.at_least, build.equal]
    pairs = [(a, b), (a, seven), (seven, a), (a, a)]
    found: list[Register] = [method(x, y) for method in both for x, y in pairs]
    found += [build.excess(x, y) for x, y in pairs]
    found += [build.select(flag, x, y) for x, y in [*pairs, (a, build.constant(0))]]
    positive = build.max(a, build.constant(0)), build.max(b, build.constant(0))
    found += [build.mul(*positive), build.mul(positive[0], seven), build.mul(seven, positive[1])]
    found.append(build.gather(np.array([5, 3, 8, 1, 0, 9, 7, 2, 6, 4]), positive[0]))
    found += [build.quotient(positive[0], 4, by, 36, positive[1]) for by in (positive[1], seven)]
    # Inputs and numbers may be results as they are, some of them twice.
    found += [a, seven, flag, a, seven]
    for number, register in enumerate(found):
        build.output(str(number), register)
    rows = list(product(range(-9, 10), range(-9, 10), (0, 1)))

    _same_by_both(
        build.program(),
        dict(zip(("a", "b", "flag"), map(list, zip(*rows, strict=True)), strict=True)),
    )


@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_blocks_of_waves_meet_without_a_seam(extra: int) -> None:
    """Waves around the length of a block carry their counters on as one claim after another."""
    count = limits.INTERPRETER_ROWS + extra
    build = Builder()
    used, bill = build.input("counter:used", 0, 10**6), build.input("bill", 0, 100)
    paid = build.min(bill, build.excess(build.constant(150), used))
    build.output("counter:used", paid)
    runner = BlockRunner(build.program(), ["counter:used"], ["used"])
    rows = 2 * count + 1
    people = np.concatenate([np.arange(count), np.arange(count), [0]])
    bills = np.arange(rows) % 101
    state, left = np.zeros(count, dtype=np.int64), [150] * count
    expected = []
    for person, fen in zip(people.tolist(), bills.tolist(), strict=True):
        expected.append(min(fen, left[person]))
        left[person] -= expected[-1]
    waves = waves_of(people)
    results, before = np.empty((2, 1, rows), dtype=np.int64)

    runner.settle({"bill": bills}, {"used": people}, state, waves, (results, before))

    assert expected == results[0].tolist()
    assert [150 - each for each in left] == state.tolist()


def test_a_slot_outside_the_state_is_refused() -> None:
    """Foreign memory is never read or written: a slot too far, or below zero, raises."""
    build = Builder()
    build.output("counter:used", build.input("bill", 0, 100))
    runner = BlockRunner(build.program(), ["counter:used"], ["used"])
    one = np.zeros(1, dtype=np.int64)
    waves = Waves(np.zeros(0, dtype=np.uint32), np.array([0, 1], dtype=np.int64))
    into = np.empty((1, 1), dtype=np.int64), np.empty((1, 1), dtype=np.int64)

    for slot in (-1, 1):
        with pytest.raises(IndexError):
            runner.settle({"bill": one}, {"used": one + slot}, one.copy(), waves, into)
    runner.settle({"bill": one}, {"used": one}, one.copy(), waves, into)


def test_a_record_with_a_slot_outside_the_state_is_refused() -> None:
    """So it is for a claim alone: nothing is read or written, one step either side."""
    build = Builder()
    build.output("counter:used", build.input("bill", 0, 100))
    record = BlockRunner(build.program(), ["counter:used"], ["used"]).one()
    state = np.array([7, 8], dtype=np.int64)
    record.bind(state)

    for slot in (-1, 2):
        with pytest.raises(IndexError):
            record.settle([slot, 5])
    assert [7, 8] == state.tolist()
    assert (8, 5) == record.settle([1, 5])
    assert [7, 13] == state.tolist()


def test_who_settles_at_the_same_time_has_a_record_of_his_own() -> None:
    """A record is another's only after it was handed back."""
    build = Builder()
    build.output(
        "twice", build.share(build.input("bill", 0, 100), build.constant(2), 1, Rounding.DOWN)
    )
    runner = BlockRunner(build.program(), ["twice"])
    first, second = runner.one(), runner.one()

    first.give([3])
    second.give([50])
    first.run()
    second.run()

    assert ((6,), (100,)) == (first.found(), second.found())
    runner.done_with(first)
    assert runner.one() is first
