"""A year on each tool: the kernel, numba and NumPy by hand, Polars and plain Python.

All settle the claims of one person in order, find that order inside the timing, and work out six
shares; `medsettle, all columns` is what a settlement records, some forty of them.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from medsettle.settle.waterfall import Kernel, Work

from benchmarks.anchor import claims, medsettle_kernel, numpy_columns, plain_python
from benchmarks.anchor.claims import Columns, FenArray
from benchmarks.anchor.policy import Claim, Shares
from benchmarks.anchor.tools import Tool, optional
from benchmarks.sections.names import COUNTING_SORT, POLARS_YEAR
from benchmarks.year.history import History

_SHARES_ONLY: Final = Kernel(outputs=medsettle_kernel.OUTPUTS)


def _as_given(history: History) -> History:
    return history


def _as_columns(settled: Columns) -> Columns:
    return settled


# --- the kernel --------------------------------------------------------------------------------


def _batch(history: History) -> medsettle_kernel.Batch:
    """Return the year as the engine would hand it to the kernel: counters in a state."""
    batch = medsettle_kernel.prepare_batch(history.columns)
    people, names = history.people, list(batch.slots)
    slots = {name: history.person + number * people for number, name in enumerate(names)}
    state = np.zeros((len(names), people), dtype=np.int64)
    state[names.index("account")] = history.balance_fen
    return medsettle_kernel.Batch(batch.columns, slots, history.person, state.reshape(-1))


def _run_shares(batch: medsettle_kernel.Batch) -> Mapping[str, FenArray]:
    # Each round begins the year anew.
    work = Work(batch.policy, np.arange(len(batch.persons)), batch.columns, batch.slots)
    _SHARES_ONLY.settle([work], batch.persons, batch.state.copy(), refuse_gaps=True)
    return work.results


def _run_kernel(batch: medsettle_kernel.Batch) -> Mapping[str, FenArray]:
    started = medsettle_kernel.Batch(batch.columns, batch.slots, batch.persons, batch.state.copy())
    return medsettle_kernel.run_batch(started)


# --- NumPy by rank -----------------------------------------------------------------------------


def _waves(person: FenArray, people: int) -> list[FenArray]:
    """Return the positions of everybody's first claim, of everybody's second, and so on."""
    # Sixteen bits are sorted by counting; people beyond that are sorted as they are.
    small = person.astype(np.uint16) if people <= 2**16 else person
    order = np.argsort(small, kind="stable")
    ends = np.cumsum(np.bincount(person, minlength=people))
    starts = np.concatenate(([0], ends[:-1]))
    rank = np.arange(len(person)) - starts[person[order]]
    by_rank = np.argsort(rank.astype(np.uint16), kind="stable")
    return np.split(order[by_rank], np.cumsum(np.bincount(rank))[:-1])


def _run_by_rank(history: History) -> Columns:
    state = {
        "later_admission": np.zeros(history.people, dtype=np.int64),
        "pooled_used_fen": np.zeros(history.people, dtype=np.int64),
        "large_amount_used_fen": np.zeros(history.people, dtype=np.int64),
        "account_balance_fen": history.balance_fen.copy(),
    }
    settled = {name: np.empty(len(history.person), np.int64) for name in Shares._fields}
    for wave in _waves(history.person, history.people):
        own = history.person[wave]
        batch = {
            name: state[name][own] if name in state else column[wave]
            for name, column in history.columns.items()
        }
        shares = numpy_columns.run_blocks(batch)
        state["later_admission"][own] = 1
        state["pooled_used_fen"][own] += shares["pooled_fund_fen"]
        state["large_amount_used_fen"][own] += shares["large_amount_fen"]
        state["account_balance_fen"][own] -= shares["account_fen"]
        for name, column in shares.items():
            settled[name][wave] = column
    return settled


# --- plain Python ------------------------------------------------------------------------------


def _rows(history: History) -> tuple[list[Claim], list[int], list[int]]:
    return claims.rows(history.columns), history.person.tolist(), history.balance_fen.tolist()


def _run_rows(year: tuple[list[Claim], list[int], list[int]]) -> list[tuple[int, ...]]:
    rows, persons, balances = year
    settle = plain_python.settle
    state = [(0, 0, 0, balance) for balance in balances]
    settled = []
    for person, claim in zip(persons, rows, strict=True):
        _, pooled_used, large_used, balance = before = state[person]
        share = settle((*claim[:6], *before))
        _, _, pooled, large, account, _ = share
        state[person] = (1, pooled_used + pooled, large_used + large, balance - account)
        settled.append(share)
    return settled


def _optional_tool(name: str, place: str) -> Tool | None:
    module = optional(f"benchmarks.year.{place}")
    return None if module is None else Tool(name, module.prepare, module.run, module.columns_of)


_KNOWN: Final = (
    Tool("medsettle", _batch, _run_shares, medsettle_kernel.columns_of_batch),
    Tool("medsettle, all columns", _batch, _run_kernel, medsettle_kernel.columns_of_batch),
    _optional_tool(COUNTING_SORT, "counting_sort"),
    Tool("NumPy, blocks by rank", _as_given, _run_by_rank, _as_columns),
    _optional_tool(POLARS_YEAR, "polars_windows"),
    Tool("plain Python", _rows, _run_rows, plain_python.columns_of),
)
TOOLS: Final = tuple(tool for tool in _KNOWN if tool is not None)
