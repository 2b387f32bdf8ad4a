"""The anchor policy on medsettle: a rule document, compiled, run as checkout and bulk run it.

The document in `rules/999900` is the only statement of the policy; nothing here computes.

`run` is asked for what every tool works out, its counters given with each claim. A batch of a few
claims runs through the scalar function and takes rows, a larger one through blocks and takes
columns, which is how the engine chooses. `run_batch` is what the engine calls: it reads the
counters of each person from a state and moves them, settles the claims of one person in order, and
works out all 37 columns that a settlement records.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from medsettle import limits
from medsettle.policy.book import compile_file, read_area_folder
from medsettle.policy.compiled import CompiledPolicy
from medsettle.settle.blocks import BlockRunner
from medsettle.settle.scalar import scalar_function
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
_SETTLE_ONE: Final = scalar_function(POLICY.program, OUTPUTS)

# The inputs of each claim where they are few, columns and the number of claims where they are many.
Prepared: TypeAlias = list[dict[str, int]] | tuple[Columns, int]
Settled: TypeAlias = list[tuple[int, ...]] | dict[str, FenArray]


def prepare(columns: Columns) -> Prepared:
    """Return the claims as the kernel takes a batch of this size."""
    count = len(columns["total_fen"])
    inputs = {name: columns[column] for name, column in _INPUTS.items()}
    inputs["account_used"] = np.ones(count, dtype=np.int64)
    if count > limits.SCALAR_ROWS_MAX:
        return inputs, count
    lists = {name: column.tolist() for name, column in inputs.items()}
    return [{name: column[row] for name, column in lists.items()} for row in range(count)]


def run(prepared: Prepared) -> Settled:
    """Return the shares, a tuple for each of a few claims or columns for many."""
    if isinstance(prepared, list):
        return [_SETTLE_ONE(claim) for claim in prepared]
    inputs, count = prepared
    return _BLOCKS.run(inputs, count)


def columns_of(settled: Settled) -> Columns:
    """Return the shares as int64 columns."""
    shares: Sequence[FenArray]
    if isinstance(settled, list):
        shares = list(np.array(settled, np.int64).T)
    else:
        shares = list(settled.values())
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
    inputs = {name: columns[column] for name, column in _INPUTS.items()}
    counters = {
        name.removeprefix("counter:"): inputs.pop(name)
        for name in _INPUTS
        if name.startswith("counter:")
    }
    return Batch(
        columns=inputs | {"account_used": np.ones(count, dtype=np.int64)} | _unused(count),
        slots={name: np.arange(count) + number * count for number, name in enumerate(counters)},
        persons=np.arange(count),
        state=np.concatenate(list(counters.values())),
    )


def _unused(count: int) -> Columns:
    """Return the inputs of a settlement that this policy does not read."""
    return {name: np.zeros(count, dtype=np.int64) for name in ("pot:in_scope", "epoch")}


def run_batch(batch: Batch) -> Columns:
    """Return everything a settlement records; the counters move on from call to call."""
    work = Work(batch.policy, np.arange(len(batch.persons)), batch.columns, batch.slots)
    _KERNEL.settle([work], batch.persons, batch.state, refuse_gaps=True)
    return work.results


def columns_of_batch(results: Columns) -> Columns:
    """Return the shares among the results."""
    return {share: results[output] for share, output in zip(Shares._fields, OUTPUTS, strict=True)}
