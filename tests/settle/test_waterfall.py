"""A batch is settled as its claims would be one by one, however its waves are run."""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest
from medsettle import limits
from medsettle.policy.book import compile_file, read_area_folder
from medsettle.policy.compiled import CompiledPolicy
from medsettle.settle.blocks import BlockRunner
from medsettle.settle.scalar import scalar_function
from medsettle.settle.waterfall import Column, Kernel, Work
from medsettle.settle.waves import order_by_rank, ranks_within, runs_without_repeats

_FOLDER = Path(__file__).parents[2] / "benchmarks" / "anchor" / "rules" / "999900"
_COUNTERS = ("admissions", "pooled_paid", "large_paid", "account")
_PEOPLE = 40


@cache
def _policy() -> CompiledPolicy:
    area, faults = read_area_folder(_FOLDER)
    assert area is not None, faults
    compiled, faults = compile_file(_FOLDER / "anchor.yaml", area)
    assert compiled is not None, faults
    return compiled


@dataclass
class _Year:
    """Claims of some people, in order, and what each person starts with."""

    persons: Column
    columns: dict[str, Column]
    state: Column

    def work(self, rows: Column) -> Work:
        """Return some of the claims as a work."""
        return Work(
            policy=_policy(),
            rows=rows,
            columns={name: column[rows] for name, column in self.columns.items()},
            slots={
                name: self.persons[rows] + number * _PEOPLE for number, name in enumerate(_COUNTERS)
            },
        )

    def one_by_one(self) -> tuple[list[dict[str, int]], Column]:
        """Return the outputs of each claim, settled alone, and the state after all."""
        outputs = list(_policy().program.outputs)
        settle = scalar_function(_policy().program, outputs)
        state = self.state.copy()
        found = []
        for row, person in enumerate(self.persons.tolist()):
            inputs = {name: int(column[row]) for name, column in self.columns.items()}
            slots = {name: person + number * _PEOPLE for number, name in enumerate(_COUNTERS)}
            inputs |= {f"counter:{name}": int(state[slot]) for name, slot in slots.items()}
            result = dict(zip(outputs, settle(inputs), strict=True))
            for name, slot in slots.items():
                moved = result[f"counter:{name}"]
                state[slot] += -moved if name == "account" else moved
            found.append(result)
        return found, state


def _year(count: int, seed: int) -> _Year:
    random = Random(seed)
    columns = {
        name: np.array(
            [random.randint(register.low, min(register.high, 3)) for _ in range(count)],
            dtype=np.int64,
        )
        for name, register in _policy().program.inputs.items()
        if not name.startswith("counter:")
    }
    total = [random.randrange(2 ** random.randrange(1, 34)) for _ in range(count)]
    columns["total"] = np.array(total, dtype=np.int64) + 9
    persons = [min(random.randrange(_PEOPLE), random.randrange(_PEOPLE)) for _ in range(count)]
    state = np.zeros(len(_COUNTERS) * _PEOPLE, dtype=np.int64)
    state[-_PEOPLE:] = [random.randrange(10**6) for _ in range(_PEOPLE)]
    return _Year(np.array(persons, dtype=np.int64), columns, state)


@pytest.mark.parametrize(
    "kernel",
    [Kernel(0), Kernel(), Kernel(10_000), Kernel(10_000, generated=True)],
    ids=["blocks", "chosen", "singles", "generated"],
)
@pytest.mark.parametrize("works", [1, 2])
def test_a_batch_with_counters_equals_its_claims_one_by_one(kernel: Kernel, works: int) -> None:
    """Results and state are the same, by blocks or one by one, in one work or in two."""
    year = _year(300, seed=works)
    expected, expected_state = year.one_by_one()
    parts = [np.arange(part, 300, works, dtype=np.int64) for part in range(works)]
    split = [year.work(rows) for rows in parts]
    state = year.state.copy()

    kernel.settle(split, year.persons, state, refuse_gaps=True)

    for work, rows in zip(split, parts, strict=True):
        for name, column in work.results.items():
            assert [expected[row][name] for row in rows.tolist()] == column.tolist()
    assert expected_state.tolist() == state.tolist()


def test_values_before_are_those_the_claim_met() -> None:
    """A person's second claim meets the counters as the first one left them."""
    year = _year(2, seed=5)
    year.persons[:] = 7
    work = year.work(np.arange(2))

    Kernel().settle([work], year.persons, year.state.copy(), refuse_gaps=True)

    assert [0, 1] == work.before["admissions"].tolist()
    assert [0, int(work.results["payer:pooled_fund"][0])] == work.before["pooled_paid"].tolist()


def test_an_empty_batch_settles_nothing() -> None:
    """No claims give empty results, and the state stays."""
    year = _year(0, seed=0)
    work = year.work(np.arange(0))
    state = year.state.copy()

    Kernel().settle([work], year.persons, state, refuse_gaps=True)

    assert [] == work.results["cash"].tolist()
    assert year.state.tolist() == state.tolist()


@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_blocks_meet_without_a_seam(extra: int) -> None:
    """Rows around the length of a block come out as each would alone."""
    count = limits.INTERPRETER_ROWS + extra
    year = _year(50, seed=extra + 2)
    outputs = list(_policy().program.outputs)
    inputs = {name: np.resize(column, count) for name, column in year.columns.items()}
    inputs |= {f"counter:{name}": np.zeros(count, dtype=np.int64) for name in _COUNTERS}
    runner = BlockRunner(_policy().program, outputs)
    few = runner.run({name: column[:50] for name, column in inputs.items()}, 50)

    many = runner.run(inputs, count)

    assert {name: np.resize(column, count).tolist() for name, column in few.items()} == {
        name: column.tolist() for name, column in many.items()
    }


def test_ranks_of_many_people() -> None:
    """Ranks hold for people of far apart numbers, and order puts each rank behind the last."""
    random = Random(1)
    persons = [random.choice((3, 70_000, 70_003, 2**20)) for _ in range(500)]
    seen: dict[int, int] = {}
    expected = []
    for person in persons:
        expected.append(seen.get(person, 0))
        seen[person] = expected[-1] + 1
    ranks, order = np.empty((2, 500), dtype=np.uint32)

    highest = ranks_within(np.array(persons, dtype=np.int64), ranks)
    edges = np.empty(highest + 2, dtype=np.int64)
    order_by_rank(ranks, order, edges)

    assert (max(expected), expected) == (highest, ranks.tolist())
    assert sorted(range(500), key=expected.__getitem__) == order.tolist()
    assert [sum(rank < wave for rank in expected) for wave in range(highest + 2)] == edges.tolist()


@pytest.mark.parametrize("people", [1, 3, 40])
@pytest.mark.parametrize("most", [1, 2, 7, 200])
def test_nobody_comes_twice_in_a_run(people: int, most: int) -> None:
    """Runs cover the claims as they stand, and each ends only where it has to."""
    random = Random(people)
    persons = [random.randrange(people) for _ in range(100)]
    edges = np.zeros(102, dtype=np.int64)

    count = runs_without_repeats(np.array(persons, dtype=np.int64), most, edges)

    starts = edges[: count + 1].tolist()
    assert (0, 100) == (starts[0], starts[-1])
    for start, end in pairwise(starts):
        own = persons[start:end]
        assert 0 < len(own) == len(set(own)) <= most
        assert end == 100 or len(own) == most or persons[end] in own


@pytest.mark.parametrize(("room", "expected"), [(2, 0), (3, 0), (4, 3), (5, 3)])
def test_more_runs_than_fit_are_told(room: int, expected: int) -> None:
    """Runs that need one edge more than there is room for are no runs at all."""
    edges = np.zeros(room, dtype=np.int64)

    assert expected == runs_without_repeats(np.array([5, 5, 5]), 9, edges)
