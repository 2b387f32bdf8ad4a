"""Claims of one person depend on one another: a batch settles them as if one by one, in order."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from fractions import Fraction
from math import ceil
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle import limits
from medsettle.core.counters import CounterKey
from medsettle.policy.amount_of import AmountOf
from medsettle.policy.compiled import CompiledPolicy, compile_policy
from medsettle.policy.model import Policy
from medsettle.settle.blocks import Column
from medsettle.settle.waterfall import Kernel, Work
from medsettle.settle.waves import ranks_within

from tests.reference_counters import Kept
from tests.reference_facts import Facts, ReferenceResult
from tests.reference_sequence import settle_reference_sequence
from tests.settle.comparison import (
    compared_outputs,
    compiled_document,
    counters_met,
    documents,
    expected_output,
    kernel_inputs,
    pots_of,
)
from tests.settle.edges import claims_at, edges_of, stated_at
from tests.settle.nowhere import AREA, POTS
from tests.settle.strategies import policies, sharing

_DOCUMENTS = [pytest.param(path, id=path.parent.name + "-" + path.stem) for path in documents()]
_SEEDS = st.integers(0, 2**32 - 1)


@dataclass(frozen=True)
class Visit:
    """One claim of a batch: whose it is, which of the policies decides it, and its facts."""

    person: int
    policy: int
    facts: Facts


Slot = tuple[int, str, CounterKey]
"""Whose counter, its name in the document, and what the engine keeps it under."""


@dataclass
class Carried:
    """What persons bring along to the kernel."""

    opening: dict[tuple[int, str], int]
    values: dict[Slot, int] = field(default_factory=dict)

    def of(self, slot: Slot) -> int:
        """Return a value; a counter never met before holds the opening in every period."""
        return self.values.get(slot, self.opening.get(slot[:2], 0))


Answer = dict[str, int]


def _settled_by_kernel(
    policies_: Sequence[CompiledPolicy],
    visits: Sequence[Visit],
    carried: Carried,
    *,
    kernel: Kernel,
    refuse_gaps: bool = False,
) -> list[Answer]:
    """Return the answers of one batch, with the counters before each claim among them."""
    slots: dict[Slot, int] = {}
    works = []
    for number, compiled in enumerate(policies_):
        rows = [row for row, visit in enumerate(visits) if visit.policy == number]
        if rows:
            works.append(_work(compiled, visits, rows, slots))
    state = np.array([carried.of(key) for key in slots], dtype=np.int64)
    persons = np.array([visit.person for visit in visits], dtype=np.int64)
    kernel.settle(works, persons, state, refuse_gaps=refuse_gaps)
    carried.values |= dict(zip(slots, state.tolist(), strict=True))
    answers: dict[int, Answer] = {}
    for work in works:
        columns = dict(work.results) | {f"before:{k}": v for k, v in work.before.items()}
        for position, row in enumerate(work.rows.tolist()):
            answers[row] = {name: int(column[position]) for name, column in columns.items()}
    return [answers[row] for row in range(len(visits))]


def _work(
    compiled: CompiledPolicy,
    visits: Sequence[Visit],
    rows: list[int],
    slots: dict[Slot, int],
) -> Work:
    """Return the claims of one policy, giving each counter of each person and period a slot."""
    claims = [visits[row].facts for row in rows]
    persons = [visits[row].person for row in rows]
    keys = counters_met(compiled, claims, [f"P{person}" for person in persons])
    positions: dict[str, Column] = {}
    for name in compiled.counters:
        own = [(person, name, met[name]) for person, met in zip(persons, keys, strict=True)]
        positions[name] = np.array(
            [slots.setdefault(slot, len(slots)) for slot in own], dtype=np.int64
        )
    columns = {
        name: column
        for name, column in kernel_inputs(compiled, claims).items()
        if not name.startswith("counter:")
    }
    return Work(compiled, np.array(rows, dtype=np.int64), columns, positions)


def _settled_by_oracle(
    policies_: Sequence[CompiledPolicy],
    visits: Sequence[Visit],
    opening: dict[tuple[int, str], int],
    *,
    refuse_gaps: bool,
) -> list[ReferenceResult]:
    """Return what the oracle makes of each person's claims, in the order of the batch."""
    results: dict[int, ReferenceResult] = {}
    for person in {visit.person for visit in visits}:
        rows = [row for row, visit in enumerate(visits) if visit.person == person]
        claims = [(policies_[visits[row].policy].policy, visits[row].facts) for row in rows]
        carried = _Opened({name: fen for (owner, name), fen in opening.items() if owner == person})
        settled = settle_reference_sequence(claims, carried, refuse_gaps=refuse_gaps)
        results |= dict(zip(rows, settled, strict=True))
    return [results[row] for row in range(len(visits))]


class _Opened(dict[Kept, int]):
    """Counters of one person; one never met before holds its opening in every period."""

    def __init__(self, opening: dict[str, int]) -> None:
        super().__init__()
        self.opening = opening

    def get(self, key: Kept, default: int = 0) -> int:  # type: ignore[override]
        """Return a value, or the opening of its counter."""
        return super().get(key, self.opening.get(key.counter, default))


def _visits(
    policies_: Sequence[CompiledPolicy], seed: int, count: int, persons: int
) -> tuple[list[Visit], dict[tuple[int, str], int]]:
    """Return claims of a few persons under some policies, interleaved, and their openings."""
    random = Random(seed)
    pools = [
        claims_at(compiled.policy, _pots(compiled), random.randrange(2**32), count)
        for compiled in policies_
    ]
    visits = []
    for row in range(count):
        number = random.randrange(len(policies_))
        facts = pools[number][row]
        # Neighbouring days, so that counters meet again in a period and sometimes leave it.
        policy = policies_[number].policy
        since = policy.in_force_from
        day = since + timedelta(days=random.choice((0, 1, 20, 40, 200, 380)))
        stated = stated_at(random, policy.rule_date, since, day)
        facts = replace(facts, rule_date=day, stated=stated)
        visits.append(Visit(random.randrange(persons), number, facts))
    opening: dict[tuple[int, str], int] = {}
    for person in range(persons):
        for balance in ("account", "mutual_aid"):
            opening[person, balance] = random.choice((0, 1, 5_000, 100_000_000))
        for compiled in policies_:
            edges = edges_of(compiled.policy)
            for name, counter in compiled.policy.counters.items():
                if not random.randrange(3):
                    opening[person, name] = random.choice(edges) if counter.sums else 1
    return visits, opening


def _pots(compiled: CompiledPolicy) -> tuple[str, ...]:
    return POTS if compiled.area is AREA else pots_of(compiled)


def _assert_as_if_one_by_one(
    policies_: Sequence[CompiledPolicy], seed: int, count: int, persons: int, *, refuse_gaps: bool
) -> None:
    """Assert that batch, single claims and oracle agree on every claim and every counter."""
    visits, opening = _visits(policies_, seed, count, persons)
    batches = {}
    kernels = {
        "blocks": Kernel(scalar_rows_max=0),
        "singles": Kernel(scalar_rows_max=count),
        "generated": Kernel(scalar_rows_max=count, generated=True),
        "mixed": Kernel(),
    }
    for name, kernel in kernels.items():
        carried = Carried(opening)
        answers = _settled_by_kernel(
            policies_, visits, carried, kernel=kernel, refuse_gaps=refuse_gaps
        )
        batches[name] = (answers, carried.values)
    carried, kernel = Carried(opening), Kernel()
    alone = [
        _settled_by_kernel(policies_, [visit], carried, kernel=kernel, refuse_gaps=refuse_gaps)[0]
        for visit in visits
    ]
    expected = _settled_by_oracle(policies_, visits, opening, refuse_gaps=refuse_gaps)

    for name, batch in batches.items():
        assert (alone, carried.values) == batch, name
    for visit, result, answer in zip(visits, expected, alone, strict=True):
        for output in compared_outputs(policies_[visit.policy]):
            value = min(answer[output], 1) if output.startswith("gap:") else answer[output]
            assert expected_output(result, output) == value, (visit, output)


@pytest.mark.slow
@pytest.mark.parametrize("path", _DOCUMENTS)
@pytest.mark.parametrize("refuse_gaps", [False, True], ids=["preview", "settle"])
def test_persons_of_a_document_are_settled_in_order(path: Path, *, refuse_gaps: bool) -> None:
    """Interleaved claims of several persons equal the same claims one by one, and the oracle."""
    compiled = compiled_document(path)

    for seed in range(5):
        _assert_as_if_one_by_one([compiled], seed, 60, persons=4, refuse_gaps=refuse_gaps)


@pytest.mark.slow
@pytest.mark.parametrize("refuse_gaps", [False, True], ids=["preview", "settle"])
def test_all_documents_in_one_batch(*, refuse_gaps: bool) -> None:
    """Persons may be treated under every document at once; counters of one name are shared."""
    everything = [compiled_document(path) for path in documents()]

    for seed in range(5):
        _assert_as_if_one_by_one(everything, seed, 80, persons=3, refuse_gaps=refuse_gaps)


@given(policies(stages_max=3), _SEEDS, st.integers(1, 40), st.integers(1, 5), st.booleans())
def test_persons_of_a_random_document_are_settled_in_order(
    policy: Policy, seed: int, count: int, persons: int, refuse_gaps: bool
) -> None:
    """Whatever a document counts, a batch is its claims one by one."""
    compiled = compile_policy(policy, AREA, "0" * 12)

    _assert_as_if_one_by_one([compiled], seed, count, persons, refuse_gaps=refuse_gaps)


@given(policies(stages_max=3), policies(stages_max=3), _SEEDS, st.integers(2, 30))
def test_two_policies_share_their_counters(
    first: Policy, second: Policy, seed: int, count: int
) -> None:
    """What one policy puts into a counter, the next claim finds there under another policy."""
    both = [compile_policy(policy, AREA, "0" * 12) for policy in (first, sharing(second, first))]

    _assert_as_if_one_by_one(both, seed, count, persons=2, refuse_gaps=False)


def _closed_counters(policy: Policy) -> dict[str, int]:
    """Return the highest cap on each counter to which only stages under that cap add."""
    found = {}
    for name, counter in policy.counters.items():
        adding = {amount.partition(".")[0] for amount in counter.sums}
        caps = {
            stage.name: _most(policy, cap.amount)
            for stage in policy.stages
            for cap in stage.caps
            if cap.counter == name
        }
        if caps and adding <= set(caps):
            found[name] = max(caps.values())
    return found


def _most(policy: Policy, amount: AmountOf) -> int:
    """Return the most that an amount can be, at the highest cell of each of its tables."""

    def highest(table: str) -> Fraction:
        return max(cell for version in policy.tables[table].versions for cell in version.cells)

    def times(quantity: str | None) -> int:
        return 1 if quantity is None else policy.quantities[quantity].most

    assert amount.of is None, "what a cap is a part of has no bound of its own"
    assert amount.table is not None
    counts = sum(highest(table) * times(quantity) for table, quantity in amount.counts)
    most = highest(amount.table) * times(amount.times) * (counts or 1)
    if amount.factor is not None:
        most *= highest(amount.factor)
    most += sum(highest(table) * times(quantity) for table, quantity in amount.plus)
    if amount.at_most is not None:
        most = min(most, highest(amount.at_most))
    return ceil(most)


@pytest.mark.parametrize("path", _DOCUMENTS)
def test_a_year_of_claims_never_passes_a_cap(path: Path) -> None:
    """Over many claims no sum passes the cap on it where all that add to it are under the cap."""
    compiled = compiled_document(path)
    caps = _closed_counters(compiled.policy)
    for seed in range(5):
        visits, opening = _visits([compiled], seed, 120, persons=2)
        opening = {key: fen for key, fen in opening.items() if key[1] == "account"}
        carried = Carried(opening)
        _settled_by_kernel([compiled], visits, carried, kernel=Kernel())

        for (_, name, _), value in carried.values.items():
            assert 0 <= value <= caps.get(name, limits.AMOUNT_FEN_MAX), name


@given(st.lists(st.integers(0, 5), max_size=30))
def test_ranks_count_the_earlier_claims_of_a_person(persons: list[int]) -> None:
    """The rank of a claim is the number of claims of its person before it."""
    expected = [persons[:row].count(person) for row, person in enumerate(persons)]

    ranks = np.empty(len(persons), dtype=np.uint32)
    highest = ranks_within(np.array(persons, dtype=np.int64), ranks)

    assert (max(expected, default=0), expected) == (highest, ranks.tolist())
