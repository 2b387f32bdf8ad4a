"""The anchor policy on medsettle: a rule document, compiled, run as checkout and bulk run it.

The document in `rules/999900` is the only statement of the policy; nothing here computes.

`run` is asked for what every tool works out, its counters given with each claim. A single claim
lies in the record that the engine's lone claims go through, more lie in columns. `run_integers`
writes a claim of Python integers into that record, and reads the shares as Python integers.
`run_batch` is what the engine calls: it reads the counters of each person from a state and moves
them, settles the claims of one person in order, and works out all 37 columns that a settlement
records.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from medsettle.policy.book import compile_file, read_area_folder
from medsettle.policy.compiled import CompiledPolicy
from medsettle.settle.blocks import BlockRunner, OneClaim
from medsettle.settle.waterfall import Kernel, Work

from benchmarks.anchor.claims import Columns, FenArray
from benchmarks.anchor.policy import Shares

FOLDER: Final = Path(__file__).parent / "rules" / "999900"

# What the document calls the facts of a claim.
_INPUTS: Final = {
    "total": "total_fen",
    "pot:own_expense": "own_expense_fen",
    "pot:over_limit": "over_limit_fen",
    "pot:pre_self_pay": "pre_self_pay_fen",
    "dimension:hospital": "level",
    "dimension:person": "retired",
    "counter:admissions": "later_admission",
    "counter:pooled_paid": "pooled_used_fen",
    "counter:large_paid": "large_amount_used_fen",
    "counter:account": "account_balance_fen",
}

# The results asked for, in the order of `Shares`.
OUTPUTS: Final = (
    "stage:pooled_fund.base",
    "deductible",
    "payer:pooled_fund",
    "payer:large_amount",
    "payer:account",
    "cash",
)


def _compiled() -> CompiledPolicy:
    area, faults = read_area_folder(FOLDER)
    assert area is not None, faults
    compiled, faults = compile_file(FOLDER / "anchor.yaml", area)
    assert compiled is not None, faults
    return compiled


POLICY: Final = _compiled()
_BLOCKS: Final = BlockRunner(POLICY.program, OUTPUTS)

# One claim in its record, or columns and the number of claims.
Prepared: TypeAlias = OneClaim | tuple[Columns, int]
Settled: TypeAlias = OneClaim | dict[str, FenArray]


def _inputs(columns: Columns) -> Columns:
    inputs = {name: columns[column] for name, column in _INPUTS.items()}
    return inputs | {"account_used": np.ones(len(columns["total_fen"]), dtype=np.int64)}


def _integers(columns: Columns) -> list[tuple[int, ...]]:
    """Return each claim as integers, in the order of the runner."""
    inputs = _inputs(columns)
    lists = [inputs[name].tolist() for name in _BLOCKS.inputs]
    return list(zip(*lists, strict=True))


def prepare(columns: Columns) -> Prepared:
    """Return the claims as the kernel takes a batch of this size."""
    count = len(columns["total_fen"])
    if count > 1:
        return _inputs(columns), count
    one = _BLOCKS.one()
    (claim,) = _integers(columns)
    one.give(claim)
    return one


def run(prepared: Prepared) -> Settled:
    """Return the shares, in the record of one claim or as columns of many."""
    if isinstance(prepared, OneClaim):
        prepared.run()
        return prepared
    inputs, count = prepared
    return _BLOCKS.run(inputs, count)


def columns_of(settled: Settled) -> Columns:
    """Return the shares as int64 columns."""
    if isinstance(settled, OneClaim):
        return columns_of_integers([settled.found()])
    return dict(zip(Shares._fields, settled.values(), strict=True))


def prepare_integers(columns: Columns) -> tuple[OneClaim, list[tuple[int, ...]]]:
    """Return a record, and the claims as Python integers."""
    return _BLOCKS.one(), _integers(columns)


def run_integers(prepared: tuple[OneClaim, list[tuple[int, ...]]]) -> list[tuple[int, ...]]:
    """Return the results of each claim as Python integers."""
    one, claims = prepared
    return [one.settle(claim) for claim in claims]


def columns_of_integers(found: Sequence[tuple[int, ...]]) -> Columns:
    """Return the shares of claims, of which the record gives all results, as int64 columns."""
    results = list(np.array(found, dtype=np.int64).T)
    shares = (results[_BLOCKS.results[name]] for name in OUTPUTS)
    return dict(zip(Shares._fields, shares, strict=True))


_KERNEL: Final = Kernel()


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch in the form that the engine hands to the kernel."""

    columns: Columns
    slots: Columns
    persons: FenArray
    state: FenArray
    policy: CompiledPolicy = POLICY


def prepare_batch(columns: Columns) -> Batch:
    """Return the claims as those of as many persons, with a state that holds their counters."""
    count = len(columns["total_fen"])
    inputs = _inputs(columns)
    counters = {
        name.removeprefix("counter:"): inputs.pop(name)
        for name in _INPUTS
        if name.startswith("counter:")
    }
    return Batch(
        columns=inputs | _unused(count),
        slots={name: np.arange(count) + number * count for number, name in enumerate(counters)},
        persons=np.arange(count),
        state=np.concatenate(list(counters.values())),
    )


def _unused(count: int) -> Columns:
    """Return the inputs of a settlement that this policy does not read."""
    return {name: np.zeros(count, dtype=np.int64) for name in ("pot:in_scope", "epoch")}


def run_batch(batch: Batch) -> Mapping[str, FenArray]:
    """Return everything a settlement records; the counters move on from call to call."""
    work = Work(batch.policy, np.arange(len(batch.persons)), batch.columns, batch.slots)
    _KERNEL.settle([work], batch.persons, batch.state, refuse_gaps=True)
    return work.results


def columns_of_batch(results: Mapping[str, FenArray]) -> Columns:
    """Return the shares among the results."""
    return {share: results[output] for share, output in zip(Shares._fields, OUTPUTS, strict=True)}
